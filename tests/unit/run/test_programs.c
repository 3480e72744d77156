// SPDX-License-Identifier: Apache-2.0
// Programs of networks: which are kept, what their ports take, and several networks in one graph.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "run/backend.h"
#include "run/noise.h"
#include "run/program.h"

enum { MOST = 4 };

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network net;
    atl_programs programs;
    size_t per_ws, per_img;
    float *ws, *img; // [MOST, ...]
} scene;

static void run_network(scene *s) {
    const atl_model_dims *d = &s->net.dims;
    atl_programs_init(&s->programs, &s->net, s->backend);
    s->per_ws = (size_t)d->num_ws * (size_t)d->w_dim;
    s->per_img = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    s->ws = calloc(MOST * s->per_ws, sizeof *s->ws);
    s->img = calloc(MOST * s->per_img, sizeof *s->img);
    assert_true(s->ws && s->img);
    for (size_t i = 0; i < MOST * s->per_ws; i++)
        s->ws[i] = (float)((double)(i * 2654435761u % 4096) / 1024.0 - 2.0);
}

static void begin(scene *s, const char *file, const char *net) {
    char path[1024];
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, sizeof path, "%s/stylegan/%s", data ? data : "tests/data", file);
    memset(s, 0, sizeof *s);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    if (atl_network_open(s->ctx, path, &o, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    run_network(s);
}

static void make_growing(scene *s, const char *family, double lod) {
    const atl_model_row *row = atl_model_row_for(family, "generator");
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    json_t *json;
    o.resolution = 32;
    o.channel_base = 256;
    o.channel_max = 16;
    memset(s, 0, sizeof *s);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    assert_int_equal(row->init(s->ctx, &o, &json), ATL_OK);
    json_object_set_new(json, "lod", json_real(lod));
    assert_int_equal(atl_network_make(s->ctx, row, "G", json, 5, &s->net), ATL_OK);
    run_network(s);
}

static void end(scene *s) {
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
    free(s->ws);
    free(s->img);
}

static atl_program *get(scene *s, const char *function, int n, atl_noise_mode noise) {
    atl_program *p;
    atl_program_key key = { .function = function, .n = n, .noise = noise };
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return p;
}

static void synthesize(scene *s, int n, atl_noise_mode noise, float *img) {
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = noise;
    atl_program *p = get(s, "synthesize", n, noise);
    assert_int_equal(atl_program_write(p, "ws", n, s->ws), ATL_OK);
    assert_int_equal(atl_noise_write(p, 0, n, s->net.dims.z_dim, &o), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "img", n, img), ATL_OK);
}

static double difference(const float *a, const float *b, size_t count) {
    double worst = 0.0;
    for (size_t i = 0; i < count; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

// ---- which are kept

static void turns_of_batches_and_noise_make_no_plan(void **state) {
    static const atl_noise_mode modes[] = { ATL_NOISE_CONST, ATL_NOISE_RANDOM, ATL_NOISE_NONE };
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    float *first = malloc(s.per_img * sizeof *first);
    assert_non_null(first);
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < 3; k++) {
            synthesize(&s, 1, modes[k], first);
            synthesize(&s, 4, modes[k], s.img);
            // float32 in another order of addition: a batch may choose other kernels
            assert_true(difference(first, s.img, s.per_img) < 1e-4);
        }
        assert_int_equal(s.programs.made, 6);
    }
    free(first);
    end(&s);
}

static void modes_with_maps_share_a_program(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    synthesize(&s, 2, ATL_NOISE_RANDOM, s.img);
    synthesize(&s, 2, ATL_NOISE_SG2, s.img);
    assert_int_equal(s.programs.made, 1);
    end(&s);
}

