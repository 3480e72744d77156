// SPDX-License-Identifier: Apache-2.0
// LPIPS on its three backbones against recorded numbers: distances, their parts per layer, gradients; and the
// vectors whose squared distance it is, with a gradient of their own.  Weights are functions of their names.
#include "golden.h"
#include "recipe.h"

#include "edit/project.h"
#include "metrics/detector.h"
#include "models/backbone.h"
#include "run/backend.h"
#include "run/program.h"

enum { N = 2, SIZE = 64, PICTURE = 3 * SIZE * SIZE };

// float32 with Winograd against float32 with direct convolutions.
static const double BOUND = 2e-5, GRADIENT_BOUND = 1e-4;

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network net;
    const char *name; // of the backbone
    golden *g;
    float *x, *y; // [2, 3, 64, 64]
} scene;

// The recording's name of a parameter: features.0.weight -> net.layers.0.weight, lin0.model.1.weight ->
// lin.0.1.weight
static void recorded_name(const char *ours, char name[96]) {
    int tap;
    if (sscanf(ours, "lin%d.", &tap) == 1)
        snprintf(name, 96, "lin.%d.1.weight", tap);
    else
        snprintf(name, 96, "net.layers.%s", ours + strlen("features."));
}

static void fill(scene *s) {
    for (size_t i = 0; i < s->net.params.size; i++) {
        const atl_param *p = &s->net.params.list[i];
        float *v = atl_param_data(&s->net.params, p);
        char name[96];
        recorded_name(p->name, name);
        bool head = !strncmp(name, "lin.", 4); // recorded as [1, channels, 1, 1]
        const int64_t dims[4] = { 1, p->dims[0], 1, 1 };
        recipe_fill(name, head ? 4 : p->rank, head ? dims : p->dims, 1.4142135623730951, v);
        for (size_t k = 0; head && k < p->count; k++)
            v[k] = fabsf(v[k]);
    }
    // In the second picture one number before its ReLU in VGG is -9e-9 where the others are some 2: less than
    // sums of float32 can tell from 0, and its sign decides on 0.3 % of the gradient.  This gives it the sign
    // that it had when the numbers were recorded.
    atl_param *bias = strcmp(s->name, "vgg") ? NULL : atl_params_find(&s->net.params, "features.12.bias");
    if (bias)
        atl_param_data(&s->net.params, bias)[52] += 1.5e-6f;
}

