// SPDX-License-Identifier: Apache-2.0
// Files of features: ours, gan-metrics pickles and statistics of other programs (tests/data/metrics, made
// with NumPy of the same eleven rows), what is refused, and of which detector they are.
#include "../data/check.h"
#include <math.h>
#include <stdbool.h>
#include <atelier/array.h>
#include "metrics/features.h"

enum { D = 4, N = 11 };

static const char *recorded(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/metrics/%s", getenv("ATL_TEST_DATA"), name);
    return path;
}

// The rows that all files are of.
static void read_rows(place *p, float rows[N * D]) {
    atl_features *f;
    assert_ok(p, atl_features_open(p->ctx, recorded("features.npy"), &f));
    assert_int_equal(f->count, N);
    assert_int_equal(f->width, D);
    assert_null(f->mean);
    memcpy(rows, f->rows, N * D * sizeof *rows);
    atl_features_close(&f);
}

// By the formulas themselves.
static void true_statistics(const float *rows, double mean[D], double cov[D * D]) {
    for (int i = 0; i < D; i++) {
        mean[i] = 0;
        for (int n = 0; n < N; n++)
            mean[i] += rows[n * D + i] / (double)N;
    }
    for (int i = 0; i < D; i++)
        for (int k = 0; k < D; k++) {
            cov[i * D + k] = 0;
            for (int n = 0; n < N; n++)
                cov[i * D + k] += (rows[n * D + i] - mean[i]) * (rows[n * D + k] - mean[k]) / (double)N;
        }
}

static void assert_near(const double *a, const double *b, int count) {
    for (int i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-13))
            fail_msg("%d: %.17g, not %.17g", i, a[i], b[i]);
}

static void all_kinds_hold_the_same(void **state) {
    place *p = *state;
    static const struct {
        const char *name;
        bool rows, statistics;
        int64_t count;
    } files[] = {
        { "features.npy", true, false, N },         { "gan-metrics-all.pkl", true, false, N },
        { "gan-metrics-sums.pkl", false, true, N }, { "fid-stats.npz", false, true, 0 },
        { "fid-stats.pkl", false, true, 0 },
    };
    float rows[N * D];
    double mean[D], cov[D * D], m[D], c[D * D];
    read_rows(p, rows);
    true_statistics(rows, mean, cov);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        atl_features *f;
        assert_ok(p, atl_features_open(p->ctx, recorded(files[i].name), &f));
        assert_int_equal(f->width, D);
        assert_int_equal(f->count, files[i].count);
        assert_int_equal(f->rows != NULL, files[i].rows);
        assert_int_equal(f->mean != NULL, files[i].statistics);
        if (f->rows)
            assert_memory_equal(f->rows, rows, sizeof rows);
        assert_ok(p, atl_features_statistics(p->ctx, f, m, c));
        assert_near(m, mean, D);
        assert_near(c, cov, D * D);
        assert_string_equal(f->of.detector, "");
        atl_features_close(&f);
        assert_null(f);
    }
}

static void ours_come_back(void **state) {
    place *p = *state;
    float rows[N * D];
    double mean[D], cov[D * D];
    read_rows(p, rows);
    true_statistics(rows, mean, cov);
    atl_features f = { .of = { "inception", "features", "tf", 0xfedcba9876543210u }, .width = D, .count = N },
                 *g;
    for (int kind = 1; kind < 4; kind++) {
        f.rows = kind & 1 ? rows : NULL;
        f.mean = kind & 2 ? mean : NULL;
        f.cov = kind & 2 ? cov : NULL;
        f.key = kind == 2 ? "of \"what\"" : NULL;
        assert_ok(p, atl_features_write(p->ctx, at(p, "f.npz"), &f));
        assert_ok(p, atl_features_open(p->ctx, at(p, "f.npz"), &g));
        assert_memory_equal(&g->of, &f.of, sizeof f.of);
        assert_int_equal(g->count, N);
        assert_int_equal(g->width, D);
        assert_int_equal(g->rows != NULL, f.rows != NULL);
        assert_int_equal(g->mean != NULL, f.mean != NULL);
        if (g->rows)
            assert_memory_equal(g->rows, rows, sizeof rows);
        if (g->mean)
            assert_memory_equal(g->mean, mean, sizeof mean);
        if (g->cov)
            assert_memory_equal(g->cov, cov, sizeof cov);
        assert_int_equal(g->key != NULL, f.key != NULL);
        if (f.key)
            assert_string_equal(g->key, f.key);
        atl_features_close(&g);
    }
}

