// SPDX-License-Identifier: Apache-2.0
// Shared by the constructors of this folder: making a node, and the derivatives that ops.c lists.
#ifndef ATL_GRAPH_BUILD_H
#define ATL_GRAPH_BUILD_H

#include "graph/graph.h"

// Appends a node; a poisoned source or missing memory gives the poison node.
atl_node *atl_new_node(atl_graph *g, atl_op op, atl_shape shape, int n_src, atl_node *const *src);

// The scope as nodes carry it, and a way back into one, whatever has been pushed since.
const char *atl_scope_get(atl_graph *g);
void atl_scope_enter(atl_graph *g, const char *scope);

// The attribute of the transpose of an upfirdn from shape `in` to shape `out`.
atl_fir_attr atl_fir_transposed(const atl_fir_attr *a, const atl_shape *in, const atl_shape *out);

void atl_vjp_unary(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_binary(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_sum(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_expand(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_reshape(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_permute(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_slice(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_pad(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_concat(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_upfirdn(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_pick(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_gather(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_across(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_resample(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_flrelu(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_flrelu_t(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_matmul(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
void atl_vjp_conv(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);

double atl_flops_upfirdn(const atl_node *n);
double atl_flops_gather(const atl_node *n);
double atl_flops_flrelu(const atl_node *n);
double atl_flops_flrelu_t(const atl_node *n);
double atl_flops_matmul(const atl_node *n);
double atl_flops_conv(const atl_node *n);

#endif
