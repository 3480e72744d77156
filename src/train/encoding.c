// SPDX-License-Identifier: Apache-2.0
// What the training of an encoder stands on: the generator and the networks of losses, the encoder that is
// made for them, and what the run remembers beside weights; see encoding.h.
#include "train/encoding.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/names.h"
#include "io/json.h"

enum { SIDE_LEAST = 32, SIDE_USUAL = 256, COLOURS = 3, STEPS_USUAL = 5 };

static const atl_encoding_kind KINDS[] = {
    { "psp", "GradualStyleEncoder", "l2:1,lpips:0.8,id:0.1", false, false, "ir_se" },
    { "e4e", "Encoder4Editing", "l2:1,lpips:0.8,id:0.1,delta:0.0002,adv:0.1", false, true, "ir_se" },
    { "restyle-psp", "BackboneEncoder", "l2:1,lpips:0.8,id:0.1", true, false, "ir_se" },
    { "restyle-e4e", "ProgressiveBackboneEncoder", "l2:1,lpips:0.8,id:0.1,delta:0.0002,adv:0.1", true, true,
      "ir_se" },
    { "hyperstyle", NULL, "l2:1,lpips:0.8,id:0.1", true, false, "resnet" },
};

int atl_encoding_stage(const atl_encoding *e, uint64_t iteration) {
    if (!e->every)
        return e->num_ws;
    if (iteration < e->from)
        return 0;
    uint64_t stage = 1 + (iteration - e->from) / e->every;
    return stage < (uint64_t)e->num_ws ? (int)stage : e->num_ws;
}

// ---- networks that stay as they are

static atl_status open_generator(atl_trainer *t, atl_encoding *e) {
    const char *path = t->options.network;
    if (!path)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "network: an encoder is trained for a generator, and none is named");
    ATL_TRY(atl_network_open(t->ctx, path, NULL, &e->generator));
    const atl_model_dims *d = &e->generator.dims;
    const char *average = e->generator.row->average;
    const atl_param *p = average ? atl_params_find(&e->generator.params, average) : NULL;
    if (strcmp(e->generator.row->role, "generator") != 0 || !d->num_ws || d->c_dim ||
        d->channels != COLOURS || d->width != d->height || !p || p->count != (size_t)d->w_dim)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%s: encoders are trained for generators of square colour pictures with a w for each layer, an "
            "average of w and no labels, and this is another network",
            path);
    e->num_ws = d->num_ws;
    e->w_dim = d->w_dim;
    e->average = atl_alloc(t->ctx, p->count, sizeof *e->average);
    if (!e->average)
        return ATL_NO_MEMORY;
    memcpy(e->average, atl_param_data(&e->generator.params, p), p->count * sizeof *e->average);
    return ATL_OK;
}

// Of one of some families; path NULL: none.
static atl_status open_critic(atl_trainer *t, const char *option, const char *path, const char *families,
                              atl_network *network) {
    if (!path || !strcmp(path, "none"))
        return ATL_OK;
    ATL_TRY(atl_network_open(t->ctx, path, NULL, network));
    const char *family = network->row->family, *at = strstr(families, family);
    if (at)
        return ATL_OK;
    return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s %s: is a network of %s, where %s is needed", option, path,
                    family, families);
}

static atl_status open_w_encoder(atl_trainer *t, atl_encoding *e) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    const char *path = t->options.w_encoder;
    if (e->kind->type)
        return path ? atl_fail(t->ctx, ATL_BAD_ARGUMENT, "w-encoder %s: is for hyperstyle alone", path)
                    : ATL_OK;
    if (!path)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "hyperstyle tunes the generator for the codes of an encoder: w-encoder names its file");
    o.net = "encoder";
    ATL_TRY(atl_network_open(t->ctx, path, &o, &e->w_encoder));
    const atl_model_dims *d = &e->w_encoder.dims;
    if (strcmp(e->w_encoder.row->role, "encoder") != 0 || d->num_ws != e->num_ws || d->w_dim != e->w_dim ||
        d->channels != COLOURS)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "w-encoder %s: makes %d w of %d numbers from %d channels, where %d of %d from %d are needed",
            path, d->num_ws, d->w_dim, d->channels, e->num_ws, e->w_dim, COLOURS);
    if (!t->options.data && !t->options.resolution)
        t->options.resolution = d->width;
    return ATL_OK;
}

// Pictures of the generator take the place of a set.
static atl_status sample(atl_trainer *t, atl_encoding *e) {
    int most = e->generator.dims.width, side = t->options.resolution;
    e->sampled = true;
    if (!side)
        side = most < SIDE_USUAL ? most : SIDE_USUAL;
    t->options.resolution = side;
    t->set = (atl_train_set){ 1, side, side, COLOURS, 0, "samples" };
    return ATL_OK;
}

