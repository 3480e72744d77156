// SPDX-License-Identifier: Apache-2.0
// Linear separability (Karras et al. 2019): how much a linear boundary in latent space leaves unsaid about
// each of forty attributes, as a classifier of pictures sees them.
#ifndef ATL_METRICS_SEPARABILITY_H
#define ATL_METRICS_SEPARABILITY_H

#include <stdint.h>
#include "metrics/estimate.h"

typedef struct atl_entropies {
    double joint, mutual, conditional; // bits: H(X, Y), I(X; Y), H(Y | X)
} atl_entropies;

// Of a table of counts or probabilities p[x][y], columns y.
atl_entropies atl_entropies_of(const double *p, int rows, int columns);

typedef struct atl_boundary {
    double table[2][2]; // how often: prediction x, target y
    double conditional; // H(target | prediction), bits
    double variance;    // of conditional, over the samples
    double smallest;    // the smallest |decision value|: how sure the table is
} atl_boundary;

// Keeps the samples of which the classifier is surest, and separates those with logit <= 0 from the others by
// a linear SVM in latent space: squared hinge, C = 1, the intercept a weight like the others.
//   latents [n, width], logits [n]; keep: 100000 officially; what is not NULL is filled:
//   weights [width + 1] (the intercept last), kept [keep] rows in order, targets and predictions [keep] of 0
//   and 1.
// Where all targets are alike there is nothing to separate, and the entropy is 0.
atl_status atl_separability(atl_ctx *ctx, const float *latents, const float *logits, int64_t n, int64_t width,
                            int64_t keep, atl_boundary *boundary, double *weights, int32_t *kept,
                            uint8_t *targets, uint8_t *predictions);

// 2^(sum of the conditional entropies); error: of the entropies, taken as independent (delta method).
atl_estimate atl_separability_score(const atl_boundary *boundaries, int count);

#endif
