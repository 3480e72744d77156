// SPDX-License-Identifier: Apache-2.0
// A generator that is measured.  Everything about sample i of a purpose is a function of the seed, the
// purpose and i, and networks run in batches of one size, the last of them filled up: so the same sample has
// the same bits whatever else is asked for, with any number of threads and processes.
#ifndef ATL_METRICS_GENERATOR_H
#define ATL_METRICS_GENERATOR_H

#include <atelier/dataset.h>
#include <atelier/rng.h>
#include "run/program.h"
#include "run/truncate.h"

// Who draws.  The numbers are part of what a seed means: new ones go to the end.
typedef enum atl_purpose {
    ATL_PURPOSE_PICTURES,
    ATL_PURPOSE_PATHS,
    ATL_PURPOSE_TRANSLATIONS,
    ATL_PURPOSE_ROTATIONS,
    ATL_PURPOSE_SEPARABILITY
} atl_purpose;

// Streams of a purpose.
typedef enum atl_drawn {
    ATL_DRAWN_Z,
    ATL_DRAWN_LABEL,
    ATL_DRAWN_NOISE,
    ATL_DRAWN_OTHER,
    ATL_DRAWN_STREAMS = 8
} atl_drawn;

typedef struct atl_generator_options {
    uint32_t seed;
    float psi; // truncation; 1: none
    int cutoff;
    int class_index; // of every sample; negative: labels are drawn from the data
    atl_noise_mode noise;
    bool reference_order;
    const float
        *codes; // [code_count, num_ws, w_dim], borrowed: pictures are of what lies between; NULL: of z
    int64_t code_count;
} atl_generator_options;

typedef struct atl_generator {
    atl_ctx *ctx;
    const atl_network *net;
    atl_programs programs;
    atl_w_mean mean;
    atl_generator_options o;
    const atl_dataset *labels;  // borrowed; NULL: there is no data
    int inner;                  // samples of one run
    size_t z, c, w, ws, img;    // numbers of a sample in each
    atl_numpy_rng torch, numpy; // of the reference order, which has to be followed from the start
    int64_t followed;           // samples so far
} atl_generator;

// Networks that are no generators, and labels that can't be had, are errors.  All that is given must outlive
// it; backend: of atl_detector_backend().  A zeroed struct, and one after a failure, may be closed.
atl_status atl_generator_open(const atl_network *net, atl_backend *backend, const atl_dataset *labels,
                              const atl_generator_options *options, atl_generator *g);
void atl_generator_close(atl_generator *g);

// z [n, z_dim] of the samples from `first` on; two rows for each where a purpose needs pairs: see the
// callers.
void atl_generator_z(atl_generator *g, atl_purpose purpose, int64_t first, int n, float *z);
void atl_generator_labels(atl_generator *g, atl_purpose purpose, int64_t first, int n, float *c);
uint32_t atl_generator_noise_seed(const atl_generator *g, atl_purpose purpose, int64_t sample);
// Uniform numbers in [0, 1) for whatever else is drawn, [n, each].
void atl_generator_uniform(const atl_generator *g, atl_purpose purpose, int64_t first, int n, int each,
                           float *u);

// What samples pass through, a row of each for each.
typedef struct atl_generator_room {
    float *z, *c, *w, *ws, *img;
} atl_generator_room;

// For n samples; one that fails is left as it may be closed.
atl_status atl_generator_room_open(const atl_generator *g, int n, atl_generator_room *room);
void atl_generator_room_close(const atl_generator *g, atl_generator_room *room);

// At most `inner` samples.  z [n, z_dim], c [n, c_dim] -> w [n, w_dim], before truncation.
atl_status atl_generator_w(atl_generator *g, int n, const float *z, const float *c, float *w);
// w [n, w_dim] -> ws [n, num_ws, w_dim], truncated as the options say.
atl_status atl_generator_styles(atl_generator *g, int n, const float *w, const float *c, float *ws);
// All of it: the samples of a purpose from `first` on, up to ws, in the first rows of a room.
atl_status atl_generator_sample(atl_generator *g, atl_purpose purpose, int64_t first, int n,
                                atl_generator_room *room);
typedef struct atl_generator_scene {
    atl_noise_mode noise;
    const uint32_t *noise_seeds;    // [n]
    const float *const *noise_maps; // one for all samples of the run, as const noise is
    const float *transform;         // [9] as the network takes it, already inverted; NULL: its own
} atl_generator_scene;
// ws [n, num_ws, w_dim] -> img [n, channels, height, width].
atl_status atl_generator_paint(atl_generator *g, int n, const float *ws, const atl_generator_scene *scene,
                               float *img);
// The same of one sample, in a run of its own: for scenes that differ from sample to sample.
atl_status atl_generator_paint_one(atl_generator *g, const float *ws, const atl_generator_scene *scene,
                                   float *img);
atl_status atl_generator_moves(atl_generator *g, bool *moves); // whether it has a transform

// The pictures of the purpose PICTURES: rgb [n, 3, height, width], gray three times, as the official codes
// round them.
atl_status atl_generator_pictures(atl_generator *g, int64_t first, int n, uint8_t *rgb);

// img [n, channels, h, w] in about [-1, 1] -> bytes [n, 3, h, w]: clamp(x * 127.5 + 128, 0, 255), truncated.
void atl_generator_bytes(const atl_generator *g, int n, const float *img, uint8_t *rgb);

#endif
