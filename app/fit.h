// SPDX-License-Identifier: Apache-2.0
// Finding directions: samples of a network's latents, scores of them, and a fit; and pages to look at what
// was found.
#ifndef APP_FIT_H
#define APP_FIT_H

#include "direction.h"
#include "render.h"
#include "scores.h"

// Not 0 stops.
typedef int app_fit_progress(void *user, const char *what, size_t done, size_t total);

typedef struct app_fit_options {
    atl_fit_options fit;    // method and its numbers; space, but not sizes
    app_recipe recipe;      // latents of a file, class, network
    const uint32_t *seeds;  // NULL: the rows of recipe.latents, or what the scores say
    size_t count;           // of seeds
    const char *scores;     // "FILE[:COLUMN]"; NULL: another way
    const char *good, *bad; // folders of sorted pictures; NULL: another way
    const char *classifier; // "FILE[:OUTPUT]", a network that judges pictures; NULL: another way
    size_t samples, block;  // principal directions: how many w, and how many at once
    uint32_t seed;          // of these
    const char *layer; // principal directions of what this layer makes of w, followed back to w; NULL: of w
    app_fit_progress *progress;
    void *user;
} app_fit_options;

// Principal directions of w (or z) of random latents: drawn as GANSpace draws them, block by block.
app_status app_fit_samples(atl_ctx *ctx, atl_model *model, const app_fit_options *o, atl_directions **set,
                           app_error *e);

// A boundary, or directions by least squares, of latents with scores.  *check is filled for a boundary.
app_status app_fit_scores(atl_ctx *ctx, atl_model *model, const app_fit_options *o, atl_boundary_check *check,
                          atl_directions **set, app_error *e);

// ---- a page of strips

typedef struct app_explore_options {
    app_recipe recipe;
    const uint32_t *seeds; // a line of each strip for each
    size_t count;
    size_t directions, steps; // the first so many; pictures in a line
    double from, to;          // strengths
    const char *folder;       // index.html and the strips go there
    app_fit_progress *progress;
    void *user;
} app_explore_options;

app_status app_explore(atl_ctx *ctx, atl_model *model, const atl_directions *set,
                       const app_explore_options *o, app_error *e);

#endif
