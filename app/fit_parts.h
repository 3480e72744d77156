// SPDX-License-Identifier: Apache-2.0
// The inside of fits, shared by their files.
#ifndef APP_FIT_PARTS_H
#define APP_FIT_PARTS_H

#include "fit.h"

app_status app_fit_stopped(app_error *e);
int app_fit_told(const app_fit_options *o, const char *what, size_t done, size_t total); // not 0 stops

// What is known of directions beside their numbers.
typedef struct app_fit_found {
    const atl_model_info *info;
    size_t samples;
    char *const *names; // NULL: none
    const char *layer;  // whose activations led to them; NULL: none
    // With a layer, for each direction: strength 1, its part of the layer's variance; and the mean of
    // latents.
    const float *scales;
    const double *values;
    const float *mean;
} app_fit_found;

// Directions that were found with what is known of them, as a set of its own.
app_status app_fit_describe(atl_ctx *ctx, const atl_directions *found, const app_fit_found *about,
                            atl_directions **set, app_error *e);
// The same of what a fit has found.
app_status app_fit_read(atl_ctx *ctx, atl_fit *fit, const app_fit_found *about, atl_directions **set,
                        app_error *e);

#endif
