// SPDX-License-Identifier: Apache-2.0
// A spatial transformer that was opened to align pictures, as all parts of atelier congeal have it.
#ifndef APP_ALIGNER_H
#define APP_ALIGNER_H

#include <atelier/congeal.h>
#include "error.h"

typedef struct app_aligner_options {
    const char *network;
    const char *net; // of the file; NULL: T_ema, or else T
    int ignore_unused;
    const char *assume;
    atl_congeal_options congeal;
} app_aligner_options;

typedef struct app_aligner {
    atl_ctx *ctx;
    atl_model *model;
    atl_congealer *congealer;
    const atl_congeal_info *info;
    atl_model *classifier; // of clusters; NULL: the file has none that fits, or it was not asked for
} app_aligner;

// A zeroed struct and one after a failure may be closed.
app_status app_aligner_open(app_aligner *a, atl_ctx *ctx, const app_aligner_options *o, app_error *e);
void app_aligner_close(app_aligner *a);

// Opens the classifier of clusters, where the file has one.
app_status app_aligner_find_classifier(app_aligner *a, const app_aligner_options *o, app_error *e);

// Whether the transformer has that cluster.
app_status app_aligner_check_cluster(const app_aligner *a, int cluster, app_error *e);

// Numbers of a picture as it comes in.
size_t app_aligner_input(const app_aligner *a);

// Reads a photo and makes the input of it; picture NULL: only that.
app_status app_aligner_read(app_aligner *a, const char *path, atl_image *picture, float *input, app_error *e);
// Of a picture that is there already.
app_status app_aligner_take(app_aligner *a, const atl_image *picture, float *input, app_error *e);

// Writes DIR/NAME.png; the name may hold folders.
app_status app_aligned_write(atl_ctx *ctx, const char *folder, const char *name, const atl_image *picture,
                             app_error *e);

#endif
