// SPDX-License-Identifier: Apache-2.0
// Pictures of a class brought into one place by a spatial transformer (GANgealing; Peebles et al. 2022).
//
//     atl_model_open(ctx, "cat.pt", &(atl_model_options){ ..., .net = "T_ema" }, &transformer);
//     atl_congealer_open(transformer, NULL, &c);
//     atl_congealer_input(c, &picture, input);                       // [3, side, side]
//     atl_congealer_run(c, 1, input, NULL, &(atl_congealed){ .img = aligned });
//     atl_congealer_close(&c);
//
// A grid says for each pixel of the aligned picture where it is in the picture that came in: (x, y) from -1
// to 1 spans its outer edges.  Points of pictures are in pixels (x, y), the centre of the first pixel at (0,
// 0).
#ifndef ATELIER_CONGEAL_H
#define ATELIER_CONGEAL_H

#include <stddef.h>
#include <atelier/image.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_congealer atl_congealer;

typedef enum atl_padding { // what lies outside of a picture
    ATL_PADDING_FILE,      // as the file says; border, where it says nothing
    ATL_PADDING_BORDER,
    ATL_PADDING_REFLECTION,
    ATL_PADDING_ZEROS
} atl_padding;

typedef struct atl_congeal_options {
    size_t size;    // sizeof(atl_congeal_options)
    int iterations; // of the similarity, each on what the last one has made; 0: as the file says, or 1
    int side;       // of the aligned picture, in pixels; 0: that of the flow
    atl_padding padding;
    int blend; // 1: each picture goes only a part of the way, see atl_congealer_run_part()
    int flip;  // 1: the mirror image in place of a picture where its flow is smoother
} atl_congeal_options;
#define ATL_CONGEAL_OPTIONS_INIT                                                                             \
    { sizeof(atl_congeal_options), 0, 0, ATL_PADDING_FILE, 0, 0 }

// The model outlives it.  On failure *c is NULL.
ATL_API atl_status atl_congealer_open(atl_model *transformer, const atl_congeal_options *options,
                                      atl_congealer **c);
ATL_API void atl_congealer_close(atl_congealer **c);

typedef struct atl_congeal_info {
    int input;     // side of the pictures that come in, square
    int side;      // of the aligned pictures
    int flow_side; // of what the flow is learnt at: that of matrix, flow and points
    int heads;     // clusters, each with a transform of its own
    int has_similarity, has_flow;
} atl_congeal_info;
ATL_API const atl_congeal_info *atl_congealer_get_info(const atl_congealer *c);

// A picture as the transformer takes it, [3, input, input] from -1 to 1: the square in its middle, resized.
ATL_API atl_status atl_congealer_input(atl_congealer *c, const atl_image *picture, float *input);

// What is wanted; NULL: not.
typedef struct atl_congealed {
    float *img;      // [n, 3, side, side] from -1 to 1
    float *grid;     // [n, side, side, 2]
    float *matrix;   // [n, 2, 3] from the aligned place to the picture, in the numbers of grids
    float *flow;     // [n, flow_side, flow_side, 2]: what the flow adds to the identity before the matrix
    double *tv;      // [n]: total variation of the flow; small where the picture was easy.  0 without a flow
    double *outside; // [n]: the share of the aligned picture's pixels that lie outside of the picture
    int *flipped;    // [n]: 1 where the mirror image was taken; matrix and grid mirror back
} atl_congealed;

// head [n]: the cluster of each picture, NULL: 0.
ATL_API atl_status atl_congealer_run(atl_congealer *c, int n, const float *inputs, const int *head,
                                     const atl_congealed *out);
// With options.blend: alpha [n] from 0 (the picture as it is) to 1 (all the way).
ATL_API atl_status atl_congealer_run_part(atl_congealer *c, int n, const float *inputs, const int *head,
                                          const float *alpha, const atl_congealed *out);

// Which cluster each picture belongs to, says the classifier that was learnt with the transformer ("classifier" of
// its file): head [n], and whether its mirror image fits better, flipped [n] (NULL: not wanted), where the classifier
// tells that; else 0.  A classifier of other clusters, or of pictures of another side, is an error.
ATL_API atl_status atl_congealer_classify(atl_congealer *c, atl_model *classifier, int n, const float *inputs,
                                          int *head, int *flipped);

// ---- points, of one picture whose warp is known

typedef struct atl_warp {
    int side;            // flow_side
    const float *matrix; // [2, 3], or NULL: the identity
    const float *flow;   // [side, side, 2], or NULL: nothing
} atl_warp;

