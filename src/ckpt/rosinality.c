// SPDX-License-Identifier: Apache-2.0
// Files of the widespread PyTorch port of StyleGAN2: a dict of state dicts under g, d and g_ema, with
// latent_avg in converted files.  The same generator stands inside encoder checkpoints, under state_dict with
// "decoder." in front of its names.  The file says no sizes: they follow from the shapes.
//
//     style.1.weight                   mapping.fc0.weight
//     convs.2.conv.weight              synthesis.b16.conv0.weight
//     convs.3.conv.modulation.bias     synthesis.b16.conv1.affine.bias
//     to_rgbs.1.bias                   synthesis.b16.torgb.bias
//     noises.noise_3                   synthesis.b16.conv0.noise_const
#include "ckpt/mapped.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 160, LAYERS_MOST = 64, BLOCKS_MOST = 12 };

// One network of the file.
typedef struct network {
    const atl_object *dict;
    const char *prefix;        // of its names: "decoder." or ""
    const atl_object *average; // latent_avg or NULL
    bool generator;
    int resolution;
} network;

// ---- looking up

static const atl_object *pairs_of(const atl_object *o) {
    const atl_object *d = o && o->type == ATL_OBJECT_INSTANCE ? o->u.instance->dict : o;
    return d && d->type == ATL_OBJECT_DICT ? d : NULL;
}

static const atl_tensor *tensor_at(const atl_object *dict, const char *prefix, const char *format,
                                   int number) {
    char name[NAME_MOST], path[2 * NAME_MOST];
    snprintf(name, sizeof name, format, number);
    snprintf(path, sizeof path, "%s%s", prefix, name);
    const atl_object *o = atl_object_get(pairs_of(dict), path);
    return o && o->type == ATL_OBJECT_TENSOR ? o->u.tensor : NULL;
}

static bool has(const atl_object *dict, const char *prefix, const char *name) {
    return tensor_at(dict, prefix, name, 0) != NULL;
}

static bool is_generator(const atl_object *dict, const char *prefix) {
    return has(dict, prefix, "style.1.weight") && has(dict, prefix, "to_rgb1.bias");
}

static bool is_discriminator(const atl_object *dict) {
    return has(dict, "", "convs.0.0.weight") && has(dict, "", "final_linear.1.weight");
}

static bool probe(const atl_ckpt *ckpt) {
    const atl_object *root = ckpt->objects ? atl_torch_root(ckpt->objects) : NULL;
    return root &&
           (is_generator(atl_object_get(root, "g_ema"), "") || is_generator(atl_object_get(root, "g"), "") ||
            is_generator(atl_object_get(root, "state_dict"), "decoder.") || is_generator(root, "") ||
            is_discriminator(atl_object_get(root, "d")));
}

// ---- configs

static int64_t dim(const atl_tensor *t, int i) {
    return t && i < t->rank ? t->dims[i] : 0;
}

// Numbers 0, 1, ... for which the file has the tensor, at most `most`.
static int count_of(const network *n, const char *format, int first, int most) {
    int i = first;
    while (i < first + most && tensor_at(n->dict, n->prefix, format, i))
        i++;
    return i - first;
}

// The filters of the port are fixed; another one would make other images.
static const char *check_filter(atl_ckpt *ckpt, const atl_tensor *t) {
    static const double taps[] = { 1, 3, 3, 1 };
    float f[16];
    if (!t)
        return NULL;
    bool same = t->rank == 2 && t->dims[0] == 4 && t->dims[1] == 4 &&
                atl_tensor_read_f32(ckpt->objects, t, f) == ATL_OK;
    for (int i = 0; same && i < 16; i++) // the gain differs: 4 on the way up, 1 on the way down
        same = fabs((double)f[i] - taps[i / 4] * taps[i % 4] * (double)f[0]) < 1e-5;
    return same ? NULL : "its resampling filter is not [1, 3, 3, 1]";
}