static const atl_encoding_kind *kind_of(const char *cfg) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (!strcmp(KINDS[i].cfg, cfg))
            return &KINDS[i];
    return NULL;
}

atl_status atl_encoding_begin(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    atl_encoding *e = t->own = atl_calloc(t->ctx, 1, sizeof *e);
    if (!e)
        return ATL_NO_MEMORY;
    e->kind = kind_of(o->cfg);
    if (o->cond)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "cond: encoders are trained without labels");
    if (!e->kind)
        return atl_fail(t->ctx, ATL_INTERNAL, "cfg %s has no encoder", o->cfg);
    ATL_TRY(open_generator(t, e));
    ATL_TRY(open_critic(t, "lpips", o->lpips, "lpips", &e->lpips));
    ATL_TRY(open_critic(t, "identity", o->identity, "arcface", &e->identity));
    ATL_TRY(open_critic(t, "similarity", o->similarity, "vgg16, alexnet, squeezenet or resnet", &e->similarity));
    ATL_TRY(open_w_encoder(t, e));
    return o->data ? ATL_OK : sample(t, e);
}

uint64_t atl_encoding_stays(const atl_trainer *t) {
    const atl_encoding *e = atl_encoding_of(t);
    const atl_network *all[] = { &e->generator, &e->lpips, &e->identity, &e->similarity, &e->w_encoder };
    uint64_t hash = ATL_HASH_BEGIN;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t one = all[i]->row ? atl_params_fingerprint(&all[i]->params) : 0;
        hash = atl_hash(hash, &one, sizeof one);
    }
    return atl_encoding_hash_inputs(e, hash);
}

void atl_encoding_close(atl_trainer *t) {
    atl_encoding *e = atl_encoding_of(t);
    atl_network *all[] = { &e->generator, &e->lpips, &e->identity, &e->similarity, &e->w_encoder };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        atl_network_clear(all[i]);
    atl_free(t->ctx, e->average);
    atl_free(t->ctx, e->start);
    atl_free(t->ctx, e->reals);
    atl_free(t->ctx, e->fakes);
    atl_free(t->ctx, e->news);
    atl_encoding_close_inputs(t, e);
    atl_free(t->ctx, e);
    t->own = NULL;
}

// ---- the networks of the trainer

static atl_status check_pictures(const atl_trainer *t, const atl_encoding *e) {
    int most = e->generator.dims.width, side = t->set.width;
    if (t->set.channels != COLOURS)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "%s: its pictures are gray, and the generator makes colours", t->set.name);
    if (side < SIDE_LEAST || side > most || most % side)
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%s: its pictures have %d pixels, and this generator's encoders see %d, halved at most down to "
            "%d: the set must be made anew in such a size",
            t->set.name, side, most, SIDE_LEAST);
    return ATL_OK;
}

static json_t *four(atl_json *b, const int values[4]) {
    json_t *list = atl_json_list(b);
    for (int i = 0; i < 4; i++)
        atl_json_add(b, list, json_integer(values[i]));
    return list;
}

static json_t *encoder_config(atl_json *b, const atl_encoding *e, int style_width) {
    json_t *json = atl_json_object(b);
    atl_json_set(b, json, "encoder_type", json_string(e->kind->type));
    atl_json_set(b, json, "num_ws", json_integer(e->num_ws));
    atl_json_set(b, json, "w_dim", json_integer(e->w_dim));
    if (style_width != e->w_dim)
        atl_json_set(b, json, "style_width", json_integer(style_width));
    atl_json_set(b, json, "average", json_integer(1));
    atl_json_set(b, json, "start_from_latent_avg", json_integer(1));
    return json;
}

static atl_status make_encoder(atl_trainer *t, atl_encoding *e) {
    atl_json b = { .ctx = t->ctx };
    int units[4], channels[4];
    ATL_TRY(atl_encoding_read_trunk(t, e, units, channels));
    const atl_model_row *row = atl_model_row_find(e->kind->type ? "style_encoder" : "hypernet");
    json_t *json = e->kind->type ? encoder_config(&b, e, t->options.style_width)
                                 : atl_encoding_hyper_config(&b, e, units, channels, t->options.style_width);
    atl_json_set(&b, json, "trunk", json_string(e->kind->trunk));
    atl_json_set(&b, json, "units", four(&b, units));
    atl_json_set(&b, json, "channels", four(&b, channels));
    atl_json_set(&b, json, "height", json_integer(e->height));
    atl_json_set(&b, json, "width", json_integer(e->width));
    atl_json_set(&b, json, "input_nc", json_integer(e->in.form.channels * (e->kind->sees_result ? 2 : 1)));
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, row, t->recipe->keys[0], json, t->options.seed, &t->g);
}

