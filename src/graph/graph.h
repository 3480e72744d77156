// SPDX-License-Identifier: Apache-2.0
// A network is a function that builds nodes; nothing is computed while building.
//
// Nodes live in one array in creation order, which is a topological order.  Constructors check shapes.
// The first error sticks to the graph (op, shapes, scope) and the constructor returns a harmless poison
// node, so model code reads as mathematics without a test after each line: atl_plan_make() reports it.
//
// Shapes are in memory order.  Images are [n, h, w, c]; messages show them as the field writes them,
// [n, c, h, w].  Weights of convolutions are [o, i, kh, kw], of dense layers [out, in].
#ifndef ATL_GRAPH_GRAPH_H
#define ATL_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#define ATL_EXPERIMENTAL // constructors that programs may use, too, are in the public header
#include <atelier/graph.h>
#include "base/dims.h"
#include "base/mem.h"
#include "graph/fn.h"

enum { ATL_SRC_MAX = 8, ATL_SCOPE_MAX = 240 };

typedef enum atl_op {
    // leaves
    ATL_OP_POISON, ATL_OP_INPUT, ATL_OP_PARAM, ATL_OP_CONST, ATL_OP_FILL, ATL_OP_NORMAL,
    // pointwise
    ATL_OP_UNARY, ATL_OP_BINARY,
    // linear, in transposed pairs
    ATL_OP_SUM, ATL_OP_EXPAND, ATL_OP_RESHAPE, ATL_OP_PERMUTE, ATL_OP_SLICE, ATL_OP_PAD, ATL_OP_CONCAT,
    ATL_OP_UPFIRDN, ATL_OP_GEOM, ATL_OP_GEOM_T, ATL_OP_SEPFIR, ATL_OP_SEPFIR_T,
    ATL_OP_PICK, ATL_OP_PICK_T, ATL_OP_GATHER, ATL_OP_GATHER_T,
    ATL_OP_ACROSS, // with itself
    // linear given the signs of its intermediate: one op each way, for that intermediate never is in memory
    ATL_OP_FLRELU, ATL_OP_FLRELU_T,
    // contractions: one multilinear form read through a slot
    ATL_OP_MATMUL, ATL_OP_CONV,
    // made by fusion only
    ATL_OP_STYLE_NORM, ATL_OP_EPILOGUE, ATL_OP_SCALE_GRAD,
    ATL_OPS
} atl_op;

// Sizes of the forward form, whatever the slot.
typedef struct atl_conv_attr {
    atl_slot slot;
    int sy, sx;              // strides of rows and columns
    int py0, py1, px0, px1;  // zeros above, below, left and right of x
    int groups;              // input channels i and output channels o fall into groups that don't meet
} atl_conv_attr;

// Windows of an image, as those of a convolution; what they cover beside the image is never chosen.
typedef struct atl_pick_attr {
    int kh, kw, sy, sx;
    int py0, py1, px0, px1;
} atl_pick_attr;

typedef struct atl_fir_attr {
    int upx, upy, downx, downy;
    int px0, px1, py0, py1;  // padding relative to the upsampled image; negative crops
    int fw, fh;
    bool flip;               // false: convolution (filter mirrored), true: correlation
    float gain;
    const float *f;          // [fh, fw], owned by the graph's arena
} atl_fir_attr;

// Filtered leaky ReLU (Karras et al. 2021, section 3.2): add a bias, upsample by `up` with fu (gain up^2), apply
// clamp(lrelu(x, slope) * gain, +-clamp), downsample by `down` with fd.  Same up, down and taps in both axes.
typedef struct atl_flrelu_attr {
    int up, down, up_taps, down_taps; // taps 0: no filter
    int px0, px1, py0, py1;           // relative to the upsampled image; negative crops
    bool radial;                      // fd is [down_taps, down_taps]
    float slope, gain, clamp;
    const float *fu, *fd;             // as convolutions (mirrored when slid over the image)
} atl_flrelu_attr;

// Who computes the same graph at the same time, each on samples of its own.  sum: x[i] becomes the sum over all of
// them, with the same bits everywhere; all make the same calls in the same order.
typedef struct atl_processes {
    int count;
    atl_status (*sum)(void *user, float *x, size_t count);
    void *user;
} atl_processes;

// What fuse.c attached to a contraction or a filter: sources by position in src, -1 when absent.
//     y = clamp(gain * lrelu(op(x * in_scale) * scale + noise + bias, slope), +-clamp) * gate' + residual
// where gate' is gate < 0 ? gate_slope : 1.  A weight gradient has in_scale of x and scale of y alone.
typedef struct atl_fusion {
    int in_scale, scale, noise, bias, gate, residual;
    float slope, gain, clamp, gate_slope;
    bool up_fir;             // a transposed convolution followed by fir (upsampling layer of StyleGAN2)
    bool turned;             // its weight is [i, o] in place of the form's [o, i]
    atl_fir_attr fir;
} atl_fusion;

