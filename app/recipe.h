// SPDX-License-Identifier: Apache-2.0
// All that determines an image: kept in the picture as text (JSON, key "atelier"), read back by replay.
#ifndef APP_RECIPE_H
#define APP_RECIPE_H

#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <jansson.h>
#include <atelier/model.h>
#include "error.h"

#define APP_RECIPE_KEY "atelier"

typedef struct app_recipe {
    const char *network, *net;
    const char *deltas; // what a tuned network has changed: a file, or NULL
    uint64_t fingerprint;
    int has_seed;
    uint32_t seed;
    int has_at;          // a place on the map of seeds, in place of one: see atlas.h
    double at[2];
    const char *latents; // FILE[:TENSOR] when there is no seed
    size_t row;          // of latents and labels
    int projected;       // two dimensions mean w
    double psi;          // NAN: not chosen
    int cutoff;
    int standing;                // passes of standing statistics; 0: the file's
    int class_index;             // negative: none
    const char *labels;          // FILE[:TENSOR], or NULL
    const char *centroids;       // the same
    double translate[2], rotate; // of StyleGAN3
    atl_noise_mode noise;
    int has_noise_seed; // else noise is by `seed` or `row`
    uint32_t noise_seed;
    int direct;
    // Style mixing, where there are `styles`: those layers are replaced by those of seed `col`, or of row
    // `col` of `col_latents`.
    const char *styles; // "0-6"; NULL: no mixing
    const char *col_latents;
    uint32_t col;
    int col_class;      // negative: the same class
    const char *grid;   // "4x2": several seeds in one picture, which can't be replayed
    const char *seeds, *classes; // the lists, for a grid
    const char *command;         // a grid of `edit` or `drag`: what makes it again; NULL: not known
} app_recipe;

enum { APP_STANDING_MOST = 65536, APP_STANDING_BATCH = 32 }; // passes; pictures of one

#define APP_RECIPE_INIT                                                                                      \
    { .psi = NAN, .class_index = -1, .col_class = -1 } // nothing is chosen

extern const char *const app_noise_names[]; // by atl_noise_mode
#define APP_NOISE_WORDS "const|random|none|sg2"

// JSON by malloc, or NULL.
char *app_recipe_write(const app_recipe *recipe);

// Strings are borrowed from *owner, which json_decref() releases.  `path` is the picture, for the sentence
// that says what is wrong.
app_status app_recipe_read(const char *path, const char *text, app_recipe *recipe, json_t **owner,
                           app_error *e);

#endif
