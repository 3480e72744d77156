// SPDX-License-Identifier: Apache-2.0
// Recorded operators with first and second derivatives against ours.  A case is inputs v, the operator's
// result y, the weights dy of L1 = sum(y dy), dv = dL1/dv, weights ddv of L2 = sum of dv ddv, and g2.* =
// dL2/d*.  A test only says how y is built; the rest follows from atl_grad.  Images are [n, c, h, w].
#ifndef ATL_TESTS_OPS_H
#define ATL_TESTS_OPS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/array.h>
#include "graph/plan.h"
#include "run/backend.h"
#include "nn/net.h"
#include "../tolerance.h"

enum { OPS_VARIABLES = 6, OPS_OUTPUTS = 16 };

typedef struct op_case {
    const char *file;
    char tag[16];                       // "c07"
    atl_ctx *ctx;
    atl_arrays *set;
    atl_graph g;
    const char *names[OPS_VARIABLES];   // the differentiable inputs, in order of asking
    atl_node *variables[OPS_VARIABLES];
    int n_variables;
    const char *labels[OPS_OUTPUTS];    // recorded tensors and our nodes
    char label_text[OPS_OUTPUTS][16];
    atl_node *outputs[OPS_OUTPUTS];
    int n_outputs;
    uint64_t version;                   // of the leaves: they vary
    double second_scale;                // least length that errors of second derivatives are measured by
} op_case;

typedef atl_node *(*op_builder)(op_case *c);

static inline const atl_array *op_array(const op_case *c, const char *name) {
    char full[32];
    snprintf(full, sizeof full, "%s.%s", c->tag, name);
    return atl_arrays_find(c->set, full);
}

// A recorded tensor as numbers in the graph's arena; NULL: the case has none.
static inline float *op_values(op_case *c, const char *name) {
    const atl_array *a = op_array(c, name);
    if (!a)
        return NULL;
    int64_t count = atl_array_count(a);
    float *v = atl_arena_alloc(&c->g.arena, (size_t)count, sizeof *v);
    assert_non_null(v);
    atl_array_read_f32(a, 0, count, v);
    return v;
}

// A recorded tensor as a node; NULL: the case has none.
static inline atl_node *op_leaf(op_case *c, const char *name) {
    float *v = op_values(c, name);
    const atl_array *a = op_array(c, name);
    return v ? atl_parameter(&c->g, name, atl_shape_make(a->rank, a->dims), v, &c->version) : NULL;
}

// The same, and its derivatives are checked.
static inline atl_node *op_variable(op_case *c, const char *name) {
    atl_node *x = op_leaf(c, name);
    if (x) {
        assert_true(c->n_variables < OPS_VARIABLES);
        c->names[c->n_variables] = name;
        c->variables[c->n_variables++] = x;
    }
    return x;
}

// ---- options: words "name=value" in the file's metadata

static inline const char *op_word(const op_case *c, const char *name) {
    const char *text = atl_arrays_metadata(c->set, c->tag);
    size_t length = strlen(name);
    while (text && *text) {
        if (!strncmp(text, name, length) && text[length] == '=')
            return text + length + 1;
        text = strchr(text, ' ');
        text = text ? text + 1 : NULL;
    }
    return NULL;
}

// The fallback stands for a missing word and for "none".
static inline float op_number(const op_case *c, const char *name, float fallback) {
    const char *word = op_word(c, name);
    return word && strncmp(word, "none", 4) ? (float)strtod(word, NULL) : fallback;
}

static inline int op_int(const op_case *c, const char *name, int fallback) {
    return (int)op_number(c, name, (float)fallback);
}

static inline bool op_is(const op_case *c, const char *name, const char *value) {
    const char *word = op_word(c, name);
    size_t length = strlen(value);
    return word && !strncmp(word, value, length) && (word[length] == ' ' || word[length] == 0);
}

// padding: one number or x0,x1,y0,y1
static inline void op_padding(const op_case *c, int p[4]) {
    const char *word = op_word(c, "padding");
    assert_non_null(word);
    for (int i = 0; i < 4; i++) {
        char *end;
        p[i] = (int)strtol(word, &end, 10);
        word = *end == ',' ? end + 1 : word;
    }
}

// ---- running

static inline void op_output(op_case *c, const char *prefix, const char *name, atl_node *x) {
    assert_true(c->n_outputs < OPS_OUTPUTS);
    char *label = c->label_text[c->n_outputs];
    snprintf(label, sizeof c->label_text[0], "%s%s", prefix, name);
    c->labels[c->n_outputs] = label;
    c->outputs[c->n_outputs++] = x;
}