static atl_status add_generator(atl_ckpt *ckpt, const char *key, network *n) {
    int layers = count_of(n, "style.%d.weight", 1, LAYERS_MOST);
    const atl_tensor *first = tensor_at(n->dict, n->prefix, "style.%d.weight", 1);
    const atl_tensor *last = tensor_at(n->dict, n->prefix, "style.%d.weight", layers);
    n->generator = true;
    n->resolution = 4 << count_of(n, "to_rgbs.%d.bias", 0, BLOCKS_MOST);
    json_t *config =
        json_pack("{s:I s:i s:I s:i s:I s:s s:n s:b s:{s:i s:f s:I}}", "z_dim", (json_int_t)dim(first, 1),
                  "c_dim", 0, "w_dim", (json_int_t)dim(last, 0), "img_resolution", n->resolution,
                  "img_channels", (json_int_t)dim(tensor_at(n->dict, n->prefix, "to_rgb1.bias", 0), 1),
                  "architecture", "skip", "conv_clamp", "use_noise", 1, "mapping", "num_layers", layers,
                  "lr_multiplier", 0.01, "layer_features", (json_int_t)(layers > 1 ? dim(first, 0) : 0));
    const char *why = check_filter(ckpt, tensor_at(n->dict, n->prefix, "convs.0.conv.blur.kernel", 0));
    return atl_ckpt_add(ckpt, key, "stylegan2_generator", config, why, n);
}

static atl_status add_discriminator(atl_ckpt *ckpt, const char *key, network *n) {
    int64_t channels = dim(tensor_at(n->dict, "", "final_conv.1.bias", 0), 0);
    int64_t extra = dim(tensor_at(n->dict, "", "final_conv.0.weight", 0), 1) - channels;
    n->resolution = 4 << count_of(n, "convs.%d.conv1.1.bias", 1, BLOCKS_MOST);
    json_t *config =
        json_pack("{s:i s:i s:I s:s s:n s:i s:i s:I}", "c_dim", 0, "img_resolution", n->resolution,
                  "img_channels", (json_int_t)dim(tensor_at(n->dict, "", "convs.0.0.weight", 0), 1),
                  "architecture", "resnet", "conv_clamp", "cmap_dim", 0, "mbstd_group_size", 4,
                  "mbstd_num_channels", (json_int_t)(extra > 0 ? extra : 0));
    const char *why = check_filter(ckpt, tensor_at(n->dict, "", "convs.1.conv2.0.kernel", 0));
    return atl_ckpt_add(ckpt, key, "stylegan2_discriminator", config, why, n);
}

static atl_status add(atl_ckpt *ckpt, const char *key, const atl_object *dict, const char *prefix,
                      bool generator) {
    const atl_object *average = atl_object_get(atl_torch_root(ckpt->objects), "latent_avg");
    network *n = atl_arena_alloc(&ckpt->arena, 1, sizeof *n);
    if (!n)
        return ATL_NO_MEMORY;
    *n = (network){ dict, prefix, average && average->type == ATL_OBJECT_TENSOR ? average : NULL, generator,
                    4 };
    return generator ? add_generator(ckpt, key, n) : add_discriminator(ckpt, key, n);
}

static atl_status open_port(atl_ckpt *ckpt) {
    const atl_object *root = atl_torch_root(ckpt->objects), *g_ema = atl_object_get(root, "g_ema");
    const atl_object *g = atl_object_get(root, "g"), *d = atl_object_get(root, "d");
    const atl_object *inside = atl_object_get(root, "state_dict");
    if (is_generator(g_ema, ""))
        ATL_TRY(add(ckpt, "G_ema", g_ema, "", true));
    else if (is_generator(inside, "decoder."))
        ATL_TRY(add(ckpt, "G_ema", inside, "decoder.", true));
    else if (is_generator(root, ""))
        ATL_TRY(add(ckpt, "G_ema", root, "", true));
    if (is_generator(g, ""))
        ATL_TRY(add(ckpt, "G", g, "", true));
    if (is_discriminator(d))
        ATL_TRY(add(ckpt, "D", d, "", false));
    return ATL_OK;
}