static void other_detectors_are_refused_by_name(void **state) {
    place *p = *state;
    const atl_features_of tf = { "inception", "features", "tf", 7 };
    atl_features f = { .of = tf, .width = 2048, .path = "x.npz" };
    atl_features_of asked = tf;
    assert_ok(p, atl_features_check(p->ctx, &f, &asked, 2048));
    strcpy(asked.resize, "torch");
    assert_fails(
        p, atl_features_check(p->ctx, &f, &asked, 2048), ATL_BAD_ARGUMENT,
        "x.npz: holds features of inception (features, resize tf), but those of inception (features, resize "
        "torch) are needed");
    asked = (atl_features_of){ "vgg16", "features", "", 9 };
    assert_fails(p, atl_features_check(p->ctx, &f, &asked, 4096), ATL_BAD_ARGUMENT,
                 "those of vgg16 (features) are");
    asked = tf;
    asked.fingerprint = 8;
    assert_fails(p, atl_features_check(p->ctx, &f, &asked, 2048), ATL_BAD_ARGUMENT,
                 "with other weights than");
    f.of = (atl_features_of){ 0 }; // a file of another program
    assert_ok(p, atl_features_check(p->ctx, &f, &asked, 2048));
    assert_fails(p, atl_features_check(p->ctx, &f, &asked, 4096), ATL_BAD_ARGUMENT,
                 "has 2048 numbers per picture, but inception (features, resize tf) makes 4096");
}

static void write_npz(place *p, const atl_array *list, size_t count) {
    assert_ok(p, atl_npz_write(p->ctx, at(p, "bad.npz"), list, count));
}

static void refused(place *p, atl_status status, const char *text) {
    atl_features *f;
    assert_fails(p, atl_features_open(p->ctx, at(p, "bad.npz"), &f), status, text);
    assert_null(f);
}

static void what_is_no_file_of_features_is_refused(void **state) {
    place *p = *state;
    double mean[D] = { 0 }, cov[D * D] = { 0 };
    float rows[N * D] = { 0 };
    atl_array list[] = { { "mu", ATL_F64, 1, { D }, mean }, { "sigma", ATL_F64, 2, { D, D }, cov } };
    atl_array features = { "features", ATL_F32, 2, { N, D }, rows };
    write_npz(p, list, 1);
    refused(p, ATL_UNSUPPORTED, "neither features [pictures, numbers] nor statistics (mu and sigma)");
    list[1].dims[1] = D - 1;
    write_npz(p, list, 2);
    refused(p, ATL_BAD_FILE, "its mean and its covariance have different sizes");
    list[1].dims[1] = D;
    cov[1] = 1;
    write_npz(p, list, 2);
    refused(p, ATL_BAD_FILE, "its covariance is not symmetric");
    cov[1] = 0;
    cov[5] = NAN;
    write_npz(p, list, 2);
    refused(p, ATL_BAD_FILE, "has statistics that are no numbers");
    rows[17] = INFINITY;
    write_npz(p, &features, 1);
    refused(p, ATL_BAD_FILE, "has features that are no numbers");
    features.dims[0] = 0;
    write_npz(p, &features, 1);
    refused(p, ATL_BAD_FILE, "has no rows");
    atl_array about = { "about", ATL_U8, 1, { 3 }, "{x}" };
    write_npz(p, &about, 1);
    refused(p, ATL_BAD_FILE, "its array 'about' is no JSON");
    put_file(p, "bad.npz", "neither", 7);
    refused(p, ATL_BAD_FILE, "bad.npz");
}

// Every prefix of a file, and every byte of it changed: it opens or there is a sentence.  What opens has the
// same numbers.  The names of a zip's members have no checksum: by one that has changed a file is as those
// that do not say what they are of.
static void damage_is_noticed(void **state) {
    place *p = *state;
    float rows[N * D];
    double mean[D], cov[D * D];
    read_rows(p, rows);
    true_statistics(rows, mean, cov);
    atl_features f = { .of = { "inception", "features", "tf", 1 },
                       .width = D,
                       .count = N,
                       .mean = mean,
                       .cov = cov },
                 *g;
    assert_ok(p, atl_features_write(p->ctx, at(p, "f.npz"), &f));
    size_t size;
    uint8_t *bytes = get_file(p, "f.npz", &size), *copy = malloc(size);
    assert_non_null(copy);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(atl_features_open_memory(p->ctx, "cut", bytes, i, &g), ATL_OK);
        assert_int_not_equal(*atl_message(p->ctx), 0);
        atl_message_clear(p->ctx);
        memcpy(copy, bytes, size);
        copy[i] ^= 1;
        if (atl_features_open_memory(p->ctx, "changed", copy, size, &g) == ATL_OK) {
            assert_memory_equal(g->mean, mean, sizeof mean);
            assert_memory_equal(g->cov, cov, sizeof cov);
            assert_true(!*g->of.detector || !strcmp(g->of.detector, "inception"));
        }
        atl_features_close(&g);
        atl_message_clear(p->ctx);
    }
    free(copy);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_kinds_hold_the_same),
        TEST(ours_come_back),
        TEST(other_detectors_are_refused_by_name),
        TEST(what_is_no_file_of_features_is_refused),
        TEST(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
