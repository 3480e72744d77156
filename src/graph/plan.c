// SPDX-License-Identifier: Apache-2.0
// Plans: clone the nodes that the outputs need, fuse, fold constants (by a small plan of their own), then
// schedule (schedule.c): values, steps, kernels, memory.
#include "graph/plan.h"

#include <fnmatch.h>
#include <string.h>

#include "base/pages.h"
#include "graph/fuse.h"
#include "graph/resident.h"
#include "graph/schedule.h"

// Clones of the nodes that `outputs` need, in creation order; p->origin says of what.
static atl_status collect(atl_plan *p, const atl_graph *g, atl_node *const *outputs, int count) {
    atl_ctx *ctx = p->ctx;
    size_t n = (size_t)g->size;
    atl_node **clone = atl_calloc(ctx, n, sizeof *clone);
    bool *live = atl_calloc(ctx, n, sizeof *live);
    atl_status status = ATL_NO_MEMORY;
    if (!clone || !live)
        goto done;
    for (int i = 0; i < count; i++)
        live[outputs[i]->id] = true;
    int size = 0;
    for (int i = g->size - 1; i >= 0; i--)
        if (live[i]) {
            size++;
            for (int k = 0; k < g->nodes[i]->n_src; k++)
                live[g->nodes[i]->src[k]->id] = true;
        }
    p->nodes = atl_arena_alloc(&p->arena, (size_t)size, sizeof *p->nodes);
    p->origin = atl_arena_alloc(&p->arena, (size_t)size, sizeof *p->origin);
    if (!p->nodes || !p->origin)
        goto done;
    for (int i = 0; i < g->size; i++) {
        if (!live[i])
            continue;
        atl_node *c = atl_arena_alloc(&p->arena, 1, sizeof *c);
        if (!c)
            goto done;
        *c = *g->nodes[i];
        for (int k = 0; k < c->n_src; k++)
            c->src[k] = clone[c->src[k]->id];
        clone[i] = c;
        c->id = p->size;
        p->origin[p->size] = g->nodes[i];
        p->nodes[p->size++] = c;
    }
    status = ATL_OK;
done:
    atl_free(ctx, clone);
    atl_free(ctx, live);
    return status;
}

static bool is_output(const atl_node *origin, atl_node *const *outputs, int count) {
    for (int i = 0; i < count; i++)
        if (outputs[i] == origin)
            return true;
    return false;
}

static bool is_leaf(const atl_node *n) {
    return n->n_src == 0;
}

// Clones that depend on constants alone, and on parameters that never change.  Other processes don't plan now.
static void mark_constant(const atl_plan *p, atl_fuse_node *list) {
    for (int i = 0; i < p->size; i++) {
        const atl_node *n = p->nodes[i];
        bool c =
            n->op == ATL_OP_CONST || n->op == ATL_OP_FILL || (n->op == ATL_OP_PARAM && !n->at.leaf.version);
        if (n->n_src) {
            c = n->op != ATL_OP_ACROSS;
            for (int k = 0; k < n->n_src; k++)
                c = c && list[n->src[k]->id].constant;
        }
        list[i].constant = c;
    }
}

// Drops clones that no output needs any more (absorbed or folded away) and renumbers the rest.
static void compact(atl_plan *p, atl_fuse_node *list) {
    for (int i = 0; i < p->size; i++)
        list[i].uses = list[i].output && list[i].n->op != ATL_OP_POISON;
    for (int i = p->size - 1; i >= 0; i--)
        for (int k = 0; list[i].uses && k < list[i].n->n_src; k++)
            list[list[i].n->src[k]->id].uses = 1;
    int size = 0;
    for (int i = 0; i < p->size; i++)
        if (list[i].uses) {
            list[size] = list[i];
            p->nodes[size] = list[i].n;
            p->origin[size++] = p->origin[i];
        }
    p->size = size;
    for (int i = 0; i < size; i++)
        p->nodes[i]->id = i;
}

// Views stay where they are: what they look at is folded.
static bool is_view(const atl_node *n) {
    return atl_node_kind(n) == ATL_KIND_VIEW;
}

// Constant clones, not leaves, whose value something else needs.
static void mark_frontier(const atl_plan *p, const atl_fuse_node *list, bool *wanted) {
    for (int i = p->size - 1; i >= 0; i--) {
        const atl_node *n = p->nodes[i];
        if (list[i].constant && !(is_view(n) && wanted[i]))
            continue;
        for (int k = 0; k < n->n_src; k++)
            wanted[n->src[k]->id] = wanted[n->src[k]->id] || list[n->src[k]->id].constant;
    }
    for (int i = 0; i < p->size; i++)
        wanted[i] = list[i].constant && !is_leaf(p->nodes[i]) && !is_view(p->nodes[i]) && (wanted[i] || list[i].output);
}

static atl_status new_plan(atl_ctx *ctx, atl_backend *backend, atl_plan **plan) {
    atl_plan *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    p->ctx = ctx;
    p->backend = backend;
    atl_arena_init(&p->arena, ctx, 0);
    *plan = p;
    return ATL_OK;
}

