// SPDX-License-Identifier: Apache-2.0
// Direct convolution of our own in its three slots, on every instruction set, against its definition in
// double; and bits that don't depend on the number of threads.
#include "forms.h"

typedef struct pads {
    int top, bottom, left, right;
} pads;

static atl_cpu_conv_shape shape_of(int n, int h, int w, int ci, int co, int kh, int kw, int sy, int sx,
                                   pads p) {
    return (atl_cpu_conv_shape){ .n = n,
                                 .h = h,
                                 .w = w,
                                 .ci = ci,
                                 .oh = (h + p.top + p.bottom - kh) / sy + 1,
                                 .ow = (w + p.left + p.right - kw) / sx + 1,
                                 .co = co,
                                 .kh = kh,
                                 .kw = kw,
                                 .sy = sy,
                                 .sx = sx,
                                 .py0 = p.top,
                                 .py1 = p.bottom,
                                 .px0 = p.left,
                                 .px1 = p.right,
                                 .groups = 1 };
}

// One run between guards; the result is the caller's to release.
static float *run(atl_ctx *ctx, int threads, const atl_cpu_conv_shape *s, const float *a, const float *b,
                  int constant) {
    atl_cpu_conv *conv;
    if (atl_cpu_conv_make_by(ATL_CPU_CONV_OWN, ctx, table_of(ctx), team_with(threads), s, constant ? b : NULL,
                             &conv) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    size_t bytes = atl_cpu_conv_workspace(conv), floats = bytes / sizeof(float);
    float *out = guarded(form_size(s)), *space = guarded(floats + 16);
    float *aligned = space + (64 - (uintptr_t)space % 64) % 64 / sizeof(float);
    for (int turn = 0; turn < 2; turn++) // a run leaves nothing behind that changes the next one
        assert_int_equal(atl_cpu_conv_run(conv, a, constant ? NULL : b, out, aligned), ATL_OK);
    for (size_t i = (size_t)(aligned - space) + floats; i < floats + 16; i++)
        assert_true(isnan(space[i])); // wrote past the workspace
    release_guarded(space, floats + 16);
    atl_cpu_conv_free(&conv);
    assert_null(conv);
    return out;
}

static void check_slot(atl_ctx *ctx, atl_cpu_conv_shape s, atl_slot slot, int constant, int swapped) {
    s.slot = slot;
    s.swapped = swapped;
    float *x = some_floats(x_size(&s), 1), *w = some_floats(w_size(&s), 2), *y = some_floats(y_size(&s), 3);
    float *want = form_of(&s, x, w, y), *first = NULL;
    size_t size = form_size(&s);
    // the bound for 600 products below 1, in proportion
    double terms = slot == ATL_SLOT_W ? s.n * s.oh * s.ow : s.kh * s.kw * (slot == ATL_SLOT_Y ? s.ci : s.co);
    char what[160];
    snprintf(what, sizeof what, "slot %d, %d x %dx%d, %d to %d channels, kernel %dx%d, strides %d, %d",
             (int)slot, s.n, s.h, s.w, s.ci, s.co, s.kh, s.kw, s.sy, s.sx);
    for (int threads = 1; threads <= 3; threads++) {
        float *out = run(ctx, threads, &s, slot == ATL_SLOT_X ? y : x, slot == ATL_SLOT_W ? y : w, constant);
        if (!first) {
            same(out, want, size, F32_CONTRACT * terms / 600, what);
            first = out;
            continue;
        }
        if (memcmp(out, first, size * sizeof *out) != 0)
            fail_msg("%s: other bits with %d threads", what, threads);
        release_guarded(out, size);
    }
    release_guarded(first, size);
    free(want);
    free(x);
    free(w);
    free(y);
}

// In turn: weights that are constant or vary, in one order of channels or the other.
static void check_shape(atl_ctx *ctx, const atl_cpu_conv_shape *s, int turn) {
    for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_W; slot++)
        check_slot(ctx, *s, (atl_slot)slot, slot != ATL_SLOT_W && turn % 2, turn / 2 % 2);
}

static void on_every_set(void (*check)(atl_ctx *ctx)) {
    for (int set = (int)atl_cpu_detect(); set >= 0; set--) {
        atl_ctx *ctx = open_ctx(3, atl_cpu_name((atl_cpu_set)set));
        check(ctx);
        atl_ctx_close(&ctx);
    }
}

static void odd_sizes(atl_ctx *ctx) {
    static const int CHANNELS[] = { 1, 3, 8, 17, 33, 20, 16 };
    for (int k = 1; k <= 7; k++)
        for (int stride = 1; stride <= 4; stride++) {
            int i = k * 4 + stride, h = k + i % 6, w = k + 3 + i % 5;
            pads p = { i % k, i / 2 % k, i / 3 % k, i / 5 % k };
            atl_cpu_conv_shape s = shape_of(1 + i % 3, h, w, CHANNELS[i % 7], CHANNELS[i / 2 % 7], k,
                                            1 + i % 7, stride, 1 + i / 4 % 3, p);
            if (s.kw <= w + p.left + p.right)
                check_shape(ctx, &s, i);
        }
}

static void shapes_of_every_kind_match_the_definition(void **state) {
    (void)state;
    on_every_set(odd_sizes);
}

// What plans cut: many pixels, channels summed in slices, results in chunks, and weights that units pack
// themselves.
static void cut_shapes(atl_ctx *ctx) {
    const pads none = { 0, 0, 0, 0 }, one = { 1, 1, 1, 1 }, much = { 5, 0, 4, 1 };
    const atl_cpu_conv_shape shapes[] = {
        shape_of(2, 33, 31, 5, 7, 3, 3, 2, 2, none),   shape_of(1, 24, 23, 16, 33, 3, 3, 1, 1, one),
        shape_of(2, 3, 4, 150, 20, 3, 3, 1, 1, one),   shape_of(1, 3, 3, 9, 300, 3, 3, 1, 1, one),
        shape_of(3, 5, 5, 180, 170, 3, 3, 2, 2, none), shape_of(1, 4, 4, 190, 175, 3, 3, 1, 1, one),
        shape_of(1, 2, 3, 3, 5, 3, 3, 1, 1, much),     shape_of(1, 7, 7, 3, 4, 1, 1, 3, 3, none),
        shape_of(2, 9, 8, 6, 5, 2, 2, 3, 3, one),      shape_of(8, 2, 2, 12, 11, 3, 3, 1, 1, one),
    };
    for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++)
        for (int turn = 0; turn < 4; turn++)
            check_shape(ctx, &shapes[i], turn);
}

static void shapes_that_are_cut_match_the_definition(void **state) {
    (void)state;
    on_every_set(cut_shapes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_of_every_kind_match_the_definition),
        cmocka_unit_test(shapes_that_are_cut_match_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
