// SPDX-License-Identifier: Apache-2.0
// The arithmetic of ensembles: averages of what a classifier says of a picture and of its views, and which
// share of the views is best.
#include <atelier/ensemble.h>

static float mixed_of(double weight, float base, float deep) {
    return (float)((1.0 - weight) * (double)base + weight * (double)deep);
}

void atl_ensemble_mix(int64_t n, int classes, double weight, const float *base, const float *deep,
                      float *mixed) {
    for (int64_t i = 0; i < n * classes; i++)
        mixed[i] = mixed_of(weight, base[i], deep[i]);
}

int64_t atl_ensemble_right(int64_t n, int classes, const float *probabilities, const int32_t *labels) {
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *p = probabilities + i * classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            best = p[k] > p[best] ? k : best;
        right += best == labels[i];
    }
    return right;
}

// The same of a mixture that nobody keeps.
static int64_t right_with(int64_t n, int classes, double weight, const float *base, const float *deep,
                          const int32_t *labels) {
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *a = base + i * classes, *b = deep + i * classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            best = mixed_of(weight, a[k], b[k]) > mixed_of(weight, a[best], b[best]) ? k : best;
        right += best == labels[i];
    }
    return right;
}

double atl_ensemble_choose(int64_t n, int classes, const float *base, const float *deep,
                           const int32_t *labels, int64_t *right) {
    int best = 0;
    for (int k = 0; k < ATL_ENSEMBLE_WEIGHTS; k++) {
        right[k] = right_with(n, classes, (double)k / (ATL_ENSEMBLE_WEIGHTS - 1), base, deep, labels);
        best = right[k] > right[best] ? k : best;
    }
    return (double)best / (ATL_ENSEMBLE_WEIGHTS - 1);
}
