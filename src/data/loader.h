// SPDX-License-Identifier: Apache-2.0
// Batches for training, without end: the order of the official sampler, subset and mirror included, and
// threads that read ahead.  The order depends on the seed alone, not on the number of threads.
#ifndef ATL_DATA_LOADER_H
#define ATL_DATA_LOADER_H

#include "data/dataset.h"

typedef struct atl_loader atl_loader;

typedef struct atl_loader_options {
    uint32_t seed;      // of the order, and of the choice of a subset
    size_t subset;      // so many pictures, chosen at random; 0: all
    bool mirror;        // each picture twice, the second time flipped from left to right
    size_t rank, ranks; // this process takes every `ranks`th picture, from `rank` on; ranks 0: 1
    uint64_t start;     // pictures of the order that were shown before, in all ranks: to resume
    int threads;        // that read ahead; 0: 2
    size_t ahead;       // pictures read ahead at most; 0: 64
} atl_loader_options;

// One element of the order.
typedef struct atl_sample {
    uint32_t picture; // number in the set
    bool flip;
} atl_sample;

// `set` must outlive the loader; meanwhile nobody else may close it, reading from it is fine.
atl_status atl_loader_open(atl_ctx *ctx, const atl_dataset *set, const atl_loader_options *options,
                           atl_loader **loader);
void atl_loader_close(atl_loader **loader);

size_t atl_loader_length(const atl_loader *loader); // of one round: subset, and twice that with mirror

// The next `count` pictures as networks read them: images [count, height, width, channels], x / 127.5 - 1 of each
// byte x, as the official loop computes it in single precision; and their labels [count, label_size] when `labels`
// is not NULL.  which [count]: where they come from, as far as they were read when one fails; NULL: not wanted.
atl_status atl_loader_next(atl_loader *loader, size_t count, float *images, float *labels, atl_sample *which);

// The endless order by itself, for tests and for those who draw without reading.
typedef struct atl_sampler atl_sampler;
atl_status atl_sampler_open(atl_ctx *ctx, size_t count, const atl_loader_options *options,
                            atl_sampler **sampler);
atl_sample atl_sampler_next(atl_sampler *sampler);
size_t atl_sampler_length(const atl_sampler *sampler);
uint32_t atl_sampler_picture(const atl_sampler *sampler, size_t index); // number `index` of the subset, in order
void atl_sampler_close(atl_sampler **sampler);

#endif