// ---- names

typedef struct leaf {
    const char *theirs, *ours;
    int drop, rank;
} leaf;

static const leaf layer_leaves[] = {
    { "conv.weight", "weight", 1, 4 },
    { "conv.modulation.weight", "affine.weight", 0, 2 },
    { "conv.modulation.bias", "affine.bias", 0, 1 },
    { "noise.weight", "noise_strength", 0, 0 },
    { "activate.bias", "bias", 0, 1 },
    { "bias", "bias", 1, 1 },
    { NULL, NULL, 0, 0 },
};

static const leaf block_leaves[] = {
    { "conv1.0.weight", "conv0.weight", 0, 4 }, { "conv1.1.bias", "conv0.bias", 0, 1 },
    { "conv2.1.weight", "conv1.weight", 0, 4 }, { "conv2.2.bias", "conv1.bias", 0, 1 },
    { "skip.1.weight", "skip.weight", 0, 4 },   { NULL, NULL, 0, 0 },
};

static const leaf last_leaves[] = {
    { "final_conv.0.weight", "b4.conv.weight", 0, 4 },
    { "final_conv.1.bias", "b4.conv.bias", 0, 1 },
    { "final_linear.0.weight", "b4.fc.weight", 0, 2 },
    { "final_linear.0.bias", "b4.fc.bias", 0, 1 },
    { "final_linear.1.weight", "b4.out.weight", 0, 2 },
    { "final_linear.1.bias", "b4.out.bias", 0, 1 },
    { NULL, NULL, 0, 0 },
};

static bool take(const leaf *list, const char *path, const char *prefix, atl_ckpt_source *s,
                 char name[NAME_MOST]) {
    for (; list->theirs; list++)
        if (!strcmp(path, list->theirs)) {
            snprintf(name, NAME_MOST, "%s%s", prefix, list->ours);
            s->drop = list->drop;
            s->rank = list->rank;
            return true;
        }
    return false;
}

static bool name_generator(const char *path, atl_ckpt_source *s, char name[NAME_MOST]) {
    static const leaf dense[] = { { "weight", "weight", 0, 2 },
                                  { "bias", "bias", 0, 1 },
                                  { NULL, NULL, 0, 0 } };
    static const leaf constant[] = { { "input.input", "b4.const", 1, 3 }, { NULL, NULL, 0, 0 } };
    static const leaf noise[] = { { "", "noise_const", 2, 2 }, { NULL, NULL, 0, 0 } };
    char prefix[64];
    int k, used = 0;
    if (sscanf(path, "style.%d.%n", &k, &used) == 1 && used && k >= 1) {
        snprintf(prefix, sizeof prefix, "mapping.fc%d.", k - 1);
        return take(dense, path + used, prefix, s, name);
    }
    if (!strncmp(path, "conv1.", 6))
        return take(layer_leaves, path + 6, "synthesis.b4.conv1.", s, name);
    if (!strncmp(path, "to_rgb1.", 8))
        return take(layer_leaves, path + 8, "synthesis.b4.torgb.", s, name);
    if (sscanf(path, "convs.%d.%n", &k, &used) == 1 && used && k >= 0 && k < 2 * BLOCKS_MOST) {
        snprintf(prefix, sizeof prefix, "synthesis.b%d.conv%d.", 8 << k / 2, k % 2);
        return take(layer_leaves, path + used, prefix, s, name);
    }
    if (sscanf(path, "to_rgbs.%d.%n", &k, &used) == 1 && used && k >= 0 && k < BLOCKS_MOST) {
        snprintf(prefix, sizeof prefix, "synthesis.b%d.torgb.", 8 << k);
        return take(layer_leaves, path + used, prefix, s, name);
    }
    if (sscanf(path, "noises.noise_%d%n", &k, &used) == 1 && used && k >= 0 && k < 2 * BLOCKS_MOST) {
        snprintf(prefix, sizeof prefix, "synthesis.b%d.conv%d.", 4 << (k + 1) / 2, (k + 1) % 2);
        return s->buffer = take(noise, path + used, prefix, s, name);
    }
    return take(constant, path, "synthesis.", s, name);
}

