// SPDX-License-Identifier: Apache-2.0
// Pictures of one class brought into one place by a spatial transformer.
//
//     STEM.png     each picture aligned
//     average.png  the mean of them, and unaligned.png, that of the pictures as they came
//     scores.txt   a line for each: score (less the total variation of its flow), the share of pixels outside,
//                  cluster, whether it was mirrored, whether it was kept, and its path
//     warps.npz    on request: "matrix" [n, 2, 3], "flow" [n, side, side, 2], "flipped" [n]
#ifndef APP_CONGEAL_H
#define APP_CONGEAL_H

#include "aligner.h"
#include "error.h"
#include "photos.h"

typedef struct app_congeal_options {
    app_aligner_options aligner;
    const char *const *inputs; // files and folders
    size_t count;
    const char *outdir;
    int batch, cluster, save_warps;
    int sorted;     // only pictures of this cluster, as the file's classifier says, or else whose flow is smoother in
                    // it than in all others
    double keep;    // the share of pictures with the best scores that are kept
    double outside; // pictures with a larger share outside are dropped; 1: none is
} app_congeal_options;

typedef struct app_congeal {
    app_congeal_options o;
    app_aligner aligner;
    app_photos photos;
    int *heads, *flipped; // [photos.count]
    double *scores, *outside;
    unsigned char *kept;
    float *inputs, *img;     // [batch, ...]
    float *matrices, *flows; // [photos.count, ...], with save_warps
    double *sum, *plain;     // [3, side, side]: of aligned pictures, and of those that came
    size_t done, used;       // pictures, and those in the sums
    double sharper;          // gradient energy of the average over that of the unaligned mean; 0: not known
} app_congeal;

// A zeroed struct and one after a failure may be closed.
app_status app_congeal_open(app_congeal *a, atl_ctx *ctx, const app_congeal_options *o, app_error *e);
void app_congeal_close(app_congeal *a);

// After each picture; APP_STOPPED ends.
typedef app_status app_congeal_use(void *user, const app_photo *photo, app_error *e);
app_status app_congeal_run(app_congeal *a, app_congeal_use *use, void *user, app_error *e);

// Mean squared difference of neighbouring pixels, of a picture [channels, side, side].
double app_gradient_energy(const double *picture, size_t channels, size_t side);

#endif