static void the_oldest_makes_room(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    for (int i = 0; i < ATL_PROGRAMS; i++)
        get(&s, "map", 4 << i, ATL_NOISE_CONST);
    size_t large = s.programs.block_bytes;
    get(&s, "map", 4, ATL_NOISE_CONST); // used again: now 8 is the oldest
    assert_int_equal(s.programs.made, ATL_PROGRAMS);
    get(&s, "map", 1, ATL_NOISE_CONST);
    assert_int_equal(s.programs.made, ATL_PROGRAMS + 1);
    assert_int_equal(s.programs.block_bytes, large);
    get(&s, "map", 4, ATL_NOISE_CONST); // still there
    assert_int_equal(s.programs.made, ATL_PROGRAMS + 1);
    get(&s, "map", 7, ATL_NOISE_CONST); // 8 is gone, and of 16 more than half would be idle
    assert_int_equal(s.programs.made, ATL_PROGRAMS + 2);
    for (int i = 0; i < ATL_PROGRAMS; i++)
        get(&s, "map", 2000 + 3000 * i, ATL_NOISE_CONST); // another block under all of them
    get(&s, "map", 2000, ATL_NOISE_CONST);
    assert_int_equal(s.programs.made, 2 * ATL_PROGRAMS + 2);
    assert_true(s.programs.block_bytes > large);
    end(&s);
}

static void a_larger_program_serves_where_samples_are_alone(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    float *three = malloc(3 * s.per_img * sizeof *three);
    assert_non_null(three);
    get(&s, "synthesize", 4, ATL_NOISE_CONST);
    synthesize(&s, 4, ATL_NOISE_CONST, s.img);
    atl_program *p = get(&s, "synthesize", 3, ATL_NOISE_CONST);
    assert_int_equal(s.programs.made, 1);
    assert_int_equal(atl_program_write(p, "ws", 3, s.ws), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "img", 3, three), ATL_OK);
    assert_true(difference(three, s.img, 3 * s.per_img) == 0.0); // the same program
    free(three);
    end(&s);

    begin(&s, "sg2-32.pkl", "D"); // statistics of the batch
    get(&s, "discriminate", 4, ATL_NOISE_CONST);
    get(&s, "discriminate", 2, ATL_NOISE_CONST);
    assert_int_equal(s.programs.made, 2);
    end(&s);
}

// ---- ports

static void settings_return_to_their_first_values(void **state) {
    static const float turned[9] = { 0, -1, 0, 1, 0, 0, 0, 0, 1 };
    (void)state;
    scene s;
    begin(&s, "sg3-t-32.pkl", NULL);
    float *before = malloc(s.per_img * sizeof *before);
    assert_non_null(before);
    synthesize(&s, 1, ATL_NOISE_CONST, before);
    atl_program *p = get(&s, "synthesize", 1, ATL_NOISE_CONST);
    assert_int_equal(atl_program_write(p, "ws", 1, s.ws), ATL_OK);
    assert_int_equal(atl_program_write(p, "transform", 1, turned), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "img", 1, s.img), ATL_OK);
    assert_true(difference(before, s.img, s.per_img) > 0.1);
    synthesize(&s, 1, ATL_NOISE_CONST, s.img);
    assert_true(difference(before, s.img, s.per_img) == 0.0);
    free(before);
    end(&s);
}

// Faded by a setting, a network gives what those at whole resolutions give.
static void fade_goes_from_one_resolution_to_the_next(void **state) {
    static const char *const families[] = { "progan", "stylegan1" };
    (void)state;
    for (int k = 0; k < 2; k++) {
        scene whole, half, faded;
        make_growing(&whole, families[k], 1.0);
        make_growing(&half, families[k], 2.0);
        make_growing(&faded, families[k], 1.25);
        assert_null(atl_program_in(get(&whole, "synthesize", 2, ATL_NOISE_NONE), "fade"));
        synthesize(&whole, 2, ATL_NOISE_NONE, whole.img);
        synthesize(&half, 2, ATL_NOISE_NONE, half.img);
        for (int i = 0; i < 3; i++) {
            float share = i == 2 ? 0.25f : (float)i;
            atl_program *p = get(&faded, "synthesize", 2, ATL_NOISE_NONE);
            assert_non_null(atl_program_in(p, "fade"));
            assert_int_equal(atl_program_write(p, "ws", 2, faded.ws), ATL_OK);
            if (i < 2)
                assert_int_equal(atl_program_write(p, "fade", 1, &share), ATL_OK);
            assert_int_equal(atl_program_run(p), ATL_OK);
            assert_int_equal(atl_program_read(p, "img", 2, faded.img), ATL_OK);
            for (size_t q = 0; q < 2 * whole.per_img; q++) // float32, a few operations
                assert_true(fabs((double)faded.img[q] - ((double)whole.img[q] * (1.0 - (double)share) +
                                                         (double)half.img[q] * (double)share)) < 1e-5);
        }
        assert_true(difference(whole.img, half.img, whole.per_img) > 0.01);
        end(&whole);
        end(&half);
        end(&faded);
    }
}

