// SPDX-License-Identifier: Apache-2.0
// SAGAN, BigGAN and BigGAN-deep, opened from state dicts as their makers write them, against recorded
// pictures, scores and layers.
#include "golden.h"
#include "state.h"

#include "run/backend.h"
#include "run/program.h"

enum { SAMPLES = 2, PROBES = 64, CROP = 32, CROP_AT = 40 };

// float32 with Winograd, whose transforms cost three bits, and weights divided by estimated norms.
static const double BOUND = 2e-5;

static const struct {
    const char *name;
    int block; // of the pictures that discriminators see
} CASES[] = {
    { "cifar32", 4 },   { "biggan64", 8 }, { "biggan128", 16 },
    { "sagan128", 16 }, { "deep64", 8 },   { "deep128", 16 },
};

typedef struct scene {
    const char *name;
    atl_ctx *ctx;
    atl_backend *backend;
    golden *truth;
    atl_network net;
    atl_programs programs;
    float *y; // [2, classes]
} scene;

static void die(const scene *s) {
    fail_msg("%s: %s", s->name, atl_message(s->ctx));
}

static void open_network(scene *s, const char *path, const char *key) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = key;
    if (atl_network_open(s->ctx, path, &o, &s->net) != ATL_OK)
        die(s);
    atl_programs_init(&s->programs, &s->net, s->backend);
    size_t count, classes = (size_t)s->net.dims.c_dim;
    float *y = golden_read(s->truth, "y", &count);
    s->y = calloc(SAMPLES * classes, sizeof *s->y);
    assert_true(s->y && count == SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        s->y[i * classes + (size_t)y[i]] = 1.0f;
    free(y);
}

static void close_network(scene *s) {
    free(s->y);
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
}

// The state dict of the names' list, with what its makers save beside: estimates of the norms, a counter.
static void write_file(scene *s, const char *path) {
    static const int64_t one[] = { 1 };
    static const state_options plain = { 0 };
    char names[1024];
    state_dict *d = state_read(golden_path(names, "gans", s->name, ".names.txt"), &plain);
    *state_add(d, NULL, "G.linear.sv0", 1, one) = 1.0f;
    *state_add(d, NULL, "D.linear.sv0", 1, one) = 1.0f;
    state_write(s->ctx, d, path);
    state_free(d);
}

// ---- comparing

static void check(scene *s, const char *name, const float *ours, size_t count) {
    size_t n;
    float *truth = golden_read(s->truth, name, &n);
    assert_int_equal(n, count);
    golden_check(s->name, name, ours, truth, n, BOUND);
    free(truth);
}

// Every layer of a program that a probe is recorded of.
static void check_layers(scene *s, atl_program *p, const char *prefix) {
    for (int i = 0; i < p->n_features; i++) {
        const atl_port *f = &p->features[i];
        char name[128];
        snprintf(name, sizeof name, "probe.%s%s", prefix, f->name);
        if (!golden_has(s->truth, name))
            continue;
        size_t count = (size_t)atl_shape_count(&f->node->shape);
        float *x = malloc(count * sizeof *x), probe[2 + PROBES];
        assert_non_null(x);
        assert_int_equal(atl_program_read(p, f->name, SAMPLES, x), ATL_OK);
        check(s, name, probe, golden_probe(x, count, PROBES, probe));
        free(x);
    }
}

static atl_program *get(scene *s, const char *function, bool layers) {
    atl_program *p;
    atl_program_key key = { .function = function, .n = SAMPLES, .features = layers ? "*" : NULL };
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK)
        die(s);
    return p;
}

static void run(scene *s, atl_program *p) {
    if (atl_program_run(p) != ATL_OK)
        die(s);
}

// ---- generators

