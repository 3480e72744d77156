// SPDX-License-Identifier: Apache-2.0
// What judges latents, and the pools of earlier ones that it sees, too (Tov et al. 2021, section 4); see
// encoding.h.
#include <string.h>

#include "base/philox.h"
#include "train/draw.h"
#include "train/encoding.h"
#include "train/loss.h"

// ---- pools

// Its place in a pool is chosen by the number of a sample; which samples of a step have one another's is not.
typedef struct lot {
    bool used; // a latent of before is shown in place of the new one
    bool kept; // and the new one takes its place
    size_t place;
} lot;

// Shrivastava et al. 2017, section 2.3: while the pool has room, new ones are shown and kept; then half of
// them.  What is shown in their place is of earlier steps, so that it doesn't matter which process, and which
// part of a step, has a sample.
static lot lot_of(const atl_draw_run *run, const atl_draw *d, int sample) {
    const atl_encoding *e = atl_encoding_of(run->trainer);
    uint64_t number = run->first + (uint64_t)sample * run->step;
    uint64_t before = run->iteration * (uint64_t)run->trainer->stage.batch, shown = before + number;
    float u[2], first;
    if (!e->pool)
        return (lot){ .place = 0 };
    if (shown < e->pool)
        return (lot){ .kept = true, .place = (size_t)shown };
    atl_philox_uniform(run->seed, atl_draw_stream(run, d), 2 + 2 * number, 2, u);
    atl_philox_uniform(run->seed, atl_draw_stream(run, d), 0, 1, &first);
    size_t place = ((size_t)((double)first * (double)e->pool) + (size_t)number) % e->pool;
    bool swapped = u[0] < 0.5f && place < before;
    return (lot){ swapped, swapped, place };
}

typedef struct mixing {
    const atl_draw *lots;
    float *pool, *news; // of the trainer: [pool, w_dim], and of all samples of a step
} mixing;

static void write_pooled(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const mixing *m = d->state;
    size_t w_dim = (size_t)atl_encoding_of(run->trainer)->w_dim;
    for (int i = 0; i < run->n; i++) {
        lot l = lot_of(run, m->lots, i);
        if (l.used)
            memcpy(room + (size_t)i * w_dim, m->pool + l.place * w_dim, w_dim * sizeof *room);
        else
            memset(room + (size_t)i * w_dim, 0, w_dim * sizeof *room);
    }
    atl_plan_write(plan, d->input, room);
}

static void write_lots(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    for (int i = 0; i < run->n; i++)
        room[i] = lot_of(run, d, i).used ? 1.0f : 0.0f;
    atl_plan_write(plan, d->input, room);
}

static void read_latents(const atl_draw_run *run, const float *values, void *state) {
    const mixing *m = state;
    size_t w_dim = (size_t)atl_encoding_of(run->trainer)->w_dim;
    for (int i = 0; i < run->n; i++) {
        size_t number = (size_t)(run->first + (uint64_t)i * run->step);
        memcpy(m->news + number * w_dim, values + (size_t)i * w_dim, w_dim * sizeof *values);
    }
}

// A row that another process has is zero here, so that sums are what each of them has.
atl_status atl_encoding_d_agree(atl_trainer *t, const atl_phase *p) {
    static const char *const LOTS[] = { "lots_real", "lots_fake" };
    atl_encoding *e = atl_encoding_of(t);
    size_t w_dim = (size_t)e->w_dim, batch = (size_t)t->stage.batch, size = batch * w_dim;
    const atl_draw_run run = { .trainer = t,
                               .phase = p->number,
                               .seed = t->options.seed,
                               .iteration = t->state.iteration,
                               .step = 1 };
    ATL_TRY(atl_ranks_sum(t->ranks, e->news, 2 * size));
    for (int which = 0; which < 2; which++) {
        const atl_draw *lots = atl_draw_find(p, LOTS[which]);
        float *pool = which ? e->fakes : e->reals;
        for (size_t i = 0; i < batch; i++) {
            lot l = lot_of(&run, lots, (int)i);
            if (l.kept)
                memcpy(pool + l.place * w_dim, e->news + (size_t)which * size + i * w_dim,
                       w_dim * sizeof *pool);
        }
    }
    memset(e->news, 0, 2 * size * sizeof *e->news);
    return ATL_OK;
}

