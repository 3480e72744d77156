// SPDX-License-Identifier: Apache-2.0
// Augmentation: what is built, what is drawn, how often, and its second derivative.  Its images are compared with
// recorded ones in test_augment_recorded.c.
#include "augment.h"

#include "train/augment_draw.h"
#include "train/diffaug.h"

enum { N = 4, H = 12, W = 20, C = 3, IMAGE = H * W * C };

static atl_augment_config pipe_named(const char *name) {
    atl_augment_config c;
    assert_true(atl_augment_pipe(name, &c));
    return c;
}

static void pipes_have_names(void **state) {
    (void)state;
    atl_augment_config c = pipe_named("bgc");
    assert_true(c.xflip == 1.0f && c.xint == 1.0f && c.xfrac == 1.0f && c.saturation == 1.0f);
    assert_true(c.imgfilter == 0.0f && c.noise == 0.0f && c.cutout == 0.0f);
    assert_true(c.xint_max == 0.125f && c.contrast_std == 0.5f && c.cutout_size == 0.5f);
    atl_augment_config before = c;
    assert_false(atl_augment_pipe("bgx", &c));
    assert_false(atl_augment_pipe("", &c));
    assert_memory_equal(&before, &c, sizeof c);
}

static void strength_follows_the_sign(void **state) {
    (void)state;
    bool limit = true;
    assert_true(fabsf(atl_augment_adapt(0.2f, 0.7, 0.6, 256, 500, &limit) - 0.200512f) < 1e-7f);
    assert_false(limit);
    assert_true(fabsf(atl_augment_adapt(0.2f, 0.5, 0.6, 256, 500, NULL) - 0.199488f) < 1e-7f);
    assert_true(atl_augment_adapt(0.2f, 0.6, 0.6, 256, 500, NULL) == 0.2f);
    assert_true(atl_augment_adapt(0.2f, (double)NAN, 0.6, 256, 500, NULL) == 0.2f);
    assert_true(atl_augment_adapt(0.0002f, -1.0, 0.6, 256, 500, &limit) == 0.0f);
    assert_false(limit);
    assert_true(atl_augment_adapt(0.9996f, 1.0, 0.6, 256, 500, &limit) == 1.0f);
    assert_true(limit);
    assert_false((atl_augment_adapt(1.0f, 0.5, 0.6, 256, 500, &limit), limit));
}

static void only_what_is_on_is_built(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    static const struct {
        const char *pipe;
        bool theta, color, filter, noise, mask;
    } cases[] = { { "blit", 1, 0, 0, 0, 0 },  { "geom", 1, 0, 0, 0, 0 },  { "color", 0, 1, 0, 0, 0 },
                  { "filter", 0, 0, 1, 0, 0 }, { "noise", 0, 0, 0, 1, 0 }, { "cutout", 0, 0, 0, 0, 1 },
                  { "bgcfnc", 1, 1, 1, 1, 1 } };
    atl_node *img = atl_fill(g, ATL_SHAPE(N, H, W, C), 0.0f);
    atl_augment a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_augment_config c = pipe_named(cases[i].pipe);
        atl_node *y = atl_augment_build(g, &c, img, &a);
        assert_true(atl_shape_same(&y->shape, &img->shape));
        assert_true(!a.theta == !cases[i].theta && !a.matrix == !cases[i].color && !a.offset == !cases[i].color);
        assert_true(!a.filter == !cases[i].filter && !a.noise == !cases[i].noise && !a.mask == !cases[i].mask);
    }
    atl_augment_config off = atl_augment_off();
    atl_augment_params *p;
    assert_ptr_equal(atl_augment_build(g, &off, img, &a), img);
    assert_int_equal(atl_augment_params_make(f->ctx, &a, &p), ATL_OK);
    assert_true(!p->theta && !p->matrix && !p->offset && !p->filter && !p->noise && !p->mask);
    atl_augment_draw(p, 1.0f, 1, 2, 3, 1);
    atl_augment_params_free(&p);
    atl_augment_params_free(&p); // accepts NULL
}