static float *make_ws(scene *s) {
    const atl_model_dims *d = &s->net.dims;
    size_t count, w_dim = (size_t)d->w_dim, slots = (size_t)d->num_ws;
    float *z = golden_read(s->truth, "z", &count);
    assert_int_equal(count, SAMPLES * d->z_dim);
    float *w = malloc(SAMPLES * w_dim * sizeof *w), *ws = malloc(SAMPLES * slots * w_dim * sizeof *ws);
    assert_true(w && ws);
    atl_program *p = get(s, "map", atl_params_find(&s->net.params, "shared.weight") != NULL);
    assert_int_equal(atl_program_write(p, "z", SAMPLES, z), ATL_OK);
    assert_int_equal(atl_program_write(p, "c", SAMPLES, s->y), ATL_OK);
    run(s, p);
    check_layers(s, p, "");
    assert_int_equal(atl_program_read(p, "w", SAMPLES, w), ATL_OK);
    for (size_t i = 0; i < SAMPLES * slots; i++)
        memcpy(ws + i * w_dim, w + i / slots * w_dim, w_dim * sizeof *w);
    free(w);
    free(z);
    return ws;
}

static void check_pictures(scene *s, const float *img) {
    int size = s->net.dims.width;
    size_t image = (size_t)3 * (size_t)size * (size_t)size;
    if (golden_has(s->truth, "image")) {
        size_t recorded = (size_t)atl_array_count(golden_find(s->truth, "image"));
        check(s, "image", img, recorded < SAMPLES * image ? image : SAMPLES * image);
        return;
    }
    float *crop = malloc(sizeof *crop * SAMPLES * 3 * CROP * CROP);
    assert_non_null(crop);
    for (int i = 0; i < SAMPLES * 3 * CROP; i++)
        memcpy(crop + i * CROP,
               img + ((size_t)(i / CROP) * (size_t)size + (size_t)(i % CROP + CROP_AT)) * (size_t)size +
                   CROP_AT,
               CROP * sizeof *crop);
    check(s, "crop", crop, SAMPLES * 3 * CROP * CROP);
    free(crop);
}

// Pictures [2, 3, size, size] of the recorded z.
static float *generate(scene *s) {
    size_t pixels = (size_t)s->net.dims.width * (size_t)s->net.dims.height;
    float *img = malloc(SAMPLES * 3 * pixels * sizeof *img), *ws = make_ws(s);
    assert_non_null(img);
    atl_program *p = get(s, "synthesize", true);
    assert_int_equal(atl_program_write(p, "ws", SAMPLES, ws), ATL_OK);
    run(s, p);
    check_layers(s, p, "");
    assert_int_equal(atl_program_read(p, "img", SAMPLES, img), ATL_OK);
    check_pictures(s, img);
    free(ws);
    return img;
}

// ---- discriminators

static void discriminate(scene *s, const float *img, const char *recorded, bool layers) {
    atl_program *p = get(s, "discriminate", true);
    float logits[SAMPLES];
    assert_int_equal(atl_program_write(p, "img", SAMPLES, img), ATL_OK);
    assert_int_equal(atl_program_write(p, "c", SAMPLES, s->y), ATL_OK);
    run(s, p);
    if (layers)
        check_layers(s, p, "D.");
    assert_int_equal(atl_program_read(p, "logits", SAMPLES, logits), ATL_OK);
    check(s, recorded, logits, SAMPLES);
}

static void networks(void **state) {
    (void)state;
    static const char *const classes[] = { "probe.shared", NULL }; // without a table: the class numbers
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        scene s = { .name = CASES[i].name };
        char path[64], input[64];
        snprintf(path, sizeof path, "biggan-%s.safetensors", s.name);
        snprintf(input, sizeof input, "%s.real.0", s.name);
        assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
        assert_int_equal(atl_backend_open(s.ctx, NULL, &s.backend), ATL_OK);
        s.truth = golden_open(s.ctx, "gans", s.name, ".safetensors");
        write_file(&s, path);
        open_network(&s, path, "G");
        bool table = atl_params_find(&s.net.params, "shared.weight") != NULL;
        float *img = generate(&s);
        close_network(&s);
        open_network(&s, path, "D");
        discriminate(&s, img, "logits", false);
        int size = s.net.dims.width;
        float *real = recipe_picture(input, SAMPLES * 3, size, size, CASES[i].block);
        assert_non_null(real);
        discriminate(&s, real, "logits_real", true);
        free(real);
        free(img);
        close_network(&s);
        golden_close(&s.truth, table ? NULL : classes);
        atl_backend_close(&s.backend);
        atl_ctx_close(&s.ctx);
        remove(path);
    }
}

