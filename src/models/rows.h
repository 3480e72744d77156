// SPDX-License-Identifier: Apache-2.0
// The rows that the networks' files define, for the table in models.c.
#ifndef ATL_MODELS_ROWS_H
#define ATL_MODELS_ROWS_H

#include "models/model.h"

extern const atl_model_row atl_stylegan2_generator, atl_stylegan2_discriminator;
extern const atl_model_row atl_stylegan1_generator, atl_stylegan1_discriminator;
extern const atl_model_row atl_progan_generator, atl_progan_discriminator;
extern const atl_model_row atl_stylegan3_generator, atl_stylegan_xl_generator;
extern const atl_model_row atl_biggan_generator, atl_biggan_discriminator;
extern const atl_model_row atl_patch_discriminator, atl_vqgan, atl_vit_vqgan, atl_codes_gpt, atl_vit_gpt,
    atl_rq_transformer, atl_vqvae, atl_vqvae2, atl_pixelcnn;
extern const atl_model_row atl_vgg16, atl_alexnet, atl_squeezenet, atl_lpips, atl_lpips_heads, atl_inception;
extern const atl_model_row atl_resnet;

extern const atl_model_row atl_style_encoder, atl_face_embedding, atl_hypernet, atl_latent_critic;

extern const atl_model_row atl_spatial_transformer, atl_cluster_classifier, atl_target_latent;

#endif
