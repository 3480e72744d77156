// SPDX-License-Identifier: Apache-2.0
// Pivotal tuning: a network around pictures that were projected into it.  A pivot is a folder of 'atelier
// project' (its target.png and projected_w.npz), or a picture with the ws that a file has for it.
#ifndef APP_TUNE_H
#define APP_TUNE_H

#include <atelier/project.h>
#include "error.h"
#include "project.h"

typedef struct app_tune_options {
    atl_tune_options search;    // its loss is the one below
    const char *loss;           // NULL: lpips+mse where LPIPS can be had, else mse
    const char *const *folders; // of projections, or of several of them
    size_t count;
    const char *target, *latents; // in place of folders: a picture or a folder of them, and FILE[:TENSOR]
    int noise_maps;               // 1: those of a pivot alone become the network's own
    const char *output;           // the network to write
    int only_changed;             // 1: the tensors alone that changed, which open with the given network
    int resume;                   // go on from OUTPUT.state, where there is one
    const char *outdir;           // pictures of the pivots before and after; NULL: none
    int half;                     // weights as float16
    const char *detectors;
} app_tune_options;

typedef struct app_pivot {
    char *picture, *latents; // files, by malloc
} app_pivot;

typedef struct app_tune {
    atl_ctx *ctx;
    atl_model *model, *features;
    const atl_model_info *info;
    app_tune_options o;
    app_pivot *pivots;
    size_t count;
    atl_tuner *search;
    size_t row_ws, row_img;
    float *targets, *ws; // [count, ...]
    char *state;         // OUTPUT.state, by malloc
    int done;            // --resume found a finished tuning
    double saved;        // seconds of the clock
} app_tune;

// Opens all and reads the pivots.  `model` is borrowed.  A zeroed struct and one after a failure may be
// closed.
app_status app_tune_open(app_tune *t, atl_ctx *ctx, atl_model *model, const app_tune_options *o,
                         app_error *e);
void app_tune_close(app_tune *t);

// After each step; APP_STOPPED ends, and what was reached is written, with a state to go on from.
typedef app_status app_tune_use(void *user, const atl_tune_state *state, app_error *e);
app_status app_tune_run(app_tune *t, app_tune_use *use, void *user, app_error *e);

#endif