static bool name_discriminator(int resolution, const char *path, atl_ckpt_source *s, char name[NAME_MOST]) {
    static const leaf from_rgb[] = { { "0.weight", "weight", 0, 4 },
                                     { "1.bias", "bias", 0, 1 },
                                     { NULL, NULL, 0, 0 } };
    char prefix[64];
    int k, used = 0;
    if (sscanf(path, "convs.%d.%n", &k, &used) != 1 || !used || k < 0 || k > BLOCKS_MOST)
        return take(last_leaves, path, "", s, name);
    snprintf(prefix, sizeof prefix, k ? "b%d." : "b%d.fromrgb.", k ? resolution >> (k - 1) : resolution);
    return take(k ? block_leaves : from_rgb, path + used, prefix, s, name);
}

// ---- values

// latent_avg as one vector: encoders keep it once per layer.
static atl_status add_average(atl_ckpt *ckpt, const network *n, atl_ckpt_sources *sources) {
    atl_ckpt_source s = {
        .name = "mapping.w_avg", .from = "latent_avg", .value = n->average, .rank = 1, .buffer = true
    };
    const atl_tensor *t = n->average->u.tensor;
    if (t->rank == 2 && t->dims[0] > 0) {
        atl_object *o = atl_arena_alloc(&ckpt->arena, 1, sizeof *o);
        atl_tensor *row = atl_arena_alloc(&ckpt->arena, 1, sizeof *row);
        if (!o || !row)
            return ATL_NO_MEMORY;
        *row = *t;
        row->rank = 1;
        row->dims[0] = t->dims[1];
        row->strides[0] = t->strides[1];
        *o = *n->average;
        o->u.tensor = row;
        s.value = o;
    }
    return atl_ckpt_sources_add(ckpt, sources, &s);
}

static atl_status collect(atl_ckpt *ckpt, const network *n, atl_ckpt_sources *sources) {
    const atl_object *dict = pairs_of(n->dict);
    size_t skip = strlen(n->prefix);
    for (size_t i = 0; dict && i < dict->size; i++) {
        const char *path = atl_object_text(dict->u.items[2 * i], &ckpt->arena);
        atl_ckpt_source s = { .value = dict->u.items[2 * i + 1] };
        char name[NAME_MOST];
        if (!path || strncmp(path, n->prefix, skip))
            continue;
        if (!(n->generator ? name_generator(path + skip, &s, name)
                           : name_discriminator(n->resolution, path + skip, &s, name)))
            continue;
        s.from = path;
        s.name = atl_arena_string(&ckpt->arena, name, strlen(name));
        if (!s.name)
            return ATL_NO_MEMORY;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return n->generator && n->average ? add_average(ckpt, n, sources) : ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    atl_ckpt_sources sources = { NULL, 0, 0 };
    atl_status status = collect(ckpt, ckpt->sources[index], &sources);
    if (status == ATL_OK)
        status = atl_ckpt_load_sources(ckpt, &sources, params);
    atl_ckpt_sources_clear(ckpt, &sources);
    return status;
}

const atl_ckpt_layout atl_ckpt_rosinality = {
    "torch file of the PyTorch port of StyleGAN2 (g, d, g_ema)", probe, open_port, load,
    { ".pt", "the PyTorch port of StyleGAN2; encoders such as pSp, e4e and ReStyle that hold its generator",
      "g_ema, g, d and latent_avg; optimisers and encoders are passed over" },
};