// New latents [n, w_dim], some of them exchanged for those of before.
static atl_node *mixed(atl_phase_builder *b, const char *lots, const char *pooled, float *pool, float *news,
                       atl_node *w) {
    atl_graph *g = b->g;
    mixing *m = atl_arena_alloc(&g->arena, 1, sizeof *m);
    if (!m || w->op == ATL_OP_POISON)
        return m ? w : atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a pool of latents");
    atl_node *use = atl_draw_with(b, lots, ATL_SHAPE(b->n, 1), write_lots, NULL);
    *m = (mixing){ atl_draw_find(b->phase, lots), pool, news };
    atl_node *old = atl_draw_with(b, pooled, w->shape, write_pooled, m);
    atl_phase_hand(b, w, read_latents, m);
    return atl_add(g, w, atl_mul(g, atl_sub(g, old, w), atl_expand(g, use, w->shape)));
}

// ---- latents and the losses

static atl_node *mapped(atl_phase_builder *b, const atl_encoding *e) {
    atl_net net = atl_network_in(b->g, &e->generator, "generator");
    atl_node *z = atl_draw_normal(b, "z_real", ATL_SHAPE(b->n, e->generator.dims.z_dim));
    return ATL_APPLY(&net, &e->generator, "map", "w", { "z", z });
}

// One layer of each sample, among those that have a w of their own.
static void write_rows(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_encoding *e = atl_encoding_of(run->trainer);
    int stage = atl_encoding_stage(e, run->iteration), most = stage + 1 < e->num_ws ? stage + 1 : e->num_ws;
    memset(room, 0, (size_t)run->n * (size_t)e->num_ws * sizeof *room);
    for (int i = 0; i < run->n; i++) {
        float u;
        atl_philox_uniform(run->seed, atl_draw_stream(run, d), run->first + (uint64_t)i * run->step, 1, &u);
        int row = (int)(u * (float)most);
        room[i * e->num_ws + (row < most ? row : most - 1)] = 1.0f;
    }
    atl_plan_write(plan, d->input, room);
}

// A latent [n, w_dim] of each picture.
static atl_node *fakes(atl_phase_builder *b, atl_encoding *e) {
    atl_graph *g = b->g;
    atl_net g_net = atl_network_in(g, &e->generator, "generator");
    atl_node *target, *img = atl_encoding_pictures(b, e, &g_net, &target);
    img = atl_encoding_shown(b, e, img);
    (void)atl_encoding_in_training(b);
    if (e->kind->sees_result)
        img = atl_encoding_beside(g, img, atl_encoding_start(g, e, b->n));
    atl_node *codes = atl_encoding_codes(&b->nets[ATL_TRAIN_G], b->setup->networks[ATL_TRAIN_G], img,
                                         atl_encoding_share(b, e));
    if (codes->op == ATL_OP_POISON)
        return codes;
    atl_node *ws = atl_add(g, atl_encoding_average(g, e, b->n), codes);
    atl_node *row = atl_draw_with(b, "row", ATL_SHAPE(b->n, e->num_ws, 1), write_rows, NULL);
    ws = atl_sum(g, atl_mul(g, ws, atl_expand(g, row, ws->shape)), 1u << 1);
    return atl_reshape(g, ws, ATL_SHAPE(b->n, e->w_dim));
}

static atl_node *judged(atl_phase_builder *b, atl_node *w) {
    return ATL_APPLY(&b->nets[ATL_TRAIN_D], b->setup->networks[ATL_TRAIN_D], "discriminate", "logits",
                     { "w", w });
}

atl_node *atl_encoding_d_main(atl_phase_builder *b) {
    atl_encoding *e = b->setup->own;
    float *of_fakes = e->news + (size_t)b->o->batch * (size_t)e->w_dim;
    atl_node *r = judged(b, mixed(b, "lots_real", "pool_real", e->reals, e->news, mapped(b, e)));
    atl_node *f = judged(b, mixed(b, "lots_fake", "pool_fake", e->fakes, of_fakes, fakes(b, e)));
    atl_node *loss = atl_loss_d_logistic(b->g, f, r);
    atl_phase_report(b, "Loss/scores/real", r, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return loss;
}

atl_node *atl_encoding_d_reg(atl_phase_builder *b) {
    atl_node *w = mapped(b, b->setup->own), *penalties;
    atl_node *loss = atl_loss_r1_r2(b->g, judged(b, w), w, (float)b->o->gamma, &penalties);
    atl_phase_report(b, "Loss/r1_penalty", penalties, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/D/reg", loss, ATL_REPORT_MEAN);
    return loss;
}
