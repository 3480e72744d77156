// SPDX-License-Identifier: Apache-2.0
// Classifiers and views of opened models.
#include <math.h>
#include <string.h>
#include <atelier/rng.h>

#include "api/model_api.h"
#include "base/options.h"
#include "edit/views.h"
#include "metrics/classifier.h"

enum { VIEWS_MOST = 4096, ROWS_MOST = 64 };

atl_status atl_classifier_open(atl_model *network, const atl_classifier_options *options,
                               atl_classifier **classifier) {
    atl_classifier_options o = ATL_CLASSIFIER_OPTIONS_INIT;
    *classifier = NULL;
    ATL_TRY(atl_options_read(network->ctx, "atl_classifier_options", &o, sizeof o, options));
    return atl_classifier_make(&network->net, &o, classifier);
}

// ---- views

uint64_t atl_view_layers(const atl_model *generator, const char *name) {
    enum { COARSE_END = 4, FINE = 10, FINE_OF_SMALL = 7 };
    int rows = generator->net.dims.num_ws, first = 0, end = rows < ROWS_MOST ? rows : ROWS_MOST;
    uint64_t layers = 0;
    if (!strcmp(name, "coarse"))
        end = end < COARSE_END ? end : COARSE_END;
    else if (!strcmp(name, "fine"))
        first = rows > FINE ? FINE : FINE_OF_SMALL;
    else if (strcmp(name, "all") != 0)
        return 0;
    for (int k = first; k < end; k++)
        layers |= UINT64_C(1) << k;
    return layers;
}

static atl_status check_components(const atl_model *m, const atl_view_options *o) {
    size_t size = o->components ? atl_directions_size(o->components) : 0;
    if (o->component_count < 1 || size < (size_t)o->component_count)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "views along the first %d components of w, and there are %zu", o->component_count,
                        size);
    const atl_direction *d = atl_directions_get(o->components, 0);
    if (d->space != ATL_DIRECTION_W || d->width != m->net.dims.w_dim)
        return atl_fail(
            m->ctx, ATL_BAD_ARGUMENT,
            "the components are no directions of w, or of one with %lld numbers where the network has %d",
            (long long)d->width, m->net.dims.w_dim);
    return ATL_OK;
}

static atl_status check_views(const atl_model *m, const atl_view_options *o, int n) {
    int rows = m->net.dims.num_ws;
    if (n < 1 || n > VIEWS_MOST)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%d views: 1 to %d are possible", n, VIEWS_MOST);
    if (!o->layers || (rows < ROWS_MOST && o->layers >> rows))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "views change some of the layers 0 to %d, and %s are named",
                        rows - 1, o->layers ? "others" : "none");
    if (!isfinite(o->strength) || o->strength < 0.0)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "views of strength %g: a number from 0 on is possible",
                        o->strength);
    if (o->kind > ATL_VIEW_STYLEMIX)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "views of the kind %d: there is none", (int)o->kind);
    return o->kind == ATL_VIEW_PCA ? check_components(m, o) : ATL_OK;
}

// What the mapping makes of n latents, a row of RandomState(seed).randn(n, z_dim) each.
static atl_status map_others(atl_model *m, const atl_view_options *o, int n, float *ws) {
    size_t z_dim = (size_t)m->net.dims.z_dim, c_dim = (size_t)m->net.dims.c_dim;
    float *z = atl_alloc(m->ctx, (size_t)n, z_dim * sizeof *z), *c = NULL;
    atl_status status = z ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK && o->c && c_dim) {
        c = atl_alloc(m->ctx, (size_t)n, c_dim * sizeof *c);
        status = c ? ATL_OK : ATL_NO_MEMORY;
        for (size_t i = 0; c && i < (size_t)n; i++)
            memcpy(c + i * c_dim, o->c, c_dim * sizeof *c);
    }
    if (status == ATL_OK) {
        if (m->net.dims.cuts_z)
            atl_seed_to_truncated_z(o->seed, (size_t)n * z_dim, 1.0, z);
        else
            atl_seed_to_z(o->seed, (size_t)n * z_dim, z);
        status = atl_model_map(m, n, z, c, NULL, ws);
    }
    atl_free(m->ctx, z);
    atl_free(m->ctx, c);
    return status;
}

atl_status atl_views_make(atl_model *m, const atl_view_options *options, const float *ws, int n,
                          float *views) {
    atl_view_options o = ATL_VIEW_OPTIONS_INIT;
    float *mixed = NULL;
    ATL_TRY(atl_options_read(m->ctx, "atl_view_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(m, "generator", "synthesize"));
    ATL_TRY(check_views(m, &o, n));
    const atl_views v = { .o = &o, .ws = ws, .n = n, .rows = m->net.dims.num_ws, .w_dim = m->net.dims.w_dim };
    if (o.kind != ATL_VIEW_STYLEMIX) {
        atl_views_fill(&v, views);
        return ATL_OK;
    }
    mixed = atl_alloc(m->ctx, (size_t)n * (size_t)v.rows, (size_t)v.w_dim * sizeof *mixed);
    atl_status status = mixed ? map_others(m, &o, n, mixed) : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        atl_views with = v;
        with.mixed = mixed;
        atl_views_fill(&with, views);
    }
    atl_free(m->ctx, mixed);
    return status;
}
