// SPDX-License-Identifier: Apache-2.0
// Codes: pictures as whole numbers, and networks that predict them.
//
// An autoencoder ("vqgan") has the functions "encode" and "decode" of atl_model_run(); a transformer or a
// PixelCNN ("transformer") draws codes here, one after another, each position looking at what the layers kept
// of those before.
#ifndef ATELIER_CODES_H
#define ATELIER_CODES_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_sample_options {
    size_t size;
    int height, width;        // of the map of codes
    const int32_t *condition; // codes that stand before the picture's: a class; NULL: one 0, no condition,
                              // but of a transformer whose conditions are a vocabulary of their own.  Of a
                              // PixelCNN its class, then the map above, as it has either
    size_t condition_count;
    const int32_t *given; // the first codes of the picture, row by row, which are kept; NULL: none
    size_t given_count;
    uint32_t seed;     // of RandomState, a number of which chooses each code
    float temperature; // logits are divided by it
    int top_k;         // draw among so many of the most probable codes; 0: all
    float top_p;       // and among the fewest whose probabilities reach this sum
    int window;        // side of the square that a code is drawn in, where the map does not fit at once
    // After each code: not 0 stops, and the codes behind it are 0.  NULL: nobody is told.
    int (*told)(void *user, size_t done, size_t all);
    void *user;
    int depth; // codes of each position of the map, as many as the transformer draws
} atl_sample_options;
#define ATL_SAMPLE_OPTIONS_INIT                                                                              \
    { sizeof(atl_sample_options), 16, 16, NULL, 0, NULL, 0, 0, 1.0f, 0, 1.0f, 16, NULL, NULL, 1 }

// codes [height, width], or [height, width, depth].  A map with its condition that is no longer than the
// transformer's positions is drawn with each position computed once.  A larger one is drawn in a window that
// moves with the code, and the whole of it is computed for each code; its condition must then be a single
// code, or a map of the same size, of which the same window is seen.  A transformer with an order of its own
// ("order" of its config, a permuter of taming-transformers) draws maps of the one size that it is for; codes
// that are given are seen by those that come after them in that order.  A PixelCNN draws the map that it was
// opened for ("rows" and "columns" of its config).
ATL_API atl_status atl_codes_sample(atl_model *transformer, const atl_sample_options *options,
                                    int32_t *codes);

#ifdef __cplusplus
}
#endif

#endif
