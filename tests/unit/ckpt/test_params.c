// SPDX-License-Identifier: Apache-2.0
// The parameter store, its fingerprint, and half floats.
#include "check.h"

#include <math.h>
#include "base/half.h"
#include "nn/params.h"

static void names_find_their_parameters(void **state) {
    atl_params p;
    atl_params_init(&p, *state);
    char name[32];
    for (int i = 0; i < 1000; i++) { // several growths of the table
        snprintf(name, sizeof name, "layer%d.weight", i);
        atl_param *one;
        assert_ok(*state, atl_params_add(&p, name, 2, (int64_t[]){ i % 5, 3 }, i % 2, &one));
        assert_string_equal(one->name, name);
        assert_int_equal(one->offset % 16, 0);
    }
    assert_ok(*state, atl_params_allocate(&p));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer%d.weight", i);
        const atl_param *one = atl_params_find(&p, name);
        assert_ptr_equal(one, &p.list[i]);
        assert_int_equal(one->count, (i % 5) * 3);
        assert_int_equal(one->buffer, i % 2);
        assert_true(one->offset + one->count <= p.total);
    }
    assert_null(atl_params_find(&p, "layer1000.weight"));
    atl_params_clear(&p);
}

static void wrong_additions_are_refused(void **state) {
    atl_params p;
    atl_params_init(&p, *state);
    assert_null(atl_params_find(&p, "a"));
    assert_ok(*state, atl_params_add(&p, "a", 0, NULL, false, NULL));
    assert_fails(*state, atl_params_add(&p, "a", 0, NULL, false, NULL), ATL_BAD_FILE,
                 "two parameters are named 'a'");
    assert_fails(*state, atl_params_add(&p, "b", 1, (int64_t[]){ -1 }, false, NULL), ATL_BAD_FILE, "absurd");
    assert_fails(
        *state, atl_params_add(&p, "b", 3, (int64_t[]){ INT64_C(1) << 40, INT64_C(1) << 40, 2 }, false, NULL),
        ATL_BAD_FILE, "absurd");
    assert_ok(*state, atl_params_add(&p, "huge", 1, (int64_t[]){ INT64_C(1) << 50 }, false, NULL));
    assert_fails(*state, atl_params_allocate(&p), ATL_NO_MEMORY, "memory limit");
    atl_params_clear(&p);
}

// Three parameters, added in either order.
static void fill(atl_ctx *ctx, atl_params *p, int backwards) {
    static const char *const names[] = { "a.weight", "b.bias", "c" };
    atl_params_init(p, ctx);
    for (int k = 0; k < 3; k++) {
        int i = backwards ? 2 - k : k;
        assert_ok(ctx, atl_params_add(p, names[i], 1, (int64_t[]){ 11 * (i + 1) }, false, NULL));
    }
    assert_ok(ctx, atl_params_allocate(p));
    for (int i = 0; i < 3; i++) {
        const atl_param *one = atl_params_find(p, names[i]);
        for (size_t k = 0; k < one->count; k++)
            atl_param_data(p, one)[k] = (float)(i * 100) + (float)k;
    }
}

static void the_fingerprint_sees_values_names_and_shapes_only(void **state) {
    atl_params p, q;
    fill(*state, &p, 0);
    fill(*state, &q, 1);
    uint64_t h = atl_params_fingerprint(&p);
    assert_true(h == atl_params_fingerprint(&q)); // whatever the order
    for (size_t i = 0; i < p.size; i++)
        for (size_t k = 0; k < p.list[i].count; k++) { // every single value counts
            float *x = atl_param_data(&p, &p.list[i]) + k, old = *x;
            *x = nextafterf(old, 1000);
            assert_true(h != atl_params_fingerprint(&p));
            *x = old;
        }
    float *x = atl_param_data(&p, &p.list[2]);
    float first = x[0]; // and so does their order
    x[0] = x[8], x[8] = first;
    assert_true(h != atl_params_fingerprint(&p));
    x[8] = x[0], x[0] = first;
    assert_true(h == atl_params_fingerprint(&p));
    p.list[0].dims[0] = 1, p.list[0].dims[1] = 11, p.list[0].rank = 2;
    assert_true(h != atl_params_fingerprint(&p));
    atl_params_clear(&p);
    atl_params_clear(&q);
}

