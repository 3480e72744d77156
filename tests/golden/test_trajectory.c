// SPDX-License-Identifier: Apache-2.0
// Thirty-three steps of the official trainer on a tiny StyleGAN2, with every random number recorded, made again by our
// loop: the recipe's phases, Adam and the average of G, with the recorded numbers in place of the drawn ones.
#include "golden.h"

#include "train/trainer.h"

enum { STEPS = 33, BATCH = 4 };

// Losses: relative difference; weights: relative L2 of the way from the start, of the worst tensor.  The
// first steps are the recorded ones to rounding (1e-7 was seen).  Then some activation near zero falls on the
// other side, and because Adam without momentum moves a weight by the rate however small its gradient is,
// each step makes a difference some four times larger, until it is one between two runs.  What is wrong in a
// phase shows before that: a moving mean moved late, or second moments that don't fade where a gradient is
// zero, are 0.1 of the way off after 8 steps.
//
// One weight of FARTHEST may be farther off: where a gradient is within some of Adam's epsilons, 1e-8, of
// zero, its rounding is magnified by up to their inverse, and one such weight of 9216 was 1e-4 of its
// tensor's way.
enum { EXACT_STEPS = 5, FARTHEST = 1000 };
static const double EXACT_BOUND = 1e-5, LATER_BOUND = 0.1;
static const struct {
    int after;
    double bound;
} CHECKPOINTS[] = { { 1, 2e-4 }, { 8, 2e-2 }, { 33, 0.1 } };

static golden *truth;
static char networks_file[1024];

// ---- the recorded networks and numbers in place of new ones

static atl_status open_network(atl_trainer *t, const char *name, atl_network *network) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = name;
    return atl_network_open(t->ctx, networks_file, &o, network);
}

static atl_status networks(atl_trainer *t) {
    ATL_TRY(open_network(t, "G", &t->g));
    return open_network(t, "D", &t->d);
}

// What an input is written with: record number iteration / interval of a tensor.
typedef struct source {
    float *values;
    size_t count; // of all records
    int interval;
    bool image;  // recorded as [n, c, h, w]
    bool stored; // a map [h, w] of the network, the same for all samples and steps
} source;

static source sources[64];
static int n_sources;

static void write_source(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const source *s = d->state;
    const int64_t *dim = d->input->shape.d;
    size_t row = (size_t)atl_shape_count(&d->input->shape);
    if (s->stored) {
        for (int64_t i = 0; i < dim[0]; i++)
            memcpy(room + (size_t)i * s->count, s->values, s->count * sizeof *room);
        atl_plan_write(plan, d->input, room);
        return;
    }
    const float *from = s->values + row * (run->iteration / (uint64_t)s->interval);
    assert_true(from + row <= s->values + s->count);
    int64_t pixels = s->image ? dim[1] * dim[2] : 1, channels = s->image ? dim[3] : 1;
    int64_t samples = (int64_t)row / (pixels * channels);
    for (int64_t i = 0; i < samples; i++)
        for (int64_t q = 0; q < pixels; q++)
            for (int64_t c = 0; c < channels; c++)
                room[(i * pixels + q) * channels + c] = from[(i * channels + c) * pixels + q];
    atl_plan_write(plan, d->input, room);
}

static void put_source(atl_draw *d, float *values, size_t count, int interval, bool stored) {
    source *s = &sources[n_sources++];
    assert_true(n_sources <= 64 && values);
    *s = (source){ values, count, interval, d->input->shape.rank == 4 && !stored, stored };
    d->write = write_source;
    d->state = s;
}

static float *stored_map(const atl_trainer *t, int index, size_t *count) {
    for (size_t i = 0; i < t->g.params.size; i++) {
        const atl_param *q = &t->g.params.list[i];
        size_t length = strlen(q->name), tail = strlen("noise_const");
        if (length < tail || strcmp(q->name + length - tail, "noise_const") != 0 || index--)
            continue;
        float *copy = malloc(q->count * sizeof *copy);
        memcpy(copy, atl_param_data(&t->g.params, q), q->count * sizeof *copy);
        *count = q->count;
        return copy;
    }
    return NULL;
}

