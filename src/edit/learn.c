// SPDX-License-Identifier: Apache-2.0
// Opening, stepping and closing what learns to align; <atelier/congeal.h> says what it is.
#include "edit/learn.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "graph/resident.h"

enum {
    STEPS_USUAL = 800000,
    STEPS_MOST = 100000000,
    SAMPLES_USUAL = 16384,
    SIDE_MOST = 128,
    SIDE_LEAST = 16,
    FACTOR = 8,
    LAST_SIDE = 4,
    FINE_SIDE = 64,
    COARSE_SIDE = 32,
    WIDTH_LEAST = 4,
    THETA = 6
};

static const double PI = 3.14159265358979323846;

// ---- options

static bool between(double x, double low, double high) {
    return x >= low && x <= high; // false for what is no number
}

static void fill_defaults(atl_congeal_trainer *t) {
    atl_congeal_train_options *o = &t->o;
    const atl_model_dims *d = &t->generator->network->dims;
    o->steps = o->steps ? o->steps : STEPS_USUAL;
    t->side = d->width < SIDE_MOST ? d->width : SIDE_MOST;
    o->channels = o->channels ? o->channels : t->side == SIDE_MOST ? 512 : 64;
    o->psi_steps = o->psi_steps ? o->psi_steps : (int)((int64_t)o->steps * 3 / 16); // 150000 of 800000
    o->period = o->period ? o->period : (int)((int64_t)o->steps * 3 / 64);          // 37500 of them
    o->psi_steps = o->psi_steps < 1 ? 1 : o->psi_steps;
    o->period = o->period < 1 ? 1 : o->period;
    o->inject = o->inject > d->num_ws ? d->num_ws : o->inject;
    o->samples = o->samples ? o->samples : SAMPLES_USUAL;
    o->padding = o->padding ? o->padding : ATL_PADDING_REFLECTION;
}

static atl_status check_numbers(const atl_congeal_trainer *t) {
    const atl_congeal_train_options *o = &t->o;
    if (o->steps < 1 || o->steps > STEPS_MOST || o->batch < 1 || o->batch > 256 || o->heads < 1 ||
        o->heads > ATL_LEARN_HEADS || o->psi_steps < 1 || o->period < 1 || o->samples < 2 ||
        o->samples > 1 << 24)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%d steps of %d pairs with %d clusters are not possible: 1 to %d steps, 1 to 256 pairs and 1 "
            "to %d clusters are",
            o->steps, o->batch, o->heads, STEPS_MOST, ATL_LEARN_HEADS);
    if (o->directions < 1 || o->directions > ATL_LEARN_DIRECTIONS ||
        o->directions > t->generator->network->dims.w_dim || o->inject < 1 || o->channels < WIDTH_LEAST ||
        o->channels > 4096)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%d directions, %d layers and %d channels are not possible: there are %d numbers in w, and %d "
            "to 4096 channels can be",
            o->directions, o->inject, o->channels, t->generator->network->dims.w_dim, WIDTH_LEAST);
    if (o->classifier_steps < 0 || o->classifier_steps > STEPS_MOST)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%d steps of the classifier are not possible: 0 to %d are",
                        o->classifier_steps, STEPS_MOST);
    if (o->classifier_steps && atl_learn_ways(t) < 2)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "a classifier has nothing to tell apart where there is one cluster and no mirror image: leave "
                        "its steps out");
    if (!between(o->lr, 1e-12, 1e3) || !between(o->target_lr, 0.0, 1e3) || !between(o->tv, 0.0, 1e9) ||
        !between(o->identity, 0.0, 1e9) || !between(o->jitter, 0.0, 1.0) || o->padding < ATL_PADDING_FILE ||
        o->padding > ATL_PADDING_ZEROS)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "a rate, a weight or the padding of the alignment is out of range");
    return ATL_OK;
}

static atl_status check_generator(const atl_congeal_trainer *t) {
    const atl_network *g = t->generator->network;
    const atl_model_dims *d = &g->dims;
    if (!atl_model_function_find(g->row, "map") || !atl_model_function_find(g->row, "synthesize") ||
        !d->z_dim)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "%s is a %s, and alignment is learnt from a generator with a w", g->name,
                        g->row->role);
    if (d->c_dim)
        return atl_fail(t->ctx, ATL_UNSUPPORTED,
                        "the generator has %d classes, and alignment is learnt from one of a single class",
                        d->c_dim);
    if (d->channels != 3 || d->width != d->height || d->width < SIDE_LEAST || (d->width & (d->width - 1)))
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "the generator makes pictures of %dx%d pixels and %d channels, and alignment is learnt from "
            "colour pictures whose side is a power of 2, %d or more",
            d->width, d->height, d->channels, SIDE_LEAST);
    return ATL_OK;
}

