// SPDX-License-Identifier: Apache-2.0
// One step after the other.  Phases run in turn in one block of memory: inputs are written, the plan runs,
// gradients are added up over parts of the batch and over processes, Adam moves the weights.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/measure.h"
#include "graph/resident.h"
#include "train/fields.h"
#include "train/loss.h"
#include "train/trainer.h"

enum { ADA_INTERVAL = 4, AGREE_INTERVAL = 4096 };

int atl_phase_interval(atl_phase_kind kind) {
    static const int interval[ATL_PHASES] = { 1, 4, 1, 16 };
    return interval[kind];
}

static const char *const STATS[ATL_STATS] = {
    [ATL_STAT_SCORES_FAKE] = "Loss/scores/fake", [ATL_STAT_SIGNS_FAKE] = "Loss/signs/fake",
    [ATL_STAT_G_LOSS] = "Loss/G/loss",           [ATL_STAT_PL_LENGTH] = "Loss/pl_length",
    [ATL_STAT_PL_PENALTY] = "Loss/pl_penalty",   [ATL_STAT_SCORES_REAL] = "Loss/scores/real",
    [ATL_STAT_SIGNS_REAL] = "Loss/signs/real",   [ATL_STAT_D_LOSS] = "Loss/D/loss",
    [ATL_STAT_R1_PENALTY] = "Loss/r1_penalty",   [ATL_STAT_D_REG] = "Loss/D/reg",
    [ATL_STAT_G_GRADIENT] = "Gradient/G",        [ATL_STAT_D_GRADIENT] = "Gradient/D",
};

const atl_train_stat *atl_trainer_get_stats(const atl_trainer *t, int *count) {
    *count = ATL_STATS;
    return t->stats;
}

void atl_trainer_clear_stats(atl_trainer *t) {
    for (int i = 0; i < ATL_STATS; i++)
        t->stats[i] = (atl_train_stat){ .name = STATS[i] };
    for (int i = 0; i < t->cost.n_phases; i++)
        t->costs[i].seconds = 0.0;
}

static void keep_stats(atl_trainer *t, const atl_train_sum *sums) {
    for (int i = 0; i < ATL_STATS; i++) {
        t->stats[i].count += sums[i].count;
        t->stats[i].sum += sums[i].sum;
        t->stats[i].squares += sums[i].squares;
    }
}

// Seconds, when everything asked of the device so far is done.
static double now(const atl_trainer *t) {
    t->backend->wait(t->backend);
    return atl_now_ms() * 1e-3;
}

// ---- pictures

// [c, h, w] bytes -> [h, w, c] in [-1, 1]
static void to_interleaved(const uint8_t *planar, const atl_train_set *set, float *out) {
    size_t pixels = (size_t)set->width * (size_t)set->height, channels = (size_t)set->channels;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++)
            out[p * channels + c] = (float)planar[c * pixels + p] / 127.5f - 1.0f;
}

static atl_status next_reals(atl_trainer *t) {
    size_t size = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    if (!t->data)
        return ATL_OK; // noise stays what it is
    ATL_TRY(atl_loader_next(t->loader, (size_t)t->local, t->pixels, t->real_labels));
#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (int i = 0; i < t->local; i++)
        to_interleaved(t->pixels + (size_t)i * size, &t->set, t->reals + (size_t)i * size);
    return ATL_OK;
}

static void random_label(void *user, size_t index, float *label) {
    const atl_trainer *t = user;
    atl_dataset_label(t->data, atl_sampler_picture(t->subset, index), label);
}

static void no_label(void *user, size_t index, float *label) { // of noise: the first class
    const atl_trainer *t = user;
    (void)index;
    memset(label, 0, (size_t)t->set.label_size * sizeof *label);
    label[0] = 1.0f;
}

// ---- one phase

static void write_reals(atl_trainer *t, atl_phase *p, int part) {
    size_t first = (size_t)part * (size_t)p->n;
    size_t size = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    if (p->real)
        atl_plan_write(p->plan, p->real, t->reals + first * size);
    if (p->real_c)
        atl_plan_write(p->plan, p->real_c, t->real_labels + first * (size_t)t->set.label_size);
}

static void write_inputs(atl_trainer *t, atl_phase *p, int part) {
    const atl_train_state *s = &t->state;
    atl_draw draw = { .seed = t->options.seed,
                      .iteration = s->iteration,
                      .first = (uint64_t)part * (uint64_t)p->n * (uint64_t)s->ranks + (uint64_t)s->rank,
                      .step = (uint64_t)s->ranks,
                      .augment_p = (float)s->augment_p,
                      .style_mixing_prob = (float)t->options.style_mixing_prob,
                      .pl_mean = (float)s->pl_mean,
                      .threads = t->threads,
                      .label = t->data ? random_label : no_label,
                      .user = t,
                      .count = t->set.count };
    atl_draw_inputs(&draw, p, t->scratch);
    write_reals(t, p, part);
}

