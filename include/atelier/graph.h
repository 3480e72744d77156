// SPDX-License-Identifier: Apache-2.0
// Experimental: losses of your own over opened networks, with gradients.  Define ATL_EXPERIMENTAL before
// including; what is here may change in every version, everything else of <atelier/...> not.
//
// Three steps.  Build: functions make nodes, nothing is computed; opened networks become part of the graph.
// Plan: what the results that you name need is fused, placed in memory and given kernels.  Run, as often as you
// like: set inputs, run, get results.
//
//     atl_graph *g; atl_plan *plan;
//     atl_graph_open(ctx, &g);
//     atl_node *ws = atl_input(g, "ws", ATL_SHAPE(1, num_ws, w_dim));
//     atl_node *img = atl_model_apply(g, model, "G", "synthesize", "img", &(atl_bound){ "ws", ws }, 1);
//     atl_node *loss = atl_reshape(g, atl_mean(g, atl_square(g, img), 15), ATL_SHAPE(1)), *dws;
//     atl_grad(g, loss, &ws, 1, &dws);
//     if (atl_plan_open(g, (atl_node *[]){ loss, dws }, 2, &plan)) die(atl_message(ctx));
//     atl_plan_set(plan, ws, values);
//     atl_plan_run(plan);
//     atl_plan_get(plan, dws, gradient);
//     atl_plan_close(&plan);
//     atl_graph_close(&g);
//
// Errors stick: a constructor that is given shapes that don't fit returns a node that stands for the failure, so
// that code reads as mathematics, and atl_plan_open() says what went wrong first, with the place.
//
// Shapes are in memory order, C order.  Within a graph images are [n, h, w, c]; atl_permute() turns them.  Nodes
// belong to their graph and end with it.  Networks outlive the graph, the graph its plans.
#ifndef ATELIER_GRAPH_H
#define ATELIER_GRAPH_H

#ifdef ATL_EXPERIMENTAL

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_graph atl_graph;
typedef struct atl_node atl_node;
typedef struct atl_plan atl_plan;

ATL_API atl_status atl_graph_open(atl_ctx *ctx, atl_graph **graph);
ATL_API void atl_graph_close(atl_graph **graph); // after its plans; NULL and pointers to NULL are fine

// ---- shapes

enum { ATL_RANK_MAX = 5 };
typedef struct atl_shape {
    int rank; // 0: one number
    int64_t d[ATL_RANK_MAX];
} atl_shape;

ATL_API atl_shape atl_shape_make(int rank, const int64_t *d);
#define ATL_SHAPE(...) \
    atl_shape_make((int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ })
ATL_API atl_shape atl_node_shape(const atl_node *x); // [1] after a failure

// ---- leaves

// Numbers that are set before runs; the name is for messages.
ATL_API atl_node *atl_input(atl_graph *g, const char *name, atl_shape shape);
ATL_API atl_node *atl_const(atl_graph *g, atl_shape shape, const float *data); // copied
ATL_API atl_node *atl_fill(atl_graph *g, atl_shape shape, float value);

// ---- pointwise: equal shapes, see atl_expand()

