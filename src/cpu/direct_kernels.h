// SPDX-License-Identifier: Apache-2.0
// The inner loops of direct convolution: products of pixels, wherever they lie, with packed weights.
#ifndef ATL_CPU_DIRECT_KERNELS_H
#define ATL_CPU_DIRECT_KERNELS_H

#include <stddef.h>

// Some pixels of the result by a panel of channels, as sums over taps and over a slice of the source's
// channels.
typedef struct atl_cpu_direct_part {
    const float *const *from; // tap t of pixel i reads the source's pixel at from[t step + i]
    float *const *to;         // pixel i of the result
    const float *zeros;       // what from[] has for pixels outside
    size_t step, taps, pixels;
    size_t channel, channels; // of the source: the slice
    size_t column, columns;   // of the result
    const float *weight;      // panel after panel of columns, each [taps, channels, panel(rest)]
    int add;                  // to the result
} atl_cpu_direct_part;

// Of the weight gradient: what some pixels of it give to all taps of a slice of the source's channels by some
// channels of the result.
typedef struct atl_cpu_direct_grad {
    const float *const *from; // as above
    const float *const *next; // the same of the pixels that will follow, to be brought near; or `from` again
    const float *dy;          // of the first pixel
    size_t dy_step;           // floats from one pixel to the next
    size_t step, taps, pixels;
    size_t channel, channels, columns;
    float *sums;    // [taps, channels, columns]
    float *scratch; // [pixels, width of a panel]
    int add;        // to the sums
} atl_cpu_direct_grad;

typedef struct atl_cpu_direct_kernels {
    // to[i][column + j] = sum over taps t, channels c of from[t step + i][channel + c] weight[t, c, j]
    void (*sums)(const atl_cpu_direct_part *part);
    size_t (*panel)(size_t rest); // width of the panel at the start of `rest` columns

    // sums[t, c, j] = sum over pixels i of from[t step + i][channel + c] dy[i dy_step + j]
    void (*grad)(const atl_cpu_direct_grad *part);

    // to[i][at + j] = from[j step + i] for i < m, j < n, and back: to[j step + i] = from[i][at + j]
    void (*turn)(const float *from, size_t step, float *const *to, size_t at, size_t m, size_t n);
    void (*turn_back)(const float *const *from, size_t at, float *to, size_t step, size_t m, size_t n);
} atl_cpu_direct_kernels;

void atl_cpu_direct_init(atl_cpu_direct_kernels *k); // the reference
void atl_cpu_direct_init_avx2(atl_cpu_direct_kernels *k);
void atl_cpu_direct_init_avx512(atl_cpu_direct_kernels *k);
void atl_cpu_direct_init_neon(atl_cpu_direct_kernels *k);

#endif
