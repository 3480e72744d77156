// SPDX-License-Identifier: Apache-2.0
// How far weights of two networks of one shape are apart.
#ifndef TEST_TRAIN_PARAMS_H
#define TEST_TRAIN_PARAMS_H

#include <math.h>

#include "nn/params.h"

// The Euclidean distance of all parameters but buffers.
static inline double params_distance(const atl_params *a, const atl_params *b) {
    double e = 0.0;
    for (size_t i = 0; i < a->size; i++)
        for (size_t k = 0; !a->list[i].buffer && k < a->list[i].count; k++) {
            double d = (double)atl_param_data(a, &a->list[i])[k] - (double)atl_param_data(b, &b->list[i])[k];
            e += d * d;
        }
    return sqrt(e);
}

#endif
