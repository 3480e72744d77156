// SPDX-License-Identifier: Apache-2.0
// What those who draw from a PixelCNN have to know of it.
#ifndef ATL_MODELS_PIXELCNN_H
#define ATL_MODELS_PIXELCNN_H

#include "models/model.h"

typedef struct atl_pixelcnn_size {
    int rows, columns; // of its map
    int codes, layers, channels;
    int first, others; // rows and columns before a place that the first layer sees, and that the others keep
    int classes;       // 0: it takes none
    int above;         // codes that the map above may have; 0: there is none
} atl_pixelcnn_size;

// The config of one with the published kernels; NULL: memory is missing.
json_t *atl_pixelcnn_json(int rows, int columns, int codes, int channels, int layers, int classes, int above);

atl_status atl_pixelcnn_sizes(atl_ctx *ctx, const json_t *json, atl_pixelcnn_size *s);

#endif
