// SPDX-License-Identifier: Apache-2.0
// Pictures compared in pairs: by pixels, structure, features and faces, with small networks made anew.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/metrics.h>
#include "api/model_api.h"

enum { SIDE = 80 };

typedef struct scene {
    atl_ctx *ctx;
    uint8_t pixels[2][SIDE * SIDE * 3];
    atl_image a, b;
} scene;

static scene *begin(void) {
    static scene s;
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        s.pixels[0][i] = (uint8_t)(i / 3 % SIDE * 3);
        s.pixels[1][i] = (uint8_t)(255 - s.pixels[0][i] / 2 - i % 5);
    }
    s.a = (atl_image){ SIDE, SIDE, 3, s.pixels[0] };
    s.b = (atl_image){ SIDE, SIDE, 3, s.pixels[1] };
    return &s;
}

static atl_pair_likeness compare(scene *s, const atl_image *a, const atl_image *b,
                                 const atl_pairs_options *o) {
    atl_pair_likeness l;
    if (atl_pictures_compare(s->ctx, a, b, o, &l) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return l;
}

static void pixels_are_compared_from_minus_one_to_one(void **state) {
    (void)state;
    scene *s = begin();
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    double want = 0.0;
    o.side = SIDE; // nothing is resized
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        double d = (s->pixels[0][i] - s->pixels[1][i]) / 127.5;
        want += d * d / (SIDE * SIDE * 3);
    }
    atl_pair_likeness l = compare(s, &s->a, &s->b, &o);
    assert_true(fabs(l.mse - want) < 1e-6 && l.msssim < 0.9 && isnan(l.lpips) && isnan(l.idsim));
    l = compare(s, &s->a, &s->a, NULL); // at 256
    assert_true(l.mse == 0.0 && fabs(l.msssim - 1.0) < 1e-12);
    atl_ctx_close(&s->ctx);
}

static void faces_are_compared_by_their_network(void **state) {
    (void)state;
    scene *s = begin();
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    atl_network net;
    json_t *config = json_pack("{s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i}", "trunk", "ir", "units", 1, 1, 1, 1,
                               "channels", 4, 5, 6, 7, "width", 8, "affine", 0);
    atl_status status =
        atl_network_make(s->ctx, atl_model_row_find("face_embedding"), "identity", config, 1, &net);
    assert_int_equal(atl_model_new(s->ctx, &net, status, &o.identity), ATL_OK);
    double there = compare(s, &s->a, &s->b, &o).idsim, back = compare(s, &s->b, &s->a, &o).idsim;
    assert_true(fabs(there - back) < 1e-6 && there > -1.0 && there < 0.9999);
    assert_true(fabs(compare(s, &s->a, &s->a, &o).idsim - 1.0) < 1e-5);
    o.lpips = o.identity; // which is none
    atl_pair_likeness l;
    assert_int_equal(atl_pictures_compare(s->ctx, &s->a, &s->b, &o, &l), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s->ctx), "needs a network of LPIPS"));
    atl_model_close(&o.identity);
    atl_ctx_close(&s->ctx);
}

static void what_can_not_be_compared_is_said(void **state) {
    (void)state;
    scene *s = begin();
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    atl_pair_likeness l;
    o.side = 8;
    assert_int_equal(atl_pictures_compare(s->ctx, &s->a, &s->b, &o, &l), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s->ctx), "64 to 4096"));
    atl_message_clear(s->ctx);
    assert_int_equal(atl_pictures_compare(s->ctx, &s->a, &(atl_image){ 0 }, NULL, &l), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s->ctx), "empty"));
    atl_ctx_close(&s->ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_compared_from_minus_one_to_one),
        cmocka_unit_test(faces_are_compared_by_their_network),
        cmocka_unit_test(what_can_not_be_compared_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
