// SPDX-License-Identifier: Apache-2.0
// New StyleGAN3 and StyleGAN-XL generators: their filters against those inside recorded networks, and the
// initial values that are no plain normal numbers.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/model_api.h"

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return ctx;
}

// Designs the filters of a recorded network again: they must be those that it holds.
static void check_filters(const char *path) {
    const char *data = getenv("ATL_TEST_DATA");
    char full[1024];
    atl_ctx *ctx = open_ctx();
    atl_model *old = NULL, *m = NULL;
    snprintf(full, sizeof full, "%s/%s", data ? data : "tests/data", path);
    if (atl_model_open(ctx, full, NULL, &old) != ATL_OK || atl_model_open(ctx, full, NULL, &m) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    assert_int_equal(m->net.row->finish(ctx, m->net.config, &m->net.params, 1), ATL_OK);
    int filters = 0;
    for (size_t i = 0; i < m->net.params.size; i++) {
        const atl_param *p = &m->net.params.list[i];
        const float *x = atl_param_data(&m->net.params, p),
                    *y = atl_param_data(&old->net.params, &old->net.params.list[i]);
        if (!strstr(p->name, "_filter"))
            continue;
        filters++;
        for (size_t k = 0; k < p->count; k++) // both are rounded once from double: taps up to 0.5
            if (!(fabsf(x[k] - y[k]) <= 1e-7f))
                fail_msg("%s: %s[%zu] is %.9g, not %.9g", path, p->name, k, (double)x[k], (double)y[k]);
    }
    assert_true(filters >= 16); // two for each of eight layers and more
    atl_model_close(&old);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void filters_are_those_of_recorded_networks(void **state) {
    (void)state;
    check_filters("stylegan/sg3-t-32.pkl");
    check_filters("stylegan/sg3-r-32.pkl");
    check_filters("xl/xl-t-32-superres.pkl");
    check_filters("xl/xl-r-32-superres.pkl");
}

static const float *values(const atl_model *m, const char *name, size_t count) {
    const atl_param *p = atl_params_find(&m->net.params, name);
    if (!p)
        fail_msg("there is no %s", name);
    assert_int_equal(p->count, count);
    return atl_param_data(&m->net.params, p);
}

static atl_model *made(atl_ctx *ctx, const char *cfg, int c_dim) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *m;
    o.cfg = cfg;
    o.resolution = 32;
    o.channel_base = 512;
    o.channel_max = 64;
    o.c_dim = c_dim;
    o.seed = 7;
    if (atl_model_init(ctx, &o, &m) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    return m;
}

static void the_input_starts_in_place(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_model *m = made(ctx, "stylegan3-t", 0);
    const float *transform = values(m, "synthesis.input.transform", 9);
    const float *bias = values(m, "synthesis.input.affine.bias", 4);
    const float *weight = values(m, "synthesis.input.affine.weight", 4 * 512);
    for (int i = 0; i < 9; i++)
        assert_true(transform[i] == (i % 4 ? 0.0f : 1.0f));
    for (int i = 0; i < 4; i++)
        assert_true(bias[i] == (i ? 0.0f : 1.0f));
    for (int i = 0; i < 4 * 512; i++)
        assert_true(weight[i] == 0.0f);
    assert_true(values(m, "synthesis.L0_36_64.magnitude_ema", 1)[0] == 1.0f);
    assert_true(values(m, "synthesis.L0_36_64.affine.bias", 64)[0] == 1.0f);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void frequencies_fill_a_disc(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_model *m = made(ctx, "stylegan3-r", 0);
    const float *freqs = values(m, "synthesis.input.freqs", 2 * 128);
    const float *phases = values(m, "synthesis.input.phases", 128);
    double low = 1, high = -1;
    int inner = 0;
    for (int i = 0; i < 128; i++) {
        double r = hypot((double)freqs[2 * i], (double)freqs[2 * i + 1]);
        assert_true(r <= 2.0); // the bandwidth
        inner += r < 2.0 * sqrt(0.5);
        low = fmin(low, (double)phases[i]);
        high = fmax(high, (double)phases[i]);
    }
    assert_in_range(inner, 40, 88); // half of a disc's area; four standard deviations (5.7) around 64
    assert_true(low >= -0.5 && low < -0.4 && high < 0.5 && high > 0.4);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void configurations_differ_as_they_should(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_model *t = made(ctx, "stylegan3-t", 0), *r = made(ctx, "stylegan3-r", 0), *xl = made(ctx, "stylegan-xl", 10);
    values(t, "synthesis.L0_36_64.weight", 64 * 64 * 9);
    values(r, "synthesis.L0_36_128.weight", 128 * 128);
    values(r, "synthesis.L0_36_128.down_filter", 144); // radial
    values(t, "synthesis.L0_36_64.down_filter", 12);
    values(xl, "synthesis.L0_36_128.weight", 128 * 128 * 9);
    values(xl, "mapping.embed.weight", 10 * 320);
    values(xl, "mapping.fc0.weight", 512 * 128);
    values(xl, "mapping.w_avg", 10 * 512);
    assert_string_equal(atl_model_get_info(xl)->kind, "stylegan-xl");
    assert_int_equal(atl_model_get_info(xl)->z_dim, 64);
    assert_int_equal(atl_model_get_info(t)->num_ws, 16);
    atl_model_close(&t);
    atl_model_close(&r);
    atl_model_close(&xl);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_those_of_recorded_networks),
        cmocka_unit_test(the_input_starts_in_place),
        cmocka_unit_test(frequencies_fill_a_disc),
        cmocka_unit_test(configurations_differ_as_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
