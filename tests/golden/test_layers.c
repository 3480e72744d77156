// SPDX-License-Identifier: Apache-2.0
// Networks layer by layer against recordings of our own, so that a failure names the layer where it begins.
// That the numbers are right is what the other golden tests say, with recordings of the official networks;
// these were made when all of those passed, of every named node in the order of computation: its shape, mean,
// root of the mean square, and a few values.  After a change that is meant to change them (a new node,
// another name):
//
//     ATL_RECORD_LAYERS=tests/data/layers build/release/tests/golden/test_layers
#include "golden.h"

#include <atelier/rng.h>
#include <stdbool.h>

#include "api/model_api.h"

enum { SAMPLES_N = 2, DIMS = 5, VALUES = 16, NUMBERS = DIMS + 2 + VALUES, LAYERS_MOST = 160 };

typedef struct layer {
    char name[96];
    float numbers[NUMBERS]; // dims (0: none), mean, root of the mean square, values
} layer;

typedef struct recording {
    int size;
    layer layers[LAYERS_MOST];
} recording;

typedef struct scene {
    const char *name;
    atl_ctx *ctx;
    atl_model *m;
    atl_graph graph;
    atl_net net;
    recording *to;
} scene;

static const struct {
    const char *folder, *file, *net;
} CASES[] = {
    { "stylegan", "sg2-32", "G_ema" },
    { "stylegan", "sg2-32", "D" },
    { "stylegan", "sg2-32-resnet", "G_ema" },
    { "stylegan", "sg2-32-resnet", "D" },
    { "stylegan", "sg2-16-orig-gray", "G_ema" },
    { "stylegan", "sg2-16-orig-gray", "D" },
    { "stylegan", "sg2-64-cond", "G_ema" },
    { "stylegan", "sg2-64-cond", "D" },
    { "stylegan", "sg3-t-32", "G_ema" },
    { "stylegan", "sg3-r-32", "G_ema" },
    { "xl", "xl-t-32-superres", "G_ema" },
    { "xl", "xl-r-16-stem", "G_ema" },
    { "tf", "sg1-32", "G_ema" },
    { "tf", "sg1-32", "D" },
    { "tf", "sg1-32-cond-fused", "G_ema" },
    { "tf", "sg1-32-cond-fused", "D" },
    { "tf", "sg2tf-32", "G_ema" },
    { "tf", "pgan-16-cond", "G_ema" },
    { "tf", "pgan-16-cond", "D" },
    { "tf", "pgan-32-unfused", "G_ema" },
};
enum { CASE_COUNT = sizeof CASES / sizeof *CASES };

// ---- a layer in few numbers

// Where value i is read: spread over all axes, the same for ever.
static size_t position(size_t i, size_t count) {
    return (size_t)((i * UINT64_C(0x9e3779b97f4a7c15) >> 11) % count);
}

// Index in memory, [n, h, w, c], of an element in the field's order, [n, c, h, w].
static size_t in_memory(const atl_shape *s, size_t field) {
    size_t h = (size_t)s->d[1], w = (size_t)s->d[2], c = (size_t)s->d[3];
    size_t x = field % w, y = field / w % h, k = field / (w * h) % c, n = field / (w * h * c);
    return ((n * h + y) * w + x) * c + k;
}

static void take(scene *s, const atl_plan *plan, const atl_node *node) {
    assert_true(s->to->size < LAYERS_MOST);
    layer *l = &s->to->layers[s->to->size++];
    const atl_shape *shape = &node->shape;
    size_t count = (size_t)atl_shape_count(shape);
    float *v = malloc(count * sizeof *v);
    assert_non_null(v);
    assert_true(atl_plan_read(plan, node, v));
    *l = (layer){ .name = "" };
    assert_true(snprintf(l->name, sizeof l->name, "%s", node->name) < (int)sizeof l->name);
    for (int i = 0; i < shape->rank; i++)
        l->numbers[i] = (float)shape->d[shape->rank == 4 && i ? (i == 1 ? 3 : i - 1) : i];
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)v[i];
        squares += (double)v[i] * (double)v[i];
    }
    l->numbers[DIMS] = (float)(sum / (double)count);
    l->numbers[DIMS + 1] = (float)sqrt(squares / (double)count);
    for (size_t i = 0; i < VALUES; i++) {
        size_t at = position(i, count);
        l->numbers[DIMS + 2 + i] = v[shape->rank == 4 ? in_memory(shape, at) : at];
    }
    free(v);
}

// ---- running a network

static bool is_layer(const atl_node *n) {
    return n->op != ATL_OP_PARAM && n->op != ATL_OP_INPUT && n->op != ATL_OP_CONST;
}

typedef struct input {
    const atl_node *node;
    const float *values;
} input;

