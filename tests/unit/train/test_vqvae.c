// SPDX-License-Identifier: Apache-2.0
// Training of VQ-VAE and VQ-VAE-2, small: gradients against central differences and against straight loops,
// what becomes of codebooks in a step, codes that begin anew, what is refused.
//
// Differences see what stands behind the last codes.  What stands before them has a gradient that goes
// through rounding as if it were none, which no difference shows.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "train/trainer.h"

enum { SIDE = 16, CODES = 12, WIDTH = 16, BATCH = 4, PARTS = 4, COUNT_MOST = BATCH * 16 * WIDTH };
// Losses change by these parts of them: see test_biggan.c.
static const double PART[PARTS] = { 5e-5, 1e-4, 2e-4, 3e-4 }, BOUND = 1e-3;

static void ok(const atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.direct = 1; // more exact
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

static atl_train_options small(const char *cfg, const char *codebook, double restart) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.codebook = codebook;
    o.restart = restart;
    o.resolution = SIDE;
    o.channel_base = WIDTH;
    o.channel_max = CODES;
    o.batch = BATCH;
    o.glr = 1e-3;
    return o;
}

static float *values(const atl_network *n, const char *name, size_t *count) {
    const atl_param *p = atl_params_find(&n->params, name);
    size_t unused;
    assert_non_null(p);
    *(count ? count : &unused) = p->count;
    return atl_param_data(&n->params, p);
}

// New codebooks are far from what encoders make, and one code would take all: codes become vectors around 0.
static void spread(atl_trainer *t) {
    static const char *const names[] = { "embedding.weight", "quantize_t.embed", "quantize_b.embed" };
    for (int i = 0; i < 3; i++) {
        const atl_param *p = atl_params_find(&t->g.params, names[i]);
        if (p)
            atl_philox_normal(11, (uint64_t)i, 0, p->count, atl_param_data(&t->g.params, p));
        for (size_t k = 0; p && k < p->count; k++)
            atl_param_data(&t->g.params, p)[k] *= 0.1f;
    }
    t->g.params.version++;
}

static atl_trainer *open_trainer(atl_ctx *ctx, const char *cfg, const char *codebook, double restart) {
    atl_train_options o = small(cfg, codebook, restart);
    atl_trainer *t;
    ok(ctx, atl_trainer_open(ctx, &o, &t));
    ok(ctx, atl_trainer_memory(t));
    spread(t);
    atl_philox_normal(7, 1, 0, BATCH * 3 * SIDE * SIDE, t->reals);
    return t;
}

// ---- what the network makes of the pictures of a step

typedef struct seen {
    float codes[BATCH * 32], z[2][COUNT_MOST]; // [BATCH, codes of all maps]; by level [BATCH, dim, h, w]
    int count, dim;                            // codes of a picture; numbers of a vector
} seen;

static void see(atl_trainer *t, const float *reals, bool two, seen *s) {
    static float planar[BATCH * 3 * SIDE * SIDE];
    enum { PIXELS = SIDE * SIDE };
    atl_programs programs;
    atl_program *p;
    for (int i = 0; i < BATCH * PIXELS; i++) // a step has colours last
        for (int k = 0; k < 3; k++)
            planar[(i / PIXELS * 3 + k) * PIXELS + i % PIXELS] = reals[i * 3 + k];
    atl_programs_init(&programs, &t->g, t->backend);
    ok(t->ctx, atl_programs_get(&programs, &(atl_program_key){ .function = "encode", .n = BATCH }, &p));
    ok(t->ctx, atl_program_write(p, "img", BATCH, planar));
    ok(t->ctx, atl_program_run(p));
    ok(t->ctx, atl_program_read(p, "codes", BATCH, s->codes));
    ok(t->ctx, atl_program_read(p, "z", BATCH, s->z[two]));
    if (two)
        ok(t->ctx, atl_program_read(p, "z_top", BATCH, s->z[0]));
    atl_programs_clear(&programs);
    s->count = two ? 20 : 16;
    s->dim = two ? WIDTH / 2 : WIDTH;
}

// Vector and code of place `at` of a map of `size` places, of picture n.
static float vector_at(const seen *s, int level, int size, int n, int at, int d) {
    return s->z[level][(n * s->dim + d) * size + at];
}

static int code_at(const seen *s, int first, int n, int at) {
    return (int)s->codes[n * s->count + first + at];
}

// ---- gradients

typedef struct bench {
    atl_trainer *t;
    atl_phase *p;
    float *sum, *unused, *before;
} bench;

static double report(const bench *b, const char *stat) {
    for (int i = 0; i < b->p->n_reports; i++)
        if (!strcmp(b->p->reports[i].stat, stat)) {
            float mean;
            assert_true(atl_plan_read(b->p->plan, b->p->reports[i].node, &mean));
            return (double)mean;
        }
    fail_msg("%s is not reported", stat);
    return 0;
}

