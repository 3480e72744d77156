// SPDX-License-Identifier: Apache-2.0
// The table of networks, and the reading of their configs.
#include "models/model.h"

#include <math.h>
#include <string.h>

#include "models/rows.h"

static const atl_model_row *const ROWS[] = {
    &atl_stylegan2_generator,
    &atl_stylegan2_discriminator,
    &atl_stylegan1_generator,
    &atl_stylegan1_discriminator,
    &atl_progan_generator,
    &atl_progan_discriminator,
    &atl_stylegan3_generator,
    &atl_stylegan_xl_generator,
    &atl_biggan_generator,
    &atl_biggan_discriminator,
    &atl_patch_discriminator,
    &atl_vqgan,
    &atl_vit_vqgan,
    &atl_vqvae,
    &atl_vqvae2,
    &atl_pixelcnn,
    &atl_codes_gpt,
    &atl_vit_gpt,
    &atl_rq_transformer,
    &atl_vgg16,
    &atl_alexnet,
    &atl_squeezenet,
    &atl_lpips,
    &atl_lpips_heads,
    &atl_inception,
    &atl_resnet,
    &atl_style_encoder,
    &atl_face_embedding,
    &atl_hypernet,
    &atl_spatial_transformer,
    &atl_cluster_classifier,
    &atl_target_latent,
    &atl_latent_critic,
};

const atl_model_row *atl_model_row_get(size_t index) {
    return index < sizeof ROWS / sizeof *ROWS ? ROWS[index] : NULL;
}

const atl_model_row *atl_model_row_find(const char *kind) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (!strcmp(ROWS[i]->kind, kind))
            return ROWS[i];
    return NULL;
}

const atl_model_row *atl_model_row_for(const char *family, const char *role) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (!strcmp(ROWS[i]->family, family) && !strcmp(ROWS[i]->role, role))
            return ROWS[i];
    return NULL;
}

const atl_function_row *atl_model_function_find(const atl_model_row *row, const char *name) {
    for (int i = 0; i < ATL_FUNCTIONS && row->functions[i].name; i++)
        if (!strcmp(row->functions[i].name, name))
            return &row->functions[i];
    return NULL;
}

atl_status atl_config_int(atl_ctx *ctx, const json_t *json, const char *key, int low, int high, int *value) {
    const json_t *v = json_object_get(json, key);
    if (!json_is_number(v))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no number \"%s\"", key);
    double d = json_number_value(v);
    if (!(d >= low && d <= high) || d != floor(d))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says %s = %g, where %d to %d is possible", key, d, low,
                        high);
    *value = (int)d;
    return ATL_OK;
}

atl_status atl_config_float(atl_ctx *ctx, const json_t *json, const char *key, float *value) {
    const json_t *v = json_object_get(json, key);
    if (!v || json_is_null(v))
        return ATL_OK;
    if (!json_is_number(v) || !isfinite(json_number_value(v)))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no number as \"%s\"", key);
    *value = (float)json_number_value(v);
    return ATL_OK;
}

atl_status atl_config_choice(atl_ctx *ctx, const json_t *json, const char *key, const char *const *names, int *value) {
    const char *text = json_string_value(json_object_get(json, key));
    for (int i = 0; text && names[i]; i++)
        if (!strcmp(text, names[i])) {
            *value = i;
            return ATL_OK;
        }
    return atl_fail(ctx, ATL_UNSUPPORTED, "the network's config says %s = \"%s\", which is not known", key,
                    text ? text : "(nothing)");
}

atl_status atl_config_activation(atl_ctx *ctx, const json_t *json, const char *key, atl_activation *value) {
    const json_t *v = json_object_get(json, key);
    const char *text = json_string_value(v);
    if (!v || json_is_null(v))
        return ATL_OK;
    for (int i = 0; text && i < ATL_ACTIVATIONS; i++)
        if (!strcmp(text, atl_activation_name((atl_activation)i))) {
            *value = (atl_activation)i;
            return ATL_OK;
        }
    return atl_fail(ctx, ATL_UNSUPPORTED,
                    "the network's config says %s = \"%s\", which is no activation that is known", key,
                    text ? text : "(no text)");
}

