// SPDX-License-Identifier: Apache-2.0
// Pictures of what lies between codes: which pairs, where, and that samples don't depend on how many are
// asked for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/metrics.h>
#include "metrics/detector.h"
#include "metrics/generator.h"
#include "run/backend.h"

enum { W = 8, SIDE = 16, ROWS = 6, WS = ROWS * W, CODES = 5, N = 40, PICTURE = 3 * SIDE * SIDE };

static void ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void make_network(atl_ctx *ctx, atl_network *net) {
    ok(ctx, atl_network_make(ctx, atl_model_row_for("stylegan2", "generator"), "G_ema",
                             json_pack("{s:s,s:b,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:{s:i}}", "architecture",
                                       "skip", "use_noise", 1, "z_dim", W, "c_dim", 0, "w_dim", W,
                                       "img_resolution", SIDE, "img_channels", 3, "channel_base", 128,
                                       "channel_max", 8, "mapping", "num_layers", 2),
                             3, net));
}

static void pictures_lie_between_two_codes(void **state) {
    (void)state;
    static float codes[CODES * WS], ws[N * WS], img[N * PICTURE];
    static uint8_t want[N * PICTURE], have[N * PICTURE], later[PICTURE];
    atl_generator_options o = { .seed = 5, .psi = 1.0f, .class_index = -1, .noise = ATL_NOISE_NONE };
    atl_ctx *ctx;
    atl_network net;
    atl_backend *backend;
    atl_generator g;
    float u[3 * N];
    int used[CODES] = { 0 };
    ok(NULL, atl_ctx_open(&ctx, NULL));
    make_network(ctx, &net);
    assert_int_equal(net.dims.num_ws * net.dims.w_dim, WS);
    for (int i = 0; i < CODES * WS; i++)
        codes[i] = (float)((i * 37 % 101) - 50) / 25.0f;
    o.codes = codes;
    o.code_count = CODES;
    ok(ctx, atl_detector_backend(ctx, &backend));
    ok(ctx, atl_generator_open(&net, backend, NULL, &o, &g));
    ok(ctx, atl_generator_pictures(&g, 0, N, have));
    ok(ctx, atl_generator_pictures(&g, 37, 1, later));
    assert_memory_equal(later, have + 37 * PICTURE, PICTURE);

    atl_generator_uniform(&g, ATL_PURPOSE_PICTURES, 0, N, 3, u);
    for (int i = 0; i < N; i++) {
        int a = (int)(u[3 * i] * CODES), b = (int)(u[3 * i + 1] * (CODES - 1));
        b += b >= a;
        assert_true(a != b && a < CODES && b < CODES);
        used[a] = used[b] = 1;
        for (int k = 0; k < WS; k++)
            ws[i * WS + k] = codes[a * WS + k] + u[3 * i + 2] * (codes[b * WS + k] - codes[a * WS + k]);
    }
    for (int i = 0; i < CODES; i++)
        assert_true(used[i]);
    const atl_generator_scene scene = { .noise = ATL_NOISE_NONE };
    for (int i = 0; i < N; i += g.inner)
        ok(ctx, atl_generator_paint(&g, N - i < g.inner ? N - i : g.inner, ws + i * WS, &scene,
                                    img + i * PICTURE));
    atl_generator_bytes(&g, N, img, want);
    assert_memory_equal(have, want, sizeof have);
    atl_generator_close(&g);
    atl_backend_close(&backend);
    atl_network_clear(&net);
    atl_ctx_close(&ctx);
}

static void says(atl_ctx *ctx, const atl_metrics_options *o, const char *part) {
    atl_metrics *m;
    assert_int_equal(atl_metrics_open(ctx, o, &m), ATL_BAD_ARGUMENT);
    if (!strstr(atl_message(ctx), part))
        fail_msg("%s", atl_message(ctx));
    atl_message_clear(ctx);
}

static void what_can_not_be_between_is_said(void **state) {
    (void)state;
    static const char path[] = "between.safetensors";
    static float codes[CODES * WS];
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    atl_metrics *m;
    atl_ctx *ctx;
    atl_network net;
    ok(NULL, atl_ctx_open(&ctx, NULL));
    make_network(ctx, &net);
    const atl_ckpt_out out = { net.name, net.row->kind, net.json, &net.params, NULL };
    ok(ctx, atl_ckpt_write(ctx, path, &out, 1, NULL, NULL, ATL_F32));
    o.network = path;
    o.metrics = "msssim2";
    o.codes = codes;
    o.code_count = CODES;
    o.code_size = WS;
    ok(ctx, atl_metrics_open(ctx, &o, &m));
    while (!atl_metrics_get_state(m)->finished)
        ok(ctx, atl_metrics_step(m));
    int count;
    assert_true(atl_metrics_get_results(m, &count)->values[0].value > 0.8); // of one code, by its noise alone
    atl_metrics_close(&m);
    o.metrics = "ppl2_wend";
    says(ctx, &o, "ppl2_wend draws latents of its own");
    o.metrics = "msssim2";
    o.code_count = 1;
    says(ctx, &o, "1 codes: two at least are needed");
    o.code_count = CODES;
    o.code_size = WS - 1;
    says(ctx, &o, "codes of 47 numbers, and the network's ws have 48");
    o.code_size = WS;
    o.reference_order = 1;
    says(ctx, &o, "the reference order is of random latents");
    atl_network_clear(&net);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_lie_between_two_codes),
        cmocka_unit_test(what_can_not_be_between_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