enum { COPIED = 1 << 14 }; // floats: smaller constants are copied, so that their block can go

// Where the value of a folded clone stays: a copy, or, when it is large and on the host, where it was
// computed. Most of what is large is packed soon, and then its block goes.
static atl_status keep_folded(atl_plan *p, atl_plan *sub, atl_node *n) {
    size_t count = (size_t)atl_shape_count(&n->shape);
    float *values = p->backend->host && count > COPIED ? (float *)atl_plan_at(sub, n) : NULL;
    if (values) {
        p->folded = sub->block;
        p->folded_count = sub->block_bytes / sizeof(float);
    } else {
        if (!(values = atl_pages_alloc(p->ctx, count, sizeof *values)))
            return ATL_NO_MEMORY;
        atl_plan_read(sub, n, values);
        ATL_TRY(atl_plan_keep(p, values));
    }
    n->op = ATL_OP_CONST;
    n->n_src = 0;
    n->fusion = NULL;
    n->at.leaf.data = values;
    n->at.leaf.version = NULL;
    return ATL_OK;
}

// Computes the wanted constants with a plan of their own and turns their clones into leaves.
static atl_status fold(atl_plan *p, const bool *wanted) {
    atl_plan *sub;
    ATL_TRY(new_plan(p->ctx, p->backend, &sub));
    atl_status status = ATL_NO_MEMORY;
    sub->nodes = atl_arena_alloc(&sub->arena, (size_t)p->size, sizeof *sub->nodes);
    sub->origin = atl_arena_alloc(&sub->arena, (size_t)p->size, sizeof *sub->origin);
    bool *need = atl_arena_alloc(&sub->arena, (size_t)p->size, sizeof *need);
    bool *outputs = atl_arena_alloc(&sub->arena, (size_t)p->size, sizeof *outputs);
    if (!sub->nodes || !sub->origin || !need || !outputs)
        goto done;
    for (int i = p->size - 1; i >= 0; i--) {
        need[i] = need[i] || wanted[i];
        for (int k = 0; need[i] && k < p->nodes[i]->n_src; k++)
            need[p->nodes[i]->src[k]->id] = true;
    }
    for (int i = 0; i < p->size; i++)
        if (need[i]) {
            outputs[sub->size] = wanted[i];
            sub->origin[sub->size] = p->nodes[i];
            sub->nodes[sub->size++] = p->nodes[i];
        }
    if ((status = atl_schedule(sub, outputs)) != ATL_OK || (status = atl_plan_run(sub)) != ATL_OK)
        goto done;
    for (int i = 0; i < sub->size && status == ATL_OK; i++)
        if (outputs[i])
            status = keep_folded(p, sub, sub->nodes[i]);
    if (p->folded)
        sub->block = NULL;
done:
    for (int i = 0; i < p->size; i++)
        p->nodes[i]->id = i;
    atl_plan_close(&sub);
    return status;
}

static atl_status rewrite(atl_plan *p, atl_node *const *outputs, int count, const atl_plan_options *o) {
    size_t n = (size_t)p->size;
    atl_fuse_node *list = atl_calloc(p->ctx, n, sizeof *list);
    bool *flags = atl_calloc(p->ctx, n, sizeof *flags);
    atl_status status = ATL_NO_MEMORY;
    if (!list || !flags)
        goto done;
    for (int i = 0; i < p->size; i++)
        list[i] = (atl_fuse_node){ p->nodes[i], 0, is_output(p->origin[i], outputs, count), false, false };
    mark_constant(p, list);
    if (!o->step_mode) {
        if ((status = atl_fuse(&p->arena, p->backend, list, p->size)) != ATL_OK)
            goto done;
        compact(p, list);
        mark_constant(p, list);
        mark_frontier(p, list, flags);
        if ((status = fold(p, flags)) != ATL_OK)
            goto done;
        compact(p, list);
    }
    for (int i = 0; i < p->size; i++)
        flags[i] = list[i].output || (o->step_mode && p->nodes[i]->name);
    p->step_mode = o->step_mode;
    p->detached = o->detached;
    status = atl_schedule(p, flags);
done:
    atl_free(p->ctx, list);
    atl_free(p->ctx, flags);
    return status;
}

atl_status atl_plan_make(atl_graph *g, atl_backend *backend, atl_node *const *outputs, int count,
                         const atl_plan_options *options, atl_plan **plan) {
    static const atl_plan_options none = { false, false };
    *plan = NULL;
    if (g->status != ATL_OK)
        return atl_fail(g->ctx, g->status, "%s", g->error);
    for (int i = 0; i < count; i++)
        if (outputs[i]->op == ATL_OP_POISON)
            return atl_fail(g->ctx, ATL_INTERNAL, "an output of the network could not be built");
    atl_plan *p;
    ATL_TRY(new_plan(g->ctx, backend, &p));
    atl_status status = collect(p, g, outputs, count);
    if (status == ATL_OK)
        status = rewrite(p, outputs, count, options ? options : &none);
    if (status != ATL_OK)
        atl_plan_close(&p);
    *plan = p;
    return status;
}

