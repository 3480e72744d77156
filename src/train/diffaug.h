// SPDX-License-Identifier: Apache-2.0
// Differentiable augmentation (Zhao et al. 2020): colour, translation and cutout, each applied to every image at
// full strength.  Used like augment.h: build nodes once, then for each run draw numbers and write them.
#ifndef ATL_TRAIN_DIFFAUG_H
#define ATL_TRAIN_DIFFAUG_H

#include "graph/graph.h"
#include "graph/plan.h"

typedef struct atl_diffaug_config {
    bool color;         // brightness + U(-0.5, 0.5), saturation * U(0, 2), contrast * U(0.5, 1.5)
    bool translation;   // by whole pixels, zeros come in
    bool cutout;        // a box is zero
    float shift;        // at most this part of width and height (0.125)
    float box;          // the box's part of width and height (0.2, as in Sauer et al. 2022; Zhao et al. have 0.5)
} atl_diffaug_config;

// "color,translation,cutout" or some of them.  false: a word is none of these; *config is unchanged.
bool atl_diffaug_policy(const char *words, atl_diffaug_config *config);

typedef struct atl_diffaug {
    atl_diffaug_config config;
    int64_t n, h, w, c;
    atl_node *brightness, *saturation, *contrast;   // [n, 1, 1, 1]
    atl_node *offset;                               // [n, 2]: pixels down and right
    atl_node *mask;                                 // [n, h, w, 1], 0 within the box
} atl_diffaug;

// img [n, h, w, c] -> the same shape.
atl_node *atl_diffaug_build(atl_graph *g, const atl_diffaug_config *config, atl_node *img, atl_diffaug *a);

// What the inputs of one batch hold, in their shapes; NULL: not needed.
typedef struct atl_diffaug_params {
    atl_ctx *ctx;
    atl_diffaug_config config;
    int64_t n, h, w, c;
    float *brightness, *saturation, *contrast, *offset, *mask;
} atl_diffaug_params;

atl_status atl_diffaug_params_make(atl_ctx *ctx, const atl_diffaug *a, atl_diffaug_params **params);
void atl_diffaug_params_free(atl_diffaug_params **params);

// As atl_augment_draw().
void atl_diffaug_draw(atl_diffaug_params *params, uint64_t key, uint64_t stream, uint64_t first, uint64_t step);
void atl_diffaug_write(const atl_diffaug_params *params, const atl_diffaug *a, atl_plan *plan);

#endif
