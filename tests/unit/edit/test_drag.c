// SPDX-License-Identifier: Apache-2.0
// Dragging: features as a field, tracking of what was moved, derivatives of the losses, and the loop on small
// networks.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../golden/golden.h"

#include <atelier/generate.h>
#include <atelier/network.h>
#include <atelier/rng.h>
#include "edit/drag_field.h"
#include <atelier/drag.h>

enum { H = 12, W = 16, C = 3 };
static const atl_field small = { H, W, C, 2 * W, 2 * H, W, H };
static const atl_field same = { H, W, C, W, H, W, H };

static double value(double x, double y, int k) {
    return sin(0.9 * x + k) * cos(0.7 * y - 0.5 * k) + 0.2 * k;
}

static void fill(float *x, double dx, double dy) {
    for (int i = 0; i < H; i++)
        for (int j = 0; j < W; j++)
            for (int k = 0; k < C; k++)
                x[(i * W + j) * C + k] = (float)value(j - dx, i - dy, k);
}

static void pixels_are_read_where_they_are(void **state) {
    (void)state;
    float x[H * W * C], out[C], other[C];
    fill(x, 0, 0);
    for (int k = 0; k < C; k++) {
        atl_field_at(&same, x, 5, 7, out);
        assert_true(fabs((double)out[k] - value(5, 7, k)) < 1e-6);
    }
    // of twice as many pixels the fourth is a quarter before the second sample
    atl_field_at(&small, x, 3, 4, out);
    for (int k = 0; k < C; k++) {
        double a = 0.75 * (double)x[(2 * W + 1) * C + k] + 0.25 * (double)x[(2 * W + 2) * C + k];
        double b = 0.75 * (double)x[(1 * W + 1) * C + k] + 0.25 * (double)x[(1 * W + 2) * C + k];
        assert_true(fabs((double)out[k] - (0.75 * a + 0.25 * b)) < 1e-6);
    }
    atl_field_between(&small, x, (atl_spot){ 3, 4 }, other);
    assert_memory_equal(out, other, sizeof out);
    atl_field_between(&small, x, (atl_spot){ -3, 4 }, other); // outside
    for (int k = 0; k < C; k++)
        assert_true(other[k] == 0.0f);
    // with a margin of two samples the first pixel is the third sample
    const atl_field inner = { H, W, C, W - 4, H - 4, W - 4, H - 4 };
    atl_field_at(&inner, x, 0, 0, out);
    for (int k = 0; k < C; k++)
        assert_true(fabs((double)out[k] - value(2, 2, k)) < 1e-6);
}

static void what_was_moved_is_found(void **state) {
    (void)state;
    float x[H * W * C], wanted[C], room[C];
    fill(x, 0, 0);
    atl_field_at(&same, x, 6, 5, wanted);
    fill(x, 2, -1);
    atl_spot p = atl_field_track(&same, x, wanted, (atl_spot){ 6, 5 }, 3, room);
    assert_true(p.x == 8 && p.y == 4);
    p = atl_field_track(&same, x, wanted, (atl_spot){ 6, 5 }, 0, room); // no farther than the radius
    assert_true(p.x == 6 && p.y == 5);
    p = atl_field_track(&same, x, wanted, (atl_spot){ 0, H - 1 }, 50, room); // and not beyond the picture
    assert_true(p.x >= 0 && p.x < W && p.y >= 0 && p.y < H);
}

// The pushed loss with F(q) held fixed, of a field `moved` against features that are read of `fixed`.
static double pushed(const atl_field *f, const float *fixed, const float *moved, atl_spot p, atl_spot t,
                     double radius) {
    double far = hypot(t.x - p.x, t.y - p.y), sum = 0;
    int count = 0;
    float a[C], b[C];
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++)
            if (hypot(x - p.x, y - p.y) < radius) {
                atl_field_at(f, fixed, x, y, a);
                atl_field_between(f, moved, (atl_spot){ x + (t.x - p.x) / far, y + (t.y - p.y) / far }, b);
                for (int k = 0; k < C; k++)
                    sum += fabs((double)a[k] - (double)b[k]);
                count++;
            }
    return sum / count / C;
}

