// SPDX-License-Identifier: Apache-2.0
// What layers build with: a graph and the parameters of one network.
//
// A layer asks for its parameters by name, relative to the network's scope.  Normally they are looked up in
// the store and must have the asked shape.  When a network is declared (to be initialised), asking adds
// them: one piece of code is both the network and the list of its parameters.
#ifndef ATL_NN_NET_H
#define ATL_NN_NET_H

#include "graph/graph.h"
#include "nn/params.h"

#define ATL_SQRT2 1.41421356f
#define ATL_SQRT1_2 0.707106781f

// What becomes of a buffer after a run in training: value + (buffer - value) keep.
typedef struct atl_update {
    atl_node *value; // of the buffer's size; NULL: nothing
    float keep;
    float unbiased; // factor from a variance as it normalises to the one that is kept; else 1
    atl_node *made; // what the layer that keeps the buffer made, where a second use in a graph is the same
} atl_update;

// Batch norms of a network in training: what each batch has, for the buffers that are running means of it.
enum { ATL_NORMS = 256 };
typedef struct atl_norms {
    struct {
        atl_node *buffers[2], *batch[2]; // running mean and variance [c]; those of this batch
    } list[ATL_NORMS];
    int count;
} atl_norms;

typedef struct atl_net {
    atl_graph *g;
    atl_params *params;
    const char *as;     // the network's scope in the graph, "G"; NULL: none of its own
    const char *prefix; // what stands before its own names while it is entered: "G."; NULL: nothing
    bool declare;
    atl_norms
        *norms;  // NULL: batch norms stand in evaluation, with what is stored; else they norm by the batch
    bool varies; // training: its values change between runs, so that nothing made of them is kept
    atl_node *
        *nodes; // by position in params->list: the parameter's node once a layer asked for it, else NULL
    // Layers work as in training: with statistics of the batch and with power steps that are kept.  The list
    // is theirs, by position in params->list, and in the graph's arena once there is one.
    bool trains;
    atl_update *updates;
    const atl_processes *processes; // over which batches go in training; NULL: this one's is all of it
} atl_net;

// Steps into the network's scope and back.  Several networks with the same names of parameters can stand in
// one graph, each in its own scope; nodes are named by the whole of it, parameters by what lies behind the
// prefix.
typedef struct atl_net_mark {
    size_t scope;
    const char *prefix;
} atl_net_mark;
atl_net_mark atl_net_enter(atl_net *net);
void atl_net_leave(atl_net *net, atl_net_mark mark);

// Shape in the official order; the node has the same dims.  A missing or misshaped parameter is the
// graph's sticky error and names the parameter.
atl_node *atl_net_param(atl_net *net, const char *name, atl_shape shape, atl_init_kind init, float value);
atl_node *atl_net_buffer(atl_net *net, const char *name, atl_shape shape, atl_init_kind init, float value);
// The same values, once more: no gradient is taken through this node.
atl_node *atl_net_held(atl_net *net, const char *name, atl_shape shape);
// In training, the entry of a buffer that the open scope has asked for.  NULL: memory was missing, which the
// graph says.
atl_update *atl_net_update(atl_net *net, const char *name);
// Whether asking would find it, in this shape.
bool atl_net_has(const atl_net *net, const char *name, atl_shape shape);

// ---- small shared pieces

// x * rsqrt(mean over the last dim of x^2 + eps): second-moment normalisation (Karras et al. 2018, section 4.2).
atl_node *atl_normalize_2nd_moment(atl_graph *g, atl_node *x, float eps);

// What follows a layer's linear part: an activation, * gain, clamp.  clamp INFINITY: none.
typedef enum atl_activation {
    ATL_LINEAR,
    ATL_LRELU,
    ATL_RELU,
    ATL_TANH,
    ATL_SIGMOID,
    ATL_ELU,
    ATL_SELU,
    ATL_SOFTPLUS,
    ATL_SWISH,
    ATL_ACTIVATIONS
} atl_activation;
const char *atl_activation_name(atl_activation a); // as checkpoints spell it: "lrelu"
float atl_activation_gain(atl_activation a); // that keeps the variance: sqrt 2 for lrelu, relu and swish
atl_node *atl_activate(atl_graph *g, atl_node *x, atl_activation a, float gain, float clamp);