static void begin(scene *s, const char *name, golden *g, atl_ctx *ctx) {
    size_t count;
    *s = (scene){ .ctx = ctx, .name = name, .g = g };
    assert_int_equal(atl_backend_open(ctx, NULL, &s->backend), ATL_OK);
    json_t *json = json_pack("{s:s s:i s:i}", "net", name, "height", SIZE, "width", SIZE);
    if (atl_network_make_empty(ctx, atl_model_row_for("lpips", "features"), "lpips", json, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    fill(s);
    s->x = golden_read(g, "x", &count);
    assert_int_equal(count, N * PICTURE);
    s->y = golden_read(g, "y", &count);
    assert_int_equal(count, N * PICTURE);
}

static void end(scene *s) {
    atl_network_clear(&s->net);
    atl_backend_close(&s->backend);
    free(s->x);
    free(s->y);
}

// ---- graphs: the loss is the sum over the pairs, so that its gradient holds that of each

static void finish(atl_net *net, atl_call *call, atl_node *x, atl_node *distance, atl_node *layers) {
    atl_node *loss = atl_reshape(net->g, atl_sum(net->g, distance, 3u), ATL_SHAPE(1)), *dx;
    atl_grad(net->g, loss, &x, 1, &dx);
    atl_call_out(net, call, "distance", distance);
    if (layers)
        atl_call_out(net, call, "layers", layers);
    atl_call_out(net, call, "dx", dx);
}

static void build_distance(atl_graph *g, atl_call *call, void *user) {
    const scene *s = user;
    atl_net net = atl_network_in(g, &s->net, NULL);
    atl_node *x = atl_call_in(&net, call, "x", ATL_SHAPE(SIZE, SIZE, 3));
    atl_node *y = atl_call_in(&net, call, "y", ATL_SHAPE(SIZE, SIZE, 3));
    atl_call inner = { .n = N, .closed = true };
    atl_call_bind(g, &inner, "x", x);
    atl_call_bind(g, &inner, "y", y);
    atl_network_call(&s->net, "distance", &net, &inner);
    finish(&net, call, x, atl_call_result(g, &inner, "distance"), atl_call_result(g, &inner, "layers"));
}

static void build_vectors(atl_graph *g, atl_call *call, void *user) {
    const scene *s = user;
    atl_net net = atl_network_in(g, &s->net, NULL);
    atl_node *x = atl_call_in(&net, call, "x", ATL_SHAPE(SIZE, SIZE, 3));
    atl_node *y = atl_call_in(&net, call, "y", ATL_SHAPE(SIZE, SIZE, 3));
    atl_node *a = ATL_APPLY(&net, &s->net, "vector", "vector", { "img", x });
    atl_node *b = ATL_APPLY(&net, &s->net, "vector", "vector", { "img", y });
    finish(&net, call, x, atl_sum(g, atl_square(g, atl_sub(g, a, b)), 2u), NULL);
}

// As projection and tuning compare pictures.
static void build_likeness(atl_graph *g, atl_call *call, void *user) {
    const scene *s = user;
    atl_net net = atl_network_in(g, &s->net, NULL);
    atl_node *x = atl_call_in(&net, call, "x", ATL_SHAPE(SIZE, SIZE, 3));
    atl_node *y = atl_call_in(&net, call, "y", ATL_SHAPE(SIZE, SIZE, 3)), *wanted[ATL_TERMS];
    atl_likeness likeness;
    atl_terms a, b;
    assert_int_equal(atl_likeness_find(s->ctx, "lpips", &s->net, 1.0, &likeness), ATL_OK);
    atl_likeness_terms(g, &likeness, &net, x, &a);
    atl_likeness_terms(g, &likeness, &net, y, &b);
    for (int i = 0; i < b.count; i++)
        wanted[i] = b.list[i].node;
    finish(&net, call, x, atl_reshape(g, atl_terms_distance(g, &a, wanted), ATL_SHAPE(N, 1)), NULL);
}

// ---- comparing

// Row i of a result against what is recorded of pair i.
static void compare(scene *s, atl_program *p, const char *port, const char *recorded, const char *as,
                    double bound) {
    size_t count, all = (size_t)atl_shape_count(&atl_program_out(p, port)->node->shape);
    float *v = malloc(all * sizeof *v);
    assert_non_null(v);
    if (atl_program_read(p, port, N, v) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (int i = 0; i < N; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s%d", s->name, recorded, i);
        float *truth = golden_read(s->g, name, &count);
        assert_int_equal(count, all / N);
        golden_check(as, name, v + (size_t)i * count, truth, count, bound);
        free(truth);
    }
    free(v);
}

static void compare_program(scene *s, atl_program_builder *build, const char *as) {
    const atl_program_key key = { .function = as, .n = N };
    atl_program *p;
    if (atl_program_make(s->backend, &key, build, s, &(atl_plan_options){ 0 }, &p) != ATL_OK ||
        atl_program_write(p, "x", N, s->x) != ATL_OK || atl_program_write(p, "y", N, s->y) != ATL_OK ||
        atl_program_run(p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    compare(s, p, "distance", "dist", as, BOUND);
    compare(s, p, "dx", "dx", as, GRADIENT_BOUND);
    if (build == build_distance)
        compare(s, p, "layers", "layers", as, BOUND);
    atl_program_free(&p);
}

// A detector takes numbers from 0 to 255.
static void compare_detector(scene *s) {
    const atl_detector_options o = { .height = SIZE, .width = SIZE };
    atl_detector *d;
    size_t count;
    if (atl_detector_open(&s->net, "lpips", &o, &d) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    int64_t width = atl_detector_width(d);
    float *pictures = malloc(sizeof *pictures * N * PICTURE),
          *a = malloc(sizeof *a * (size_t)(2 * N * width));
    assert_true(pictures && a);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < (size_t)N * PICTURE; i++)
            pictures[i] = ((side ? s->y : s->x)[i] + 1.0f) * 127.5f;
        assert_int_equal(atl_detector_run_float(d, pictures, N, a + side * N * width), ATL_OK);
    }
    for (int i = 0; i < N; i++) {
        char name[64];
        double sum = 0.0;
        for (int64_t k = 0; k < width; k++)
            sum += pow((double)a[i * width + k] - (double)a[(N + i) * width + k], 2.0);
        snprintf(name, sizeof name, "%s.dist%d", s->name, i);
        float *truth = golden_read(s->g, name, &count), ours = (float)sum;
        golden_check("detector", name, &ours, truth, 1, BOUND);
        free(truth);
    }
    free(pictures);
    free(a);
    atl_detector_close(&d);
}

static void agrees_with_the_recorded_numbers(void **state) {
    (void)state;
    static const char *const names[] = { "vgg", "alex", "squeeze" };
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    golden *g = golden_open(ctx, "metrics", "lpips", ".safetensors");
    for (int i = 0; i < 3; i++) {
        scene s;
        begin(&s, names[i], g, ctx);
        compare_program(&s, build_distance, "distance");
        compare_program(&s, build_vectors, "vectors");
        compare_program(&s, build_likeness, "likeness");
        if (i)
            compare_detector(&s);
        end(&s);
    }
    golden_close(&g, NULL);
    atl_ctx_close(&ctx);
}

// LPIPS of two pictures [3, 64, 64] by the function whose numbers are recorded.
static double distance_of(scene *s, const float *a, const float *b) {
    const atl_program_key key = { .function = "distance", .n = N };
    atl_program *p;
    float both[N];
    for (int i = 0; i < N; i++) {
        memcpy(s->x + i * PICTURE, a, PICTURE * sizeof *a);
        memcpy(s->y + i * PICTURE, b, PICTURE * sizeof *b);
    }
    assert_int_equal(atl_program_make(s->backend, &key, build_distance, s, &(atl_plan_options){ 0 }, &p),
                     ATL_OK);
    assert_int_equal(atl_program_write(p, "x", N, s->x), ATL_OK);
    assert_int_equal(atl_program_write(p, "y", N, s->y), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "distance", N, both), ATL_OK);
    atl_program_free(&p);
    return (double)both[0];
}

static atl_projector *begin_search(scene *s, const atl_network *generator, const char *loss,
                                   const float *target) {
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    atl_project_start start = ATL_PROJECT_START_INIT;
    atl_likeness likeness;
    atl_projector *j;
    o.loss = loss;
    o.steps = 12;
    o.samples = 50;
    assert_int_equal(atl_likeness_find(s->ctx, loss, &s->net, o.mse_weight, &likeness), ATL_OK);
    if (atl_projector_make(generator, s->backend, &likeness, &o, &j) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    start.targets = target;
    if (atl_projector_begin(j, &start) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return j;
}

// A search says LPIPS of what it sees as the function itself does, with pixels beside it what these add, and
// its steps make it less.
static void projection_goes_by_it(void **state) {
    (void)state;
    static const char *const losses[] = { "lpips", "lpips+mse" };
    static float target[PICTURE], img[PICTURE];
    char path[1024];
    scene s;
    atl_ctx *ctx;
    atl_network generator;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    golden *g = golden_open(ctx, "metrics", "lpips", ".safetensors");
    begin(&s, "vgg", g, ctx);
    if (atl_network_open(ctx, golden_path(path, "trained", "portraits-64", ".safetensors"), NULL,
                         &generator) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    memcpy(target, s.x, sizeof target);
    for (int i = 0; i < 2; i++) {
        atl_projector *j = begin_search(&s, &generator, losses[i], target);
        double first, last, pixels = 0;
        assert_int_equal(atl_projector_look(j, img, &first), ATL_OK);
        for (int k = 0; i && k < PICTURE; k++)
            pixels += ((double)img[k] - (double)target[k]) * ((double)img[k] - (double)target[k]) / PICTURE;
        const float ours = (float)first, truth = (float)(distance_of(&s, img, target) + pixels);
        golden_check("projection", losses[i], &ours, &truth, 1, 1e-4);
        while (atl_projector_get_state(j)->step < 12)
            if (atl_projector_step(j) != ATL_OK)
                fail_msg("%s", atl_message(ctx));
        assert_int_equal(atl_projector_look(j, NULL, &last), ATL_OK);
        if (!(last < 0.98 * first))
            fail_msg("%s: %g before, %g after", losses[i], first, last);
        atl_projector_close(&j);
    }
    atl_network_clear(&generator);
    end(&s);
    for (size_t i = 0; i < atl_arrays_size(g->set); i++)
        g->used[i] = true; // another test compares them
    golden_close(&g, NULL);
    atl_ctx_close(&ctx);
}

// Where no channel of a pixel is on, its direction is undefined; its gradient is zero, so that nothing else
// of the picture is lost.
static void dark_pixels_have_a_gradient(void **state) {
    (void)state;
    atl_ctx *ctx;
    scene s;
    atl_program *p;
    static float x[N * PICTURE], dx[N * PICTURE];
    const atl_program_key key = { .function = "dark", .n = N };
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    golden *g = golden_open(ctx, "metrics", "lpips", ".safetensors");
    begin(&s, "alex", g, ctx);
    atl_param *w = atl_params_find(&s.net.params, "features.0.weight"),
              *b = atl_params_find(&s.net.params, "features.0.bias");
    for (size_t i = 0; i < w->count; i++) // nothing is on where the picture is black
        atl_param_data(&s.net.params, w)[i] = fabsf(atl_param_data(&s.net.params, w)[i]);
    for (size_t i = 0; i < b->count; i++)
        atl_param_data(&s.net.params, b)[i] = 0.0f;
    for (size_t i = 0; i < (size_t)N * PICTURE; i++)
        x[i] = i % SIZE < SIZE / 2 ? -1.0f : s.x[i];
    assert_int_equal(atl_program_make(s.backend, &key, build_distance, &s, &(atl_plan_options){ 0 }, &p),
                     ATL_OK);
    assert_int_equal(atl_program_write(p, "x", N, x), ATL_OK);
    assert_int_equal(atl_program_write(p, "y", N, s.y), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "dx", N, dx), ATL_OK);
    double sum = 0.0;
    for (size_t i = 0; i < (size_t)N * PICTURE; i++) {
        assert_true(isfinite(dx[i]));
        sum += fabs((double)dx[i]);
    }
    assert_true(sum > 0.0);
    atl_program_free(&p);
    end(&s);
    for (size_t i = 0; i < atl_arrays_size(g->set); i++)
        g->used[i] = true; // the other test compares them
    golden_close(&g, NULL);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_the_recorded_numbers),
                                        cmocka_unit_test(projection_goes_by_it),
                                        cmocka_unit_test(dark_pixels_have_a_gradient) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