static void layers_are_results_by_a_pattern(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    atl_program *p;
    atl_program_key key = { .function = "synthesize", .n = 2, .features = "synthesis.b*.torgb" };
    assert_int_equal(atl_programs_get(&s.programs, &key, &p), ATL_OK);
    assert_int_equal(p->n_features, 4); // 4, 8, 16, 32
    assert_int_equal(atl_program_write(p, "ws", 2, s.ws), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    const atl_port *f = atl_program_out(p, "synthesis.b4.torgb");
    assert_non_null(f);
    assert_int_equal(f->node->shape.d[1], s.net.dims.channels); // n, c, h, w
    assert_int_equal(f->node->shape.d[3], 4);
    float fused[2 * 3 * 4 * 4], steps[2 * 3 * 4 * 4];
    assert_int_equal(atl_shape_count(&f->node->shape), sizeof fused / sizeof *fused);
    assert_int_equal(atl_program_read(p, "synthesis.b4.torgb", 2, fused), ATL_OK);
    key.step_mode = true;
    assert_int_equal(atl_programs_get(&s.programs, &key, &p), ATL_OK);
    assert_int_equal(atl_program_write(p, "ws", 2, s.ws), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "synthesis.b4.torgb", 2, steps), ATL_OK);
    assert_true(difference(fused, steps, sizeof fused / sizeof *fused) < 1e-4);
    key.features = "no.such.layer*";
    assert_int_equal(atl_programs_get(&s.programs, &key, &p), ATL_BAD_ARGUMENT);
    end(&s);
}

static void wrong_ports_are_refused_by_name(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    atl_program *p = get(&s, "synthesize", 2, ATL_NOISE_CONST);
    assert_int_equal(atl_program_write(p, "wz", 2, s.ws), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s.ctx), "no input wz; there is: ws"));
    atl_message_clear(s.ctx);
    assert_int_equal(atl_program_read(p, "ws", 2, s.img), ATL_BAD_ARGUMENT);
    atl_message_clear(s.ctx);
    assert_int_equal(atl_program_write(p, "ws", 3, s.ws), ATL_BAD_ARGUMENT);
    atl_message_clear(s.ctx);
    assert_int_equal(
        atl_programs_get(&s.programs, &(atl_program_key){ .function = "discriminate", .n = 1 }, &p),
        ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s.ctx), "can't discriminate"));
    end(&s);
}

// ---- several networks in one graph

typedef struct pair {
    const atl_network *a, *b;
} pair;

static void build_pair(atl_graph *g, atl_call *call, void *user) {
    const pair *p = user;
    const atl_model_dims *d = &p->a->dims;
    atl_net a = atl_network_in(g, p->a, "A"), b = atl_network_in(g, p->b, "B"), io = { .g = g };
    atl_node *ws = atl_call_in(&io, call, "ws", ATL_SHAPE(d->num_ws, d->w_dim));
    atl_node *x = ATL_APPLY(&a, p->a, "synthesize", "img", { "ws", ws });
    atl_node *y = ATL_APPLY(&b, p->b, "synthesize", "img", { "ws", ws });
    atl_call_out(&io, call, "difference", atl_sub(g, x, y));
}

static bool has_layer(const atl_graph *g, const char *name) {
    for (int i = 0; i < g->size; i++)
        if (g->nodes[i]->name && !strcmp(g->nodes[i]->name, name))
            return true;
    return false;
}

