// SPDX-License-Identifier: Apache-2.0
// The recipe of encoders: pSp, e4e, ReStyle and HyperStyle; see encoding.h for what they stand on.
//
//     Emain   pictures against what the generator makes of their codes    every step, in steps where results
//     are seen Dmain   latents of the mapping network against those of the encoder  every step, with the loss
//     adv Dreg    R1 of the same                                               every 16th
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/resident.h"
#include "train/draw.h"
#include "train/encoding.h"
#include "train/gan.h"

enum { COLOURS = 3 };
static const double MOMENTUM = 0.1; // of running means of batch norms, as the usual ones have it

// With noise drawn anew where codes come in one step; steps see the same noise again.
static atl_node *synthesized(atl_phase_builder *b, const atl_encoding *e, atl_net *g_net, atl_node *ws) {
    atl_call call = { .n = b->n, .noise = e->kind->sees_result ? ATL_NOISE_CONST : ATL_NOISE_RANDOM };
    if (ws->op == ATL_OP_POISON)
        return ws;
    atl_call_bind(b->g, &call, "ws", ws);
    atl_network_call(&e->generator, "synthesize", g_net, &call);
    atl_draw_asked(b, &call);
    return atl_encoding_reduced(b->g, e, atl_call_result(b->g, &call, "img"));
}

// The loss of differences ends with the schedule, as published; without one it stays.
static void write_scale(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_encoding *e = atl_encoding_of(run->trainer);
    room[0] = !e->every || atl_encoding_stage(e, run->iteration) < e->num_ws ? 1.0f : 0.0f;
    atl_plan_write(plan, d->input, room);
}

static bool rests(const atl_trainer *t, const char *name) {
    const atl_encoding *e = atl_encoding_of(t);
    int layer = 0;
    if (!e->every || strncmp(name, "styles.", 7) != 0)
        return false;
    for (const char *p = name + 7; *p >= '0' && *p <= '9'; p++)
        layer = 10 * layer + (*p - '0');
    return layer > atl_encoding_stage(e, t->state.iteration);
}

// ---- what one step leaves for the next, of each sample of a run

typedef struct memory {
    const atl_node *input;
    const float *first; // of a sample, in step 0; NULL: zeros
    float *values;      // [n, row]
    size_t row, n;
} memory;

static void write_memory(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const memory *m = d->state;
    if (run->turn) {
        atl_plan_write(plan, d->input, m->values);
        return;
    }
    memset(room, 0, m->n * m->row * sizeof *room);
    for (size_t i = 0; m->first && i < m->n; i++)
        memcpy(room + i * m->row, m->first, m->row * sizeof *room);
    atl_plan_write(plan, d->input, room);
}

static void read_memory(const atl_draw_run *run, const float *values, void *state) {
    memory *m = state;
    (void)run;
    memcpy(m->values, values, m->n * m->row * sizeof *values);
}

// The input [n, ...]; *m is handed what `remember` says.
static atl_node *remembered(atl_phase_builder *b, const char *name, atl_shape shape, const float *first,
                            memory **made) {
    size_t n = (size_t)shape.d[0], row = (size_t)atl_shape_count(&shape) / n;
    memory *m = *made = atl_arena_alloc(&b->g->arena, 1, sizeof *m);
    float *values = atl_arena_alloc(&b->g->arena, n * row, sizeof *values);
    if (!m || !values)
        return atl_graph_fail(b->g, ATL_NO_MEMORY, "out of memory for what steps remember");
    *m = (memory){ .first = first, .values = values, .row = row, .n = n };
    return atl_draw_with(b, name, shape, write_memory, m);
}

static void remember(atl_phase_builder *b, atl_node *node, memory *m) {
    if (m && node->op != ATL_OP_POISON)
        atl_phase_hand(b, node, read_memory, m);
}

// ---- batch norms

