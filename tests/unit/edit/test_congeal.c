// SPDX-License-Identifier: Apache-2.0
// Alignment: what a new transformer does, mirror images, points there and back, and learning: gradients
// against differences of the loss, states that go on exactly, what is refused.
#include "learnt.h"

static void open_file(place *p, const char *folder, const char *name, const char *net, atl_model **model) {
    char path[1024];
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    ok(p, atl_model_open(p->ctx, folder ? golden_path(path, folder, name, "") : name, &o, model));
}

// ---- transformers

// Before anything is learnt a picture is only made smaller.
static void a_new_one_leaves_pictures_in_place(void **state) {
    place *p = *state;
    atl_congeal_train_options o = small();
    atl_congeal_trainer *t;
    atl_model *model;
    atl_congealer *c;
    o.flow = 0;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    ok(p, atl_congeal_trainer_save(t, p->file[1]));
    atl_congeal_trainer_close(&t);
    open_file(p, NULL, p->file[1], "T_ema", &model);
    ok(p, atl_congealer_open(model, NULL, &c));
    float x[3 * SIDE * SIDE], y[3 * SIDE * SIDE], matrix[6];
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        x[i] = sinf(0.1f * (float)i);
    ok(p, atl_congealer_run(c, 1, x, NULL, &(atl_congealed){ .img = y, .matrix = matrix }));
    for (int i = 0; i < 6; i++)
        assert_true(matrix[i] == (i == 0 || i == 4 ? 1.0f : 0.0f));
    assert_true(golden_error(y, x, 3 * SIDE * SIDE) < 1e-5);
    atl_congealer_close(&c);
    atl_model_close(&model);
}

// A picture and its mirror image become the same picture.
static void mirror_images_are_one(void **state) {
    place *p = *state;
    atl_congeal_options o = ATL_CONGEAL_OPTIONS_INIT;
    atl_model *model;
    atl_congealer *c;
    static float x[2 * INPUT], img[2 * 3 * SIDE * SIDE], grid[2 * 2 * SIDE * SIDE];
    float matrix[12];
    double tv[2], outside[2];
    int flipped[2];
    open_file(p, "gangealing", "stn.pt", "T_ema", &model);
    o.flip = 1;
    ok(p, atl_congealer_open(model, &o, &c));
    for (int i = 0; i < INPUT; i++)
        x[i] = sinf(0.013f * (float)i) * cosf(0.31f * (float)i);
    for (int i = 0; i < INPUT; i++)
        x[INPUT + i] = x[i / IN * IN + IN - 1 - i % IN];
    ok(p,
       atl_congealer_run(c, 2, x, NULL, &(atl_congealed){ img, grid, matrix, NULL, tv, outside, flipped }));
    assert_int_equal(flipped[0] + flipped[1], 1);
    assert_true(golden_error(img, img + 3 * SIDE * SIDE, 3 * SIDE * SIDE) < 1e-6);
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(matrix[i] - (i < 3 ? -1.0f : 1.0f) * matrix[6 + i]) < 1e-6f);
    for (int i = 0; i < 2 * SIDE * SIDE; i++)
        assert_true(fabsf(grid[i] - (i % 2 ? 1.0f : -1.0f) * grid[2 * SIDE * SIDE + i]) < 1e-6f);
    assert_true(fabs(tv[0] - tv[1]) < 1e-5 * tv[0] && fabs(outside[0] - outside[1]) < 0.01);
    refused(p, atl_congealer_run(c, 2, x, (const int[]){ 0, 2 }, &(atl_congealed){ .img = img }),
            "no cluster 2");
    refused(p, atl_congealer_run_part(c, 2, x, NULL, (const float[]){ 0, 1 }, &(atl_congealed){ .img = img }),
            "blend");
    atl_congealer_close(&c);
    refused(p, atl_congealer_open(p->g, &o, &c), "needs an aligner");
    o.side = 100000;
    refused(p, atl_congealer_open(model, &o, &c), "100000 pixels");
    atl_model_close(&model);
}

static void points_come_back(void **state) {
    place *p = *state;
    const float matrix[6] = { 0.8f, -0.3f, 0.1f, 0.3f, 0.8f, -0.2f },
                points[6] = { 10, 20, 100.5f, 7.25f, 199, 99 };
    float to[6], back[6];
    const atl_warp warp = { SIDE, matrix, NULL };
    ok(p, atl_points_congeal(p->ctx, &warp, 200, 100, points, 3, to));
    ok(p, atl_points_uncongeal(p->ctx, &warp, 200, 100, to, 3, back));
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(back[i] - points[i]) < 1e-4f * 200);
    const float flat[6] = { 0 };
    refused(p, atl_points_congeal(p->ctx, &(atl_warp){ SIDE, flat, NULL }, 200, 100, points, 3, to),
            "no inverse");
    refused(p, atl_points_congeal(p->ctx, &warp, 0, 100, points, 3, to), "0x100");
}

// ---- learning

static double loss_of(place *p, atl_congeal_trainer *t, const float *w, const float *theta) {
    float loss;
    atl_plan_write(t->plan, t->pairs.w, w);
    atl_plan_write(t->plan, t->pairs.psi, &(const float){ 0.3f });
    atl_plan_write(t->plan, t->pairs.theta, theta);
    ok(p, atl_plan_run(t->plan));
    assert_true(atl_plan_read(t->plan, t->loss, &loss));
    return (double)loss;
}

