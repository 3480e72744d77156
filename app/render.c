// SPDX-License-Identifier: Apache-2.0
// Batches: gather latents and labels, map or broadcast them, synthesize.
#include "render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "memory.h"

// ---- Opening

// StyleGAN-XL draws a class for each seed when none is chosen.
static int draws_classes(const app_render *r, const app_render_source *s) {
    return s->draw_classes && r->info->c_dim && !strcmp(r->info->kind, "stylegan-xl") && r->latents.seeds &&
           r->recipe.class_index < 0 && !r->recipe.labels && !(s->classes && s->classes->count);
}

static app_status check_number(const app_render *r, unsigned long class_number, app_error *e) {
    if (class_number < (unsigned long)r->info->c_dim)
        return APP_OK;
    return app_fail(e, "--class %lu: %s has classes 0 to %d", class_number, r->recipe.network,
                    r->info->c_dim - 1);
}

static app_status check_numbers(const app_render *r, const app_render_source *s, app_error *e) {
    const app_recipe *p = &r->recipe;
    const app_seeds *many = s->classes;
    app_status status = p->class_index < 0 ? APP_OK : check_number(r, (unsigned long)p->class_index, e);
    for (size_t i = 0; many && i < many->count && status == APP_OK; i++)
        status = check_number(r, many->items[i], e);
    if (status == APP_OK && many && many->count > 1 && !s->walk && many->count != r->latents.count)
        status = app_fail(e, "--class %s: %zu classes; give one, or one for each of the %zu images",
                          many->text, many->count, r->latents.count);
    return status;
}

int app_render_is_labelled(const app_render *r) {
    return r->info->c_dim && r->latents.space == APP_Z;
}

// As the official scripts have it: a class is required by conditional networks, ignored by the rest.
static app_status check_class(app_render *r, const app_render_source *s, app_error *e) {
    app_recipe *p = &r->recipe;
    int needed = app_render_is_labelled(r);
    int chosen = p->class_index >= 0 || (s->classes && s->classes->count);
    if (!needed && (chosen || p->labels))
        app_warn(e, "--%s is ignored: %s", chosen ? "class" : "labels",
                 r->info->c_dim ? "styles from a file have their class in them"
                                : "the network is not conditional");
    if (!needed) {
        p->class_index = -1;
        p->labels = NULL;
        return APP_OK;
    }
    if (!chosen && !p->labels && !draws_classes(r, s))
        return app_fail(e, "%s is conditional: choose %s, 0 to %d", p->network,
                        s->walk ? "classes with --class LIST" : "a class with --class K", r->info->c_dim - 1);
    return check_numbers(r, s, e);
}

static app_status open_labels(app_render *r, const app_render_source *s, app_error *e) {
    const app_recipe *p = &r->recipe;
    app_labels *l = &r->labels;
    size_t count = s->replay || s->walk ? 0 : r->latents.count;
    if (app_labels_open(r->ctx, r->info, p->labels, p->class_index, count, l, e) != APP_OK)
        return APP_FAILED;
    if (s->replay) {
        l->first = p->row;
        l->only = 1;
        if (l->array && l->rows != 1 && l->first >= l->rows)
            return app_fail(e, "%s: label %zu is recorded, but the file has %zu", p->labels, l->first,
                            l->rows);
    }
    if (draws_classes(r, s))
        l->seeds = r->latents.seeds;
    if (app_render_is_labelled(r) && s->classes && s->classes->count) {
        l->classes = s->classes;
        l->rows = s->classes->count;
    }
    return APP_OK;
}

static app_status open_rows(app_render *r, const app_render_source *s, app_error *e) {
    const app_recipe *p = &r->recipe;
    app_status status = APP_OK;
    if (p->has_at) {
        r->atlas = app_atlas_at(p->at[0], p->at[1]);
        app_latents_from_seeds(r->info, r->atlas.seeds, 1, &r->latents);
    } else if (s->seeds)
        app_latents_from_seeds(r->info, s->seeds, s->count, &r->latents);
    else
        status = app_latents_open(r->ctx, r->info, p->latents, p->projected, &r->latents, e);
    if (status == APP_OK)
        status = check_class(r, s, e);
    if (status == APP_OK)
        status = open_labels(r, s, e);
    if (status == APP_OK && p->centroids)
        status = app_centroids_read(r->ctx, r->info, p->centroids, &r->centroids, &r->centroid_count, e);
    return status;
}

