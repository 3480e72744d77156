// SPDX-License-Identifier: Apache-2.0
// The transformers of ViT-VQGAN's second stage against recorded logits, and drawn code by code.
#include "golden.h"
#include "state.h"

#include <atelier/codes.h>
#include <atelier/network.h>
#include "app/codes.h"

enum { N = 2, CODES = 40, CLASSES = 9, CONDITION = 2, WIDTH = 32, LAYERS = 2, HEADS = 4, MOST = 18 };

static const double BOUND = 2e-5; // of float32

typedef struct scene {
    const char *name; // of the recordings' section
    int positions, depth;
    atl_ctx *ctx;
    golden *truth;
    atl_model *m;
    float codes[N * MOST], conds[N * CONDITION];
} scene;

static void begin(scene *s, const char *name, int positions, int depth, const char *assume) {
    char path[1024];
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    const state_options unit = { .unit = { "pos_emb", "tok_emb", "time_mix" }, .section = name };
    *s = (scene){ .name = name, .positions = positions, .depth = depth };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    s->truth = golden_open(s->ctx, "gans", "vit-gpt", ".safetensors");
    state_dict *d = state_read(golden_path(path, "gans", "vit-gpt", ".names.txt"), &unit);
    state_write(s->ctx, d, "vit-gpt.safetensors");
    state_free(d);
    o.assume = assume;
    if (atl_model_open(s->ctx, "vit-gpt.safetensors", &o, &s->m) != ATL_OK)
        fail_msg("%s: %s", name, atl_message(s->ctx));
}

static void end(scene *s, const char *const *elsewhere) {
    golden_close(&s->truth, elsewhere);
    atl_model_close(&s->m);
    atl_ctx_close(&s->ctx);
    remove("vit-gpt.safetensors");
}

static float *recorded(scene *s, const char *what, size_t *count) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s", s->name, what);
    return golden_read(s->truth, name, count);
}

static void read_codes(scene *s) {
    size_t count;
    float *codes = recorded(s, "codes", &count), *conds = recorded(s, "conds", &count);
    assert_int_equal(count, N * CONDITION);
    memcpy(s->codes, codes, sizeof *codes * (size_t)(N * s->positions * s->depth));
    memcpy(s->conds, conds, sizeof *conds * count);
    free(codes);
    free(conds);
}

static atl_arrays *run(scene *s, const char *function, const atl_array *in, size_t count) {
    atl_arrays *results;
    if (atl_model_run(s->m, function, in, count, NULL, &results) != ATL_OK)
        fail_msg("%s: %s: %s", s->name, function, atl_message(s->ctx));
    return results;
}

// A result [n, rows, size] of which the row is wanted -> [n, size]
static void row_of(const atl_arrays *results, const char *name, int row, int size, float *out) {
    const atl_array *a = atl_arrays_find(results, name);
    assert_non_null(a);
    int64_t of_one = atl_array_count(a) / N;
    for (int i = 0; i < N; i++)
        atl_array_read_f32(a, i * of_one + (int64_t)row * size, size, out + i * size);
}

static void compare(scene *s, const char *what, const float *ours) {
    size_t count;
    float *truth = recorded(s, what, &count);
    golden_check(s->name, what, ours, truth, count, BOUND);
    free(truth);
}

static void predicts(scene *s) {
    int codes = s->positions * s->depth;
    static float logits[N * MOST * CODES];
    const atl_array in[] = { { "conds", ATL_F32, 2, { N, CONDITION }, s->conds },
                             { "codes", ATL_F32, 2, { N, codes }, s->codes } };
    atl_arrays *results = run(s, "predict", in, 2);
    atl_array_read_f32(atl_arrays_find(results, "logits"), 0, N * codes * CODES, logits);
    compare(s, "logits", logits);
    atl_arrays_close(&results);
}

// ---- position by position

enum { LENGTH = CONDITION + 12, HEAD = WIDTH / HEADS };

typedef struct drawn {
    int length; // positions, with the condition's
    float keys[N * LAYERS * HEADS * LENGTH * HEAD], values[N * LAYERS * HEADS * LENGTH * HEAD];
    float mask[LENGTH], before[N * LAYERS * WIDTH];
    float next[N * CODES]; // logits, or what the codes of a position begin with
} drawn;

static void keep(drawn *d, const atl_arrays *results, const char *name, int at, int given, float *all) {
    const atl_array *a = atl_arrays_find(results, name);
    assert_non_null(a);
    for (int r = 0; r < N * LAYERS * HEADS; r++)
        for (int i = 0; i < given; i++)
            atl_array_read_f32(a, (r * given + i) * HEAD, HEAD, all + (r * d->length + at + i) * HEAD);
}

