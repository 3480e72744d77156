// SPDX-License-Identifier: Apache-2.0
// Directions of inner layers, followed back to w.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/network.h>
#include "app/fit.h"

enum { COUNT = 3 };
static const char LAYER[] = "synthesis.b4.conv1.affine"; // a linear function of w

// What the layer gives for one w of all layers -> x, of returned length.
static size_t look(atl_ctx *ctx, atl_model *model, const float *ws, float *x) {
    const atl_model_info *i = atl_model_get_info(model);
    const atl_array in = { "ws", ATL_F32, 3, { 1, i->num_ws, i->w_dim }, ws };
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    atl_arrays *out;
    o.features = LAYER;
    if (atl_model_run(model, "synthesize", &in, 1, &o, &out) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    const atl_array *a = atl_arrays_find(out, LAYER);
    assert_non_null(a);
    size_t count = (size_t)atl_array_count(a);
    assert_true(count <= 512);
    atl_array_read_f32(a, 0, (int64_t)count, x);
    atl_arrays_close(&out);
    return count;
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

// A step along the k-th direction of w moves a linear layer along its k-th principal direction alone: so what
// the steps do there is orthogonal, and the first does the most.
static void inner_directions_move_their_layer(void **state) {
    (void)state;
    char path[1024];
    const char *data = getenv("ATL_TEST_DATA");
    app_fit_options o = { .fit = ATL_FIT_OPTIONS_INIT, .recipe = APP_RECIPE_INIT, .layer = LAYER };
    app_error e = { 0 };
    atl_ctx *ctx;
    atl_model *model;
    atl_directions *set;
    static double moved[COUNT][512];
    float before[512], after[512];
    size_t width = 0;
    snprintf(path, sizeof path, "%s/stylegan/sg2-32.pkl", data ? data : "tests/data");
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_model_open(ctx, path, NULL, &model), ATL_OK);
    const atl_model_info *i = atl_model_get_info(model);
    o.samples = 2000;
    o.block = 500;
    o.seed = 1;
    o.fit.method = ATL_FIT_IPCA;
    o.fit.count = COUNT;
    if (app_fit_samples(ctx, model, &o, &set, &e) != APP_OK)
        fail_msg("%s", e.text);
    assert_int_equal(atl_directions_size(set), COUNT);
    float *ws = calloc((size_t)i->num_ws * (size_t)i->w_dim, sizeof *ws);
    for (size_t k = 0; k < COUNT; k++) {
        const atl_direction *d = atl_directions_get(set, k);
        memset(ws, 0, (size_t)i->num_ws * (size_t)i->w_dim * sizeof *ws);
        look(ctx, model, ws, before);
        assert_int_equal(atl_direction_move(ctx, d, NULL, 1, i->num_ws, i->w_dim, ws), ATL_OK);
        width = look(ctx, model, ws, after);
        for (size_t j = 0; j < width; j++)
            moved[k][j] = (double)after[j] - (double)before[j];
    }
    for (size_t k = 1; k < COUNT; k++)
        for (size_t l = 0; l < k; l++) {
            double cosine = dot(moved[k], moved[l], width) /
                            sqrt(dot(moved[k], moved[k], width) * dot(moved[l], moved[l], width));
            if (!(fabs(cosine) < 0.05)) // two samples of a few hundred numbers: not quite the same covariance
                fail_msg("directions %zu and %zu move the layer with a cosine of %g", l, k, cosine);
        }
    assert_true(dot(moved[0], moved[0], width) > dot(moved[2], moved[2], width));
    free(ws);
    atl_directions_close(&set);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(inner_directions_move_their_layer) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
