// SPDX-License-Identifier: Apache-2.0
// FID with its error, and at infinitely many samples: see fid.h.
//
// FID of n samples is too large by about b / n (Chong and Forsyth 2020), so a line through FIDs of subsets
// over 1 / size meets the value of infinitely many samples at 0.  As they do it: 15 sizes from a tenth to
// all, random subsets, here each within the next.  With fewer samples than features there is no such line:
// the smallest subset has as many samples as features, or half of what there is.
//
// The error of FID: what it becomes without each of ten groups.  That of the line: the same, of a line
// through two sizes, all samples and single groups, since their FIDs without a group are known already; and
// what small subsets scatter by around the line of 15 sizes.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/fid_inside.h"
#include "metrics/moments.h"

enum { GROUPS = ATL_FID_GROUPS, SIZES = 15, LEAST = 2 * GROUPS, PARTS = 1 + 2 * GROUPS + SIZES - 1 };

typedef struct estimate {
    atl_ctx *ctx;
    atl_fid_real real;
    const float *features; // [n, width]
    int64_t n, width, done;
    uint64_t seed;
    const atl_watch *watch;
    double *mean, *cov;   // of all samples
    double *part, *parts; // mean and covariance of some
    double fid;
    double alone[GROUPS], without[GROUPS];
} estimate;

static atl_status ask(const estimate *e) {
    return atl_watch_ask(e->ctx, e->watch, e->done, PARTS);
}

// FID of what is in part and parts.
static atl_status next_fid(estimate *e, double *fid) {
    ATL_TRY(ask(e));
    e->real.watch = e->watch;
    e->real.done = ++e->done;
    e->real.all = PARTS;
    return atl_fid_to(&e->real, e->part, e->parts, fid);
}

// In portions of less than a second, which change no bit of the sums.
static atl_status add_all(estimate *e, atl_moments *m) {
    enum { PORTION = 2048 };
    for (int64_t at = 0; at < e->n; at += PORTION) {
        ATL_TRY(ask(e));
        int64_t some = e->n - at < PORTION ? e->n - at : PORTION;
        ATL_TRY(atl_moments_add(m, e->features + at * e->width, some));
    }
    return ATL_OK;
}

static atl_status take_all(estimate *e) {
    atl_moments *m;
    ATL_TRY(atl_moments_open(e->ctx, e->width, &m));
    atl_status status = add_all(e, m);
    if (status == ATL_OK)
        status = atl_moments_finish(m, e->mean, e->cov);
    atl_moments_close(&m);
    if (status != ATL_OK)
        return status;
    memcpy(e->part, e->mean, (size_t)e->width * sizeof *e->part);
    memcpy(e->parts, e->cov, (size_t)(e->width * e->width) * sizeof *e->parts);
    return next_fid(e, &e->fid);
}

// ---- groups

static int64_t size_of_group(const estimate *e, int group) {
    return (e->n - group + GROUPS - 1) / GROUPS;
}

static atl_status take_group(estimate *e, int group) {
    atl_moments *m;
    ATL_TRY(atl_moments_open(e->ctx, e->width, &m));
    atl_status status = ATL_OK;
    for (int64_t i = 0; i < e->n && status == ATL_OK; i++)
        if (atl_estimate_group(i, GROUPS) == group)
            status = atl_moments_add(m, e->features + i * e->width, 1);
    if (status == ATL_OK)
        status = atl_moments_finish(m, e->part, e->parts);
    atl_moments_close(&m);
    return status;
}

// Makes of the moments of a group those of all other samples: sums are those of all less the group's.
static void leave_out(estimate *e, int group) {
    double n = (double)e->n, k = (double)size_of_group(e, group), rest = n - k;
    for (int64_t i = 0; i < e->width; i++)
        for (int64_t j = 0; j < e->width; j++) {
            double all = n * (e->cov[i * e->width + j] + e->mean[i] * e->mean[j]);
            double some = k * (e->parts[i * e->width + j] + e->part[i] * e->part[j]);
            double mi = (n * e->mean[i] - k * e->part[i]) / rest,
                   mj = (n * e->mean[j] - k * e->part[j]) / rest;
            e->parts[i * e->width + j] = (all - some) / rest - mi * mj;
        }
    for (int64_t i = 0; i < e->width; i++)
        e->part[i] = (n * e->mean[i] - k * e->part[i]) / rest;
}

static atl_status take_groups(estimate *e) {
    for (int g = 0; g < GROUPS; g++) {
        ATL_TRY(take_group(e, g));
        ATL_TRY(next_fid(e, &e->alone[g]));
        leave_out(e, g);
        ATL_TRY(next_fid(e, &e->without[g]));
    }
    return ATL_OK;
}