static double distance(bench *b, float *gradient) {
    atl_draw_run run = { .trainer = b->t, .phase = b->p->number, .seed = 3, .step = 1, .n = b->p->n };
    run.team = b->t->team;
    atl_draw_inputs(&run, b->p, b->p->plan, b->t->scratch);
    ok(b->t->ctx, atl_phase_run(b->p, 1.0f, gradient));
    return report(b, "Loss/G/distance");
}

static void open_bench(bench *b, atl_trainer *t) {
    size_t total = t->g.params.total;
    *b = (bench){ .t = t, .p = &t->phases[0] };
    b->sum = calloc(total, sizeof *b->sum);
    b->unused = calloc(total, sizeof *b->unused);
    b->before = malloc(total * sizeof *b->before);
    assert_true(b->sum && b->unused && b->before);
    atl_plan_attach(b->p->plan, t->block);
    memcpy(b->before, t->g.params.data, total * sizeof *b->before);
}

static void close_bench(bench *b) {
    free(b->before);
    free(b->unused);
    free(b->sum);
    atl_trainer_close(&b->t, 0);
}

static bool is_behind(const char *name) {
    return !strncmp(name, "decoder.", 8) || !strncmp(name, "dec.", 4) || !strncmp(name, "upsample_t.", 11);
}

static void check_gradient(atl_ctx *ctx, const char *cfg, const char *codebook) {
    bench b;
    open_bench(&b, open_trainer(ctx, cfg, codebook, 0.0));
    atl_params *params = &b.t->g.params;
    double loss = distance(&b, b.sum), squares = 0, mean = 0;
    for (size_t i = 0; i < params->size; i++)
        for (size_t k = 0; k < params->list[i].count; k++) {
            float *g = &b.sum[params->list[i].offset + k];
            *g = is_behind(params->list[i].name) ? *g : 0.0f;
            squares += (double)*g * (double)*g;
        }
    assert_true(loss > 0.01 && squares > 0);
    for (int k = 0; k < PARTS; k++) {
        double h = PART[k] * loss / squares, sides[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < params->total; i++)
                params->data[i] = (float)((double)b.before[i] + (side ? -h : h) * (double)b.sum[i]);
            params->version++;
            sides[side] = distance(&b, b.unused);
        }
        mean += ((sides[0] - sides[1]) / (2.0 * h) / squares - 1.0) / PARTS;
    }
    printf("    %-7s distance %.3g, gradient %.3g, off by %.1e (at most %.0e)\n", cfg, loss, sqrt(squares),
           fabs(mean), BOUND);
    assert_true(fabs(mean) <= BOUND);
    close_bench(&b);
}

static void gradients_are_differences(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    check_gradient(ctx, "vqvae", "loss");
    check_gradient(ctx, "vqvae", "ema");
    check_gradient(ctx, "vqvae2", "auto");
    atl_ctx_close(&ctx);
}

// A codebook that is trained is drawn to the vectors that its codes stand for, by the mean of their squares
// alone: nothing of the picture's gradient comes to it.
static void codes_are_drawn_to_vectors(void **state) {
    (void)state;
    bench b;
    seen s;
    atl_ctx *ctx = open_ctx();
    open_bench(&b, open_trainer(ctx, "vqvae", "loss", 0.0));
    distance(&b, b.sum);
    double codes = report(&b, "Loss/G/codes"), truth[CODES * WIDTH] = { 0 }, far = 0, off = 0, all = 0;
    see(b.t, b.t->reals, false, &s);
    const float *book = values(&b.t->g, "embedding.weight", NULL);
    for (int n = 0; n < BATCH; n++)
        for (int at = 0; at < 16; at++)
            for (int d = 0; d < WIDTH; d++) {
                int code = code_at(&s, 0, n, at) * WIDTH + d;
                double e = (double)book[code] - (double)vector_at(&s, 0, 16, n, at, d);
                far += e * e / (BATCH * 16 * WIDTH);
                truth[code] += 2.0 * e / (BATCH * 16 * WIDTH);
            }
    const float *found = b.sum + atl_params_find(&b.t->g.params, "embedding.weight")->offset;
    for (int i = 0; i < CODES * WIDTH; i++) {
        off = fmax(off, fabs((double)found[i] - truth[i]));
        all = fmax(all, fabs(truth[i]));
    }
    printf("    of the codebook: %.1e of %.1e\n", off, all);
    assert_true(all > 0 && off <= 1e-5 * all); // of float32 sums over some hundred numbers
    assert_true(fabs(codes / (1.25 * far) - 1.0) < 1e-5); // itself, and commitment's quarter
    close_bench(&b);
    atl_ctx_close(&ctx);
}

// ---- codebooks

