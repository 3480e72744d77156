// SPDX-License-Identifier: Apache-2.0
// The convolutional part of classifiers of ImageNet, whose feature maps perceptual losses compare.  Pictures
// are [n, h, w, 3] of any size, with the colours as the training set had them: (x - mean) / deviation for x
// from 0 to 1, mean (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225).
#ifndef ATL_MODELS_BACKBONE_H
#define ATL_MODELS_BACKBONE_H

#include "models/model.h"

enum { ATL_TAPS = 7 };

typedef struct atl_backbone {
    const char *name; // as LPIPS calls it
    int taps;         // the maps that LPIPS compares, and their channels
    int channels[ATL_TAPS];
    void (*run)(atl_net *net, atl_node *x, atl_node **taps);
} atl_backbone;

extern const atl_backbone atl_backbone_vgg, atl_backbone_alex, atl_backbone_squeeze;

const atl_backbone *atl_backbone_find(const char *name); // NULL: not known

// ---- pieces

// Pictures where the caller binds none; a config may say "height" and "width".
typedef struct atl_picture_size {
    int height, width;
} atl_picture_size;
atl_status atl_config_picture(atl_ctx *ctx, const json_t *json, atl_picture_size *size);

// The input `name` [n, h, w, 3]: what is bound may have any size.
atl_node *atl_call_picture(atl_net *net, atl_call *call, const char *name, const atl_picture_size *size);

typedef struct atl_relu_conv {
    int kernel, stride, pad;
} atl_relu_conv;
// Convolution with parameters weight and bias in the scope, and ReLU.
atl_node *atl_conv_relu(atl_net *net, const char *scope, atl_node *x, int64_t out, atl_relu_conv o);

atl_node *atl_name_result(atl_net *net, const char *name, atl_node *x); // for listings and dumps

#endif
