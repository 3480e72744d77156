// SPDX-License-Identifier: Apache-2.0
// Values, steps and memory of a plan.
//
// A clone's result is either a value of its own (a step computes it), or a view of another one: reshape
// and slices of the outermost dimension are plain offsets, expand is a stride of zero as long as only
// pointwise steps read it.
#include "graph/schedule.h"

#include <stdint.h>
#include <string.h>

#include "base/pages.h"
#include "graph/resident.h"

typedef struct scheduler {
    atl_plan *p;
    const bool *outputs;
    bool *dense;     // by clone: some reader needs its result contiguous
    int capacity;    // of p->values
} scheduler;

static bool is_pointwise(const atl_node *n) {
    return atl_node_kind(n) == ATL_KIND_POINTWISE;
}

static bool is_host_leaf(const atl_node *n) {
    return n->op == ATL_OP_PARAM || n->op == ATL_OP_CONST;
}

static int new_value(scheduler *s, size_t count, bool placed) {
    atl_plan *p = s->p;
    p->values[p->n_values] = (atl_value){ .count = count, .first = -1, .last = -1, .placed = placed, .reuses = -1 };
    return p->n_values++;
}

static void contiguous_strides(const atl_shape *shape, int64_t *stride) {
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->d[i];
    }
}

static atl_operand own(const atl_node *n, int value) {
    atl_operand o = { .value = value, .contiguous = true };
    contiguous_strides(&n->shape, o.stride);
    return o;
}

// A slice that is one run of memory: all dims but the first are whole (leading dims of 1 count as whole).
static bool is_run(const atl_node *n) {
    const atl_shape *whole = &n->src[0]->shape;
    int i = 0;
    while (i < n->shape.rank && n->shape.d[i] == 1 && whole->d[i] == 1)
        i++;
    for (int k = i + 1; k < n->shape.rank; k++)
        if (n->shape.d[k] != whole->d[k])
            return false;
    return true;
}

// The view of clone i in terms of its source's, or false when it needs a step.
static bool view_of(scheduler *s, int i, atl_operand *view) {
    atl_plan *p = s->p;
    const atl_node *n = p->nodes[i];
    if (n->op == ATL_OP_EXPAND && !s->dense[i]) {
        *view = p->views[n->src[0]->id];
        for (int k = 0; k < n->shape.rank; k++)
            if (n->src[0]->shape.d[k] != n->shape.d[k])
                view->stride[k] = 0;
        view->contiguous = false;
        return true;
    }
    if (n->op == ATL_OP_RESHAPE || (n->op == ATL_OP_SLICE && is_run(n))) {
        const atl_operand *from = &p->views[n->src[0]->id];
        *view = own(n, from->value);
        view->offset = from->offset;
        view->constant = from->constant;
        for (int k = 0; n->op == ATL_OP_SLICE && k < n->shape.rank; k++)
            view->offset += n->at.slice.begin[k] * from->stride[k];
        return true;
    }
    return false;
}

static void mark_dense(scheduler *s) {
    for (int i = 0; i < s->p->size; i++) {
        const atl_node *n = s->p->nodes[i];
        s->dense[i] = s->dense[i] || s->outputs[i];
        for (int k = 0; k < n->n_src && !is_pointwise(n); k++)
            s->dense[n->src[k]->id] = true;
    }
    // an expand may read strides; nothing else that is not pointwise does
}

// A fill is one number unless somebody needs it whole.
static atl_status fill_values(scheduler *s, int i) {
    atl_plan *p = s->p;
    const atl_node *n = p->nodes[i];
    size_t count = s->dense[i] ? (size_t)atl_shape_count(&n->shape) : 1;
    float *values = atl_pages_alloc(p->ctx, count, sizeof *values);
    if (!values)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_plan_keep(p, values));
    for (size_t k = 0; k < count; k++)
        values[k] = n->at.fill.value;
    p->views[i] = own(n, new_value(s, count, false));
    if (!s->dense[i]) {
        memset(p->views[i].stride, 0, sizeof p->views[i].stride);
        p->views[i].contiguous = atl_shape_count(&n->shape) == 1;
    }
    p->views[i].constant = values;
    p->values[p->views[i].value].host = values;
    return ATL_OK;
}

// A source of a step: constants point to what the step reads, and only as long as they never change.
static atl_operand operand_of(const atl_plan *p, const atl_node *src) {
    atl_operand o = p->views[src->id];
    if (o.constant)
        o.constant = p->values[o.value].version ? NULL : o.constant + o.offset;
    return o;
}

