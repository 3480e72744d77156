// SPDX-License-Identifier: Apache-2.0
// Opening a tuner: the copy of the network, the graph of a step, its plans.
#include "edit/tune.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "graph/measure.h"
#include "graph/resident.h"

// ---- options

static bool between(double x, double low, double high) {
    return x >= low && x <= high; // false for what is no number
}

static atl_status check_options(atl_tuner *t) {
    const atl_tune_options *o = &t->o;
    if (o->batch < 1 || o->batch > 64 || o->steps < 1 || o->steps > 1000000)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "%d pivots at once and %d steps: 1 to 64 and 1 to 1000000 are possible", o->batch,
                        o->steps);
    if (!between(o->lr, 1e-12, 1e3) || !between(o->locality, 0.0, 1e6) || !between(o->alpha, 1e-6, 1e6) ||
        !between(o->mse_weight, 0.0, 1e30) || !between(o->truncation_psi, -100.0, 100.0) ||
        isnan(o->threshold))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "a rate or a weight of the tuning is out of range");
    return ATL_OK;
}

static atl_status keep_texts(atl_tuner *t) {
    t->o.loss = atl_arena_string(&t->texts, t->o.loss, strlen(t->o.loss));
    if (t->o.layers)
        t->o.layers = atl_arena_string(&t->texts, t->o.layers, strlen(t->o.layers));
    return t->o.loss ? ATL_OK : ATL_NO_MEMORY;
}

// ---- stores

static atl_status make_fixed(atl_tuner *t) {
    const atl_model_dims *d = &t->generator->dims;
    int64_t n = t->o.batch;
    ATL_TRY(atl_store_add(&t->fixed, "target", ATL_SHAPE(n, d->height, d->width, d->channels)));
    ATL_TRY(atl_store_add(&t->fixed, "ws", ATL_SHAPE(n, d->num_ws, d->w_dim)));
    ATL_TRY(atl_store_add(&t->fixed, "near", ATL_SHAPE(1, d->num_ws, d->w_dim)));
    return atl_store_allocate(&t->fixed, t->backend);
}

// ---- the graph

// Pictures of ws; quiet: without noise, else with the network's own (zeros where its file has none).
static atl_node *synthesize(atl_tuner *t, atl_net *net, const atl_network *network, atl_node *ws,
                            bool quiet) {
    atl_bound in[1 + ATL_PORTS] = { { "ws", ws } };
    int count = 1;
    int64_t n = atl_node_shape(ws).d[0];
    for (int k = 0; k < t->maps.count; k++) {
        const atl_map *m = &t->maps.list[k];
        if (quiet || !m->stored)
            in[count++] =
                (atl_bound){ m->name, atl_fill(&t->graph, ATL_SHAPE(n, m->height, m->width, 1), 0.0f) };
    }
    return atl_apply(net, network, "synthesize", "img", in, count);
}

// The loss of the pivots, and of the pictures near them.
static void build_losses(atl_tuner *t, atl_net *tuned, atl_net *looks, atl_node *const *wanted) {
    atl_graph *g = &t->graph;
    atl_terms terms, first;
    t->img = synthesize(t, tuned, &t->tuned, atl_store_node(&t->fixed, ATL_TUNE_WS, g), false);
    atl_likeness_terms(g, &t->likeness, looks, t->img, &terms);
    t->distance = atl_terms_distance(g, &terms, wanted);
    first =
        (atl_terms){ .list = { terms.list[0] }, .count = 1 }; // LPIPS alone, where that is what is compared
    t->perceptual = t->likeness.features ? atl_terms_distance(g, &first, wanted) : t->distance;
    t->loss = atl_reshape(g, atl_mean(g, t->distance, 1u), ATL_SHAPE(1));
    if (t->o.locality > 0.0) {
        atl_node *near = synthesize(t, tuned, &t->tuned, atl_store_node(&t->fixed, ATL_TUNE_NEAR, g), true);
        atl_likeness_terms(g, &t->likeness, looks, near, &terms);
        t->locality = atl_terms_distance(g, &terms, wanted + t->target_terms.count); // [1]
        t->loss = atl_add(g, t->loss, atl_scale(g, t->locality, (float)t->o.locality));
    }
}

