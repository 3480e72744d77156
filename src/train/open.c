// SPDX-License-Identifier: Apache-2.0
// Opening a trainer: the set, the networks, the plans of all stages, and what all of it will cost.  Memory
// for running is taken when the first step needs it, so that a run which does not fit can be described and
// refused.
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "graph/measure.h"
#include "graph/resident.h"
#include "train/fields.h"
#include "train/trainer.h"

// ---- the set

// Labels that are classes: each class must have a picture, or G would draw what D never sees.
static atl_status check_classes(atl_trainer *t) {
    size_t size = (size_t)t->set.label_size;
    if (!size)
        return ATL_OK;
    float *label = atl_alloc(t->ctx, 2 * size, sizeof *label);
    if (!label)
        return ATL_NO_MEMORY;
    float *sum = label + size;
    memset(sum, 0, size * sizeof *sum);
    bool classes = true;
    for (size_t i = 0; i < t->set.count && classes; i++) {
        float total = 0.0f;
        atl_dataset_label(t->data, atl_sampler_picture(t->subset, i), label);
        for (size_t k = 0; k < size; k++) {
            classes = classes && (label[k] == 0.0f || label[k] == 1.0f);
            total += label[k];
            sum[k] += label[k];
        }
        classes = classes && total == 1.0f;
    }
    atl_status status = ATL_OK;
    for (size_t k = 0; k < size && classes && status == ATL_OK; k++)
        if (sum[k] == 0.0f)
            status = atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                              "cond: class %zu of the %zu classes of %s has no picture among the %zu that "
                              "are trained on: "
                              "number the classes anew, without gaps",
                              k, size, t->set.name, t->set.count);
    atl_free(t->ctx, label);
    return status;
}

static atl_status open_set(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (!o->data && t->recipe->begin) // which has filled in what it makes itself
        return ATL_OK;
    if (!o->data) {
        if (!o->resolution) // the table's range is checked
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                            "no pictures are given, and no resolution to measure at");
        t->set = (atl_train_set){ 1, o->resolution, o->resolution, 3, o->cond ? 10 : 0, "noise" };
        return ATL_OK;
    }
    atl_dataset_options open = ATL_DATASET_OPTIONS_INIT;
    open.labels = o->cond ? ATL_LABELS_JSON : ATL_LABELS_NONE;
    ATL_TRY(atl_dataset_open(t->ctx, o->data, &open, &t->data));
    const atl_dataset_info *info = atl_dataset_info_get(t->data);
    if (info->width != info->height || info->width < 8 || info->width > 4096 ||
        (info->width & (info->width - 1)))
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "%s: its pictures are %dx%d, and the networks make squares of 8, 16, 32 and so on to 4096",
            o->data, info->width, info->height);
    atl_loader_options order = { .seed = o->seed, .subset = o->subset };
    ATL_TRY(atl_sampler_open(t->ctx, info->count, &order, &t->subset));
    t->set = (atl_train_set){ atl_sampler_length(t->subset),  info->width, info->height, info->channels,
                              o->cond ? info->label_size : 0, info->name };
    ATL_TRY(atl_set_print_make(t->data, o->cond, &t->print));
    return check_classes(t);
}

// ---- the networks

// A network whose loss has a regularisation now and then is moved by Adam in the lazy way.
static atl_status open_adam(atl_trainer *t, atl_train_net which, double lr, const atl_params *params,
                            atl_adam *adam) {
    atl_adam_options o = ATL_ADAM_OPTIONS_INIT;
    if (t->recipe->adam)
        o = *t->recipe->adam;
    o.lr = (float)lr;
    if (t->recipe->optimiser)
        o = t->recipe->optimiser(t, which);
    for (int i = 0; i < t->recipe->n_phases; i++) {
        const atl_phase_row *row = &t->recipe->phases[i];
        if (!t->recipe->optimiser && row->trained == which && row->interval > 1 &&
            (!row->wanted || row->wanted(&t->options)))
            o = atl_adam_lazy(o, row->interval);
    }
    t->lr[which] = o.lr;
    ATL_TRY(atl_adam_init(adam, t->backend, params, &o));
    for (size_t i = 0; t->recipe->decays && i < params->size; i++)
        adam->parts[i].decays = t->recipe->decays(params->list[i].name);
    return ATL_OK;
}