// The step's own pictures: without a set they are those that the trainer had drawn.
static void check_book(atl_trainer *t, const seen *s, const char *scope, int level, int first, int size) {
    char name[64];
    bool two = strcmp(scope, "embedding") != 0;
    double counts[CODES], sums[CODES * WIDTH] = { 0 }, all = 0, worst = 0;
    for (int k = 0; k < CODES; k++)
        counts[k] = 0.99; // they begin as 1
    for (int n = 0; n < BATCH; n++)
        for (int at = 0; at < size; at++) {
            int code = code_at(s, first, n, at);
            counts[code] += 0.01;
            for (int d = 0; d < s->dim; d++)
                sums[code * s->dim + d] += 0.01 * (double)vector_at(s, level, size, n, at, d);
        }
    for (int k = 0; k < CODES; k++)
        all += counts[k];
    snprintf(name, sizeof name, "%s.cluster_size", scope);
    const float *of_size = values(&t->g, name, NULL);
    snprintf(name, sizeof name, "%s.%s", scope, two ? "embed" : "weight");
    const float *book = values(&t->g, name, NULL);
    for (int k = 0; k < CODES; k++) {
        assert_true(fabs((double)of_size[k] - counts[k]) < 1e-5);
        for (int d = 0; d < s->dim; d++) { // embed_avg was 0 before
            double even = (counts[k] + 1e-5) / (all + CODES * 1e-5) * all;
            double truth = sums[k * s->dim + d] / even, found = (double)book[two ? d * CODES + k : k * s->dim + d];
            worst = fmax(worst, fabs(found - truth));
        }
    }
    printf("    %-11s off by %.1e\n", scope, worst);
    assert_true(worst < 1e-6); // of vectors below 1
}

static void clear_sums(atl_trainer *t, const char *name) {
    size_t count;
    float *sum = values(&t->g, name, &count);
    memset(sum, 0, count * sizeof *sum);
    t->g.params.version++;
}

static void codebooks_follow_what_they_stand_for(void **state) {
    (void)state;
    static seen s;
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = open_trainer(ctx, "vqvae", "ema", 0.0);
    clear_sums(t, "embedding.embed_avg");
    see(t, t->reals, false, &s);
    ok(ctx, atl_trainer_step(t));
    check_book(t, &s, "embedding", 0, 0, 16);
    atl_trainer_close(&t, 0);
    t = open_trainer(ctx, "vqvae2", "auto", 0.0);
    clear_sums(t, "quantize_t.embed_avg");
    clear_sums(t, "quantize_b.embed_avg");
    see(t, t->reals, true, &s);
    ok(ctx, atl_trainer_step(t));
    check_book(t, &s, "quantize_t", 0, 0, 4);
    check_book(t, &s, "quantize_b", 1, 4, 16);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// A code that nobody uses becomes a vector of the batch, with an equal share; of each map.
static void idle_codes_begin_anew(void **state) {
    (void)state;
    static const char *const scopes[] = { "quantize_t", "quantize_b" };
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = open_trainer(ctx, "vqvae2", "auto", 0.5);
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.cluster_size", scopes[i]);
        values(&t->g, name, NULL)[3] = 0.0f;
        snprintf(name, sizeof name, "%s.embed", scopes[i]);
        for (int d = 0; d < WIDTH / 2; d++)
            values(&t->g, name, NULL)[d * CODES + 3] = 1000.0f; // nothing is near it
    }
    t->g.params.version++;
    ok(ctx, atl_trainer_step(t));
    for (int i = 0; i < 2; i++) {
        char name[64];
        double share = BATCH * (i ? 16.0 : 4.0) / CODES;
        snprintf(name, sizeof name, "%s.cluster_size", scopes[i]);
        assert_true(fabs((double)values(&t->g, name, NULL)[3] / share - 1.0) < 1e-5);
        snprintf(name, sizeof name, "%s.embed", scopes[i]);
        for (int d = 0; d < WIDTH / 2; d++)
            assert_true(fabsf(values(&t->g, name, NULL)[d * CODES + 3]) < 100.0f);
    }
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// ---- refusals

static void refused(atl_ctx *ctx, const atl_train_options *o, const char *why) {
    atl_trainer *t;
    assert_int_not_equal(atl_trainer_open(ctx, o, &t), ATL_OK);
    if (!strstr(atl_message(ctx), why))
        fail_msg("\"%s\" lacks \"%s\"", atl_message(ctx), why);
    atl_message_clear(ctx);
}

static void what_it_has_not_is_refused(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_train_options o = small("vqvae2", "loss", 0.0);
    refused(ctx, &o, "codebook loss: that of cfg vqvae2 moves by running means alone");
    o = small("vqvae", "gumbel", 0.0);
    refused(ctx, &o, "codebook gumbel: that of cfg vqvae");
    o = small("vqvae", "auto", 0.0);
    o.disc_weight = 0.5;
    refused(ctx, &o, "disc-weight: networks of cfg vqvae have none of it");
    o = small("vqvae", "auto", 0.0);
    o.gamma = 1;
    refused(ctx, &o, "gamma");
    o = small("vqvae", "auto", 0.0);
    o.channel_base = 10;
    refused(ctx, &o, "10 channels");
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(codes_are_drawn_to_vectors),
        cmocka_unit_test(codebooks_follow_what_they_stand_for),
        cmocka_unit_test(idle_codes_begin_anew),
        cmocka_unit_test(what_it_has_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
