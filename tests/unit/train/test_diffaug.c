// SPDX-License-Identifier: Apache-2.0
// Differentiable augmentation: against its closed form, from the numbers that were drawn.
#include "augment.h"

#include "train/diffaug.h"

enum { N = 3, H = 16, W = 24, C = 3, SIZE = H * W * C };

static atl_diffaug_config policy(const char *words) {
    atl_diffaug_config c;
    assert_true(atl_diffaug_policy(words, &c));
    return c;
}

static void policies_are_words(void **state) {
    (void)state;
    atl_diffaug_config c = policy("translation,color");
    assert_true(c.color && c.translation && !c.cutout);
    c = policy("cutout");
    assert_true(!c.color && !c.translation && c.cutout);
    c.box = 7.0f;
    const char *const wrong[] = { "", "colour", "color,", ",color", "color, cutout", "cut" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(atl_diffaug_policy(wrong[i], &c));
    assert_true(c.box == 7.0f);
}

// A run on x [N, H, W, C] with the gradient of sum(y dy); the caller frees y and dx.
static void run(fixture *f, const atl_diffaug_config *config, const float *x, const float *dy, uint64_t first,
                atl_diffaug_params **params, float **y, float **dx) {
    atl_graph *g = &f->g;
    atl_diffaug a;
    atl_node *img = atl_const(g, ATL_SHAPE(N, H, W, C), x), *out[2];
    out[0] = atl_diffaug_build(g, config, img, &a);
    atl_grad(g, dot_node(g, out[0], atl_const(g, img->shape, dy)), &img, 1, &out[1]);
    atl_plan *plan = plan_of(f, out, 2);
    assert_int_equal(atl_diffaug_params_make(f->ctx, &a, params), ATL_OK);
    atl_diffaug_draw(*params, 7, 1, first, 1);
    atl_diffaug_write(*params, &a, plan);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    *y = values_of(plan, out[0]);
    *dx = values_of(plan, out[1]);
    atl_plan_close(&plan);
}

// x = 0 is affine's constant part, so <dx, x> = <dy, y(x) - y(0)>.  Float32 sums of 3456 products.
static void check_gradient(fixture *f, const atl_diffaug_config *config, const float *x, const float *dy,
                           const float *y, const float *dx) {
    static const float zero[N * SIZE];
    atl_diffaug_params *p;
    float *y0, *d0;
    run(f, config, zero, dy, 5, &p, &y0, &d0);
    double left = dot(dx, x, N * SIZE), right = dot(dy, y, N * SIZE) - dot(dy, y0, N * SIZE);
    if (!(fabs(left - right) <= 1e-4 * fmax(1.0, fabs(right))))
        fail_msg("<dx, x> = %.9g, <dy, y(x) - y(0)> = %.9g", left, right);
    assert_true(relative(d0, dx, N * SIZE) < 1e-6); // the slope is the same everywhere
    free(y0);
    free(d0);
    atl_diffaug_params_free(&p);
}

static void colors_follow_their_means(void **state) {
    fixture *f = *state;
    float *x = some_numbers(N * SIZE, 1), *dy = some_numbers(N * SIZE, 2), *y, *dx, truth[SIZE];
    atl_diffaug_config c = policy("color");
    atl_diffaug_params *p;
    run(f, &c, x, dy, 5, &p, &y, &dx);
    for (int i = 0; i < N; i++) {
        const float *v = x + i * SIZE;
        double b = (double)p->brightness[i], s = (double)p->saturation[i], k = (double)p->contrast[i], mean = b;
        assert_true(b >= -0.5 && b < 0.5 && s >= 0.0 && s < 2.0 && k >= 0.5 && k < 1.5);
        for (int j = 0; j < SIZE; j++)
            mean += (double)v[j] / SIZE;
        for (int j = 0; j < SIZE; j++) {
            const float *pixel = v + j / C * C;
            double gray = ((double)pixel[0] + (double)pixel[1] + (double)pixel[2]) / 3.0;
            double colored = gray + b + ((double)v[j] - gray) * s;
            truth[j] = (float)(mean + (colored - mean) * k);
        }
        assert_true(relative(y + i * SIZE, truth, SIZE) < 1e-6); // some ten operations in float32
    }
    check_gradient(f, &c, x, dy, y, dx);
    atl_diffaug_params_free(&p);
    free(x), free(dy), free(y), free(dx);
}

static void translation_moves_whole_pixels(void **state) {
    fixture *f = *state;
    float *x = some_numbers(N * SIZE, 3), *dy = some_numbers(N * SIZE, 4), *y, *dx, truth[SIZE];
    atl_diffaug_config c = policy("translation");
    atl_diffaug_params *p;
    run(f, &c, x, dy, 5, &p, &y, &dx);
    bool moved = false;
    for (int i = 0; i < N; i++) {
        int ty = -(int)p->offset[2 * i], tx = -(int)p->offset[2 * i + 1];
        assert_true(p->offset[2 * i] == (float)-ty && p->offset[2 * i + 1] == (float)-tx);
        assert_true(abs(tx) <= W / 8 && abs(ty) <= H / 8);
        moved = moved || tx || ty;
        for (int j = 0; j < SIZE; j++) {
            int row = j / (W * C) + ty, column = j / C % W + tx;
            bool inside = row >= 0 && row < H && column >= 0 && column < W;
            truth[j] = inside ? x[i * SIZE + (row * W + column) * C + j % C] : 0.0f;
        }
        assert_memory_equal(y + i * SIZE, truth, sizeof truth); // a copy
    }
    assert_true(moved);
    check_gradient(f, &c, x, dy, y, dx);
    atl_diffaug_params_free(&p);
    free(x), free(dy), free(y), free(dx);
}

static void cutout_clears_a_box(void **state) {
    fixture *f = *state;
    float *x = some_numbers(N * SIZE, 5), *dy = some_numbers(N * SIZE, 6), *y, *dx;
    atl_diffaug_config c = policy("cutout");
    c.box = 0.5f;
    atl_diffaug_params *p;
    run(f, &c, x, dy, 5, &p, &y, &dx);
    for (int i = 0; i < N; i++) {
        int top = H, bottom = -1, left = W, right = -1, count = 0;
        for (int j = 0; j < H * W; j++) {
            bool cut = p->mask[i * H * W + j] == 0.0f;
            for (int k = 0; k < C; k++) {
                int at = (i * H * W + j) * C + k;
                assert_true(y[at] == (cut ? 0.0f : x[at]) && dx[at] == (cut ? 0.0f : dy[at]));
            }
            if (!cut)
                continue;
            int row = j / W, column = j % W;
            top = row < top ? row : top, bottom = row > bottom ? row : bottom;
            left = column < left ? column : left, right = column > right ? column : right;
            count++;
        }
        int tall = bottom - top + 1, wide = right - left + 1;
        assert_int_equal(count, tall * wide);
        // whole, or cut by one edge; half of it is inside at least
        assert_true(tall == H / 2 || ((top == 0 || bottom == H - 1) && tall < H / 2 && tall >= H / 4));
        assert_true(wide == W / 2 || ((left == 0 || right == W - 1) && wide < W / 2 && wide >= W / 4));
    }
    atl_diffaug_params_free(&p);
    free(x), free(dy), free(y), free(dx);
}

static void all_at_once_has_its_gradient(void **state) {
    fixture *f = *state;
    float *x = some_numbers(N * SIZE, 7), *dy = some_numbers(N * SIZE, 8), *y, *dx;
    atl_diffaug_config c = policy("color,translation,cutout");
    atl_diffaug_params *p;
    run(f, &c, x, dy, 5, &p, &y, &dx);
    check_gradient(f, &c, x, dy, y, dx);
    atl_diffaug_params_free(&p);
    free(x), free(dy), free(y), free(dx);
}

// Samples 4 and 6: first and third of a batch from 4, second and third of one from 2 in steps of 2.
static void samples_keep_their_numbers(void **state) {
    fixture *f = *state;
    atl_diffaug_config c = policy("color,translation,cutout");
    atl_diffaug a;
    atl_diffaug_build(&f->g, &c, atl_fill(&f->g, ATL_SHAPE(N, H, W, C), 0.0f), &a);
    atl_diffaug_params *p, *q;
    assert_int_equal(atl_diffaug_params_make(f->ctx, &a, &p), ATL_OK);
    assert_int_equal(atl_diffaug_params_make(f->ctx, &a, &q), ATL_OK);
    atl_diffaug_draw(p, 7, 1, 4, 1);
    atl_diffaug_draw(q, 7, 1, 2, 2);
    for (int i = 0; i < 2; i++) { // 4 and 6
        int from = 2 * i, to = i + 1;
        assert_true(p->contrast[from] == q->contrast[to] && p->brightness[from] == q->brightness[to]);
        assert_memory_equal(p->offset + 2 * from, q->offset + 2 * to, 2 * sizeof(float));
        assert_memory_equal(p->mask + H * W * from, q->mask + H * W * to, H * W * sizeof(float));
    }
    assert_true(p->contrast[0] != p->contrast[1]);
    atl_diffaug_draw(q, 7, 2, 4, 1);
    assert_true(p->contrast[0] != q->contrast[0]);
    atl_diffaug_draw(q, 8, 1, 4, 1);
    assert_true(p->contrast[0] != q->contrast[0]);
    atl_diffaug_params_free(&p);
    atl_diffaug_params_free(&q);
    atl_diffaug_params_free(&q); // accepts NULL
}

static void only_images_fit(void **state) {
    fixture *f = *state;
    atl_diffaug_config c = policy("color");
    atl_diffaug a;
    assert_int_equal(atl_diffaug_build(&f->g, &c, atl_fill(&f->g, ATL_SHAPE(2, 3), 0.0f), &a)->op, ATL_OP_POISON);
    assert_non_null(strstr(f->g.error, "rank 2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_are_words),
        cmocka_unit_test_setup_teardown(colors_follow_their_means, setup, teardown),
        cmocka_unit_test_setup_teardown(translation_moves_whole_pixels, setup, teardown),
        cmocka_unit_test_setup_teardown(cutout_clears_a_box, setup, teardown),
        cmocka_unit_test_setup_teardown(all_at_once_has_its_gradient, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_keep_their_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(only_images_fit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