// ---- networks

// Channels at a resolution: those of the coarse layers, a quarter at 64 pixels, an eighth above.
static int width_at(const atl_congeal_trainer *t, int side) {
    int width = t->o.channels / (side <= COARSE_SIDE ? 1 : side <= FINE_SIDE ? 4 : 8);
    return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

json_t *atl_learn_channels(const atl_congeal_trainer *t, atl_json *b, int last, bool again) {
    json_t *channels = atl_json_list(b);
    for (int side = t->side; side >= last; side /= 2)
        atl_json_add(b, channels, json_integer(width_at(t, side)));
    if (again)
        atl_json_add(b, channels, json_integer(width_at(t, last)));
    return channels;
}

static json_t *transform_json(const atl_congeal_trainer *t, atl_json *b, const char *kind, int last, bool again) {
    return json_pack("{s:s s:o}", "kind", kind, "channels", atl_learn_channels(t, b, last, again));
}

static atl_status make_transformer(atl_congeal_trainer *t) {
    static const char *const PADDINGS[] = { "border", "border", "reflection", "zeros" };
    atl_json b = { .ctx = t->ctx };
    json_t *list = atl_json_list(&b);
    atl_json_add(&b, list, transform_json(t, &b, "similarity", LAST_SIDE, false));
    if (t->o.flow)
        atl_json_add(&b, list, transform_json(t, &b, "flow", t->side / FACTOR, true));
    json_t *config = json_pack("{s:o s:i s:i s:i s:i s:s}", "transforms", list, "flow_size", t->side,
                               "supersize", t->generator->network->dims.width, "num_heads", t->o.heads,
                               "flow_downsample", FACTOR, "padding_mode", PADDINGS[t->o.padding]);
    if (atl_json_check(&b, "a transformer's layers") != ATL_OK) {
        json_decref(config);
        return ATL_NO_MEMORY;
    }
    const atl_model_row *row = atl_model_row_find("spatial_transformer");
    ATL_TRY(atl_network_make(t->ctx, row, "T", config, t->o.seed, &t->t.network));
    return atl_network_copy(&t->t.network, &t->average);
}

static atl_status make_target(atl_congeal_trainer *t) {
    json_t *config = json_pack("{s:i s:i s:i}", "num_heads", t->o.heads, "directions", t->o.directions,
                               "w_dim", t->generator->network->dims.w_dim);
    ATL_TRY(atl_network_make(t->ctx, atl_model_row_find("target_latent"), "target", config, 0,
                             &t->target.network));
    return atl_learn_begin_target(t);
}

// Its values on the device, its moments, its gradient.
atl_status atl_learn_hold(atl_congeal_trainer *t, atl_learnt *l, double lr) {
    const atl_params *p = &l->network.params;
    const atl_adam_options o = { .lr = (float)lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f };
    ATL_TRY(atl_resident_take(t->backend, p->data, p->total, p->version, NULL));
    ATL_TRY(atl_adam_init(&l->adam, t->backend, p, &o));
    l->gradient = atl_calloc(t->ctx, p->total ? p->total : 1, sizeof *l->gradient);
    return l->gradient ? atl_resident_take(t->backend, l->gradient, p->total, 0, NULL) : ATL_NO_MEMORY;
}

void atl_learn_release(atl_congeal_trainer *t, atl_learnt *l) {
    atl_adam_clear(&l->adam);
    atl_resident_drop(t->backend, l->gradient);
    if (l->network.ctx)
        atl_resident_drop(t->backend, l->network.params.data);
    atl_network_clear(&l->network);
    atl_free(t->ctx, l->gradient);
}

// ---- opening

static atl_status make_plan(atl_congeal_trainer *t) {
    int count = t->t.n_grads + t->target.n_grads;
    atl_node **outputs = atl_arena_alloc(&t->graph.arena, (size_t)count + 4, sizeof *outputs);
    if (!outputs)
        return ATL_NO_MEMORY;
    memcpy(outputs, t->t.grads, (size_t)t->t.n_grads * sizeof *outputs);
    memcpy(outputs + t->t.n_grads, t->target.grads, (size_t)t->target.n_grads * sizeof *outputs);
    outputs[count++] = t->loss;
    outputs[count++] = t->likely;
    outputs[count++] = t->variation;
    outputs[count++] = t->size;
    return atl_plan_make(&t->graph, t->backend, outputs, count, &(atl_plan_options){ .detached = false },
                         &t->plan);
}

static atl_status prepare(atl_congeal_trainer *t) {
    const atl_model_dims *d = &t->generator->network->dims;
    ATL_TRY(check_generator(t));
    fill_defaults(t);
    ATL_TRY(check_numbers(t));
    t->room = atl_alloc(t->ctx, (size_t)t->o.batch, (size_t)(d->z_dim + d->w_dim + THETA) * sizeof *t->room);
    if (!t->room)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_learn_find_likeness(t));
    ATL_TRY(make_transformer(t));
    ATL_TRY(make_target(t));
    ATL_TRY(atl_learn_hold(t, &t->t, t->o.lr));
    ATL_TRY(atl_learn_hold(t, &t->target, t->o.target_lr));
    ATL_TRY(atl_resident_take(t->backend, t->average.params.data, t->average.params.total,
                              t->average.params.version, NULL));
    t->state = (atl_congeal_train_state){ .steps = t->o.steps + t->o.classifier_steps, .psi = 1.0, .lr = t->o.lr };
    ATL_TRY(atl_learn_build(t));
    if (t->o.classifier_steps)
        ATL_TRY(atl_judge_make(t));
    return make_plan(t);
}