static void add(atl_train_sum *to, double x, double times) {
    to->count += times;
    to->sum += x * times;
    to->squares += x * x * times;
}

static void add_scores(const atl_phase *p, const atl_node *node, float *room, atl_train_sum *scores,
                       atl_train_sum *signs) {
    if (!node || !atl_plan_read(p->plan, node, room))
        return;
    for (int64_t i = 0; i < atl_shape_count(&node->shape); i++) {
        add(scores, (double)room[i], 1.0);
        add(signs, (room[i] > 0.0f) - (room[i] < 0.0f), 1.0);
    }
}

static void add_values(const atl_phase *p, const atl_node *node, float *room, atl_train_sum *to) {
    if (!node || !atl_plan_read(p->plan, node, room))
        return;
    for (int64_t i = 0; i < atl_shape_count(&node->shape); i++)
        add(to, (double)room[i], 1.0);
}

// What a run says, into the sums of the step.
static void collect(atl_trainer *t, const atl_phase *p, atl_train_sum *sums) {
    static const enum atl_train_stat_kind LOSS[ATL_PHASES] = { ATL_STAT_G_LOSS, ATL_STAT_PL_PENALTY,
                                                               ATL_STAT_D_LOSS, ATL_STAT_D_REG };
    float loss = NAN;
    atl_plan_read(p->plan, p->loss, &loss);
    add(&sums[LOSS[p->kind]], (double)loss, p->n);
    if (p->kind == ATL_PHASE_G_MAIN)
        add_scores(p, p->fake_scores, t->scratch, &sums[ATL_STAT_SCORES_FAKE], &sums[ATL_STAT_SIGNS_FAKE]);
    if (p->kind == ATL_PHASE_D_MAIN)
        add_scores(p, p->real_scores, t->scratch, &sums[ATL_STAT_SCORES_REAL], &sums[ATL_STAT_SIGNS_REAL]);
    add_values(p, p->penalties, t->scratch, &sums[ATL_STAT_R1_PENALTY]);
    add_values(p, p->lengths, t->scratch, &sums[ATL_STAT_PL_LENGTH]);
}

// Sums of w go behind the gradients.
static void collect_w(atl_trainer *t, const atl_phase *p, float *w) {
    if (p->w_sum && atl_plan_read(p->plan, p->w_sum, t->scratch))
        for (int i = 0; i < t->g.dims.w_dim; i++)
            w[i] += t->scratch[i];
}

