// SPDX-License-Identifier: Apache-2.0
// VQ-GAN and the transformer over its codes, opened from state dicts as their makers write them, against
// recorded codes, pictures and logits.
#include "golden.h"
#include "state.h"

#include <atelier/codes.h>
#include <atelier/network.h>

// float32 with Winograd through some twenty layers.
static const double BOUND = 2e-5;

typedef struct scene {
    const char *name;
    atl_ctx *ctx;
    golden *truth;
    atl_model *m;
} scene;

static void die(const scene *s) {
    fail_msg("%s: %s", s->name, atl_message(s->ctx));
}

static void begin(scene *s, const char *name, const state_options *o) {
    char path[1024], file[64];
    *s = (scene){ .name = name };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    s->truth = golden_open(s->ctx, "gans", name, ".safetensors");
    state_dict *d = state_read(golden_path(path, "gans", name, ".names.txt"), o);
    snprintf(file, sizeof file, "codes-%s.safetensors", name);
    state_write(s->ctx, d, file);
    state_free(d);
}

static void end(scene *s) {
    char file[64];
    snprintf(file, sizeof file, "codes-%s.safetensors", s->name);
    remove(file);
    golden_close(&s->truth, NULL);
    atl_ctx_close(&s->ctx);
}

static void open_as(scene *s, const char *assume) {
    char file[64];
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.assume = assume;
    snprintf(file, sizeof file, "codes-%s.safetensors", s->name);
    if (atl_model_open(s->ctx, file, &o, &s->m) != ATL_OK)
        die(s);
}

static atl_arrays *run(scene *s, const char *function, const atl_array *in, size_t count,
                       const char *features) {
    atl_arrays *results;
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    o.features = features;
    if (atl_model_run(s->m, function, in, count, &o, &results) != ATL_OK)
        die(s);
    return results;
}

static void check(scene *s, const atl_arrays *results, const char *result, const char *prefix,
                  const char *recorded) {
    char name[64];
    size_t count;
    snprintf(name, sizeof name, "%s%s", prefix, recorded);
    if (!golden_has(s->truth, name))
        return;
    const atl_array *a = atl_arrays_find(results, result);
    assert_non_null(a);
    float *truth = golden_read(s->truth, name, &count), *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    assert_true((size_t)atl_array_count(a) >= count);
    atl_array_read_f32(a, 0, (int64_t)count, ours);
    golden_check(s->name, name, ours, truth, count, strcmp(recorded, "indices") ? BOUND : 0.0);
    free(truth);
    free(ours);
}

// Pictures to codes, against the recordings -> what is decoded of them
static atl_arrays *through_codes(scene *s, const atl_array *img, const char *prefix) {
    atl_arrays *codes = run(s, "encode", img, 1, "encoder");
    check(s, codes, "encoder", prefix, "enc");
    check(s, codes, "z", prefix, "z");
    check(s, codes, "quant", prefix, "quant");
    check(s, codes, "codes", prefix, "indices");
    atl_array again = *atl_arrays_find(codes, "codes");
    again.name = "codes";
    atl_arrays *decoded = run(s, "decode", &again, 1, NULL);
    atl_arrays_close(&codes);
    return decoded;
}

// What training adds for codes, of pictures as the autoencoder makes them again: both parts are alike in
// value.
static void check_loss(scene *s, const atl_array *img, const char *prefix, double commitment,
                       double codebook) {
    static const char *const recorded[] = { "vq_loss", "vq_loss_corrected" };
    float values[2][2], ours[2];
    int64_t n = img->dims[0];
    atl_arrays *again = run(s, "autoencode", img, 1, NULL);
    const atl_array *a = atl_arrays_find(again, "commitment"), *b = atl_arrays_find(again, "codebook");
    assert_true(a && b && n <= 2 && atl_array_count(a) == n && atl_array_count(b) == n);
    atl_array_read_f32(a, 0, n, values[0]);
    atl_array_read_f32(b, 0, n, values[1]);
    ours[0] = ours[1] = 0.0f;
    for (int64_t i = 0; i < n; i++) {
        ours[0] += (float)(commitment * (double)values[0][i] + codebook * (double)values[1][i]) / (float)n;
        ours[1] += (float)(codebook * (double)values[0][i] + commitment * (double)values[1][i]) / (float)n;
    }
    for (int k = 0; k < 2; k++) {
        char name[64];
        size_t one;
        snprintf(name, sizeof name, "%s%s", prefix, recorded[k]);
        if (k && !golden_has(s->truth, name))
            continue;
        float *truth = golden_read(s->truth, name, &one);
        golden_check(s->name, name, &ours[k], truth, 1, BOUND);
        free(truth);
    }
    atl_arrays_close(&again);
}

