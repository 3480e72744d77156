// SPDX-License-Identifier: Apache-2.0
// What ProGAN, StyleGAN and the growing StyleGAN2 have in common: networks that were trained from 4x4 upward
// and can stand between two resolutions.
//
// The level of detail `lod` counts halvings: at 0 the network works at full size, at 1 at half of it, and at
// 0.25 the picture is three parts full size and one part half size.  Results always have full size.
//
// Layers here scale their weights by gain / sqrt(fan in) with the activation's gain inside; biases are not
// scaled, and leaky ReLU has no gain of its own.  That is not the convention of nn/net.h.
#ifndef ATL_MODELS_GROWING_H
#define ATL_MODELS_GROWING_H

#include "models/model.h"

// ---- resampling
atl_node *atl_nearest_up(atl_graph *g, atl_node *x); // [n, 2h, 2w, c], every pixel four times
atl_node *atl_box_down(atl_graph *g, atl_node *x);   // [n, h/2, w/2, c], means of 2x2
atl_node *atl_blur3(atl_graph *g, atl_node *x);      // [1,2,1] / 4 in both axes, zeros outside

// ---- layers; bias included, activation not.  The caller pushes no scope: `name` is the layer's.
typedef struct atl_plain_layer {
    const char *name;
    int64_t out;
    float gain, lr; // weights are stored divided by lr
} atl_plain_layer;

// x [n, in] -> [n, out]
atl_node *atl_plain_dense(atl_net *net, const atl_plain_layer *l, atl_node *x);

enum atl_sampling { ATL_SAME_SIZE, ATL_UP, ATL_UP_BLURRED, ATL_DOWN };
// x [n, h, w, in] -> [n, h', w', out], 3x3, without bias.  UP: every pixel four times, then the convolution
// (in one step: a transposed convolution with the sum of four shifted kernels); DOWN: the convolution, then
// means.
atl_node *atl_plain_conv(atl_net *net, const char *name, atl_node *x, int64_t out,
                         enum atl_sampling sampling);
// 1x1 with bias, no activation.
atl_node *atl_plain_rgb(atl_net *net, const char *name, atl_node *x, int64_t out, float gain);

atl_node *atl_plain_bias(atl_net *net, const char *layer, atl_node *x); // the parameter "LAYER.bias"

// ---- the level of detail
//
// Which resolutions take part belongs to the config.  How far the finest of them has faded in is a number
// that training moves in every step: a setting of the graph.
typedef struct atl_level {
    int top;      // the finest resolution that takes part
    float fade;   // share of the next coarser one at first, 0 to 1; 0: it takes no part
    int halvings; // from full size to top
} atl_level;
atl_level atl_level_of(float lod, int resolution);

// a (1 - t) + b t, where t is the setting "fade"; a alone when the level stands at a whole resolution.
atl_node *atl_fade(atl_net *net, atl_call *call, atl_node *a, atl_node *b, const atl_level *level);
atl_node *atl_nearest_up_times(atl_graph *g, atl_node *x, int times);
atl_node *atl_box_down_times(atl_graph *g, atl_node *x, int times);

// ---- configs
typedef struct atl_growing_config {
    int resolution, channels, c_dim;
    int channel_base, channel_max;
    float lod;
} atl_growing_config;
atl_status atl_growing_parse(atl_ctx *ctx, const json_t *json, atl_growing_config *c);
// Channels of the layers at a resolution: what the named parameter says ("b%d.conv1.bias"), else the rule
// min(base / (r / 2), max) of these networks.
int64_t atl_growing_channels(const atl_params *params, const atl_growing_config *c, int r,
                             const char *format);

// ---- the generator of ProGAN and StyleGAN

// The layers at resolution r, from 4 on; x is what the last call returned.  The scope is "synthesis".
typedef atl_node *atl_growing_block(atl_net *net, int r, atl_node *x, void *user);

// Blocks up to the level of detail -> img [n, h, w, c] at full size.  x enters the first block.
atl_node *atl_growing_synthesize(atl_net *net, atl_call *call, const atl_growing_config *c, atl_node *x,
                                 atl_growing_block *block, void *user);

// ---- the discriminator of ProGAN and StyleGAN
typedef struct atl_growing_critic {
    const atl_growing_config *grow;
    int mbstd_group, mbstd_channels;
    bool blur;       // StyleGAN: before every step down
    bool late_means; // the means of 2x2 come after the activation
    int outputs;
} atl_growing_critic;
// Asks for img [n, h, w, c] -> [n, outputs]
atl_node *atl_growing_discriminate(atl_net *net, atl_call *call, const atl_growing_critic *c);

// How deep the layer of a parameter lies in the discriminator, for the row: fromrgb, conv0 and conv1 of each
// resolution from the highest on.
int atl_growing_depth(const atl_params *params, const char *param);

// The resolution of a parameter "synthesis.b64.conv1.weight", for the row.
int atl_block_resolution(const char *param);

// Checks the options of a new network and adds what all configs here have to `more`, which it takes; NULL
// is lack of memory.
atl_status atl_growing_init(atl_ctx *ctx, const atl_init_options *o, json_t *more, json_t **json);

#endif