static inline atl_node *op_dot(op_case *c, atl_node *x, atl_node *y) { // [1]
    return atl_reshape(&c->g, atl_sum(&c->g, atl_mul(&c->g, x, y), 31u), ATL_SHAPE(1));
}

static inline void op_derive(op_case *c, op_builder build) {
    atl_node *y = build(c), *dy = op_leaf(c, "dy"), *targets[OPS_VARIABLES + 1] = { dy }, *d[OPS_VARIABLES + 1];
    op_output(c, "y", "", y);
    atl_grad(&c->g, op_dot(c, y, dy), c->variables, c->n_variables, d);
    atl_node *second = NULL;
    for (int i = 0; i < c->n_variables; i++) {
        char name[16];
        op_output(c, "d", c->names[i], d[i]);
        snprintf(name, sizeof name, "dd%s", c->names[i]);
        atl_node *weights = op_leaf(c, name);
        if (weights)
            second = second ? atl_add(&c->g, second, op_dot(c, d[i], weights)) : op_dot(c, d[i], weights);
        targets[i + 1] = c->variables[i];
    }
    assert_non_null(second);
    atl_grad(&c->g, second, targets, c->n_variables + 1, d);
    op_output(c, "g2.", "dy", d[0]);
    for (int i = 0; i < c->n_variables; i++)
        op_output(c, "g2.", c->names[i], d[i + 1]);
}

static inline double op_compare(op_case *c, const atl_plan *plan, int i) {
    const char *label = c->labels[i];
    const atl_array *a = op_array(c, label);
    if (!a)
        fail_msg("%s %s: %s is not recorded", c->file, c->tag, label);
    atl_shape shape = atl_shape_make(a->rank, a->dims);
    if (!atl_shape_same(&shape, &c->outputs[i]->shape))
        fail_msg("%s %s: %s has another shape", c->file, c->tag, label);
    size_t count = (size_t)atl_array_count(a);
    float *truth = op_values(c, label), *ours = atl_arena_alloc(&c->g.arena, count, sizeof *ours);
    assert_non_null(ours);
    assert_true(atl_plan_read(plan, c->outputs[i], ours));
    double e = 0, s = 0;
    for (size_t k = 0; k < count; k++) {
        e += pow((double)ours[k] - (double)truth[k], 2);
        s += (double)truth[k] * (double)truth[k];
    }
    double length = sqrt(s > 0 ? s : 1);
    e = sqrt(e) / (strncmp(label, "g2.", 3) ? length : fmax(length, c->second_scale));
    if (!(e <= F32_OP))
        fail_msg("%s %s (%s): %s is %.3g away", c->file, c->tag, atl_arrays_metadata(c->set, c->tag), label, e);
    return e;
}

static inline void op_check_file(const char *file, op_builder build) {
    op_case c = { .file = file };
    atl_backend *backend;
    char path[1024];
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, sizeof path, "%s/ops/%s.safetensors", data ? data : "tests/data", file);
    assert_int_equal(atl_ctx_open(&c.ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(c.ctx, NULL, &backend), ATL_OK);
    if (atl_arrays_open(c.ctx, path, &c.set) != ATL_OK)
        fail_msg("%s", atl_message(c.ctx));
    int cases = atoi(atl_arrays_metadata(c.set, "cases"));
    assert_in_range(cases, 1, 99);
    double worst = 0;
    for (int k = 0; k < cases; k++) {
        snprintf(c.tag, sizeof c.tag, "c%02d", k);
        c.n_variables = c.n_outputs = 0;
        c.second_scale = 0.0;
        atl_graph_init(&c.g, c.ctx);
        op_derive(&c, build);
        atl_plan *plan;
        if (atl_plan_make(&c.g, backend, c.outputs, c.n_outputs, NULL, &plan) != ATL_OK ||
            atl_plan_run(plan) != ATL_OK)
            fail_msg("%s %s: %s", file, c.tag, atl_message(c.ctx));
        for (int i = 0; i < c.n_outputs; i++)
            worst = fmax(worst, op_compare(&c, plan, i));
        atl_plan_close(&plan);
        atl_graph_clear(&c.g);
    }
    printf("    %-24s %2d cases, worst %.2e (at most %.0e)\n", file, cases, worst, F32_OP);
    atl_arrays_close(&c.set);
    atl_backend_close(&backend);
    atl_ctx_close(&c.ctx);
}

#endif
