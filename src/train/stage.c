// SPDX-License-Identifier: Apache-2.0
// Stages: what a step is made with.  A run of networks that keep their size has one; where they grow, plans,
// batch and rates change with the pictures shown, and memory is taken anew for the plans of each.
#include <math.h>
#include <string.h>

#include "graph/measure.h"
#include "graph/resident.h"
#include "train/trainer.h"

// ---- plans of one stage

static void build_view(atl_graph *g, atl_call *call, void *user) {
    const atl_network *n = user;
    const atl_model_dims *d = &n->dims;
    atl_net net = atl_network_in(g, n, NULL);
    net.varies = true;
    if (atl_model_function_find(n->row, "autoencode")) {
        atl_network_call(n, "autoencode", &net, call);
        return;
    }
    atl_network_call(n, "map", &net, call);
    const atl_port *w = atl_call_find_out(call, "w");
    if (!w)
        return; // the graph says why
    atl_node *ws = atl_reshape(g, w->node, ATL_SHAPE(call->n, 1, d->w_dim));
    call->n_out = 0;
    atl_call_bind(g, call, "ws", atl_expand(g, ws, ATL_SHAPE(call->n, d->num_ws, d->w_dim)));
    atl_network_call(n, "synthesize", &net, call);
}

static atl_status make_view(atl_trainer *t) {
    const atl_recipe *r = t->recipe;
    atl_program_key key = { .function = "view", .n = t->stage.batch_gpu, .noise = ATL_NOISE_CONST };
    atl_plan_options o = { .detached = true };
    if (r->generate)
        return ATL_OK;
    if (!r->view)
        return atl_program_make(t->backend, &key, build_view, &t->g_ema, &o, &t->view);
    ATL_TRY(atl_program_make(t->backend, &key, r->view, t, &o, &t->view));
    return r->sample ? atl_program_make(t->backend, &key, r->sample, t, &o, &t->sample) : ATL_OK;
}

// Of the phases as they are; seconds and steps since the last tick go on.
static void count_phases(atl_trainer *t) {
    size_t largest = t->view ? atl_plan_bytes(t->view->plan) : 0,
           sample = t->sample ? atl_plan_bytes(t->sample->plan) : 0;
    largest = sample > largest ? sample : largest;
    for (int k = 0; k < t->n_phases; k++) {
        const atl_phase *p = &t->phases[k];
        atl_train_phase *c = &t->costs[k];
        *c = (atl_train_phase){ .name = p->row->name,
                                .interval = p->row->interval * (p->row->waits ? t->options.d_steps : 1),
                                .batch = p->n,
                                .runs = t->local / t->stage.batch_gpu *
                                        (p->row->turns ? p->row->turns(&t->options) : 1),
                                .gflop = p->gflop,
                                .bytes = atl_phase_bytes(p),
                                .seconds = c->seconds,
                                .steps = c->steps };
        largest = c->bytes > largest ? c->bytes : largest;
    }
    t->cost.n_phases = t->n_phases;
    t->block_bytes = largest;
}

// The place of a statistic, which is added when it is new; -1: there are too many.
static int stat_index(atl_trainer *t, const char *name) {
    int i = atl_trainer_find_stat(t, name);
    if (i >= 0)
        return i;
    if (t->n_stats == ATL_TRAIN_STATS)
        return -1;
    t->stats[t->n_stats].name = name;
    return t->n_stats++;
}

static atl_status list_stats(atl_trainer *t, atl_phase *p) {
    bool fits = true;
    for (int i = 0; i < p->n_reports; i++) {
        p->reports[i].index = stat_index(t, p->reports[i].stat);
        fits = fits && p->reports[i].index >= 0;
    }
    p->norm = p->row->norm ? stat_index(t, p->row->norm) : -1;
    if (!fits || (p->row->norm && p->norm < 0))
        return atl_fail(t->ctx, ATL_INTERNAL, "%s: more than %d statistics", p->row->name, ATL_TRAIN_STATS);
    return ATL_OK;
}

static atl_status make_phase(atl_trainer *t, int number, const atl_phase_setup *setup) {
    const atl_phase_row *row = &t->recipe->phases[number];
    int n = t->stage.batch_gpu / row->shrink;
    atl_phase *p = &t->phases[t->n_phases];
    if (row->wanted && !row->wanted(&t->options))
        return ATL_OK;
    ATL_TRY(atl_phase_make(t->ctx, t->backend, t->recipe, number, n > 1 ? n : 1, setup, p));
    t->n_phases++;
    return list_stats(t, p);
}

