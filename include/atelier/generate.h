// SPDX-License-Identifier: Apache-2.0
// One picture in one call.
//
//     atl_image picture;
//     atl_generate_options o = ATL_GENERATE_OPTIONS_INIT;
//     o.seed = 85;
//     o.truncation_psi = 0.7f;
//     if (atl_generate(model, &o, &picture)) die(atl_message(ctx));
//     atl_image_write(ctx, "85.png", "png", &picture, 0, NULL, 0);
//     atl_image_clear(ctx, &picture);
//
// The numbers are those of the official scripts: the same seed gives the same picture.  For many pictures at
// once, styles, mixing and layers use <atelier/model.h> and <atelier/network.h>.
#ifndef ATELIER_GENERATE_H
#define ATELIER_GENERATE_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/image.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_generate_options {
    size_t size;           // sizeof(atl_generate_options)
    uint32_t seed;         // z is that of atl_seed_to_z(), noise follows it where the mode is random or sg2
    const float *z;        // [z_dim] in place of the seed's; NULL: the seed's
    int class_index;       // of a conditional network, 0 to c_dim - 1; -1: none was chosen
    const float *label;    // [c_dim] in place of a class; NULL: the class
    float truncation_psi;  // 1: none; each network's makers chose atl_model_info.default_psi
    int truncation_cutoff; // first layers that truncation touches; 0: all
    atl_noise_mode noise_mode; // all but ATL_NOISE_MAPS
    const float *transform;    // StyleGAN3: as in atl_synthesis_options
} atl_generate_options;
#define ATL_GENERATE_OPTIONS_INIT                                                                            \
    { sizeof(atl_generate_options), 0, NULL, -1, NULL, 1.0f, 0, ATL_NOISE_CONST, NULL }

// Makes a picture with a generator.  options NULL: seed 0.  The image is initialised here: it may hold
// anything before, and is cleared by the caller with atl_image_clear(), also on failure.  A conditional
// network needs a class or a label, the others take neither.
ATL_API atl_status atl_generate(atl_model *model, const atl_generate_options *options, atl_image *image);

#ifdef __cplusplus
}
#endif
#endif
