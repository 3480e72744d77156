// SPDX-License-Identifier: Apache-2.0
// The graph itself: an arena, an array of nodes, the sticky error, scopes and leaves.
#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/build.h"

void atl_graph_init(atl_graph *g, atl_ctx *ctx) {
    memset(g, 0, sizeof *g);
    g->ctx = ctx;
    atl_arena_init(&g->arena, ctx, 0);
    g->poison = (atl_node){ .op = ATL_OP_POISON, .shape = { .rank = 1, .d = { 1 } }, .scope = "" };
}

void atl_graph_clear(atl_graph *g) {
    if (!g->ctx)
        return;
    atl_free(g->ctx, g->nodes);
    atl_arena_clear(&g->arena);
    memset(g, 0, sizeof *g);
}

atl_node *atl_graph_fail(atl_graph *g, atl_status status, const char *format, ...) {
    if (g->status == ATL_OK) {
        int n = g->scope[0] ? snprintf(g->error, sizeof g->error, "%s: ", g->scope) : 0;
        if (n < 0 || n >= (int)sizeof g->error)
            n = 0;
        va_list args;
        va_start(args, format);
        vsnprintf(g->error + n, sizeof g->error - (size_t)n, format, args);
        va_end(args);
        g->status = status;
    }
    return &g->poison;
}

size_t atl_scope_push(atl_graph *g, const char *format, ...) {
    size_t mark = strlen(g->scope), at = mark;
    if (at && at + 1 < sizeof g->scope)
        g->scope[at++] = '.';
    va_list args;
    va_start(args, format);
    vsnprintf(g->scope + at, sizeof g->scope - at, format, args);
    va_end(args);
    g->scope_copy = NULL;
    return mark;
}

void atl_scope_pop(atl_graph *g, size_t mark) {
    g->scope[mark] = '\0';
    g->scope_copy = NULL;
}

const char *atl_scope_get(atl_graph *g) {
    if (!g->scope_copy)
        g->scope_copy = atl_arena_string(&g->arena, g->scope, strlen(g->scope));
    if (!g->scope_copy)
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a name");
    return g->scope_copy ? g->scope_copy : "";
}

void atl_scope_enter(atl_graph *g, const char *scope) {
    snprintf(g->scope, sizeof g->scope, "%s", scope);
    g->scope_copy = scope;
}

atl_node *atl_named(atl_graph *g, atl_node *x) {
    if (x != &g->poison)
        x->name = atl_scope_get(g);
    return x;
}

atl_node *atl_new_node(atl_graph *g, atl_op op, atl_shape shape, int n_src, atl_node *const *src) {
    for (int i = 0; i < n_src; i++)
        if (src[i]->op == ATL_OP_POISON)
            return &g->poison;
    if (g->size == g->capacity) {
        int capacity = g->capacity ? g->capacity * 2 : 256;
        atl_node **nodes = atl_grow(g->ctx, g->nodes, (size_t)g->size, (size_t)capacity, sizeof *nodes);
        if (!nodes)
            return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory while building the network");
        g->nodes = nodes;
        g->capacity = capacity;
    }
    atl_node *n = atl_arena_alloc(&g->arena, 1, sizeof *n);
    if (!n)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory while building the network");
    n->op = op;
    n->shape = shape;
    n->n_src = n_src;
    for (int i = 0; i < n_src; i++)
        n->src[i] = src[i];
    n->scope = atl_scope_get(g);
    n->id = g->size;
    g->nodes[g->size++] = n;
    return n;
}

// ---- shapes

atl_shape atl_shape_make(int rank, const int64_t *d) {
    atl_shape s = { .rank = rank };
    for (int i = 0; i < rank && i < ATL_RANK_MAX; i++)
        s.d[i] = d[i];
    return s;
}

int64_t atl_shape_count(const atl_shape *s) {
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= s->d[i];
    return n;
}

bool atl_shape_same(const atl_shape *a, const atl_shape *b) {
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->d[i] != b->d[i])
            return false;
    return true;
}

const char *atl_shape_text(const atl_shape *s, bool image, char text[ATL_SHAPE_TEXT]) {
    const int64_t field[4] = { s->d[0], s->d[3], s->d[1], s->d[2] };
    return atl_dims_text(s->rank, image && s->rank == 4 ? field : s->d, text);
}

bool atl_node_is_image(const atl_node *n) {
    if (n->shape.rank != 4)
        return false;
    while (n->op == ATL_OP_UNARY || n->op == ATL_OP_BINARY)
        n = n->src[0];
    return n->op != ATL_OP_PARAM && !(n->op == ATL_OP_CONV && n->at.conv.slot == ATL_SLOT_W);
}

const char *atl_node_shape_text(const atl_node *n, char text[ATL_SHAPE_TEXT]) {
    return atl_shape_text(&n->shape, atl_node_is_image(n), text);
}

// ---- leaves

static atl_node *leaf(atl_graph *g, atl_op op, const char *name, const atl_shape *shape) {
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->d[i] < 1 || shape->d[i] > ((int64_t)1 << 40) / count)
            return atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: a dimension of %lld is out of range",
                                  name ? name : "constant", (long long)shape->d[i]);
        count *= shape->d[i];
    }
    atl_node *n = atl_new_node(g, op, *shape, 0, NULL);
    if (name && n != &g->poison)
        n->name = atl_arena_string(&g->arena, name, strlen(name));
    if (name && n != &g->poison && !n->name)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a name");
    return n;
}

atl_node *atl_input(atl_graph *g, const char *name, atl_shape shape) {
    return leaf(g, ATL_OP_INPUT, name, &shape);
}

atl_node *atl_parameter(atl_graph *g, const char *name, atl_shape shape, const float *data,
                        const uint64_t *version) {
    atl_node *n = leaf(g, ATL_OP_PARAM, name, &shape);
    if (n != &g->poison) {
        n->at.leaf.data = data;
        n->at.leaf.version = version;
    }
    return n;
}

atl_node *atl_const(atl_graph *g, atl_shape shape, const float *data) {
    atl_node *n = leaf(g, ATL_OP_CONST, NULL, &shape);
    if (n == &g->poison)
        return n;
    size_t count = (size_t)atl_shape_count(&shape);
    float *copy = atl_arena_alloc(&g->arena, count, sizeof *copy);
    if (!copy)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a constant of %zu numbers", count);
    memcpy(copy, data, count * sizeof *copy);
    n->at.leaf.data = copy;
    return n;
}

atl_node *atl_fill(atl_graph *g, atl_shape shape, float value) {
    atl_node *n = leaf(g, ATL_OP_FILL, NULL, &shape);
    if (n != &g->poison)
        n->at.fill.value = value;
    return n;
}

atl_node *atl_normal(atl_graph *g, atl_shape shape, uint64_t stream) {
    atl_node *n = leaf(g, ATL_OP_NORMAL, NULL, &shape);
    if (n != &g->poison)
        n->at.normal.stream = stream;
    return n;
}
