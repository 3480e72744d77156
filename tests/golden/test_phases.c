// SPDX-License-Identifier: Apache-2.0
// The phases of training as the trainer builds and runs them, against gradients that the official networks
// and losses gave: G main, path length, R1, with the recorded inputs in place of the drawn ones.  For
// StyleGAN3 also what its running means follow.
#include "phases.h"

static void end(scene *s) {
    static const char *const of_test_gradients[] = { "dmain.", "fake", "gpl.lengths", "dr1.penalty", NULL };
    close_scene(s, of_test_gradients);
}

static void write_z(scene *s, const atl_phase *p, atl_plan *plan) {
    size_t count;
    const atl_draw *latents = atl_draw_find(p, "z");
    float *z = latents ? golden_read(s->truth, "z", &count) : NULL;
    if (latents)
        atl_plan_write(plan, latents->input, z);
    free(z);
    const atl_draw *transform = atl_draw_find(p, "transform"); // written from the network's own
    if (transform)
        atl_plan_write(plan, transform->input, transform->state);
}

static int stored_maps(const atl_params *params) {
    int count = 0;
    for (size_t i = 0; i < params->size; i++)
        count += atl_ends_in(params->list[i].name, "noise_const");
    return count;
}

// The mean of path lengths was recorded as a constant: its decay is 0 here.
static void check_phase(scene *s, const char *phase, const char *prefix, const char *real) {
    atl_train_options o;
    atl_phase p;
    atl_train_options_init(&o, sizeof o);
    o.gamma = 3.0;
    o.pl_weight = 2.0;
    o.style_mixing_prob = 0.0;
    char tensor[256];
    size_t count = 0;
    void *block = make_phase(s, phase, &o, &p);
    float mean = 0.25f, decay = 0.0f, loss;
    write_z(s, &p, p.plan);
    write_recorded(s, &p, "c", "c");
    write_recorded(s, &p, "real", real);
    write_recorded(s, &p, "real_c", "c");
    write_recorded(s, &p, "pl_noise", "gpl.noise");
    if (atl_draw_find(&p, "pl_mean")) {
        atl_plan_write(p.plan, atl_draw_find(&p, "pl_mean")->input, &mean);
        atl_plan_write(p.plan, atl_draw_find(&p, "pl_decay")->input, &decay);
    }
    int maps = write_noise(s, &p);
    assert_true(maps == 0 || maps == stored_maps(&s->g.params));
    float *sum = run_phase(s, &p, prefix, &loss);
    int checked = 0;
    double worst = 0.0;
    for (size_t i = 0; i < p.trained->params.size; i++) {
        const atl_param *q = &p.trained->params.list[i];
        snprintf(tensor, sizeof tensor, "%s.grad.%s", prefix, q->name);
        bool recorded = golden_has(s->truth, tensor);
        for (size_t k = 0; !recorded && k < q->count; k++)
            assert_true(sum[q->offset + k] == 0.0f);
        if (!recorded)
            continue;
        float *truth = golden_read(s->truth, tensor, &count);
        worst = fmax(worst, check_gradient(tensor, sum + q->offset, truth, count));
        checked++;
        free(truth);
    }
    printf("    %-8s %d gradients, worst %.2e (at most %.0e)\n", phase, checked, worst,
           F32_GRADIENT);
    assert_true(checked > 10);
    s->backend->release(s->backend, block);
    free(sum);
    atl_phase_clear(&p);
}

static void check_case(const char *name) {
    scene s;
    open_scene(&s, &atl_recipe_stylegan2, "stylegan", name);
    check_phase(&s, "Gmain", "gmain", NULL);
    check_phase(&s, "Greg", "gpl", NULL);
    check_phase(&s, "Dreg", "dr1", "real");
    end(&s);
}

static void unconditional(void **state) {
    (void)state;
    check_case("sg2-32");
}

