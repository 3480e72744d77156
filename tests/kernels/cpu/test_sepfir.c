// SPDX-License-Identifier: Apache-2.0
// The separable filter per image against its definition in double precision, and its transpose by dot product.
#include "../check.h"

#include "cpu/sepfir.h"

// By steps: at an edge the way turns round.
static int64_t mirrored(int64_t i, int64_t size) {
    while (size > 1 && (i < 0 || i >= size))
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return size > 1 ? i : 0;
}

static void definition(const atl_cpu_sepfir_dims *d, const float *f, const float *x, float *y) {
    int64_t radius = d->taps / 2;
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++) {
        int64_t k = i % d->c, q = i / d->c % d->w, p = i / (d->c * d->w) % d->h, n = i / (d->c * d->w * d->h);
        const float *image = x + n * d->h * d->w * d->c, *taps = f + n * d->taps;
        double sum = 0.0;
        for (int64_t r = 0; r < d->taps; r++)
            for (int64_t s = 0; s < d->taps; s++) {
                int64_t row = mirrored(p + r - radius, d->h), column = mirrored(q + s - radius, d->w);
                sum += (double)taps[r] * (double)taps[s] * (double)image[(row * d->w + column) * d->c + k];
            }
        y[i] = (float)sum;
    }
}

// Images larger and (the second and third) smaller than the filter's reach, so that it is mirrored several times.
static const atl_cpu_sepfir_dims SHAPES[] = {
    { 2, 30, 25, 3, 43 }, { 3, 5, 9, 3, 43 }, { 2, 1, 2, 1, 7 }, { 2, 12, 17, 5, 1 }, { 1, 33, 26, 1, 43 },
};

// The second image's filter ends in zeros on both sides, more of them on one, and the third's are all zero.
static float *some_taps(const atl_cpu_sepfir_dims *d, uint32_t seed) {
    float *f = some_floats((size_t)(d->n * d->taps), seed);
    for (int t = 0; d->n > 1 && t < d->taps; t++)
        if (t < d->taps / 3 || t >= d->taps - d->taps / 4)
            f[d->taps + t] = 0.0f;
    for (int t = 0; d->n > 2 && t < d->taps; t++)
        f[2 * d->taps + t] = 0.0f;
    return f;
}

static void filter_is_its_definition(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const atl_cpu_sepfir_dims d = SHAPES[i];
        size_t count = (size_t)(d.n * d.h * d.w * d.c);
        float *x = some_floats(count, 1), *f = some_taps(&d, 2), *truth = some_floats(count, 3);
        definition(&d, f, x, truth);
        for (int s = 0; s <= (int)atl_cpu_detect(); s++)
            for (int threads = 1; threads <= 3; threads += 2) {
                atl_cpu_kernels k;
                atl_cpu_kernels_init(&k, (atl_cpu_set)s);
                size_t room = atl_cpu_sepfir_workspace(&d, team_with(threads)) / sizeof(float);
                float *y = guarded(count), *work = guarded(room);
                atl_cpu_sepfir(&k.fir, &d, f, x, y, team_with(threads), work);
                same(y, truth, count, F32_SEPFIR * (double)d.taps, "filter");
                release_guarded(y, count);
                release_guarded(work, room);
            }
        free(x);
        free(f);
        free(truth);
    }
}

static double inner(const float *a, const float *b, size_t n) {
    double s = 0.0;
    for (size_t i = 0; i < n; i++)
        s += (double)a[i] * (double)b[i];
    return s;
}

static void transpose_is_adjoint(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const atl_cpu_sepfir_dims d = SHAPES[i];
        size_t count = (size_t)(d.n * d.h * d.w * d.c);
        float *x = some_floats(count, 4), *f = some_taps(&d, 5), *y = some_floats(count, 6);
        for (int s = 0; s <= (int)atl_cpu_detect(); s++)
            for (int threads = 1; threads <= 3; threads += 2) {
                atl_cpu_kernels k;
                atl_cpu_kernels_init(&k, (atl_cpu_set)s);
                size_t room = atl_cpu_sepfir_workspace(&d, team_with(threads)) / sizeof(float);
                float *fx = guarded(count), *ty = guarded(count), *work = guarded(room);
                atl_cpu_sepfir(&k.fir, &d, f, x, fx, team_with(threads), work);
                atl_cpu_sepfir_t(&k.fir, &d, f, y, ty, team_with(threads), work);
                double left = inner(fx, y, count), right = inner(x, ty, count);
                if (!(fabs(left - right) <= F32_ADJOINT * (double)d.taps * sqrt((double)count)))
                    fail_msg("shape %zu: %.9g and %.9g", i, left, right);
                release_guarded(fx, count);
                release_guarded(ty, count);
                release_guarded(work, room);
            }
        free(x);
        free(f);
        free(y);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_is_its_definition),
        cmocka_unit_test(transpose_is_adjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