atl_status atl_congeal_trainer_make(atl_programs *generator, const atl_network *lpips,
                                    const atl_congeal_train_options *options, atl_congeal_trainer **out) {
    atl_ctx *ctx = generator->network->ctx;
    atl_congeal_trainer *t = *out = atl_calloc(ctx, 1, sizeof *t);
    if (!t)
        return ATL_NO_MEMORY;
    *t = (atl_congeal_trainer){
        .ctx = ctx, .backend = generator->backend, .generator = generator, .lpips = lpips, .o = *options
    };
    atl_graph_init(&t->graph, ctx);
    atl_graph_init(&t->judging.graph, ctx);
    atl_status status = prepare(t);
    if (status != ATL_OK)
        atl_congeal_trainer_close(out);
    return status;
}

void atl_congeal_trainer_close(atl_congeal_trainer **t_) {
    atl_congeal_trainer *t = t_ ? *t_ : NULL;
    if (!t)
        return;
    atl_plan_close(&t->plan);
    atl_graph_clear(&t->graph);
    atl_judge_close(t);
    atl_learn_release(t, &t->t);
    atl_learn_release(t, &t->target);
    if (t->average.ctx)
        atl_resident_drop(t->backend, t->average.params.data);
    atl_network_clear(&t->average);
    atl_free(t->ctx, t->room);
    atl_free(t->ctx, t);
    *t_ = NULL;
}

const atl_congeal_train_state *atl_congeal_trainer_get_state(const atl_congeal_trainer *t) {
    return &t->state;
}

// ---- the schedule (Peebles et al. 2022, appendix)

// From 1 to 0 in half a wave.
static double psi_at(const atl_congeal_trainer *t, int step) {
    return step >= t->o.psi_steps ? 0.0 : 0.5 * (1.0 + cos(PI * step / t->o.psi_steps));
}

// 1 while the target moves; then half waves from a peak to 0, each period twice as long and its peak 0.9 as
// high.
static double share_at(const atl_congeal_trainer *t, int step) {
    double peak = 1.0;
    int64_t at = step - t->o.psi_steps, period = t->o.period;
    if (at < 0)
        return 1.0;
    for (; at >= period; period *= 2) {
        at -= period;
        peak *= 0.9;
    }
    return peak * 0.5 * (1.0 + cos(PI * (double)at / (double)period));
}

// ---- a step

// Maps of the pictures of a step, from the jittered place to the picture: [batch, 2, 3]
static void draw_jitter(const atl_congeal_trainer *t, float *theta) {
    const uint64_t OF_JITTER = UINT64_C(1) << 61; // streams that no z has
    for (int i = 0; i < t->o.batch; i++) {
        float u[4];
        double v[4];
        atl_philox_uniform(t->o.seed, OF_JITTER + (uint64_t)t->state.step, 4 * (uint64_t)i, 4, u);
        for (int k = 0; k < 4; k++)
            v[k] = t->o.jitter * (2.0 * (double)u[k] - 1.0);
        double s = exp(v[1]), c = s * cos(PI * v[0]), d = s * sin(PI * v[0]);
        const double map[6] = { c, -d, v[2], d, c, v[3] };
        for (int k = 0; k < 6; k++)
            theta[6 * i + k] = (float)map[k];
    }
}

