// SPDX-License-Identifier: Apache-2.0
// StyleGAN2 generators of GenForce: state dicts under generator and generator_smooth.  Values are those of
// the first StyleGAN2 with the axes of PyTorch: kernels on the way up are not turned, and biases of styles
// lack their 1.
//
//     mapping.dense0.weight            mapping.fc0.weight
//     truncation.w_avg                 mapping.w_avg
//     synthesis.early_layer.const      synthesis.b4.const
//     synthesis.layer3.style.bias      synthesis.b16.conv0.affine.bias
//     synthesis.output2.weight         synthesis.b16.torgb.weight
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "ckpt/find.h"
#include "ckpt/mapped.h"

enum { NAME_MOST = 160, LAYERS_MOST = 64, BLOCKS_MOST = 12 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_GENFORCE);
}

static atl_status add(atl_ckpt *ckpt, const atl_found *f) {
    int layers = 0, outputs = 0;
    while (layers < LAYERS_MOST && atl_found_tensor(f, "mapping.dense%d.weight", layers))
        layers++;
    while (outputs < BLOCKS_MOST && atl_found_tensor(f, "synthesis.output%d.bias", outputs))
        outputs++;
    const atl_tensor *kernel = atl_found_tensor(f, "synthesis.upsample.kernel");
    json_t *taps = NULL;
    const char *why = kernel ? atl_official_taps(ckpt, kernel, 4.0, &taps) : NULL;
    int64_t label = atl_found_dim(f, 1, "mapping.label_weight"),
            z_dim = atl_found_dim(f, 1, "mapping.dense0.weight");
    if (label)
        why = "it is conditional in a way of GenForce that is not run";
    json_t *config = json_pack(
        "{s:I s:i s:I s:i s:I s:s s:n s:b s:o? s:{s:i s:f s:I}}", "z_dim", (json_int_t)z_dim, "c_dim", 0,
        "w_dim", (json_int_t)atl_found_dim(f, 1, "synthesis.output0.style.weight"), "img_resolution",
        4 << (outputs > 0 ? outputs - 1 : 0), "img_channels",
        (json_int_t)atl_found_dim(f, 0, "synthesis.output0.bias"), "architecture", "skip", "conv_clamp",
        "use_noise", 1, "resample_filter", taps, "mapping", "num_layers", layers, "lr_multiplier", 0.01,
        "layer_features", (json_int_t)(layers > 1 ? atl_found_dim(f, 0, "mapping.dense0.weight") : 0));
    return atl_ckpt_add(ckpt, f->key, "stylegan2_generator", config, why, f);
}

static atl_status open_genforce(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->found_size; i++)
        if (ckpt->found[i].kind == ATL_FOUND_GENFORCE)
            ATL_TRY(add(ckpt, &ckpt->found[i]));
    return ATL_OK;
}

// ---- names

typedef struct leaf {
    const char *theirs, *ours;
    int drop, rank;
    float add;
} leaf;

static const leaf LAYER[] = {
    { "weight", "weight", 0, 4, 0.0f },
    { "bias", "bias", 0, 1, 0.0f },
    { "noise_strength", "noise_strength", 0, 0, 0.0f },
    { "noise", "noise_const", 2, 2, 0.0f },
    { "style.weight", "affine.weight", 0, 2, 0.0f },
    { "style.bias", "affine.bias", 0, 1, 1.0f },
};

static bool take(const char *path, const char *prefix, atl_ckpt_source *s, char name[NAME_MOST]) {
    for (size_t i = 0; i < sizeof LAYER / sizeof *LAYER; i++)
        if (!strcmp(path, LAYER[i].theirs)) {
            snprintf(name, NAME_MOST, "%s%s", prefix, LAYER[i].ours);
            s->drop = LAYER[i].drop;
            s->rank = LAYER[i].rank;
            s->add = LAYER[i].add;
            s->buffer = !strcmp(path, "noise");
            return true;
        }
    return false;
}

static bool whole(const char *ours, int drop, int rank, atl_ckpt_source *s, char name[NAME_MOST]) {
    snprintf(name, NAME_MOST, "%s", ours);
    s->drop = drop;
    s->rank = rank;
    return true;
}

static bool name_tensor(const char *path, atl_ckpt_source *s, char name[NAME_MOST]) {
    char prefix[64];
    int k, used = 0;
    if (!strcmp(path, "truncation.w_avg"))
        return s->buffer = whole("mapping.w_avg", 0, 1, s, name);
    if (!strcmp(path, "synthesis.early_layer.const"))
        return whole("synthesis.b4.const", 1, 3, s, name);
    if (sscanf(path, "mapping.dense%3d.%n", &k, &used) == 1 && used && k >= 0) {
        snprintf(prefix, sizeof prefix, "mapping.fc%d.", k);
        if (!strcmp(path + used, "bias"))
            return take(path + used, prefix, s, name);
        snprintf(name, NAME_MOST, "%sweight", prefix);
        s->rank = 2;
        return !strcmp(path + used, "weight");
    }
    if (sscanf(path, "synthesis.layer%3d.%n", &k, &used) == 1 && used && k >= 0 && k < 2 * BLOCKS_MOST) {
        bool up = k % 2 != 0; // layer 0 is the one of 4x4
        snprintf(prefix, sizeof prefix, "synthesis.b%d.conv%d.", 4 << (k + 1) / 2, up ? 0 : 1);
        s->change = up && !strcmp(path + used, "weight") ? ATL_CHANGE_TURN : ATL_CHANGE_NONE;
        return take(path + used, prefix, s, name);
    }
    if (sscanf(path, "synthesis.output%3d.%n", &k, &used) == 1 && used && k >= 0 && k < BLOCKS_MOST) {
        snprintf(prefix, sizeof prefix, "synthesis.b%d.torgb.", 4 << k);
        return take(path + used, prefix, s, name);
    }
    return false;
}

static bool is_filter(const char *path) {
    return atl_ends_in(path, ".kernel");
}

static atl_status collect(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *sources) {
    const atl_found *f = network;
    const atl_object *dict = f->names.dict;
    for (size_t i = 0; i < dict->size; i++) {
        const char *path = atl_found_name(ckpt, f, i);
        atl_ckpt_source s = { .value = dict->u.items[2 * i + 1], .from = path };
        char name[NAME_MOST];
        if (!path || s.value->type != ATL_OBJECT_TENSOR)
            continue;
        if (!name_tensor(path, &s, name)) {
            if (!is_filter(path))
                ATL_TRY(atl_ckpt_leave(ckpt, path));
            continue;
        }
        s.name = name;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_genforce = {
    "GenForce (generator, generator_smooth)",
    probe,
    open_genforce,
    load,
    { ".pth", "GenForce", "StyleGAN2 generators; those of ProGAN and StyleGAN are named only" },
};