static void pushes_have_their_gradient(void **state) {
    (void)state;
    float x[H * W * C], other[H * W * C], dx[H * W * C] = { 0 }, room[2 * C];
    const atl_spot p = { 11, 9 }, t = { 20, 13 };
    fill(x, 0.3, 0.1);
    double loss = atl_field_push(&small, x, p, t, 3, dx, room);
    assert_true(fabs(loss - pushed(&small, x, x, p, t, 3)) < 1e-6);
    int touched = 0;
    for (int i = 0; i < H * W * C; i++) {
        const float step = 1e-3f;
        memcpy(other, x, sizeof x);
        other[i] += step;
        double above = pushed(&small, x, other, p, t, 3);
        other[i] -= 2 * step;
        double slope = (above - pushed(&small, x, other, p, t, 3)) / (2 * (double)step);
        if (fabs(slope - (double)dx[i]) > 2e-4) // floats; no difference crosses zero here
            fail_msg("feature %d: %g for %g", i, (double)dx[i], slope);
        touched += dx[i] != 0;
    }
    assert_true(touched > 20);
}

static void what_is_frozen_is_held(void **state) {
    (void)state;
    float x[H * W * C], first[H * W * C], dx[H * W * C] = { 0 }, frozen[H * W];
    uint8_t mask[4 * H * W];
    for (int y = 0; y < 2 * H; y++)
        memset(mask + y * 2 * W, y < H, 2 * W); // the upper half may change
    atl_field_freeze(&small, mask, frozen);
    for (int j = 0; j < W; j++) {
        assert_true(frozen[(H / 2 - 2) * W + j] == 0.0f);
        assert_true(fabs((double)frozen[(H / 2 + 1) * W + j] - 1) < 1e-6);
        assert_true(frozen[(H / 2 - 1) * W + j] > 0 && frozen[(H / 2 - 1) * W + j] < 0.5f);
    }
    fill(first, 0, 0);
    fill(x, 0, 0);
    assert_true(atl_field_hold(&small, x, first, frozen, 20, dx) == 0);
    x[(H - 1) * W * C] += 0.5f; // below
    x[0] += 0.5f;               // above
    double loss = atl_field_hold(&small, x, first, frozen, 20, dx);
    assert_true(fabs(loss - 20 * 0.5 / (H * W * C)) < 1e-6);
    assert_true(dx[0] == 0 && fabs((double)dx[(H - 1) * W * C] - 20.0 / (H * W * C)) < 1e-6);
}

// ---- the loop

typedef struct world {
    atl_ctx *ctx;
    atl_model *model;
    float *ws, *after;
    size_t row, all;
} world;

static void open_world(world *w, const char *cfg) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    o.cfg = cfg;
    o.resolution = 16;
    o.channel_base = 128;
    o.channel_max = 8;
    o.seed = 5;
    assert_int_equal(atl_ctx_open(&w->ctx, NULL), ATL_OK);
    if (atl_model_init(w->ctx, &o, &w->model) != ATL_OK)
        fail_msg("%s", atl_message(w->ctx));
    const atl_model_info *info = atl_model_get_info(w->model);
    float *z = malloc((size_t)info->z_dim * sizeof *z);
    w->row = (size_t)info->w_dim;
    w->all = w->row * (size_t)info->num_ws;
    w->ws = malloc(w->all * sizeof *w->ws);
    w->after = malloc(w->all * sizeof *w->after);
    atl_seed_to_z(1, (size_t)info->z_dim, z);
    assert_int_equal(atl_model_map(w->model, 1, z, NULL, NULL, w->ws), ATL_OK);
    free(z);
}

static void close_world(world *w) {
    atl_model_close(&w->model);
    atl_ctx_close(&w->ctx);
    free(w->ws);
    free(w->after);
}

