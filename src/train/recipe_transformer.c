// SPDX-License-Identifier: Apache-2.0
// How networks that predict codes are trained: the second stage of VQ-GAN (Esser et al. 2021), that of
// ViT-VQGAN (Yu et al. 2022) and PixelCNNs over the codes of VQ-VAE (van den Oord et al. 2017), on the codes
// that an autoencoder, the first stage, makes of a set.
//
//   Gmain   cross entropy of each code of a picture by those before it
//   Held    the same of pictures that are held out, now and then, without dropout: nothing learns of it
//
// The first has its condition, a class or the code 0, in the codes' own vocabulary, in front of them; the
// second gives it one of its own.  A PixelCNN hides what is not to be seen itself, and of two maps draws one:
// the bottom one with the top one as its condition.
#include <math.h>
#include <string.h>

#include "base/names.h"
#include "base/philox.h"
#include "io/json.h"
#include "models/pixelcnn.h"
#include "models/transformer.h"
#include "run/draw_codes.h"
#include "train/coded.h"
#include "train/gan.h"
#include "train/loss.h"

enum { CLASSES_MOST = 1 << 20, HELD_INTERVAL = 16 };

typedef struct second_stage {
    atl_coded coded;
    bool vit, pixels;
    int first, length; // the codes of a picture that are predicted
    int rows, columns; // of their map
} second_stage;

static second_stage *stage_of(const atl_trainer *t) {
    return t->own;
}

// ---- what a run is given

typedef struct given {
    const second_stage *s;
    bool held;
} given;

// Each code stays with probability pkeep, and else is any: two numbers for each.
static void replace(const atl_draw_run *run, const atl_draw *d, const second_stage *s, int i, float *codes) {
    double keep = run->trainer->options.pkeep;
    uint64_t number = run->first + (uint64_t)i * run->step, length = (uint64_t)s->length;
    int all = s->coded.vocabulary;
    for (uint64_t k = 0; k < length && keep < 1.0; k++) {
        float u[2];
        atl_philox_uniform(run->seed, atl_draw_stream(run, d), 2 * (number * length + k), 2, u);
        float any = floorf(u[1] * (float)all);
        if ((double)u[0] >= keep)
            codes[k] = any < (float)all ? any : (float)(all - 1);
    }
}

// What stands before each code of a picture: of VQ-GAN's the condition and all codes but the last.
static void write_given(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const given *g = d->state;
    const second_stage *s = g->s;
    size_t length = (size_t)s->length;
    for (int i = 0; i < run->n; i++) {
        int32_t class;
        const int32_t *codes = atl_coded_sample(&s->coded, run, i, g->held, &class) + s->first;
        float *row = room + (size_t)i * length;
        for (size_t k = 0; k < length; k++)
            row[k] = (float)codes[k];
        if (!g->held)
            replace(run, d, s, i, row);
        if (!s->vit && !s->pixels) {
            memmove(row + 1, row, (length - 1) * sizeof *row);
            row[0] = (float)class;
        }
    }
    atl_plan_write(plan, d->input, room);
}

// `count` codes of each picture from `first` on.
static void write_codes(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room, int first,
                        int count) {
    const given *g = d->state;
    for (int i = 0; i < run->n; i++) {
        const int32_t *codes = atl_coded_sample(&g->s->coded, run, i, g->held, NULL) + first;
        for (int k = 0; k < count; k++)
            room[i * count + k] = (float)codes[k];
    }
    atl_plan_write(plan, d->input, room);
}

static void write_target(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const given *g = d->state;
    write_codes(run, d, plan, room, g->s->first, g->s->length);
}

static void write_above(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const given *g = d->state;
    write_codes(run, d, plan, room, 0, g->s->coded.top);
}

static void write_class(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const given *g = d->state;
    for (int i = 0; i < run->n; i++) {
        int32_t class;
        (void)atl_coded_sample(&g->s->coded, run, i, g->held, &class);
        room[i] = (float)class;
    }
    atl_plan_write(plan, d->input, room);
}

// ---- the loss

// Dropout: the numbers that stay make up for those that don't (Srivastava et al. 2014, section 10).
static atl_node *spare(void *user, atl_net *net, atl_node *x) {
    atl_phase_builder *b = user;
    float share = (float)b->o->dropout;
    if (!net->trains)
        return x;
    const char *name = atl_arena_printf(&b->g->arena, "spared.%d", b->phase->n_draws);
    if (!name)
        return atl_graph_fail(b->g, ATL_NO_MEMORY, "out of memory");
    atl_node *u = atl_draw_uniform(b, name, ATL_SHAPE(b->n, atl_shape_count(&x->shape) / b->n));
    atl_node *stays = atl_unary(b->g, ATL_FN_INSIDE, u, share, 1.0f);
    stays = atl_scale(b->g, atl_reshape(b->g, stays, x->shape), 1.0f / (1.0f - share));
    return atl_mul(b->g, x, stays);
}