atl_status atl_config_taps(atl_ctx *ctx, const json_t *json, const char *key, atl_taps *taps) {
    const json_t *v = json_object_get(json, key);
    size_t size = json_array_size(v);
    double sum = 0;
    *taps = atl_taps_1331;
    if (!v || json_is_null(v))
        return ATL_OK;
    for (size_t i = 0; i < size; i++)
        sum += json_number_value(json_array_get(v, i));
    if (!json_is_array(v) || size < 1 || size > ATL_TAPS_MOST || !(fabs(sum) > 1e-12) || !isfinite(sum))
        return atl_fail(
            ctx, ATL_BAD_FILE,
            "the network's config has no filter as \"%s\": a list of 1 to %d numbers whose sum is not 0", key,
            ATL_TAPS_MOST);
    taps->size = (int)size;
    for (size_t i = 0; i < size; i++)
        taps->f[i] = (float)(json_number_value(json_array_get(v, i)) / sum);
    return ATL_OK;
}

atl_status atl_config_mapping(atl_ctx *ctx, const json_t *json, atl_mapping_config *m) {
    const json_t *map = json_object_get(json, "mapping");
    if (!json_is_object(map))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no \"mapping\"");
    ATL_TRY(atl_config_int(ctx, map, "num_layers", 0, 64, &m->num_layers));
    m->lr_multiplier = 0.01f;
    ATL_TRY(atl_config_float(ctx, map, "lr_multiplier", &m->lr_multiplier));
    if (!(m->lr_multiplier > 0.0f))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says lr_multiplier = %g", (double)m->lr_multiplier);
    if (json_is_number(json_object_get(map, "embed_features")))
        ATL_TRY(atl_config_int(ctx, map, "embed_features", 0, 1 << 16, &m->embed_features));
    if (json_is_number(json_object_get(map, "layer_features")))
        ATL_TRY(atl_config_int(ctx, map, "layer_features", 0, 1 << 16, &m->layer_features));
    if (json_is_number(json_object_get(map, "table_features")))
        ATL_TRY(atl_config_int(ctx, map, "table_features", 0, 1 << 16, &m->table_features));
    if (m->table_features)
        ATL_TRY(atl_config_int(ctx, map, "proj_features", 1, 1 << 16, &m->proj_features));
    m->label_concat = json_is_true(json_object_get(map, "label_concat"));
    m->activation = ATL_LRELU;
    return atl_config_activation(ctx, map, "activation", &m->activation);
}

atl_status atl_config_truncation(atl_ctx *ctx, const json_t *json, float *psi, int *cutoff) {
    ATL_TRY(atl_config_float(ctx, json, "truncation_psi", psi));
    if (json_is_number(json_object_get(json, "truncation_cutoff")))
        ATL_TRY(atl_config_int(ctx, json, "truncation_cutoff", 0, 1 << 10, cutoff));
    return ATL_OK;
}

atl_status atl_check_init(atl_ctx *ctx, const atl_init_options *o) {
    if (o->resolution < 8 || o->resolution > 4096 || (o->resolution & (o->resolution - 1)))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a resolution of %d is not possible: a power of two from 8 to 4096 is",
                        o->resolution);
    if (o->channel_base < 0 || o->channel_base > 1 << 24 || o->channel_max < 0 || o->channel_max > 1 << 14)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "channel base %d or channel max %d is out of range", o->channel_base,
                        o->channel_max);
    if (o->heads < 0 || o->heads > 1 << 10 || o->patch < 0 || o->patch > 256 || o->quantizers < 0 ||
        o->quantizers > 64)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%d heads, patches of %d or %d codes of a patch are out of range",
                        o->heads, o->patch, o->quantizers);
    if (o->c_dim < 0 || o->c_dim > 1 << 20 || o->img_channels < 0 || o->img_channels > 64 || o->map_depth < 0 ||
        o->map_depth > 64)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%d classes, %d channels or %d mapping layers is out of range", o->c_dim,
                        o->img_channels, o->map_depth);
    return ATL_OK;
}