static void drag_some(world *w, const atl_drag_options *o, int steps) {
    const atl_drag_point p = { 5, 6, 9, 8 };
    atl_drag *drag;
    if (atl_drag_open(w->model, w->ws, &p, 1, o, &drag) != ATL_OK)
        fail_msg("%s", atl_message(w->ctx));
    const atl_drag_state *s = atl_drag_get_state(drag);
    assert_int_equal(s->step, 0);
    assert_true(fabs(s->distance - hypot(4, 2)) < 1e-9);
    for (int i = 0; i < steps; i++)
        assert_int_equal(atl_drag_step(drag), ATL_OK);
    assert_true(s->arrived || (s->step == steps && s->loss > 0));
    assert_int_equal(atl_drag_read(drag, w->after), ATL_OK);
    atl_drag_close(&drag);
    assert_null(drag);
}

static int moved(const world *w, size_t layer) {
    return memcmp(w->ws + layer * w->row, w->after + layer * w->row, w->row * sizeof *w->ws) != 0;
}

// Only the first layers move: all alike in w, and in w+ no further than the features need them.
static void only_the_first_layers_move(void **state) {
    (void)state;
    static const char *const cfgs[] = { "stylegan2", "stylegan3-t" };
    for (int c = 0; c < 2; c++) {
        world w;
        atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
        open_world(&w, cfgs[c]);
        o.space = "w";
        o.layers = 3;
        o.distance = 0.25;
        drag_some(&w, &o, 2);
        assert_true(moved(&w, 0) && moved(&w, 2) && !moved(&w, 3));
        assert_memory_equal(w.after, w.after + w.row, w.row * sizeof *w.after);
        o.space = "w+";
        drag_some(&w, &o, 2);
        assert_true(moved(&w, 1) && !moved(&w, 3)); // a fresh StyleGAN3 does not hang on the first one
        assert_memory_not_equal(w.after, w.after + w.row, w.row * sizeof *w.after);
        close_world(&w);
    }
}

static void the_same_steps_give_the_same(void **state) {
    (void)state;
    world w;
    float *kept;
    atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
    open_world(&w, "stylegan2");
    o.distance = 0.25;
    drag_some(&w, &o, 3);
    kept = malloc(w.all * sizeof *kept);
    memcpy(kept, w.after, w.all * sizeof *kept);
    drag_some(&w, &o, 3);
    assert_memory_equal(kept, w.after, w.all * sizeof *kept);
    free(kept);
    close_world(&w);
}

// Two steps with these maps [h, w] of each layer, on a network whose noise is strong -> ws.
static void drag_with(world *w, const float *const *maps, float *after) {
    const atl_drag_point p = { 9, 12, 17, 12 };
    atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
    atl_drag *drag;
    o.noise_maps = maps;
    if (atl_drag_open(w->model, w->ws, &p, 1, &o, &drag) != ATL_OK)
        fail_msg("%s", atl_message(w->ctx));
    for (int i = 0; i < 2; i++)
        assert_int_equal(atl_drag_step(drag), ATL_OK);
    assert_int_equal(atl_drag_read(drag, after), ATL_OK);
    atl_drag_close(&drag);
}

// The network's own maps, given as a picture's, change nothing; others do.
static void noise_maps_are_those_of_the_picture(void **state) {
    (void)state;
    world w = { 0 };
    char path[1024];
    const float *own[64];
    float *other[64], z[512], *kept;
    int count = 0;
    assert_int_equal(atl_ctx_open(&w.ctx, NULL), ATL_OK);
    if (atl_model_open(w.ctx, golden_path(path, "stylegan", "sg2-32", ".pkl"), NULL, &w.model) != ATL_OK)
        fail_msg("%s", atl_message(w.ctx));
    const atl_model_info *info = atl_model_get_info(w.model);
    const atl_array *a;
    w.all = (size_t)info->num_ws * (size_t)info->w_dim;
    w.ws = malloc(w.all * sizeof *w.ws);
    w.after = malloc(w.all * sizeof *w.after);
    kept = malloc(w.all * sizeof *kept);
    atl_seed_to_z(1, (size_t)info->z_dim, z);
    assert_int_equal(atl_model_map(w.model, 1, z, NULL, NULL, w.ws), ATL_OK);
    for (size_t i = 0; (a = atl_model_tensor_get(w.model, i)) != NULL; i++)
        if (strstr(a->name, ".noise_const")) {
            own[count] = a->data;
            other[count++] = calloc((size_t)atl_array_count(a), sizeof(float));
        }
    drag_with(&w, NULL, kept);
    drag_with(&w, own, w.after);
    assert_memory_equal(kept, w.after, w.all * sizeof *kept);
    drag_with(&w, (const float *const *)other, w.after);
    assert_memory_not_equal(kept, w.after, w.all * sizeof *kept);
    for (int k = 0; k < count; k++)
        free(other[k]);
    free(kept);
    close_world(&w);
}