void atl_plan_close(atl_plan **plan) {
    atl_plan *p = plan ? *plan : NULL;
    if (!p)
        return;
    for (int i = 0; i < p->n_steps; i++)
        if (p->steps[i].state)
            p->backend->discard(p->backend, &p->steps[i]);
    if (p->block)
        p->backend->release(p->backend, p->block);
    if (p->folded)
        p->backend->release(p->backend, p->folded);
    for (int i = 0; i < p->n_values; i++)
        if (p->values[i].resident)
            atl_resident_drop(p->backend, p->values[i].host);
    for (int i = 0; i < p->n_kept; i++)
        atl_pages_free(p->ctx, p->kept[i]);
    atl_free(p->ctx, p->kept);
    atl_arena_clear(&p->arena);
    atl_free(p->ctx, p);
    *plan = NULL;
}

atl_status atl_plan_keep(atl_plan *p, float *values) {
    if (p->n_kept == p->kept_capacity) {
        int capacity = p->kept_capacity ? p->kept_capacity * 2 : 32;
        float **kept = atl_grow(p->ctx, p->kept, (size_t)p->n_kept, (size_t)capacity, sizeof *kept);
        if (!kept) {
            atl_pages_free(p->ctx, values);
            return ATL_NO_MEMORY;
        }
        p->kept = kept;
        p->kept_capacity = capacity;
    }
    p->kept[p->n_kept++] = values;
    return ATL_OK;
}

// ---- using a plan

static void renew_parameters(const atl_plan *p) {
    for (int i = 0; i < p->n_values; i++)
        if (p->values[i].resident && p->values[i].version)
            atl_resident_renew(p->backend, p->values[i].host, *p->values[i].version);
}

static atl_status run_first(atl_plan *p, int steps) {
    renew_parameters(p);
    ATL_TRY(p->backend->run(p->backend, p->steps, (size_t)steps, &p->run));
    p->backend->wait(p->backend);
    p->run.counter++;
    return ATL_OK;
}

atl_status atl_plan_run(atl_plan *p) {
    return run_first(p, p->n_steps);
}

static int find_clone(const atl_plan *p, const atl_node *node) {
    for (int i = 0; i < p->size; i++)
        if (p->origin[i] == node)
            return i;
    return -1;
}

atl_status atl_plan_run_to(atl_plan *p, atl_node *const *outputs, int count) {
    int steps = 0;
    for (int i = 0; i < count; i++) {
        int k = find_clone(p, outputs[i]);
        for (int t = steps; k >= 0 && t < p->n_steps; t++)
            if (p->steps[t].value == p->views[k].value)
                steps = t + 1;
    }
    return run_first(p, steps);
}

void atl_plan_write(atl_plan *p, const atl_node *input, const float *values) {
    int i = find_clone(p, input);
    if (i >= 0 && p->nodes[i]->op == ATL_OP_INPUT)
        p->backend->upload(p->backend, p->values[p->views[i].value].data, values,
                           (size_t)atl_shape_count(&input->shape));
}

bool atl_plan_bind(atl_plan *p, const atl_node *output, float *address) {
    int i = find_clone(p, output), value = i < 0 ? -1 : p->views[i].value;
    if (value < 0 || !p->views[i].contiguous || p->views[i].offset || !p->values[value].placed ||
        p->nodes[i]->op == ATL_OP_INPUT || p->values[value].count != (size_t)atl_shape_count(&output->shape))
        return false;
    int root = atl_value_root(p, value);
    for (int k = 0; k < p->n_values; k++) // whoever shares its memory moves with it
        if (atl_value_root(p, k) == root) {
            p->values[k].placed = false;
            p->values[k].data = address;
        }
    return atl_place(p->ctx, p->values, p->n_values, &p->block_bytes) == ATL_OK;
}

const float *atl_plan_at(const atl_plan *p, const atl_node *node) {
    int i = find_clone(p, node);
    if (i < 0 || p->views[i].value < 0 || !p->views[i].contiguous)
        return NULL;
    const atl_value *v = &p->values[p->views[i].value];
    return v->data ? v->data + p->views[i].offset : NULL;
}

bool atl_plan_read(const atl_plan *p, const atl_node *node, float *values) {
    const float *at = atl_plan_at(p, node);
    if (at)
        p->backend->download(p->backend, values, at, (size_t)atl_shape_count(&node->shape));
    return at != NULL;
}

const atl_node *atl_plan_next_named(const atl_plan *p, const char *pattern, int *at) {
    while (*at < p->size) {
        int i = (*at)++;
        if (p->nodes[i]->name && fnmatch(pattern, p->nodes[i]->name, 0) == 0)
            return p->origin[i];
    }
    return NULL;
}

const char *atl_step_name(const atl_step *step) {
    return step->node->name ? step->node->name : step->node->scope;
}