// Runs what has been built without fusion, takes every layer, and starts a new graph.
static void run(scene *s, atl_node *result, const input *inputs, int count) {
    atl_plan_options o = { .step_mode = true };
    atl_plan *plan;
    if (atl_plan_make(&s->graph, s->m->backend, &result, 1, &o, &plan) != ATL_OK)
        fail_msg("%s: %s", s->name, atl_message(s->ctx));
    for (int i = 0; i < count; i++)
        if (inputs[i].node)
            atl_plan_write(plan, inputs[i].node, inputs[i].values);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    const atl_node *node;
    for (int at = 0; (node = atl_plan_next_named(plan, "*", &at)) != NULL;)
        if (is_layer(node))
            take(s, plan, node);
    atl_plan_close(&plan);
    atl_graph_clear(&s->graph);
}

static void begin_graph(scene *s) {
    atl_graph_init(&s->graph, s->ctx);
    s->net = atl_network_in(&s->graph, &s->m->net, NULL);
}

static atl_node *label_input(scene *s) {
    int c_dim = s->m->net.dims.c_dim;
    return c_dim ? atl_input(&s->graph, "c", ATL_SHAPE(SAMPLES_N, c_dim)) : NULL;
}

static void run_generator(scene *s, const float *c) {
    const atl_model_dims *d = &s->m->net.dims;
    size_t ws_count = (size_t)SAMPLES_N * (size_t)d->num_ws * (size_t)d->w_dim;
    float *z = malloc(sizeof *z * SAMPLES_N * (size_t)d->z_dim), *values = malloc(ws_count * sizeof *values);
    assert_true(z && values);
    for (uint32_t i = 0; i < SAMPLES_N; i++)
        atl_seed_to_z(i, (size_t)d->z_dim, z + i * (size_t)d->z_dim);
    begin_graph(s);
    atl_node *zs = atl_input(&s->graph, "z", ATL_SHAPE(SAMPLES_N, d->z_dim)), *label = label_input(s);
    atl_node *w = ATL_APPLY(&s->net, &s->m->net, "map", "w", { "z", zs }, { "c", label });
    run(s, w, (input[]){ { zs, z }, { label, c } }, 2);
    if (atl_model_map(s->m, SAMPLES_N, z, c, NULL, values) != ATL_OK)
        fail_msg("%s: %s", s->name, atl_message(s->ctx));
    begin_graph(s);
    atl_node *ws = atl_input(&s->graph, "ws", ATL_SHAPE(SAMPLES_N, d->num_ws, d->w_dim));
    atl_node *img = ATL_APPLY(&s->net, &s->m->net, "synthesize", "img", { "ws", ws });
    run(s, img, (input[]){ { ws, values } }, 1);
    free(values);
    free(z);
}

static void run_critic(scene *s, const float *c) {
    const atl_model_dims *d = &s->m->net.dims;
    size_t count = (size_t)SAMPLES_N * (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, 7);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(2.0 * atl_numpy_rng_uniform(&rng) - 1.0);
    begin_graph(s);
    atl_node *x = atl_input(&s->graph, "img", ATL_SHAPE(SAMPLES_N, d->height, d->width, d->channels));
    atl_node *label = label_input(s);
    atl_node *logits = ATL_APPLY(&s->net, &s->m->net, "discriminate", "logits", { "img", x }, { "c", label });
    run(s, logits, (input[]){ { x, values }, { label, c } }, 2);
    free(values);
}