// Parameters that the loss depends on and the pattern names.
static atl_status differentiate(atl_tuner *t, const atl_net *tuned) {
    atl_graph *g = &t->graph;
    const atl_params *params = &t->tuned.params;
    atl_node **targets = atl_arena_alloc(&g->arena, params->size + 1, sizeof *targets), **all;
    size_t *which = atl_arena_alloc(&g->arena, params->size + 1, sizeof *which);
    int count = 0;
    all = atl_arena_alloc(&g->arena, params->size + 1, sizeof *all);
    if (!targets || !which || !all)
        return ATL_NO_MEMORY;
    for (size_t i = 0; tuned->nodes && i < params->size; i++) {
        const atl_param *q = &params->list[i];
        if (!tuned->nodes[i] || q->buffer || (t->o.layers && fnmatch(t->o.layers, q->name, 0) != 0))
            continue;
        which[count] = i;
        targets[count++] = tuned->nodes[i];
    }
    atl_grad(g, t->loss, targets, count, all);
    t->which = which;
    t->grads = all;
    for (int i = 0; g->status == ATL_OK && i < count; i++) // what the loss does not depend on stays
        if (all[i]->op != ATL_OP_FILL) {
            which[t->n_grads] = which[i];
            all[t->n_grads++] = all[i];
        }
    if (g->status == ATL_OK && !t->n_grads)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "no parameter of the synthesis is called %s",
                        t->o.layers ? t->o.layers : "anything");
    return g->status == ATL_OK ? ATL_OK : atl_fail(t->ctx, g->status, "%s", g->error);
}

static atl_status build(atl_tuner *t) {
    atl_graph *g = &t->graph;
    atl_node *wanted[2 * ATL_TERMS];
    atl_net before = atl_network_in(g, t->generator, "before"), tuned = atl_network_in(g, &t->tuned, "G");
    atl_net looks = t->likeness.features ? atl_network_in(g, t->likeness.features, "F") : (atl_net){ .g = g };
    tuned.varies = true;
    atl_likeness_terms(g, &t->likeness, &looks, atl_store_node(&t->fixed, ATL_TUNE_PICTURE, g),
                       &t->target_terms);
    atl_node *near = synthesize(t, &before, t->generator, atl_store_node(&t->fixed, ATL_TUNE_NEAR, g), true);
    atl_likeness_terms(g, &t->likeness, &looks, near, &t->before_terms);
    if (g->status != ATL_OK)
        return atl_fail(t->ctx, g->status, "%s", g->error);
    ATL_TRY(atl_store_add_terms(&t->wanted, "target", &t->target_terms));
    ATL_TRY(atl_store_add_terms(&t->wanted, "before", &t->before_terms));
    ATL_TRY(atl_store_allocate(&t->wanted, t->backend));
    for (size_t i = 0; i < t->wanted.size; i++)
        wanted[i] = atl_store_node(&t->wanted, i, g);
    build_losses(t, &tuned, &looks, wanted);
    return differentiate(t, &tuned);
}

// ---- plans

static atl_status plan(atl_tuner *t, atl_tuner_plan which, atl_node *const *outputs, int count) {
    atl_plan_options o = { .detached = true };
    ATL_TRY(atl_plan_make(&t->graph, t->backend, outputs, count, &o, &t->plans[which]));
    size_t bytes = atl_plan_bytes(t->plans[which]);
    t->block_bytes = bytes > t->block_bytes ? bytes : t->block_bytes;
    return ATL_OK;
}

static atl_status plan_terms(atl_tuner *t, atl_tuner_plan which, const atl_terms *terms) {
    atl_node *list[ATL_TERMS];
    for (int i = 0; i < terms->count; i++)
        list[i] = terms->list[i].node;
    return plan(t, which, list, terms->count);
}

static atl_status make_plans(atl_tuner *t) {
    atl_node **step = atl_arena_alloc(&t->graph.arena, (size_t)t->n_grads + 5, sizeof *step);
    if (!step)
        return ATL_NO_MEMORY;
    memcpy(step, t->grads, (size_t)t->n_grads * sizeof *step);
    int count = t->n_grads;
    step[count++] = t->loss;
    step[count++] = t->distance;
    step[count++] = t->img;
    if (t->perceptual != t->distance)
        step[count++] = t->perceptual;
    if (t->locality)
        step[count++] = t->locality;
    ATL_TRY(plan(t, ATL_TUNE_STEP, step, count));
    ATL_TRY(plan_terms(t, ATL_TUNE_TARGET, &t->target_terms));
    if (t->locality)
        ATL_TRY(plan_terms(t, ATL_TUNE_BEFORE, &t->before_terms));
    t->block = t->backend->alloc(t->backend, t->block_bytes);
    if (!t->block)
        return ATL_NO_MEMORY;
    for (int i = 0; i < ATL_TUNE_PLANS; i++)
        if (t->plans[i])
            atl_plan_attach(t->plans[i], t->block);
    return ATL_OK;
}

