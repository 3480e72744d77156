// SPDX-License-Identifier: Apache-2.0
// One step after the other.  Phases run in turn in one block of memory: inputs are written, the plan runs,
// gradients are added up over parts of the batch and over processes, Adam moves the weights.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "graph/measure.h"
#include "graph/resident.h"
#include "train/fields.h"
#include "train/trainer.h"

enum { AGREE_INTERVAL = 4096 };

// ---- statistics

const atl_train_stat *atl_trainer_get_stats(const atl_trainer *t, int *count) {
    *count = t->n_stats;
    return t->stats;
}

void atl_trainer_clear_stats(atl_trainer *t) {
    for (int i = 0; i < t->n_stats; i++)
        t->stats[i] = (atl_train_stat){ .name = t->stats[i].name };
    for (int i = 0; i < t->cost.n_phases; i++)
        t->costs[i].seconds = t->costs[i].steps = 0;
}

int atl_trainer_find_stat(const atl_trainer *t, const char *name) {
    for (int i = 0; i < t->n_stats; i++)
        if (!strcmp(t->stats[i].name, name))
            return i;
    return -1;
}

atl_train_sum atl_trainer_step_stat(const atl_trainer *t, const char *name) {
    int i = atl_trainer_find_stat(t, name);
    return i < 0 ? (atl_train_sum){ 0 } : t->sums[i];
}

static void keep_stats(atl_trainer *t) {
    for (int i = 0; i < t->n_stats; i++) {
        t->stats[i].count += t->sums[i].count;
        t->stats[i].sum += t->sums[i].sum;
        t->stats[i].squares += t->sums[i].squares;
    }
}

static void add(atl_train_sum *to, double x, double times) {
    to->count += times;
    to->sum += x * times;
    to->squares += x * x * times;
}

// What a run says, into the sums of the step.
static atl_status collect(atl_trainer *t, const atl_phase *p) {
    for (int i = 0; i < p->n_reports; i++) {
        const atl_report *r = &p->reports[i];
        atl_train_sum *to = &t->sums[r->index];
        if (!atl_plan_read(p->plan, r->node, t->scratch))
            return atl_fail(t->ctx, ATL_INTERNAL, "%s: %s can't be read", p->row->name, r->stat);
        int64_t count = r->kind == ATL_REPORT_MEAN ? 1 : atl_shape_count(&r->node->shape);
        for (int64_t k = 0; k < count; k++) {
            double x = (double)t->scratch[k];
            add(to, r->kind == ATL_REPORT_SIGNS ? (x > 0.0) - (x < 0.0) : x,
                r->kind == ATL_REPORT_MEAN ? p->n : 1.0);
        }
    }
    return ATL_OK;
}

// Seconds, when everything asked of the device so far is done.
static double now(const atl_trainer *t) {
    t->backend->wait(t->backend);
    return atl_now_ms() * 1e-3;
}

// ---- pictures

// The stage of the step to come, and its pictures.
static atl_status prepare(atl_trainer *t) {
    if (t->recipe->prepare)
        ATL_TRY(t->recipe->prepare(t, &(atl_told){ NULL, NULL }));
    ATL_TRY(atl_trainer_enter(t, t->state.images));
    ATL_TRY(atl_trainer_memory(t));
    if (t->recipe->fetch)
        return t->recipe->fetch(t);
    if (!t->data)
        return ATL_OK; // noise stays what it is
    ATL_TRY(atl_loader_next(t->loader, (size_t)t->local, t->reals, t->real_labels, t->which));
    return t->recipe->beside ? t->recipe->beside(t) : ATL_OK;
}

// A step begins in all processes or in none, so that what was before it can still be saved.
static atl_status agree_to_begin(atl_trainer *t) {
    atl_status status = prepare(t);
    int failed = status != ATL_OK;
    ATL_TRY(atl_trainer_any(t, &failed));
    if (failed)
        (void)atl_trainer_enter(t, t->staged); // as it was; the next step may try again
    if (failed && status == ATL_OK)
        return atl_fail(t->ctx, ATL_BAD_FILE,
                        "another process of this run can't read one of its pictures, or has no room for its "
                        "share of the step");
    return status;
}

// ---- one phase

atl_status atl_trainer_sum(void *user, float *x, size_t count) {
    atl_trainer *t = user;
    for (size_t i = 0; t->alone && i < count; i++)
        x[i] *= (float)t->state.ranks;
    return t->alone ? ATL_OK : atl_ranks_sum(t->ranks, x, count);
}

