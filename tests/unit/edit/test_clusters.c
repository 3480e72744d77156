// SPDX-License-Identifier: Apache-2.0
// Clusters and mirror images in learning to align: the better of both sides counts, a classifier learns to say
// which it is, goes on exactly, and sorts pictures.
#include "learnt.h"

enum { WIDTH_MOST = 512, JUDGED = 4 };

static const float THETA[] = { 0.9f, 0.1f, 0.05f, -0.1f, 0.9f, 0.03f, 1.0f, -0.1f, 0.0f, 0.1f, 1.0f, -0.07f };

// Heads begin with zeros: all alike.
static void stir(place *p, atl_params *params) {
    for (size_t i = 0; i < params->total; i++)
        params->data[i] += 0.05f * sinf(1.7f * (float)i);
    atl_resident_renew(p->backend, params->data, ++params->version);
}

static void fill_w(const place *p, float *w) {
    assert_true(p->generator.dims.w_dim <= WIDTH_MOST);
    for (int i = 0; i < 2 * p->generator.dims.w_dim; i++)
        w[i] = sinf(0.9f * (float)i);
}

static void give(atl_plan *plan, const atl_pairs *pairs, const float *w, const float *theta) {
    atl_plan_write(plan, pairs->w, w);
    atl_plan_write(plan, pairs->psi, &(const float){ 0.0f });
    atl_plan_write(plan, pairs->theta, theta);
}

// The least distance of one pair, jittered by theta [2, 3].
static double least(place *p, int flips, int mirror) {
    atl_congeal_train_options o = small();
    atl_congeal_trainer *t;
    float w[2 * WIDTH_MOST], theta[6], likely;
    o.batch = 1;
    o.flips = flips;
    ok(p, atl_congeal_trainer_make(&p->programs, NULL, &o, &t));
    stir(p, &t->t.network.params);
    fill_w(p, w);
    for (int i = 0; i < 6; i++)
        theta[i] = (mirror && i % 3 == 0 ? -1.0f : 1.0f) * THETA[i];
    give(t->plan, &t->pairs, w, theta);
    ok(p, atl_plan_run(t->plan));
    assert_true(atl_plan_read(t->plan, t->likely, &likely));
    atl_congeal_trainer_close(&t);
    return (double)likely;
}

static void the_better_side_counts(void **state) {
    place *p = *state;
    double one = least(p, 0, 0), other = least(p, 0, 1), both = least(p, 1, 0), turned = least(p, 1, 1);
    double better = one < other ? one : other;
    printf("    as it is %.6g, mirrored %.6g, with both %.6g\n", one, other, both);
    assert_true(fabs(one - other) > 1e-3 * one); // they are not alike
    assert_true(fabs(both - better) < 1e-5 * better && fabs(turned - better) < 1e-5 * better); // sums of float32
}

static double entropy_of(place *p, atl_congeal_trainer *t, const float *w) {
    atl_judging *j = &t->judging;
    float entropy;
    give(j->plan, &j->pairs, w, THETA);
    ok(p, atl_plan_run(j->plan));
    assert_true(atl_plan_read(j->plan, j->entropy, &entropy));
    return (double)entropy;
}

static atl_congeal_train_options judged(void) {
    atl_congeal_train_options o = small();
    o.flips = 1;
    o.classifier_steps = JUDGED;
    return o;
}

static void gradients_of_the_classifier_are_differences(void **state) {
    place *p = *state;
    const atl_congeal_train_options o = judged();
    atl_congeal_trainer *t;
    float w[2 * WIDTH_MOST];
    ok(p, atl_congeal_trainer_make(&p->programs, NULL, &o, &t));
    stir(p, &t->average.params);
    steps(p, t, STEPS + 1); // the plan is there
    fill_w(p, w);
    atl_learnt *l = &t->judging.net;
    atl_params *params = &l->network.params;
    float *gradient = calloc(params->total, sizeof *gradient);
    assert_non_null(gradient);
    double loss = entropy_of(p, t, w), squares = 0.0, mean = 0.0;
    for (int i = 0; i < l->n_grads; i++)
        assert_true(atl_plan_read(t->judging.plan, l->grads[i], gradient + params->list[l->which[i]].offset));
    for (size_t i = 0; i < params->total; i++)
        squares += (double)gradient[i] * (double)gradient[i];
    assert_true(loss > 0.0 && squares > 0.0);
    for (int k = 1; k <= 8; k++) { // rounding, and bends of the activations, go either way
        double sides[2], h = 1e-4 * k * loss / squares;
        for (int side = 0; side < 2; side++) {
            double by = side ? -h : h;
            for (size_t i = 0; i < params->total; i++)
                params->data[i] = (float)((double)params->data[i] + by * (double)gradient[i]);
            atl_resident_renew(p->backend, params->data, ++params->version);
            sides[side] = entropy_of(p, t, w);
            for (size_t i = 0; i < params->total; i++)
                params->data[i] = (float)((double)params->data[i] - by * (double)gradient[i]);
        }
        mean += ((sides[0] - sides[1]) / (2.0 * h) / squares - 1.0) / 8.0;
    }
    printf("    cross entropy %.4f, gradient %.4g, off by %.1e\n", loss, sqrt(squares), fabs(mean));
    assert_true(fabs(mean) < 1e-3);
    free(gradient);
    atl_congeal_trainer_close(&t);
}