static void initial_values_depend_on_seed_and_name(void **state) {
    atl_params p, q;
    fill(*state, &p, 0);
    fill(*state, &q, 1);
    for (int i = 0; i < 3; i++) {
        atl_param *a = &p.list[i], *b = atl_params_find(&q, a->name);
        a->init = b->init = i == 2 ? ATL_INIT_FILL : ATL_INIT_NORMAL;
        a->init_value = b->init_value = 0.5f;
    }
    atl_params_randomise(&p, 7);
    atl_params_randomise(&q, 7);
    assert_true(atl_params_fingerprint(&p) == atl_params_fingerprint(&q));
    assert_true(atl_param_data(&p, &p.list[2])[32] == 0.5f);
    assert_true(atl_param_data(&p, &p.list[0])[0] != atl_param_data(&p, &p.list[1])[0]);
    atl_params_randomise(&q, 8);
    assert_true(atl_params_fingerprint(&p) != atl_params_fingerprint(&q));
    atl_params_clear(&p);
    atl_params_clear(&q);
}

static void normal_values_have_their_deviation(void **state) {
    atl_params p;
    enum { N = 100001 };
    atl_params_init(&p, *state);
    atl_param *one;
    assert_ok(*state, atl_params_add(&p, "w", 1, (int64_t[]){ N }, false, &one));
    one->init = ATL_INIT_NORMAL;
    one->init_value = 2;
    assert_ok(*state, atl_params_allocate(&p));
    atl_params_randomise(&p, 1);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < N; i++) {
        sum += (double)p.data[i];
        squares += (double)p.data[i] * (double)p.data[i];
    }
    assert_true(fabs(sum / N) < 0.04);                // six standard errors of the mean: 6 * 2 / sqrt(N)
    assert_true(fabs(sqrt(squares / N) - 2) < 0.027); // six of the deviation: 6 * 2 / sqrt(2 N)
    atl_params_clear(&p);
}

static void every_half_survives_float_and_back(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = atl_f16_to_f32((uint16_t)h);
        if (isnan(x))
            assert_true(isnan(atl_f16_to_f32(atl_f32_to_f16(x))));
        else
            assert_int_equal(atl_f32_to_f16(x), h);
    }
}

static void brain_floats_are_the_upper_half_of_a_float(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float y = atl_bf16_to_f32((uint16_t)h);
        assert_memory_equal(&y, &(uint32_t){ h << 16 }, sizeof y);
    }
}

static void halves_round_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7bff;
         h++) { // between each pair of neighbours, the middle and a little beside it
        float low = atl_f16_to_f32((uint16_t)h), high = atl_f16_to_f32((uint16_t)(h + 1)),
              middle = (low + high) / 2;
        assert_int_equal(atl_f32_to_f16(middle), h + (h & 1));
        assert_int_equal(atl_f32_to_f16(nextafterf(middle, 0)), h);
        assert_int_equal(atl_f32_to_f16(-nextafterf(middle, high)), 0x8000 | (h + 1));
    }
    assert_int_equal(atl_f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(atl_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(atl_f32_to_f16(1e30f), 0x7c00);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names_find_their_parameters),
        TEST(wrong_additions_are_refused),
        TEST(the_fingerprint_sees_values_names_and_shapes_only),
        TEST(initial_values_depend_on_seed_and_name),
        TEST(normal_values_have_their_deviation),
        TEST(every_half_survives_float_and_back),
        TEST(brain_floats_are_the_upper_half_of_a_float),
        TEST(halves_round_to_nearest_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