static void follow_w(atl_trainer *t, const float *w_sum, double samples) {
    const char *name = t->g.row->average;
    const atl_param *p = name ? atl_params_find(&t->g.params, name) : NULL;
    float *avg = p && p->count == (size_t)t->g.dims.w_dim ? atl_param_data(&t->g.params, p) : NULL;
    if (!avg)
        return;
    atl_resident_fetch(t->backend, avg, p->count);
    for (int i = 0; i < t->g.dims.w_dim; i++) {
        double w = (double)w_sum[i] / samples;
        avg[i] = (float)(w + ((double)avg[i] - w) * t->w_avg_beta);
    }
    atl_resident_push(t->backend, avg, p->count);
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

static void move_weights(const atl_phase *p, atl_adam *adam, float *gradient) {
    for (int i = 0; i < p->n_grads; i++)
        if (p->grads[i])
            atl_adam_step(adam, p->which[i], p->trained->params.data, gradient);
}

// All parts of the batch, without moving anything.
static atl_status run_parts(atl_trainer *t, atl_phase *p, int parts, float scale, atl_train_sum *sums) {
    size_t total = p->trained->params.total;
    float *w = t->gradient + total;
    t->backend->clear(t->backend, atl_resident_at(t->backend, t->gradient), total);
    memset(w, 0, (size_t)t->g.dims.w_dim * sizeof *w);
    atl_plan_attach(p->plan, t->block);
    for (int part = 0; part < parts; part++) {
        write_inputs(t, p, part);
        ATL_TRY(atl_phase_run(p, scale, t->gradient));
        collect(t, p, sums);
        collect_w(t, p, w);
    }
    return ATL_OK;
}

static atl_status run_phase(atl_trainer *t, atl_phase_kind kind, atl_train_sum *sums) {
    atl_phase *p = &t->phases[kind];
    int parts = t->local / t->options.batch_gpu, interval = atl_phase_interval(kind);
    bool main = interval == 1;
    float scale = (float)interval / (float)(parts * t->state.ranks);
    ATL_TRY(run_parts(t, p, parts, scale, sums));
    size_t total = p->trained->params.total, w_dim = p->w_sum ? (size_t)t->g.dims.w_dim : 0;
    if (main || t->state.ranks > 1)
        atl_resident_fetch(t->backend, t->gradient, total);
    ATL_TRY(atl_ranks_sum(t->ranks, t->gradient, total + w_dim));
    if (t->state.ranks > 1)
        atl_resident_push(t->backend, t->gradient, total);
    if (main)
        add(&sums[p->trained == &t->g ? ATL_STAT_G_GRADIENT : ATL_STAT_D_GRADIENT], norm_of(p, t->gradient),
            1.0 / t->state.ranks);
    if (w_dim)
        follow_w(t, t->gradient + total, (double)p->n * parts * t->state.ranks);
    move_weights(p, p->trained == &t->g ? &t->adam_g : &t->adam_d, t->gradient);
    return ATL_OK;
}

// ---- a step

static void adapt(atl_trainer *t, const atl_train_sum *signs) {
    t->sign_sum += signs->sum;
    t->sign_count += signs->count;
    if (t->options.aug != ATL_AUG_ADA || t->state.iteration % ADA_INTERVAL || t->sign_count <= 0.0)
        return;
    bool bounded;
    t->state.augment_p =
        (double)atl_augment_adapt((float)t->state.augment_p, t->sign_sum / t->sign_count, t->options.target,
                                  (double)t->options.batch * ADA_INTERVAL, t->options.ada_kimg, &bounded);
    t->state.augment_bounded = bounded;
    t->sign_sum = t->sign_count = 0.0;
}

static atl_status follow_g(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    float beta = atl_ema_beta(o->batch, o->ema_kimg, o->ema_rampup > 0.0 ? o->ema_rampup : 0.0,
                              (double)t->state.images);
    return atl_ema_update(t->backend, &t->g_ema.params, &t->g.params, beta);
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
    uint64_t set = atl_train_hash(ATL_TRAIN_HASH, &t->set.count, sizeof t->set.count);
    for (size_t i = 0; t->data && i < t->set.count; i++) {
        const char *name = atl_dataset_name(t->data, atl_sampler_picture(t->subset, i));
        set = atl_train_hash(set, name, strlen(name));
    }
    ATL_TRY(atl_ranks_same(t->ranks, set, "the data set"));
    ATL_TRY(agree_on_options(t));
    uint64_t weights = atl_params_fingerprint(&t->g.params) ^ atl_params_fingerprint(&t->d.params) * 3;
    return atl_ranks_same(t->ranks, weights, "the networks' weights");
}

atl_status atl_trainer_step(atl_trainer *t) {
    atl_train_sum sums[ATL_STATS] = { { 0 } };
    ATL_TRY(atl_trainer_memory(t));
    atl_ranks_step(t->ranks, t->state.iteration);
    ATL_TRY(check_ranks(t));
    ATL_TRY(next_reals(t));
    for (int k = 0, i = 0; k < ATL_PHASES; k++) {
        if (!t->has[k])
            continue;
        atl_train_phase *cost = &t->costs[i++];
        if (t->state.iteration % (uint64_t)cost->interval)
            continue;
        double start = now(t);
        ATL_TRY(run_phase(t, (atl_phase_kind)k, sums));
        cost->seconds += now(t) - start;
    }
    ATL_TRY(atl_ranks_sum_double(t->ranks, &sums[0].count, (size_t)ATL_STATS * 3));
    const atl_train_sum *lengths = &sums[ATL_STAT_PL_LENGTH];
    if (lengths->count > 0.0)
        t->state.pl_mean +=
            (lengths->sum / lengths->count - t->state.pl_mean) * 0.01; // Karras et al. 2020, appendix B
    ATL_TRY(follow_g(t));
    t->state.iteration++;
    t->state.images += (uint64_t)t->options.batch;
    adapt(t, &sums[ATL_STAT_SIGNS_REAL]);
    keep_stats(t, sums);
    return ATL_OK;
}

atl_status atl_trainer_any(atl_trainer *t, int *flag) {
    bool any = *flag != 0;
    ATL_TRY(atl_ranks_any(t->ranks, &any));
    *flag = any;
    return ATL_OK;
}

// ---- measuring

atl_status atl_trainer_measure(atl_trainer *t, int runs) {
    enum { MOST = 101 };
    const double LONG = 2.0;
    double seconds[MOST], per_step = 0.0;
    if (runs < 1 || runs > MOST)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%d runs are not possible: 1 to %d are", runs, MOST);
    ATL_TRY(atl_trainer_memory(t));
    for (int k = 0, at = 0; k < ATL_PHASES; k++) {
        atl_train_sum sums[ATL_STATS] = { { 0 } };
        for (int i = -1; t->has[k] && i < runs; i++) {
            double start = now(t), took;
            ATL_TRY(run_parts(t, &t->phases[k], 1, 1.0f, sums));
            took = now(t) - start;
            if (i >= 0 ||
                took > LONG) // the first run touches memory for the first time: counts only where it is long
                seconds[i < 0 ? ++i : i] = took;
        }
        if (!t->has[k])
            continue;
        atl_train_phase *cost = &t->costs[at++];
        cost->ms = atl_median(seconds, runs) * 1e3;
        per_step += cost->ms * 1e-3 * cost->runs / cost->interval;
    }
    t->cost.sec_per_kimg = per_step * 1000.0 / t->options.batch;
    return ATL_OK;
}
