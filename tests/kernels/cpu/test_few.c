// SPDX-License-Identifier: Apache-2.0
// Convolutions to at most four channels, and data gradients that have as few, on every instruction set, against their
// definition in double.
#include "cpu/few.h"
#include "forms.h"

static atl_cpu_conv_shape shape_of(int i, atl_slot slot, int few) {
    static const int CHANNELS[] = { 16, 17, 24, 33, 40, 128 };
    atl_cpu_conv_shape s = { .slot = slot, .n = 1 + i % 2, .kh = 1 + i % 4, .kw = 1 + i / 2 % 5, .groups = 1 };
    s.sy = slot == ATL_SLOT_X ? 1 : 1 + i / 3 % 3;
    s.sx = slot == ATL_SLOT_X ? 1 : 1 + i / 5 % 3;
    s.h = s.kh + i % 5;
    s.w = s.kw + i % 13;
    s.py0 = i % 3;
    s.py1 = i / 2 % 3;
    s.px0 = i / 3 % 7;
    s.px1 = i / 4 % 6;
    s.oh = (s.h + s.py0 + s.py1 - s.kh) / s.sy + 1;
    s.ow = (s.w + s.px0 + s.px1 - s.kw) / s.sx + 1;
    s.ci = slot == ATL_SLOT_X ? few : CHANNELS[i % 6];
    s.co = slot == ATL_SLOT_X ? CHANNELS[i % 6] : few;
    s.swapped = i / 7 % 2;
    return s;
}

static void check_shape(const atl_cpu_kernels *k, const atl_cpu_conv_shape *s, int ends) {
    float *x = some_floats(x_size(s), 1), *w = some_floats(w_size(s), 2), *y = some_floats(y_size(s), 3);
    float *want = form_of(s, x, w, y), bias[ATL_RGB_MAX] = { 0.5f, -1.0f, 2.0f, 0.25f };
    size_t size = form_size(s), bytes = atl_cpu_few_workspace(s);
    float *out = guarded(size), *space = guarded(bytes / sizeof *space);
    int few = s->slot == ATL_SLOT_X ? s->ci : s->co;
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    e.bias = bias;
    for (size_t i = 0; ends && i < size; i++)
        want[i] += bias[i % (size_t)few];
    assert_true(atl_cpu_few_worth(s));
    atl_cpu_few_run(&k->rgb, &k->pointwise, s, s->slot == ATL_SLOT_X ? y : x, w, out, ends ? &e : NULL, space,
                    team_with(2));
    char what[128];
    snprintf(what, sizeof what, "slot %d, %d x %dx%d, %d to %d channels, kernel %dx%d, strides %d, %d", (int)s->slot,
             s->n, s->h, s->w, s->ci, s->co, s->kh, s->kw, s->sy, s->sx);
    double terms = s->kh * s->kw * (s->slot == ATL_SLOT_Y ? s->ci : s->co);
    same(out, want, size, F32_CONTRACT * terms / 600 + F32_RGB, what); // the bound for 600 products below 1
    release_guarded(out, size);
    release_guarded(space, bytes / sizeof *space);
    free(want);
    free(x);
    free(w);
    free(y);
}

static void shapes_of_every_kind_match_the_definition(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++)
        for (int few = 1; few <= ATL_RGB_MAX; few++)
            for (int i = 0; i < 60; i++)
                for (int slot = ATL_SLOT_Y; slot <= ATL_SLOT_X; slot++) {
                    atl_cpu_conv_shape s = shape_of(i, (atl_slot)slot, few);
                    check_shape(kernels_of((atl_cpu_set)set), &s, i % 2);
                }
}

static void other_shapes_are_left_to_others(void **state) {
    (void)state;
    atl_cpu_conv_shape s = shape_of(0, ATL_SLOT_Y, 3);
    assert_true(atl_cpu_few_worth(&s));
    s.co = 5;
    assert_false(atl_cpu_few_worth(&s));
    s = shape_of(0, ATL_SLOT_X, 3);
    s.sx = 2;
    assert_false(atl_cpu_few_worth(&s));
    s = shape_of(0, ATL_SLOT_Y, 3);
    s.slot = ATL_SLOT_W;
    assert_false(atl_cpu_few_worth(&s));
    s = shape_of(0, ATL_SLOT_Y, 4);
    s.groups = 2;
    assert_false(atl_cpu_few_worth(&s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_of_every_kind_match_the_definition),
        cmocka_unit_test(other_shapes_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