static void networks_with_the_same_names_share_a_graph(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-32.pkl", NULL);
    atl_network other;
    assert_int_equal(atl_network_copy(&s.net, &other), ATL_OK);
    const atl_param *bias = atl_params_find(&other.params, "synthesis.b32.torgb.bias");
    assert_non_null(bias);
    for (size_t i = 0; i < bias->count; i++)
        atl_param_data(&other.params, bias)[i] += 0.5f;
    pair both = { &s.net, &other };
    atl_program *p;
    atl_program_key key = { .function = "pair", .n = 1 };
    if (atl_program_make(s.backend, &key, build_pair, &both, NULL, &p) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    assert_true(has_layer(&p->graph, "A.synthesis.b32.conv1") &&
                has_layer(&p->graph, "B.synthesis.b32.conv1"));
    assert_int_equal(atl_program_write(p, "ws", 1, s.ws), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "difference", 1, s.img), ATL_OK);
    for (size_t i = 0; i < s.per_img; i++)
        assert_true(fabs((double)s.img[i] + 0.5) < 1e-5);
    atl_program_free(&p);
    atl_network_clear(&other);
    end(&s);
}

static void missing_and_unknown_inputs_are_named(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-64-cond.pkl", NULL);
    atl_graph g;
    atl_graph_init(&g, s.ctx);
    atl_net net = atl_network_in(&g, &s.net, "G");
    atl_node *z = atl_input(&g, "z", ATL_SHAPE(2, s.net.dims.z_dim));
    assert_int_equal(ATL_APPLY(&net, &s.net, "map", "w", { "z", z })->op, ATL_OP_POISON);
    assert_non_null(strstr(g.error, "input c is not given"));
    atl_graph_clear(&g);
    atl_graph_init(&g, s.ctx);
    net = atl_network_in(&g, &s.net, "G");
    z = atl_input(&g, "z", ATL_SHAPE(2, s.net.dims.z_dim));
    atl_node *c = atl_input(&g, "c", ATL_SHAPE(2, s.net.dims.c_dim));
    ATL_APPLY(&net, &s.net, "map", "w", { "z", z }, { "c", c }, { "y", c });
    assert_non_null(strstr(g.error, "map has no input y"));
    atl_graph_clear(&g);
    atl_graph_init(&g, s.ctx);
    assert_int_equal(ATL_APPLY(&net, &s.net, "map", "w", { "z", NULL }, { "c", NULL })->op, ATL_OP_POISON);
    assert_non_null(strstr(g.error, "map is given no input"));
    atl_graph_clear(&g);
    end(&s);
}

static void the_first_node_that_is_given_counts_the_samples(void **state) {
    (void)state;
    scene s;
    begin(&s, "sg2-64-cond.pkl", NULL);
    atl_graph g;
    atl_graph_init(&g, s.ctx);
    atl_net net = atl_network_in(&g, &s.net, "G");
    atl_node *z = atl_input(&g, "z", ATL_SHAPE(2, s.net.dims.z_dim));
    atl_node *c = atl_input(&g, "c", ATL_SHAPE(2, s.net.dims.c_dim));
    atl_node *w = ATL_APPLY(&net, &s.net, "map", "w", { "unknown", NULL }, { "z", z }, { "c", c });
    assert_int_equal(g.status, ATL_OK);
    assert_int_equal(w->shape.d[0], 2);
    atl_graph_clear(&g);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_of_batches_and_noise_make_no_plan),
        cmocka_unit_test(modes_with_maps_share_a_program),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(a_larger_program_serves_where_samples_are_alone),
        cmocka_unit_test(settings_return_to_their_first_values),
        cmocka_unit_test(fade_goes_from_one_resolution_to_the_next),
        cmocka_unit_test(layers_are_results_by_a_pattern),
        cmocka_unit_test(wrong_ports_are_refused_by_name),
        cmocka_unit_test(networks_with_the_same_names_share_a_graph),
        cmocka_unit_test(missing_and_unknown_inputs_are_named),
        cmocka_unit_test(the_first_node_that_is_given_counts_the_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
