// SPDX-License-Identifier: Apache-2.0
// Philox against the known-answer vectors published with the generator (Random123, kat_vectors).
#include "../check.h"

#include "base/philox.h"

static void blocks_are_the_published_ones(void **state) {
    (void)state;
    static const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u } },
        { { 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu }, { 0xffffffffu, 0xffffffffu },
          { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu } },
        { { 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u }, { 0xa4093822u, 0x299f31d0u },
          { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        atl_philox_block(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void any_part_is_the_same_as_the_whole(void **state) {
    (void)state;
    float whole[100], part[100];
    for (int kind = 0; kind < 2; kind++) {
        void (*fill)(uint64_t, uint64_t, uint64_t, size_t, float *) =
            kind ? atl_philox_normal : atl_philox_uniform;
        fill(7, 9, 0, 100, whole);
        for (size_t first = 0; first < 12; first++)
            for (size_t n = 0; n < 12; n++) {
                fill(7, 9, first, n, part);
                assert_memory_equal(part, whole + first, n * sizeof *part);
            }
        fill(7, 10, 0, 100, part);
        assert_memory_not_equal(part, whole, sizeof whole);
        fill(8, 9, 0, 100, part);
        assert_memory_not_equal(part, whole, sizeof whole);
    }
}

// With 200 thousand numbers the standard errors of these moments are below 0.006.
static void moments_are_right(void **state) {
    (void)state;
    enum { N = 200000 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    double sum[4] = { 0 };
    atl_philox_normal(1, 2, 3, N, x);
    for (size_t i = 0; i < N; i++)
        for (int p = 0; p < 4; p++)
            sum[p] += pow((double)x[i], p + 1) / N;
    assert_true(fabs(sum[0]) < 0.01 && fabs(sum[1] - 1) < 0.02 && fabs(sum[2]) < 0.05 &&
                fabs(sum[3] - 3) < 0.12);
    double mean = 0.0;
    atl_philox_uniform(1, 2, 3, N, x);
    for (size_t i = 0; i < N; i++) {
        assert_true(x[i] >= 0.0f && x[i] < 1.0f);
        mean += (double)x[i] / N;
    }
    assert_true(fabs(mean - 0.5) < 0.005);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_published_ones),
        cmocka_unit_test(any_part_is_the_same_as_the_whole),
        cmocka_unit_test(moments_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