atl_status atl_learn_read(atl_congeal_trainer *t, const atl_plan *plan, const atl_node *node, double *value) {
    float one;
    if (!atl_plan_read(plan, node, &one))
        return atl_fail(t->ctx, ATL_INTERNAL, "a loss of the alignment can't be read");
    *value = (double)one;
    return ATL_OK;
}

static atl_status read_losses(atl_congeal_trainer *t) {
    ATL_TRY(atl_learn_read(t, t->plan, t->loss, &t->state.loss));
    ATL_TRY(atl_learn_read(t, t->plan, t->likely, &t->state.likeness));
    ATL_TRY(atl_learn_read(t, t->plan, t->variation, &t->state.tv));
    ATL_TRY(atl_learn_read(t, t->plan, t->size, &t->state.identity));
    if (isfinite(t->state.loss))
        return ATL_OK;
    return atl_fail(
        t->ctx, ATL_BAD_ARGUMENT,
        "step %d: the loss is not a number; the networks are as they were before this step: a smaller "
        "rate may help",
        t->state.step);
}

atl_status atl_learn_move(atl_congeal_trainer *t, const atl_plan *plan, atl_learnt *l, double lr) {
    atl_backend *b = t->backend;
    atl_params *p = &l->network.params;
    b->clear(b, atl_resident_at(b, l->gradient), p->total);
    for (int i = 0; i < l->n_grads; i++) {
        const atl_param *q = &p->list[l->which[i]];
        const float *at = atl_plan_at(plan, l->grads[i]);
        if (!at)
            return atl_fail(t->ctx, ATL_INTERNAL, "the gradient of %s can't be read", q->name);
        b->accumulate(b, atl_resident_at(b, l->gradient + q->offset), at, q->count, 1.0f);
    }
    l->adam.options.lr = (float)lr;
    for (int i = 0; i < l->n_grads; i++)
        atl_adam_step(&l->adam, l->which[i], p->data, l->gradient);
    return ATL_OK;
}

atl_status atl_learn_give(atl_congeal_trainer *t, atl_plan *plan, const atl_pairs *pairs, double psi) {
    const atl_model_dims *d = &t->generator->network->dims;
    float *w = t->room + (size_t)t->o.batch * (size_t)(d->z_dim + THETA);
    ATL_TRY(atl_learn_draw(t, (uint64_t)t->state.step, t->o.batch, w));
    atl_plan_write(plan, pairs->w, w);
    atl_plan_write(plan, pairs->psi, &(const float){ (float)psi });
    if (pairs->theta) {
        draw_jitter(t, t->room); // z is not needed any more
        atl_plan_write(plan, pairs->theta, t->room);
    }
    return ATL_OK;
}

static atl_status learn_step(atl_congeal_trainer *t) {
    const double SHOWN = 32.0,
                 HALF_LIFE = 10.0; // pictures of a step and thousands of them, as the paper counts
    double psi = psi_at(t, t->state.step), share = share_at(t, t->state.step);
    if (!t->plan) { // an earlier step was restored
        atl_plan_close(&t->judging.plan);
        ATL_TRY(make_plan(t));
    }
    ATL_TRY(atl_learn_give(t, t->plan, &t->pairs, psi));
    ATL_TRY(atl_plan_run(t->plan));
    ATL_TRY(read_losses(t));
    ATL_TRY(atl_learn_move(t, t->plan, &t->t, t->o.lr * share));
    if (t->o.target_lr > 0.0)
        ATL_TRY(atl_learn_move(t, t->plan, &t->target, t->o.target_lr * share));
    ATL_TRY(atl_ema_update(t->backend, &t->average.params, &t->t.network.params,
                           atl_ema_beta(SHOWN, HALF_LIFE, 0.0, 0.0), 0.0f));
    t->state.psi = psi;
    t->state.lr = t->o.lr * share;
    t->state.step++;
    return ATL_OK;
}

atl_status atl_congeal_trainer_step(atl_congeal_trainer *t) {
    if (t->state.step >= t->state.steps)
        return ATL_OK;
    return t->state.step < t->o.steps ? learn_step(t) : atl_judge_step(t);
}