static app_status open_buffers(app_render *r, const app_render_source *s, app_error *e) {
    const atl_model_info *i = r->info;
    size_t row = (size_t)(i->z_dim > i->w_dim ? i->z_dim : i->w_dim); // latents may be changed for others
    r->batch = s->walk || s->batch < r->latents.count ? s->batch : r->latents.count;
    r->row_ws = (size_t)i->num_ws * (size_t)i->w_dim;
    r->row_img = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    r->latent = app_array(r->batch, row, 1, sizeof(float), e);
    r->c = r->latent ? app_array(r->batch, (size_t)i->c_dim, 1, sizeof(float), e) : NULL;
    r->ws = r->c ? app_array(r->batch, r->row_ws, 1, sizeof(float), e) : NULL;
    r->img = r->ws ? app_array(r->batch, r->row_img, 1, sizeof(float), e) : NULL;
    r->noise_seeds = r->img ? app_array(r->batch, 1, 1, sizeof(uint32_t), e) : NULL;
    if (!r->noise_seeds)
        return APP_FAILED;
    const app_latents *l = &r->latents;
    if (!l->tensors.set || l->tensors.count != 1)
        return APP_OK;
    app_status status = APP_OK;
    if (s->maps && r->recipe.noise == ATL_NOISE_CONST)
        status = app_maps_open(r->model, l->tensors.set, r->recipe.latents, l->count, r->batch, &r->maps, e);
    if (status == APP_OK && s->styles && l->styled)
        status =
            app_styles_open(r->model, l->tensors.set, r->recipe.latents, l->count, r->batch, &r->styles, e);
    return status;
}

// Styles are moved by an editor.
static app_status open_editor(app_render *r, app_error *e) {
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    if (!r->styles.count)
        return APP_OK;
    if (r->recipe.noise != ATL_NOISE_CONST && r->recipe.noise != ATL_NOISE_NONE)
        return app_fail(e, "--noise-mode: latents with moves of styles have const noise or none");
    if (r->transform)
        return app_fail(e, "--translate and --rotate don't go with latents that have moves of styles");
    o.styles = 1;
    o.noise_mode = r->maps.count ? ATL_NOISE_MAPS : r->recipe.noise;
    return atl_editor_open(r->model, &o, &r->editor) == ATL_OK ? APP_OK : app_fail_ctx(e, r->ctx);
}

static app_status take_standing(const app_render *r, app_error *e) {
    const app_recipe *p = &r->recipe;
    float truncation = r->info->truncates_z && !isnan(p->psi) ? (float)p->psi : 0.0f;
    if (!p->standing ||
        atl_model_standing_stats(r->model, p->standing, APP_STANDING_BATCH, 0, truncation) == ATL_OK)
        return APP_OK;
    return app_fail_ctx(e, r->ctx);
}

app_status app_render_open(app_render *r, atl_ctx *ctx, atl_model *model, const app_recipe *recipe,
                           const app_render_source *s, app_error *e) {
    *r = (app_render){ .ctx = ctx, .model = model, .info = atl_model_get_info(model), .recipe = *recipe };
    r->recipe.net = r->info->net;
    r->recipe.fingerprint = r->info->fingerprint;
    r->move = (app_move){ .x = recipe->translate[0], .y = recipe->translate[1], .degrees = recipe->rotate };
    r->transform = app_move_matrix(&r->move);
    app_status status = open_rows(r, s, e);
    if (status == APP_OK)
        status = take_standing(r, e);
    if (status == APP_OK && !s->styles)
        status = app_latents_need_plain(&r->latents, r->recipe.latents, e);
    if (status == APP_OK)
        status = open_buffers(r, s, e);
    return status == APP_OK ? open_editor(r, e) : status;
}

void app_render_close(app_render *r) {
    atl_editor_close(&r->editor);
    app_styles_close(&r->styles);
    app_maps_close(&r->maps);
    app_latents_close(&r->latents);
    app_labels_close(&r->labels);
    free(r->centroids);
    free(r->latent);
    free(r->c);
    free(r->ws);
    free(r->img);
    free(r->noise_seeds);
    *r = (app_render){ 0 };
}

