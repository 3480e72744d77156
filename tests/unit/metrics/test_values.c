// SPDX-License-Identifier: Apache-2.0
// KID, inception score, precision and recall, path length and separability against recorded numbers, and
// their errors against what repetitions show.
#include "recorded.h"
#include "base/ctx.h"
#include "base/half.h"
#include "base/philox.h"
#include "metrics/inception_score.h"
#include "metrics/kid.h"
#include "metrics/path_length.h"
#include "metrics/precision_recall.h"
#include "metrics/separability.h"

static golden *open_values(atl_ctx *ctx) {
    return golden_open(ctx, "metrics", "values", ".safetensors");
}

static float *normals(int64_t n, uint64_t stream, double shift, double scale) {
    float *x = malloc((size_t)n * sizeof *x);
    atl_philox_normal(4, stream, 0, (size_t)n, x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(shift + scale * (double)x[i]);
    return x;
}

// ---- KID

static void recorded_kernel_distances(atl_ctx *ctx, golden *g) {
    for (int i = 0; i < 3; i++) {
        const atl_array *gen = recorded(g, "kid%d.gen", i), *real = recorded(g, "kid%d.real", i);
        const atl_array *gi = recorded(g, "kid%d.gen_idx", i), *ri = recorded(g, "kid%d.real_idx", i);
        float *a = recorded_floats(gen), *b = recorded_floats(real);
        int64_t size = gi->dims[1];
        double sum = 0;
        for (int64_t k = 0; k < gi->dims[0]; k++) {
            int32_t rows[2][64];
            double kid;
            for (int64_t j = 0; j < size; j++) {
                rows[0][j] = recorded_int(gi, k * size + j);
                rows[1][j] = recorded_int(ri, k * size + j);
            }
            ok(ctx, atl_kid_of(ctx, a, rows[0], b, rows[1], size, gen->dims[1], &kid));
            sum += kid / (double)gi->dims[0];
        }
        char name[8];
        snprintf(name, sizeof name, "kid%d", i);
        printf("    %s %.9f\n", name, sum);
        // theirs is the difference of sums in float32, of numbers of about 3 that are rounded by 2e-7
        assert_true(fabs(sum - recorded_number(g, name, "kid")) < 1e-6);
        free(a);
        free(b);
    }
}

// Fifty repetitions with different distributions, and with the same one, where the distance is 0.
static void kernel_distances_scatter_by_their_error(void **state) {
    (void)state;
    enum { N = 300, WIDTH = 6, TIMES = 50 };
    atl_ctx *ctx = ctx_with(1);
    const atl_kid_options o = { .subsets = 10, .subset_size = 100, .seed = 1 };
    for (int same = 0; same < 2; same++) {
        double sum = 0, squares = 0, errors = 0;
        for (uint64_t t = 0; t < TIMES; t++) {
            float *a = normals(N * WIDTH, 1000 + 2 * t, same ? 0 : 0.3, 1),
                  *b = normals(N * WIDTH, 1001 + 2 * t, 0, 1);
            atl_estimate kid;
            ok(ctx, atl_kid(ctx, a, N, b, N, WIDTH, &o, NULL, &kid));
            sum += kid.value / TIMES, squares += kid.value * kid.value / TIMES, errors += kid.error / TIMES;
            free(a);
            free(b);
        }
        double scatter = sqrt((squares - sum * sum) * TIMES / (TIMES - 1));
        printf("    KID %.5f, scatters by %.5f, error %.5f\n", sum, scatter, errors);
        assert_true(errors > 0.8 * scatter && errors < (same ? 5 : 1.6) * scatter);
        assert_true(same ? fabs(sum) < 4 * scatter / sqrt(TIMES) : sum > 3 * scatter);
    }
    atl_ctx_close(&ctx);
}

static void kernel_distances_are_seeded(void **state) {
    (void)state;
    enum { N = 50, WIDTH = 8 };
    float *a = normals(N * WIDTH, 1, 0, 1), *b = normals(N * WIDTH, 2, 1, 1);
    atl_estimate kid[3], all;
    for (int t = 0; t < 3; t++) {
        atl_ctx *ctx = ctx_with(1 + t);
        ok(ctx, atl_kid(ctx, a, N, b, N, WIDTH, &(atl_kid_options){ 4, 20, t == 2 }, NULL, &kid[t]));
        atl_ctx_close(&ctx);
    }
    assert_true(kid[0].value == kid[1].value && kid[0].value != kid[2].value);
    atl_ctx *ctx = ctx_with(1);
    int32_t rows[N];
    double direct;
    for (int i = 0; i < N; i++)
        rows[i] = N - 1 - i;
    ok(ctx,
       atl_kid(ctx, a, N, b, N, WIDTH, &(atl_kid_options){ 2, 1000, 0 }, NULL, &all)); // fewer than 1000: all
    ok(ctx, atl_kid_of(ctx, a, rows, b, rows, N, WIDTH, &direct));
    near_to("of all samples", all.value, direct, 1e-12);
    assert_int_equal(atl_kid(ctx, a, 1, b, N, WIDTH, &(atl_kid_options){ 1, 9, 0 }, NULL, &all),
                     ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
    free(a);
    free(b);
}

static void choices_are_different_and_equally_likely(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(1);
    int count[10] = { 0 }, first[10] = { 0 };
    for (uint64_t stream = 0; stream < 2000; stream++) {
        int32_t chosen[4];
        ok(ctx, atl_estimate_choose(ctx, 3, stream, 10, 4, chosen));
        first[chosen[0]]++;
        for (int i = 0; i < 4; i++) {
            count[chosen[i]]++;
            for (int j = 0; j < i; j++)
                assert_true(chosen[i] != chosen[j]);
        }
    }
    for (int i = 0; i < 10; i++) // 800 and 200 of 2000, five deviations
        assert_true(abs(count[i] - 800) < 110 && abs(first[i] - 200) < 67);
    int32_t none;
    assert_int_equal(atl_estimate_choose(ctx, 0, 0, 3, 4, &none), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

// Of a mean, what is left out of it by one is known to the last digit.
static void jackknife_of_a_mean_is_its_error(void **state) {
    (void)state;
    static const double values[6] = { 3, 1, 4, 1, 5, 9 };
    double without[6];
    for (int i = 0; i < 6; i++)
        without[i] = (23 - values[i]) / 5;
    atl_estimate mean = atl_estimate_mean(values, 6);
    near_to("mean", mean.value, 23 / 6.0, 1e-15);
    near_to("error", mean.error, sqrt((133 - 23 * 23 / 6.0) / 5 / 6), 1e-14);
    near_to("jackknife", atl_estimate_jackknife(without, 6), mean.error, 1e-14);
    assert_true(isnan(atl_estimate_mean(values, 1).error) && isnan(atl_estimate_jackknife(without, 1)));
    assert_true(isnan(atl_estimate_mean(values, 0).value));
}

// ---- inception score

static void recorded_scores(atl_ctx *ctx, golden *g) {
    for (int i = 0; i < 2; i++) {
        char name[8];
        snprintf(name, sizeof name, "is%d", i);
        const atl_array *a = recorded(g, "is%d.probs", i);
        float *p = recorded_floats(a);
        atl_estimate score;
        double deviation;
        int splits = (int)recorded_number(g, name, "num_splits");
        ok(ctx, atl_inception_score(ctx, p, a->dims[0], a->dims[1], splits, &score, &deviation));
        near_to(name, score.value, recorded_number(g, name, "mean"), 1e-6); // float32
        near_to("deviation", deviation, recorded_number(g, name, "std"), 1e-6);
        near_to("error", score.error, deviation / sqrt(splits - 1.0), 1e-12);
        free(p);
    }
}

static void scores_of_the_sure_and_the_unsure(void **state) {
    (void)state;
    enum { CLASSES = 5, N = 20 };
    atl_ctx *ctx = ctx_with(1);
    float sure[N * CLASSES] = { 0 }, unsure[N * CLASSES];
    for (int i = 0; i < N * CLASSES; i++)
        unsure[i] = 1.0f / CLASSES;
    for (int i = 0; i < N; i++)
        sure[i * CLASSES + i % CLASSES] = 1.0f;
    atl_estimate score;
    double deviation;
    ok(ctx, atl_inception_score(ctx, sure, N, CLASSES, 2, &score, &deviation));
    near_to("sure", score.value, CLASSES, 1e-12);
    ok(ctx, atl_inception_score(ctx, unsure, N, CLASSES, 1, &score, &deviation));
    near_to("unsure", score.value, 1, 1e-12);
    assert_true(isnan(score.error) && deviation == 0);
    assert_int_equal(atl_inception_score(ctx, sure, 3, CLASSES, 10, &score, &deviation), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

// ---- precision and recall

static uint16_t *halves(const float *x, int64_t n) {
    uint16_t *h = malloc((size_t)n * sizeof *h);
    atl_pr_round(x, n, h);
    return h;
}

static void recorded_neighbours(atl_ctx *ctx, golden *g) {
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "pr%d", i);
        const atl_array *sets[2] = { recorded(g, "pr%d.real", i), recorded(g, "pr%d.gen", i) };
        const atl_array *radius[2] = { recorded(g, "pr%d.kth_real", i), recorded(g, "pr%d.kth_gen", i) };
        uint16_t *half[2];
        int neighbours = (int)recorded_number(g, name, "nhood_size");
        int64_t width = sets[0]->dims[1];
        for (int k = 0; k < 2; k++) {
            float *x = recorded_floats(sets[k]), *want = recorded_floats(radius[k]), radii[200];
            int64_t n = sets[k]->dims[0];
            half[k] = halves(x, n * width);
            for (int64_t j = 0; j < n * width; j++)
                assert_true(atl_f16_to_f32(half[k][j]) == x[j]);
            ok(ctx, atl_pr_radii(ctx, half[k], n, width, neighbours, NULL, radii));
            for (int64_t j = 0; j < n; j++)
                assert_true(fabs((double)radii[j] - (double)want[j]) <=
                            3e-7 * (double)want[j]); // some roundings
            free(x);
            free(want);
        }
        atl_pr_result r;
        ok(ctx, atl_precision_recall(ctx, half[0], sets[0]->dims[0], half[1], sets[1]->dims[0], width,
                                     neighbours, NULL, &r));
        near_to(name, r.precision.value, recorded_number(g, name, "precision"), 1e-7); // counts, over float32
        near_to("recall", r.recall.value, recorded_number(g, name, "recall"), 1e-7);
        free(half[0]);
        free(half[1]);
    }
}

static float distance(const uint16_t *a, const uint16_t *b, int64_t width) {
    double sum = 0;
    for (int64_t l = 0; l < width; l++)
        sum += pow((double)atl_f16_to_f32(a[l]) - (double)atl_f16_to_f32(b[l]), 2);
    return (float)sqrt(sum);
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// The direct form: all distances, sorted; sizes that fill no tile.
static void neighbourhoods_are_those_of_the_direct_form(void **state) {
    (void)state;
    enum { M = 131, N = 87, WIDTH = 35, NEIGHBOURS = 3 };
    float *x = normals((M + N) * WIDTH, 7, 0, 1);
    for (int l = 0; l < WIDTH; l++)
        x[5 * WIDTH + l] = x[9 * WIDTH + l] = x[(M + 4) * WIDTH + l] =
            x[20 * WIDTH + l]; // the same picture again
    uint16_t *h = halves(x, (M + N) * WIDTH);
    const uint16_t *set[2] = { h, h + M * WIDTH };
    const int64_t count[2] = { M, N };
    float radii[2][M];
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < count[k]; i++) {
            float d[M];
            for (int64_t j = 0; j < count[k]; j++)
                d[j] = distance(set[k] + i * WIDTH, set[k] + j * WIDTH, WIDTH);
            qsort(d, (size_t)count[k], sizeof *d, ascending);
            radii[k][i] = atl_f16_to_f32(atl_f32_to_f16(d[NEIGHBOURS]));
        }
    int64_t within[2] = { 0 };
    for (int k = 0; k < 2; k++) // which of set 1 - k are in a neighbourhood of set k
        for (int64_t i = 0; i < count[1 - k]; i++) {
            bool any = false;
            for (int64_t j = 0; j < count[k]; j++)
                any = any || distance(set[1 - k] + i * WIDTH, set[k] + j * WIDTH, WIDTH) <= radii[k][j];
            within[k] += any;
        }
    for (int threads = 1; threads <= 3; threads++) {
        atl_ctx *ctx = ctx_with(threads);
        atl_pr_result r;
        ok(ctx, atl_precision_recall(ctx, set[0], M, set[1], N, WIDTH, NEIGHBOURS, NULL, &r));
        assert_true(r.precision.value == (double)within[0] / N && r.recall.value == (double)within[1] / M);
        near_to("error", r.recall.error, sqrt(r.recall.value * (1 - r.recall.value) / M), 1e-12);
        if (threads == 1) {
            atl_pr_result bad;
            assert_int_equal(atl_precision_recall(ctx, set[0], 3, set[1], N, WIDTH, 3, NULL, &bad),
                             ATL_BAD_ARGUMENT);
            atl_message_clear(ctx);
            uint16_t kept = h[3];
            h[3] = 0x7c00;
            assert_int_equal(atl_precision_recall(ctx, set[0], M, set[1], N, WIDTH, 3, NULL, &bad),
                             ATL_BAD_ARGUMENT);
            assert_non_null(strstr(atl_message(ctx), "feature 3 of sample 0"));
            h[3] = kept;
        }
        atl_ctx_close(&ctx);
    }
    free(x);
    free(h);
}

// ---- path length

typedef void between(const float *a, const float *b, size_t size, double t, float *out);

// Points at t and a step further; results are float32, whose half step is 6e-8 at 1.
static void recorded_points(golden *g, const char *sort, between *point, const char *from) {
    char name[32];
    const atl_array *a = recorded(g, from, 0), *b = recorded(g, from, 1), *ts = recorded(g, "ppl.t", 0);
    float *x = recorded_floats(a), *y = recorded_floats(b), *t = recorded_floats(ts), out[16];
    int64_t rows = ts->dims[0], size = atl_array_count(a) / rows;
    assert_true(size <= 16);
    for (int step = 0; step < 2; step++) {
        snprintf(name, sizeof name, "ppl.%s_t%s!", sort, step ? "_eps" : "");
        const atl_array *want = recorded(g, name, 0);
        for (int64_t i = 0; i < rows; i++) {
            point(x + i * size, y + i * size, (size_t)size, (double)t[i] + step * ATL_PPL_EPSILON, out);
            for (int64_t k = 0; k < size; k++)
                assert_true(fabs((double)out[k] - recorded_double(want, i * size + k)) <= 2e-7);
        }
    }
    free(x);
    free(y);
    free(t);
}

static void recorded_path_lengths(atl_ctx *ctx, golden *g) {
    recorded_points(g, "slerp", atl_ppl_slerp, "ppl.z%d");
    recorded_points(g, "lerp", atl_ppl_lerp, "ppl.w%d");
    float *a = recorded_floats(recorded(g, "ppl.lpips0", 0)),
          *b = recorded_floats(recorded(g, "ppl.lpips1", 0));
    float *want = recorded_floats(recorded(g, "ppl.dist", 0));
    const atl_array *crop = recorded(g, "ppl.crop_in", 0);
    float *in = recorded_floats(crop), *out = recorded_floats(recorded(g, "ppl.crop_out", 0)),
          seen[3 * 8 * 8];
    for (int i = 0; i < 6; i++)
        near_to("distance", atl_ppl_distance(a + 40 * i, b + 40 * i, 40), (double)want[i], 1e-6); // float32
    atl_ppl_view v = atl_ppl_view_of(16, 16, true);
    assert_true(v.height == 8 && v.width == 8);
    atl_ppl_see(&v, in, 3, 16, 16, seen);
    assert_memory_equal(seen, out, sizeof seen);
    const atl_array *all = recorded(g, "ppl.dists", 0);
    float *distances = recorded_floats(all);
    atl_estimate ppl;
    ok(ctx, atl_ppl_mean(ctx, distances, atl_array_count(all), 0, &ppl));
    near_to("ppl", ppl.value, recorded_number(g, "ppl", "ppl"), 1e-6);
    free(a);
    free(b);
    free(want);
    free(in);
    free(out);
    free(distances);
}

static void views_are_averages(void **state) {
    (void)state;
    enum { SIZE = 1024 };
    atl_ppl_view whole = atl_ppl_view_of(SIZE, SIZE, false), face = atl_ppl_view_of(SIZE, SIZE, true);
    assert_true(whole.factor == 4 && whole.height == 256 && face.factor == 2 && face.width == 256);
    assert_true(face.top == 384 && face.left == 256);
    assert_int_equal(atl_ppl_view_of(255, 255, false).factor, 1);
    float *x = malloc(SIZE * SIZE * sizeof *x), *y = malloc(256 * 256 * sizeof *y);
    for (int i = 0; i < SIZE * SIZE; i++)
        x[i] = (float)(i / SIZE + i % SIZE);
    atl_ppl_see(&whole, x, 1, SIZE, SIZE, y);
    for (int i = 0; i < 256 * 256; i++)
        assert_true(y[i] == (float)(4 * (i / 256 + i % 256) + 3));
    atl_ppl_see(&face, x, 1, SIZE, SIZE, y);
    for (int i = 0; i < 256 * 256; i++)
        assert_true(y[i] == (float)(640 + 2 * (i / 256 + i % 256) + 1));
    free(x);
    free(y);
}

static void path_lengths_scatter_by_their_error(void **state) {
    (void)state;
    enum { N = 400, TIMES = 60 };
    atl_ctx *ctx = ctx_with(1);
    double sum = 0, squares = 0, errors = 0;
    for (uint64_t t = 0; t < TIMES; t++) {
        float *x = normals(N, 5000 + t, 3, 1);
        for (int i = 0; i < N; i++)
            x[i] = x[i] * x[i];
        atl_estimate ppl;
        ok(ctx, atl_ppl_mean(ctx, x, N, t, &ppl));
        sum += ppl.value / TIMES, squares += ppl.value * ppl.value / TIMES, errors += ppl.error / TIMES;
        free(x);
    }
    double scatter = sqrt((squares - sum * sum) * TIMES / (TIMES - 1));
    printf("    PPL %.3f, scatters by %.3f, error %.3f\n", sum, scatter, errors);
    assert_true(errors > 0.75 * scatter && errors < 1.3 * scatter);
    float one = 2.0f, bad[2] = { 1.0f, NAN };
    atl_estimate ppl;
    ok(ctx, atl_ppl_mean(ctx, &one, 1, 0, &ppl));
    assert_true(ppl.value == 2 && isnan(ppl.error));
    assert_int_equal(atl_ppl_mean(ctx, bad, 2, 0, &ppl), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

// ---- separability

static void recorded_boundaries(atl_ctx *ctx, golden *g) {
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "ls%d", i);
        const atl_array *table = recorded(g, "ls%d.p", i);
        float *p = recorded_floats(table);
        double wide[6];
        for (int64_t k = 0; k < atl_array_count(table); k++)
            wide[k] = (double)p[k];
        atl_entropies e = atl_entropies_of(wide, (int)table->dims[0], (int)table->dims[1]);
        // p is float32, and sums to 1 with its rounding
        assert_true(fabs(e.joint - recorded_number(g, name, "entropy")) < 1e-6);
        assert_true(fabs(e.mutual - recorded_number(g, name, "mutual_information")) < 1e-6);
        assert_true(fabs(e.conditional - recorded_number(g, name, "conditional_entropy")) < 1e-6);
        free(p);
    }
    atl_boundary all[3];
    const atl_array *rows = recorded(g, "lsfull.latents", 0);
    float *latents = recorded_floats(rows);
    int64_t width = rows->dims[1], keep = 130;
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "lsfull%d", i);
        float *logits = recorded_floats(recorded(g, "lsfull.logits%d", i)),
              *p = recorded_floats(recorded(g, "lsfull.p%d", i));
        int32_t kept[130];
        uint8_t targets[130], predictions[130];
        double w[9];
        ok(ctx, atl_separability(ctx, latents, logits, rows->dims[0], width, keep, &all[i], w, kept, targets,
                                 predictions));
        for (int64_t k = 0; k < keep; k++) {
            assert_int_equal(kept[k], recorded_int(recorded(g, "lsfull.kept%d", i), k));
            assert_int_equal(targets[k], recorded_int(recorded(g, "lsfull.targets%d", i), k));
            assert_int_equal(predictions[k], recorded_int(recorded(g, "lsfull.outputs%d", i), k));
        }
        for (int64_t k = 0; k < width; k++) // their solver stops at 1e-9
            assert_true(fabs(w[k] - recorded_double(recorded(g, "lsfull.coef%d!", i), k)) < 1e-8);
        near_to("intercept", w[width], recorded_number(g, name, "intercept"), 1e-7);
        near_to("smallest", all[i].smallest, recorded_number(g, name, "smallest_decision"), 1e-6);
        near_to(name, all[i].conditional, recorded_number(g, name, "conditional_entropy"), 1e-6);
        for (int k = 0; k < 4; k++)
            assert_true(fabs(all[i].table[k / 2][k % 2] - (double)p[k]) < 1e-7);
        free(logits);
        free(p);
    }
    near_to("lsfull", atl_separability_score(all, 3).value, recorded_number(g, "lsfull", "score"), 1e-6);
    free(latents);
}

// Many samples, more than are gathered at once, and a known optimum: there the gradient is 0.
static void a_boundary_is_where_the_gradient_vanishes(void **state) {
    (void)state;
    enum { N = 3000, WIDTH = 20, KEEP = 2500 };
    float *latents = normals(N * WIDTH, 31, 0.2, 1), *noise = normals(N, 32, 0, 1), logits[N];
    double w[2][WIDTH + 1];
    static int32_t kept[KEEP];
    static uint8_t targets[KEEP];
    atl_boundary b[2];
    for (int i = 0; i < N; i++)
        logits[i] = latents[i * WIDTH] - 2 * latents[i * WIDTH + 3] + noise[i];
    for (int threads = 1; threads <= 2; threads++) {
        atl_ctx *ctx = ctx_with(threads);
        ok(ctx, atl_separability(ctx, latents, logits, N, WIDTH, KEEP, &b[threads - 1], w[threads - 1], kept,
                                 targets, NULL));
        atl_ctx_close(&ctx);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    double gradient[WIDTH + 1], largest = 0;
    memcpy(gradient, w[0], sizeof gradient);
    for (int i = 0; i < KEEP; i++) {
        double f = w[0][WIDTH], sign = targets[i] ? 1 : -1;
        for (int j = 0; j < WIDTH; j++)
            f += w[0][j] * (double)latents[kept[i] * WIDTH + j];
        for (int j = 0; j <= WIDTH && sign * f < 1; j++)
            gradient[j] -= 2 * sign * (1 - sign * f) * (j < WIDTH ? (double)latents[kept[i] * WIDTH + j] : 1);
    }
    for (int j = 0; j <= WIDTH; j++)
        largest = fmax(largest, fabs(gradient[j]));
    printf("    gradient %.1e, entropy %.4f\n", largest, b[0].conditional);
    assert_true(largest < 1e-8 && b[0].conditional > 0.1 && b[0].conditional < 0.8 && b[0].variance > 0);
    free(latents);
    free(noise);
}

static void what_is_all_alike_is_separate(void **state) {
    (void)state;
    enum { N = 40, WIDTH = 3 };
    atl_ctx *ctx = ctx_with(1);
    float *latents = normals(N * WIDTH, 8, 0, 1), logits[N];
    atl_boundary b;
    for (int i = 0; i < N; i++)
        logits[i] = 1.0f + (float)i;
    ok(ctx, atl_separability(ctx, latents, logits, N, WIDTH, N, &b, NULL, NULL, NULL, NULL));
    assert_true(b.conditional == 0 && atl_separability_score(&b, 1).value == 1);
    assert_int_equal(atl_separability(ctx, latents, logits, N, WIDTH, N + 1, &b, NULL, NULL, NULL, NULL),
                     ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    logits[2] = NAN;
    assert_int_equal(atl_separability(ctx, latents, logits, N, WIDTH, N, &b, NULL, NULL, NULL, NULL),
                     ATL_BAD_ARGUMENT);
    free(latents);
    atl_ctx_close(&ctx);
}

static void values_are_the_recorded_ones(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(2);
    golden *g = open_values(ctx);
    recorded_kernel_distances(ctx, g);
    recorded_scores(ctx, g);
    recorded_neighbours(ctx, g);
    recorded_path_lengths(ctx, g);
    recorded_boundaries(ctx, g);
    golden_close(&g, (const char *const[]){ "fid", NULL }); // those have a test of their own
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_recorded_ones),
        cmocka_unit_test(kernel_distances_scatter_by_their_error),
        cmocka_unit_test(kernel_distances_are_seeded),
        cmocka_unit_test(choices_are_different_and_equally_likely),
        cmocka_unit_test(jackknife_of_a_mean_is_its_error),
        cmocka_unit_test(scores_of_the_sure_and_the_unsure),
        cmocka_unit_test(neighbourhoods_are_those_of_the_direct_form),
        cmocka_unit_test(views_are_averages),
        cmocka_unit_test(path_lengths_scatter_by_their_error),
        cmocka_unit_test(a_boundary_is_where_the_gradient_vanishes),
        cmocka_unit_test(what_is_all_alike_is_separate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
