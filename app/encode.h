// SPDX-License-Identifier: Apache-2.0
// Pictures through an encoder: for each a reconstruction, and the codes of all in one file.
//
//     STEM.png       what the generator makes of the codes; STEM-1.png, ... after each step on request
//     latents.npz    "w" [pictures, layers, w_dim], in the order of
//     latents.txt    the pictures' paths
//     STEM.npz       on request: "w" [1, layers, w_dim] of one picture, "steps" [steps, layers, w_dim]
//     STEM.deltas.safetensors   with a hypernetwork: what it has changed in the generator, for --deltas
//     aligned/       crops of the faces that were found, when asked to align
#ifndef APP_ENCODE_H
#define APP_ENCODE_H

#include <atelier/encode.h>
#include "align.h"
#include "error.h"
#include "photos.h"

typedef struct app_encode_options {
    const char *encoder, *hypernet; // files; hypernet NULL: none
    const char *network;            // NULL: the generator beside the hypernetwork or the encoder
    int ignore_unused;
    const char *assume;
    atl_encode_options encode;
    const char *const *inputs; // files and folders
    size_t count;
    const char *outdir;
    int batch, save_ws, save_steps, couple;
    int align; // cut faces out first
    const char *landmarks, *landmark_model;
    app_no_face no_face; // CROP: the middle of each photo, without looking for faces
} app_encode_options;

typedef struct app_encode {
    atl_ctx *ctx;
    app_encode_options o;
    atl_model *encoder_model, *generator, *hypernet;
    atl_encoder *encoder;
    const atl_encoder_info *info;
    const atl_model_info *made; // of the generator
    app_photos photos;
    size_t row_ws, row_img, row_input;
    float *inputs, *ws, *img; // [batch, ...], [steps, batch, ...]
    float *all;               // [photos.count, num_ws, w_dim]
    size_t done;
} app_encode;

// Opens and aligns all; nothing is encoded yet.  A zeroed struct and one after a failure may be closed.
app_status app_encode_open(app_encode *a, atl_ctx *ctx, const app_encode_options *o, app_error *e);
void app_encode_close(app_encode *a);

// After each picture; APP_STOPPED ends, and the codes so far are written.
typedef app_status app_encode_use(void *user, const app_photo *photo, app_error *e);
app_status app_encode_run(app_encode *a, app_encode_use *use, void *user, app_error *e);

#endif