ATL_API atl_node *atl_add(atl_graph *g, atl_node *x, atl_node *y);
ATL_API atl_node *atl_sub(atl_graph *g, atl_node *x, atl_node *y);
ATL_API atl_node *atl_mul(atl_graph *g, atl_node *x, atl_node *y);
ATL_API atl_node *atl_div(atl_graph *g, atl_node *x, atl_node *y);
ATL_API atl_node *atl_affine(atl_graph *g, atl_node *x, float a, float b); // a x + b
ATL_API atl_node *atl_scale(atl_graph *g, atl_node *x, float a);
ATL_API atl_node *atl_neg(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_square(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_sqrt(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_rsqrt(atl_graph *g, atl_node *x); // 1 / sqrt(x)
ATL_API atl_node *atl_exp(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_ln(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_abs(atl_graph *g, atl_node *x);
ATL_API atl_node *atl_softplus(atl_graph *g, atl_node *x);              // log(1 + exp(x))
ATL_API atl_node *atl_lrelu(atl_graph *g, atl_node *x, float slope);    // x < 0 ? slope x : x
ATL_API atl_node *atl_clamp(atl_graph *g, atl_node *x, float lo, float hi);

// ---- linear

// Axes are bits: 1 << axis.  Summed axes stay with size 1.
ATL_API atl_node *atl_sum(atl_graph *g, atl_node *x, unsigned axes);
ATL_API atl_node *atl_mean(atl_graph *g, atl_node *x, unsigned axes);
ATL_API atl_node *atl_expand(atl_graph *g, atl_node *x, atl_shape shape); // equal rank; dims of 1 are repeated
ATL_API atl_node *atl_reshape(atl_graph *g, atl_node *x, atl_shape shape);
ATL_API atl_node *atl_permute(atl_graph *g, atl_node *x, const int *axis); // dim i of the result is dim axis[i] of x
ATL_API atl_node *atl_slice_axis(atl_graph *g, atl_node *x, int axis, int64_t begin, int64_t count);
ATL_API atl_node *atl_concat(atl_graph *g, atl_node *const *x, int count, int axis); // at least one

// ---- contractions

// a [(batch,) m, k], b [(batch,) k, n] -> [(batch,) m, n]; trans_a: a is [k, m]; trans_b: b is [n, k].  A batch
// of 1 is shared.
ATL_API atl_node *atl_matmul(atl_graph *g, atl_node *a, atl_node *b, bool trans_a, bool trans_b);
// Correlation, as network libraries mean it: x [n, h, w, i], w [o, i, kh, kw] -> [n, oh, ow, o], the same stride and
// padding on all sides.
ATL_API atl_node *atl_conv2d(atl_graph *g, atl_node *x, atl_node *w, int stride, int pad);

// ---- networks

typedef struct atl_bound {
    const char *name; // of an input of the function: "ws"; see atl_model_ports()
    atl_node *node;
} atl_bound;

// The result of a function of an opened network of nodes that stand for its inputs (NULL: not given); the first
// that is given has a row for each sample.  Inputs that are images are [n, h, w, c] here.  Noise maps and settings
// that are not bound are the network's own, and its weights are constants.  `as` ("G") is the scope under which its
// nodes are named; the same network may be applied several times under one.
ATL_API atl_node *atl_model_apply(atl_graph *g, atl_model *model, const char *as, const char *function,
                                  const char *result, const atl_bound *in, int count);

// The newest node of that name: a layer of an applied network, "D.b8.conv1".  An unknown name is the graph's error.
ATL_API atl_node *atl_graph_find(atl_graph *g, const char *name);

// ---- gradients

// Gradients of the scalar `loss` (one element) with respect to `targets`: dx[i] has the shape of targets[i], zeros
// where the loss does not depend on it.  More graph: may be differentiated again.
ATL_API void atl_grad(atl_graph *g, atl_node *loss, atl_node *const *targets, int count, atl_node **dx);

// ---- plans

// On failure *plan is NULL, and the context has the sentence.
ATL_API atl_status atl_plan_open(atl_graph *g, atl_node *const *outputs, int count, atl_plan **plan);
ATL_API void atl_plan_close(atl_plan **plan);

// The numbers of an input, in its shape; kept until they are set again.  An input that is never set is undefined.
// One that the outputs don't need is passed over.
ATL_API atl_status atl_plan_set(atl_plan *plan, const atl_node *input, const float *values);
ATL_API atl_status atl_plan_run(atl_plan *plan);
// The numbers of one of the outputs after a run, in its shape.
ATL_API atl_status atl_plan_get(const atl_plan *plan, const atl_node *output, float *values);

#ifdef __cplusplus
}
#endif
#endif
#endif
