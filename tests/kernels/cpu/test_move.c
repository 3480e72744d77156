// SPDX-License-Identifier: Apache-2.0
// Moves against index arithmetic, and sums against double, the same for any number of threads.
#include "../check.h"

#include "cpu/move.h"
#include "cpu/reduce.h"

enum { R = ATL_MOVE_RANK_MAX };

static int64_t count(int rank, const int64_t *dims) {
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

// The index of element `at` of a dense tensor, and back.
static void unravel(int rank, const int64_t *dims, int64_t at, int64_t *index) {
    for (int i = rank - 1; i >= 0; i--) {
        index[i] = at % dims[i];
        at /= dims[i];
    }
}

static int64_t ravel(int rank, const int64_t *dims, const int64_t *index) {
    int64_t at = 0;
    for (int i = 0; i < rank; i++)
        at = at * dims[i] + index[i];
    return at;
}

static void check_permute(int rank, const int64_t *dims, const int *axes) {
    int64_t n = count(rank, dims), out[R], index[R], from[R];
    float *x = some_floats((size_t)n, 1), *y = guarded((size_t)n);
    for (int i = 0; i < rank; i++)
        out[i] = dims[axes[i]];
    atl_cpu_move_permute(rank, dims, axes, y, x, team_with(2));
    for (int64_t at = 0; at < n; at++) {
        unravel(rank, out, at, index);
        for (int i = 0; i < rank; i++)
            from[axes[i]] = index[i];
        assert_true(y[at] == x[ravel(rank, dims, from)]);
    }
    release_guarded(y, (size_t)n);
    free(x);
}

static void permute_in_every_order(void **state) {
    (void)state;
    const int64_t dims[R] = { 2, 3, 1, 4, 5 };
    for (int code = 0; code < 3125; code++) {
        int axes[R], seen = 0, rest = code;
        for (int i = 0; i < R; i++, rest /= R) {
            axes[i] = rest % R;
            seen |= 1 << axes[i];
        }
        if (seen == 31)
            check_permute(R, dims, axes);
    }
    check_permute(4, (const int64_t[]){ 2, 3, 67, 53 }, (const int[]){ 0, 2, 3, 1 }); // nchw to nhwc
    check_permute(4, (const int64_t[]){ 2, 67, 53, 3 }, (const int[]){ 0, 3, 1, 2 });
    check_permute(4, (const int64_t[]){ 1, 40, 33, 37 }, (const int[]){ 0, 2, 3, 1 });
    check_permute(2, (const int64_t[]){ 150, 170 }, (const int[]){ 1, 0 });
}

static void expand_repeats(void **state) {
    (void)state;
    const int64_t dims[R] = { 2, 3, 4, 5, 17 };
    for (unsigned mask = 0; mask < 32; mask++) {
        int64_t from[R], index[R], n = count(R, dims);
        for (int i = 0; i < R; i++)
            from[i] = mask >> i & 1u ? 1 : dims[i];
        float *x = some_floats((size_t)count(R, from), 1), *y = guarded((size_t)n);
        atl_cpu_move_expand(R, dims, from, y, x, team_with(2));
        for (int64_t at = 0; at < n; at++) {
            unravel(R, dims, at, index);
            for (int i = 0; i < R; i++)
                index[i] = mask >> i & 1u ? 0 : index[i];
            assert_true(y[at] == x[ravel(R, from, index)]);
        }
        release_guarded(y, (size_t)n);
        free(x);
    }
}

static void slice_takes_and_pad_puts_back(void **state) {
    (void)state;
    const int64_t dims[4] = { 3, 7, 6, 20 }, part[4] = { 2, 3, 6, 9 }, first[4] = { 1, 1, 0, 2 };
    const int64_t steps[2][4] = { { 1, 1, 1, 1 }, { 1, 2, 1, 2 } };
    int64_t n = count(4, dims), m = count(4, part);
    for (int kind = 0; kind < 3; kind++) {
        const int64_t *step = steps[kind == 2];
        float *x = some_floats((size_t)n, 1), *y = guarded((size_t)m), *back = guarded((size_t)n);
        atl_cpu_move_slice(4, dims, part, first, kind ? step : NULL, y, x, team_with(2));
        atl_cpu_move_pad(4, dims, part, first, kind ? step : NULL, back, y, team_with(2));
        int64_t index[4], hits = 0;
        for (int64_t at = 0; at < n; at++) {
            int inside = 1;
            unravel(4, dims, at, index);
            for (int i = 0; i < 4; i++) {
                int64_t offset = index[i] - first[i];
                inside = inside && offset >= 0 && offset % step[i] == 0 && offset / step[i] < part[i];
                index[i] = offset / step[i];
            }
            hits += inside;
            assert_true(back[at] == (inside ? x[at] : 0.0f));
            assert_true(!inside || y[ravel(4, part, index)] == x[at]);
        }
        assert_int_equal(hits, m);
        release_guarded(y, (size_t)m);
        release_guarded(back, (size_t)n);
        free(x);
    }
}

static void concat_puts_side_by_side(void **state) {
    (void)state;
    for (int axis = 0; axis < 3; axis++) {
        int64_t a[3] = { 3, 4, 5 }, b[3] = { 3, 4, 5 }, all[3] = { 3, 4, 5 }, index[3];
        b[axis] = 2;
        all[axis] = a[axis] + 2;
        int64_t n = count(3, all);
        float *x = some_floats((size_t)count(3, a), 1), *z = some_floats((size_t)count(3, b), 2),
              *y = guarded((size_t)n);
        atl_cpu_move_concat(3, all, a, axis, 0, y, x, team_with(1));
        atl_cpu_move_concat(3, all, b, axis, a[axis], y, z, team_with(1));
        for (int64_t at = 0; at < n; at++) {
            unravel(3, all, at, index);
            int second = index[axis] >= a[axis];
            index[axis] -= second ? a[axis] : 0;
            assert_true(y[at] == (second ? z[ravel(3, b, index)] : x[ravel(3, a, index)]));
        }
        release_guarded(y, (size_t)n);
        free(x);
        free(z);
    }
}

static void check_sum_of(const atl_cpu_kernels *k, int rank, const int64_t *dims, unsigned mask,
                         int product) {
    int64_t out[R], index[R], n = count(rank, dims);
    for (int i = 0; i < rank; i++)
        out[i] = mask >> i & 1u ? 1 : dims[i];
    int64_t m = count(rank, out);
    float *x = some_floats((size_t)n, 7), *z = product ? some_floats((size_t)n, 8) : NULL;
    float *y = guarded((size_t)m), *again = guarded((size_t)m);
    double *want = calloc((size_t)m, sizeof *want);
    void *space = malloc(atl_cpu_reduce_workspace(rank, dims, mask) + 64);
    assert_non_null(want);
    assert_non_null(space);
    for (int64_t at = 0; at < n; at++) {
        unravel(rank, dims, at, index);
        for (int i = 0; i < rank; i++)
            index[i] = mask >> i & 1u ? 0 : index[i];
        want[ravel(rank, out, index)] += (double)x[at] * (product ? (double)z[at] : 1.0);
    }
    atl_cpu_reduce_sum(&k->pointwise, rank, dims, mask, x, z, y, team_with(1), space);
    atl_cpu_reduce_sum(&k->pointwise, rank, dims, mask, x, z, again, team_with(3), space);
    assert_memory_equal(y, again, (size_t)m * sizeof *y); // threads change nothing, not even a bit
    for (int64_t i = 0; i < m; i++)
        if (!(fabs((double)y[i] - want[i]) <= F32_SUM * (1.0 + sqrt((double)n / (double)m))))
            fail_msg("sum %ld of %ld under mask %u is %.9g, not %.9g", (long)i, (long)m, mask, (double)y[i],
                     want[i]);
    release_guarded(y, (size_t)m);
    release_guarded(again, (size_t)m);
    free(want);
    free(space);
    free(x);
    free(z);
}

static void check_sum(const atl_cpu_kernels *k, int rank, const int64_t *dims, unsigned mask) {
    for (int product = 0; product < 2; product++)
        check_sum_of(k, rank, dims, mask, product);
}

static void sums_over_any_dimensions(void **state) {
    (void)state;
    const int64_t small[R] = { 3, 4, 1, 5, 21 }, image[4] = { 2, 61, 47, 19 }, long_row[2] = { 3, 70001 };
    const int64_t tall[3] = { 2, 70001, 3 };
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (unsigned mask = 0; mask < 32; mask++)
            check_sum(&k, R, small, mask);
        for (unsigned mask = 0; mask < 16; mask++)
            check_sum(&k, 4, image, mask);
        for (unsigned mask = 0; mask < 4; mask++)
            check_sum(&k, 2, long_row, mask);
        for (unsigned mask = 0; mask < 8; mask++)
            check_sum(&k, 3, tall, mask);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permute_in_every_order), cmocka_unit_test(expand_repeats),
        cmocka_unit_test(slice_takes_and_pad_puts_back), cmocka_unit_test(concat_puts_side_by_side),
        cmocka_unit_test(sums_over_any_dimensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