// Per sample and added up: mean and variance of each norm, and a one.
static void track_norms(atl_phase_builder *b, atl_encoding *e, const atl_norms *norms) {
    const atl_net *net = &b->nets[ATL_TRAIN_G];
    const atl_params *params = &b->phase->trained->params;
    atl_node **parts = atl_arena_alloc(&b->g->arena, 2 * ATL_NORMS + 1, sizeof *parts);
    int count = 0;
    if (!parts || b->g->status != ATL_OK || !net->nodes)
        return;
    for (int k = 0; k < 2 * norms->count; k++) {
        size_t i = 0;
        while (i < params->size && net->nodes[i] != norms->list[k / 2].buffers[k % 2])
            i++;
        e->tracks[count] = i;
        parts[count++] = atl_scale(b->g, norms->list[k / 2].batch[k % 2], (float)b->n);
    }
    e->n_tracks = count;
    parts[count++] = atl_fill(b->g, ATL_SHAPE(1), (float)b->n);
    b->phase->sum = atl_concat(b->g, parts, count, 0);
}

static void follow_norms(atl_trainer *t, const float *sum, double samples) {
    const atl_encoding *e = atl_encoding_of(t);
    size_t total = 0;
    for (int k = 0; k < e->n_tracks; k++)
        total += t->g.params.list[e->tracks[k]].count;
    double beta = pow(1.0 - MOMENTUM, e->steps); // as after each of the steps
    (void)samples;                               // are counted behind the numbers, in all steps
    for (int k = 0; k < e->n_tracks; k++) {
        const atl_param *p = &t->g.params.list[e->tracks[k]];
        atl_gan_follow(t, p, sum, (double)sum[total], beta);
        sum += p->count;
        total -= p->count;
    }
}

static atl_node *encoder_loss(atl_phase_builder *b, atl_encoding *e) {
    atl_graph *g = b->g;
    atl_norms *norms = atl_encoding_in_training(b);
    atl_net g_net = atl_network_in(g, &e->generator, "generator");
    atl_encoded x = { .share = atl_encoding_share(b, e) };
    memory *seen = NULL, *before = NULL;
    if (e->kind->grows)
        x.scale = atl_draw_with(b, "delta", ATL_SHAPE(1), write_scale, NULL);
    x.picture = atl_encoding_pictures(b, e, &g_net, &x.target);
    atl_node *img = atl_encoding_shown(b, e, x.picture), *base = atl_encoding_average(g, e, b->n);
    if (e->kind->sees_result) {
        atl_shape size = ATL_SHAPE(b->n, e->height, e->width, COLOURS),
                  codes = ATL_SHAPE(b->n, e->num_ws, e->w_dim);
        img = atl_encoding_beside(g, img, remembered(b, "seen", size, e->start, &seen));
        // what codes were added up to, without the average
        base = atl_add(g, base, remembered(b, "before", codes, NULL, &before));
    }
    x.codes = atl_encoding_codes(&b->nets[ATL_TRAIN_G], b->setup->networks[ATL_TRAIN_G], img, x.share);
    x.ws = atl_add(g, base, x.codes);
    x.made = synthesized(b, e, &g_net, x.ws);
    if (e->kind->sees_result) {
        remember(b, x.made, seen);
        remember(b, atl_sub(g, x.ws, atl_encoding_average(g, e, b->n)), before);
    }
    track_norms(b, e, norms);
    return atl_encoding_loss_of(b, e, &x);
}

// ---- the hypernetwork

static atl_node *hyper_loss(atl_phase_builder *b, atl_encoding *e) {
    atl_graph *g = b->g;
    atl_norms *norms = atl_encoding_in_training(b);
    atl_net g_net = atl_network_in(g, &e->generator, "generator"),
            w_net = atl_network_in(g, &e->w_encoder, "w");
    atl_encoded x = { .share = NULL };
    memory *kept[ATL_ENCODING_LAYERS] = { NULL };
    atl_node *before[ATL_ENCODING_LAYERS], *deltas[ATL_ENCODING_LAYERS];
    x.picture = atl_encoding_pictures(b, e, &g_net, &x.target);
    x.codes = atl_encoding_codes(&w_net, &e->w_encoder, x.picture, NULL);
    x.ws = atl_add(g, atl_encoding_average(g, e, b->n), x.codes);
    for (int i = 0; i < e->n_layers; i++) {
        char name[24];
        snprintf(name, sizeof name, "deltas.%d", i);
        before[i] = remembered(b, atl_arena_printf(&g->arena, "%s", name),
                               atl_encoding_delta_shape(e, i, b->n), NULL, &kept[i]);
    }
    atl_node *seen = atl_encoding_tuned(g, e, b->n, x.ws, before);
    atl_encoding_tune(&b->nets[ATL_TRAIN_G], b->setup->networks[ATL_TRAIN_G], e,
                      atl_encoding_beside(g, x.picture, seen), deltas);
    for (int i = 0; i < e->n_layers && g->status == ATL_OK; i++) {
        deltas[i] = atl_add(g, before[i], deltas[i]);
        remember(b, deltas[i], kept[i]);
    }
    x.made = atl_encoding_tuned(g, e, b->n, x.ws, deltas);
    track_norms(b, e, norms);
    return atl_encoding_loss_of(b, e, &x);
}

