// SPDX-License-Identifier: Apache-2.0
// What the networks of codes have in common: layers of transformers, and the nearest vector of a codebook.
#ifndef ATL_MODELS_CODES_H
#define ATL_MODELS_CODES_H

#include "nn/net.h"

// x [..., in] -> [..., out]: name.weight [out, in] and, where there is one, name.bias [out].
// New weights have a deviation of 0.02, or Xavier's, which keeps what goes through it alike in size.
atl_node *atl_code_dense(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias);
atl_node *atl_code_xavier(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias);
float atl_xavier(int64_t in, int64_t out); // that deviation (Glorot and Bengio 2010)
// A layer norm by name.weight and name.bias, [last dim of x] each.
atl_node *atl_code_norm(atl_net *net, const char *name, atl_node *x);

// A convolution of the open scope's weight and bias, named by it: x [n, h, w, in] -> [n, h', w', out].
atl_node *atl_code_conv(atl_net *net, atl_node *x, int64_t out, int kernel, const atl_conv_attr *attr);

// For each vector of z [n, t, d] what is largest for the nearest row of a book [k, d]: the negative squared
// distance but for what all rows share.  -> [n, t, k]
atl_node *atl_code_scores(atl_graph *g, atl_node *z, atl_node *book);

// ---- what training needs

// The mean of (a - b)^2 for each sample, [n].
atl_node *atl_code_distance(atl_graph *g, atl_node *a, atl_node *b);
// A draw by logits [n, t, k]: with Gumbel noise of their shape the largest is as probable as its softmax
// says. [n, t, k] of 0 and 1, whose gradient is that of the softmax at a temperature [1] (Jang et al. 2017).
atl_node *atl_code_draw(atl_graph *g, atl_node *logits, atl_node *noise, atl_node *temperature);
// How far the probabilities q of logits are from being all alike: the sum of q log(k q), [n], on average over
// t.
atl_node *atl_code_unevenness(atl_graph *g, atl_node *logits);

// A codebook in training.
typedef struct atl_code_book {
    atl_node *book; // [k, d]
    atl_node *size; // how often each code was used of late, [k]
    atl_node *sum;  // of the vectors that it stood for, [k, d], whose mean it is; NULL: it is trained by a loss
    float restart;  // a code used less than this part of an equal share begins anew; 0: none does
} atl_code_book;
// What becomes of it after the vectors z [..., d] of a batch, which a code each stands for: nodes take the
// place of those that were given.  false: the graph has failed.
bool atl_code_follow(atl_graph *g, atl_code_book *b, atl_node *z, atl_node *codes);
// The same outside of a graph: book [k, d], or as columns [d, k], of sum, which is laid out as it is, and size.
void atl_code_means(float *book, const float *sum, const float *size, size_t k, size_t d, bool columns);
// In a new network running sums begin with what they are means of: both by name, where they are.
void atl_code_begin(atl_params *params, const char *book, const char *sum);
// A buffer of the open scope becomes `value` after the run.
void atl_code_becomes(atl_net *net, const char *buffer, atl_node *value);

#endif
