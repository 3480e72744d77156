// SPDX-License-Identifier: Apache-2.0
// Fitting directions to samples: what the methods share.  Public face: <atelier/directions.h>.
#ifndef ATL_EDIT_FIT_H
#define ATL_EDIT_FIT_H

#include "edit/directions.h"

// The widest samples whose products of all pairs of numbers are kept: 128 MiB.  In blocks wider ones are
// possible, by products of samples.
enum { ATL_PCA_WIDTH = 4096 };

struct atl_fit {
    atl_ctx *ctx;
    atl_fit_options o;
    int64_t n, total; // samples so far; numbers of a sample, rows * width
    // boundary and least squares: the samples themselves
    float *x;       // [room, total]
    double *scores; // [room, o.count]
    int64_t room;
    atl_boundary_check check;
    bool checked;
    // principal directions
    double *mean;   // [total]: sums less `shift` (all at once), or means (in blocks)
    double *shift;  // [total]: the first sample
    double *second; // [total, total]: sums of products, lower half; NULL: they are too wide
    double *kept;   // in blocks: [count, total] directions times their singular values
    int64_t rank;   // rows of it
    double *spread; // in blocks: [total] sums of squared differences from the mean
};

// Each makes the set of what was added.
atl_status atl_pca_add(atl_fit *f, int64_t n, const float *x);
atl_status atl_pca_read(atl_fit *f, atl_directions **set);
atl_status atl_ipca_add(atl_fit *f, int64_t n, const float *x);
atl_status atl_ipca_read(atl_fit *f, atl_directions **set);
atl_status atl_boundary_read(atl_fit *f, atl_directions **set);
atl_status atl_lstsq_read(atl_fit *f, atl_directions **set);

// A linear support vector machine with the hinge loss and a free intercept: w [width] and b that make
// |w|^2 / 2 + c sum over i of max(0, 1 - sign[i] (w.x[i] + b)) least.  x [n, width], sign [n] of 1 and -1.
enum { ATL_HINGE_SAMPLES = 8192 }; // products of all pairs are kept
atl_status atl_hinge_fit(atl_ctx *ctx, const float *x, const int8_t *sign, int64_t n, int64_t width, double c,
                         double *w, double *b);

#endif