static atl_node *predicted(atl_phase_builder *b, const given *state) {
    const second_stage *s = state->s;
    const atl_touch touch = { .user = b, .spared = spare };
    atl_call call = { .n = b->n, .touch = b->o->dropout > 0.0 ? &touch : NULL };
    if (s->vit || (s->pixels && b->o->cond))
        atl_call_bind(b->g, &call, "conds",
                      atl_draw_with(b, "conds", ATL_SHAPE(b->n, 1), write_class, state));
    atl_call_bind(b->g, &call, "codes",
                  atl_draw_with(b, "codes", ATL_SHAPE(b->n, s->length), write_given, state));
    if (s->first) // behind the top map
        atl_call_bind(b->g, &call, "above",
                      atl_draw_with(b, "above", ATL_SHAPE(b->n, s->coded.top), write_above, state));
    atl_network_call(b->setup->networks[ATL_TRAIN_G], "predict", &b->nets[ATL_TRAIN_G], &call);
    return atl_call_result(b->g, &call, "logits");
}

// The mean of each picture [n] is reported.
static atl_node *entropy(atl_phase_builder *b, bool held, const char *stat) {
    atl_graph *g = b->g;
    const second_stage *s = b->setup->own;
    given *state = atl_arena_alloc(&g->arena, 1, sizeof *state);
    if (!state)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
    *state = (given){ s, held };
    atl_node *logits = predicted(b, state);
    atl_node *target = atl_draw_with(b, "target", ATL_SHAPE(b->n, s->length), write_target, state);
    atl_node *each = atl_loss_codes(g, logits, target);
    atl_phase_report(b, stat, each, ATL_REPORT_VALUES);
    return atl_reshape(g, atl_mean(g, each, 1u), ATL_SHAPE(1));
}

static atl_node *g_main(atl_phase_builder *b) {
    return entropy(b, false, "Loss/cross_entropy");
}

static atl_node *held(atl_phase_builder *b) {
    return entropy(b, true, "Loss/held_out");
}

static bool wants_held(const atl_train_options *o) {
    return o->held_out > 0;
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = g_main,
      .norm = "Gradient/G" },
    { .name = "Held",
      .trained = ATL_TRAIN_G,
      .interval = HELD_INTERVAL,
      .shrink = 1,
      .watches = true,
      .wanted = wants_held,
      .loss = held },
};

// ---- networks

static atl_status refuse(atl_trainer *t) {
    atl_train_options *o = &t->options;
    if (t->like.map_depth) // of a file of another family
        o->map_depth = 0;
    if (t->like.ordered)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "resume %s: draws codes in an order of its own (a permuter), and training knows the one "
                        "row by row; begin anew",
                        o->like);
    const char *wrong = o->map_depth                  ? "map-depth"
                        : o->style_mixing_prob > 0.0  ? "style-mixing-prob"
                        : o->pl_weight > 0.0          ? "pl-weight"
                        : o->gamma > 0.0              ? "gamma"
                        : o->r2_gamma > 0.0           ? "r2-gamma"
                        : o->freezed                  ? "freezed"
                        : o->mbstd_group > 1          ? "mbstd-group"
                        : o->dlr > 0.0                ? "dlr"
                        : o->aug != ATL_AUG_NONE      ? "aug"
                        : strcmp(o->loss, "logistic") ? "loss"
                                                      : NULL;
    if (wrong)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: networks that predict codes have none of it; leave it out",
                        wrong);
    return atl_gan_no_architecture(t, o->cfg, true);
}

static int tokens(const atl_trainer *t, const atl_coded *c) {
    int classes = t->set.label_size;
    return classes > c->vocabulary ? classes : c->vocabulary;
}

static json_t *gpt_config(const atl_trainer *t, const atl_coded *c) {
    const atl_train_options *o = &t->options;
    return json_pack("{s:i s:i s:i s:i s:i s:i s:i}", "vocab_size", tokens(t, c), "block_size", c->length,
                     "n_embd", o->channel_base, "n_head", o->heads, "n_layer", o->layers, "n_unmasked", 0,
                     "given", 0);
}

static json_t *vit_config(const atl_trainer *t, const atl_coded *c) {
    const atl_train_options *o = &t->options;
    return atl_vit_gpt_json(t->set.label_size ? t->set.label_size : 1, c->vocabulary, o->channel_base,
                            c->length / c->depth, c->depth, o->heads, o->layers);
}

