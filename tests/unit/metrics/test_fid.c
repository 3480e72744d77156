// SPDX-License-Identifier: Apache-2.0
// Moments and the Frechet distance against recorded numbers, and errors against what many repetitions show.
#include "recorded.h"
#include "base/ctx.h"
#include "base/philox.h"
#include "metrics/fid.h"
#include "metrics/moments.h"

// In portions of a size that does not divide the blocks.
static void moments_of(atl_ctx *ctx, const float *rows, int64_t n, int64_t width, int64_t portion,
                       double *mean, double *cov) {
    atl_moments *m;
    ok(ctx, atl_moments_open(ctx, width, &m));
    for (int64_t i = 0; i < n; i += portion)
        ok(ctx, atl_moments_add(m, rows + i * width, portion < n - i ? portion : n - i));
    assert_int_equal(atl_moments_count(m), n);
    ok(ctx, atl_moments_finish(m, mean, cov));
    atl_moments_close(&m);
}

static void same_as(const double *ours, const atl_array *a, double size) {
    for (int64_t i = 0; i < atl_array_count(a); i++)
        assert_true(fabs(ours[i] - recorded_double(a, i)) <= 1e-13 * size); // double, sums of some hundred
}

static void recorded_distances(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(2);
    golden *g = golden_open(ctx, "metrics", "values", ".safetensors");
    for (int i = 0; i < 3; i++) {
        const atl_array *sets[2] = { recorded(g, "fid%d.real", i), recorded(g, "fid%d.gen", i) };
        const atl_array *means[2] = { recorded(g, "fid%d.mu_real!", i), recorded(g, "fid%d.mu_gen!", i) };
        const atl_array *covs[2] = { recorded(g, "fid%d.cov_real!", i), recorded(g, "fid%d.cov_gen!", i) };
        double mean[2][64], cov[2][64 * 64], fid, other;
        atl_gaussian both[2];
        for (int k = 0; k < 2; k++) {
            int64_t width = sets[k]->dims[1];
            float *rows = recorded_floats(sets[k]);
            moments_of(ctx, rows, sets[k]->dims[0], width, 7, mean[k], cov[k]);
            same_as(mean[k], means[k], 10);
            same_as(cov[k], covs[k], 100);
            free(rows);
            both[k] = (atl_gaussian){ width, mean[k], cov[k] };
        }
        char name[8];
        snprintf(name, sizeof name, "fid%d", i);
        ok(ctx, atl_fid(ctx, &both[0], &both[1], &fid));
        near_to(name, fid, recorded_number(g, name, "fid"), 1e-6);
        // Rounding 1e-16 of eigenvalues that are zero, which the third has, becomes 1e-8 of their roots.
        near_to("by eigenvalues", fid, recorded_number(g, name, "fid_from_eigenvalues"),
                i < 2 ? 1e-13 : 3e-8);
        ok(ctx, atl_fid(ctx, &both[1], &both[0], &other));
        near_to("the other way round", other, fid, i < 2 ? 1e-13 : 3e-8);
        ok(ctx, atl_fid(ctx, &both[0], &both[0], &other));
        assert_true(fabs(other) < 1e-7 * fid);
    }
    atl_arrays_close(&g->set);
    free(g->used);
    free(g);
    atl_ctx_close(&ctx);
}

static float *normals(int64_t n, int64_t width, uint64_t stream, double shift, double scale) {
    float *x = malloc((size_t)(n * width) * sizeof *x);
    atl_philox_normal(9, stream, 0, (size_t)(n * width), x);
    for (int64_t i = 0; i < n * width; i++)
        x[i] = (float)(shift + scale * (double)x[i]);
    return x;
}

static void moments_do_not_depend_on_portions_or_threads(void **state) {
    (void)state;
    enum { N = 700, WIDTH = 50 };
    float *rows = normals(N, WIDTH, 1, 1, 2);
    double mean[3][WIDTH], cov[3][WIDTH * WIDTH];
    for (int t = 0; t < 3; t++) {
        atl_ctx *ctx = ctx_with(1 + t);
        moments_of(ctx, rows, N, WIDTH, t == 0 ? N : t == 1 ? 1 : 255, mean[t], cov[t]);
        assert_memory_equal(mean[t], mean[0], sizeof mean[0]);
        assert_memory_equal(cov[t], cov[0], sizeof cov[0]);
        atl_ctx_close(&ctx);
    }
    free(rows);
}

