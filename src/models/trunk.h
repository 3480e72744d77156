// SPDX-License-Identifier: Apache-2.0
// The residual trunks that encoders and identity networks stand on: IR-SE and IR (Deng et al. 2019, section
// 3.2; Hu et al. 2018) and ResNet-34 (He et al. 2016) without its first pooling.  Names of parameters are
// those of the usual PyTorch files: input_layer.0, body.0.res_layer.1, conv1, body.0.conv1, ...
//
// Batch norms stand in evaluation, with the stored statistics, unless the net says otherwise (nn/net.h,
// norms).
#ifndef ATL_MODELS_TRUNK_H
#define ATL_MODELS_TRUNK_H

#include "models/model.h"

typedef enum atl_trunk_kind { ATL_TRUNK_IR_SE, ATL_TRUNK_IR, ATL_TRUNK_RESNET } atl_trunk_kind;

enum { ATL_TRUNK_STAGES = 4 };

typedef struct atl_trunk {
    atl_trunk_kind kind;
    int units[ATL_TRUNK_STAGES], channels[ATL_TRUNK_STAGES]; // 3, 4, 14, 3 of 64, 128, 256, 512
} atl_trunk;

// What stages 2, 3 and 4 give of pictures [n, h, w, c]: [n, h / 4, w / 4, 128], [n, h / 8, w / 8, 256],
// [n, h / 16, w / 16, 512], odd sizes rounded up.
typedef struct atl_trunk_maps {
    atl_node *c1, *c2, *c3;
} atl_trunk_maps;
atl_trunk_maps atl_trunk_run(atl_net *net, const atl_trunk *trunk, atl_node *x);

// "units" and "channels", lists of four, and "trunk": "ir_se", "ir" or "resnet".
atl_status atl_config_trunk(atl_ctx *ctx, const json_t *json, atl_trunk *trunk);

// ---- pieces

typedef struct atl_norm_conv {
    int64_t out;
    int kernel, stride, pad;
} atl_norm_conv;
// A convolution without bias and the batch norm behind it, by the names of both.
atl_node *atl_conv_norm(atl_net *net, const char *conv, const char *norm, atl_node *x, atl_norm_conv o);
// A batch norm over the last dim; `affine`: it has a factor and an offset of its own.
atl_node *atl_trunk_norm(atl_net *net, const char *name, atl_node *x, bool affine);
atl_node *atl_prelu(atl_net *net, const char *name, atl_node *x); // name.weight: a slope for each channel
// A convolution with bias, name.weight and name.bias; pad on all sides.
atl_node *atl_bias_conv(atl_net *net, const char *name, atl_node *x, atl_norm_conv o);
// x [n, in] times name.weight [out, in], plus name.bias.
atl_node *atl_plain_linear(atl_net *net, const char *name, atl_node *x, int64_t out);

#endif
