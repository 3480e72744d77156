// SPDX-License-Identifier: Apache-2.0
// Augmentation of what the discriminator sees (Karras et al. 2020, "Training generative adversarial networks with
// limited data", appendix B).  In the order of use:
//
//     atl_augment_pipe()         which operations: a config
//     atl_augment_build()        the operations as nodes; what is random about them are inputs of the graph
//     atl_augment_params_make()  room for one batch of these inputs
//     then for each run: atl_augment_draw() numbers into it, atl_augment_write() it into the plan
//     atl_augment_adapt()        the next strength, from what the discriminator makes of the real images
//
// The numbers of a sample are a function of key, stream and the sample's index alone, so that a step that is
// repeated, resumed or distributed repeats exactly.
#ifndef ATL_TRAIN_AUGMENT_H
#define ATL_TRAIN_AUGMENT_H

#include "graph/graph.h"
#include "graph/plan.h"

// An operation is applied to a sample with probability p * its strength; 0: never, and it isn't built.
typedef struct atl_augment_config {
    // pixels change places
    float xflip;            // mirrored, or not: half of the probability each
    float rotate90;         // by 0, 90, 180 or 270 degrees
    float xint, xint_max;   // shift by whole pixels, at most this part of width and height (0.125)
    // pixels are resampled
    float scale, scale_std;     // by 2^N(0, std^2) (0.2)
    float rotate, rotate_max;   // by an angle below max * pi (1), before and after aniso
    float aniso, aniso_std;     // by 2^N(0, std^2) along x, the inverse along y (0.2)
    float xfrac, xfrac_std;     // shift by N(0, std^2) of width and height (0.125)
    // colours; for 1 or 3 channels
    float brightness, brightness_std;   // added: N(0, std^2) (0.2)
    float contrast, contrast_std;       // times 2^N(0, std^2) (0.5)
    float lumaflip;                     // luma mirrored, or not: half of the probability each
    float hue, hue_max;                 // turned about the gray axis by an angle below max * pi (1)
    float saturation, saturation_std;   // distance to gray, times 2^N(0, std^2) (1)
    // frequencies
    float imgfilter, imgfilter_bands[4], imgfilter_std; // each band amplified by 2^N(0, std^2) (1, 1, 1, 1; 1)
    // damage
    float noise, noise_std;     // strength |N(0, std^2)| (0.1)
    float cutout, cutout_size;  // a box of this part of width and height is zero (0.5)
} atl_augment_config;

// Everything off, with the paper's constants.
atl_augment_config atl_augment_off(void);

// blit, geom, color, filter, noise, cutout, bg, bgc, bgcf, bgcfn, bgcfnc: each operation of that set at strength 1.
// false: there is no such name; *config is unchanged.
bool atl_augment_pipe(const char *name, atl_augment_config *config);

// ---- nodes

// One augmentation in a graph: its inputs, NULL when the config does not need them.
typedef struct atl_augment {
    atl_augment_config config;
    int64_t n, h, w, c;
    atl_node *theta;        // [n, 2, 3]     atl_geom's map from the result to the image
    atl_node *matrix;       // [n, c, c]     colours: y = matrix x + offset
    atl_node *offset;       // [n, 1, 1, c]
    atl_node *filter;       // [n, taps]     of both axes
    atl_node *noise;        // [n, h, w, c]  what is added
    atl_node *mask;         // [n, h, w, 1]  0 within the box
} atl_augment;

// img [n, h, w, c] -> the same shape.  With everything off the result is img itself.
atl_node *atl_augment_build(atl_graph *g, const atl_augment_config *config, atl_node *img, atl_augment *a);

// ---- numbers

// What the inputs of one batch hold.
typedef struct atl_augment_params {
    atl_ctx *ctx;
    atl_augment_config config;
    int64_t n, h, w, c;
    float *theta, *matrix, *offset, *filter, *noise, *mask;  // in the inputs' shapes; NULL: not needed
} atl_augment_params;

// For batches of this augmentation.
atl_status atl_augment_params_make(atl_ctx *ctx, const atl_augment *a, atl_augment_params **params);
void atl_augment_params_free(atl_augment_params **params);

// At overall strength p in [0, 1].  Sample i is number first + i * step of its sequence; key is the run's seed,
// stream says which sequence (real or generated images, which step), below 2^62.
void atl_augment_draw(atl_augment_params *params, float p, uint64_t key, uint64_t stream, uint64_t first,
                      uint64_t step);

// Nothing random: every operation is applied with the given percentile of its distribution, in (0, 1).  noise
// [n, h, w, c] is the unit normal image (NULL: none).
void atl_augment_percentile(atl_augment_params *params, float percentile, const float *noise);

// Inputs that the plan doesn't hold are passed over.
void atl_augment_write(const atl_augment_params *params, const atl_augment *a, atl_plan *plan);

// ---- strength

// mean_sign: mean of sign(D(real)) since the last call, over `images` images.  p moves towards the strength at which
// it is `target` (0.6), by at most 1 in kimg thousand images, and stays in [0, 1].  *limit (may be NULL): p wanted
// to be more than 1, so augmentation can't hold off overfitting any more.
float atl_augment_adapt(float p, double mean_sign, double target, double images, double kimg, bool *limit);

#endif