// ---- pytorch_pretrained_biggan: the same network as its file would be

enum { ATTENDS = 5, IMAGE_CHANNELS = 3, PLACES = 16, ROWS = 3 };

typedef struct translation {
    const state_dict *from;
    state_dict *to;
    size_t class_dim, z_dim, first, last; // channels of the first image and of the last
    float apart;                          // how far the rows of statistics are from what is right
} translation;

// W [out, in] with the right vectors: v = u W and u = W v, of length 1.
static void put_normed(translation *t, const char *name, const atl_array *shape, const float *w,
                       const float *u) {
    int64_t out = shape->dims[0], in = 1;
    char full[300];
    for (int i = 1; i < shape->rank; i++)
        in *= shape->dims[i];
    snprintf(full, sizeof full, "%s.weight_orig", name);
    memcpy(state_add(t->to, NULL, full, shape->rank, shape->dims), w, (size_t)(out * in) * sizeof *w);
    snprintf(full, sizeof full, "%s.weight_u", name);
    float *new_u = state_add(t->to, NULL, full, 1, &out);
    snprintf(full, sizeof full, "%s.weight_v", name);
    float *v = state_add(t->to, NULL, full, 1, &in);
    double length = 0, sum = 0;
    for (int64_t k = 0; k < in; k++, sum = 0) {
        for (int64_t o = 0; o < out; o++)
            sum += (double)u[o] * (double)w[o * in + k];
        v[k] = (float)sum;
        length += sum * sum;
    }
    for (int64_t k = 0; k < in; k++)
        v[k] = (float)((double)v[k] / sqrt(length));
    length = 0;
    for (int64_t o = 0; o < out; o++, sum = 0) {
        for (int64_t k = 0; k < in; k++)
            sum += (double)w[o * in + k] * (double)v[k];
        new_u[o] = (float)sum;
        length += sum * sum;
    }
    for (int64_t o = 0; o < out; o++)
        new_u[o] = (float)((double)new_u[o] / sqrt(length));
}

static const atl_array *tensor(const translation *t, const char *name) {
    for (size_t i = 0; i < t->from->size; i++)
        if (!strcmp(t->from->names[i], name))
            return &t->from->list[i];
    fail_msg("there is no %s", name);
    return NULL;
}

// Where row `r` and column `k` of theirs are in ours: images of the first layer are h, w, c there, and z
// comes first.
static size_t row_of(const translation *t, const char *name, size_t r) {
    return strstr(name, "G.linear.") ? r % t->first * PLACES + r / t->first : r;
}

static size_t column_of(const translation *t, const char *name, const atl_array *a, size_t k) {
    bool told =
        a->rank == 2 && (strstr(name, ".gain.") || strstr(name, ".bias.") || strstr(name, "G.linear."));
    return !told ? k : k < t->z_dim ? k + t->class_dim : k - t->z_dim;
}

// The weight PREFIX.weight with its u0; `rows` of them, zeros behind ours.
static void put_weight(translation *t, const char *prefix, const char *theirs, size_t rows) {
    char name[200], u_name[200];
    snprintf(name, sizeof name, "%s.weight", prefix);
    snprintf(u_name, sizeof u_name, "%s.u0", prefix);
    const atl_array *a = tensor(t, name);
    atl_array shape = *a;
    size_t have = (size_t)a->dims[0], in = (size_t)atl_array_count(a) / have;
    rows = rows ? rows : have;
    shape.dims[0] = (int64_t)rows;
    const float *w = a->data, *u = tensor(t, u_name)->data;
    float *new_w = calloc(rows * in, sizeof *new_w), *new_u = calloc(rows, sizeof *new_u);
    assert_true(new_w && new_u);
    for (size_t r = 0; r < have; r++) {
        new_u[r] = u[row_of(t, name, r)];
        for (size_t k = 0; k < in; k++)
            new_w[r * in + k] = w[row_of(t, name, r) * in + column_of(t, name, a, k)];
    }
    put_normed(t, theirs, &shape, new_w, new_u);
    free(new_w);
    free(new_u);
}

