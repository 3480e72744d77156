// SPDX-License-Identifier: Apache-2.0
// Closed paths through keyframes.  The cubic one repeats what the official video script asks of SciPy:
// the keyframes tiled 2 * wraps + 1 times, a not-a-knot cubic spline through all of them at integer
// positions, read in the middle copy.  Everything is computed in double and rounded at the end.
//
// At unit distance, with M the second derivatives at the knots and D their right-hand sides,
//
//     M[i-1] + 4 M[i] + M[i+1] = 6 (y[i-1] - 2 y[i] + y[i+1]) = D[i],   0 < i < n - 1
//     M[0] = 2 M[1] - M[2],   M[n-1] = 2 M[n-2] - M[n-3]                (not-a-knot)
//
// The second line turns the first and last rows into 6 M = D, so what is left is one tridiagonal solve.
#include <atelier/path.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"

enum { WRAPS = 2, WRAPS_MAX = 16 };

struct atl_path {
    atl_ctx *ctx;
    atl_path_options options;
    size_t keys, width;
    float *points;   // [keys, width]
    double *bends;   // [keys + 1, width], cubic: second derivatives at keyframes 0 to keys
};

// Solves one column: y [keys] at stride `width`, tiled to n knots; scratch holds 3 n doubles.
static void fit(const atl_path *p, size_t column, size_t n, double *scratch) {
    double *y = scratch, *m = y + n, *upper = m + n; // each [n]
    size_t first = (size_t)p->options.wraps * p->keys;
    for (size_t i = 0; i < n; i++)
        y[i] = (double)p->points[i % p->keys * p->width + column];
    for (size_t i = 1; i + 1 < n; i++) {
        int end = i == 1 || i + 2 == n;
        double d = 6 * (y[i - 1] - 2 * y[i] + y[i + 1]);
        double below = end ? 0 : 1, diagonal = (end ? 6 : 4) - below * upper[i - 1];
        upper[i] = (end ? 0 : 1) / diagonal;
        m[i] = (d - below * m[i - 1]) / diagonal;
    }
    for (size_t i = n - 2; i-- > 1;)
        m[i] -= upper[i] * m[i + 1];
    for (size_t k = 0; k <= p->keys; k++)
        p->bends[k * p->width + column] = m[first + k];
}

static atl_status fit_all(atl_path *p) {
    size_t n = p->keys * (2 * (size_t)p->options.wraps + 1);
    p->bends = atl_alloc(p->ctx, (p->keys + 1) * p->width, sizeof(double));
    double *scratch = p->bends ? atl_calloc(p->ctx, 3 * n, sizeof(double)) : NULL;
    if (!scratch)
        return ATL_NO_MEMORY;
    for (size_t column = 0; column < p->width; column++)
        fit(p, column, n, scratch);
    atl_free(p->ctx, scratch);
    return ATL_OK;
}

static double dot(size_t n, const float *a, const float *b) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

// Scales x to `length`; a zero vector stays.
static void scale_to(size_t n, float *x, double length) {
    double norm = sqrt(dot(n, x, x));
    for (size_t i = 0; norm > 0 && i < n; i++)
        x[i] = (float)((double)x[i] * (length / norm));
}

static atl_status check(atl_ctx *ctx, size_t keys, size_t width, const float *keyframes,
                        const atl_path_options *o) {
    if (keys < 1 || width < 1 || keys > SIZE_MAX / 1024 / width)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a path of %zu keyframes of %zu numbers; give at least one",
                        keys, width);
    if (o->ease < ATL_PATH_CUBIC || o->ease > ATL_PATH_SMOOTH || o->wraps < 0 || o->wraps > WRAPS_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a path with ease %d and wraps %d; wraps must be 1 to %d",
                        (int)o->ease, o->wraps, WRAPS_MAX);
    for (size_t i = 0; i < keys * width; i++)
        if (!isfinite(keyframes[i]))
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "keyframe %zu of a path holds a number that is not finite",
                            i / width);
    return ATL_OK;
}