static atl_augment_params *params_of(fixture *f, const atl_augment_config *c, int64_t n, int64_t channels) {
    atl_augment a;
    atl_augment_params *p;
    atl_augment_build(&f->g, c, atl_fill(&f->g, ATL_SHAPE(n, H, W, channels), 0.0f), &a);
    if (atl_augment_params_make(f->ctx, &a, &p) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    return p;
}

// With p = 0 the image goes through all filters and comes back: sym6 is orthogonal, the bands add to 1.
static void strength_zero_changes_nothing(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_augment_config c = pipe_named("bgcfnc");
    atl_augment a;
    atl_augment_params *p;
    float *x = some_numbers(N * IMAGE, 1);
    atl_node *y = atl_augment_build(g, &c, atl_const(g, ATL_SHAPE(N, H, W, C), x), &a);
    atl_plan *plan = plan_of(f, &y, 1);
    assert_int_equal(atl_augment_params_make(f->ctx, &a, &p), ATL_OK);
    atl_augment_draw(p, 0.0f, 1, 2, 3, 1);
    const float same[6] = { 1, 0, 0, 0, 1, 0 };
    for (int i = 0; i < N; i++) {
        assert_memory_equal(p->theta + 6 * i, same, sizeof same);
        for (int t = 0; t < ATL_BAND_TAPS; t++)
            assert_true(p->filter[i * ATL_BAND_TAPS + t] == (t == ATL_BAND_TAPS / 2 ? 1.0f : 0.0f));
    }
    atl_augment_write(p, &a, plan);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    float *v = values_of(plan, y);
    assert_true(relative(v, x, N * IMAGE) < 1e-6); // float32 taps of sym6 are orthogonal to some 1e-7
    free(v);
    free(x);
    atl_augment_params_free(&p);
    atl_plan_close(&plan);
}

// Share of samples whose map is not the identity.  With 4000 samples a share has a deviation of 0.008 at most.
static double share_moved(fixture *f, const atl_augment_config *c, float p) {
    enum { MANY = 4000 };
    atl_augment_params *a = params_of(f, c, MANY, C);
    int moved = 0;
    atl_augment_draw(a, p, 11, 1, 0, 1);
    for (int i = 0; i < MANY; i++) {
        const float *t = a->theta + 6 * i;
        moved += !(t[0] == 1.0f && t[1] == 0.0f && t[2] == 0.0f && t[3] == 0.0f && t[4] == 1.0f && t[5] == 0.0f);
    }
    atl_augment_params_free(&a);
    return (double)moved / MANY;
}

static void operations_come_as_often_as_asked(void **state) {
    fixture *f = *state;
    atl_augment_config c = atl_augment_off();
    c.xflip = 0.8f;
    assert_true(fabs(share_moved(f, &c, 0.5f) - 0.2) < 0.03);
    c = atl_augment_off();
    c.rotate90 = 1.0f;
    assert_true(fabs(share_moved(f, &c, 0.6f) - 0.45) < 0.03);
    c = atl_augment_off();
    c.rotate = 1.0f; // two chances
    assert_true(fabs(share_moved(f, &c, 0.6f) - 0.6) < 0.03);
    assert_true(share_moved(f, &c, 1.0f) == 1.0);
    c = atl_augment_off();
    c.scale = 2.0f;
    assert_true(share_moved(f, &c, 0.5f) == 1.0);
    c = atl_augment_off();
    c.xfrac = 0.5f;
    assert_true(fabs(share_moved(f, &c, 0.5f) - 0.25) < 0.03);
}

// A sample's numbers don't depend on the batch that it is in.
static void samples_keep_their_numbers(void **state) {
    fixture *f = *state;
    atl_augment_config c = pipe_named("bgcfnc");
    atl_augment_params *all = params_of(f, &c, 4, C), *some = params_of(f, &c, 2, C);
    atl_augment_draw(all, 0.9f, 21, 5, 100, 1);
    atl_augment_draw(some, 0.9f, 21, 5, 101, 2); // 101 and 103
    for (int i = 0; i < 2; i++) {
        int k = 2 * i + 1;
        assert_memory_equal(all->theta + 6 * k, some->theta + 6 * i, 6 * sizeof(float));
        assert_memory_equal(all->matrix + 9 * k, some->matrix + 9 * i, 9 * sizeof(float));
        assert_memory_equal(all->offset + 3 * k, some->offset + 3 * i, 3 * sizeof(float));
        assert_memory_equal(all->filter + ATL_BAND_TAPS * k, some->filter + ATL_BAND_TAPS * i,
                            ATL_BAND_TAPS * sizeof(float));
        assert_memory_equal(all->noise + IMAGE * k, some->noise + IMAGE * i, IMAGE * sizeof(float));
        assert_memory_equal(all->mask + H * W * k, some->mask + H * W * i, H * W * sizeof(float));
    }
    for (int other = 0; other < 3; other++) { // another key, stream or index: other numbers
        float before[6];
        memcpy(before, all->theta, sizeof before);
        atl_augment_draw(all, 0.9f, 21 + (other == 0), 5 + (other == 1), 100 + (other == 2), 1);
        assert_memory_not_equal(before, all->theta, sizeof before);
        atl_augment_draw(all, 0.9f, 21, 5, 100, 1);
        assert_memory_equal(before, all->theta, sizeof before);
    }
    atl_augment_params_free(&all);
    atl_augment_params_free(&some);
}

// R1's penalty through the augmentation.  With a loss of 1/2 sum(s y^2), the gradient is affine in x and its square
// a quadratic P, for which P(x + v) - P(x - v) = 2 <dP/dx, v> without a remainder.
static void second_derivatives(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_augment_config c = pipe_named("bgcfnc");
    atl_augment a;
    atl_augment_params *p;
    atl_shape shape = ATL_SHAPE(N, H, W, C);
    float *x = some_numbers(N * IMAGE, 1), *s = some_numbers(N * IMAGE, 2), *v = some_numbers(N * IMAGE, 3);
    atl_node *img = atl_input(g, "x", shape), *d, *out[2];
    atl_node *y = atl_augment_build(g, &c, img, &a);
    atl_grad(g, atl_scale(g, dot_node(g, atl_const(g, shape, s), atl_square(g, y)), 0.5f), &img, 1, &d);
    out[0] = dot_node(g, d, d);
    atl_grad(g, out[0], &img, 1, &out[1]);
    atl_plan *plan = plan_of(f, out, 2);
    assert_int_equal(atl_augment_params_make(f->ctx, &a, &p), ATL_OK);
    atl_augment_draw(p, 0.9f, 3, 1, 0, 1);
    atl_augment_write(p, &a, plan);
    double penalty[2], slope = 0.0;
    float *moved = some_numbers(N * IMAGE, 4);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < N * IMAGE; k++)
            moved[k] = x[k] + (float)(1 - i) * v[k];
        atl_plan_write(plan, img, moved);
        assert_int_equal(atl_plan_run(plan), ATL_OK);
        float *value = values_of(plan, out[0]), *dx = values_of(plan, out[1]);
        if (i == 1)
            slope = dot(dx, v, N * IMAGE);
        else
            penalty[i / 2] = (double)value[0];
        free(value);
        free(dx);
    }
    double difference = penalty[0] - penalty[1]; // float32 sums of 2880 squares: 1e-6 of their size
    if (!(fabs(difference - 2.0 * slope) <= 1e-5 * (penalty[0] + penalty[1])) || fabs(slope) < 1.0)
        fail_msg("%.9g where %.9g is right, of %.9g", 2.0 * slope, difference, penalty[0]);
    free(moved), free(x), free(s), free(v);
    atl_augment_params_free(&p);
    atl_plan_close(&plan);
}