// The error of a line through FIDs of all samples and of single groups, which may be those of all groups but
// one.
static double error_at_infinity(const estimate *e) {
    double without[GROUPS], sum = 0;
    for (int g = 0; g < GROUPS; g++)
        sum += e->alone[g];
    for (int g = 0; g < GROUPS; g++) {
        double large = 1 / (double)(e->n - size_of_group(e, g)), small = GROUPS / (double)e->n;
        double few = (sum - e->alone[g]) / (GROUPS - 1);
        without[g] = (e->without[g] * small - few * large) / (small - large);
    }
    return atl_estimate_jackknife(without, GROUPS);
}

// ---- the line

// Where the least squares line through (x, y) meets x = 0, and the error of that by what y differs from the
// line.
static double intercept(const double *x, const double *y, int n, double *error) {
    double mx = 0, my = 0, xx = 0, xy = 0;
    for (int i = 0; i < n; i++)
        mx += x[i] / n, my += y[i] / n;
    for (int i = 0; i < n; i++)
        xx += (x[i] - mx) * (x[i] - mx), xy += (x[i] - mx) * (y[i] - my);
    double slope = xy / xx, residuals = 0;
    for (int i = 0; i < n; i++)
        residuals += pow(y[i] - my - slope * (x[i] - mx), 2);
    *error = sqrt(residuals / (n - 2) * (1.0 / n + mx * mx / xx));
    return my - slope * mx;
}

static double least_size(const estimate *e) {
    double n = (double)e->n;
    return fmax(n / 10, fmin((double)e->width, n / 2));
}

static atl_status take_sizes(estimate *e, const int32_t *order, atl_moments *m, atl_estimate *infinite) {
    double x[SIZES], y[SIZES], scatter;
    int64_t taken = 0;
    for (int k = 0; k < SIZES; k++) {
        double least = least_size(e);
        int64_t size = k == SIZES - 1 ? e->n : (int64_t)(least + ((double)e->n - least) * k / (SIZES - 1));
        x[k] = 1 / (double)size;
        y[k] = e->fid;
        if (k == SIZES - 1)
            break;
        for (; taken < size; taken++)
            ATL_TRY(atl_moments_add(m, e->features + order[taken] * e->width, 1));
        ATL_TRY(atl_moments_finish(m, e->part, e->parts));
        ATL_TRY(next_fid(e, &y[k]));
    }
    infinite->value = intercept(x, y, SIZES, &scatter);
    // A line is the less sure of its end the closer its points are: those of the jackknife reach down to a
    // tenth.
    double reach = (1 - 0.1) / (1 - least_size(e) / (double)e->n);
    infinite->error = hypot(reach * error_at_infinity(e), scatter);
    return ATL_OK;
}

static atl_status take_line(estimate *e, atl_estimate *infinite) {
    const uint64_t stream = 0x666964; // "fid"
    int32_t *order = atl_alloc(e->ctx, (size_t)e->n, sizeof *order);
    atl_moments *m = NULL;
    atl_status status =
        order ? atl_estimate_choose(e->ctx, e->seed, stream, e->n, e->n, order) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_moments_open(e->ctx, e->width, &m);
    if (status == ATL_OK)
        status = take_sizes(e, order, m, infinite);
    atl_moments_close(&m);
    atl_free(e->ctx, order);
    return status;
}

static atl_status take(estimate *e, atl_fid_result *result) {
    static const char *const groups = "jackknife over 10 groups of samples";
    static const char *const line = "jackknife over 10 groups, and scatter around the line";
    ATL_TRY(take_all(e));
    *result = (atl_fid_result){ { e->fid, NAN, groups }, { NAN, NAN, line } };
    if (e->n < LEAST)
        return ATL_OK;
    ATL_TRY(take_groups(e));
    result->fid.error = atl_estimate_jackknife(e->without, GROUPS);
    return take_line(e, &result->infinite);
}

atl_status atl_fid_estimate(atl_ctx *ctx, const atl_gaussian *real, const float *features, int64_t n,
                            uint64_t seed, const atl_watch *watch, atl_fid_result *result) {
    size_t width = (size_t)real->width;
    estimate e = {
        .ctx = ctx, .features = features, .n = n, .width = real->width, .seed = seed, .watch = watch
    };
    ATL_TRY(atl_fid_open(ctx, real, &e.real));
    e.mean = atl_alloc(ctx, width, sizeof(double));
    e.part = atl_alloc(ctx, width, sizeof(double));
    e.cov = atl_alloc(ctx, width, width * sizeof(double));
    e.parts = atl_alloc(ctx, width, width * sizeof(double));
    atl_status status = e.mean && e.part && e.cov && e.parts ? take(&e, result) : ATL_NO_MEMORY;
    atl_free(ctx, e.mean);
    atl_free(ctx, e.part);
    atl_free(ctx, e.cov);
    atl_free(ctx, e.parts);
    atl_fid_close(&e.real);
    return status;
}