static void moments_go_on_from_what_was_saved(void **state) {
    (void)state;
    enum { N = 600, CUT = 345, WIDTH = 9 };
    atl_ctx *ctx = ctx_with(1);
    float *rows = normals(N, WIDTH, 2, 0, 1);
    double mean[2][WIDTH], cov[2][WIDTH * WIDTH];
    atl_moments *m, *next;
    moments_of(ctx, rows, N, WIDTH, N, mean[0], cov[0]);
    ok(ctx, atl_moments_open(ctx, WIDTH, &m));
    ok(ctx, atl_moments_add(m, rows, CUT));
    int64_t count = atl_moments_state_count(m);
    double *kept = malloc((size_t)count * sizeof *kept);
    atl_moments_save(m, kept);
    ok(ctx, atl_moments_open(ctx, WIDTH, &next));
    assert_int_equal(atl_moments_state_count(next), count); // the same of an empty one
    ok(ctx, atl_moments_load(next, kept, count));
    ok(ctx, atl_moments_add(next, rows + CUT * WIDTH, N - CUT));
    ok(ctx, atl_moments_finish(next, mean[1], cov[1]));
    assert_memory_equal(mean[1], mean[0], sizeof mean[0]);
    assert_memory_equal(cov[1], cov[0], sizeof cov[0]);
    for (int bad = 0; bad < 4; bad++) {
        double first = kept[0];
        kept[0] = bad == 0 ? -1 : bad == 1 ? NAN : bad == 2 ? first + 0.5 : first;
        assert_int_equal(atl_moments_load(next, kept, bad == 3 ? count - 1 : count), ATL_BAD_FILE);
        atl_message_clear(ctx);
        kept[0] = first;
    }
    atl_moments_close(&m);
    atl_moments_close(&next);
    free(kept);
    free(rows);
    atl_ctx_close(&ctx);
}

static void merged_moments_are_those_of_all(void **state) {
    (void)state;
    enum { N = 900, CUT = 333, WIDTH = 12 };
    atl_ctx *ctx = ctx_with(1);
    float *rows = normals(N, WIDTH, 3, 3, 1);
    double mean[2][WIDTH], cov[2][WIDTH * WIDTH];
    atl_moments *a, *b;
    moments_of(ctx, rows, N, WIDTH, N, mean[0], cov[0]);
    ok(ctx, atl_moments_open(ctx, WIDTH, &a));
    ok(ctx, atl_moments_open(ctx, WIDTH, &b));
    assert_int_equal(atl_moments_finish(a, mean[1], cov[1]), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    ok(ctx, atl_moments_add(a, rows, CUT));
    ok(ctx, atl_moments_add(b, rows + CUT * WIDTH, N - CUT));
    ok(ctx, atl_moments_merge(a, b));
    assert_int_equal(atl_moments_count(a), N);
    ok(ctx, atl_moments_finish(a, mean[1], cov[1]));
    for (int i = 0; i < WIDTH * WIDTH; i++)
        assert_true(fabs(cov[1][i] - cov[0][i]) < 1e-13);
    rows[4] = NAN;
    assert_int_equal(atl_moments_add(a, rows, 1), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(ctx), "feature 4 of sample 900"));
    atl_moments_close(&a);
    atl_moments_close(&b);
    free(rows);
    atl_ctx_close(&ctx);
}