app_status app_render_truncation(app_render *r, app_error *e) {
    const atl_model_info *info = r->info;
    app_recipe *p = &r->recipe;
    if (p->cutoff > info->num_ws)
        return app_fail(e, "--trunc-cutoff %d: the network has %d layers", p->cutoff, info->num_ws);
    if (r->latents.space == APP_WS && (!isnan(p->psi) || p->cutoff))
        app_warn(e, "--trunc and --trunc-cutoff are ignored: ws from a file are used as they are");
    if (!isnan(p->psi) || (info->truncates_z && info->default_psi == 0)) // z is normal
        return APP_OK;
    if (r->latents.space != APP_Z) { // what somebody found is wanted as it is
        p->psi = 1;
        return APP_OK;
    }
    p->psi = round((double)info->default_psi * 1e6) / 1e6; // 0.7 as people write it
    if (!p->cutoff)
        p->cutoff = info->default_cutoff < info->num_ws ? info->default_cutoff : info->num_ws;
    return APP_OK;
}

app_recipe app_render_record(const app_render *r, size_t row) {
    app_recipe recipe = r->recipe;
    recipe.row = row;
    if (r->latents.seeds && !recipe.has_at) {
        recipe.has_seed = 1;
        recipe.seed = r->latents.seeds[row];
    }
    double class_index = app_render_is_labelled(r) ? app_labels_class(&r->labels, row) : -1;
    if (class_index >= 0) {
        recipe.class_index = (int)class_index;
        recipe.labels = NULL;
    }
    return recipe;
}

void app_render_noise(app_render *r, size_t image, uint32_t seed) {
    r->noise_seeds[image] = r->recipe.has_noise_seed ? r->recipe.noise_seed : seed;
}

// ---- Rendering

static int all_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}

static atl_map_options map_options(const app_render *r) {
    atl_map_options options = ATL_MAP_OPTIONS_INIT;
    options.truncation_psi = r->info->truncates_z ? 1.0f : (float)r->recipe.psi;
    options.truncation_cutoff = r->recipe.cutoff;
    options.centroids = r->centroids;
    options.centroid_count = r->centroid_count;
    return options;
}

