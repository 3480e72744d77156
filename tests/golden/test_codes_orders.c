// SPDX-License-Identifier: Apache-2.0
// Codes that are drawn in another order than row by row, and behind a map of a condition that is seen through
// the same window: each is what the whole sequence says, position by position.
#include "golden.h"
#include "state.h"

#include <atelier/codes.h>
#include <atelier/network.h>

enum { LENGTH = 24, CODES = 70, SIDE = 3, PLACES = SIDE * SIDE };

static const char FILE_NAME[] = "codes-orders.safetensors";

typedef struct scene {
    atl_ctx *ctx;
    state_dict *d;
    atl_model *m;
} scene;

// The recorded transformer's weights as a file with a permuter has them; the recordings are test_codes.c's.
static void begin(scene *s, const char *prefix) {
    const state_options o = { .unit = { "pos_emb", "tok_emb" } };
    char path[1024];
    *s = (scene){ 0 };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    s->d = state_read(golden_path(path, "gans", "gpt", ".names.txt"), &o);
    for (size_t i = 0; i < s->d->size; i++) {
        char name[sizeof s->d->names[0]];
        snprintf(name, sizeof name, "%s%.200s", prefix, s->d->names[i]);
        memcpy(s->d->names[i], name, sizeof name);
    }
}

static atl_status open_it(scene *s) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.assume = "n_head=4";
    o.net = "transformer";
    state_write(s->ctx, s->d, FILE_NAME);
    return atl_model_open(s->ctx, FILE_NAME, &o, &s->m);
}

static void end(scene *s) {
    atl_model_close(&s->m);
    state_free(s->d);
    remove(FILE_NAME);
    atl_ctx_close(&s->ctx);
}

// The most probable code at position `at` of a sequence.
static int32_t most_probable(scene *s, const float *sequence, int at) {
    const atl_array in = { "codes", ATL_F32, 2, { 1, LENGTH }, (void *)(uintptr_t)sequence };
    float logits[CODES];
    int largest = 0;
    atl_arrays *results;
    assert_int_equal(atl_model_run(s->m, "predict", &in, 1, NULL, &results), ATL_OK);
    atl_array_read_f32(atl_arrays_find(results, "logits"), at * CODES, CODES, logits);
    atl_arrays_close(&results);
    for (int k = 1; k < CODES; k++)
        largest = logits[k] > logits[largest] ? k : largest;
    return largest;
}

static void put_order(scene *s, const int *order, int count) {
    const int64_t dims[] = { count };
    float *places = state_add(s->d, "net.", "permuter.forward_shuffle_idx", 1, dims);
    for (int i = 0; i < count; i++)
        places[i] = (float)order[i];
}

static void in_its_own_order(void **state) {
    (void)state;
    static const int order[PLACES] = { 4, 0, 8, 2, 6, 1, 3, 5, 7 };
    int32_t codes[PLACES], given[2], again[PLACES], class = 7;
    scene s;
    begin(&s, "net.transformer.");
    put_order(&s, order, PLACES);
    if (open_it(&s) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    o.condition = &class, o.condition_count = 1, o.height = o.width = SIDE, o.top_k = 1;
    assert_int_equal(atl_codes_sample(s.m, &o, codes), ATL_OK);
    float sequence[LENGTH] = { 7.0f };
    for (int i = 0; i < PLACES; i++) {
        assert_int_equal(codes[order[i]], most_probable(&s, sequence, i));
        sequence[i + 1] = (float)codes[order[i]];
    }
    // places that are given stay, and those that come after them in the order see them
    given[0] = codes[0], given[1] = (codes[1] + 1) % CODES;
    o.given = given, o.given_count = 2;
    assert_int_equal(atl_codes_sample(s.m, &o, again), ATL_OK);
    for (int i = 0; i < PLACES; i++)
        if (i < 5) // of which 0 is given as it was
            assert_int_equal(again[order[i]], codes[order[i]]);
    assert_int_equal(again[1], given[1]);
    sequence[6] = (float)given[1];
    assert_int_equal(again[order[6]], most_probable(&s, sequence, 6));
    // a map of another shape has no such order
    o.given_count = 0, o.height = 1, o.width = PLACES;
    assert_int_equal(atl_codes_sample(s.m, &o, again), ATL_BAD_ARGUMENT);
    o.height = SIDE, o.width = 2;
    assert_int_equal(atl_codes_sample(s.m, &o, again), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s.ctx), "the 9 codes of a square map in an order of its own"));
    end(&s);
}

// A list that is no order is refused, not drawn by.
static void no_order(void **state) {
    (void)state;
    static const int wrong[][4] = { { 0, 1, 1, 3 }, { 0, 1, 2, 4 }, { 0, 1, -1, 3 }, { 0, 1, 2000000000, 3 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        scene s;
        begin(&s, "net.transformer.");
        put_order(&s, wrong[i], 4);
        assert_int_equal(open_it(&s), ATL_BAD_FILE);
        assert_non_null(strstr(atl_message(s.ctx), i == 1 ? "number 3 is not one" : "number 2 is not one"));
        end(&s);
    }
}

// Maps of 5 x 4 codes with as many of a condition are more than the 24 positions: windows of 3 x 3 of both.
static void behind_a_map(void **state) {
    (void)state;
    enum { ROWS = 5, COLUMNS = 4 };
    int32_t condition[ROWS * COLUMNS], codes[ROWS * COLUMNS];
    scene s;
    begin(&s, "net.transformer.");
    if (open_it(&s) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    for (int i = 0; i < ROWS * COLUMNS; i++)
        condition[i] = (i * 17 + 3) % CODES;
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    o.condition = condition, o.condition_count = ROWS * COLUMNS;
    o.height = ROWS, o.width = COLUMNS, o.top_k = 1, o.window = SIDE;
    if (atl_codes_sample(s.m, &o, codes) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    static const int tops[ROWS] = { 0, 0, 1, 2, 2 }, lefts[COLUMNS] = { 0, 0, 1, 1 };
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        int top = tops[i / COLUMNS], left = lefts[i % COLUMNS];
        float sequence[LENGTH] = { 0 };
        for (int k = 0; k < PLACES; k++) {
            int at = (top + k / SIDE) * COLUMNS + left + k % SIDE;
            sequence[k] = (float)condition[at];
            sequence[PLACES + k] = at < i ? (float)codes[at] : 0.0f;
        }
        int within = (i / COLUMNS - top) * SIDE + i % COLUMNS - left;
        assert_int_equal(codes[i], most_probable(&s, sequence, PLACES - 1 + within));
    }
    o.window = 4; // 31 positions
    assert_int_equal(atl_codes_sample(s.m, &o, codes), ATL_BAD_ARGUMENT);
    o.window = SIDE, o.condition_count = 6; // neither a single code nor a map
    assert_int_equal(atl_codes_sample(s.m, &o, codes), ATL_BAD_ARGUMENT);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_its_own_order), cmocka_unit_test(no_order),
                                        cmocka_unit_test(behind_a_map) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