// Diagonal distributions: sum over features of (m1 - m2)^2 + (s1 - s2)^2, also where a deviation is 0.
static void distance_of_independent_features(void **state) {
    (void)state;
    enum { WIDTH = 5 };
    static const double s1[WIDTH] = { 1, 2, 0, 3, 0 }, s2[WIDTH] = { 2, 0.5, 1, 3, 0 };
    double mean[2][WIDTH] = { { 0, 1, 2, 3, 4 }, { 0, 1, 1, 3, 6 } }, cov[2][WIDTH * WIDTH] = { { 0 } }, fid,
           want = 5;
    for (int i = 0; i < WIDTH; i++) {
        cov[0][i * WIDTH + i] = s1[i] * s1[i];
        cov[1][i * WIDTH + i] = s2[i] * s2[i];
        want += (s1[i] - s2[i]) * (s1[i] - s2[i]);
    }
    atl_ctx *ctx = ctx_with(1);
    atl_gaussian a = { WIDTH, mean[0], cov[0] }, b = { WIDTH, mean[1], cov[1] };
    ok(ctx, atl_fid(ctx, &a, &b, &fid));
    near_to("independent features", fid, want, 1e-12);
    memset(cov[0], 0, sizeof cov[0]); // a point
    ok(ctx, atl_fid(ctx, &a, &b, &fid));
    near_to("to a point", fid, 5 + 4 + 0.25 + 1 + 9, 1e-12);
    cov[1][3] = INFINITY;
    assert_int_equal(atl_fid(ctx, &a, &b, &fid), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    b.width = 4;
    assert_int_equal(atl_fid(ctx, &a, &b, &fid), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

// The truth is known: generated ~ N(0.3, 1.2^2) against N(0, 1) in independent features, 0.09 + 0.04 each.
// Of some repetitions the mean error must be what the values scatter by; the value at infinity must be the
// truth, or of few samples much nearer to it.
static void repeat(int64_t width, int64_t n, int times, double least, double most) {
    double *mean = calloc((size_t)width, sizeof *mean), *cov = calloc((size_t)(width * width), sizeof *cov);
    for (int64_t i = 0; i < width; i++)
        cov[i * width + i] = 1;
    atl_gaussian real = { width, mean, cov };
    atl_ctx *ctx = ctx_with(1);
    double sum[2] = { 0 }, squares[2] = { 0 }, errors[2] = { 0 };
    for (int t = 0; t < times; t++) {
        float *x = normals(n, width, 100 + (uint64_t)t, 0.3, 1.2);
        atl_fid_result r;
        ok(ctx, atl_fid_estimate(ctx, &real, x, n, 0, NULL, &r));
        const atl_estimate both[2] = { r.fid, r.infinite };
        for (int k = 0; k < 2; k++) {
            sum[k] += both[k].value / times;
            squares[k] += both[k].value * both[k].value / times;
            errors[k] += both[k].error / times;
        }
        free(x);
    }
    double truth = (double)width * 0.13, scatter[2];
    for (int k = 0; k < 2; k++) {
        scatter[k] = sqrt((squares[k] - sum[k] * sum[k]) * times / (times - 1));
        printf("    %s: %.4f, scatters by %.4f, error %.4f (truth %.4f)\n", k ? "infinite" : "fid", sum[k],
               scatter[k], errors[k], truth);
        assert_true(errors[k] > least * scatter[k] && errors[k] < most * scatter[k]);
    }
    assert_true(sum[0] - truth > 5 * scatter[0] / sqrt(times)); // the bias that extrapolation takes away
    assert_true(fabs(sum[1] - truth) < fmax(4 * scatter[1] / sqrt(times), 0.3 * (sum[0] - truth)));
    free(mean);
    free(cov);
    atl_ctx_close(&ctx);
}

static void errors_are_what_repetitions_scatter_by(void **state) {
    (void)state;
    repeat(12, 400, 50, 0.7, 1.5); // 50 repetitions know their scatter to a tenth
    repeat(60, 240, 20, 0.5, 2.0); // few samples for so many features
}

static bool stop(void *user, int64_t done, int64_t all) {
    (void)all;
    return done < *(int *)user;
}

static void estimates_are_seeded_stop_and_know_when_samples_are_few(void **state) {
    (void)state;
    enum { WIDTH = 6, N = 61 };
    double mean[WIDTH] = { 0 }, cov[WIDTH * WIDTH] = { 0 }, alone[WIDTH], square[WIDTH * WIDTH], fid;
    for (int i = 0; i < WIDTH; i++)
        cov[i * WIDTH + i] = 1;
    atl_gaussian real = { WIDTH, mean, cov };
    float *x = normals(N, WIDTH, 5, 0, 1);
    atl_fid_result r[3];
    for (int t = 0; t < 3; t++) {
        atl_ctx *ctx = ctx_with(1 + t);
        ok(ctx, atl_fid_estimate(ctx, &real, x, N, t == 2, NULL, &r[t]));
        atl_ctx_close(&ctx);
    }
    assert_true(r[0].infinite.value == r[1].infinite.value && r[0].infinite.error == r[1].infinite.error);
    assert_true(r[0].infinite.value != r[2].infinite.value && r[0].fid.error == r[2].fid.error);
    atl_ctx *ctx = ctx_with(1);
    moments_of(ctx, x, N, WIDTH, N, alone, square);
    ok(ctx, atl_fid(ctx, &real, &(atl_gaussian){ WIDTH, alone, square }, &fid));
    assert_true(fid == r[0].fid.value);
    ok(ctx, atl_fid_estimate(ctx, &real, x, 19, 0, NULL, &r[0]));
    assert_true(isnan(r[0].fid.error) && isnan(r[0].infinite.value) && r[0].fid.value > 0);
    int after = 3;
    assert_int_equal(atl_fid_estimate(ctx, &real, x, N, 0, &(atl_watch){ stop, &after }, &r[0]),
                     ATL_CANCELLED);
    atl_ctx_close(&ctx);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_distances),
        cmocka_unit_test(moments_do_not_depend_on_portions_or_threads),
        cmocka_unit_test(moments_go_on_from_what_was_saved),
        cmocka_unit_test(merged_moments_are_those_of_all),
        cmocka_unit_test(distance_of_independent_features),
        cmocka_unit_test(errors_are_what_repetitions_scatter_by),
        cmocka_unit_test(estimates_are_seeded_stop_and_know_when_samples_are_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