static void put_vector(translation *t, const char *name, const char *theirs, size_t size) {
    const atl_array *a = tensor(t, name);
    size_t have = (size_t)atl_array_count(a);
    const float *x = a->data;
    int64_t count = (int64_t)(size ? size : have);
    float *y = state_add(t->to, NULL, theirs, 1, &count);
    memset(y, 0, (size_t)count * sizeof *y);
    for (size_t r = 0; r < have; r++)
        y[r] = x[row_of(t, name, r)];
}

// Mean and variance for truncations 0, 0.5 and 1: a fifth of the second and four of the third are the right
// ones.
static void put_statistics(translation *t, const char *prefix, const char *theirs) {
    for (int k = 0; k < 2; k++) {
        char name[200], full[200];
        snprintf(name, sizeof name, "%s.%s", prefix, k ? "stored_var" : "stored_mean");
        snprintf(full, sizeof full, "%s.%s", theirs, k ? "running_vars" : "running_means");
        const atl_array *a = tensor(t, name);
        const float *x = a->data;
        size_t count = (size_t)a->dims[0];
        float *y = state_add(t->to, NULL, full, 2, (const int64_t[]){ ROWS, (int64_t)count });
        for (size_t i = 0; i < count; i++) {
            y[i] = 100.0f;
            y[count + i] = x[i] + 4.0f * t->apart;
            y[2 * count + i] = x[i] - t->apart;
        }
    }
}

static void put_block(translation *t, int block) {
    static const char *const parts[][2] = { { "gain", "scale" }, { "bias", "offset" } };
    int layer = block + (block > ATTENDS);
    char ours[200], theirs[200];
    for (int j = 0; j < 4; j++) {
        snprintf(ours, sizeof ours, "G.blocks.%d.0.conv%d", block, j + 1);
        snprintf(theirs, sizeof theirs, "generator.layers.%d.conv_%d", layer, j);
        put_weight(t, ours, theirs, 0);
        snprintf(ours, sizeof ours, "G.blocks.%d.0.conv%d.bias", block, j + 1);
        snprintf(theirs, sizeof theirs, "generator.layers.%d.conv_%d.bias", layer, j);
        put_vector(t, ours, theirs, 0);
        for (int k = 0; k < 2; k++) {
            snprintf(ours, sizeof ours, "G.blocks.%d.0.bn%d.%s", block, j + 1, parts[k][0]);
            snprintf(theirs, sizeof theirs, "generator.layers.%d.bn_%d.%s", layer, j, parts[k][1]);
            put_weight(t, ours, theirs, 0);
        }
        snprintf(ours, sizeof ours, "G.blocks.%d.0.bn%d", block, j + 1);
        snprintf(theirs, sizeof theirs, "generator.layers.%d.bn_%d", layer, j);
        put_statistics(t, ours, theirs);
    }
}

static void put_attention(translation *t) {
    static const char *const parts[][2] = {
        { "theta", "theta" }, { "phi", "phi" }, { "g", "g" }, { "o", "o_conv" }
    };
    char ours[200], theirs[200];
    for (int k = 0; k < 4; k++) {
        snprintf(ours, sizeof ours, "G.blocks.%d.1.%s", ATTENDS, parts[k][0]);
        snprintf(theirs, sizeof theirs, "generator.layers.%d.snconv1x1_%s", ATTENDS + 1, parts[k][1]);
        put_weight(t, ours, theirs, 0);
    }
    snprintf(ours, sizeof ours, "G.blocks.%d.1.gamma", ATTENDS);
    snprintf(theirs, sizeof theirs, "generator.layers.%d.gamma", ATTENDS + 1);
    put_vector(t, ours, theirs, 0);
}

