// SPDX-License-Identifier: Apache-2.0
// Linear separability: see separability.h.  Samples, tables and entropies; the boundary itself is svm.c's.
#include "metrics/separability.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/svm.h"

// What a part p of a whole of 1 adds to its entropy, bits.
static double part(double p) {
    return p > 0 ? -p * log2(p) : 0;
}

atl_entropies atl_entropies_of(const double *p, int rows, int columns) {
    double all = 0, joint = 0, of_rows = 0, of_columns = 0;
    for (int i = 0; i < rows * columns; i++)
        all += p[i];
    for (int x = 0; x < rows; x++) {
        double sum = 0;
        for (int y = 0; y < columns; y++) {
            sum += p[x * columns + y] / all;
            joint += part(p[x * columns + y] / all);
        }
        of_rows += part(sum);
    }
    for (int y = 0; y < columns; y++) {
        double sum = 0;
        for (int x = 0; x < rows; x++)
            sum += p[x * columns + y] / all;
        of_columns += part(sum);
    }
    double mutual = fmax(of_rows + of_columns - joint, 0);
    return (atl_entropies){ joint, mutual, fmax(of_columns - mutual, 0) };
}

// ---- the samples of which the classifier is surest

typedef struct sample {
    float confidence;
    int32_t row;
} sample;

// The larger of the softmax of l and -l.  In float32 all the way: its rounding decides which are equal.
static float confidence(float logit) {
    double size = fmin(fabs((double)logit), 80); // all the same beyond, and exp has an end
    float e = (float)exp(size), f = (float)exp(-size);
    return e / (e + f);
}

// The surest first; of equals, which float32 makes of all beyond some logit, that which comes first.
static int surest(const void *a, const void *b) {
    const sample *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence < y->confidence ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static atl_status keep_surest(atl_ctx *ctx, const float *logits, int64_t n, int64_t keep, int32_t *kept) {
    sample *all = atl_alloc(ctx, (size_t)n, sizeof *all);
    if (!all)
        return ATL_NO_MEMORY;
    for (int64_t i = 0; i < n; i++)
        all[i] = (sample){ confidence(logits[i]), (int32_t)i };
    qsort(all, (size_t)n, sizeof *all, surest);
    for (int64_t i = 0; i < keep; i++)
        kept[i] = all[i].row;
    atl_free(ctx, all);
    return ATL_OK;
}

// ---- the boundary

typedef struct work {
    int32_t *kept;        // [keep]
    float *x;             // [keep, width + 1]
    int8_t *sign;         // [keep]
    double *w, *decision; // [width + 1], [keep]
} work;

static void tabulate(const work *k, int64_t keep, atl_boundary *b, uint8_t *targets, uint8_t *predictions) {
    *b = (atl_boundary){ .smallest = INFINITY };
    for (int64_t i = 0; i < keep; i++) {
        int prediction = k->decision[i] > 0, target = k->sign[i] > 0;
        b->table[prediction][target] += 1.0 / (double)keep;
        b->smallest = fmin(b->smallest, fabs(k->decision[i]));
        if (targets)
            targets[i] = (uint8_t)target;
        if (predictions)
            predictions[i] = (uint8_t)prediction;
    }
    b->conditional = atl_entropies_of(b->table[0], 2, 2).conditional;
    // It is the mean of -log p(y | x) over samples: the variance of that, over their number.
    double squares = 0;
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 2; y++)
            if (b->table[x][y] > 0)
                squares += b->table[x][y] * pow(log2(b->table[x][y] / (b->table[x][0] + b->table[x][1])), 2);
    b->variance = fmax(squares - b->conditional * b->conditional, 0) / (double)keep;
}

static atl_status separate(atl_ctx *ctx, const float *latents, const float *logits, int64_t n, int64_t width,
                           int64_t keep, work *k) {
    ATL_TRY(keep_surest(ctx, logits, n, keep, k->kept));
    for (int64_t i = 0; i < keep; i++) {
        float *row = k->x + i * (width + 1);
        memcpy(row, latents + k->kept[i] * width, (size_t)width * sizeof *row);
        row[width] = 1.0f;
        k->sign[i] = logits[k->kept[i]] <= 0 ? 1 : -1;
    }
    return atl_svm_fit(ctx, k->x, k->sign, keep, width + 1, 1, k->w, k->decision);
}

atl_status atl_separability(atl_ctx *ctx, const float *latents, const float *logits, int64_t n, int64_t width,
                            int64_t keep, atl_boundary *boundary, double *weights, int32_t *kept,
                            uint8_t *targets, uint8_t *predictions) {
    if (keep < 1 || keep > n || n > INT32_MAX || width < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "cannot keep %lld of %lld samples", (long long)keep,
                        (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (isnan(logits[i]))
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "what the classifier says of sample %lld is not a number",
                            (long long)i);
    size_t count = (size_t)keep, columns = (size_t)width + 1;
    work k = { atl_alloc(ctx, count, sizeof *k.kept), atl_alloc(ctx, count, columns * sizeof *k.x),
               atl_alloc(ctx, count, 1), atl_alloc(ctx, columns, sizeof *k.w),
               atl_alloc(ctx, count, sizeof *k.decision) };
    atl_status status = ATL_NO_MEMORY;
    if (k.kept && k.x && k.sign && k.w && k.decision)
        status = separate(ctx, latents, logits, n, width, keep, &k);
    if (status == ATL_OK) {
        tabulate(&k, keep, boundary, targets, predictions);
        if (weights)
            memcpy(weights, k.w, columns * sizeof *weights);
        if (kept)
            memcpy(kept, k.kept, count * sizeof *kept);
    }
    atl_free(ctx, k.kept);
    atl_free(ctx, k.x);
    atl_free(ctx, k.sign);
    atl_free(ctx, k.w);
    atl_free(ctx, k.decision);
    return status;
}

atl_estimate atl_separability_score(const atl_boundary *boundaries, int count) {
    double sum = 0, variance = 0;
    for (int i = 0; i < count; i++) {
        sum += boundaries[i].conditional;
        variance += boundaries[i].variance;
    }
    return (atl_estimate){ exp2(sum), exp2(sum) * log(2) * sqrt(variance),
                           "delta method, the boundaries being given" };
}