static atl_draw_run run_of(atl_trainer *t, const atl_phase *p, int part, int turn) {
    size_t local = (size_t)part * (size_t)p->n;
    return (atl_draw_run){ .trainer = t,
                           .phase = p->number,
                           .seed = t->options.seed,
                           .iteration = t->state.iteration,
                           .first = local * (uint64_t)t->state.ranks + (uint64_t)t->state.rank,
                           .step = (uint64_t)t->state.ranks,
                           .local = local,
                           .n = p->n,
                           .turn = turn,
                           .team = t->team };
}

static atl_status hand_back(atl_trainer *t, const atl_phase *p, const atl_draw_run *run) {
    for (int i = 0; i < p->n_hands; i++) {
        if (!atl_plan_read(p->plan, p->hands[i].node, t->scratch))
            return atl_fail(t->ctx, ATL_INTERNAL, "%s: what it hands back can't be read", p->row->name);
        p->hands[i].read(run, t->scratch, p->hands[i].state);
    }
    return ATL_OK;
}

// Behind the gradients.
static atl_status collect_sum(atl_trainer *t, const atl_phase *p, float *sum) {
    if (!p->sum)
        return ATL_OK;
    if (!atl_plan_read(p->plan, p->sum, t->scratch))
        return atl_fail(t->ctx, ATL_INTERNAL, "%s: its sum can't be read", p->row->name);
    for (size_t i = 0; i < atl_phase_sum_size(p); i++)
        sum[i] += t->scratch[i];
    return ATL_OK;
}

static double norm_of(const atl_phase *p, const float *gradient) {
    double sum = 0.0;
    for (int i = 0; i < p->n_grads; i++) {
        const atl_param *q = &p->trained->params.list[p->which[i]];
        for (size_t k = 0; p->grads[i] && k < q->count; k++)
            sum += (double)gradient[q->offset + k] * (double)gradient[q->offset + k];
    }
    return sqrt(sum);
}

static void move_weights(const atl_trainer *t, const atl_phase *p, atl_adam *adam, float *gradient) {
    const atl_params *params = &p->trained->params;
    for (int i = 0; i < p->n_grads; i++)
        if (!t->recipe->rests || !t->recipe->rests(t, params->list[p->which[i]].name))
            atl_adam_step(adam, p->which[i], params->data, gradient);
}

static int turns_of(const atl_trainer *t, const atl_phase *p) {
    return p->row->turns ? p->row->turns(&t->options) : 1;
}

// All parts of the batch.  `moves`: layers keep what they keep in training; else nothing is changed.
static atl_status run_parts(atl_trainer *t, atl_phase *p, int parts, float scale, bool moves) {
    size_t total = p->trained->params.total;
    float *sum = t->gradient + total;
    t->backend->clear(t->backend, atl_resident_at(t->backend, t->gradient), total);
    memset(sum, 0, atl_phase_sum_size(p) * sizeof *sum);
    atl_plan_attach(p->plan, t->block);
    for (int i = 0, turns = turns_of(t, p); i < parts * turns; i++) {
        const atl_draw_run run = run_of(t, p, i / turns, i % turns);
        atl_draw_inputs(&run, p, p->plan, t->scratch);
        ATL_TRY(atl_phase_run(p, scale, t->gradient));
        if (moves)
            ATL_TRY(atl_phase_move_buffers(p));
        ATL_TRY(collect(t, p));
        ATL_TRY(collect_sum(t, p, sum));
        if (moves)
            ATL_TRY(hand_back(t, p, &run));
    }
    return ATL_OK;
}

// The sum of what the gradients need ahead and its count, over all parts.
static atl_status run_ahead(atl_trainer *t, atl_phase *p, int parts, double sums[2]) {
    if (!p->ahead)
        return ATL_OK;
    atl_plan_attach(p->ahead_plan, t->block);
    for (int part = 0; part < parts; part++) {
        const atl_draw_run run = run_of(t, p, part, 0);
        atl_draw_inputs(&run, p, p->ahead_plan, t->scratch);
        ATL_TRY(atl_plan_run(p->ahead_plan));
        if (!atl_plan_read(p->ahead_plan, p->ahead, t->scratch))
            return atl_fail(t->ctx, ATL_INTERNAL, "%s: what it needs ahead can't be read", p->row->name);
        for (int64_t i = 0; i < atl_shape_count(&p->ahead->shape); i++, sums[1]++)
            sums[0] += (double)t->scratch[i];
    }
    return ATL_OK;
}