static void write_pretrained(scene *s, const state_dict *from, float apart, const char *path) {
    translation t = { .from = from, .to = calloc(1, sizeof *t.to), .apart = apart };
    assert_non_null(t.to);
    const atl_array *table = tensor(&t, "G.shared.weight");
    t.class_dim = (size_t)table->dims[1];
    t.z_dim = (size_t)tensor(&t, "G.linear.weight")->dims[1] - t.class_dim;
    t.first = (size_t)tensor(&t, "G.linear.bias")->dims[0] / PLACES;
    t.last = (size_t)tensor(&t, "G.output_layer.0.gain")->dims[0];
    size_t classes = (size_t)table->dims[0];
    float *turned = state_add(t.to, NULL, "embeddings.weight", 2,
                              (const int64_t[]){ (int64_t)t.class_dim, (int64_t)classes });
    for (size_t i = 0; i < classes * t.class_dim; i++)
        turned[i % t.class_dim * classes + i / t.class_dim] = ((const float *)table->data)[i];
    put_weight(&t, "G.linear", "generator.gen_z", 0);
    put_vector(&t, "G.linear.bias", "generator.gen_z.bias", 0);
    for (int block = 0; block < 8; block++)
        put_block(&t, block);
    put_attention(&t);
    put_vector(&t, "G.output_layer.0.gain", "generator.bn.weight", 0);
    put_vector(&t, "G.output_layer.0.bias", "generator.bn.bias", 0);
    put_statistics(&t, "G.output_layer.0", "generator.bn");
    put_weight(&t, "G.output_layer.2", "generator.conv_to_rgb", t.last);
    put_vector(&t, "G.output_layer.2.bias", "generator.conv_to_rgb.bias", t.last);
    state_write(s->ctx, t.to, path);
    state_free(t.to);
}

static void check_pretrained(scene *s, const char *path, float truncation) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    atl_synthesis_options synthesis = ATL_SYNTHESIS_OPTIONS_INIT;
    atl_model *m;
    size_t count, recorded;
    o.assume = "bn_eps=1e-5";
    if (atl_model_open(s->ctx, path, &o, &m) != ATL_OK)
        die(s);
    const atl_model_info *i = atl_model_get_info(m);
    assert_true(i->truncates_z && i->default_psi == 1.0f);
    float *z = golden_read(s->truth, "z", &count), *y = golden_read(s->truth, "y", &count);
    float *truth = golden_read(s->truth, "image", &recorded);
    float *c = calloc((size_t)i->c_dim, sizeof *c), *img = malloc(recorded * sizeof *img);
    float *ws = malloc(sizeof *ws * (size_t)(i->num_ws * i->w_dim));
    assert_true(c && img && ws && recorded == (size_t)(IMAGE_CHANNELS * i->height * i->width));
    c[(size_t)y[0]] = 1.0f;
    synthesis.truncation = truncation;
    if (atl_model_map(m, 1, z, c, NULL, ws) != ATL_OK ||
        atl_model_synthesize(m, 1, ws, &synthesis, img) != ATL_OK)
        die(s);
    golden_check("pretrained", "image", img, truth, recorded, BOUND);
    free(z), free(y), free(truth), free(c), free(img), free(ws);
    atl_model_close(&m);
}

static void pretrained(void **state) {
    (void)state;
    static const state_options plain = { 0 };
    static const char path[] = "biggan-pretrained.safetensors";
    scene s = { .name = "deep64" };
    char names[1024];
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    s.truth = golden_open(s.ctx, "gans", s.name, ".safetensors");
    state_dict *d = state_read(golden_path(names, "gans", s.name, ".names.txt"), &plain);
    write_pretrained(&s, d, 0.0f, path);
    check_pretrained(&s, path, 0.0f);
    write_pretrained(&s, d, 0.05f, path);
    check_pretrained(&s, path,
                     0.6f); // between 0.5 and 1, a fifth of the way: its makers exchange the weights
    state_free(d);
    remove(path);
    golden_close(&s.truth, (const char *const[]){ "probe", "logits", NULL });
    atl_ctx_close(&s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(networks), cmocka_unit_test(pretrained) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
