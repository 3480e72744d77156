// SPDX-License-Identifier: Apache-2.0
// The classifier of clusters (Peebles et al. 2022, appendix): once the alignment is learnt, it learns to say of a
// generated picture which cluster, and with mirror images which of both sides, brings it the nearest to its target.
#include "edit/learn.h"

#include <math.h>
#include <string.h>

#include "nn/functions.h"

enum { LAST_SIDE = 4 };

static atl_status make_network(const atl_congeal_trainer *t, atl_network *network) {
    atl_json b = { .ctx = t->ctx };
    json_t *channels = atl_learn_channels(t, &b, LAST_SIDE, false),
           *config = json_pack("{s:o s:i s:i s:i}", "channels", channels, "flow_size", t->side, "supersize",
                               t->generator->network->dims.width, "classes", atl_learn_ways(t));
    ATL_TRY(atl_json_end(&b, config, "a classifier's layers", &config));
    return atl_network_make(t->ctx, atl_model_row_find("cluster_classifier"), "classifier", config, t->o.seed, network);
}

atl_status atl_judge_begin(atl_congeal_trainer *t) {
    atl_learnt *l = &t->judging.net;
    atl_params *p = &l->network.params;
    atl_network fresh = { 0 };
    ATL_TRY(make_network(t, &fresh));
    memcpy(p->data, fresh.params.data, p->total * sizeof *p->data);
    memset(l->adam.m, 0, p->total * sizeof *l->adam.m);
    memset(l->adam.v, 0, p->total * sizeof *l->adam.v);
    atl_network_clear(&fresh);
    return ATL_OK;
}

// The share of rows in which two choices [n, 1, k] of ones are the same: [1]
static atl_node *share_of_same(atl_graph *g, atl_node *a, atl_node *b) {
    if (a->op == ATL_OP_POISON || b->op == ATL_OP_POISON)
        return &g->poison;
    atl_node *same = atl_mean(g, atl_mul(g, a, b), 7u);
    return atl_scale(g, atl_reshape(g, same, ATL_SHAPE(1)), (float)a->shape.d[2]);
}

// The way with the least distance is what the classifier is to say.
static void build(atl_congeal_trainer *t, atl_net *judge) {
    atl_judging *j = &t->judging;
    atl_graph *g = &j->graph;
    const int64_t n = t->o.batch, ways = atl_learn_ways(t);
    j->entropy = j->right = &g->poison;
    if (j->pairs.x->op == ATL_OP_POISON || j->pairs.distance->op == ATL_OP_POISON)
        return;
    const atl_shape rows = ATL_SHAPE(n, 1, ways);
    atl_node *logits = atl_warp_logits(judge, &j->net.network, j->pairs.x);
    if (logits->op == ATL_OP_POISON)
        return;
    logits = atl_reshape(g, logits, rows);
    atl_node *near = atl_neg(g, atl_reshape(g, j->pairs.distance, rows));
    atl_node *truth = atl_one_hot(g, atl_position_of_largest(g, near), ways);
    j->entropy = atl_reshape(g, atl_mean(g, atl_cross_entropy(g, logits, truth), 7u), ATL_SHAPE(1));
    j->right = share_of_same(g, truth, atl_one_hot(g, atl_position_of_largest(g, logits), ways));
}

atl_status atl_judge_make(atl_congeal_trainer *t) {
    atl_judging *j = &t->judging;
    atl_graph *g = &j->graph;
    ATL_TRY(make_network(t, &j->net.network));
    ATL_TRY(atl_learn_hold(t, &j->net, t->o.lr));
    atl_net generator = atl_network_in(g, t->generator->network, "G");
    atl_net target = atl_network_in(g, &t->target.network, "target");
    atl_net transformer = atl_network_in(g, &t->average, "T");
    atl_net looks = t->lpips ? atl_network_in(g, t->lpips, "F") : (atl_net){ .g = g };
    atl_net judge = atl_network_in(g, &j->net.network, "classifier");
    judge.varies = true;
    j->pairs.transformer = &t->average;
    atl_learn_pairs(t, g, &j->pairs, &generator, &target, &transformer, &looks);
    build(t, &judge);
    if (g->status == ATL_OK)
        ATL_TRY(atl_learn_differentiate(g, &j->net, &judge, j->entropy));
    return g->status == ATL_OK ? ATL_OK : atl_fail(t->ctx, g->status, "%s", g->error);
}

void atl_judge_close(atl_congeal_trainer *t) {
    atl_plan_close(&t->judging.plan);
    atl_graph_clear(&t->judging.graph);
    atl_learn_release(t, &t->judging.net);
}

static atl_status make_plan(atl_congeal_trainer *t) {
    atl_judging *j = &t->judging;
    int count = j->net.n_grads;
    atl_node **outputs = atl_arena_alloc(&j->graph.arena, (size_t)count + 2, sizeof *outputs);
    if (!outputs)
        return ATL_NO_MEMORY;
    for (int i = 0; i < count; i++)
        outputs[i] = j->net.grads[i];
    outputs[count++] = j->entropy;
    outputs[count++] = j->right;
    return atl_plan_make(&j->graph, t->backend, outputs, count, &(atl_plan_options){ .detached = false }, &j->plan);
}

atl_status atl_judge_step(atl_congeal_trainer *t) {
    atl_judging *j = &t->judging;
    atl_plan_close(&t->plan); // one of both at a time
    if (!j->plan)
        ATL_TRY(make_plan(t));
    ATL_TRY(atl_learn_give(t, j->plan, &j->pairs, 0.0));
    ATL_TRY(atl_plan_run(j->plan));
    ATL_TRY(atl_learn_read(t, j->plan, j->entropy, &t->state.entropy));
    ATL_TRY(atl_learn_read(t, j->plan, j->right, &t->state.right));
    if (!isfinite(t->state.entropy))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "step %d: the classifier's cross entropy is not a number; it is as it was before this step: a "
                        "smaller rate may help",
                        t->state.step);
    ATL_TRY(atl_learn_move(t, j->plan, &j->net, t->o.lr));
    t->state.psi = 0.0;
    t->state.lr = t->o.lr;
    t->state.step++;
    return ATL_OK;
}