static void take(scene *s, drawn *d, const atl_arrays *results, int at, int given) {
    bool deep = s->depth > 1;
    row_of(results, deep ? "hidden" : "logits", given - 1, deep ? WIDTH : CODES, d->next);
    keep(d, results, "keys", at, given, d->keys);
    keep(d, results, "values", at, given, d->values);
    for (int i = 0; i < given; i++)
        d->mask[at + i] = 0.0f;
    const atl_array *before = atl_arrays_find(results, "before");
    if (before)
        atl_array_read_f32(before, 0, N * LAYERS * WIDTH, d->before);
}

static void first(scene *s, drawn *d) {
    const atl_array in = { "conds", ATL_F32, 2, { N, CONDITION }, s->conds };
    *d = (drawn){ .length = CONDITION + s->positions };
    for (int i = 0; i < d->length; i++)
        d->mask[i] = -INFINITY;
    atl_arrays *results = run(s, "begin", &in, 1);
    take(s, d, results, 0, CONDITION);
    atl_arrays_close(&results);
}

static void next(scene *s, drawn *d, int at, bool shifted) {
    float code[N * 3], position = (float)(CONDITION + at);
    int rows = LAYERS * HEADS * d->length, all = s->positions * s->depth;
    for (int i = 0; i < N; i++)
        memcpy(code + i * s->depth, s->codes + i * all + at * s->depth, sizeof *code * (size_t)s->depth);
    const atl_array in[] = { { "code", ATL_F32, 2, { N, s->depth }, code },
                             { "position", ATL_F32, 2, { 1, 1 }, &position },
                             { "mask", ATL_F32, 3, { 1, 1, d->length }, d->mask },
                             { "keys", ATL_F32, 3, { N, rows, HEAD }, d->keys },
                             { "values", ATL_F32, 3, { N, rows, HEAD }, d->values },
                             { "before", ATL_F32, 3, { N, LAYERS, WIDTH }, d->before } };
    atl_arrays *results = run(s, "step", in, shifted ? 6 : 5);
    take(s, d, results, CONDITION + at, 1);
    atl_arrays_close(&results);
}

// The logits of a position's codes, given all of them.
static void within(scene *s, const drawn *d, int at, float *logits) {
    float codes[N * 3];
    for (int i = 0; i < N; i++)
        memcpy(codes + i * 3, s->codes + (i * s->positions + at) * 3, 3 * sizeof *codes);
    const atl_array in[] = { { "hidden", ATL_F32, 2, { N, WIDTH }, (void *)(uintptr_t)d->next },
                             { "codes", ATL_F32, 2, { N, 3 }, codes } };
    atl_arrays *results = run(s, "depth", in, 2);
    for (int i = 0; i < N; i++)
        atl_array_read_f32(atl_arrays_find(results, "logits"), i * 3 * CODES, 3 * CODES,
                           logits + (i * s->positions + at) * 3 * CODES);
    atl_arrays_close(&results);
}

static void steps(scene *s) {
    static float logits[N * MOST * CODES];
    static drawn d;
    first(s, &d);
    for (int at = 0; at < s->positions; at++) {
        if (at)
            next(s, &d, at - 1, true);
        if (s->depth > 1)
            within(s, &d, at, logits);
        else
            for (int i = 0; i < N; i++)
                memcpy(logits + (i * s->positions + at) * CODES, d.next + i * CODES, CODES * sizeof *logits);
    }
    compare(s, "logits", logits);
}

// ---- drawing

// The most probable code each time is the largest logit behind the codes that were drawn.
static void draws(scene *s) {
    int32_t codes[MOST], again[MOST], condition[CONDITION] = { 3, 7 }, beyond[CONDITION] = { 3, CLASSES };
    int count = s->positions * s->depth;
    float given[MOST], conds[CONDITION] = { 3, 7 };
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    o.height = s->positions / 3, o.width = 3, o.top_k = 1;
    o.condition = condition, o.condition_count = CONDITION, o.depth = s->depth;
    if (atl_codes_sample(s->m, &o, codes) != ATL_OK)
        fail_msg("%s: %s", s->name, atl_message(s->ctx));
    for (int i = 0; i < count; i++)
        given[i] = (float)codes[i];
    const atl_array in[] = { { "conds", ATL_F32, 2, { 1, CONDITION }, conds },
                             { "codes", ATL_F32, 2, { 1, count }, given } };
    atl_arrays *results = run(s, "predict", in, 2);
    for (int i = 0; i < count; i++) {
        float logits[CODES];
        int largest = 0;
        atl_array_read_f32(atl_arrays_find(results, "logits"), i * CODES, CODES, logits);
        for (int k = 1; k < CODES; k++)
            largest = logits[k] > logits[largest] ? k : largest;
        assert_int_equal(codes[i], largest);
    }
    atl_arrays_close(&results);
    o.given = codes, o.given_count = (size_t)count / 2;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_OK);
    assert_memory_equal(codes, again, sizeof *codes * (size_t)count);
    o.condition = beyond;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_BAD_ARGUMENT);
    assert_non_null(
        strstr(atl_message(s->ctx), "code 9 of the condition is none of the network's 9 codes"));
    o.condition = condition, o.condition_count = 1;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_BAD_ARGUMENT);
    atl_message_clear(s->ctx);
    o.condition_count = CONDITION, o.depth++;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_BAD_ARGUMENT);
    atl_message_clear(s->ctx);
    o.depth--, o.height++;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_BAD_ARGUMENT);
}