// ---- VQ-GAN

static void there_and_back(scene *s, const char *prefix, int n, int h, int w) {
    char name[96], assume[64];
    snprintf(assume, sizeof assume, "height=%d,width=%d", h, w);
    open_as(s, assume);
    snprintf(name, sizeof name, "%s.%sinput.0", s->name, prefix);
    float *img = recipe_picture(name, n * 3, h, w, 8);
    const atl_array in = { "img", ATL_F32, 4, { n, 3, h, w }, img };
    atl_arrays *decoded = through_codes(s, &in, prefix);
    check(s, decoded, "img", prefix, "dec");
    check(s, decoded, "img", prefix, "dec_from_indices");
    check_loss(s, &in, prefix, 1.0, 0.25);
    atl_arrays_close(&decoded);
    free(img);
    atl_model_close(&s->m);
}

static void vqgan(void **state) {
    (void)state;
    static const state_options o = { .gain = 1.3, .unit = { "quantize.embedding.weight" } };
    scene s;
    begin(&s, "vqgan-a", &o);
    there_and_back(&s, "", 2, 32, 32);
    there_and_back(&s, "wide.", 1, 16, 48);
    end(&s);
    begin(&s, "vqgan-b", &o);
    there_and_back(&s, "", 2, 64, 64);
    there_and_back(&s, "wide.", 1, 32, 80);
    end(&s);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

// The discriminator in its loss, in evaluation.
static void critic(void **state) {
    (void)state;
    static const state_options o = { .gain = 1.5, .section = "patchd" };
    scene s;
    begin(&s, "taming", &o);
    atl_model_options open = ATL_MODEL_OPTIONS_INIT;
    open.assume = "height=64,width=64";
    open.net = "D";
    if (atl_model_open(s.ctx, "codes-taming.safetensors", &open, &s.m) != ATL_OK)
        die(&s);
    float *img = recipe_picture("patchd.input.0", 2 * 3, 64, 64, 8);
    const atl_array in = { "img", ATL_F32, 4, { 2, 3, 64, 64 }, img };
    atl_arrays *results = run(&s, "discriminate", &in, 1, NULL);
    check(&s, results, "logits", "", "patchd.logits");
    assert_true(golden_has(s.truth, "patchd.logits"));
    atl_arrays_close(&results);
    atl_model_close(&s.m);
    free(img);
    golden_close(&s.truth, (const char *const[]){ "gumbel", NULL } /* test_gumbel.c */);
    atl_ctx_close(&s.ctx);
    remove("codes-taming.safetensors");
}

// ---- ViT-VQGAN

static const struct {
    const char *name, *assume;
    int n, h, w, block;
} VITS[] = {
    { "vit-a", "encoder_heads=4,decoder_heads=2", 2, 32, 32, 8 },
    { "vit-res", "encoder_heads=2,decoder_heads=1,num_quantizers=3,height=32,width=48", 2, 32, 48, 8 },
    { "vit-nonorm", "encoder_heads=2,decoder_heads=2,use_norm=false", 2, 16, 16, 4 },
};

// The tables of places are not by the recipe, but recorded.
static void put_places(scene *s, const char *kind, state_dict *d) {
    static const char *const places[2][2] = { { "encoder.en_pos_embedding", "en_pos" },
                                              { "decoder.de_pos_embedding", "de_pos" } };
    for (size_t i = 0; i < d->size; i++)
        for (int k = 0; k < 2; k++) {
            char name[64];
            size_t count;
            if (strcmp(d->names[i], places[k][0]))
                continue;
            snprintf(name, sizeof name, "%s.%s", kind, places[k][1]);
            float *values = golden_read(s->truth, name, &count);
            assert_int_equal(count, atl_array_count(&d->list[i]));
            memcpy((void *)(uintptr_t)d->list[i].data, values, count * sizeof *values);
            free(values);
        }
}

// Pictures from -1 to 1 are what its makers have from 0 to 1.
static void check_picture(scene *s, const atl_arrays *decoded, const char *name) {
    size_t count;
    float *truth = golden_read(s->truth, name, &count), *out = malloc(count * sizeof *out);
    assert_non_null(out);
    assert_int_equal(atl_array_count(atl_arrays_find(decoded, "img")), count);
    atl_array_read_f32(atl_arrays_find(decoded, "img"), 0, (int64_t)count, out);
    for (size_t k = 0; k < count; k++)
        out[k] = 0.5f * out[k] + 0.5f;
    golden_check(s->name, name, out, truth, count, BOUND);
    free(truth);
    free(out);
}

static void patches(scene *s, int i) {
    char prefix[64], name[96];
    snprintf(prefix, sizeof prefix, "%s.", VITS[i].name);
    snprintf(name, sizeof name, "%sinput.0", prefix);
    float *img = recipe_picture(name, VITS[i].n * 3, VITS[i].h, VITS[i].w, VITS[i].block);
    assert_non_null(img);
    for (int k = 0; k < VITS[i].n * 3 * VITS[i].h * VITS[i].w; k++)
        img[k] = 2.0f * img[k] - 1.0f;
    const atl_array in = { "img", ATL_F32, 4, { VITS[i].n, 3, VITS[i].h, VITS[i].w }, img };
    atl_arrays *decoded = through_codes(s, &in, prefix);
    check_loss(s, &in, prefix, 0.25, 1.0);
    snprintf(name, sizeof name, "%sdec", prefix);
    check_picture(s, decoded, name);
    free(img);
    atl_arrays_close(&decoded);
}

static void vit(void **state) {
    (void)state;
    scene s = { .name = "vitvqgan" };
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    s.truth = golden_open(s.ctx, "gans", s.name, ".safetensors");
    for (size_t i = 0; i < sizeof VITS / sizeof *VITS; i++) {
        char path[1024];
        const state_options o = { .gain = 1.3,
                                  .unit = { "quantizer.embedding.weight" },
                                  .section = VITS[i].name };
        state_dict *d = state_read(golden_path(path, "gans", s.name, ".names.txt"), &o);
        put_places(&s, VITS[i].name, d);
        state_write(s.ctx, d, "codes-vitvqgan.safetensors");
        state_free(d);
        open_as(&s, VITS[i].assume);
        patches(&s, (int)i);
        atl_model_close(&s.m);
        if (!strcmp(VITS[i].name, "vit-res")) { // the same by the YAML beside it, but for the size
            write_text("codes-vitvqgan.yaml",
                       "model:\n  params:\n    encoder: {heads: 2}\n    decoder:\n      heads: 1\n"
                       "    quantizer: {use_residual: True, num_quantizers: 3, use_norm: true}\n");
            open_as(&s, "height=32,width=48");
            patches(&s, (int)i);
            atl_model_close(&s.m);
            remove("codes-vitvqgan.yaml");
        }
    }
    end(&s);
}

// New networks have the recorded tables of places: sines and cosines of one computation in double.
static void new_places(void **state) {
    static const char *const places[2][2] = { { "encoder.en_pos_embedding", "en_pos" },
                                              { "decoder.de_pos_embedding", "de_pos" } };
    scene s = { .name = "vitvqgan" };
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    (void)state;
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    s.truth = golden_open(s.ctx, "gans", s.name, ".safetensors");
    o.cfg = "vit-vqgan";
    o.resolution = 32;
    o.channel_base = 32;
    o.map_depth = 1;
    if (atl_model_init(s.ctx, &o, &s.m) != ATL_OK)
        die(&s);
    for (int k = 0; k < 2; k++) {
        char name[64];
        size_t count;
        float out[16 * 32];
        snprintf(name, sizeof name, "%s.%s", VITS[0].name, places[k][1]);
        float *truth = golden_read(s.truth, name, &count);
        const atl_array *table = atl_model_tensor(s.m, places[k][0]);
        assert_non_null(table);
        if (count == sizeof out / sizeof *out) { // the recorded decoder may have another width
            assert_int_equal(atl_array_count(table), count);
            atl_array_read_f32(table, 0, (int64_t)count, out);
            golden_check(s.name, name, out, truth, count, 1e-7);
        }
        free(truth);
    }
    atl_model_close(&s.m);
    golden_close(&s.truth, (const char *const[]){ VITS[0].name, VITS[1].name, VITS[2].name, NULL });
    atl_ctx_close(&s.ctx);
}

// ---- the transformer

enum { N = 2, T = 18, LENGTH = 24, CODES = 70, WIDTH = 32, LAYERS = 3, HEADS = 4, GIVEN = 3, PREFIXED = 13 };

// idx [2, 18] with zeros behind, as rows of `length`.
static void codes_of(scene *s, const char *name, int known, int length, float *codes) {
    size_t count;
    float *idx = golden_read(s->truth, name, &count);
    assert_int_equal(count, N * T);
    memset(codes, 0, sizeof *codes * (size_t)(N * length));
    for (int i = 0; i < N * known; i++)
        codes[i / known * length + i % known] = idx[i / known * T + i % known];
    free(idx);
}

// The mean over positions of -log softmax(logits)[target].
static float loss_of(scene *s, const char *name, const float *logits) {
    size_t count;
    double sum = 0;
    float *targets = golden_read(s->truth, name, &count);
    for (size_t i = 0; i < count; i++) {
        double all = 0;
        for (int k = 0; k < CODES; k++)
            all += exp((double)logits[i * CODES + (size_t)k]);
        sum += log(all) - (double)logits[i * CODES + (size_t)targets[i]];
    }
    free(targets);
    return (float)(sum / (double)count);
}

// The first `known` positions of logits [2, 24, 70] against a recording.
static void check_logits(scene *s, const atl_arrays *results, int known, const char *recorded, float *out) {
    const atl_array *a = atl_arrays_find(results, "logits");
    size_t count;
    assert_non_null(a);
    float *truth = golden_read(s->truth, recorded, &count);
    assert_int_equal(count, N * known * CODES);
    for (int i = 0; i < N; i++)
        atl_array_read_f32(a, i * LENGTH * CODES, known * CODES, out + i * known * CODES);
    golden_check(s->name, recorded, out, truth, count, BOUND);
    free(truth);
}

static void whole(scene *s, const char *kind, const char *assume, float *logits) {
    char name[64];
    float codes[N * LENGTH];
    size_t one;
    open_as(s, assume);
    snprintf(name, sizeof name, "%s.idx", kind);
    codes_of(s, name, T, LENGTH, codes);
    const atl_array in = { "codes", ATL_F32, 2, { N, LENGTH }, codes };
    atl_arrays *results = run(s, "predict", &in, 1, NULL);
    snprintf(name, sizeof name, "%s.logits", kind);
    check_logits(s, results, T, name, logits);
    snprintf(name, sizeof name, "%s.targets", kind);
    float ours = loss_of(s, name, logits);
    snprintf(name, sizeof name, "%s.loss", kind);
    float *truth = golden_read(s->truth, name, &one);
    golden_check(s->name, name, &ours, truth, 1, BOUND);
    free(truth);
    atl_arrays_close(&results);
    atl_model_close(&s->m);
}

static void behind_embeddings(scene *s) {
    float codes[N * (LENGTH - GIVEN)], logits[N * PREFIXED * CODES];
    size_t count;
    open_as(s, "n_head=4,given=3");
    float *given = golden_read(s->truth, "gpt.embeddings", &count);
    assert_int_equal(count, N * GIVEN * WIDTH);
    codes_of(s, "gpt.idx", PREFIXED - GIVEN, LENGTH - GIVEN, codes);
    const atl_array in[] = { { "codes", ATL_F32, 2, { N, LENGTH - GIVEN }, codes },
                             { "embeddings", ATL_F32, 3, { N, GIVEN, WIDTH }, given } };
    atl_arrays *results = run(s, "predict", in, 2, NULL);
    check_logits(s, results, PREFIXED, "gpt.logits_with_embeddings", logits);
    atl_arrays_close(&results);
    free(given);
    atl_model_close(&s->m);
}

// Keys or values [n, layers heads, size] of a position among those that are kept [n, layers heads length,
// size].
static void keep(const atl_arrays *results, const char *name, int at, float *all) {
    enum { ROWS = LAYERS * HEADS, SIZE = WIDTH / HEADS };
    const atl_array *a = atl_arrays_find(results, name);
    assert_non_null(a);
    for (int i = 0; i < N * ROWS; i++)
        atl_array_read_f32(a, i * SIZE, SIZE, all + (i * LENGTH + at) * SIZE);
}

// Position by position, with what was kept, to the same logits.
static void step_by_step(scene *s, const float *truth) {
    enum { ROWS = LAYERS * HEADS * LENGTH, SIZE = WIDTH / HEADS };
    static float keys[N * ROWS * SIZE], values[N * ROWS * SIZE], ours[N * T * CODES];
    float codes[N * T], mask[LENGTH];
    open_as(s, "n_head=4");
    codes_of(s, "gpt.idx", T, T, codes);
    for (int i = 0; i < LENGTH; i++)
        mask[i] = -INFINITY;
    for (int at = 0; at < T; at++) {
        float code[N] = { codes[at], codes[T + at] }, position = (float)at;
        const atl_array in[] = { { "code", ATL_F32, 2, { N, 1 }, code },
                                 { "position", ATL_F32, 2, { 1, 1 }, &position },
                                 { "mask", ATL_F32, 3, { 1, 1, LENGTH }, mask },
                                 { "keys", ATL_F32, 3, { N, ROWS, SIZE }, keys },
                                 { "values", ATL_F32, 3, { N, ROWS, SIZE }, values } };
        atl_arrays *results = run(s, "step", in, 5, NULL);
        for (int i = 0; i < N; i++)
            atl_array_read_f32(atl_arrays_find(results, "logits"), i * CODES, CODES,
                               ours + (i * T + at) * CODES);
        keep(results, "keys", at, keys);
        keep(results, "values", at, values);
        mask[at] = 0.0f;
        atl_arrays_close(&results);
    }
    golden_check(s->name, "step by step", ours, truth, N * T * CODES, BOUND);
    atl_model_close(&s->m);
}

// With the most probable code alone, a draw is the largest logit each time; a larger map goes through a
// window.
static void draws(scene *s) {
    int32_t codes[20], again[20], given[10], beyond = CODES;
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    open_as(s, "n_head=4");
    o.height = 4, o.width = 5, o.top_k = 1;
    assert_int_equal(atl_codes_sample(s->m, &o, codes), ATL_OK);
    o.top_k = 0, o.top_p = 0.0f, o.seed = 5; // a share of nothing keeps one code, too
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_OK);
    assert_memory_equal(codes, again, sizeof codes);
    memcpy(given, codes, sizeof given);
    o.given = given, o.given_count = 10;
    assert_int_equal(atl_codes_sample(s->m, &o, again), ATL_OK);
    assert_memory_equal(codes, again, sizeof codes);
    o.window = 4,
    o.given_count = 0; // a window of the whole map's height gives what steps gave until it moves
    o.height = 4, o.width = 4;
    int32_t square[16], moved[24];
    assert_int_equal(atl_codes_sample(s->m, &o, square), ATL_OK);
    o.height = 6, o.width = 4;
    assert_int_equal(atl_codes_sample(s->m, &o, moved), ATL_OK);
    assert_memory_equal(square, moved, 12 * sizeof *square);
    o.height = 8;
    o.window = 8;
    assert_int_equal(atl_codes_sample(s->m, &o, moved), ATL_BAD_ARGUMENT);
    o = (atl_sample_options)ATL_SAMPLE_OPTIONS_INIT;
    o.condition = &beyond, o.condition_count = 1, o.height = o.width = 2;
    assert_int_equal(atl_codes_sample(s->m, &o, codes), ATL_BAD_ARGUMENT);
    atl_model_close(&s->m);
}

