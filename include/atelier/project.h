// SPDX-License-Identifier: Apache-2.0
// Projection: the latents and noise maps with which a generator makes a given picture; and pivotal tuning, which
// moves the generator's weights until it makes the picture quite.
//
//     atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
//     atl_project_start start = ATL_PROJECT_START_INIT;
//     o.features = lpips;                           // see atl_lpips_open()
//     atl_projector_open(generator, &o, &p);
//     atl_project_target(generator, &photo, target, NULL);
//     start.targets = target;
//     atl_projector_begin(p, &start);
//     while (atl_projector_get_state(p)->step < o.steps)
//         atl_projector_step(p);
//     atl_projector_read(p, ws);                    // [1, num_ws, w_dim]
//
// With the defaults a step is one of the official projector of StyleGAN2-ADA (Karras et al. 2020, appendix D of
// "Analyzing and improving the image quality of StyleGAN"): Adam on one w and on the noise maps, noise on w that
// fades, LPIPS at 256 pixels, and a penalty on noise that looks like a picture.  What is random is a function of the
// seed, so that a picture's result does not depend on the pictures beside it.
#ifndef ATELIER_PROJECT_H
#define ATELIER_PROJECT_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/image.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- what comes before

// Opens LPIPS from one file, or from a file with the trunk (VGG16, AlexNet, SqueezeNet) and one with the heads (NULL:
// `path` has all).
ATL_API atl_status atl_lpips_open(atl_ctx *ctx, const char *path, const char *heads, atl_model **lpips);

// A picture as a target for a generator: the largest rectangle of its shape from the middle, resized to its size by
// Lanczos' filter as Pillow does, [channels, height, width] from -1 to 1.  Alpha is left out; gray and colour become
// what the generator makes.  shown (may be NULL): the same as a picture, to be cleared by the caller.
ATL_API atl_status atl_project_target(atl_model *generator, const atl_image *picture, float *target,
                                      atl_image *shown);

// ---- the projector

typedef struct atl_projector atl_projector;

typedef struct atl_project_options {
    size_t size;         // sizeof(atl_project_options)
    int batch;           // pictures that are worked on together
    int steps;
    uint32_t seed;       // of noise maps and of the noise on latents
    // "w": one w for all layers; "w+": one for each; "s": moves of the styles of all layers, from those of
    // one w or of given ws, which stay; "z"
    const char *space;
    // "lpips"; "lpips+mse"; "mse": squared differences of pixels and of their slopes, in several sizes;
    // "vgg-image2stylegan": four layers of VGG16 and pixels (Abdal et al. 2019)
    const char *loss;
    atl_model *features; // LPIPS, or VGG16 for the last loss; with "mse" NULL.  Outlives the projector
    int noise_maps;      // 1: noise maps are found, too; 0: they stay the network's own
    double lr;           // 0: 0.1, or 0.01 for the last loss
    int samples;         // of z, from which mean and spread of w are taken
    double initial_noise, noise_ramp;  // noise on latents in parts of the spread, and when it is gone (parts of steps)
    double rampup, rampdown;           // parts of the steps in which the rate rises and falls
    double noise_weight;               // of the penalty on noise maps
    double mse_weight;                 // of pixels beside LPIPS in "lpips+mse"
} atl_project_options;
#define ATL_PROJECT_OPTIONS_INIT                                                                             \
    {                                                                                                        \
        sizeof(atl_project_options), 1, 1000, 303, "w", "lpips", NULL, 1, 0.0, 10000, 0.05, 0.75, 0.05,      \
            0.25, 1e5, 1.0                                                                                   \
    }

// The generator outlives the projector.  Makes all plans; on failure *projector is NULL.
ATL_API atl_status atl_projector_open(atl_model *generator, const atl_project_options *options,
                                      atl_projector **projector);
ATL_API void atl_projector_close(atl_projector **projector);

// What is to be found and where the search starts.  Rows that are left of the batch repeat the first one.
typedef struct atl_project_start {
    size_t size;
    int count;            // pictures, 1 to the batch
    const float *targets; // [count, channels, height, width] from -1 to 1
    const float *mask;    // [height, width], 0 where the picture does not count, 1 where it does; NULL: it counts
    const float *c;       // [count, c_dim]; NULL: zeros
    // [count, num_ws, w_dim] to start from (space "w": of its first row); NULL: the mean of w
    const float *ws;
    int best_of;          // start from the nearest of so many random latents; 0: no
    const float *const *noise_maps; // [count, h, w] of each layer to start from; NULL: normal numbers
} atl_project_start;
#define ATL_PROJECT_START_INIT                                                                               \
    { sizeof(atl_project_start), 1, NULL, NULL, NULL, NULL, 0, NULL }

// Arrays are borrowed during the call.  May be called again, for the next pictures.
ATL_API atl_status atl_projector_begin(atl_projector *projector, const atl_project_start *start);

typedef struct atl_project_state {
    int count;              // pictures
    int step, steps;        // steps that were made
    double lr;              // of the newest step
    const double *loss;     // [count] before the newest step: distance + noise_weight * noise
    const double *distance; // [count] to the targets, by the loss that was chosen
    const double *noise;    // [count] how much the noise maps look like pictures
} atl_project_state;
ATL_API const atl_project_state *atl_projector_get_state(const atl_projector *projector);