// What its makers' own drawing gives, which forgets what a position was mixed with.
static void recorded_steps(scene *s) {
    static drawn d;
    first(s, &d);
    compare(s, "step0", d.next);
    next(s, &d, 0, false);
    compare(s, "step1", d.next);
}

static void one_code(const char *name, const char *const *elsewhere) {
    scene s;
    begin(&s, name, 12, 1, "n_heads=4");
    read_codes(&s);
    predicts(&s);
    steps(&s);
    draws(&s);
    end(&s, elsewhere);
    begin(&s, name, 12, 1, "n_heads=4,cached_shift=false");
    read_codes(&s);
    recorded_steps(&s);
    end(&s, (const char *const[]){ "gpt.logits", "gpt_nobias.logits", elsewhere[1], elsewhere[2], NULL });
}

static void gpt(void **state) {
    (void)state;
    one_code("gpt", (const char *const[]){ "gpt.step", "gpt_nobias", "rq", NULL });
    one_code("gpt_nobias", (const char *const[]){ "gpt_nobias.step", "gpt.", "rq", NULL });
}

static void rq(void **state) {
    (void)state;
    scene s;
    begin(&s, "rq", 6, 3, "spatial_n_heads=4,depth_n_heads=2");
    read_codes(&s);
    predicts(&s);
    steps(&s);
    draws(&s);
    end(&s, (const char *const[]){ "gpt", NULL });
}

// Maps with several codes at a position, through pictures and files.
static void codec(void **state) {
    (void)state;
    enum { ROWS = 4, COLUMNS = 6, DEPTH = 3 };
    const state_options unit = { .gain = 1.3,
                                 .unit = { "quantizer.embedding.weight" },
                                 .section = "vit-res" };
    char path[1024];
    int32_t codes[ROWS * COLUMNS * DEPTH];
    atl_ctx *ctx;
    app_error e = { 0 };
    app_codec c;
    app_codes files = { NULL, 1, ROWS, COLUMNS, DEPTH, 1 };
    atl_image image;
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.assume = "encoder_heads=2,decoder_heads=1,num_quantizers=3,height=32,width=48";
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    state_dict *d = state_read(golden_path(path, "gans", "vitvqgan", ".names.txt"), &unit);
    state_write(ctx, d, "vit-res.safetensors");
    state_free(d);
    if (app_codec_open(&c, ctx, "vit-res.safetensors", &o, COLUMNS, ROWS, &e) != APP_OK)
        fail_msg("%s", e.text);
    assert_int_equal(c.depth, DEPTH);
    assert_int_equal(app_codec_count(&c), ROWS * COLUMNS * DEPTH);
    for (int i = 0; i < ROWS * COLUMNS * DEPTH; i++)
        codes[i] = i * 7 % 64;
    assert_int_equal(app_codec_decode(&c, codes, &image, &e), APP_OK);
    assert_int_equal(atl_image_write(ctx, "vit-res.png", "png", &image, 0, NULL, 0), ATL_OK);
    atl_image_clear(ctx, &image);
    assert_int_equal(app_codec_encode(&c, "vit-res.png", codes, &e), APP_OK);
    files.items = codes;
    assert_int_equal(app_codes_write(ctx, "vit-res.npz", &files, &e), APP_OK);
    assert_int_equal(app_codes_read(ctx, "vit-res.npz", &files, &e), APP_OK);
    assert_int_equal(files.count, 1);
    assert_true(files.rows == ROWS && files.columns == COLUMNS && files.depth == DEPTH);
    assert_memory_equal(files.items, codes, sizeof codes);
    app_codes_clear(&files);
    app_codec_close(&c);
    atl_ctx_close(&ctx);
    remove("vit-res.safetensors");
    remove("vit-res.png");
    remove("vit-res.npz");
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gpt), cmocka_unit_test(rq),
                                        cmocka_unit_test(codec) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
