// SPDX-License-Identifier: Apache-2.0
// Inception score: see inception_score.h.
#include "metrics/inception_score.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static double times_log(double p) {
    return p > 0 ? p * log(p) : 0;
}

// exp (mean over the rows of sum p log p, less sum m log m of the mean row m): the mean divergence.  mean:
// [classes]
static double score_of(const float *p, int64_t n, int64_t classes, double *mean) {
    double sum = 0;
    memset(mean, 0, (size_t)classes * sizeof *mean);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < classes; c++) {
            double x = (double)p[i * classes + c];
            mean[c] += x;
            sum += times_log(x);
        }
    sum /= (double)n;
    for (int64_t c = 0; c < classes; c++)
        sum -= times_log(mean[c] / (double)n);
    return exp(sum);
}

atl_status atl_inception_score(atl_ctx *ctx, const float *probabilities, int64_t n, int64_t classes,
                               int splits, atl_estimate *score, double *deviation) {
    if (splits < 1 || n < splits || classes < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "an inception score in %d parts needs as many samples, not %lld", splits,
                        (long long)n);
    double *mean = atl_alloc(ctx, (size_t)classes, sizeof *mean);
    double *scores = atl_alloc(ctx, (size_t)splits, sizeof *scores);
    if (mean && scores) {
        for (int i = 0; i < splits; i++) {
            int64_t first = i * n / splits, end = (i + 1) * n / splits;
            scores[i] = score_of(probabilities + first * classes, end - first, classes, mean);
        }
        *score = atl_estimate_mean(scores, splits);
        score->method = "deviation of the parts / sqrt(their number)";
        *deviation = splits > 1 ? score->error * sqrt(splits - 1.0) : 0;
    }
    atl_status status = mean && scores ? ATL_OK : ATL_NO_MEMORY;
    atl_free(ctx, mean);
    atl_free(ctx, scores);
    return status;
}
