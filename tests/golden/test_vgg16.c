// SPDX-License-Identifier: Apache-2.0
// VGG16 at its real size against recorded numbers: 138 million weights, each a function of its name.
#include "golden.h"
#include "recipe.h"

#include "run/backend.h"
#include "run/program.h"

enum { SIZE = 224, POOLED = 7, MAPS = 512, CLASSES = 1000 };

// float32 with Winograd against float32 with direct convolutions: 13 layers of up to 4608 terms.
static const double BOUND = 1e-5;

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network net;
    atl_programs programs;
    float *img; // [1, 3, 224, 224]
} scene;

static void begin(scene *s) {
    const atl_model_row *row = atl_model_row_for("vgg16", "features");
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    json_t *json;
    o.resolution = SIZE;
    o.c_dim = CLASSES;
    assert_non_null(row);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    assert_int_equal(row->init(s->ctx, &o, &json), ATL_OK);
    if (atl_network_make_empty(s->ctx, row, "vgg16", json, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (size_t i = 0; i < s->net.params.size; i++) {
        const atl_param *p = &s->net.params.list[i];
        recipe_fill(p->name, p->rank, p->dims, 1.4142135623730951, atl_param_data(&s->net.params, p));
    }
    atl_programs_init(&s->programs, &s->net, s->backend);
    s->img = malloc(sizeof *s->img * 3 * SIZE * SIZE);
    assert_non_null(s->img);
    for (size_t i = 0; i < (size_t)3 * SIZE * SIZE; i++)
        s->img[i] = recipe_uniform(recipe_seed("vgg16.input.0"), i) * 1.5f;
}

static void end(scene *s) {
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
    free(s->img);
}

static atl_program *run(scene *s, const char *function) {
    atl_program *p;
    atl_program_key key = { .function = function, .n = 1 };
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    assert_int_equal(atl_program_write(p, "img", 1, s->img), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    return p;
}

static void compare(scene *s, golden *g, const atl_program *p, const char *port, const char *recorded) {
    size_t count;
    float *truth = golden_read(g, recorded, &count), *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    if (atl_program_read((atl_program *)(uintptr_t)p, port, 1, ours) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    golden_check("vgg16", port, ours, truth, count, BOUND);
    free(ours);
    free(truth);
}

static void compare_pooled(scene *s, golden *g, atl_program *p) {
    size_t count;
    float *truth = golden_read(g, "conv5_pool.probe", &count),
          *map = malloc(sizeof *map * MAPS * POOLED * POOLED);
    float probe[MAPS];
    assert_non_null(map);
    assert_int_equal(count, MAPS);
    if (atl_program_read(p, "pool5", 1, map) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (size_t c = 0; c < MAPS; c++) // [c, h, w]: the first pixel of each map
        probe[c] = map[c * POOLED * POOLED];
    golden_check("vgg16", "pool5", probe, truth, count, BOUND);
    free(map);
    free(truth);
}

static void agrees_with_the_recorded_numbers(void **state) {
    (void)state;
    scene s;
    begin(&s);
    golden *g = golden_open(s.ctx, "metrics", "vgg16", ".safetensors");
    compare_pooled(&s, g, run(&s, "features"));
    const atl_program *p = run(&s, "classify");
    compare(&s, g, p, "fc1", "fc1_relu");
    compare(&s, g, p, "fc2", "fc2");
    compare(&s, g, p, "logits", "logits");
    golden_close(&g, NULL);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_the_recorded_numbers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