static atl_status make_networks(atl_trainer *t) {
    ATL_TRY(t->recipe->networks(t));
    ATL_TRY(atl_network_copy(&t->g, &t->g_ema));
    ATL_TRY(atl_trainer_hold(t));
    ATL_TRY(open_adam(t, ATL_TRAIN_G, t->options.glr, &t->g.params, &t->adam_g));
    return t->d.row ? open_adam(t, ATL_TRAIN_D, t->options.dlr, &t->d.params, &t->adam_d) : ATL_OK;
}

static atl_status choose_augmentation(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (o->aug == ATL_AUG_NONE || (o->aug == ATL_AUG_FIXED && o->p == 0.0))
        return ATL_OK;
    if (o->aug == ATL_AUG_DIFF) {
        const char *policy = !strcmp(o->augpipe, "bgc") ? "color,translation,cutout" : o->augpipe;
        if (!atl_diffaug_policy(policy, &t->diffaug))
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                            "augpipe %s: with diffaug it is a list of color, translation and cutout", policy);
        t->diffaugs = true;
        return ATL_OK;
    }
    if (!atl_augment_pipe(o->augpipe, &t->augment))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "augpipe %s: blit, geom, color, filter, noise, cutout, bg, bgc, bgcf, bgcfn and "
                        "bgcfnc are there",
                        o->augpipe);
    t->augments = true;
    t->state.augment_p = o->aug == ATL_AUG_FIXED ? o->p : o->initial_p > 0.0 ? o->initial_p : 0.0;
    return ATL_OK;
}

// ---- all plans

static size_t available_memory(void) {
    char line[256];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
        ;
    if (f)
        fclose(f);
    return (size_t)kib << 10;
}

// What does not change from stage to stage.
static void count_cost(atl_trainer *t) {
    atl_train_cost *c = &t->cost;
    for (size_t i = 0; i < t->g.params.size; i++)
        c->g_params += t->g.params.list[i].buffer ? 0 : (int64_t)t->g.params.list[i].count;
    for (size_t i = 0; i < t->d.params.size; i++)
        c->d_params += t->d.params.list[i].buffer ? 0 : (int64_t)t->d.params.list[i].count;
    c->phases = t->costs;
    c->stages = t->stages;
    c->available = available_memory();
}

static atl_status make_plans(atl_trainer *t) {
    ATL_TRY(choose_augmentation(t));
    ATL_TRY(make_networks(t));
    count_cost(t);
    return atl_trainer_survey(t);
}

// ---- memory

static atl_status open_loader(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (!t->data || t->loader || t->recipe->fetch)
        return ATL_OK;
    atl_loader_options l = { .seed = o->seed,
                             .subset = o->subset,
                             .mirror = o->mirror,
                             .rank = (size_t)t->state.rank,
                             .ranks = (size_t)t->state.ranks,
                             .start = t->state.images,
                             .threads = o->workers };
    return atl_loader_open(t->ctx, t->data, &l, &t->loader);
}

// Fills *span, unless an earlier try did.
static bool fill(atl_trainer *t, size_t count, float **span) {
    *span = *span ? *span : atl_calloc(t->ctx, count, sizeof **span);
    return *span != NULL;
}

atl_status atl_trainer_memory(atl_trainer *t) {
    size_t pixels = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height,
           local = (size_t)t->local, labels = t->set.label_size ? (size_t)t->set.label_size : 1;
    size_t room = 1, most = 0, g = t->g.params.total, d = t->d.params.total, span = g > d ? g : d;
    ATL_TRY(open_loader(t));
    if (t->block)
        return ATL_OK;
    for (int k = 0; k < t->n_phases; k++) {
        const atl_phase *p = &t->phases[k];
        size_t sum = atl_phase_sum_size(p);
        room = atl_phase_room(p) > room ? atl_phase_room(p) : room;
        most = sum > most ? sum : most;
    }
    t->which = t->which ? t->which : atl_calloc(t->ctx, local, sizeof *t->which);
    if (!t->which || !fill(t, local * pixels, &t->reals) || !fill(t, local * labels, &t->real_labels) ||
        !fill(t, room, &t->scratch) || !fill(t, span + most, &t->gradient))
        return ATL_NO_MEMORY;
    ATL_TRY(atl_resident_take(t->backend, t->gradient, span, 0, NULL));
    t->block = t->backend->alloc(t->backend, t->block_bytes);
    return t->block ? ATL_OK : ATL_NO_MEMORY;
}

// ---- all of it