static void gray_images_stay_gray(void **state) {
    fixture *f = *state;
    atl_augment_config c = pipe_named("color");
    atl_augment_params *p = params_of(f, &c, 3, 1);
    atl_augment_draw(p, 1.0f, 3, 1, 0, 1);
    for (int i = 0; i < 3; i++) // brightness and contrast only: a slope of 2^N, and of both signs by lumaflip
        assert_true(isfinite(p->matrix[i]) && p->matrix[i] != 0.0f && p->offset[i] != 0.0f);
    atl_augment_params_free(&p);
}

static void wrong_images_are_refused(void **state) {
    fixture *f = *state;
    atl_augment_config c = pipe_named("color");
    atl_augment a;
    atl_node *y = atl_augment_build(&f->g, &c, atl_fill(&f->g, ATL_SHAPE(1, H, W, 4), 0.0f), &a);
    assert_int_equal(y->op, ATL_OP_POISON);
    assert_non_null(strstr(f->g.error, "1 or 3 channels, not 4"));
    atl_graph_clear(&f->g);
    atl_graph_init(&f->g, f->ctx);
    y = atl_augment_build(&f->g, &c, atl_fill(&f->g, ATL_SHAPE(1, H), 0.0f), &a);
    assert_int_equal(y->op, ATL_OP_POISON);
    assert_non_null(strstr(f->g.error, "rank 2"));
    assert_int_equal(atl_augment_build(&f->g, &c, y, &a)->op, ATL_OP_POISON); // of which nothing follows
}

