// SPDX-License-Identifier: Apache-2.0
// Making a phase of a row: build its loss, differentiate it, plan both.  The order of nodes is the order of
// execution: forward, then backward.
#include "train/phase.h"

#include <string.h>

#include "graph/measure.h"
#include "graph/resident.h"
#include "train/draw.h"
#include "train/recipe.h"

void atl_phase_report(atl_phase_builder *b, const char *stat, atl_node *node, atl_report_kind kind) {
    atl_phase *p = b->phase;
    if (p->n_reports == ATL_REPORTS)
        atl_graph_fail(b->g, ATL_UNSUPPORTED, "a phase reports at most %d statistics", ATL_REPORTS);
    else
        p->reports[p->n_reports++] = (atl_report){ .stat = stat, .node = node, .kind = kind };
}

void atl_phase_hand(atl_phase_builder *b, atl_node *node, atl_hand_reader *read, void *state) {
    atl_phase *p = b->phase;
    if (p->n_hands == ATL_HANDS)
        atl_graph_fail(b->g, ATL_UNSUPPORTED, "a phase hands back at most %d nodes", ATL_HANDS);
    else
        p->hands[p->n_hands++] = (atl_hand){ .node = node, .read = read, .state = state };
}

atl_node *atl_phase_mean_ahead(atl_phase_builder *b, const char *name, atl_node *values) {
    if (b->phase->ahead)
        return atl_graph_fail(b->g, ATL_UNSUPPORTED, "a phase knows at most one mean ahead");
    b->phase->ahead = values;
    return atl_draw_state(b, name, ATL_SHAPE(1), &b->phase->ahead_mean);
}

// Which nodes of the graph the loss is made of, by id.
static bool *ancestors(atl_graph *g, const atl_node *loss) {
    bool *reached = atl_arena_alloc(&g->arena, (size_t)g->size, sizeof *reached);
    if (!reached || loss->op == ATL_OP_POISON)
        return reached;
    reached[loss->id] = true;
    for (int i = loss->id; i >= 0; i--)
        for (int k = 0; reached[i] && k < g->nodes[i]->n_src; k++)
            if (g->nodes[i]->src[k]->op != ATL_OP_POISON)
                reached[g->nodes[i]->src[k]->id] = true;
    return reached;
}

// Gradients of all parameters that are trained and that the loss is made of.  Some are zero, those of biases
// that R1 sees in the slopes of activations alone: Adam makes a step of zero for them, as PyTorch does.
static atl_status differentiate(atl_phase_builder *b, const atl_recipe *recipe) {
    atl_phase *p = b->phase;
    atl_train_net which = p->row->trained;
    const atl_net *net = &b->nets[which];
    const atl_params *params = &p->trained->params;
    atl_arena *arena = &b->g->arena;
    atl_node **targets = atl_arena_alloc(arena, params->size, sizeof *targets);
    if (p->row->watches)
        return ATL_OK;
    p->which = atl_arena_alloc(arena, params->size, sizeof *p->which);
    p->grads = atl_arena_alloc(arena, params->size, sizeof *p->grads);
    const bool *reached = ancestors(b->g, p->loss);
    if (!targets || !p->which || !p->grads || !reached)
        return ATL_NO_MEMORY;
    for (size_t i = 0; net->nodes && i < params->size; i++) {
        const atl_param *q = &params->list[i];
        if (!net->nodes[i] || net->nodes[i]->op == ATL_OP_POISON || !reached[net->nodes[i]->id] ||
            q->buffer || (recipe->frozen && recipe->frozen(b->o, which, p->trained, q->name)))
            continue;
        p->which[p->n_grads] = i;
        targets[p->n_grads++] = net->nodes[i];
    }
    atl_grad(b->g, p->loss, targets, p->n_grads, p->grads);
    return ATL_OK;
}

// What becomes of the buffers of both networks.
static atl_status list_updates(atl_phase_builder *b) {
    atl_phase *p = b->phase;
    size_t most = 1;
    for (int k = 0; k < ATL_TRAIN_NETS; k++)
        most += b->setup->networks[k]->params.size;
    p->updates = atl_arena_alloc(&b->g->arena, most, sizeof *p->updates);
    if (!p->updates)
        return ATL_NO_MEMORY;
    for (int k = 0; k < ATL_TRAIN_NETS; k++) {
        const atl_params *params = &b->setup->networks[k]->params;
        const atl_update *u = b->nets[k].updates;
        for (size_t i = 0; u && i < params->size; i++)
            if (u[i].value && u[i].value->op != ATL_OP_POISON)
                p->updates[p->n_updates++] =
                    (atl_phase_update){ atl_param_data(params, &params->list[i]), params->list[i].count,
                                        u[i].value, u[i].keep };
    }
    return ATL_OK;
}

static void add_output(atl_node **outputs, int *count, const atl_node *node) {
    for (int i = 0; i < *count; i++)
        if (outputs[i] == node)
            return;
    outputs[(*count)++] = (atl_node *)(uintptr_t)node;
}

