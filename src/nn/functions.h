// SPDX-License-Identifier: Apache-2.0
// Layers without parameters of their own, as functions of nodes: activations, normalisation, softmax, attention,
// pooling, resizing, reading by index.  Made of the engine's ops, so they have derivatives of every order.
#ifndef ATL_NN_FUNCTIONS_H
#define ATL_NN_FUNCTIONS_H

#include "graph/graph.h"

// ---- activations (activation.c)
atl_node *atl_relu(atl_graph *g, atl_node *x);
atl_node *atl_elu(atl_graph *g, atl_node *x, float alpha); // x > 0 ? x : alpha (e^x - 1)
atl_node *atl_selu(atl_graph *g, atl_node *x);             // Klambauer et al. 2017
atl_node *atl_swish(atl_graph *g, atl_node *x);            // x sigmoid(x)
atl_node *atl_sigmoid(atl_graph *g, atl_node *x);
atl_node *atl_tanh(atl_graph *g, atl_node *x);
atl_node *atl_gelu(atl_graph *g, atl_node *x);             // x times the normal distribution function of x
atl_node *atl_gelu_tanh(atl_graph *g, atl_node *x);        // its approximation (Hendrycks and Gimpel 2016, section 2)

// ---- normalisation (norm.c); scale and bias are [c] with c the last dim of x, or NULL
atl_node *atl_layer_norm(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps); // over the last dim
// Images: over the pixels of each channel, or of each of `groups` runs of neighbouring channels.
atl_node *atl_instance_norm(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps);
atl_node *atl_group_norm(atl_graph *g, atl_node *x, int64_t groups, atl_node *scale, atl_node *bias, float eps);
// Batch norm in evaluation: with known mean and variance, [c] each.  One factor and one offset per channel.
atl_node *atl_batch_norm(atl_graph *g, atl_node *x, atl_node *mean, atl_node *variance, atl_node *scale, atl_node *bias,
                         float eps);
// Mean and biased variance [c] over all dims but the last, and over all processes (NULL: this one).
void atl_batch_statistics(atl_graph *g, atl_node *x, const atl_processes *processes, atl_node **mean,
                          atl_node **variance);
// In training: over all dims but the last.  mean and variance (NULL: not wanted) receive nodes [c] for the caller's
// running statistics; the variance is the unbiased one, as there, while the result is divided by the biased one.
atl_node *atl_batch_norm_train(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps, atl_node **mean,
                               atl_node **variance);

// ---- probabilities over the last dim (softmax.c); the largest number is subtracted first, so nothing overflows
atl_node *atl_softmax(atl_graph *g, atl_node *x);
atl_node *atl_log_softmax(atl_graph *g, atl_node *x);
// -sum of target log softmax(logits): logits and target [..., k] -> [..., 1]
atl_node *atl_cross_entropy(atl_graph *g, atl_node *logits, atl_node *target);

// Where the largest number of each row is, the first of equals: x [n, t, k] -> [n, t].  It has no derivative.
atl_node *atl_position_of_largest(atl_graph *g, atl_node *x);
// The other way round: codes [n, t], whole numbers below k -> [n, t, k] of 0 and 1.  It has no derivative
// either.
atl_node *atl_one_hot(atl_graph *g, atl_node *codes, int64_t k);

// ---- attention (attention.c)
// x [..., in], weight [out, in], bias [out] or NULL -> [..., out]
atl_node *atl_dense(atl_graph *g, atl_node *x, atl_node *weight, atl_node *bias);
// The pixels of images one after another, x [n, h, w, c] -> [n, h w, c].
atl_node *atl_pixel_rows(atl_graph *g, atl_node *x);
// softmax(q k' scale + mask) v per head: q [n, t, c], k [n, s, c], v [n, s, d] -> [n, t, d], where c and d fall into
// `heads` runs of neighbouring channels.  scale 0: 1 / sqrt(c / heads).  mask [1 or n, t, s] or NULL is added to the
// scores; -INFINITY hides a position.
atl_node *atl_attention(atl_graph *g, atl_node *q, atl_node *k, atl_node *v, int heads, float scale, atl_node *mask);
// The same in two parts, the softmax [n heads, t, s] and what it makes of v, for those who do something in
// between.
atl_node *atl_attention_shares(atl_graph *g, atl_node *q, atl_node *k, int heads, float scale,
                               atl_node *mask);
atl_node *atl_attention_sum(atl_graph *g, atl_node *shares, atl_node *v, int heads);
// Hides what comes later: position i of t sees the first s - t + i + 1 of s.  [1, t, s]
atl_node *atl_causal_mask(atl_graph *g, int64_t t, int64_t s);

// ---- pooling of images (pool.c)
typedef struct atl_pool_options {
    int kernel, stride, pad; // pad on all sides; the maximum ignores it
    bool ceil_mode;          // a last window that sticks out counts, too, if it begins before the padding at the end
    bool count_pads;         // averages: zeros of the padding count as pixels
} atl_pool_options;
atl_node *atl_max_pool(atl_graph *g, atl_node *x, const atl_pool_options *o);
atl_node *atl_average_pool(atl_graph *g, atl_node *x, const atl_pool_options *o);
// Result pixel i is the mean of pixels floor(i h / oh) to ceil((i + 1) h / oh), per axis.
atl_node *atl_adaptive_average_pool(atl_graph *g, atl_node *x, int64_t oh, int64_t ow);

// ---- resizing of images (resize.c)
typedef enum atl_filter { ATL_NEAREST, ATL_AREA, ATL_BILINEAR, ATL_BICUBIC, ATL_LANCZOS } atl_filter;
// Where pixel i of the result lies in the image, for a scale of size / new size:
typedef enum atl_placing {
    ATL_CENTRES,  // (i + 1/2) scale - 1/2: the outer edges of both images coincide
    ATL_CORNERS,  // i (size - 1) / (new size - 1): the centres of the corner pixels do
    ATL_TOP_LEFT  // i scale: the first centres do
} atl_placing;
typedef struct atl_resize_options {
    atl_filter filter;   // ATL_AREA weighs pixels by how much of them is covered, whatever the fields below
    atl_placing placing;
    bool antialias;      // with ATL_CENTRES: shrinking widens the filter; outside of the image there is nothing
    float cubic;         // the parameter a of ATL_BICUBIC, -0.5 or -0.75; 0: -0.5
} atl_resize_options;
// x [n, h, w, c] -> [n, oh, ow, c]
atl_node *atl_resize(atl_graph *g, atl_node *x, int64_t oh, int64_t ow, const atl_resize_options *o);

// ---- reading by index (sample.c)
typedef enum atl_border { ATL_BORDER_ZERO, ATL_BORDER_EDGE, ATL_BORDER_REFLECT } atl_border;
// Bilinear samples of x [n, h, w, c] at grid [n, oh, ow, 2], in which (x, y) from -1 to 1 spans the image: its outer
// edges, or with `corners` the centres of its corner pixels.  -> [n, oh, ow, c].  The grid has a derivative, too.
atl_node *atl_grid_sample(atl_graph *g, atl_node *x, atl_node *grid, atl_border border, bool corners);
// Each image moved by its own whole number of pixels: x [n, h, w, c], offset [n, 2] (down, right); zeros come in.
atl_node *atl_shift(atl_graph *g, atl_node *x, atl_node *offset);
// Rows of a table: table [rows, c], index of any rank -> [..., c]; zeros for an index that isn't one of a row.
atl_node *atl_embedding(atl_graph *g, atl_node *table, atl_node *index);

#endif
