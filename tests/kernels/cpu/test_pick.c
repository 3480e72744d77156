// SPDX-License-Identifier: Apache-2.0
// The maximum of windows and its way back: the reference against the definition, every set against the
// reference.
#include "../check.h"

#include "cpu/pick.h"

static const atl_cpu_pick_dims shapes[] = {
    { 3, 11, 9, 20, 4, 5, 2, 3, 3, 2, 1, 2 }, // rows of windows apart, columns that overlap, rows left over
    { 2, 6, 8, 5, 3, 4, 2, 2, 2, 2, 0, 0 },   // halves
    { 1, 9, 7, 16, 4, 3, 3, 3, 2, 2, 0, 0 },  // windows that overlap
    { 2, 7, 6, 33, 4, 3, 3, 3, 2, 2, 1, 1 },  // begin outside of the image
    { 1, 6, 5, 70, 3, 3, 3, 2, 2, 2, 0, 0 },  // the last ones end outside of it
    { 1, 5, 7, 3, 5, 3, 1, 3, 1, 2, 0, 0 },   // one row each
    { 3, 1, 40, 1, 1, 1, 1, 40, 1, 1, 0, 0 }, // whole rows of one channel
    { 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0 },   // of one number
    { 2, 1, 9, 17, 1, 1, 1, 9, 1, 1, 0, 0 },  // an axis before others
    { 1, 4, 4, 1, 2, 2, 2, 2, 2, 2, 0, 0 },
};

static size_t x_size(const atl_cpu_pick_dims *d) {
    return (size_t)(d->n * d->h * d->w * d->c);
}

static size_t y_size(const atl_cpu_pick_dims *d) {
    return (size_t)(d->n * d->oh * d->ow * d->c);
}

// Where result i comes from: the first largest pixel of its window.
static size_t chosen(const atl_cpu_pick_dims *d, const float *s, size_t i) {
    int64_t c = (int64_t)i % d->c, q = (int64_t)i / d->c % d->ow, p = (int64_t)i / d->c / d->ow % d->oh;
    int64_t n = (int64_t)i / d->c / d->ow / d->oh;
    size_t best = SIZE_MAX;
    for (int64_t v = p * d->sy - d->py; v < p * d->sy - d->py + d->kh; v++)
        for (int64_t u = q * d->sx - d->px; u < q * d->sx - d->px + d->kw; u++) {
            if (v < 0 || v >= d->h || u < 0 || u >= d->w)
                continue;
            size_t at = (size_t)(((n * d->h + v) * d->w + u) * d->c + c);
            if (best == SIZE_MAX || s[at] > s[best] || isnan(s[at]))
                best = at;
        }
    return best;
}

static void check(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *x,
                  int threads) {
    float *dy = some_floats(y_size(d), 5), *y = guarded(y_size(d)), *dx = guarded(x_size(d));
    float *want = calloc(x_size(d), sizeof *want);
    assert_non_null(want);
    atl_cpu_pick(k, d, s, x, y, team_with(threads));
    atl_cpu_pick_t(k, d, s, dy, dx, team_with(threads));
    for (size_t i = 0; i < y_size(d); i++) {
        size_t at = chosen(d, s, i);
        assert_memory_equal(&y[i], &x[at], sizeof *y); // a copy: to the bit
        want[at] += dy[i];
    }
    same(dx, want, x_size(d), 0.0, "the way back"); // added in the order of results, whatever the threads
    release_guarded(y, y_size(d));
    release_guarded(dx, x_size(d));
    free(dy);
    free(want);
}

static void every_set_picks_the_first_largest(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int ties = 0; ties < 2; ties++) {
                const atl_cpu_pick_dims *d = &shapes[i];
                float *s = some_floats(x_size(d), 1), *x = some_floats(x_size(d), 2);
                for (size_t j = 0; ties && j < x_size(d); j++)
                    s[j] = floorf(2.0f * s[j]); // -2 to 1: many are equal
                check(&k.pick, d, s, x, 1);
                check(&k.pick, d, s, s, 2);
                free(s);
                free(x);
            }
    }
}

// What is not a number is not hidden by what is, and infinities are numbers.
static void every_set_keeps_what_is_not_a_number(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const atl_cpu_pick_dims *d = &shapes[i];
            float *s = some_floats(x_size(d), 3), *y = guarded(y_size(d));
            for (size_t j = 0; j < x_size(d); j++)
                s[j] = j % 7 == 3 ? NAN : j % 5 == 2 ? -INFINITY : s[j];
            atl_cpu_pick(&k.pick, d, s, s, y, team_with(1));
            for (size_t j = 0; j < y_size(d); j++) {
                float want = s[chosen(d, s, j)];
                assert_true(isnan(want) ? isnan(y[j]) : y[j] == want);
            }
            release_guarded(y, y_size(d));
            free(s);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_picks_the_first_largest),
        cmocka_unit_test(every_set_keeps_what_is_not_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