static void shift(place *p, atl_learnt *l, const float *along, double by) {
    atl_params *params = &l->network.params;
    for (size_t i = 0; i < params->total; i++)
        params->data[i] += (float)(by * (double)along[i]);
    atl_resident_renew(p->backend, params->data, ++params->version);
}

// The whole gradient of one network, in the layout of its parameters.
static double read_gradient(place *p, atl_congeal_trainer *t, atl_learnt *l, float *gradient) {
    double squares = 0.0;
    memset(gradient, 0, l->network.params.total * sizeof *gradient);
    for (int i = 0; i < l->n_grads; i++)
        assert_true(
            atl_plan_read(t->plan, l->grads[i], gradient + l->network.params.list[l->which[i]].offset));
    for (size_t i = 0; i < l->network.params.total; i++)
        squares += (double)gradient[i] * (double)gradient[i];
    assert_true(squares > 0.0);
    (void)p;
    return squares;
}

// Along the gradient the loss rises by its square.
static void gradients_are_those_of_the_loss(void **state) {
    place *p = *state;
    atl_congeal_trainer *t;
    const atl_congeal_train_options o = small();
    ok(p, atl_congeal_trainer_make(&p->programs, NULL, &o, &t));
    for (size_t i = 0; i < t->t.network.params.total; i++) // the heads begin with zeros
        t->t.network.params.data[i] += 0.02f * sinf(1.7f * (float)i);
    atl_resident_renew(p->backend, t->t.network.params.data, ++t->t.network.params.version);
    float w[2 * 512],
        theta[12] = { 0.9f, 0.1f, 0.05f, -0.1f, 0.9f, 0.03f, 1.0f, -0.1f, 0.0f, 0.1f, 1.0f, -0.07f };
    assert_true(p->generator.dims.w_dim <= 512);
    for (int i = 0; i < 2 * p->generator.dims.w_dim; i++)
        w[i] = sinf(0.9f * (float)i);
    // Samples that cross from one pixel to the next bend the loss of the transformer; that of the target, which turns
    // but little of it, needs more than the last bits of the loss.
    const double steps_of[] = { 2e-5, 2.5e-3 };
    atl_learnt *list[] = { &t->t, &t->target };
    for (int i = 0; i < 2; i++) {
        float *gradient = malloc(list[i]->network.params.total * sizeof *gradient);
        assert_non_null(gradient);
        loss_of(p, t, w, theta);
        double squares = read_gradient(p, t, list[i], gradient), step = steps_of[i] / sqrt(squares);
        shift(p, list[i], gradient, step);
        double above = loss_of(p, t, w, theta);
        shift(p, list[i], gradient, -2.0 * step);
        double below = loss_of(p, t, w, theta), slope = (above - below) / (2.0 * step);
        shift(p, list[i], gradient, step);
        printf("    %s: %.6g by differences, %.6g\n", i ? "target" : "T", slope, squares);
        assert_true(fabs(slope - squares) < 1e-3 * squares);
        free(gradient);
    }
    atl_congeal_trainer_close(&t);
}

static void learning_goes_on_exactly(void **state) {
    place *p = *state;
    atl_congeal_trainer *t;
    atl_congeal_train_options o = small();
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    steps(p, t, STEPS / 2);
    ok(p, atl_congeal_trainer_save(t, p->file[1]));
    steps(p, t, STEPS);
    const atl_congeal_train_state *s = atl_congeal_trainer_get_state(t);
    assert_int_equal(s->step, STEPS);
    assert_true(s->psi == 0.0 && s->lr > 0.0 && s->lr < o.lr && s->loss > 0.0);
    ok(p, atl_congeal_trainer_save(t, p->file[0]));
    atl_congeal_trainer_close(&t);
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    ok(p, atl_congeal_trainer_restore(t, p->file[1]));
    assert_int_equal(atl_congeal_trainer_get_state(t)->step, STEPS / 2);
    steps(p, t, STEPS);
    ok(p, atl_congeal_trainer_save(t, p->file[1]));
    same_file(p->file[0], p->file[1]);
    atl_congeal_trainer_close(&t);
    o.tv = 17.0;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    refused(p, atl_congeal_trainer_restore(t, p->file[1]), "another tv");
    atl_congeal_trainer_close(&t);
}

static void what_cannot_be_learnt_is_refused(void **state) {
    place *p = *state;
    atl_congeal_trainer *t;
    atl_congeal_train_options o = small();
    o.directions = 5000;
    refused(p, atl_congeal_trainer_open(p->g, &o, &t), "5000 directions");
    o = small();
    o.batch = 0;
    refused(p, atl_congeal_trainer_open(p->g, &o, &t), "of 0 pairs");
    o = small();
    o.lr = NAN;
    refused(p, atl_congeal_trainer_open(p->g, &o, &t), "out of range");
    o = small();
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    char path[1024];
    refused(p, atl_congeal_trainer_restore(t, golden_path(path, "trained", "portraits-64", ".safetensors")),
            "is no alignment");
    atl_congeal_trainer_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_one_leaves_pictures_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(mirror_images_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(points_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_are_those_of_the_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(learning_goes_on_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_learnt_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
