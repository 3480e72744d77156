// SPDX-License-Identifier: Apache-2.0
// The numbers of numpy.random.RandomState, recorded from NumPy.  Everything is compared exactly.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <atelier/rng.h>

static void uniform_and_normal_of_seed_0(void **state) {
    (void)state;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, 0);
    assert_true(atl_numpy_rng_uniform(&rng) == 0.5488135039273248);
    atl_numpy_rng_init(&rng, 0);
    assert_true(atl_numpy_rng_normal(&rng) == 1.764052345967664);
    assert_true(atl_numpy_rng_normal(&rng) == 0.4001572083672233); // the cached second of the pair
    assert_true(atl_numpy_rng_normal(&rng) == 0.9787379841057392);
}

static void integers_below_a_limit(void **state) {
    (void)state;
    static const uint32_t seed0[] = { 5, 0, 3, 3, 7, 9 },
                          seed42[] = { 51, 92, 14, 71, 60, 20, 82, 86, 74, 74 };
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(atl_numpy_rng_below(&rng, 10), seed0[i]);
    atl_numpy_rng_init(&rng, 42);
    for (int i = 0; i < 10; i++)
        assert_int_equal(atl_numpy_rng_below(&rng, 100), seed42[i]);
}

static void a_limit_of_one_draws_nothing(void **state) {
    (void)state;
    atl_numpy_rng a, b;
    atl_numpy_rng_init(&a, 7);
    atl_numpy_rng_init(&b, 7);
    assert_int_equal(atl_numpy_rng_below(&a, 1), 0);
    assert_int_equal(atl_numpy_rng_u32(&a), atl_numpy_rng_u32(&b));
}

// RandomState(seed).shuffle(arange(10)).
static void shuffles_of_a_list(void **state) {
    (void)state;
    static const uint32_t seed0[] = { 2, 8, 4, 9, 1, 6, 7, 3, 0, 5 }, seed42[] = { 8, 1, 5, 0, 7, 2, 9, 4, 3, 6 };
    for (int k = 0; k < 2; k++) {
        uint32_t list[10];
        for (uint32_t i = 0; i < 10; i++)
            list[i] = i;
        atl_numpy_rng rng;
        atl_numpy_rng_init(&rng, k ? 42 : 0);
        atl_numpy_rng_shuffle(&rng, list, 10);
        assert_memory_equal(list, k ? seed42 : seed0, sizeof list);
        atl_numpy_rng_shuffle(&rng, list, 0);
    }
}

// MT19937 with seed 5489: the 10000th output is 4123659995 (ISO C++, [rand.predef]).
static void ten_thousandth_word(void **state) {
    (void)state;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, 5489);
    for (int i = 0; i < 9999; i++)
        atl_numpy_rng_u32(&rng);
    assert_int_equal(atl_numpy_rng_u32(&rng), 4123659995u);
}

// First and last latents of seeds 0 and 39 at 512 dimensions, as the official scripts draw them.
static void latents_of_seeds(void **state) {
    (void)state;
    float z[512];
    atl_seed_to_z(0, 512, z);
    assert_true(z[0] == 0x1.c398f00000000p+0f);
    assert_true(z[1] == 0x1.99c2d00000000p-2f);
    assert_true(z[510] == 0x1.ca5f8e0000000p-1f);
    assert_true(z[511] == 0x1.5ffda60000000p+0f);
    atl_seed_to_z(39, 512, z);
    assert_true(z[0] == 0x1.67a3900000000p+0f);
    assert_true(z[1] == 0x1.c4db1c0000000p-3f);
    assert_true(z[510] == -0x1.6f370c0000000p-2f);
    assert_true(z[511] == -0x1.3298ae0000000p+0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_and_normal_of_seed_0),
        cmocka_unit_test(integers_below_a_limit),
        cmocka_unit_test(a_limit_of_one_draws_nothing),
        cmocka_unit_test(shuffles_of_a_list),
        cmocka_unit_test(ten_thousandth_word),
        cmocka_unit_test(latents_of_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
