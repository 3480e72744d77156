// SPDX-License-Identifier: Apache-2.0
// Low-pass filters against recorded designs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <atelier/array.h>
#include "base/lowpass.h"

static double word(const char *words, const char *name) {
    char key[32];
    snprintf(key, sizeof key, "%s=", name);
    const char *at = strstr(words, key);
    if (!at)
        fail_msg("no word %s in \"%s\"", name, words);
    return strtod(at + strlen(key), NULL);
}

// Both were computed in double; the recorded ones passed through float once, ours too.
static void designs_match(void **state) {
    (void)state;
    char path[1024], key[16];
    atl_ctx *ctx;
    atl_arrays *set;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    snprintf(path, sizeof path, "%s/ops/lowpass.safetensors", getenv("ATL_TEST_DATA"));
    if (atl_arrays_open(ctx, path, &set))
        fail_msg("%s", atl_message(ctx));
    int cases = atoi(atl_arrays_metadata(set, "cases"));
    assert_int_equal(cases, 12);
    for (int i = 0; i < cases; i++) {
        float got[48 * 48], want[48 * 48];
        snprintf(key, sizeof key, "c%02d", i);
        const char *words = atl_arrays_metadata(set, key);
        snprintf(key, sizeof key, "c%02d.f", i);
        const atl_array *f = atl_arrays_find(set, key);
        assert_true(words && f);
        int taps = (int)word(words, "numtaps"), radial = word(words, "radial") != 0.0;
        int n = radial ? taps * taps : taps;
        assert_int_equal(atl_array_count(f), n);
        (radial ? atl_lowpass_radial : atl_lowpass)(taps, word(words, "cutoff"), word(words, "width"),
                                                    word(words, "fs"), got);
        atl_array_read_f32(f, 0, n, want);
        float most = 0.0f;
        for (int k = 0; k < n; k++)
            most = fmaxf(most, fabsf(want[k]));
        for (int k = 0; k < n; k++)
            if (!(fabsf(got[k] - want[k]) <= 2e-7f * most))
                fail_msg("%s: tap %d is %.9g, not %.9g", words, k, (double)got[k], (double)want[k]);
    }
    atl_arrays_close(&set);
    atl_ctx_close(&ctx);
}

// The middle tap of an odd radial filter is a limit.
static void odd_radial_filters_are_finite(void **state) {
    (void)state;
    float f[25], sum = 0.0f;
    atl_lowpass_radial(5, 2.0, 3.0, 16.0, f);
    for (int i = 0; i < 25; i++)
        sum += f[i];
    assert_true(fabsf(sum - 1.0f) < 1e-6f);
    assert_true(f[12] > f[11] && f[11] > f[10]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(designs_match),
        cmocka_unit_test(odd_radial_filters_are_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