static json_t *pixels_config(const atl_trainer *t, const second_stage *s) {
    const atl_train_options *o = &t->options;
    return atl_pixelcnn_json(s->rows, s->columns, s->coded.vocabulary, o->channel_base, o->layers,
                             o->cond ? t->set.label_size : 0, s->first ? s->coded.vocabulary : 0);
}

// Which of the codes are predicted.
static atl_status choose_map(atl_trainer *t, second_stage *s) {
    const atl_coded *c = &s->coded;
    const char *level = t->options.level, *first = t->options.first_stage;
    bool top = !strcmp(level, "top"), bottom = !strcmp(level, "bottom");
    if (c->top && !s->pixels)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "first-stage %s: has two maps of codes, which cfg pixelcnn is for",
                        first);
    if (c->top && !top && !bottom)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "first-stage %s: has two maps of codes: say which one, level top or level bottom", first);
    if (!c->top && (top || bottom))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "level %s: first-stage %s has one map of codes; leave it out",
                        level, first);
    s->rows = top ? c->rows / 2 : c->rows;
    s->columns = top ? c->columns / 2 : c->columns;
    s->first = bottom ? c->top : 0;
    s->length = top ? c->top : c->length - c->top;
    return ATL_OK;
}

static atl_status check_sizes(atl_trainer *t, const second_stage *s) {
    const atl_train_options *o = &t->options;
    if (t->set.label_size > CLASSES_MOST)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "cond: %d classes are more than %d", t->set.label_size,
                        CLASSES_MOST);
    if (!s->vit && s->coded.depth > 1)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "first-stage: has %d codes at each position, which cfg vit-transformer is for",
                        s->coded.depth);
    if (o->channel_base > 1 << 14 || (!s->pixels && o->channel_base % o->heads))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "cbase %d: up to 16384 channels are possible, of a transformer a multiple of its %d heads",
                        o->channel_base, o->heads);
    return ATL_OK;
}

static atl_status networks(atl_trainer *t) {
    second_stage *s = t->own = atl_calloc(t->ctx, 1, sizeof *s);
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    if (!s)
        return ATL_NO_MEMORY;
    s->vit = t->recipe == &atl_recipe_vit_transformer;
    s->pixels = t->recipe->masks;
    ATL_TRY(refuse(t));
    ATL_TRY(atl_coded_open(t, t->options.first_stage, &s->coded));
    ATL_TRY(choose_map(t, s));
    ATL_TRY(check_sizes(t, s));
    json = s->vit ? vit_config(t, &s->coded) : s->pixels ? pixels_config(t, s) : gpt_config(t, &s->coded);
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    const char *family = s->vit && s->coded.depth > 1 ? "rq-transformer" : t->recipe->family;
    return atl_network_make(t->ctx, atl_model_row_for(family, "transformer"), "G", json, t->options.seed,
                            &t->g);
}

static void close_stage(atl_trainer *t) {
    atl_coded_close(t, &stage_of(t)->coded);
    atl_free(t->ctx, t->own);
    t->own = NULL;
}

static const atl_network *kept(const atl_trainer *t, int index, const char **key) {
    *key = "vqgan";
    return index ? NULL : &stage_of(t)->coded.first;
}

// AdamW of both makers; of the second's betas one is another.  PixelCNNs have plain Adam.
static atl_adam_options optimiser(const atl_trainer *t, atl_train_net which) {
    const second_stage *s = stage_of(t);
    (void)which;
    return (atl_adam_options){ .lr = (float)t->options.glr,
                               .beta1 = 0.9f,
                               .beta2 = s->pixels ? 0.999f : s->vit ? 0.96f : 0.95f,
                               .eps = 1e-8f,
                               .decay = s->pixels ? 0.0f : (float)t->options.weight_decay };
}

// Weights of linear layers: neither tables and places nor norms and biases.
static bool decays(const char *name) {
    return atl_ends_in(name, ".weight") && strncmp(name, "tok_emb", 7) != 0 && strncmp(name, "ln_", 3) != 0 &&
           strncmp(name, "layer_norm", 10) != 0 && !strstr(name, ".ln1.") && !strstr(name, ".ln2.");
}

static atl_status prepare(atl_trainer *t, const atl_told *told) {
    return atl_coded_encode(t, &stage_of(t)->coded, told);
}

static atl_status fetch(atl_trainer *t) {
    return atl_coded_fetch(t, &stage_of(t)->coded);
}

// ---- pictures