// What the options leave open of shapes is as in that file.
static atl_status follow_like(atl_trainer *t, atl_train_options *given) {
    atl_train_options *o = &t->options;
    if (!o->like || t->recipe->begin)
        return ATL_OK;
    ATL_TRY(atl_train_like_read(t->ctx, o->like, &t->like));
    o->map_depth = o->map_depth ? o->map_depth : t->like.map_depth;
    o->channel_base = o->channel_base ? o->channel_base : t->like.channel_base;
    o->channel_max = o->channel_max ? o->channel_max : t->like.channel_max;
    o->layers = o->layers || !t->recipe->layers ? o->layers : t->like.layers;
    o->heads = o->heads || !t->recipe->layers ? o->heads : t->like.heads;
    o->patch = o->patch || !t->recipe->patches ? o->patch : t->like.patch;
    o->quantizers = o->quantizers || !t->recipe->patches ? o->quantizers : t->like.quantizers;
    given->patch = o->patch;
    given->quantizers = o->quantizers;
    given->layers = o->layers;
    given->heads = o->heads;
    given->map_depth = o->map_depth; // not derived from other options
    given->channel_base = o->channel_base;
    given->channel_max = o->channel_max;
    return ATL_OK;
}

static atl_status open_all(atl_trainer *t) {
    atl_train_options *o = &t->options;
    atl_ranks_options ranks = ATL_RANKS_OPTIONS_INIT;
    ranks.stall_seconds = o->stall_seconds;
    ATL_TRY(atl_train_fields_check(t->ctx, o));
    ATL_TRY(atl_ranks_open(t->ctx, &ranks, &t->ranks));
    t->state.rank = atl_ranks_rank(t->ranks);
    t->state.ranks = atl_ranks_size(t->ranks);
    t->processes = (atl_processes){ t->state.ranks, atl_trainer_sum, t };
    atl_train_options given = *o;
    if (!o->threads)
        o->threads = t->state.ranks > 1 ? atl_ranks_threads(t->ranks) : t->ctx->threads;
    ATL_TRY(atl_backend_open(t->ctx, &(atl_backend_options){ .threads = o->threads }, &t->backend));
    ATL_TRY(atl_team_open(t->ctx, o->threads, &t->team));
    if (!t->recipe)
        t->recipe = atl_recipe_find(atl_train_family(o->cfg));
    if (t->recipe->begin)
        ATL_TRY(t->recipe->begin(t));
    ATL_TRY(open_set(t));
    ATL_TRY(follow_like(t, &given));
    ATL_TRY(atl_train_resolve(t->ctx, &t->set, t->state.ranks, o));
    t->derived = atl_train_fields_filled(&given, o);
    return make_plans(t);
}

atl_status atl_trainer_open(atl_ctx *ctx, const atl_train_options *options, atl_trainer **trainer) {
    return atl_trainer_open_with(ctx, options, NULL, trainer);
}

atl_status atl_trainer_open_with(atl_ctx *ctx, const atl_train_options *options, const atl_recipe *recipe,
                                 atl_trainer **trainer) {
    *trainer = NULL;
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    ATL_TRY(atl_options_read(ctx, "atl_train_options", &o, sizeof o, options));
    atl_trainer *t = atl_calloc(ctx, 1, sizeof *t);
    if (!t)
        return ATL_NO_MEMORY;
    t->ctx = ctx;
    t->recipe = recipe;
    atl_arena_init(&t->texts, ctx, 0);
    t->options = o;
    atl_status status = atl_train_fields_keep(&t->texts, &t->options) ? open_all(t) : ATL_NO_MEMORY;
    if (status != ATL_OK)
        atl_trainer_close(&t, 1);
    *trainer = t;
    return status;
}

void atl_trainer_close(atl_trainer **trainer, int failed) {
    atl_trainer *t = trainer ? *trainer : NULL;
    if (!t)
        return;
    atl_trainer_leave(t);
    atl_trainer_release(t);
    atl_adam_clear(&t->adam_g);
    atl_adam_clear(&t->adam_d);
    atl_network_clear(&t->g);
    atl_network_clear(&t->d);
    atl_network_clear(&t->g_ema);
    if (t->own)
        t->recipe->close(t);
    atl_loader_close(&t->loader);
    atl_sampler_close(&t->subset);
    atl_dataset_close(&t->data);
    atl_backend_close(&t->backend);
    atl_team_close(&t->team);
    atl_ranks_close(&t->ranks, failed);
    atl_arena_clear(&t->texts);
    atl_free(t->ctx, t);
    *trainer = NULL;
}