// The mean of it, over all processes, too.
static atl_status look_ahead(atl_trainer *t, atl_phase *p, int parts) {
    double sums[2] = { 0 };
    if (!p->ahead)
        return ATL_OK;
    ATL_TRY(run_ahead(t, p, parts, sums));
    ATL_TRY(atl_ranks_sum_double(t->ranks, sums, 2));
    p->ahead_mean = (float)(sums[0] / sums[1]);
    return ATL_OK;
}

// Statistics that layers keep of each process's own pictures become the mean of all: the same bits everywhere.
// What they keep of weights alone, or of all processes' pictures, is the same already.
static atl_status agree_on_buffers(atl_trainer *t, const atl_phase *p) {
    bool same = t->state.ranks == 1 || atl_train_crosses(t->recipe, &t->options);
    for (int i = 0; !same && i < p->n_updates; i++) {
        const atl_phase_update *u = &p->updates[i];
        if (u->keep == 0.0f)
            continue;
        atl_resident_fetch(t->backend, u->buffer, u->count);
        ATL_TRY(atl_ranks_sum(t->ranks, u->buffer, u->count));
        for (size_t k = 0; k < u->count; k++)
            u->buffer[k] /= (float)t->state.ranks;
        atl_resident_push(t->backend, u->buffer, u->count);
    }
    return ATL_OK;
}

static atl_status run_phase(atl_trainer *t, atl_phase *p) {
    int parts = t->local / t->stage.batch_gpu;
    float scale = (float)p->row->interval / (float)(parts * t->state.ranks);
    ATL_TRY(look_ahead(t, p, parts));
    t->halfway = t->halfway || p->n_updates;
    ATL_TRY(run_parts(t, p, parts, scale, true));
    ATL_TRY(agree_on_buffers(t, p));
    size_t total = p->trained->params.total;
    if (p->norm >= 0 || t->state.ranks > 1)
        atl_resident_fetch(t->backend, t->gradient, total);
    ATL_TRY(atl_ranks_sum(t->ranks, t->gradient, total + atl_phase_sum_size(p)));
    if (t->state.ranks > 1)
        atl_resident_push(t->backend, t->gradient, total);
    if (p->norm >= 0)
        add(&t->sums[p->norm], norm_of(p, t->gradient), 1.0 / t->state.ranks);
    t->halfway = true;
    if (p->row->agree)
        ATL_TRY(p->row->agree(t, p));
    if (p->row->follow && p->sum)
        p->row->follow(t, t->gradient + total, (double)p->n * parts * t->state.ranks);
    move_weights(t, p, p->trained == &t->g ? &t->adam_g : &t->adam_d, t->gradient);
    return ATL_OK;
}

// ---- a step

// After a step of G, which may come once for several of D.
static atl_status follow_g(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    float beta = t->recipe->smoothing;
    if (o->ema_kimg > 0.0)
        beta = atl_ema_beta(t->stage.batch * o->d_steps, o->ema_kimg,
                            o->ema_rampup > 0.0 ? o->ema_rampup : 0.0, (double)t->state.images);
    if ((double)t->state.images < o->ema_start * 1000.0)
        beta = 0.0f;
    return atl_ema_update(t->backend, &t->g_ema.params, &t->g.params, beta,
                          t->recipe->smooths_buffers ? beta : 0.0f);
}

static bool is_due(const atl_trainer *t, const atl_phase *p) {
    uint64_t every = (uint64_t)p->row->interval, turns = p->row->waits ? (uint64_t)t->options.d_steps : 1;
    return t->state.iteration % (every * turns) == (turns - 1) * every;
}

static atl_status agree_on_options(atl_trainer *t) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    for (size_t i = 0; i < count; i++) {
        char what[80];
        snprintf(what, sizeof what, "the option %s", fields[i].name);
        if (fields[i].agree)
            ATL_TRY(atl_ranks_same(t->ranks, atl_train_field_hash(&fields[i], &t->options), what));
    }
    return atl_ranks_same(t->ranks, t->state.images, "the number of pictures so far");
}

// Processes that do not do the same work would spoil each other's.  Checked at the start and now and then.
static atl_status check_ranks(atl_trainer *t) {
    if (t->state.ranks == 1 || (t->agreed && t->state.iteration % AGREE_INTERVAL))
        return ATL_OK;
    t->agreed = true;
    atl_trainer_fetch(t);
    uint64_t set = atl_hash(ATL_HASH_BEGIN, &t->set.count, sizeof t->set.count);
    for (size_t i = 0; t->data && i < t->set.count; i++) {
        const char *name = atl_dataset_name(t->data, atl_sampler_picture(t->subset, i));
        set = atl_hash(set, name, strlen(name));
    }
    ATL_TRY(atl_ranks_same(t->ranks, set, "the data set"));
    ATL_TRY(agree_on_options(t));
    if (t->recipe->stays)
        ATL_TRY(atl_ranks_same(t->ranks, t->recipe->stays(t),
                               "what isn't trained (generator, networks of losses, sources)"));
    uint64_t weights = atl_params_fingerprint(&t->g.params);
    if (t->d.row)
        weights ^= atl_params_fingerprint(&t->d.params) * 3;
    return atl_ranks_same(t->ranks, weights, "the networks' weights");
}

