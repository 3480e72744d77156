// SPDX-License-Identifier: Apache-2.0
// The phases of VQ-GAN and ViT-VQGAN on small networks: gradients against central differences of what they are
// gradients of, with the weight of D as it was; what becomes of the codebook in a step.
//
// Differences see the decoder and D.  The encoder's gradient goes through rounding as if it were none, which
// no difference shows, and the codebook's has a constant on the other side.
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

enum { SIDE = 16, CODES = 16, STEPS = 8 };
// Losses change by these parts of them: see test_biggan.c.  Larger ones turn more signs of x - x'.
static const double PARTS[STEPS] = { 5e-5, 1e-4, 1.2e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4, 4e-4 }, BOUND = 1e-3;

static void ok(const atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static atl_trainer *open_seeing(atl_ctx *ctx, const char *codebook, double restart, double start,
                                const char *lpips, double weight) {
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "vqgan";
    o.resolution = lpips ? 2 * SIDE : SIDE;
    o.perceptual = lpips;
    o.perceptual_weight = weight;
    o.channel_base = 32;
    o.channel_max = CODES;
    o.batch = 4;
    o.codebook = codebook;
    o.restart = restart;
    o.disc_start = start;
    ok(ctx, atl_trainer_open(ctx, &o, &t));
    ok(ctx, atl_trainer_memory(t));
    atl_philox_normal(7, 1, 0, (size_t)t->local * 3 * (size_t)o.resolution * (size_t)o.resolution, t->reals);
    return t;
}

// Three codes for each of four patches, |x - x'| besides.
static atl_trainer *open_vit(atl_ctx *ctx, double start) {
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "vit-vqgan";
    o.resolution = SIDE;
    o.channel_base = 32;
    o.channel_max = CODES;
    o.layers = 2;
    o.heads = 2;
    o.quantizers = 3;
    o.batch = 4;
    o.l1_weight = 0.5;
    o.disc_start = start;
    ok(ctx, atl_trainer_open(ctx, &o, &t));
    ok(ctx, atl_trainer_memory(t));
    atl_philox_normal(7, 1, 0, (size_t)t->local * 3 * SIDE * SIDE, t->reals);
    return t;
}

static bool is_vit(const atl_trainer *t) {
    return t->recipe == &atl_recipe_vit_vqgan;
}

static atl_trainer *open_trainer(atl_ctx *ctx, const char *codebook, double restart, double start) {
    return open_seeing(ctx, codebook, restart, start, NULL, 1.0);
}

// A network of perceptual distances, with any weights.
static void write_lpips(atl_ctx *ctx, const char *path) {
    atl_model *m;
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    o.cfg = "lpips-squeeze";
    o.resolution = 32;
    ok(ctx, atl_model_init(ctx, &o, &m));
    ok(ctx, atl_model_save(m, path, ATL_F32));
    atl_model_close(&m);
}

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.direct = 1; // more exact
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

// ---- gradients

typedef struct bench {
    atl_trainer *t;
    atl_phase p;
    float *sum, *unused, *before;
    void *block;
    double weight; // of D, as it was
} bench;

static double report(const bench *b, const char *stat) { // its mean
    for (int i = 0; i < b->p.n_reports; i++) {
        const atl_node *n = b->p.reports[i].node;
        int64_t count = atl_shape_count(&n->shape);
        double mean = 0;
        if (strcmp(b->p.reports[i].stat, stat) != 0)
            continue;
        assert_true(atl_plan_read(b->p.plan, n, b->t->scratch));
        for (int64_t k = 0; k < count; k++)
            mean += (double)b->t->scratch[k] / (double)count;
        return mean;
    }
    fail_msg("%s is not reported", stat);
    return 0;
}

// What the gradient is that of.
static double objective(bench *b, float *gradient) {
    atl_draw_run run = { .trainer = b->t, .phase = b->p.number, .seed = 3, .step = 1, .n = b->p.n };
    run.team = b->t->team;
    atl_draw_inputs(&run, &b->p, b->p.plan, b->t->scratch);
    ok(b->t->ctx, atl_phase_run(&b->p, 1.0f, gradient));
    if (b->p.trained == &b->t->d)
        return report(b, "Loss/D/loss");
    if (is_vit(b->t))
        return report(b, "Loss/G/distance") +
               (b->t->options.disc_start == 0.0 ? 0.1 * report(b, "Loss/G/loss") : 0.0);
    return report(b, "Loss/G/distance") - b->weight * report(b, "Loss/scores/fake");
}

static bool counts(const bench *b, const atl_param *p) {
    return b->p.trained == &b->t->d || !strncmp(p->name, "decoder.", 8) || !strncmp(p->name, "post_", 5);
}

static double keep_what_counts(bench *b) {
    const atl_params *params = &b->p.trained->params;
    double squares = 0;
    for (size_t i = 0; i < params->size; i++)
        for (size_t k = 0; k < params->list[i].count; k++) {
            float *g = &b->sum[params->list[i].offset + k];
            *g = counts(b, &params->list[i]) ? *g : 0.0f;
            squares += (double)*g * (double)*g;
        }
    return squares;
}

static void move(bench *b, double step) {
    atl_params *params = &b->p.trained->params;
    for (size_t i = 0; i < params->total; i++)
        params->data[i] = (float)((double)b->before[i] + step * (double)b->sum[i]);
    params->version++;
}

static void open_bench(bench *b, atl_trainer *t, int row) {
    const atl_phase_setup setup = {
        .networks = { &t->g, &t->d }, .options = &t->options, .own = t->own, .whole = true
    };
    *b = (bench){ .t = t };
    ok(t->ctx, atl_phase_make(t->ctx, t->backend, t->recipe, row, t->local, &setup, &b->p));
    size_t total = b->p.trained->params.total;
    b->sum = calloc(total, sizeof *b->sum);
    b->unused = calloc(total, sizeof *b->unused);
    b->before = malloc(total * sizeof *b->before);
    b->block = t->backend->alloc(t->backend, atl_phase_bytes(&b->p));
    assert_true(b->sum && b->unused && b->before && b->block);
    atl_plan_attach(b->p.plan, b->block);
    memcpy(b->before, b->p.trained->params.data, total * sizeof *b->before);
}

static void close_bench(bench *b) {
    move(b, 0.0);
    b->t->backend->release(b->t->backend, b->block);
    free(b->before);
    free(b->unused);
    free(b->sum);
    atl_phase_clear(&b->p);
}

static void check_gradient(atl_trainer *t, int row) {
    bench b;
    open_bench(&b, t, row);
    double loss = objective(&b, b.sum), mean = 0;
    if (row == 0 && t->options.disc_start == 0.0 && !is_vit(t)) {
        b.weight = report(&b, "Loss/G/weight");
        assert_true(b.weight > 0.0);
    }
    loss = fmax(fabs(loss), 0.1);
    double squares = keep_what_counts(&b);
    assert_true(squares > 0.0);
    for (int k = 0; k < STEPS; k++) {
        double h = PARTS[k] * loss / squares;
        move(&b, h);
        double above = objective(&b, b.unused);
        move(&b, -h);
        mean += ((above - objective(&b, b.unused)) / (2.0 * h) / squares - 1.0) / STEPS;
    }
    printf("    %-6s from kimg %g: gradient %.3g, off by %.1e (at most %.0e)\n", b.p.row->name,
           t->options.disc_start, sqrt(squares), fabs(mean), BOUND);
    assert_true(fabs(mean) <= BOUND);
    close_bench(&b);
}

static void gradients_are_differences(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = open_trainer(ctx, "loss", 0.0, 0.0);
    check_gradient(t, 0);
    check_gradient(t, 1);
    atl_trainer_close(&t, 0);
    t = open_trainer(ctx, "loss", 0.0, 1000.0); // without D
    check_gradient(t, 0);
    atl_trainer_close(&t, 0);
    t = open_trainer(ctx, "gumbel", 0.0, 0.0); // codes that are drawn, the same each time
    check_gradient(t, 0);
    check_gradient(t, 1);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// Of ViT-VQGAN, too, whose tables of places have none, and stay as they are in a step.
static void patches_have_gradients(void **state) {
    (void)state;
    static const char *const names[] = { "encoder.en_pos_embedding", "decoder.de_pos_embedding" };
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = open_vit(ctx, 1000.0);
    check_gradient(t, 0);
    atl_trainer_close(&t, 0);
    t = open_vit(ctx, 0.0);
    check_gradient(t, 0);
    check_gradient(t, 1);
    for (int k = 0; k < 2; k++) {
        const atl_param *p = atl_params_find(&t->g.params, names[k]);
        assert_non_null(p);
        float *table = atl_param_data(&t->g.params, p), *before = malloc(p->count * sizeof *before);
        assert_non_null(before);
        memcpy(before, table, p->count * sizeof *before);
        ok(ctx, atl_trainer_step(t));
        assert_memory_equal(before, atl_param_data(&t->g.params, p), p->count * sizeof *before);
        free(before);
    }
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// With LPIPS in the distance: gradients are |x - x'|'s and so many times LPIPS's, whose own differences are
// those of test_encoder.c.
static void lpips_counts_by_its_weight(void **state) {
    (void)state;
    static const char file[] = "vqgan-lpips.safetensors";
    atl_ctx *ctx = open_ctx();
    atl_trainer *t[3];
    bench b[3];
    double losses[3], lpips[3], off = 0, all = 0, share = 0;
    write_lpips(ctx, file);
    for (int k = 0; k < 3; k++) {
        t[k] = open_seeing(ctx, "loss", 0.0, 1000.0, file, k);
        open_bench(&b[k], t[k], 0);
        losses[k] = objective(&b[k], b[k].sum);
        lpips[k] = report(&b[k], "Loss/lpips");
        assert_true(lpips[k] > 0 && lpips[k] == lpips[0]);
        assert_true(fabs(losses[k] - losses[0] - k * lpips[0]) <= 1e-6 * losses[k]); // sums of floats
    }
    for (size_t i = 0; i < t[0]->g.params.total; i++) {
        double x[3] = { (double)b[0].sum[i], (double)b[1].sum[i], (double)b[2].sum[i] };
        off += (x[2] - 2 * x[1] + x[0]) * (x[2] - 2 * x[1] + x[0]);
        share += (x[2] - x[0]) * (x[2] - x[0]);
        all += x[2] * x[2];
    }
    printf("    LPIPS %.3g of a distance of %.3g, off by %.1e of the gradient\n", 2 * lpips[0], losses[2],
           sqrt(off / all));
    assert_true(share > 0.01 * all && off <= 1e-10 * all); // of float32 through some forty layers
    for (int k = 0; k < 3; k++) {
        close_bench(&b[k]);
        atl_trainer_close(&t[k], 0);
    }
    remove(file);
    atl_ctx_close(&ctx);
}

// ---- the codebook

static float *values(const atl_network *n, const char *name, size_t *count) {
    const atl_param *p = atl_params_find(&n->params, name);
    assert_non_null(p);
    *count = p->count;
    return atl_param_data(&n->params, p);
}

// Each vector is its sum over its size, which has LEAST added; sizes stay as many as the vectors that came
// in.
static void running_means(void **state) {
    (void)state;
    size_t k, kd, unused;
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = open_trainer(ctx, "ema", 0.0, 1000.0);
    double vectors = (double)t->local * (SIDE / 2) * (SIDE / 2), all = 0; // 16x16 has 8x8 codes
    ok(ctx, atl_trainer_step(t));
    const float *size = values(&t->g, "quantize.cluster_size", &k),
                *sum = values(&t->g, "quantize.embed_avg", &kd),
                *book = values(&t->g, "quantize.embedding.weight", &unused);
    assert_int_equal(k, CODES);
    for (size_t i = 0; i < k; i++)
        all += (double)size[i];
    assert_true(fabs(all / (0.99 * CODES + 0.01 * vectors) - 1.0) < 1e-5);
    for (size_t i = 0; i < kd; i++) {
        double even = ((double)size[i / (kd / k)] + 1e-5) / (all + CODES * 1e-5) * all;
        assert_true(fabs((double)sum[i] / even - (double)book[i]) < 1e-5 + 1e-5 * fabs((double)book[i]));
    }
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// A code that nobody uses becomes a vector of the batch, with an equal share.
static void idle_codes_begin_anew(void **state) {
    (void)state;
    static const char *const ways[] = { "loss", "ema" };
    for (int way = 0; way < 2; way++) {
        size_t k, kd;
        atl_ctx *ctx = open_ctx();
        atl_trainer *t = open_trainer(ctx, ways[way], 0.5, 1000.0);
        double share = (double)t->local * (SIDE / 2) * (SIDE / 2) / CODES;
        float *size = values(&t->g, "quantize.cluster_size", &k), *book;
        size[3] = 0.0f;
        book = values(&t->g, "quantize.embedding.weight", &kd);
        for (size_t i = 0; i < kd / k; i++)
            book[3 * (kd / k) + i] = 1000.0f; // nothing is near it
        t->g.params.version++;
        ok(ctx, atl_trainer_step(t));
        assert_true(fabs((double)size[3] / share - 1.0) < 1e-5);
        for (size_t i = 0; i < kd / k; i++)
            assert_true(fabsf(book[3 * (kd / k) + i]) < 100.0f);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_differences),
                                        cmocka_unit_test(patches_have_gradients),
                                        cmocka_unit_test(lpips_counts_by_its_weight),
                                        cmocka_unit_test(running_means),
                                        cmocka_unit_test(idle_codes_begin_anew) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