// All layers of case k.
static void run_case(int k, int direct, recording *to) {
    char path[1024];
    scene s = { .name = CASES[k].file, .to = to };
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    atl_model_options which = ATL_MODEL_OPTIONS_INIT;
    o.direct = direct;
    which.net = CASES[k].net;
    to->size = 0;
    assert_int_equal(atl_ctx_open(&s.ctx, &o), ATL_OK);
    if (atl_model_open(s.ctx, golden_path(path, CASES[k].folder, CASES[k].file, ".pkl"), &which, &s.m) !=
        ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    size_t c_dim = (size_t)s.m->net.dims.c_dim;
    float *c = calloc(SAMPLES_N * c_dim + 1, sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; c_dim && i < SAMPLES_N; i++)
        c[i * c_dim + (i + 1) % c_dim] = 1.0f;
    if (atl_model_function_find(s.m->net.row, "synthesize"))
        run_generator(&s, c_dim ? c : NULL);
    else
        run_critic(&s, c_dim ? c : NULL);
    free(c);
    atl_model_close(&s.m);
    atl_ctx_close(&s.ctx);
}

// ---- recordings

// Tensors of a recording carry their number, since a set of arrays has no order.
static void tensor_name(const layer *l, int i, char name[128]) {
    snprintf(name, 128, "%03d %s", i, l->name);
}

static const char *file_of(int k, const char *folder, char path[1024]) {
    snprintf(path, 1024, "%s/%s.%s.safetensors", folder, CASES[k].file, CASES[k].net);
    return path;
}

static int record_all(const char *folder) {
    static recording r;
    for (int k = 0; k < CASE_COUNT; k++) {
        static char names[LAYERS_MOST][128];
        atl_array arrays[LAYERS_MOST];
        char path[1024];
        atl_ctx *ctx;
        run_case(k, 1, &r);
        for (int i = 0; i < r.size; i++) {
            tensor_name(&r.layers[i], i, names[i]);
            arrays[i] = (atl_array){ names[i], ATL_F32, 1, { NUMBERS }, r.layers[i].numbers };
        }
        if (atl_ctx_open(&ctx, NULL) != ATL_OK)
            return 1;
        if (atl_safetensors_write(ctx, file_of(k, folder, path), arrays, (size_t)r.size, NULL, 0) != ATL_OK) {
            fprintf(stderr, "%s\n", atl_message(ctx));
            return 1;
        }
        printf("%s: %d layers\n", path, r.size);
        atl_ctx_close(&ctx);
    }
    return 0;
}

static double distance(const float *ours, const float *truth) {
    double unit = truth[DIMS + 1] > 0.0f ? (double)truth[DIMS + 1] : 1.0, squares = 0;
    for (int i = DIMS + 2; i < NUMBERS; i++)
        squares += ((double)ours[i] - (double)truth[i]) * ((double)ours[i] - (double)truth[i]);
    double values = sqrt(squares / VALUES), mean = fabs((double)ours[DIMS] - (double)truth[DIMS]);
    double size = fabs((double)ours[DIMS + 1] - (double)truth[DIMS + 1]);
    return isnan(values + mean + size) ? NAN : fmax(values, fmax(mean, size)) / unit;
}

static const char *shape_text(const float *numbers, char text[64]) {
    size_t at = (size_t)snprintf(text, 64, "[");
    for (int i = 0; i < DIMS && numbers[i] > 0.0f; i++)
        at += (size_t)snprintf(text + at, 64 - at, "%s%.0f", i ? ", " : "", (double)numbers[i]);
    snprintf(text + at, 64 - at, "]");
    return text;
}

// Stops at the first layer that differs: those behind it differ because of it.
static void compare(int k, const recording *r, const atl_arrays *truth) {
    double worst = 0.0;
    for (int i = 0; i < r->size; i++) {
        char name[128], ours[64], theirs[64];
        float numbers[NUMBERS];
        tensor_name(&r->layers[i], i, name);
        const atl_array *a = atl_arrays_find(truth, name);
        if (!a)
            fail_msg("%s %s: layer %s is not what was recorded in this place", CASES[k].file, CASES[k].net,
                     name);
        assert_int_equal(atl_array_count(a), NUMBERS);
        atl_array_read_f32(a, 0, NUMBERS, numbers);
        const float *have = r->layers[i].numbers;
        if (memcmp(have, numbers, DIMS * sizeof *have) != 0)
            fail_msg("%s %s: layer %s has the shape %s in place of %s", CASES[k].file, CASES[k].net, name,
                     shape_text(have, ours), shape_text(numbers, theirs));
        double d = distance(have, numbers);
        if (!(d <= F32_LAYER))
            fail_msg("%s %s: %s is the first layer that differs, by %.3g of its size (at most %.0e); %d "
                     "layers before "
                     "it do not",
                     CASES[k].file, CASES[k].net, *r->layers[i].name ? r->layers[i].name : "the result", d,
                     F32_LAYER, i);
        worst = fmax(worst, d);
    }
    if ((size_t)r->size != atl_arrays_size(truth))
        fail_msg("%s %s: %d layers in place of %zu", CASES[k].file, CASES[k].net, r->size,
                 atl_arrays_size(truth));
    printf("    %-18s %-6s %3d layers, worst %.1e (at most %.0e)\n", CASES[k].file, CASES[k].net, r->size,
           worst, F32_LAYER);
}

static void check_all(int direct) {
    static recording r;
    const char *data = getenv("ATL_TEST_DATA");
    char folder[900], path[1024];
    snprintf(folder, sizeof folder, "%s/layers", data ? data : "tests/data");
    for (int k = 0; k < CASE_COUNT; k++) {
        atl_ctx *ctx;
        atl_arrays *truth;
        run_case(k, direct, &r);
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        if (atl_arrays_open(ctx, file_of(k, folder, path), &truth) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        compare(k, &r, truth);
        atl_arrays_close(&truth);
        atl_ctx_close(&ctx);
    }
}

static void layers_by_direct_convolution(void **state) {
    (void)state;
    check_all(1);
}

static void layers_with_winograd(void **state) {
    (void)state;
    check_all(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_by_direct_convolution),
        cmocka_unit_test(layers_with_winograd),
    };
    const char *folder = getenv("ATL_RECORD_LAYERS");
    return folder ? record_all(folder) : cmocka_run_group_tests(tests, NULL, NULL);
}
