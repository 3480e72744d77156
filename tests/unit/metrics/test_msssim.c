// SPDX-License-Identifier: Apache-2.0
// MS-SSIM against numbers made once by another program (NumPy: windows by sums over sliding views), and what
// it promises.
#include "recorded.h"
#include "metrics/msssim.h"

static uint32_t next(uint32_t *seed) {
    return (*seed = *seed * 1664525u + 1013904223u) >> 24;
}

static uint8_t to_byte(int v) {
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

// Two pictures of stripes, the second pale, each with noise of its own.
static void stripes(int c, int h, int w, uint32_t seed, uint8_t *a, uint8_t *b) {
    for (int side = 0; side < 2; side++)
        for (int k = 0; k < c; k++)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    int base = ((x * (k + 2) + y * (3 - k)) * 5) & 255, noise = (int)next(&seed);
                    int at = (k * h + y) * w + x;
                    if (side == 0)
                        a[at] = to_byte(base + (noise >> 3) - 16);
                    else
                        b[at] = to_byte((base * 3 >> 3) + (noise >> 1));
                }
}

static void pairs_are_the_recorded_ones(void **state) {
    (void)state;
    static const struct {
        int c, h, w;
        uint32_t seed;
        double value;
    } cases[] = {
        { 3, 64, 64, 1, 0.651314251703954 },
        { 1, 16, 16, 2, 0.655105469740912 },
        { 3, 37, 50, 3, 0.627737358681847 },
        { 1, 180, 161, 4, 0.64769154874813 },
    };
    static uint8_t a[3 * 64 * 64 + 180 * 161], b[sizeof a];
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            atl_ctx *ctx = ctx_with(threads);
            atl_msssim *m;
            ok(ctx, atl_msssim_open(ctx, cases[i].c, cases[i].h, cases[i].w, &m));
            stripes(cases[i].c, cases[i].h, cases[i].w, cases[i].seed, a, b);
            near_to("MS-SSIM", atl_msssim_pair(m, a, b), cases[i].value, 1e-12);
            assert_true(atl_msssim_pair(m, a, b) == atl_msssim_pair(m, b, a));
            near_to("of a picture with itself", atl_msssim_pair(m, a, a), 1, 1e-12);
            atl_msssim_close(&m);
            atl_ctx_close(&ctx);
        }
}

static void the_opposite_is_nothing_alike(void **state) {
    (void)state;
    enum { SIZE = 32 };
    atl_ctx *ctx = ctx_with(1);
    atl_msssim *m;
    uint8_t a[SIZE * SIZE], b[SIZE * SIZE];
    for (int i = 0; i < SIZE * SIZE; i++) {
        a[i] = (i ^ i / SIZE) & 1 ? 200 : 20;
        b[i] = (uint8_t)(220 - a[i]);
    }
    ok(ctx, atl_msssim_open(ctx, 1, SIZE, SIZE, &m));
    assert_true(atl_msssim_pair(m, a, b) == 0);
    atl_msssim_close(&m);
    assert_int_equal(atl_msssim_open(ctx, 1, 15, SIZE, &m), ATL_BAD_ARGUMENT);
    assert_null(m);
    assert_non_null(strstr(atl_message(ctx), "15 x 32"));
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_the_recorded_ones),
        cmocka_unit_test(the_opposite_is_nothing_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