// Points [count, 2] of a picture of width x height -> where they are in the aligned picture: with a flow the
// pixel of the aligned side x side whose place is the nearest, whole numbers; without one between its pixels.
ATL_API atl_status atl_points_congeal(atl_ctx *ctx, const atl_warp *warp, int width, int height,
                                      const float *points, size_t count, float *aligned);
// And back: points [count, 2] of the aligned side x side -> pixels of the picture.
ATL_API atl_status atl_points_uncongeal(atl_ctx *ctx, const atl_warp *warp, int width, int height,
                                        const float *aligned, size_t count, float *points);

// ---- overlays: pictures with transparent parts that are carried from the aligned place to pictures, and back

// Lays an overlay of 4 channels, drawn over the aligned picture in any size, over a picture of 3 channels whose
// grid [side, side, 2] is known.  Where it becomes smaller, blurred copies are read (mip maps).  opacity: 0 to 1.
ATL_API atl_status atl_overlay_lay(atl_ctx *ctx, const atl_image *overlay, const float *grid, int side,
                                   double opacity, atl_image *picture);

// And back: what was drawn over a picture, 4 channels and as large -> an overlay of pixels x pixels.
ATL_API atl_status atl_overlay_lift(atl_ctx *ctx, const atl_image *drawn, const float *grid, int side,
                                    int pixels, atl_image *overlay);

// ---- learning, from a generator alone (section 3 of the paper)

typedef struct atl_congeal_train_options {
    size_t size;
    int steps;      // all of them, which the schedule is spread over; 0: 800000, as in the paper
    int batch;      // pairs of pictures in a step
    int heads;      // clusters
    int directions; // principal directions of w among which the target is looked for
    int inject;     // first layers that the target's w is given to
    int channels;   // of the transformer's coarse layers; the fine ones have a quarter and an eighth. 0: 512
                  // where the flow is of 128 pixels, else 64
    int flow;      // 1: a similarity and a flow; 0: a similarity alone
    int psi_steps; // in which the target goes from each picture to the common one; 0: 3/16 of the steps
    int period;    // steps of the first period of the rate after that; 0: 3/64 of the steps
    double lr, target_lr;
    double tv;       // weight of the flow's total variation
    double identity; // and of its mean square
    double jitter;   // pictures that come in are turned, scaled and shifted by chance first, up to this share
                   // of half a turn, of the size and of half the side: for generators whose pictures are
                   // aligned already
    atl_padding padding; // FILE: reflection
    uint32_t seed;
    atl_model *lpips; // what pictures are compared by; NULL: their pixels and gradients at several sizes
    int samples;      // w that the principal directions are found with; 0: 16384
    int flips;        // 1: of each pair the mirror image is tried, too, and the better of both learns
    // Steps after all others, in which what has been learnt stays and a classifier learns to say of a picture as it
    // comes which cluster (with flips: and whether its mirror image) is the best.  0: there is none.
    int classifier_steps;
} atl_congeal_train_options;
#define ATL_CONGEAL_TRAIN_OPTIONS_INIT                                                                       \
    {                                                                                                        \
        sizeof(atl_congeal_train_options), 0, 8, 1, 1, 5, 0, 1, 0, 0, 1e-3, 1e-2, 1000.0, 1.0, 0.0,          \
            ATL_PADDING_FILE, 0, NULL, 0, 0, 0                                                               \
    }

typedef struct atl_congeal_trainer atl_congeal_trainer;
// The models outlive it.  On failure *t is NULL.
ATL_API atl_status atl_congeal_trainer_open(atl_model *generator, const atl_congeal_train_options *options,
                                            atl_congeal_trainer **t);
ATL_API void atl_congeal_trainer_close(atl_congeal_trainer **t);

typedef struct atl_congeal_train_state {
    int step, steps; // steps: with those of the classifier
    double loss, likeness, tv, identity; // of the last step, the last three without their weights
    double psi;                          // 1: each picture's own target, 0: the common one
    double lr;
    // While the classifier learns: its cross entropy, and the share of pictures that it put where they belong.
    double entropy, right;
} atl_congeal_train_state;
ATL_API const atl_congeal_train_state *atl_congeal_trainer_get_state(const atl_congeal_trainer *t);

// One step; after the last one nothing.
ATL_API atl_status atl_congeal_trainer_step(atl_congeal_trainer *t);

// The networks T_ema, T and target, the classifier once it has learnt, and beside them all that the learning goes on
// with; and back, to exactly the same.  Another generator or other options are an error that names them; more steps of
// the classifier may be asked for.
ATL_API atl_status atl_congeal_trainer_save(atl_congeal_trainer *t, const char *path);
ATL_API atl_status atl_congeal_trainer_restore(atl_congeal_trainer *t, const char *path);

#ifdef __cplusplus
}
#endif
#endif