// Layers begin without differences: so a layer whose turn has not come yet adds none, at any time of the run.
static void set_first_values(atl_trainer *t, const atl_encoding *e) {
    const atl_param *average = atl_params_find(&t->g.params, "latent_avg");
    if (average)
        memcpy(atl_param_data(&t->g.params, average), e->average, average->count * sizeof(float));
    for (int i = 1; e->kind->grows && i < e->num_ws; i++) {
        char name[48];
        snprintf(name, sizeof name, "styles.%d.linear.weight", i);
        const atl_param *p = atl_params_find(&t->g.params, name);
        if (p)
            memset(atl_param_data(&t->g.params, p), 0, p->count * sizeof(float));
    }
}

static atl_status make_critic(atl_trainer *t, atl_encoding *e) {
    atl_json b = { .ctx = t->ctx };
    if (!(e->weights[ATL_LOSS_ADV] > 0.0f))
        return ATL_OK;
    json_t *json = atl_json_object(&b);
    atl_json_set(&b, json, "w_dim", json_integer(e->w_dim));
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    ATL_TRY(atl_network_make(t->ctx, atl_model_row_find("latent_discriminator"), "D", json, t->options.seed,
                             &t->d));
    size_t batch = (size_t)t->options.batch, pool = (size_t)t->options.pool;
    e->pool = pool && pool < batch ? batch : pool; // a step's latents have places of their own
    e->reals = atl_calloc(t->ctx, e->pool * (size_t)e->w_dim + 1, sizeof *e->reals);
    e->fakes = atl_calloc(t->ctx, e->pool * (size_t)e->w_dim + 1, sizeof *e->fakes);
    e->news = atl_calloc(t->ctx, 2 * batch * (size_t)e->w_dim, sizeof *e->news);
    return e->reals && e->fakes && e->news ? ATL_OK : ATL_NO_MEMORY;
}

// ---- the first picture that encoders see which see their result

static void build_start(atl_graph *g, atl_call *call, void *user) {
    const atl_encoding *e = user;
    atl_net net = atl_network_in(g, &e->generator, NULL);
    atl_node *w = atl_reshape(g, atl_const(g, ATL_SHAPE(e->w_dim), e->average), ATL_SHAPE(1, 1, e->w_dim));
    atl_node *ws = atl_expand(g, w, ATL_SHAPE(1, e->num_ws, e->w_dim));
    atl_node *img = ATL_APPLY(&net, &e->generator, "synthesize", "img", { "ws", ws });
    img = atl_encoding_reduced(g, e, img);
    atl_call_out(
        &net, call, "start",
        img->op == ATL_OP_POISON ? img : atl_reshape(g, img, ATL_SHAPE(1, e->height * e->width * COLOURS)));
}

static atl_status make_start(atl_trainer *t, atl_encoding *e) {
    atl_program *p;
    const atl_program_key key = { .function = "start", .n = 1, .noise = ATL_NOISE_CONST };
    if (!e->kind->sees_result || !e->kind->type)
        return ATL_OK;
    e->start = atl_alloc(t->ctx, (size_t)e->height * (size_t)e->width * COLOURS, sizeof *e->start);
    if (!e->start)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_program_make(t->backend, &key, build_start, e, &(atl_plan_options){ .detached = false }, &p));
    atl_status status = atl_program_run(p);
    if (status == ATL_OK)
        status = atl_program_read(p, "start", 1, e->start);
    atl_program_free(&p);
    return status;
}

static atl_status check_steps(atl_trainer *t, atl_encoding *e) {
    int *steps = &t->options.steps;
    if (*steps > 1 && !e->kind->sees_result)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "steps %d: encoders of cfg %s don't see their result",
                        *steps, e->kind->cfg);
    if (!*steps)
        *steps = e->kind->sees_result ? STEPS_USUAL : 1;
    e->steps = *steps;
    return ATL_OK;
}

atl_status atl_encoding_networks(atl_trainer *t) {
    atl_encoding *e = atl_encoding_of(t);
    e->height = t->set.height;
    e->width = t->set.width;
    ATL_TRY(check_pictures(t, e));
    ATL_TRY(check_steps(t, e));
    ATL_TRY(atl_encoding_open_inputs(t, e));
    ATL_TRY(atl_encoding_read_losses(t, e));
    ATL_TRY(atl_encoding_read_progress(t, e));
    ATL_TRY(make_encoder(t, e));
    set_first_values(t, e);
    ATL_TRY(make_start(t, e));
    return make_critic(t, e);
}

// ---- what a snapshot keeps besides

float *atl_encoding_state(const atl_trainer *t, int index, const char **name, size_t *count) {
    static const char *const NAMES[] = { "pool.real", "pool.fake" };
    const atl_encoding *e = atl_encoding_of(t);
    if (!e->pool || index > 1)
        return NULL;
    *name = NAMES[index];
    *count = e->pool * (size_t)e->w_dim;
    return index ? e->fakes : e->reals;
}