static void conditional(void **state) {
    (void)state;
    check_case("sg2-64-cond");
}

// The result of a layer of G.
static const atl_node *layer_named(const atl_graph *g, const char *name) {
    for (int i = 0; i < g->size; i++)
        if (g->nodes[i]->name && !strcmp(g->nodes[i]->name, name))
            return g->nodes[i];
    fail_msg("there is no layer %s", name);
    return NULL;
}

static double mean_square(const atl_plan *plan, const atl_node *x) {
    size_t count = (size_t)atl_shape_count(&x->shape);
    float *v = malloc(count * sizeof *v);
    double sum = 0.0;
    assert_non_null(v);
    assert_true(atl_plan_read(plan, x, v));
    for (size_t i = 0; i < count; i++)
        sum += (double)v[i] * (double)v[i];
    free(v);
    return sum / (double)count;
}

// Behind w, the sum over samples of the mean square of each layer's input: of the layer before it, which a
// plan of its own gives here.
static void check_means(scene *s, const atl_phase *p) {
    enum { MOST = 40 };
    atl_node *inputs[MOST + 1];
    char name[256] = "G.synthesis.input";
    int n = 0, w_dim = s->g.dims.w_dim;
    for (size_t i = 0; i < s->g.params.size; i++) {
        const char *tail = strstr(s->g.params.list[i].name, ".magnitude_ema");
        if (!tail)
            continue;
        assert_true(n < MOST);
        inputs[n++] = (atl_node *)layer_named(&p->graph, name);
        snprintf(name, sizeof name, "G.%.*s", (int)(tail - s->g.params.list[i].name),
                 s->g.params.list[i].name);
    }
    assert_int_equal(atl_phase_sum_size(p), w_dim + n);
    assert_true(n > 5);
    float *sum = malloc(atl_phase_sum_size(p) * sizeof *sum);
    assert_non_null(sum);
    assert_true(atl_plan_read(p->plan, p->sum, sum));
    atl_plan *plan;
    if (atl_plan_make((atl_graph *)&p->graph, s->backend, inputs, n, NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    write_z(s, p, plan);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    for (int i = 0; i < n; i++) {
        double truth = mean_square(plan, inputs[i]), ours = (double)sum[w_dim + i] / BATCH;
        if (!(fabs(ours - truth) <= F32_LOSS * truth))
            fail_msg("layer %d: its input's mean square is %.9g, not %.9g", i, truth, ours);
    }
    atl_plan_close(&plan);
    free(sum);
}

static void stylegan3(void **state) {
    (void)state;
    scene s;
    open_scene(&s, &atl_recipe_stylegan3, "stylegan", "sg3-t-32");
    check_phase(&s, "Gboth", "gmain", NULL);
    check_phase(&s, "Dreg", "dr1", "real");
    end(&s);
}

static void stylegan3_means(void **state) {
    (void)state;
    scene s;
    atl_train_options o;
    atl_phase p;
    open_scene(&s, &atl_recipe_stylegan3, "stylegan", "sg3-t-32");
    atl_train_options_init(&o, sizeof o);
    o.style_mixing_prob = o.blur_init_sigma = 0.0;
    void *block = make_phase(&s, "Dmain", &o, &p);
    write_z(&s, &p, p.plan);
    size_t count;
    float *real = golden_read(s.truth, "real", &count); // any picture: D has no part in this
    atl_plan_write(p.plan, atl_draw_find(&p, "real")->input, real);
    free(real);
    assert_int_equal(atl_plan_run(p.plan), ATL_OK);
    check_means(&s, &p);
    s.backend->release(s.backend, block);
    atl_phase_clear(&p);
    static const char *const not_here[] = { "gmain.", "dmain.", "dr1.", "fake", NULL };
    close_scene(&s, not_here);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(unconditional), cmocka_unit_test(conditional),
                                        cmocka_unit_test(stylegan3), cmocka_unit_test(stylegan3_means) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