// One step of all pictures.  A loss that is not a number is an error, and what was found before stays.
ATL_API atl_status atl_projector_step(atl_projector *projector);

// What was found so far: ws [count, num_ws, w_dim]; the noise map of layer k, [count, h, w]; in the spaces
// "z" and "s" what was moved, [count, atl_projector_latent_size()].  In "s" that is what the styles of all
// layers gain, in the order of atl_model_style(), and ws are those below them, as they were at first.
ATL_API atl_status atl_projector_read(atl_projector *projector, float *ws);
ATL_API atl_status atl_projector_read_map(atl_projector *projector, int k, float *map);
ATL_API int64_t atl_projector_latent_size(const atl_projector *projector);
ATL_API atl_status atl_projector_read_latent(atl_projector *projector, float *latent);

// The pictures of what was found so far [count, channels, height, width] (NULL: not asked for), and how far each is
// from its target by the loss that was chosen [count] (may be NULL).
ATL_API atl_status atl_projector_look(atl_projector *projector, float *img, double *distance);

// All that the next step depends on, to go on another day bit for bit; restored after atl_projector_begin() with the
// same pictures and options, else it is an error that says what differs.
ATL_API atl_status atl_projector_save(atl_projector *projector, const char *path);
ATL_API atl_status atl_projector_restore(atl_projector *projector, const char *path);

// The work of a step in GFLOP, by the direct algorithms, and the bytes of its memory beside the network.
ATL_API void atl_projector_cost(const atl_projector *projector, double *gflop, size_t *bytes);

// ---- pivotal tuning (Roich et al. 2021)

typedef struct atl_tuner atl_tuner;

typedef struct atl_tune_options {
    size_t size;           // sizeof(atl_tune_options)
    int batch;             // pivots that a step sees
    int steps;             // that see each pivot
    uint32_t seed;         // of the places near pivots
    const char *loss;      // as in atl_project_options
    atl_model *features;   // the same
    double lr;
    double threshold;      // it ends when LPIPS (with other losses: the distance) of all pivots is at most this;
                           // negative: 0.06 with LPIPS, else 0
    double mse_weight;     // of pixels beside LPIPS in "lpips+mse"
    double locality;       // weight of what the network changes near a pivot; 0: none
    double alpha;          // how far away in ws that is
    double truncation_psi; // of the random ws that say in which direction
    const char *layers;    // shell pattern of the parameters that may change ("synthesis.b6*"); NULL: all
} atl_tune_options;
#define ATL_TUNE_OPTIONS_INIT                                                                                \
    { sizeof(atl_tune_options), 1, 350, 0, "lpips+mse", NULL, 3e-4, -1.0, 1.0, 0.1, 30.0, 0.5, NULL }

// The generator outlives the tuner and is not changed.  On failure *tuner is NULL.
ATL_API atl_status atl_tuner_open(atl_model *generator, const atl_tune_options *options, atl_tuner **tuner);
ATL_API void atl_tuner_close(atl_tuner **tuner);

typedef struct atl_tune_start {
    size_t size;
    int count;            // pivots
    const float *targets; // [count, channels, height, width] from -1 to 1
    const float *ws;      // [count, num_ws, w_dim], which stay
    // One pivot: its noise maps [h, w] of each layer, which become the network's own.  NULL: it keeps those it has.
    const float *const *noise_maps;
} atl_tune_start;
#define ATL_TUNE_START_INIT { sizeof(atl_tune_start), 1, NULL, NULL, NULL }

// Arrays are borrowed during the call.  Begins again with the generator's weights.
ATL_API atl_status atl_tuner_begin(atl_tuner *tuner, const atl_tune_start *start);

typedef struct atl_tune_state {
    int count;              // pivots
    int step, steps;
    int finished, enough;   // enough: the threshold was reached
    double loss, locality;  // of the newest step, before it
    // [count] LPIPS (with other losses: the distance) when a pivot was seen last; negative: not yet
    const double *distance;
} atl_tune_state;
ATL_API const atl_tune_state *atl_tuner_get_state(const atl_tuner *tuner);

// One step of Adam, with the next pivots in turn.  A loss that is not a number is an error, and weights stay.
ATL_API atl_status atl_tuner_step(atl_tuner *tuner);

// The picture of a pivot [channels, height, width] (NULL: not asked for), and its distance (may be NULL).
ATL_API atl_status atl_tuner_look(atl_tuner *tuner, int pivot, float *img, double *distance);

// The tuned network as a file that opens as a model; or the tensors alone that changed, which open with the
// generator as the `deltas` of atl_model_options.
ATL_API atl_status atl_tuner_save(atl_tuner *tuner, const char *path, atl_dtype dtype);
ATL_API atl_status atl_tuner_save_deltas(atl_tuner *tuner, const char *path, atl_dtype dtype);

// All that the next step depends on, to go on another day bit for bit; restored after atl_tuner_begin() with
// the same pivots and options, else it is an error that says what differs.
ATL_API atl_status atl_tuner_keep(atl_tuner *tuner, const char *path);
ATL_API atl_status atl_tuner_restore(atl_tuner *tuner, const char *path);

// The work of a step in GFLOP, by the direct algorithms, and the bytes of its memory beside the generator.
ATL_API void atl_tuner_cost(const atl_tuner *tuner, double *gflop, size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