app_status app_render_map(const app_render *r, size_t n, const float *z, const float *c, float *ws,
                          app_error *e) {
    const atl_map_options options = map_options(r);
    if (atl_model_map(r->model, (int)n, z, c, &options, ws) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

static app_status broadcast(const app_render *r, size_t n, const float *w, float *ws, app_error *e) {
    const atl_map_options options = map_options(r);
    if (atl_model_broadcast(r->model, (int)n, w, &options, ws) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

// Networks divide z by its length, and so need its square.
static app_status check_row(const app_render *r, size_t row, const float *x, app_error *e) {
    float squares = 0.0f;
    for (size_t i = 0; i < r->latents.width; i++)
        squares += x[i] * x[i];
    if (!all_finite(x, r->latents.width))
        return app_fail(e, "%s: row %zu has NaN or infinity among its numbers", r->recipe.latents, row);
    if (isinf(squares))
        return app_fail(e, "%s: row %zu has numbers too large to be squared; those of latents are near 1",
                        r->recipe.latents, row);
    return APP_OK;
}

void app_render_seed(const app_render *r, uint32_t seed, float *z) {
    if (r->info->truncates_z && !isnan(r->recipe.psi))
        atl_seed_to_truncated_z(seed, (size_t)r->info->z_dim, r->recipe.psi, z);
    else
        atl_seed_to_z(seed, (size_t)r->info->z_dim, z);
}

void app_render_latent(const app_render *r, size_t row, float *out) {
    if (r->latents.seeds)
        app_render_seed(r, r->latents.seeds[row], out);
    else
        app_latents_row(&r->latents, row, out);
}

// Styles between those of several seeds, to r->ws.
static app_status blend_ws(app_render *r, app_error *e) {
    float *sum = app_array(r->row_ws, 1, 1, sizeof *sum, e);
    app_status status = sum ? APP_OK : APP_FAILED;
    for (size_t k = 0; k < r->atlas.count && status == APP_OK; k++) {
        app_render_seed(r, r->atlas.seeds[k], r->latent);
        status = app_render_map(r, 1, r->latent, r->info->c_dim ? r->c : NULL, r->ws, e);
        for (size_t i = 0; i < r->row_ws; i++)
            sum[i] += (float)r->atlas.weights[k] * r->ws[i];
    }
    if (status == APP_OK)
        memcpy(r->ws, sum, r->row_ws * sizeof *sum);
    free(sum);
    return status;
}

app_status app_render_ws(app_render *r, size_t first, size_t n, app_error *e) {
    const app_latents *l = &r->latents;
    float *rows = l->space == APP_WS ? r->ws : r->latent;
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        app_render_latent(r, row, rows + i * l->width);
        if (check_row(r, row, rows + i * l->width, e) != APP_OK)
            return APP_FAILED;
        app_render_noise(r, i, l->seeds ? l->seeds[row] : (uint32_t)row);
        app_maps_row(&r->maps, row, i);
        app_styles_row(&r->styles, row, i);
        if (app_render_is_labelled(r) &&
            app_labels_row(&r->labels, row, r->c + i * (size_t)r->info->c_dim, e) != APP_OK)
            return APP_FAILED;
    }
    if (r->atlas.count > 1)
        return blend_ws(r, e);
    if (l->space == APP_Z)
        return app_render_map(r, n, r->latent, r->info->c_dim ? r->c : NULL, r->ws, e);
    return l->space == APP_W ? broadcast(r, n, r->latent, r->ws, e) : APP_OK;
}

// One image after the other, each with its own maps and moves.
static app_status edit_images(app_render *r, size_t n, const float *ws, app_error *e) {
    for (size_t i = 0; i < n; i++) {
        const atl_direction moves = app_styles_direction(&r->styles, i);
        const float *maps[APP_MAPS];
        for (size_t k = 0; k < r->maps.count; k++)
            maps[k] = r->maps.room[k] + i * r->maps.size[k];
        atl_editor_reset(r->editor);
        if ((r->maps.count && atl_editor_maps(r->editor, maps) != ATL_OK) ||
            atl_editor_style(r->editor, 0, &moves, 1.0) != ATL_OK ||
            atl_editor_run(r->editor, 1, ws + i * r->row_ws, NULL, r->img + i * r->row_img) != ATL_OK)
            return app_fail_ctx(e, r->ctx);
    }
    return APP_OK;
}

static app_status synthesize(app_render *r, size_t n, const float *ws, app_error *e) {
    atl_synthesis_options options = ATL_SYNTHESIS_OPTIONS_INIT;
    options.noise_mode = r->recipe.noise;
    options.noise_seeds = r->noise_seeds;
    if (r->maps.count) {
        options.noise_mode = ATL_NOISE_MAPS;
        options.noise_maps = (const float *const *)r->maps.room;
    }
    options.transform = r->transform;
    if (r->info->truncates_z && !isnan(r->recipe.psi))
        options.truncation = (float)r->recipe.psi;
    options.dump = r->dump;
    options.dump_dir = r->dump_folder;
    return atl_model_synthesize(r->model, (int)n, ws, &options, r->img) == ATL_OK ? APP_OK
                                                                                  : app_fail_ctx(e, r->ctx);
}

app_status app_render_img(app_render *r, size_t n, const float *ws, app_error *e) {
    if (r->editor && r->dump)
        return app_fail(e, "--dump: layers are written of latents without moves of styles");
    app_status status = r->editor ? edit_images(r, n, ws, e) : synthesize(r, n, ws, e);
    if (status != APP_OK)
        return status;
    if (!all_finite(r->img, n * r->row_img))
        app_warn(e, "an image has NaN or infinity among its numbers: its latents are too large");
    return APP_OK;
}

app_status app_render_picture(const app_render *r, atl_image *picture, app_error *e) {
    if (r->info->channels < 1 || r->info->channels > 4)
        return app_fail(
            e, "the network makes images of %d channels, which no picture format holds; use --format npy",
            r->info->channels);
    if (atl_image_init(r->ctx, r->info->width, r->info->height, r->info->channels, picture) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

// ---- Layers of styles

int app_layers_fit(const app_seeds *layers, const atl_model_info *info) {
    for (size_t i = 0; i < layers->count; i++)
        if (layers->items[i] >= (uint32_t)info->num_ws)
            return 0;
    return 1;
}

void app_layers_copy(const app_seeds *layers, const atl_model_info *info, const float *from, float *to) {
    size_t w = (size_t)info->w_dim;
    for (size_t i = 0; i < layers->count; i++)
        memcpy(to + layers->items[i] * w, from + layers->items[i] * w, w * sizeof *to);
}