// A condition whose codes see each other: what is drawn behind it is what the whole sequence says.
static void draws_behind(scene *s) {
    enum { SHORT = 4, MAP = 6 };
    const int32_t condition[] = { 3, 1, 4, 1, 5, 9 };
    for (int given = SHORT; given <= 6; given += 2) { // of 5 that may see each other
        int32_t codes[MAP];
        float sequence[LENGTH] = { 0 };
        atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
        open_as(s, "n_head=4,n_unmasked=5");
        o.condition = condition, o.condition_count = (size_t)given, o.height = 2, o.width = 3, o.top_k = 1;
        if (atl_codes_sample(s->m, &o, codes) != ATL_OK)
            die(s);
        for (int i = 0; i < given + MAP; i++)
            sequence[i] = (float)(i < given ? condition[i] : codes[i - given]);
        for (int i = 0; i < MAP; i++) {
            float logits[CODES];
            int largest = 0, known = given + i, hidden = known < 5 ? known : 5;
            char assume[64];
            snprintf(assume, sizeof assume, "n_head=4,n_unmasked=%d", given < 5 ? given : hidden);
            atl_model_close(&s->m);
            open_as(s, assume);
            const atl_array in = { "codes", ATL_F32, 2, { 1, LENGTH }, sequence };
            atl_arrays *results = run(s, "predict", &in, 1, NULL);
            atl_array_read_f32(atl_arrays_find(results, "logits"), (known - 1) * CODES, CODES, logits);
            atl_arrays_close(&results);
            for (int k = 1; k < CODES; k++)
                largest = logits[k] > logits[largest] ? k : largest;
            assert_int_equal(codes[i], largest);
        }
        atl_model_close(&s->m);
    }
}