struct atl_node {
    atl_op op;
    atl_shape shape;
    atl_node *src[ATL_SRC_MAX];
    int n_src;
    int id;                  // position in the graph
    union {
        struct { atl_fn1 fn; float a, b; } unary;
        struct { atl_fn2 fn; } binary;
        struct {
            const float *data;
            const uint64_t *version;
        } leaf; // PARAM, CONST; version NULL: never changes
        struct { float value; } fill;
        struct { uint64_t stream; } normal;
        struct { bool axis[ATL_RANK_MAX]; } sum;                  // summed axes become 1
        struct { int axis[ATL_RANK_MAX]; } permute;               // out dim i is in dim axis[i]
        struct { int64_t begin[ATL_RANK_MAX]; } slice;            // SLICE and PAD
        struct { int axis; } concat;
        struct { const atl_processes *processes; } across;
        struct { bool trans_a, trans_b; } matmul;
        struct { float slope, eps; } style_norm;
        atl_conv_attr conv;
        atl_pick_attr pick;
        atl_fir_attr fir;
        atl_flrelu_attr flrelu;
    } at;
    const atl_fusion *fusion;// NULL before fuse.c
    const char *name;        // "synthesis.b64.conv1" for the result of a layer, else NULL
    const char *scope;       // where it was built
    bool held;               // no gradient goes through it to its sources
};

typedef struct atl_graph_net atl_graph_net;
struct atl_graph {
    atl_ctx *ctx;
    atl_arena arena;
    atl_node **nodes;
    int size, capacity;
    atl_status status;       // of the first error
    char error[512];
    char scope[ATL_SCOPE_MAX];
    const char *scope_copy;  // the scope as the newest nodes carry it; NULL after a change
    atl_node poison;
    atl_graph_net *nets; // of api/graph.c: networks that stand in it
};

void atl_graph_init(atl_graph *g, atl_ctx *ctx);
void atl_graph_clear(atl_graph *g);

// Records the first error of the graph (a sentence; the scope is put in front) and returns the poison node.
atl_node *atl_graph_fail(atl_graph *g, atl_status status, const char *format, ...) ATL_PRINTF(3, 4);

// Scopes nest: push "b64", push "conv1" gives "b64.conv1".  Pop with the mark that push returned.
size_t atl_scope_push(atl_graph *g, const char *format, ...) ATL_PRINTF(2, 3);
void atl_scope_pop(atl_graph *g, size_t mark);
atl_node *atl_named(atl_graph *g, atl_node *x); // x is the result of the current scope

// ---- shapes
int64_t atl_shape_count(const atl_shape *s);
bool atl_shape_same(const atl_shape *a, const atl_shape *b);
// "[4, 3, 64, 64]".  image: of rank 4 and in memory n, h, w, c, written in the field's order n, c, h, w.
// Writes to and returns `text`.
enum { ATL_SHAPE_TEXT = ATL_DIMS_TEXT };
const char *atl_shape_text(const atl_shape *s, bool image, char text[ATL_SHAPE_TEXT]);
// Of a node: everything of rank 4 is an image but weights, their gradients and pointwise functions of either.
bool atl_node_is_image(const atl_node *n);
const char *atl_node_shape_text(const atl_node *n, char text[ATL_SHAPE_TEXT]);

// ---- leaves
// Values stay where they are.  version NULL: they never change, so plans fold and pack what depends on them.
// Else they vary: each run reads them, and whoever writes them raises *version.
atl_node *atl_parameter(atl_graph *g, const char *name, atl_shape shape, const float *data,
                        const uint64_t *version);
// Independent normal numbers: element i is a function of the plan's key, of the counter of the run, of stream and i.
atl_node *atl_normal(atl_graph *g, atl_shape shape, uint64_t stream);

// ---- pointwise
// The same numbers, through which no gradient goes: a constant to whoever takes one.
atl_node *atl_held(atl_graph *g, atl_node *x);
atl_node *atl_unary(atl_graph *g, atl_fn1 fn, atl_node *x, float a, float b);
atl_node *atl_fn_of(atl_graph *g, atl_fn1 fn, atl_node *x);               // one without constants
atl_node *atl_binary(atl_graph *g, atl_fn2 fn, atl_node *x, atl_node *y); // equal shapes