static void replace(atl_trainer *t, const atl_phase *p, atl_draw *d) {
    static const struct { const char *phase, *input, *tensor; } RECORDED[] = {
        { "Gmain", "z", "z.gmain" }, { "Greg", "z", "z.greg" },          { "Dmain", "z", "z.dmain" },
        { "Dmain", "real", "real" }, { "Greg", "pl_noise", "pl.noise" }, { "Dreg", "real", "real" },
    };
    size_t count = 0;
    int map;
    if (sscanf(d->name, "noise.%d", &map) == 1) {
        float *values = stored_map(t, map, &count);
        put_source(d, values, count, 1, true);
        return;
    }
    for (size_t i = 0; i < sizeof RECORDED / sizeof *RECORDED; i++)
        if (!strcmp(p->row->name, RECORDED[i].phase) && !strcmp(d->name, RECORDED[i].input)) {
            bool real = !strcmp(d->name, "real"); // both phases of D see the step's pictures
            float *values = golden_read(truth, RECORDED[i].tensor, &count);
            put_source(d, values, count, real ? 1 : p->row->interval, false);
            return;
        }
    assert_true(!strcmp(d->name, "pl_mean") || !strcmp(d->name, "pl_decay")); // the trainer's own
}

static atl_trainer *open_trainer(atl_ctx *ctx, const atl_recipe *recipe) {
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 16;
    o.batch = BATCH;
    o.gamma = 0.5;
    o.glr = o.dlr = 0.0025;
    o.pl_weight = 2.0;
    o.style_mixing_prob = 0.0;
    o.ema_kimg = 1.25;
    o.ema_rampup = 0.05;
    o.aug = ATL_AUG_NONE;
    if (atl_trainer_open_with(ctx, &o, recipe, &t) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    for (int k = 0; k < t->n_phases; k++)
        for (int i = 0; i < t->phases[k].n_draws; i++)
            replace(t, &t->phases[k], &t->phases[k].draws[i]);
    return t;
}

// ---- comparing

static double bound_of(const atl_trainer *t) { // the step is done
    return t->state.iteration <= EXACT_STEPS ? EXACT_BOUND : LATER_BOUND;
}

// Mean of a statistic of the step against number `index` of a recorded list.
static double compare(const atl_trainer *t, const char *stat, const char *tensor, int index) {
    size_t count;
    atl_train_sum s = atl_trainer_step_stat(t, stat);
    float *want = golden_read(truth, tensor, &count);
    assert_true(s.count > 0.0 && (size_t)index < count);
    double e = fabs(s.sum / s.count / (double)want[index] - 1.0);
    free(want);
    if (!(e <= bound_of(t)))
        fail_msg("step %d: %s is %.3g away from the recorded number", (int)t->state.iteration, stat, e);
    return e;
}

static double compare_step(const atl_trainer *t, int step) {
    double worst = fmax(compare(t, "Loss/G/loss", "loss.g", step), compare(t, "Loss/D/loss", "loss.d", step));
    if (step % 4 == 0) {
        size_t count;
        worst = fmax(worst, compare(t, "Loss/pl_penalty", "pl.penalty", step / 4));
        float *mean = golden_read(truth, "pl.mean", &count);
        double e = fabs(t->state.pl_mean / (double)mean[step / 4] - 1.0);
        free(mean);
        assert_true(e <= bound_of(t));
        worst = fmax(worst, e);
    }
    return step % 16 ? worst : fmax(worst, compare(t, "Loss/r1_penalty", "r1.penalty", step / 16));
}

static int smallest_first(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// The way that each tensor went, against the recorded one.
static int compare_weights(const char *prefix, const atl_params *now, const atl_params *start, double bound,
                           double *worst) {
    int checked = 0;
    for (size_t i = 0; i < now->size; i++) {
        const atl_param *q = &now->list[i];
        char tensor[256];
        size_t count;
        if (q->buffer)
            continue;
        snprintf(tensor, sizeof tensor, "%s.%s", prefix, q->name);
        float *want = golden_read(truth, tensor, &count);
        assert_true(want && count == q->count);
        const float *x = atl_param_data(now, q), *s = atl_param_data(start, &start->list[i]);
        double error = 0.0, way = 0.0, *squares = malloc(count * sizeof *squares);
        assert_non_null(squares);
        for (size_t k = 0; k < count; k++) {
            double e = (double)x[k] - (double)want[k], w = (double)want[k] - (double)s[k];
            squares[k] = e * e;
            way += w * w;
        }
        qsort(squares, count, sizeof *squares, smallest_first);
        for (size_t k = 0; k < count - count / FARTHEST; k++)
            error += squares[k];
        free(squares);
        free(want);
        double e = way > 0.0 ? sqrt(error / way) : error > 0.0 ? INFINITY : 0.0;
        if (!(e <= bound))
            fail_msg("%s is %.3g of its way from where the recorded one is (at most %.0e)", tensor, e, bound);
        *worst = fmax(*worst, e);
        checked++;
    }
    return checked;
}

static void compare_all(atl_trainer *t, const atl_network *g, const atl_network *d) {
    int step = (int)t->state.iteration;
    for (size_t i = 0; i < sizeof CHECKPOINTS / sizeof *CHECKPOINTS; i++) {
        char prefix[32];
        double worst_g = 0.0, worst_d = 0.0, worst_e = 0.0, bound = CHECKPOINTS[i].bound;
        if (CHECKPOINTS[i].after != step)
            continue;
        atl_trainer_fetch(t);
        snprintf(prefix, sizeof prefix, "after%d.G", step);
        assert_true(compare_weights(prefix, &t->g.params, &g->params, bound, &worst_g) > 20);
        snprintf(prefix, sizeof prefix, "after%d.D", step);
        assert_true(compare_weights(prefix, &t->d.params, &d->params, bound, &worst_d) > 10);
        if (step == STEPS)
            assert_true(compare_weights("after33.E", &t->g_ema.params, &g->params, bound, &worst_e) > 20);
        printf("    after %2d steps: G %.1e, D %.1e, average of G %.1e of the way (at most %.0e)\n", step, worst_g,
               worst_d, worst_e, bound);
    }
}

static void the_official_steps(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_network g, d;
    double worst[2] = { 0.0 };
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    golden_path(networks_file, "trajectory", "sg2-16-seed0", ".pkl");
    truth = golden_open(ctx, "trajectory", "sg2-16-seed0", ".safetensors");
    atl_recipe recipe = atl_recipe_stylegan2;
    recipe.networks = networks;
    atl_trainer *t = open_trainer(ctx, &recipe);
    assert_int_equal(atl_network_copy(&t->g, &g), ATL_OK);
    assert_int_equal(atl_network_copy(&t->d, &d), ATL_OK);
    for (int step = 0; step < STEPS; step++) {
        if (atl_trainer_step(t) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        double e = compare_step(t, step);
        worst[step >= EXACT_STEPS] = fmax(worst[step >= EXACT_STEPS], e);
        compare_all(t, &g, &d);
    }
    printf("    losses and penalties: of the first %d steps %.1e (at most %.0e), then %.1e (at most %.0e)\n",
           EXACT_STEPS, worst[0], EXACT_BOUND, worst[1], LATER_BOUND);
    atl_network_clear(&g);
    atl_network_clear(&d);
    atl_trainer_close(&t, 0);
    golden_close(&truth, NULL);
    for (int i = 0; i < n_sources; i++)
        free(sources[i].values);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_official_steps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