static atl_status make_values(scheduler *s) {
    atl_plan *p = s->p;
    for (int i = 0; i < p->size; i++) {
        const atl_node *n = p->nodes[i];
        if (n->op == ATL_OP_FILL) {
            ATL_TRY(fill_values(s, i));
        } else if (is_host_leaf(n)) {
            p->views[i] = own(n, new_value(s, (size_t)atl_shape_count(&n->shape), false));
            p->views[i].constant = n->at.leaf.data;
            p->values[p->views[i].value].host = n->at.leaf.data;
            p->values[p->views[i].value].version = n->at.leaf.version;
        } else if (!view_of(s, i, &p->views[i])) {
            p->views[i] = own(n, new_value(s, (size_t)atl_shape_count(&n->shape), true));
            if (n->op != ATL_OP_INPUT) {
                atl_step *step = &p->steps[p->n_steps++];
                *step = (atl_step){ .node = n, .value = p->views[i].value };
                for (int k = 0; k < n->n_src; k++)
                    step->src[k] = operand_of(p, n->src[k]);
            }
        }
    }
    return ATL_OK;
}

// First and last step of each value's life.
static void make_lives(scheduler *s) {
    atl_plan *p = s->p;
    for (int t = 0; t < p->n_steps; t++) {
        const atl_step *step = &p->steps[t];
        p->values[step->value].first = p->values[step->value].last = t;
        for (int k = 0; k < step->node->n_src; k++)
            p->values[step->src[k].value].last = t;
    }
    for (int i = 0; i < p->size; i++) {
        atl_value *v = &p->values[p->views[i].value];
        if (s->outputs[i] || p->step_mode)
            v->last = p->n_steps;
        if (p->nodes[i]->op == ATL_OP_INPUT) {
            v->first = 0;
            v->last = p->n_steps;
        }
    }
}

int atl_value_root(const atl_plan *p, int value) {
    while (p->values[value].reuses >= 0)
        value = p->values[value].reuses;
    return value;
}

// A pointwise step, or an epilogue alone, may overwrite a source that dies with it.
static void reuse_memory(scheduler *s) {
    atl_plan *p = s->p;
    for (int t = 0; t < p->n_steps && !p->step_mode; t++) {
        const atl_step *step = &p->steps[t];
        atl_value *out = &p->values[step->value];
        bool in_place = is_pointwise(step->node) || step->node->op == ATL_OP_EPILOGUE;
        for (int k = 0; in_place && k < step->node->n_src && out->reuses < 0; k++) {
            int root = step->src[k].value;
            if (!p->values[root].placed || !step->src[k].contiguous || step->src[k].offset ||
                p->values[root].last != t || p->values[root].count != out->count)
                continue;
            root = atl_value_root(p, root);
            out->reuses = root;
            if (out->last > p->values[root].last)
                p->values[root].last = out->last;
        }
    }
    for (int i = 0; i < p->n_values; i++) { // the root lives as long as its last heir
        int root = atl_value_root(p, i);
        if (p->values[i].last > p->values[root].last)
            p->values[root].last = p->values[i].last;
    }
}

static atl_status prepare_steps(scheduler *s) {
    atl_plan *p = s->p;
    for (int t = 0; t < p->n_steps; t++) {
        atl_step *step = &p->steps[t];
        if (!p->backend->supports(p->backend, step->node)) {
            char shape[ATL_SHAPE_TEXT];
            return atl_fail(p->ctx, ATL_UNSUPPORTED, "%s: the %s backend has no %s of shape %s",
                            atl_step_name(step), p->backend->name, atl_node_op_name(step->node),
                            atl_node_shape_text(step->node, shape));
        }
        ATL_TRY(p->backend->prepare(p->backend, step));
        int w = new_value(s, (step->workspace_bytes + sizeof(float) - 1) / sizeof(float), step->workspace_bytes > 0);
        p->values[w].first = p->values[w].last = t;
    }
    return ATL_OK;
}

// Values of the host that runs read: all but constants that every reader has packed.
static void mark_read(const scheduler *s, bool *read) {
    const atl_plan *p = s->p;
    for (int t = 0; t < p->n_steps; t++)
        for (int k = 0; k < p->steps[t].node->n_src; k++)
            if (!(p->steps[t].packed >> k & 1))
                read[p->steps[t].src[k].value] = true;
    for (int i = 0; i < p->size; i++) // a constant that is itself an output is read, too
        if (s->outputs[i] || p->step_mode)
            read[p->views[i].value] = true;
}

static bool is_folded(const atl_plan *p, const float *at) {
    uintptr_t first = (uintptr_t)p->folded;
    return p->folded && (uintptr_t)at >= first && (uintptr_t)at < first + p->folded_count * sizeof(float);
}