// ---- linear
atl_node *atl_slice(atl_graph *g, atl_node *x, const int64_t *begin, atl_shape shape);
atl_node *atl_pad(atl_graph *g, atl_node *x, const int64_t *begin, atl_shape shape); // with zeros
// f [fh, fw] is copied.
atl_node *atl_upfirdn(atl_graph *g, atl_node *x, const atl_fir_attr *attr);
// Resampling without aliases (Karras et al. 2020, appendix B.2) of x [n, h, w, c] to the same shape: reflected at
// its edges as far as one reflection goes, upsampled by 2, sampled bilinearly, downsampled by 2.  theta [n, 2, 3]
// takes (x, y, 1) of a pixel of the result to its place in x, in pixels from the centre; it has no derivative.
atl_node *atl_geom(atl_graph *g, atl_node *x, atl_node *theta);
atl_node *atl_geom_transposed(atl_graph *g, atl_node *y, atl_node *theta);
// Each sample correlated with its own filter along both axes, reflected at the edges: x [n, h, w, c], f [n, taps],
// taps odd; f has no derivative.
atl_node *atl_sepfir(atl_graph *g, atl_node *x, atl_node *f);
atl_node *atl_sepfir_transposed(atl_graph *g, atl_node *y, atl_node *f);

// Of each window the number of x where the selector, of the same shape [n, h, w, c], is largest (the first of equals;
// one that is not a number is largest).  Linear in x; the selector has no derivative.  pick(x, x) is the maximum.
atl_node *atl_pick(atl_graph *g, atl_node *selector, atl_node *x, const atl_pick_attr *attr);
// Its transpose: y [n, oh, ow, c] back to where it came from, zeros elsewhere.
atl_node *atl_pick_transposed(atl_graph *g, atl_node *selector, atl_node *y, const atl_pick_attr *attr);
// The same along one axis of tensors of any rank, which becomes 1.
atl_node *atl_pick_axis(atl_graph *g, atl_node *selector, atl_node *x, int axis);

// Weighted sums of rows: y[n, q, c] = sum over k of weight[n, q, k] x[n, index[n, q, k], c].
//   x [n, p, c], index and weight [n, q, k], or [1, q, k] for all samples -> [n, q, c]
// Indices are whole numbers; one that is no row of x adds nothing.  x has at most 2^24 rows.  x and weight have
// derivatives, index has none.
atl_node *atl_gather(atl_graph *g, atl_node *x, atl_node *index, atl_node *weight);
// Its transpose in x: y [n, q, c] -> [n, rows, c].
atl_node *atl_gather_transposed(atl_graph *g, atl_node *y, atl_node *index, atl_node *weight, int64_t rows);

// The sum of all processes' x, of any shape; they outlive the graph.  NULL, or a single one: x itself.
atl_node *atl_across(atl_graph *g, atl_node *x, const atl_processes *processes);

// x [n, h, w, c], bias [c]; the filters are copied.  The chain of plain ops that it stands for is in
// tests/unit/graph/test_graph.c.
atl_node *atl_flrelu(atl_graph *g, atl_node *x, atl_node *bias, const atl_flrelu_attr *attr);

// Correlation, as network libraries mean it: x [n, h, w, i], w [o, i / groups, kh, kw] -> [n, oh, ow, o].
// Strides and pads of each side, and groups (o and i of equal number, each a group: depthwise); attr->slot is
// ignored.
atl_node *atl_conv(atl_graph *g, atl_node *x, atl_node *w, const atl_conv_attr *attr);
// Its transpose in x: y [n, oh, ow, o], w [o, i, kh, kw] -> x of the given shape [n, h, w, i].
atl_node *atl_conv2d_transposed(atl_graph *g, atl_node *y, atl_node *w, int stride, int pad, int64_t h, int64_t w_);
// What atl_conv2d() makes of stride and pad.
atl_conv_attr atl_conv_even(atl_slot slot, int stride, int pad);
// Any slot: a and b are the two other tensors of the form in the order x, w, y.
atl_node *atl_conv_form(atl_graph *g, atl_conv_attr attr, atl_shape shape, atl_node *a, atl_node *b);

// ---- the op table
typedef enum atl_op_kind {
    ATL_KIND_LEAF,
    ATL_KIND_POINTWISE, // element by element; reads sources by their strides
    ATL_KIND_VIEW,      // its source's memory read otherwise, as long as its readers can
    ATL_KIND_LINEAR,
    ATL_KIND_CONTRACTION, // of two tensors
    ATL_KIND_FUSED,       // made by rewrites (graph/fuse.h)
} atl_op_kind;

typedef struct atl_op_row {
    const char *name;
    atl_op_kind kind;
    // Derivative: given the gradient of n's result, builds the gradient of each wanted source (NULL: none).
    void (*vjp)(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx);
    double (*flops)(const atl_node *n);                // of the direct algorithm; NULL: not counted
} atl_op_row;
extern const atl_op_row atl_op_table[ATL_OPS];

static inline atl_op_kind atl_node_kind(const atl_node *n) {
    return atl_op_table[n->op].kind;
}
static inline bool atl_is_unary(const atl_node *n, atl_fn1 fn) {
    return n->op == ATL_OP_UNARY && n->at.unary.fn == fn;
}
static inline bool atl_is_binary(const atl_node *n, atl_fn2 fn) {
    return n->op == ATL_OP_BINARY && n->at.binary.fn == fn;
}
const char *atl_node_op_name(const atl_node *n); // "conv", "lrelu", "add": functions by their own name

#endif