// Stopped in either stage, and with the same trainer gone back to the first one.
static void the_classifier_goes_on_exactly(void **state) {
    place *p = *state;
    static const int stops[] = { STEPS / 2, STEPS, STEPS + 1 };
    atl_congeal_train_options o = judged();
    atl_congeal_trainer *t, *again;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    steps(p, t, STEPS + JUDGED);
    const atl_congeal_train_state *s = atl_congeal_trainer_get_state(t);
    assert_int_equal(s->step, STEPS + JUDGED);
    assert_int_equal(s->steps, STEPS + JUDGED);
    assert_true(s->entropy > 0.0 && s->right >= 0.0 && s->right <= 1.0);
    ok(p, atl_congeal_trainer_save(t, p->file[0]));
    for (int i = 0; i < 3; i++) {
        ok(p, atl_congeal_trainer_open(p->g, &o, &again));
        steps(p, again, stops[i]);
        ok(p, atl_congeal_trainer_save(again, p->file[1]));
        atl_congeal_trainer_close(&again);
        ok(p, atl_congeal_trainer_restore(t, p->file[1]));
        assert_int_equal(s->step, stops[i]);
        steps(p, t, STEPS + JUDGED);
        ok(p, atl_congeal_trainer_save(t, p->file[1]));
        same_file(p->file[0], p->file[1]);
    }
    atl_congeal_trainer_close(&t);
    // more steps of the classifier may be asked for later, and fewer than were made may not
    o.classifier_steps = 2 * JUDGED;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    ok(p, atl_congeal_trainer_restore(t, p->file[1]));
    steps(p, t, 2 * JUDGED);
    assert_int_equal(atl_congeal_trainer_get_state(t)->step, STEPS + 2 * JUDGED);
    atl_congeal_trainer_close(&t);
    o.classifier_steps = 1;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    refused(p, atl_congeal_trainer_restore(t, p->file[1]), "has made 10 steps");
    atl_congeal_trainer_close(&t);
    o = small();
    o.heads = 1;
    o.classifier_steps = JUDGED;
    refused(p, atl_congeal_trainer_open(p->g, &o, &t), "nothing to tell apart");
}

// Pictures are sorted as the network itself says.
static void pictures_are_sorted(void **state) {
    place *p = *state;
    enum { N = 5, HEADS = 2 };
    const atl_congeal_train_options o = judged();
    atl_congeal_trainer *t;
    atl_congealer *c;
    atl_model *aligner, *classifier;
    atl_model_options net = ATL_MODEL_OPTIONS_INIT;
    float inputs[N * 3 * SIDE * SIDE], logits[N * 2 * HEADS];
    int head[N], flipped[N], alone[N];
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    steps(p, t, STEPS + JUDGED);
    ok(p, atl_congeal_trainer_save(t, p->file[1]));
    atl_congeal_trainer_close(&t);
    net.net = "T_ema";
    ok(p, atl_model_open(p->ctx, p->file[1], &net, &aligner));
    net.net = "classifier";
    ok(p, atl_model_open(p->ctx, p->file[1], &net, &classifier));
    ok(p, atl_congealer_open(aligner, NULL, &c));
    for (int i = 0; i < N * 3 * SIDE * SIDE; i++)
        inputs[i] = sinf(0.13f * (float)i * (float)(1 + i / (3 * SIDE * SIDE)));
    ok(p, atl_congealer_classify(c, classifier, N, inputs, head, flipped));
    ok(p, atl_congealer_classify(c, classifier, N, inputs, alone, NULL));
    const atl_array in = { "img", ATL_F32, 4, { N, 3, SIDE, SIDE }, inputs };
    atl_arrays *results;
    ok(p, atl_model_run(classifier, "classify", &in, 1, NULL, &results));
    atl_array_read_f32(atl_arrays_find(results, "logits"), 0, N * 2 * HEADS, logits);
    atl_arrays_close(&results);
    for (int i = 0; i < N; i++) {
        int best = 0;
        for (int k = 1; k < 2 * HEADS; k++)
            best = logits[i * 2 * HEADS + k] > logits[i * 2 * HEADS + best] ? k : best;
        assert_int_equal(head[i], best % HEADS);
        assert_int_equal(flipped[i], best / HEADS);
        assert_int_equal(alone[i], head[i]);
    }
    refused(p, atl_congealer_classify(c, p->g, N, inputs, head, NULL), "classif");
    atl_congealer_close(&c);
    atl_model_close(&classifier);
    atl_model_close(&aligner);
}

// Where two clusters begin, in the numbers of the directions: [2, directions]
static void centres(place *p, atl_model *lpips, float *to) {
    atl_congeal_train_options o = small();
    atl_congeal_trainer *t;
    o.lpips = lpips;
    o.seed = 9;
    ok(p, atl_congeal_trainer_open(p->g, &o, &t));
    const atl_params *params = &t->target.network.params;
    const atl_param *q = atl_params_find(params, "coefficients");
    assert_int_equal(q->count, 2 * o.directions);
    memcpy(to, atl_param_data(params, q), q->count * sizeof *to);
    atl_congeal_trainer_close(&t);
}

// The same chances, of distances that LPIPS says or that pixels say: the first centre is the same, the other is not.
static void clusters_begin_apart_by_lpips(void **state) {
    place *p = *state;
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *lpips;
    float by_pixels[6], by_lpips[6];
    o.cfg = "lpips-vgg";
    o.resolution = SIDE;
    ok(p, atl_model_init(p->ctx, &o, &lpips));
    centres(p, NULL, by_pixels);
    centres(p, lpips, by_lpips);
    assert_memory_equal(by_lpips, by_pixels, 3 * sizeof *by_lpips);
    assert_memory_not_equal(by_lpips + 3, by_pixels + 3, 3 * sizeof *by_lpips);
    assert_memory_not_equal(by_lpips + 3, by_lpips, 3 * sizeof *by_lpips);
    atl_model_close(&lpips);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_better_side_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_of_the_classifier_are_differences, setup, teardown),
        cmocka_unit_test_setup_teardown(the_classifier_goes_on_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(pictures_are_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(clusters_begin_apart_by_lpips, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
