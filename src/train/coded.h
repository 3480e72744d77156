// SPDX-License-Identifier: Apache-2.0
// A set as codes, for networks that are trained on what an autoencoder makes of pictures: every picture is
// encoded once, in memory, when the first step needs it, and its mirror image, too, where a run shows it.
// Several processes share the encoding.  Then steps take codes in the order in which others take pictures.
#ifndef ATL_TRAIN_CODED_H
#define ATL_TRAIN_CODED_H

#include "train/trainer.h"

typedef struct atl_coded {
    atl_network first;        // the autoencoder
    atl_programs programs;    // of it
    int rows, columns, depth; // of a map of codes; depth: codes of a position
    int top;                  // codes of a map of half the rows and columns that stand before it; 0: none do
    int length;               // codes of a picture
    int vocabulary;
    size_t count;     // pictures
    size_t looks;     // 2: each, and flipped
    int32_t *codes;   // [count, looks, length]; NULL: nothing is encoded yet
    int32_t *classes; // [count], zeros without labels
    uint32_t *held;   // [n_held] pictures that are only measured on
    size_t n_held;
    atl_sampler *order; // of the others
    uint64_t at;        // pictures that were shown before its next
    int32_t *step;      // codes of this process's pictures of a step [local, length], zeros before the first
    int32_t *step_classes;
} atl_coded;

// Opens the autoencoder of a file, "vqgan" or else the average of a training run, for the pictures of the
// trainer's set.
atl_status atl_coded_open(atl_trainer *t, const char *path, atl_coded *c);
void atl_coded_close(atl_trainer *t, atl_coded *c); // accepts one that is all zeros

// Encodes the set when that was not done yet.
atl_status atl_coded_encode(atl_trainer *t, atl_coded *c, const atl_told *told);

// What the step to come is made of, of a set that is encoded.
atl_status atl_coded_fetch(atl_trainer *t, atl_coded *c);

// The codes of sample i of a run and its class (NULL: not wanted): of the step, or in turn of what is held
// out.
const int32_t *atl_coded_sample(const atl_coded *c, const atl_draw_run *run, int i, bool held,
                                int32_t *class);

// Codes [n, length] to pictures [n, channels, height, width].
atl_status atl_coded_decode(atl_coded *c, int n, const int32_t *codes, float *images);

#endif