// A normal number for each code, whose rank among all chooses it.
static int z_dim(const atl_trainer *t) {
    return stage_of(t)->length;
}

static int32_t class_of(const atl_trainer *t, const float *label) {
    int best = 0;
    for (int k = 1; label && k < t->set.label_size; k++)
        best = label[k] > label[best] ? k : best;
    return best;
}

// Room for a picture that is drawn: a number for each code, what the network is given, all codes.
typedef struct drawing {
    double *shares;
    int32_t *condition, *codes;
} drawing;

// A class, and for a bottom map the top one of picture i; of a top map alone the bottom one is of no codes,
// whose vectors are zeros.
static size_t begin_drawing(const atl_trainer *t, size_t i, const float *c, drawing *d) {
    const second_stage *s = stage_of(t);
    const atl_coded *coded = &s->coded;
    size_t classes = !s->pixels || t->options.cond ? 1 : 0;
    d->condition[0] = class_of(t, c);
    for (int k = 0; k < coded->length; k++)
        d->codes[k] = -1;
    if (!s->first)
        return classes;
    for (int k = 0; k < coded->top; k++)
        d->codes[k] = coded->codes ? coded->codes[i % coded->count * coded->looks * (size_t)coded->length + (size_t)k]
                                   : 0;
    memcpy(d->condition + classes, d->codes, (size_t)coded->top * sizeof *d->codes);
    return classes + (size_t)coded->top;
}

static atl_status draw_one(atl_trainer *t, atl_programs *programs, size_t i, const float *z, const float *c,
                           drawing *d, float *image) {
    second_stage *s = stage_of(t);
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    for (int k = 0; k < s->length; k++)
        d->shares[k] = fmin(0.5 * erfc(-(double)z[k] * 0.70710678118654752), 1.0 - 0x1p-24);
    o.height = s->rows;
    o.width = s->columns;
    o.depth = s->coded.depth;
    o.condition = d->condition;
    o.condition_count = begin_drawing(t, i, c, d);
    ATL_TRY(atl_draw_codes(programs, &o, d->shares, d->codes + s->first));
    for (int k = 0; k < s->coded.length; k++) // a vocabulary may be wider, for classes
        d->codes[k] = d->codes[k] < s->coded.vocabulary ? d->codes[k] : 0;
    return atl_coded_decode(&s->coded, 1, d->codes, image);
}

static atl_status generate(atl_trainer *t, int n, const float *z, const float *c, float *images) {
    const second_stage *s = stage_of(t);
    size_t length = (size_t)s->length, all = (size_t)s->coded.length, classes = (size_t)t->set.label_size;
    size_t pixels = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    drawing d = { .shares = atl_alloc(t->ctx, length, sizeof *d.shares),
                  .condition = atl_alloc(t->ctx, all + 1, sizeof *d.condition),
                  .codes = atl_alloc(t->ctx, all, sizeof *d.codes) };
    atl_status status = d.shares && d.condition && d.codes ? ATL_OK : ATL_NO_MEMORY;
    atl_programs programs;
    atl_programs_init(&programs, &t->g_ema, t->backend);
    for (size_t i = 0; i < (size_t)n && status == ATL_OK; i++)
        status = draw_one(t, &programs, i, z + i * length, c && classes ? c + i * classes : NULL, &d,
                          images + i * pixels);
    atl_programs_clear(&programs);
    atl_free(t->ctx, d.shares);
    atl_free(t->ctx, d.condition);
    atl_free(t->ctx, d.codes);
    return status;
}

static const char *const KEYS[] = { "G", "D", "transformer" };

// Layers are those of the published transformers for faces, and of the reference's PixelCNN.
#define RECIPE(name, count, decay, convolves)                                                                \
    {                                                                                                        \
        .family = name, .keys = KEYS, .loss = "logistic", .networks = networks, .schedule = atl_gan_rates,   \
        .close = close_stage, .kept = kept, .optimiser = optimiser, .prepare = prepare, .fetch = fetch,      \
        .generate = generate, .z_dim = z_dim, .decays = decays, .aug = ATL_AUG_NONE, .masks = convolves,     \
        .layers = count, .weight_decay = decay, .phases = PHASES,                                            \
        .n_phases = sizeof PHASES / sizeof *PHASES,                                                          \
    }

const atl_recipe atl_recipe_transformer = RECIPE("transformer", 24, 0.01, false);
const atl_recipe atl_recipe_vit_transformer = RECIPE("vit-transformer", 24, 0.01, false);
const atl_recipe atl_recipe_pixelcnn = RECIPE("pixelcnn", 7, 0.0, true);