static void transformer(void **state) {
    (void)state;
    static const state_options o = { .unit = { "pos_emb", "tok_emb" } };
    static float logits[N * T * CODES];
    scene s;
    begin(&s, "gpt", &o);
    whole(&s, "gpt_unmasked", "n_head=4,n_unmasked=5", logits);
    whole(&s, "gpt", "n_head=4", logits);
    behind_embeddings(&s);
    step_by_step(&s, logits);
    draws(&s);
    draws_behind(&s);
    end(&s);
}

// The YAML beside a file says what its tensors do not, and must be theirs.
static void config_beside(void **state) {
    (void)state;
    static const char head[] =
        "# as trained\nmodel:\n  base_learning_rate: 4.5e-06\n  params:\n    keys:\n    - a: 1\n"
        "    transformer_config:\n      target: \"x.GPT\"\n      params:\n        n_embd: 32 # wide\n";
    static const state_options o = { .unit = { "pos_emb", "tok_emb" } };
    static float logits[N * T * CODES];
    static const char *const recorded[] = { "gpt.emb", "gpt.logits_", "gpt_unmasked", NULL };
    char text[1024];
    scene s;
    begin(&s, "gpt", &o);
    snprintf(text, sizeof text, "%s        'n_head': 4\n      other:\n        n_head: 7\n", head);
    write_text("codes-gpt.yaml", text);
    whole(&s, "gpt", NULL, logits);
    snprintf(text, sizeof text, "%s        n_head: 4\n        n_layer: 5\n", head);
    write_text("codes-gpt.yaml", text);
    assert_int_equal(atl_model_open(s.ctx, "codes-gpt.safetensors", NULL, &s.m), ATL_BAD_FILE);
    assert_non_null(strstr(atl_message(s.ctx), "says n_layer = 5, and the weights 3"));
    atl_message_clear(s.ctx);
    remove("codes-gpt.yaml");
    open_as(&s, NULL); // 16 heads are assumed
    atl_model_close(&s.m);
    remove("codes-gpt.safetensors");
    golden_close(&s.truth, recorded);
    atl_ctx_close(&s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(vqgan), cmocka_unit_test(critic),
                                        cmocka_unit_test(vit), cmocka_unit_test(new_places),
                                        cmocka_unit_test(transformer),
                                        cmocka_unit_test(config_beside) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