static atl_node *e_main(atl_phase_builder *b) {
    atl_encoding *e = b->setup->own;
    return e->kind->type ? encoder_loss(b, e) : hyper_loss(b, e);
}

// By the losses' text, which has no "auto" when plans are made.
static bool wants_d(const atl_train_options *o) {
    const char *at = strstr(o->losses, "adv:");
    return at && strtod(at + 4, NULL) > 0.0;
}

static bool wants_d_reg(const atl_train_options *o) {
    return wants_d(o) && o->gamma > 0.0;
}

static int turns(const atl_train_options *o) {
    return o->steps;
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .wanted = wants_d,
      .loss = atl_encoding_d_main,
      .agree = atl_encoding_d_agree },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = wants_d_reg,
      .loss = atl_encoding_d_reg },
    { .name = "Emain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = e_main,
      .follow = follow_norms,
      .turns = turns,
      .norm = "Gradient/E" },
};

// ---- besides the phases

static atl_adam_options optimiser(const atl_trainer *t, atl_train_net which) {
    const atl_train_options *o = &t->options;
    atl_adam_options ranger = ATL_RANGER_OPTIONS_INIT, adam = { 0.0f, 0.9f, 0.999f, 1e-8f, false, 0.0f };
    atl_adam_options a = which == ATL_TRAIN_G && !strcmp(o->optimizer, "ranger") ? ranger : adam;
    a.lr = (float)(which == ATL_TRAIN_G ? o->glr : o->dlr);
    return a;
}

static const atl_network *generator(const atl_trainer *t) {
    return &atl_encoding_of(t)->generator;
}

static const char *lacks(const atl_trainer *t, int index) {
    const atl_encoding *e = atl_encoding_of(t);
    return index >= 0 && index < e->n_lacks ? e->lacks[index] : NULL;
}

// The generator comes with the encoder, and with a hypernetwork the encoder, too.
static const atl_network *kept(const atl_trainer *t, int index, const char **key) {
    static const char *const KEPT[] = { "G_ema", "encoder" };
    const atl_encoding *e = atl_encoding_of(t);
    const atl_network *list[] = { &e->generator, &e->w_encoder };
    if (index > 1 || !list[index]->row)
        return NULL;
    *key = KEPT[index];
    return list[index];
}

static const char *const KEYS[] = { "E", "D", "encoder" }, *const HYPER_KEYS[] = { "H", "D", "hypernet" };

// What is trained, and the names of its networks in files, tell them apart.
#define RECIPE(name, names)                                                                                  \
    {                                                                                                        \
        .family = name,                                                                                      \
        .keys = names,                                                                                       \
        .trunk = "identity",                                                                                 \
        .loss = "logistic",                                                                                  \
        .aug = ATL_AUG_NONE,                                                                                 \
        .networks = atl_encoding_networks,                                                                   \
        .begin = atl_encoding_begin,                                                                         \
        .close = atl_encoding_close,                                                                         \
        .generator = generator,                                                                              \
        .kept = kept,                                                                                        \
        .stays = atl_encoding_stays,                                                                         \
        .optimiser = optimiser,                                                                              \
        .beside = atl_encoding_read_inputs,                                                                  \
        .channels = atl_encoding_channels,                                                                   \
        .input = atl_encoding_input,                                                                         \
        .view = atl_encoding_view,                                                                           \
        .sample = atl_encoding_sample,                                                                       \
        .lacks = lacks,                                                                                      \
        .rests = rests,                                                                                      \
        .state = atl_encoding_state,                                                                         \
        .phases = PHASES,                                                                                    \
        .n_phases = sizeof PHASES / sizeof *PHASES,                                                          \
    }

const atl_recipe atl_recipe_encoder = RECIPE("encoder", KEYS);
const atl_recipe atl_recipe_hyperstyle = RECIPE("hyperstyle", HYPER_KEYS);