// Copies what runs read of the block in which constants were computed, and releases it.
static atl_status leave_folded(const scheduler *s, const bool *read) {
    atl_plan *p = s->p;
    for (int i = 0; i < p->n_values; i++) {
        atl_value *v = &p->values[i];
        float *copy = NULL;
        if (!is_folded(p, v->host))
            continue;
        if (read[i]) {
            if (!(copy = atl_pages_alloc(p->ctx, v->count, sizeof *copy)))
                return ATL_NO_MEMORY;
            ATL_TRY(atl_plan_keep(p, copy));
            memcpy(copy, v->host, v->count * sizeof *copy);
        }
        v->host = copy;
    }
    for (int i = 0; i < p->size; i++) {
        const float *host = p->values[p->views[i].value].host;
        if (is_folded(p, p->views[i].constant))
            p->views[i].constant = host;
        if (p->nodes[i]->op == ATL_OP_CONST && is_folded(p, p->nodes[i]->at.leaf.data))
            p->nodes[i]->at.leaf.data = host;
    }
    for (int t = 0; t < p->n_steps; t++)
        for (int k = 0; k < p->steps[t].node->n_src; k++) {
            atl_operand *o = &p->steps[t].src[k];
            if (is_folded(p, o->constant))
                o->constant = p->values[o->value].host ? p->values[o->value].host + o->offset : NULL;
        }
    if (p->folded)
        p->backend->release(p->backend, p->folded);
    p->folded = NULL;
    return ATL_OK;
}

// Those get an address on the device; constants that nothing reads need no memory any more.
static atl_status place_constants(const scheduler *s) {
    atl_plan *p = s->p;
    bool *read = atl_arena_alloc(&p->arena, (size_t)p->n_values, sizeof *read);
    if (!read)
        return ATL_NO_MEMORY;
    mark_read(s, read);
    ATL_TRY(leave_folded(s, read));
    for (int i = 0; i < p->n_values; i++) {
        atl_value *v = &p->values[i];
        if (!v->host || !read[i])
            continue;
        ATL_TRY(atl_resident_take(p->backend, v->host, v->count, v->version ? *v->version : 0, &v->data));
        v->resident = true;
    }
    for (int k = 0; k < p->n_kept; k++) {
        bool used = false;
        for (int i = 0; i < p->n_values; i++)
            used = used || (read[i] && p->values[i].host == p->kept[k]);
        if (!used) {
            atl_pages_free(p->ctx, p->kept[k]);
            p->kept[k] = NULL;
        }
    }
    return ATL_OK;
}

void atl_plan_attach(atl_plan *p, void *block) {
    for (int i = 0; i < p->n_values; i++) {
        int root = atl_value_root(p, i);
        if (p->values[i].placed)
            p->values[i].data = (float *)((char *)block + p->values[root].offset);
    }
    for (int t = 0; t < p->n_steps; t++) {
        atl_step *step = &p->steps[t];
        step->out = p->values[step->value].data;
        step->workspace = p->values[p->workspaces + t].data;
        for (int k = 0; k < step->node->n_src; k++)
            if (p->values[step->src[k].value].data)
                step->src[k].data = p->values[step->src[k].value].data + step->src[k].offset;
    }
}

static atl_status place(atl_plan *p) {
    ATL_TRY(atl_place(p->ctx, p->values, p->n_values, &p->block_bytes));
    if (p->detached)
        return ATL_OK;
    if (p->block_bytes && !(p->block = p->backend->alloc(p->backend, p->block_bytes)))
        return ATL_NO_MEMORY;
    atl_plan_attach(p, p->block);
    return ATL_OK;
}

atl_status atl_schedule(atl_plan *p, const bool *outputs) {
    scheduler s = { .p = p, .outputs = outputs };
    size_t n = (size_t)p->size;
    for (int i = 0; i < p->size; i++)
        p->nodes[i]->id = i;
    s.dense = atl_arena_alloc(&p->arena, n, sizeof *s.dense);
    p->views = atl_arena_alloc(&p->arena, n, sizeof *p->views);
    p->steps = atl_arena_alloc(&p->arena, n, sizeof *p->steps);
    p->values = atl_arena_alloc(&p->arena, 2 * n, sizeof *p->values);
    if (!s.dense || !p->views || !p->steps || !p->values)
        return ATL_NO_MEMORY;
    mark_dense(&s);
    ATL_TRY(make_values(&s));
    make_lives(&s);
    reuse_memory(&s);
    p->workspaces = p->n_values;
    ATL_TRY(prepare_steps(&s));
    ATL_TRY(place_constants(&s));
    return place(p);
}