// v [c] repeated over a shape of which c is the last dim; the same, added to x.
atl_node *atl_per_channel(atl_graph *g, atl_node *v, const atl_shape *shape);
atl_node *atl_add_bias(atl_graph *g, atl_node *x, atl_node *bias);
// x [n, h, w, c] * s [n, c]
atl_node *atl_scale_channels(atl_graph *g, atl_node *x, atl_node *s);

// ---- layers; the caller pushes the layer's scope

typedef struct atl_linear_options {
    atl_activation activation;
    float lr_multiplier;   // weights are stored divided by it
    float bias_init;
    bool no_bias;
} atl_linear_options;

// Equalised linear layer: x [n, in] -> [n, out], weight [out, in] * lr / sqrt(in), bias [out] * lr.
atl_node *atl_linear(atl_net *net, const char *name, atl_node *x, int64_t out, const atl_linear_options *o);

// One axis of a separable resampling filter, of sum 1.
enum { ATL_TAPS_MOST = 64 };
typedef struct atl_taps {
    int size;
    float f[ATL_TAPS_MOST];
} atl_taps;
extern const atl_taps atl_taps_1331; // [1,3,3,1] / 8, the family's own

typedef struct atl_conv_options {
    int kernel;            // 1 or 3, odd
    int up, down;          // 1 or 2, not both 2
    bool no_bias;
    atl_activation activation;
    float gain;            // on top of the activation's own
    float clamp;
    const atl_taps *taps; // of the resampling filter; NULL: [1,3,3,1]
} atl_conv_options;

// Equalised convolution with resampling: x [n, h, w, in] -> [n, h up / down, ..., out].
atl_node *atl_conv_layer(atl_net *net, const char *name, atl_node *x, int64_t out, const atl_conv_options *o);

// Modulated convolution without its epilogue (Karras et al. 2020, section 2.2): scale the input by the style,
// convolve with shared weights, scale the output by 1 / |weights * style|.
//   x [n, h, w, i], styles [n, i], weight [o, i, k, k] -> [n, h up, w up, o]
atl_node *atl_modulated_conv(atl_graph *g, atl_node *x, atl_node *styles, atl_node *weight, int up,
                             bool demodulate, const atl_taps *taps);

// Half of an odd number goes down, also below zero.
static inline int atl_half(int n) {
    return (n - (n < 0 && n % 2)) / 2;
}

// ---- resampling by a separable filter; taps NULL: [1,3,3,1]
atl_node *atl_upsample2d(atl_graph *g, atl_node *x, const atl_taps *taps);   // [n, 2h, 2w, c]
atl_node *atl_downsample2d(atl_graph *g, atl_node *x, const atl_taps *taps); // [n, h/2, w/2, c]
// The filter alone, without resampling.
atl_node *atl_filter2d(atl_graph *g, atl_node *x, const atl_taps *taps, int pad0, int pad1, float gain);

// Minibatch standard deviation (Karras et al. 2018, section 3): appends `features` channels.
// Sample n belongs to group n mod (N / G).
atl_node *atl_minibatch_std(atl_graph *g, atl_node *x, int64_t group, int64_t features);

// ---- the mapping network, shared by generators and conditional discriminators
typedef struct atl_mapping_config {
    int z_dim, c_dim, w_dim;
    int num_layers;
    int embed_features, layer_features; // 0: w_dim
    float lr_multiplier;
    atl_activation activation;          // of the layers, not of the label's
    bool label_concat;                  // see atl_joint_latent()
    // StyleGAN-XL (Sauer et al. 2022): labels choose rows of a table [c_dim, table_features], a layer with
    // leaky ReLU brings them to proj_features; 0: a linear layer.
    int table_features, proj_features;
} atl_mapping_config;

// The label of the first StyleGANs: c times a matrix [z_dim, c_dim] ("embed.weight") is appended to z, and
// both are normalised together.  c NULL: not conditional.  -> [n, z_dim or twice that]
atl_node *atl_joint_latent(atl_net *net, int64_t z_dim, atl_node *z, atl_node *c);

// z [n, z_dim] (NULL when z_dim is 0), c [n, c_dim] (NULL when c_dim is 0) -> w [n, w_dim]
atl_node *atl_mapping(atl_net *net, const atl_mapping_config *m, atl_node *z, atl_node *c);

#endif
