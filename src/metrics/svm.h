// SPDX-License-Identifier: Apache-2.0
// A linear support vector machine with the squared hinge loss: the w that makes
// |w|^2 / 2 + C sum over i of max(0, 1 - sign[i] w.x[i])^2 least, which is one.
#ifndef ATL_METRICS_SVM_H
#define ATL_METRICS_SVM_H

#include <stdint.h>
#include "base/ctx.h"

// x [n, width], sign [n] of 1 and -1; an intercept is a column of ones.  w [width]; decision [n]: w.x of each
// sample.
atl_status atl_svm_fit(atl_ctx *ctx, const float *x, const int8_t *sign, int64_t n, int64_t width, double c,
                       double *w, double *decision);

#endif
