// SPDX-License-Identifier: Apache-2.0
// Encoders: pictures become ws of a generator in one pass, or in a few.
//
//     atl_model_options o = ATL_MODEL_OPTIONS_INIT;
//     o.net = "encoder";
//     atl_model_open(ctx, "e4e_ffhq_encode.pt", &o, &encoder);
//     atl_model_open(ctx, "e4e_ffhq_encode.pt", NULL, &generator);      // the one beside it
//     atl_encoder_open(encoder, generator, NULL, &e);
//     atl_encoder_input(e, &picture, input);                            // [channels, height, width]
//     atl_encoder_run(e, 1, input, ws, img);                            // img: what the generator makes of
//     ws atl_encoder_close(&e);
//
// Encoders that see their own result beside the picture (ReStyle; Alaluf et al. 2021) begin with the
// generator's average picture and add what is missing in each step; all others have one step.  A hypernetwork
// (HyperStyle; Alaluf et al. 2022) leaves the codes and changes the generator, in steps that see its result:
// img is then what the tuned generator makes.
#ifndef ATELIER_ENCODE_H
#define ATELIER_ENCODE_H

#include <stddef.h>
#include <atelier/image.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_encoder atl_encoder;

typedef enum atl_encoder_average {
    ATL_ENCODER_AVERAGE_FILE,     // the file's latent_avg; it is an error when there is none and the encoder
                                  // needs it
    ATL_ENCODER_AVERAGE_GENERATOR // the generator's average of w
} atl_encoder_average;

typedef struct atl_encode_options {
    size_t size;                 // sizeof(atl_encode_options)
    int steps;                   // 0: 5 where the encoder sees its result, else 1
    int factor;                  // the picture is made smaller by it first, as for super-resolution; 1: not
    atl_encoder_average average; // what codes are added to
    atl_noise_mode noise_mode;   // of the generator: ATL_NOISE_CONST or ATL_NOISE_NONE
    atl_model *hypernet;         // tunes the generator to each picture in 5 steps (HyperStyle); NULL: none
} atl_encode_options;
#define ATL_ENCODE_OPTIONS_INIT                                                                              \
    { sizeof(atl_encode_options), 0, 1, ATL_ENCODER_AVERAGE_FILE, ATL_NOISE_CONST, NULL }

// The models outlive the encoder.  A generator that takes other ws than the encoder makes is an error, as are
// several steps of an encoder that doesn't see its result.  On failure *encoder is NULL.
ATL_API atl_status atl_encoder_open(atl_model *encoder, atl_model *generator,
                                    const atl_encode_options *options, atl_encoder **e);
ATL_API void atl_encoder_close(atl_encoder **e);

typedef struct atl_encoder_info {
    int channels, height, width; // of an input
    int steps;
    int sees_result; // 1: the encoder is shown what the generator makes of the codes so far
} atl_encoder_info;
ATL_API const atl_encoder_info *atl_encoder_get_info(const atl_encoder *e);

// A picture as the encoder takes it, [channels, height, width]: resized as Pillow does it bilinearly, without
// keeping proportions.  3 channels are colours from -1 to 1; 1 channel is gray from 0 to 1 (sketches); more
// are a map of labels, whose gray levels (or first channel) are classes, of which each has a channel.
ATL_API atl_status atl_encoder_input(atl_encoder *e, const atl_image *picture, float *input);

// Inputs of n pictures -> ws [steps, n, num_ws, w_dim] and img [steps, n, channels, height, width] of the
// generator, or NULL, where the encoder doesn't need them itself.
ATL_API atl_status atl_encoder_run(atl_encoder *e, int n, const float *inputs, float *ws, float *img);

// With a hypernetwork: what of the generator it has changed for the last picture, as a file that opens with
// the generator as the `deltas` of atl_model_options.  dtype: ATL_F32 or ATL_F16.
ATL_API atl_status atl_encoder_save_deltas(const atl_encoder *e, const char *path, atl_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