static atl_status plan(atl_phase_builder *b) {
    atl_phase *p = b->phase;
    ATL_TRY(list_updates(b));
    size_t most = (size_t)p->n_grads + (size_t)p->n_updates + ATL_REPORTS + ATL_HANDS + 2;
    atl_node **outputs = atl_arena_alloc(&b->g->arena, most, sizeof *outputs);
    if (!outputs)
        return ATL_NO_MEMORY;
    int count = 0;
    for (int i = 0; i < p->n_grads; i++)
        if (p->grads[i]->op != ATL_OP_FILL) // the loss doesn't depend on that parameter
            outputs[count++] = p->grads[i];
        else
            p->grads[i] = NULL;
    add_output(outputs, &count, p->loss);
    for (int i = 0; i < p->n_reports; i++)
        add_output(outputs, &count, p->reports[i].node);
    for (int i = 0; i < p->n_hands; i++)
        add_output(outputs, &count, p->hands[i].node);
    if (p->sum)
        add_output(outputs, &count, p->sum);
    for (int i = 0; i < p->n_updates; i++)
        add_output(outputs, &count, p->updates[i].value);
    atl_plan_options o = { .detached = true };
    ATL_TRY(atl_plan_make(b->g, p->backend, outputs, count, &o, &p->plan));
    if (p->ahead)
        ATL_TRY(atl_plan_make(b->g, p->backend, &p->ahead, 1, &o, &p->ahead_plan));
    p->gflop = (atl_plan_flops(p->plan) + (p->ahead ? atl_plan_flops(p->ahead_plan) : 0.0)) * 1e-9;
    return ATL_OK;
}

static atl_status build(atl_phase_builder *b, const atl_recipe *recipe) {
    static const char *const NAMES[ATL_TRAIN_NETS] = { "G", "D" };
    atl_phase *p = b->phase;
    p->draws = atl_arena_alloc(&b->g->arena, ATL_DRAWS, sizeof *p->draws);
    if (!p->draws)
        return ATL_NO_MEMORY;
    for (int i = 0; i < ATL_TRAIN_NETS; i++) {
        if (!b->setup->networks[i] || !b->setup->networks[i]->row) // a recipe without D
            continue;
        b->nets[i] = atl_network_in(b->g, b->setup->networks[i], NAMES[i]);
        b->nets[i].varies = true;
        b->nets[i].trains = !p->row->watches;
        b->nets[i].processes = b->setup->processes;
    }
    p->loss = p->row->loss(b);
    ATL_TRY(b->status);
    ATL_TRY(differentiate(b, recipe));
    return plan(b);
}

atl_status atl_phase_make(atl_ctx *ctx, atl_backend *backend, const atl_recipe *recipe, int number, int n,
                          const atl_phase_setup *setup, atl_phase *phase) {
    const atl_phase_row *row = &recipe->phases[number];
    *phase = (atl_phase){ .ctx = ctx, .backend = backend, .row = row, .number = number, .n = n };
    phase->trained = setup->networks[row->trained];
    atl_graph_init(&phase->graph, ctx);
    atl_phase_builder b = { .phase = phase, .g = &phase->graph, .n = n, .setup = setup, .o = setup->options };
    atl_status status = build(&b, recipe);
    if (status != ATL_OK)
        atl_phase_clear(phase);
    return status;
}

void atl_phase_clear(atl_phase *phase) {
    if (!phase->ctx)
        return;
    for (atl_phase_augment *a = phase->augments; a; a = a->next) {
        atl_augment_params_free(&a->ada_params);
        atl_diffaug_params_free(&a->diff_params);
    }
    atl_plan_close(&phase->ahead_plan);
    atl_plan_close(&phase->plan);
    atl_graph_clear(&phase->graph);
    memset(phase, 0, sizeof *phase);
}

atl_status atl_phase_run(atl_phase *p, float scale, float *sum) {
    atl_backend *b = p->backend;
    ATL_TRY(atl_plan_run(p->plan));
    for (int i = 0; i < p->n_grads; i++) {
        const atl_param *q = &p->trained->params.list[p->which[i]];
        if (!p->grads[i])
            continue;
        const float *at = atl_plan_at(p->plan, p->grads[i]);
        if (!at)
            return atl_fail(p->ctx, ATL_INTERNAL, "%s: the gradient of %s can't be read", p->row->name,
                            q->name);
        b->accumulate(b, atl_resident_at(b, sum + q->offset), at, q->count, scale);
    }
    return ATL_OK;
}

atl_status atl_phase_move_buffers(const atl_phase *p) {
    atl_backend *b = p->backend;
    for (int i = 0; i < p->n_updates; i++) {
        const atl_phase_update *u = &p->updates[i];
        const float *at = atl_plan_at(p->plan, u->value);
        if (!at)
            return atl_fail(p->ctx, ATL_INTERNAL, "%s: statistics of its layers can't be read", p->row->name);
        b->average(b, atl_resident_at(b, u->buffer), at, u->count, u->keep);
    }
    return ATL_OK;
}

size_t atl_phase_bytes(const atl_phase *p) {
    size_t main = atl_plan_bytes(p->plan), ahead = p->ahead ? atl_plan_bytes(p->ahead_plan) : 0;
    return ahead > main ? ahead : main;
}

static size_t larger(size_t most, const atl_node *node) {
    size_t count = node ? (size_t)atl_shape_count(&node->shape) : 0;
    return count > most ? count : most;
}

size_t atl_phase_room(const atl_phase *p) {
    size_t most = larger(larger(1, p->sum), p->ahead);
    for (int i = 0; i < p->n_draws; i++)
        most = larger(most, p->draws[i].input);
    for (int i = 0; i < p->n_reports; i++)
        most = larger(most, p->reports[i].node);
    for (int i = 0; i < p->n_hands; i++)
        most = larger(most, p->hands[i].node);
    return most;
}

size_t atl_phase_sum_size(const atl_phase *p) {
    return p->sum ? (size_t)atl_shape_count(&p->sum->shape) : 0;
}
