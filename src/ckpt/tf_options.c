// SPDX-License-Identifier: Apache-2.0
// The options of TensorFlow-era networks that are known.  Any other one that is given and not switched off
// would have changed the network, so it is listed by name and value.
#include "ckpt/tf.h"

#include <stdlib.h>
#include <string.h>

enum { GAN2 = 1, GAN1 = 2, PRO = 4, ALL = 7 };

// Every option that tf_config.c reads, or that means nothing for pictures or follows from the variables.
static const struct {
    const char *name;
    unsigned families;
} KNOWN[] = {
    { "num_channels", ALL },
    { "resolution", ALL },
    { "label_size", ALL },
    { "fmap_base", ALL },
    { "fmap_max", ALL },
    { "fmap_min", ALL },
    { "fmap_decay", ALL },
    { "dtype", ALL },
    { "is_template_graph", ALL },
    { "structure", ALL },
    { "latent_size", ALL },
    { "normalize_latents", ALL },
    { "use_wscale", ALL },
    { "mbstd_group_size", ALL },
    { "mbstd_num_features", ALL },
    { "func_name", ALL },
    { "fused_scale", GAN1 | PRO },
    { "is_training", ALL },
    { "is_validation", ALL },
    { "force_clean_graph", ALL },
    { "nonlinearity", GAN2 | GAN1 },
    { "dlatent_size", GAN2 | GAN1 },
    { "use_noise", GAN2 | GAN1 },
    { "mapping_layers", GAN2 | GAN1 },
    { "mapping_fmaps", GAN2 | GAN1 },
    { "mapping_lrmul", GAN2 | GAN1 },
    { "mapping_nonlinearity", GAN2 | GAN1 },
    { "dlatent_broadcast", GAN2 | GAN1 },
    { "dlatent_avg_beta", GAN2 | GAN1 },
    { "style_mixing_prob", GAN2 | GAN1 },
    { "truncation_psi", GAN2 | GAN1 },
    { "truncation_cutoff", GAN2 | GAN1 },
    { "truncation_psi_val", GAN2 | GAN1 },
    { "truncation_cutoff_val", GAN2 | GAN1 },
    { "randomize_noise", GAN2 | GAN1 },
    { "return_dlatents", GAN2 | GAN1 },
    { "mapping_func", GAN2 | GAN1 },
    { "synthesis_func", GAN2 | GAN1 },
    { "architecture", GAN2 },
    { "resample_kernel", GAN2 },
    { "conv_clamp", GAN2 },
    { "num_fp16_res", GAN2 },
    { "fused_modconv", GAN2 },
    { "label_fmaps", GAN2 },
    { "freeze_layers", GAN2 },
    { "min_h", GAN2 },
    { "min_w", GAN2 },
    { "res_log2", GAN2 },
    { "resolution_h", GAN2 },
    { "resolution_w", GAN2 },
    { "use_styles", GAN1 },
    { "const_input_layer", GAN1 },
    { "use_pixel_norm", GAN1 },
    { "use_instance_norm", GAN1 },
    { "blur_filter", GAN1 },
    { "use_pixelnorm", PRO },
    { "pixelnorm_epsilon", PRO },
    { "use_leakyrelu", PRO },
    { "tanh_at_end", PRO },
};

static bool is_known(const char *name, atl_tf_family family) {
    unsigned bit = family == ATL_TF_STYLEGAN2 ? GAN2 : family == ATL_TF_STYLEGAN1 ? GAN1 : PRO;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if ((KNOWN[i].families & bit) && !strcmp(KNOWN[i].name, name))
            return true;
    return false;
}

// A feature that is switched off, or an option that was left open.
static bool is_off(const char *name, const atl_object *v) {
    return v->type == ATL_OBJECT_NONE ||
           (v->type == ATL_OBJECT_BOOL && !v->u.truth && !strncmp(name, "use_", 4));
}

static void add_unknown(atl_ckpt *ckpt, atl_tf_net *net, const char *name, const atl_object *v, size_t room) {
    json_t *value = atl_object_json(v, 20, NULL);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    const char *line = atl_arena_printf(&ckpt->arena, "the option %.100s = %.60s", name, text ? text : "?");
    free(text);
    json_decref(value);
    for (size_t i = 0; line && i < net->unknown_size; i++)
        if (!strcmp(net->unknown[i], line))
            return; // each component repeats the options of the whole
    if (line && net->unknown_size < room)
        net->unknown[net->unknown_size++] = line;
}

void atl_tf_list_unknown(atl_ckpt *ckpt, atl_tf_net *net) {
    enum { MOST = 64 };
    const atl_object *nets[] = { net->object, atl_tf_component(net->object, "synthesis"),
                                 atl_tf_component(net->object, "mapping") };
    net->unknown = atl_arena_alloc(&ckpt->arena, MOST, sizeof *net->unknown);
    for (size_t n = 0; net->unknown && n < sizeof nets / sizeof *nets; n++) {
        const atl_object *all = atl_object_get(nets[n], "static_kwargs");
        if (all && all->type == ATL_OBJECT_INSTANCE)
            all = all->u.instance->dict;
        for (size_t i = 0; all && all->type == ATL_OBJECT_DICT && i < all->size; i++) {
            const char *name = atl_object_text(all->u.items[2 * i], &ckpt->arena);
            const atl_object *v = all->u.items[2 * i + 1];
            if (name && !is_known(name, net->family) && !is_off(name, v))
                add_unknown(ckpt, net, name, v, MOST);
        }
    }
}
