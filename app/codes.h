// SPDX-License-Identifier: Apache-2.0
// Pictures as codes: encoding, decoding, and files of codes.
#ifndef APP_CODES_H
#define APP_CODES_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include "error.h"

// An autoencoder, opened for pictures of one size.
typedef struct app_codec {
    atl_ctx *ctx;
    atl_model *model;
    int width, height; // of pictures
    int channels;      // 3: colours, 1: gray, others: labels 0 to channels - 1
    int step;          // pixels along each side of a code
    int codes;         // of the codebook
    int depth;         // codes of a position: 1, or several whose vectors are added up
    int levels;        // maps: 1, or 2, the first of which has half the rows and columns
} app_codec;

// `o` names the network, or its net is NULL: "vqgan".  Sizes in codes; 0: those of the network's own
// pictures.
app_status app_codec_open(app_codec *codec, atl_ctx *ctx, const char *path, const atl_model_options *o,
                          int columns, int rows, app_error *e);
// For the size of a picture, in pixels.
app_status app_codec_open_for(app_codec *codec, atl_ctx *ctx, const char *path, const atl_model_options *o,
                              const char *picture, app_error *e);
void app_codec_close(app_codec *codec); // a zeroed struct is fine

size_t app_codec_count(const app_codec *codec); // codes of a picture

app_status app_codec_encode(app_codec *codec, const char *picture, int32_t *codes, app_error *e);
// *image is initialised here, and cleared by the caller, also on failure.
app_status app_codec_decode(app_codec *codec, const int32_t *codes, atl_image *image, app_error *e);

// Files of codes: "codes" [n, rows, columns], [rows, columns] or [n, rows, columns, depth], of a .npz, .npy
// or .safetensors; of networks with two maps "top" [n, rows / 2, columns / 2] and "bottom" [n, rows, columns].
typedef struct app_codes {
    int32_t *items;           // by malloc; of each picture all of its codes, the top map's first
    size_t count;             // pictures
    int rows, columns, depth; // of the one map, or of the bottom one
    int levels;
} app_codes;

size_t app_codes_row(const app_codes *codes); // codes of a picture

app_status app_codes_read(atl_ctx *ctx, const char *source, app_codes *codes, app_error *e);
app_status app_codes_write(atl_ctx *ctx, const char *path, const app_codes *codes, app_error *e); // .npz
void app_codes_clear(app_codes *codes);

#endif