// ---- missing memory

typedef struct counter {
    long calls, fail_at, live;
} counter;

static void *count_alloc(void *user, size_t bytes) {
    counter *c = user;
    void *memory = ++c->calls == c->fail_at ? NULL : aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    c->live += memory != NULL;
    return memory;
}

static void count_release(void *user, void *memory) {
    counter *c = user;
    c->live -= memory != NULL;
    free(memory);
}

static atl_status both_augmentations(atl_ctx *ctx, atl_backend *backend, atl_graph *g) {
    atl_augment a;
    atl_diffaug b;
    atl_augment_params *p = NULL;
    atl_diffaug_params *q = NULL;
    atl_plan *plan = NULL;
    atl_augment_config c = pipe_named("bgcfnc");
    atl_diffaug_config d = { .color = true, .translation = true, .cutout = true, .shift = 0.2f, .box = 0.5f };
    atl_node *img = atl_input(g, "x", ATL_SHAPE(2, 8, 8, 3)), *out[2];
    out[0] = atl_diffaug_build(g, &d, atl_augment_build(g, &c, img, &a), &b);
    atl_grad(g, dot_node(g, out[0], out[0]), &img, 1, &out[1]);
    atl_status status = atl_plan_make(g, backend, out, 2, NULL, &plan);
    if (status == ATL_OK)
        status = atl_augment_params_make(ctx, &a, &p);
    if (status == ATL_OK)
        status = atl_diffaug_params_make(ctx, &b, &q);
    if (status == ATL_OK) {
        atl_augment_draw(p, 1.0f, 1, 2, 3, 1);
        atl_diffaug_draw(q, 1, 2, 3, 1);
        atl_augment_write(p, &a, plan);
        atl_diffaug_write(q, &b, plan);
        status = atl_plan_run(plan);
    }
    atl_augment_params_free(&p);
    atl_diffaug_params_free(&q);
    atl_plan_close(&plan);
    return status;
}

// Each allocation in turn fails: that is said, and all memory comes back.
static void missing_memory_is_reported(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        assert_in_range(n, 1, 5000);
        counter c = { .fail_at = n };
        atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
        o.threads = 1;
        o.allocator = (atl_allocator){ count_alloc, count_release, &c };
        atl_ctx *ctx;
        atl_backend *backend = NULL;
        atl_graph g;
        if (atl_ctx_open(&ctx, &o) != ATL_OK)
            continue;
        atl_status status = atl_backend_open(ctx, NULL, &backend);
        if (status == ATL_OK) {
            atl_graph_init(&g, ctx);
            status = both_augmentations(ctx, backend, &g);
            atl_graph_clear(&g);
        }
        assert_int_equal(status, c.calls >= n ? ATL_NO_MEMORY : ATL_OK);
        assert_true(status == ATL_OK || strlen(atl_message(ctx)) > 0);
        atl_backend_close(&backend);
        atl_ctx_close(&ctx);
        assert_int_equal(c.live, 0);
        if (status == ATL_OK)
            break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes_have_names),
        cmocka_unit_test(strength_follows_the_sign),
        cmocka_unit_test_setup_teardown(only_what_is_on_is_built, setup, teardown),
        cmocka_unit_test_setup_teardown(strength_zero_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(operations_come_as_often_as_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_keep_their_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(second_derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(gray_images_stay_gray, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_images_are_refused, setup, teardown),
        cmocka_unit_test(missing_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