static void a_handle_at_its_target_moves_nothing(void **state) {
    (void)state;
    world w;
    const atl_drag_point p = { 5, 6, 5, 6 };
    atl_drag *drag;
    open_world(&w, "stylegan2");
    assert_int_equal(atl_drag_open(w.model, w.ws, &p, 1, NULL, &drag), ATL_OK);
    assert_int_equal(atl_drag_get_state(drag)->arrived, 1);
    assert_int_equal(atl_drag_step(drag), ATL_OK);
    assert_int_equal(atl_drag_get_state(drag)->step, 0);
    assert_int_equal(atl_drag_read(drag, w.after), ATL_OK);
    assert_memory_equal(w.ws, w.after, w.all * sizeof *w.ws);
    atl_drag_close(&drag);
    close_world(&w);
}

static void what_can_not_be_dragged_is_said(void **state) {
    (void)state;
    world w;
    atl_drag *drag;
    uint8_t black[256] = { 0 };
    open_world(&w, "stylegan2");
    const struct {
        atl_drag_point p;
        const char *space, *layer;
        int layers, mask;
        const char *word;
    } wrong[] = {
        { { 16, 3, 5, 5 }, "w", NULL, 0, 0, "the handle 16,3 is outside" },
        { { 3, 3, 5, -1 }, "w", NULL, 0, 0, "the target 5,-1 is outside" },
        { { NAN, 3, 5, 1 }, "w", NULL, 0, 0, "outside" },
        { { 3, 3, 5, 5 }, "s", NULL, 0, 0, "unknown space s" },
        { { 3, 3, 5, 5 }, "w", "synthesis.b9", 0, 0, "no layer synthesis.b9" },
        { { 3, 3, 5, 5 }, "w", "synthesis.b8.torgb", 0, 0, "no features" },
        { { 3, 3, 5, 5 }, "w", NULL, 99, 0, "99 layers" },
        { { 3, 3, 5, 5 }, "w", NULL, 0, 1, "black everywhere" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
        o.space = wrong[i].space;
        o.layer = wrong[i].layer;
        o.layers = wrong[i].layers;
        o.mask = wrong[i].mask ? black : NULL;
        assert_int_equal(atl_drag_open(w.model, w.ws, &wrong[i].p, 1, &o, &drag), ATL_BAD_ARGUMENT);
        assert_null(drag);
        if (!strstr(atl_message(w.ctx), wrong[i].word))
            fail_msg("%s: %s", wrong[i].word, atl_message(w.ctx));
        atl_message_clear(w.ctx);
    }
    w.ws[1] = NAN;
    assert_int_equal(atl_drag_open(w.model, w.ws, &wrong[3].p, 1, NULL, &drag), ATL_BAD_ARGUMENT);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_read_where_they_are),
        cmocka_unit_test(what_was_moved_is_found),
        cmocka_unit_test(pushes_have_their_gradient),
        cmocka_unit_test(what_is_frozen_is_held),
        cmocka_unit_test(only_the_first_layers_move),
        cmocka_unit_test(the_same_steps_give_the_same),
        cmocka_unit_test(noise_maps_are_those_of_the_picture),
        cmocka_unit_test(a_handle_at_its_target_moves_nothing),
        cmocka_unit_test(what_can_not_be_dragged_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