atl_status atl_path_open(atl_ctx *ctx, size_t keys, size_t width, const float *keyframes,
                         const atl_path_options *options, atl_path **path) {
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    *path = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_path_options", &o, sizeof o, options));
    ATL_TRY(check(ctx, keys, width, keyframes, &o));
    atl_path *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    *p = (atl_path){ .ctx = ctx, .options = o, .keys = keys, .width = width };
    p->options.wraps = o.wraps ? o.wraps : WRAPS;
    p->points = atl_alloc(ctx, keys * width, sizeof(float));
    atl_status status = p->points ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        memcpy(p->points, keyframes, keys * width * sizeof(float));
        for (size_t k = 0; o.sphere && k < keys; k++)
            scale_to(width, p->points + k * width, sqrt((double)width));
    }
    if (status == ATL_OK && o.ease == ATL_PATH_CUBIC)
        status = fit_all(p);
    if (status != ATL_OK)
        atl_path_close(&p);
    *path = p;
    return status;
}

void atl_path_close(atl_path **path) {
    if (!path || !*path)
        return;
    atl_path *p = *path;
    atl_free(p->ctx, p->points);
    atl_free(p->ctx, p->bends);
    atl_free(p->ctx, p);
    *path = NULL;
}

// Between keyframes k and k + 1, 0 <= t < 1.
static void cubic_at(const atl_path *p, size_t k, double t, float *out) {
    size_t w = p->width;
    const float *a = p->points + k * w, *b = p->points + (k + 1) % p->keys * w;
    const double *ma = p->bends + k * w, *mb = ma + w;
    double s = 1 - t, ca = (s * s * s - s) / 6, cb = (t * t * t - t) / 6;
    for (size_t i = 0; i < w; i++)
        out[i] = (float)(s * (double)a[i] + t * (double)b[i] + ca * ma[i] + cb * mb[i]);
}

void atl_path_at(const atl_path *p, double position, float *out) {
    double keys = (double)p->keys, around = isfinite(position) ? position - floor(position / keys) * keys : 0;
    size_t k = (size_t)around;
    if (k >= p->keys) { // a position just below a multiple of keys may round up to keys
        k = 0;
        around = 0;
    }
    double t = around - (double)k, radius = sqrt((double)p->width);
    const float *a = p->points + k * p->width, *b = p->points + (k + 1) % p->keys * p->width;
    if (p->options.ease == ATL_PATH_SMOOTH)
        t = t * t * (3 - 2 * t);
    if (p->options.ease == ATL_PATH_CUBIC)
        cubic_at(p, k, t, out);
    else if (p->options.sphere)
        atl_path_slerp(p->width, a, b, t, out);
    else
        atl_path_lerp(p->width, a, b, t, out);
    if (p->options.sphere)
        scale_to(p->width, out, radius);
}

void atl_path_lerp(size_t n, const float *a, const float *b, double t, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((1 - t) * (double)a[i] + t * (double)b[i]);
}

void atl_path_slerp(size_t n, const float *a, const float *b, double t, float *out) {
    double la = sqrt(dot(n, a, a)), lb = sqrt(dot(n, b, b));
    double cosine = la > 0 && lb > 0 ? dot(n, a, b) / (la * lb) : 1;
    cosine = cosine < -1 ? -1 : cosine > 1 ? 1 : cosine;
    // sin of the angle, from the part of b beside a: keeps its digits where the cosine has lost them
    double beside = 0;
    for (size_t i = 0; la > 0 && lb > 0 && i < n; i++) {
        double part = (double)b[i] / lb - cosine * ((double)a[i] / la);
        beside += part * part;
    }
    double sine = sqrt(beside), angle = atan2(sine, cosine);
    double cb = sine > 1e-7 ? sin(t * angle) / sine : 0, ca = cos(t * angle) - cb * cosine;
    if (cb == 0 && t != 0)
        ca = 1; // no circle to follow
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(ca * (la > 0 ? (double)a[i] / la : 0) + cb * (lb > 0 ? (double)b[i] / lb : 0));
    scale_to(n, out, 1);
}
