// SPDX-License-Identifier: Apache-2.0
// The arithmetic of perceptual path length: see path_length.h.
#include "metrics/path_length.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"

void atl_ppl_slerp(const float *a, const float *b, size_t size, double t, float *out) {
    double aa = 0, bb = 0, dot = 0, cc = 0, norm = 0;
    for (size_t i = 0; i < size; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    aa = sqrt(aa);
    bb = sqrt(bb);
    for (size_t i = 0; i < size; i++)
        dot += (double)a[i] / aa * ((double)b[i] / bb);
    for (size_t i = 0; i < size; i++) { // the part of b across a
        double x = (double)b[i] / bb - dot * ((double)a[i] / aa);
        cc += x * x;
    }
    cc = sqrt(cc);
    double p = t * acos(dot < -1 ? -1 : dot > 1 ? 1 : dot), cosine = cos(p), sine = sin(p);
    for (size_t i = 0; i < size; i++) {
        double x = (double)a[i] / aa, across = cc > 0 ? ((double)b[i] / bb - dot * x) / cc : 0;
        out[i] = (float)(x * cosine + across * sine);
        norm += (double)out[i] * (double)out[i];
    }
    norm = sqrt(norm);
    for (size_t i = 0; i < size; i++)
        out[i] = (float)((double)out[i] / norm);
}

void atl_ppl_lerp(const float *a, const float *b, size_t size, double t, float *out) {
    for (size_t i = 0; i < size; i++)
        out[i] = (float)((double)a[i] + ((double)b[i] - (double)a[i]) * t);
}

atl_ppl_view atl_ppl_view_of(int64_t h, int64_t w, bool crop) {
    atl_ppl_view v = { .rows = h, .columns = w };
    if (crop) {
        v.top = h / 8 * 3, v.rows = h / 8 * 4;
        v.left = w / 8 * 2, v.columns = w / 8 * 4;
    }
    v.factor = v.rows / 256 > 1 ? v.rows / 256 : 1;
    v.height = v.rows / v.factor, v.width = v.columns / v.factor;
    return v;
}

void atl_ppl_see(const atl_ppl_view *v, const float *image, int64_t c, int64_t h, int64_t w, float *seen) {
    double pixels = (double)(v->factor * v->factor);
    for (int64_t i = 0; i < c; i++)
        for (int64_t p = 0; p < v->height; p++)
            for (int64_t q = 0; q < v->width; q++) {
                const float *x = image + (i * h + v->top + p * v->factor) * w + v->left + q * v->factor;
                double sum = 0;
                for (int64_t r = 0; r < v->factor; r++)
                    for (int64_t s = 0; s < v->factor; s++)
                        sum += (double)x[r * w + s];
                *seen++ = (float)(sum / pixels);
            }
}

void atl_ppl_see_colours(const atl_ppl_view *v, const float *image, int64_t c, int64_t h, int64_t w,
                         float *seen) {
    int64_t area = v->height * v->width;
    atl_ppl_see(v, image, c, h, w, seen);
    for (int64_t i = 0; i < c * area; i++)
        seen[i] = (seen[i] + 1.0f) * 127.5f;
    for (int64_t copy = c; copy < 3; copy++)
        memcpy(seen + copy * area, seen, (size_t)area * sizeof *seen);
}

double atl_ppl_distance(const float *a, const float *b, int64_t width) {
    double sum = 0;
    for (int64_t i = 0; i < width; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum / (ATL_PPL_EPSILON * ATL_PPL_EPSILON);
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Mean of what lies between the percentiles of the sorted values, each being there count[i] times, n in all.
static double mean_between(const float *sorted, const int32_t *count, int64_t values, int64_t n) {
    int64_t low = (n - 1) / 100, high = (99 * (n - 1) + 99) / 100, before = 0,
            kept = 0; // the lower one, the higher one
    float least = 0, most = 0;
    for (int64_t i = 0; i < values; before += count[i++]) {
        if (before <= low)
            least = count[i] ? sorted[i] : least;
        if (before <= high)
            most = count[i] ? sorted[i] : most;
    }
    double sum = 0;
    for (int64_t i = 0; i < values; i++)
        if (sorted[i] >= least && sorted[i] <= most) {
            sum += (double)count[i] * (double)sorted[i];
            kept += count[i];
        }
    return sum / (double)kept;
}

// n values with replacement: how often each.
static void resample(uint64_t seed, uint64_t stream, int64_t n, int32_t *count) {
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    memset(count, 0, (size_t)n * sizeof *count);
    for (int64_t i = 0; i < n; i += 4) {
        const uint32_t counter[4] = { (uint32_t)(i / 4), 0, (uint32_t)stream, (uint32_t)(stream >> 32) };
        uint32_t words[4];
        atl_philox_block(counter, key, words);
        for (int64_t k = 0; k < 4 && i + k < n; k++)
            count[(uint64_t)words[k] * (uint64_t)n >> 32]++;
    }
}

static atl_estimate bootstrap(const float *sorted, int64_t n, uint64_t seed, int32_t *count) {
    enum { TIMES = 200 }; // which knows the error to 1 / sqrt(2 * 200), a twentieth
    double values[TIMES];
    for (int t = 0; t < TIMES; t++) {
        resample(seed, UINT64_C(0x70706c) << 32 | (uint64_t)t, n, count);
        values[t] = mean_between(sorted, count, n, n);
    }
    for (int64_t i = 0; i < n; i++)
        count[i] = 1;
    double error = atl_estimate_mean(values, TIMES).error * sqrt((double)TIMES);
    return (atl_estimate){ mean_between(sorted, count, n, n), n > 1 ? error : NAN, "bootstrap, 200 times" };
}

atl_status atl_ppl_mean(atl_ctx *ctx, const float *distances, int64_t n, uint64_t seed, atl_estimate *ppl) {
    if (n < 1 || n > INT32_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a path length needs distances, not %lld", (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(distances[i]))
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "distance %lld along a path is not finite", (long long)i);
    float *sorted = atl_alloc(ctx, (size_t)n, sizeof *sorted);
    int32_t *count = atl_alloc(ctx, (size_t)n, sizeof *count);
    if (sorted && count) {
        memcpy(sorted, distances, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, ascending);
        *ppl = bootstrap(sorted, n, seed, count);
    }
    atl_status status = sorted && count ? ATL_OK : ATL_NO_MEMORY;
    atl_free(ctx, sorted);
    atl_free(ctx, count);
    return status;
}