static atl_status make_plans(atl_trainer *t) {
    const atl_stage *s = &t->stage;
    atl_phase_setup setup = { .networks = { &t->g, &t->d },
                              .options = &t->options,
                              .lod = s->lod,
                              .own = t->own,
                              .processes = atl_train_crosses(t->recipe, &t->options) ? &t->processes : NULL,
                              .whole = s->batch_gpu == s->batch,
                              .augment = t->augments ? &t->augment : NULL,
                              .diffaug = t->diffaugs ? &t->diffaug : NULL };
    ATL_TRY(atl_trainer_mark_level(t));
    for (int i = 0; i < t->recipe->n_phases; i++)
        ATL_TRY(make_phase(t, i, &setup));
    ATL_TRY(make_view(t));
    count_phases(t);
    return ATL_OK;
}

// ---- from stage to stage

static atl_stage stage_at(const atl_trainer *t, uint64_t images) {
    atl_stage s = { .rate = 1.0 };
    if (t->recipe->schedule)
        s = t->recipe->schedule(t, images);
    s.batch = s.batch ? s.batch : t->options.batch;
    s.batch_gpu = s.batch_gpu ? s.batch_gpu : t->options.batch_gpu;
    return s;
}

bool atl_stage_grows(const atl_stage *before, const atl_stage *now) {
    return floorf(before->lod) != floorf(now->lod) || ceilf(before->lod) != ceilf(now->lod);
}

static bool plans_fit(const atl_trainer *t, const atl_stage *s) {
    return t->n_phases && !atl_stage_grows(&t->stage, s) && t->stage.batch == s->batch &&
           t->stage.batch_gpu == s->batch_gpu;
}

static void set_rates(atl_trainer *t) {
    t->adam_g.options.lr = t->lr[ATL_TRAIN_G] * (float)t->stage.rate;
    t->adam_d.options.lr = t->lr[ATL_TRAIN_D] * (float)t->stage.rate;
}

atl_status atl_trainer_mark_level(atl_trainer *t) {
    ATL_TRY(atl_network_set_lod(&t->g, t->stage.lod));
    if (t->d.row)
        ATL_TRY(atl_network_set_lod(&t->d, t->stage.lod));
    return atl_network_set_lod(&t->g_ema, t->stage.lod);
}

void atl_trainer_leave(atl_trainer *t) {
    for (int k = 0; k < t->n_phases; k++)
        atl_phase_clear(&t->phases[k]);
    t->n_phases = 0;
    atl_program_free(&t->view);
    atl_program_free(&t->sample);
    if (t->block)
        t->backend->release(t->backend, t->block);
    atl_free(t->ctx, t->reals);
    atl_free(t->ctx, t->real_labels);
    atl_free(t->ctx, t->which);
    t->which = NULL;
    atl_free(t->ctx, t->scratch);
    if (t->backend)
        atl_resident_drop(t->backend, t->gradient);
    atl_free(t->ctx, t->gradient);
    t->block = NULL;
    t->reals = t->real_labels = t->scratch = t->gradient = NULL;
}

atl_status atl_trainer_enter(atl_trainer *t, uint64_t images) {
    atl_stage before = t->stage, s = stage_at(t, images);
    bool fit = plans_fit(t, &s);
    atl_status status = ATL_OK;
    t->stage = s;
    if (!fit) {
        atl_trainer_leave(t);
        t->local = s.batch / t->state.ranks;
        status = make_plans(t);
    }
    if (status == ATL_OK) {
        set_rates(t);
        t->state.lod = (double)s.lod;
        t->state.batch = s.batch;
        return ATL_OK;
    }
    atl_trainer_leave(t);
    t->stage = before; // of which the weights are, if they are saved
    return status;
}

static void note_stage(atl_trainer *t, uint64_t images) {
    atl_train_cost *c = &t->cost;
    atl_train_stage *to = &t->stages[c->n_stages++];
    *to = (atl_train_stage){ .resolution = t->set.width >> (int)t->stage.lod,
                             .fades = t->stage.fade > 0.0f,
                             .kimg = (double)images / 1000.0,
                             .batch = t->stage.batch,
                             .rate = t->stage.rate,
                             .bytes = t->block_bytes };
    for (int k = 0; k < t->n_phases; k++)
        to->gflop += t->costs[k].gflop * t->costs[k].runs * t->state.ranks / t->costs[k].interval;
    to->gflop *= 1000.0 / t->stage.batch;
}

// Beside the block: weights of three networks, moments of two, one gradient.
static size_t spans(const atl_trainer *t) {
    size_t g = t->g.params.total, d = t->d.params.total;
    return (4 * g + 3 * d + (g > d ? g : d)) * sizeof(float);
}

atl_status atl_trainer_survey(atl_trainer *t) {
    atl_train_cost *c = &t->cost;
    uint64_t images = 0;
    c->n_stages = 0;
    do {
        ATL_TRY(atl_trainer_enter(t, images));
        note_stage(t, images);
        c->bytes = t->block_bytes > c->bytes ? t->block_bytes : c->bytes;
        images = t->stage.until;
    } while (images && c->n_stages < ATL_TRAIN_STAGES);
    c->bytes += spans(t);
    return atl_trainer_enter(t, 0);
}
