// SPDX-License-Identifier: Apache-2.0
// The generator of an ensemble, and the codes of its pictures: of a file, of an encoder, or found by a
// search.
#include "ensemble_parts.h"

#include <stdlib.h>
#include <string.h>
#include "direction.h"
#include "encode.h"
#include "files.h"
#include "fit.h"
#include "latents.h"
#include "memory.h"
#include "network.h"
#include "project.h"

enum { COMPONENTS = 20, SAMPLES = 10000, BLOCK = 500 }; // components: as many as Chai et al. 2021 use

app_status app_ensemble_open_generator(app_ensemble *a, app_error *e) {
    const app_ensemble_options *o = &a->o;
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    m.net = o->net;
    m.ignore_unused = o->ignore_unused;
    m.assume = o->assume;
    if (!o->network && o->encoder) {
        m.net = "G_ema";
        if (atl_model_open(a->ctx, o->encoder, &m, &a->generator) != ATL_OK)
            return app_fail(e, "%s; the generator may be another file: --network FILE", atl_message(a->ctx));
        return APP_OK;
    }
    return app_network_open(a->ctx, o->network, &m, &a->generator, e);
}

// ---- codes

static app_status read_latents(app_ensemble *a, const char *source, size_t first, size_t count,
                               app_error *e) {
    app_latents l;
    if (app_latents_open(a->ctx, a->made, source, 1, &l, e) != APP_OK)
        return APP_FAILED;
    app_status status = app_latents_need_plain(&l, source, e);
    if (status == APP_OK && l.space == APP_Z)
        status = app_fail(e, "%s: holds z, and views are of w: encode or project the pictures", source);
    if (status == APP_OK && l.count != count)
        status = app_fail(
            e, "%s: has %zu codes, and there are %zu pictures: a code for each, in the order of their names",
            source, l.count, count);
    for (size_t i = 0; status == APP_OK && i < count; i++)
        app_latents_ws(&l, i, a->row_ws, a->ws + (first + i) * a->row_ws);
    app_latents_close(&l);
    return status;
}

static app_status on_encoded(void *user, const app_photo *photo, app_error *e) {
    app_encode *w = ((void **)user)[1];
    (void)photo;
    (void)e;
    return app_ensemble_told(((void **)user)[0], "encoded", w->done, w->photos.count) ? APP_STOPPED : APP_OK;
}

// Paths of all pictures, by malloc.
static const char **list_paths(const app_ensemble *a, app_error *e) {
    const char **paths = app_array(a->photos.count, 1, 1, sizeof *paths, e);
    for (size_t i = 0; paths && i < a->photos.count; i++)
        paths[i] = a->photos.list[i].path;
    return paths;
}

static app_status encode(app_ensemble *a, app_error *e) {
    const atl_encode_options standard = ATL_ENCODE_OPTIONS_INIT;
    app_encode_options o = { .encoder = a->o.encoder,
                             .network = a->o.network,
                             .ignore_unused = a->o.ignore_unused,
                             .assume = a->o.assume,
                             .encode = standard,
                             .inputs = a->o.inputs,
                             .count = a->o.count,
                             .batch = 1 };
    app_encode w = { 0 };
    void *user[2] = { a, &w };
    char *folder = app_join(a->o.outdir, "encoded", e);
    if (!folder)
        return APP_FAILED;
    o.outdir = folder;
    app_status status = app_encode_open(&w, a->ctx, &o, e);
    if (status == APP_OK && w.row_ws != a->row_ws)
        status = app_fail(e, "%s: makes codes of another size than %s takes", o.encoder, o.network);
    if (status == APP_OK)
        status = app_encode_run(&w, on_encoded, user, e);
    if (status == APP_OK)
        memcpy(a->ws, w.all, a->photos.count * a->row_ws * sizeof *a->ws);
    app_encode_close(&w);
    free(folder);
    return status;
}

static app_status on_projected(void *user, const app_project *p, app_error *e) {
    size_t steps = (size_t)p->o.search.steps;
    (void)e;
    return app_ensemble_told(user, "projected", p->first * steps + (size_t)p->step * p->now, p->count * steps)
               ? APP_STOPPED
               : APP_OK;
}

// A search in w+ without noise maps, since views are seen with the network's own noise.
static app_status project(app_ensemble *a, app_error *e) {
    const atl_project_options standard = ATL_PROJECT_OPTIONS_INIT;
    app_project_options o = { .search = standard,
                              .loss = a->o.loss,
                              .detectors = a->o.detectors,
                              .count = a->photos.count,
                              .resume = a->o.resume };
    app_project p = { 0 };
    char *folder = app_join(a->o.outdir, "projected", e);
    const char **paths = folder ? list_paths(a, e) : NULL;
    o.search.steps = a->o.steps;
    o.search.space = "w+";
    o.search.noise_maps = 0;
    o.folder = folder;
    o.targets = paths;
    app_status status = paths ? app_project_open(&p, a->ctx, a->generator, &o, e) : APP_FAILED;
    if (status == APP_OK)
        status = app_project_run(&p, on_projected, a, e);
    for (size_t i = 0; status == APP_OK && i < p.count; i++) {
        char *path = app_join(p.targets[i].folder, "projected_w.npz:w", e);
        status = path ? read_latents(a, path, i, 1, e) : APP_FAILED;
        free(path);
    }
    app_project_close(&p);
    free(paths);
    free(folder);
    return status;
}

app_status app_ensemble_find_codes(app_ensemble *a, app_error *e) {
    if (a->o.latents)
        return read_latents(a, a->o.latents, 0, a->photos.count, e);
    return a->o.encoder ? encode(a, e) : project(a, e);
}

// ---- components

static int on_samples(void *user, const char *what, size_t done, size_t total) {
    return app_ensemble_told(user, what, done, total);
}

static app_status find_components(app_ensemble *a, app_error *e) {
    const atl_fit_options standard = ATL_FIT_OPTIONS_INIT;
    app_fit_options o = {
        .fit = standard, .samples = SAMPLES, .block = BLOCK, .seed = 1, .progress = on_samples, .user = a
    };
    o.fit.count = a->made->w_dim < COMPONENTS ? a->made->w_dim : COMPONENTS;
    o.recipe.network = a->o.network;
    o.recipe.class_index = a->made->c_dim ? 0 : -1;
    return app_fit_samples(a->ctx, a->generator, &o, &a->components, e);
}

app_status app_ensemble_find_components(app_ensemble *a, app_error *e) {
    int needed = 0, unsure = 0;
    for (size_t i = 0; i < a->row_count; i++)
        needed |= a->rows[i].kind == ATL_VIEW_PCA;
    if (!needed)
        return APP_OK;
    if (!a->o.components)
        return find_components(a, e);
    return atl_directions_open(a->ctx, a->o.components, NULL, &unsure, &a->components) == ATL_OK
               ? APP_OK
               : app_fail_ctx(e, a->ctx);
}
