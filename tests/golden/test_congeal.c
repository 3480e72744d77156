// SPDX-License-Identifier: Apache-2.0
// Spatial transformers at their real size against recorded numbers: 43 million weights, each a function of
// its name.
#include "golden.h"
#include "recipe.h"

#include <jansson.h>

#include <atelier/congeal.h>
#include "edit/warp.h"
#include "nn/mipmap.h"
#include "run/backend.h"
#include "run/program.h"

enum { SUPERSIZE = 256, SIDE = 128, CROP = 16, POINTS = 7, HEADS = 3 };

static const double BOUND = 2e-5; // float32 in another order, with Winograd

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    golden *truth;
    atl_network net;
    atl_programs programs;
} scene;

static const char *const ELSEWHERE[] = { "both.",    "points", "downsampled", "similarity.",
                                         "cluster.", "mip",    "bilinear",    NULL };

static void begin(scene *s) {
    *s = (scene){ .ctx = NULL };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    s->truth = golden_open(s->ctx, "gangealing", "stn", ".safetensors");
}

static void end(scene *s) {
    golden_close(&s->truth, ELSEWHERE);
    if (s->net.ctx) {
        atl_programs_clear(&s->programs);
        atl_network_clear(&s->net);
    }
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

static void compare(scene *s, const char *name, const float *ours) {
    size_t count;
    float *truth = golden_read(s->truth, name, &count);
    golden_check("congeal", name, ours, truth, count, BOUND);
    free(truth);
}

// Equalised weights are u sqrt(3); the last layers of the heads are small, as the recipe has them with a gain
// of 0.3.
static void fill(scene *s, const char *prefix, size_t skip) {
    for (size_t i = 0; i < s->net.params.size; i++) {
        const atl_param *p = &s->net.params.list[i];
        float *values = atl_param_data(&s->net.params, p);
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, p->name + skip);
        bool last = recipe_ends(name, "linear.weight") && strstr(name, "warp_head");
        recipe_fill(name, p->rank, p->dims, 0.3, values);
        if (recipe_ends(name, "flow_out.2.bias")) // as the network makes it
            memset(values, 0, p->count * sizeof *values);
        bool unit = p->rank > 1 && !last && !recipe_ends(name, "flow_out.2.weight");
        uint64_t seed = recipe_seed(name);
        for (size_t k = 0; unit && k < p->count; k++)
            values[k] = (float)(sqrt(3.0) * (double)recipe_uniform(seed, k));
    }
}

static json_t *similarity_of(int layers) {
    json_t *c = layers == 6 ? json_pack("[i,i,i,i,i,i]", 64, 128, 512, 512, 512, 512)
                            : json_pack("[i,i,i,i,i]", 128, 512, 512, 512, 512);
    return json_pack("{s:s s:o}", "kind", "similarity", "channels", c);
}