// ---- opening

static atl_status hold(atl_tuner *t) {
    const atl_params *p = &t->tuned.params;
    atl_adam_options o = { .lr = (float)t->o.lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f };
    ATL_TRY(atl_resident_take(t->backend, p->data, p->total, p->version, NULL));
    ATL_TRY(atl_adam_init(&t->adam, t->backend, p, &o));
    t->gradient = atl_calloc(t->ctx, p->total ? p->total : 1, sizeof *t->gradient);
    if (!t->gradient)
        return ATL_NO_MEMORY;
    return atl_resident_take(t->backend, t->gradient, p->total, 0, NULL);
}

static atl_status prepare(atl_tuner *t) {
    const double LPIPS_ENOUGH = 0.06; // Roich et al. 2021, section 4
    ATL_TRY(keep_texts(t));
    ATL_TRY(check_options(t));
    if (!atl_model_function_find(t->generator->row, "map") ||
        !atl_model_function_find(t->generator->row, "synthesize"))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s is a %s, and tuning needs a generator",
                        t->generator->name, t->generator->row->role);
    if (t->o.locality > 0.0 && !t->generator->dims.z_dim)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "the network has no z, which the locality regulariser needs: "
                        "set its weight to 0");
    if (t->o.threshold < 0.0)
        t->o.threshold = strstr(t->o.loss, "lpips") ? LPIPS_ENOUGH : 0.0;
    ATL_TRY(atl_maps_list(t->generator, &t->maps));
    ATL_TRY(atl_network_copy(t->generator, &t->tuned));
    ATL_TRY(hold(t));
    ATL_TRY(make_fixed(t));
    ATL_TRY(build(t));
    return make_plans(t);
}

atl_status atl_tuner_make(const atl_network *generator, atl_backend *backend, const atl_likeness *likeness,
                          const atl_tune_options *options, atl_tuner **tuner) {
    atl_ctx *ctx = generator->ctx;
    *tuner = NULL;
    atl_tuner *t = atl_calloc(ctx, 1, sizeof *t);
    if (!t)
        return ATL_NO_MEMORY;
    t->ctx = ctx;
    t->backend = backend;
    t->generator = generator;
    t->likeness = *likeness;
    t->o = *options;
    t->shown = -1;
    atl_arena_init(&t->texts, ctx, 0);
    atl_graph_init(&t->graph, ctx);
    atl_params_init(&t->fixed, ctx);
    atl_params_init(&t->wanted, ctx);
    atl_programs_init(&t->programs, generator, backend);
    atl_status status = prepare(t);
    if (status != ATL_OK)
        atl_tuner_close(&t);
    *tuner = t;
    return status;
}

void atl_tuner_close(atl_tuner **tuner) {
    atl_tuner *t = tuner ? *tuner : NULL;
    if (!t)
        return;
    for (int i = 0; i < ATL_TUNE_PLANS; i++)
        atl_plan_close(&t->plans[i]);
    atl_graph_clear(&t->graph);
    atl_programs_clear(&t->programs);
    atl_w_mean_clear(t->ctx, &t->mean);
    atl_adam_clear(&t->adam);
    atl_resident_drop(t->backend, t->gradient);
    if (t->tuned.ctx)
        atl_resident_drop(t->backend, t->tuned.params.data);
    atl_network_clear(&t->tuned);
    atl_store_clear(&t->fixed, t->backend);
    atl_store_clear(&t->wanted, t->backend);
    if (t->block)
        t->backend->release(t->backend, t->block);
    atl_free(t->ctx, t->gradient);
    atl_free(t->ctx, t->targets);
    atl_free(t->ctx, t->ws);
    atl_free(t->ctx, t->perceived);
    atl_arena_clear(&t->texts);
    atl_free(t->ctx, t);
    *tuner = NULL;
}

void atl_tuner_cost(const atl_tuner *t, double *gflop, size_t *bytes) {
    size_t stores =
        4 * t->tuned.params.total + t->fixed.total + t->wanted.total; // values, gradient, two moments
    *gflop = atl_plan_flops(t->plans[ATL_TUNE_STEP]) * 1e-9;
    *bytes = t->block_bytes + stores * sizeof(float);
}
