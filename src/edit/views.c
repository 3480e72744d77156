// SPDX-License-Identifier: Apache-2.0
// Views of a code (Chai et al. 2021, section 3.2).  Random numbers are those of RandomState(seed), view by
// view and, of isotropic views, for every row whether it changes or not: so the views of fine and of coarse
// layers belong together.
#include "edit/views.h"

#include <stdbool.h>
#include <string.h>
#include <atelier/rng.h>

static bool changes(const atl_views *v, int row) {
    return row < 64 && v->o->layers >> row & 1;
}

static float *row_of(const atl_views *v, float *view, int row) {
    return view + (size_t)row * (size_t)v->w_dim;
}

static void isotropic(const atl_views *v, atl_numpy_rng *rng, float *view) {
    for (int r = 0; r < v->rows; r++) {
        float *w = row_of(v, view, r);
        for (int k = 0; k < v->w_dim; k++) {
            double x = v->o->strength * atl_numpy_rng_normal(rng);
            if (changes(v, r))
                w[k] = (float)((double)w[k] + x);
        }
    }
}

static void along_component(const atl_views *v, atl_numpy_rng *rng, float *view) {
    size_t which = atl_numpy_rng_below(rng, (uint32_t)v->o->component_count);
    double far = v->o->strength * (2.0 * atl_numpy_rng_uniform(rng) - 1.0);
    const atl_direction *d = atl_directions_get(v->o->components, which);
    for (int r = 0; r < v->rows; r++) {
        float *w = row_of(v, view, r);
        for (int k = 0; k < v->w_dim && changes(v, r); k++)
            w[k] = (float)((double)w[k] + far * (double)d->scale * (double)d->values[k]);
    }
}

static void mix_styles(const atl_views *v, const float *from, float *view) {
    for (int r = 0; r < v->rows; r++)
        if (changes(v, r))
            memcpy(row_of(v, view, r), from + (size_t)r * (size_t)v->w_dim, (size_t)v->w_dim * sizeof *view);
}

void atl_views_fill(const atl_views *v, float *out) {
    size_t size = (size_t)v->rows * (size_t)v->w_dim;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, v->o->seed);
    for (int i = 0; i < v->n; i++) {
        float *view = out + (size_t)i * size;
        memcpy(view, v->ws, size * sizeof *view);
        switch (v->o->kind) {
        case ATL_VIEW_ISOTROPIC: isotropic(v, &rng, view); break;
        case ATL_VIEW_PCA: along_component(v, &rng, view); break;
        case ATL_VIEW_STYLEMIX: mix_styles(v, v->mixed + (size_t)i * size, view); break;
        }
    }
}