static void make(scene *s, json_t *transforms, int side, int supersize, int heads) {
    json_t *config = json_pack("{s:o s:i s:i s:i s:i}", "transforms", transforms, "flow_size", side,
                               "supersize", supersize, "num_heads", heads, "flow_downsample", 8);
    const atl_model_row *row = atl_model_row_find("spatial_transformer");
    assert_non_null(row);
    if (atl_network_make(s->ctx, row, "T_ema", config, 0, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    atl_programs_init(&s->programs, &s->net, s->backend);
}

static void make_both(scene *s) {
    json_t *flow = json_pack("{s:s s:[i,i,i,i,i]}", "kind", "flow", "channels", 64, 128, 512, 512, 512);
    make(s, json_pack("[o,o]", similarity_of(6), flow), SIDE, SUPERSIZE, 1);
    fill(s, "", 0);
}

static float *block_image(const char *name, int n, int side, int block) {
    char coarse_name[128];
    snprintf(coarse_name, sizeof coarse_name, "%s.lo", name);
    uint64_t seed = recipe_seed(name), coarse = recipe_seed(coarse_name);
    int blocks = side / block;
    float *img = malloc(sizeof *img * (size_t)(n * 3 * side * side));
    assert_non_null(img);
    for (int i = 0; i < n * 3 * side * side; i++) {
        int map = i / (side * side), y = i / side % side / block, x = i % side / block;
        double lo = (double)recipe_uniform(coarse, (size_t)((map * blocks + y) * blocks + x));
        img[i] = (float)(0.75 * lo + 0.25 * (double)recipe_uniform(seed, (size_t)i));
    }
    return img;
}

// ---- what is recorded of a picture

static void compare_picture(scene *s, const char *name, const float *img, int n, int side, int small) {
    char full[64];
    int step = side / small, corner = (side - CROP) / 2;
    float *mean = calloc((size_t)(n * 3 * small * small), sizeof *mean),
          *crop = malloc(sizeof *crop * (size_t)(n * 3 * CROP * CROP));
    assert_non_null(mean);
    assert_non_null(crop);
    for (int m = 0; m < n * 3; m++) {
        for (int i = 0; i < side * side; i++)
            mean[m * small * small + i / side / step * small + i % side / step] +=
                img[m * side * side + i] / (float)(step * step);
        for (int i = 0; i < CROP * CROP; i++)
            crop[m * CROP * CROP + i] = img[m * side * side + (corner + i / CROP) * side + corner + i % CROP];
    }
    snprintf(full, sizeof full, "%s.image64", name);
    compare(s, full, mean);
    snprintf(full, sizeof full, "%s.crop", name);
    compare(s, full, crop);
    free(mean);
    free(crop);
}

static void compare_vectors(scene *s, const char *name, const float *v, int n, int side) {
    float *few = malloc(sizeof *few * (size_t)(n * CROP * CROP * 2));
    int step = side / CROP;
    assert_non_null(few);
    for (int i = 0; i < n * CROP * CROP * 2; i++) {
        int k = i % 2, x = i / 2 % CROP * step, y = i / 2 / CROP % CROP * step, m = i / 2 / CROP / CROP;
        few[i] = v[((m * side + y) * side + x) * 2 + k];
    }
    compare(s, name, few);
    free(few);
}

// The upper left part of the six outputs, and their middle.
static void compare_corner(scene *s, const float *img) {
    enum { SMALL = 64, PART = 32 };
    float *part = malloc(sizeof *part * 6 * 3 * PART * PART),
          *crop = malloc(sizeof *crop * 6 * 3 * CROP * CROP);
    assert_non_null(part);
    assert_non_null(crop);
    for (int m = 0; m < 18; m++)
        for (int i = 0; i < PART * PART; i++)
            part[m * PART * PART + i] = img[(m * SMALL + i / PART) * SMALL + i % PART];
    for (int m = 0; m < 18; m++)
        for (int i = 0; i < CROP * CROP; i++)
            crop[m * CROP * CROP + i] = part[(m * PART + 8 + i / CROP) * PART + 8 + i % CROP];
    compare(s, "cluster.image64", part);
    compare(s, "cluster.crop", crop);
    free(part);
    free(crop);
}

// ---- runs

typedef struct result {
    float *img, *grid, *flow, matrix[12];
    double tv[2];
} result;

static void run(scene *s, atl_congeal_options o, const int *head, const float *alpha, int n, const float *img,
                result *r) {
    atl_congealer *c;
    if (atl_congealer_make(&s->programs, &o, &c) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    const atl_congeal_info *info = atl_congealer_get_info(c);
    size_t pixels = (size_t)info->side * (size_t)info->side,
           small = (size_t)info->flow_side * (size_t)info->flow_side;
    *r = (result){ .img = malloc(sizeof(float) * (size_t)n * 3 * pixels),
                   .grid = malloc(sizeof(float) * (size_t)n * 2 * pixels),
                   .flow = malloc(sizeof(float) * (size_t)n * 2 * small) };
    atl_congealed out = { r->img, r->grid, r->matrix, r->flow, r->tv, NULL, NULL };
    if (atl_congealer_run_part(c, n, img, head, alpha, &out) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    atl_congealer_close(&c);
}

static void drop(result *r) {
    free(r->img);
    free(r->grid);
    free(r->flow);
}

static void compare_points(scene *s, const result *r) {
    size_t count;
    float ours[2 * POINTS * 2], *points = golden_read(s->truth, "points", &count),
                                *congealed = golden_read(s->truth, "points.congealed", &count),
                                *in = golden_read(s->truth, "points.uncongeal_in", &count);
    for (int i = 0; i < 2; i++) {
        atl_warp w = { SIDE, r->matrix + 6 * i, r->flow + (size_t)i * 2 * SIDE * SIDE };
        assert_int_equal(atl_points_congeal(s->ctx, &w, SUPERSIZE, SUPERSIZE, points + 2 * POINTS * i, POINTS,
                                            ours + 2 * POINTS * i),
                         ATL_OK);
    }
    for (int i = 0; i < 4 * POINTS; i++)
        assert_true(ours[i] == congealed[i]);
    for (int i = 0; i < 4 * POINTS; i++) // grid coordinates become pixels of the aligned picture
        in[i] = ((in[i] + 1.0f) * SIDE - 1.0f) / 2.0f;
    for (int i = 0; i < 2; i++) {
        atl_warp w = { SIDE, r->matrix + 6 * i, r->flow + (size_t)i * 2 * SIDE * SIDE };
        assert_int_equal(atl_points_uncongeal(s->ctx, &w, SUPERSIZE, SUPERSIZE, in + 2 * POINTS * i, POINTS,
                                              ours + 2 * POINTS * i),
                         ATL_OK);
    }
    compare(s, "points.uncongealed", ours);
    free(points);
    free(congealed);
    free(in);
}

static void similarity_and_flow(void **state) {
    (void)state;
    const atl_congeal_options usual = { sizeof usual, 1, 0, ATL_PADDING_BORDER, 0, 0 };
    scene s;
    result r;
    begin(&s);
    make_both(&s);
    float *img = block_image("stn.input.0", 2, SUPERSIZE, 16);
    run(&s, usual, NULL, NULL, 2, img, &r);
    compare_vectors(&s, "both.flow", r.flow, 2, SIDE);
    compare_vectors(&s, "both.grid", r.grid, 2, SIDE);
    compare_picture(&s, "both", r.img, 2, SIDE, 64);
    float tv[2] = { (float)r.tv[0], (float)r.tv[1] };
    compare(&s, "both.tv", tv);
    compare_points(&s, &r);
    drop(&r);
    run(&s, (atl_congeal_options){ sizeof usual, 3, SUPERSIZE, ATL_PADDING_BORDER, 0, 0 }, NULL, NULL, 2, img,
        &r);
    compare_vectors(&s, "both.iters3.full.flow", r.flow, 2, SIDE);
    compare_vectors(&s, "both.iters3.full.grid", r.grid, 2, SUPERSIZE);
    compare_picture(&s, "both.iters3.full", r.img, 2, SUPERSIZE, 64);
    drop(&r);
    const float alpha[2] = { 0.0f, 0.4f };
    run(&s, (atl_congeal_options){ sizeof usual, 1, 0, ATL_PADDING_REFLECTION, 1, 0 }, NULL, alpha, 2, img,
        &r);
    compare_vectors(&s, "both.alpha.flow", r.flow, 2, SIDE);
    compare_vectors(&s, "both.alpha.grid", r.grid, 2, SIDE);
    compare_picture(&s, "both.alpha", r.img, 2, SIDE, 64);
    drop(&r);
    free(img);
    end(&s);
}

static void similarity_alone(void **state) {
    (void)state;
    scene s;
    result r;
    begin(&s);
    make(&s, json_pack("[o]", similarity_of(6)), SIDE, SUPERSIZE, 1);
    fill(&s, "", 0);
    float *img = block_image("stn.input.0", 2, SUPERSIZE, 16);
    run(&s, (atl_congeal_options){ sizeof(atl_congeal_options), 1, 0, ATL_PADDING_BORDER, 0, 0 }, NULL, NULL,
        2, img, &r);
    compare_picture(&s, "both.similarity", r.img, 2, SIDE, 64);
    drop(&r);
    run(&s, (atl_congeal_options){ sizeof(atl_congeal_options), 2, 0, ATL_PADDING_BORDER, 0, 0 }, NULL, NULL,
        2, img, &r);
    compare(&s, "similarity.iters2.matrix", r.matrix);
    compare_vectors(&s, "similarity.iters2.grid", r.grid, 2, SIDE);
    compare_picture(&s, "similarity.iters2", r.img, 2, SIDE, 64);
    drop(&r);
    free(img);
    end(&s);
}

// Every head of every picture, and for each picture the head with the highest score.
static void clusters(void **state) {
    (void)state;
    const atl_congeal_options usual = { sizeof usual, 1, 0, ATL_PADDING_BORDER, 0, 0 };
    enum { SMALL = 128, ROW = 3 * SMALL * SMALL };
    scene s;
    size_t count;
    int best[2] = { 0, 0 };
    float matrix[2 * HEADS * 6], *all = malloc(sizeof *all * 2 * HEADS * 3 * 64 * 64);
    begin(&s);
    assert_non_null(all);
    make(&s, json_pack("[o]", similarity_of(5)), 64, SMALL, HEADS);
    fill(&s, "cluster.", strlen("stns.0."));
    float *img = block_image("cluster.input.0", 2, SMALL, 16),
          *scores = golden_read(s.truth, "cluster.scores", &count);
    for (int h = 0; h < HEADS; h++) {
        result r;
        run(&s, usual, (const int[]){ h, h }, NULL, 2, img, &r);
        for (int i = 0; i < 2; i++) {
            memcpy(matrix + (i * HEADS + h) * 6, r.matrix + 6 * i, sizeof *matrix * 6);
            memcpy(all + (i * HEADS + h) * 3 * 64 * 64, r.img + i * 3 * 64 * 64, sizeof *all * 3 * 64 * 64);
            best[i] = scores[i * HEADS + h] > scores[i * HEADS + best[i]] ? h : best[i];
        }
        drop(&r);
    }
    compare(&s, "cluster.matrix", matrix);
    compare_corner(&s, all);
    result r;
    run(&s, usual, best, NULL, 2, img, &r);
    compare(&s, "cluster.assigned.matrix", r.matrix);
    drop(&r);
    free(all);
    free(scores);
    free(img);
    end(&s);
}

// ---- sampling alone

static float *sampled(scene *s, const char *name, atl_border border, size_t *count) {
    char full[64];
    atl_graph g;
    atl_plan *plan;
    snprintf(full, sizeof full, "%s.x", name);
    const atl_array *x = golden_find(s->truth, full);
    float *values = golden_read(s->truth, full, count), *theta;
    snprintf(full, sizeof full, "%s.theta", name);
    theta = golden_read(s->truth, full, count);
    snprintf(full, sizeof full, "%s.border", name);
    const int64_t side = golden_find(s->truth, full)->dims[2];
    atl_graph_init(&g, s->ctx);
    atl_node *img = atl_const(&g, ATL_SHAPE(1, x->dims[1], x->dims[2], x->dims[3]), values);
    img = atl_permute(&g, img, (const int[]){ 0, 2, 3, 1 });
    atl_node *map = atl_input(&g, "theta", ATL_SHAPE(1, 2, 3));
    atl_node *grid = atl_grid_through(&g, atl_identity_grid(&g, side, side), map);
    atl_node *y = atl_mipmap_sample(&g, img, grid, ATL_WARP_LEVELS, border);
    y = atl_permute(&g, y, (const int[]){ 0, 3, 1, 2 });
    if (atl_plan_make(&g, s->backend, &y, 1, &(atl_plan_options){ 0 }, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    atl_plan_write(plan, map, theta);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    *count = (size_t)(x->dims[1] * side * side);
    float *out = malloc(sizeof *out * *count);
    assert_non_null(out);
    assert_true(atl_plan_read(plan, y, out));
    atl_plan_close(&plan);
    atl_graph_clear(&g);
    free(values);
    free(theta);
    return out;
}

static void mipmaps(void **state) {
    (void)state;
    static const char *const borders[] = { "zeros", "border", "reflection" }; // in the order of atl_border
    scene s;
    begin(&s);
    for (int i = 0; i < 4; i++)
        for (int b = 0; b < 3; b++) {
            char name[32], full[64];
            size_t count;
            snprintf(name, sizeof name, "mip%d", i);
            snprintf(full, sizeof full, "%s.%s", name, borders[b]);
            float *ours = sampled(&s, name, (atl_border)b, &count);
            compare(&s, full, ours);
            free(ours);
        }
    end(&s);
}

// Pictures [n, 3, side, side] smaller by `factor`.
static float *reduced(scene *s, const float *img, int64_t n, int64_t side, int factor) {
    atl_graph g;
    atl_plan *plan;
    atl_graph_init(&g, s->ctx);
    atl_node *in = atl_input(&g, "img", ATL_SHAPE(n, 3, side, side));
    atl_node *y = atl_tent_downsample(&g, atl_permute(&g, in, (const int[]){ 0, 2, 3, 1 }), factor);
    y = atl_permute(&g, y, (const int[]){ 0, 3, 1, 2 });
    assert_int_equal(atl_plan_make(&g, s->backend, &y, 1, &(atl_plan_options){ 0 }, &plan), ATL_OK);
    atl_plan_write(plan, in, img);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    float *out = malloc(sizeof *out * (size_t)(n * 3 * (side / factor) * (side / factor)));
    assert_non_null(out);
    assert_true(atl_plan_read(plan, y, out));
    atl_plan_close(&plan);
    atl_graph_clear(&g);
    return out;
}

static void reducing_filter(void **state) {
    (void)state;
    scene s;
    size_t count;
    begin(&s);
    for (int factor = 2; factor <= 4; factor += 2) {
        char name[32];
        snprintf(name, sizeof name, "bilinear%d.x", factor);
        float *x = golden_read(s.truth, name, &count), *y = reduced(&s, x, 1, 16, factor);
        snprintf(name, sizeof name, "bilinear%d.y", factor);
        compare(&s, name, y);
        free(x);
        free(y);
    }
    float *img = block_image("stn.input.0", 2, SUPERSIZE, 16), *y = reduced(&s, img, 2, SUPERSIZE, 2),
          probe[258];
    count = 2 * 3 * SIDE * SIDE;
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)y[i];
    for (size_t i = 0; i < count; i++)
        squares += ((double)y[i] - sum / (double)count) * ((double)y[i] - sum / (double)count);
    probe[0] = (float)(sum / (double)count);
    probe[1] = (float)sqrt(squares / (double)count);
    for (size_t i = 0; i < 256; i++)
        probe[2 + i] = y[i * (count / 256)];
    compare(&s, "downsampled", probe);
    free(img);
    free(y);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mipmaps),  cmocka_unit_test(reducing_filter),     cmocka_unit_test(similarity_alone),
        cmocka_unit_test(clusters), cmocka_unit_test(similarity_and_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