atl_status atl_trainer_prepare(atl_trainer *t, int (*progress)(void *user, size_t done, size_t total),
                               void *user) {
    const atl_told told = { progress, user };
    if (!t->recipe->prepare)
        return ATL_OK;
    ATL_TRY(check_ranks(t));
    return t->recipe->prepare(t, &told);
}

atl_status atl_trainer_step(atl_trainer *t) {
    atl_ranks_step(t->ranks, t->state.iteration);
    ATL_TRY(check_ranks(t));
    atl_stage before = t->stage;
    ATL_TRY(agree_to_begin(t));
    t->staged = t->state.images;
    if (atl_stage_grows(&before, &t->stage)) { // other networks to Adam
        atl_adam_restart(&t->adam_g);
        atl_adam_restart(&t->adam_d);
    }
    memset(t->sums, 0, sizeof t->sums);
    bool moved = false;
    for (int k = 0; k < t->n_phases; k++) {
        if (!is_due(t, &t->phases[k]))
            continue;
        moved = moved || t->phases[k].trained == &t->g;
        double start = now(t);
        ATL_TRY(run_phase(t, &t->phases[k]));
        t->costs[k].seconds += now(t) - start;
        t->costs[k].steps++;
    }
    ATL_TRY(atl_ranks_sum_double(t->ranks, &t->sums[0].count, (size_t)t->n_stats * 3));
    if (moved)
        ATL_TRY(follow_g(t));
    t->state.iteration++;
    t->state.images += (uint64_t)t->stage.batch;
    if (t->recipe->after)
        t->recipe->after(t);
    t->halfway = false;
    keep_stats(t);
    return ATL_OK;
}

atl_status atl_trainer_any(atl_trainer *t, int *flag) {
    return atl_ranks_any(t->ranks, flag);
}

// ---- measuring

enum { RUNS_MOST = 101 };

// Of the stage that the trainer is in: seconds of a thousand pictures.  The number of runs is this process's own.
static atl_status measure_stage(atl_trainer *t, int runs, double *sec_per_kimg) {
    const double LONG = 2.0;
    double seconds[RUNS_MOST], per_step = 0.0;
    ATL_TRY(atl_trainer_memory(t));
    for (int k = 0; k < t->n_phases; k++) {
        for (int i = -1; i < runs; i++) {
            double start = now(t), took, unused[2] = { 0 };
            ATL_TRY(run_ahead(t, &t->phases[k], 1, unused));
            ATL_TRY(run_parts(t, &t->phases[k], 1, 1.0f, false));
            took = now(t) - start;
            if (i >= 0 ||
                took > LONG) // the first run touches memory for the first time: counts only where it is long
                seconds[i < 0 ? ++i : i] = took;
        }
        atl_train_phase *cost = &t->costs[k];
        cost->ms = atl_median(seconds, runs) * 1e3 / turns_of(t, &t->phases[k]);
        per_step += cost->ms * 1e-3 * cost->runs / cost->interval;
    }
    *sec_per_kimg = per_step * 1000.0 / t->stage.batch;
    return ATL_OK;
}

atl_status atl_trainer_measure(atl_trainer *t, int runs) {
    atl_train_cost *c = &t->cost;
    double seconds = 0.0; // of the whole run
    uint64_t before = t->staged;
    if (runs < 1 || runs > RUNS_MOST)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%d runs are not possible: 1 to %d are", runs, RUNS_MOST);
    for (int i = 0; i < c->n_stages; i++) {
        atl_train_stage *s = &t->stages[i];
        double end = i + 1 < c->n_stages ? t->stages[i + 1].kimg : fmax(t->options.kimg, s->kimg);
        ATL_TRY(atl_trainer_enter(t, (uint64_t)llround(s->kimg * 1000.0)));
        t->alone = true;
        atl_status status = measure_stage(t, runs, &s->sec_per_kimg);
        t->alone = false;
        ATL_TRY(status);
        seconds += s->sec_per_kimg * (end - s->kimg);
    }
    c->sec_per_kimg = seconds / t->options.kimg;
    return atl_trainer_enter(t, before);
}
