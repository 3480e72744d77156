// SPDX-License-Identifier: Apache-2.0
// Files of the widespread PyTorch port of StyleGAN2: a dict of state dicts under g, d and g_ema, with
// latent_avg in converted files.  The same generator stands inside encoder checkpoints, under state_dict with
// "decoder." in front of its names, and in files of many trainers (find.h).  The file says no sizes: they
// follow from the shapes.
//
//     style.1.weight                   mapping.fc0.weight
//     convs.2.conv.weight              synthesis.b16.conv0.weight
//     convs.3.conv.modulation.bias     synthesis.b16.conv1.affine.bias
//     to_rgbs.1.bias                   synthesis.b16.torgb.bias
//     noises.noise_3                   synthesis.b16.conv0.noise_const
#include "base/names.h"
#include "ckpt/find.h"
#include "ckpt/mapped.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 160, LAYERS_MOST = 64, BLOCKS_MOST = 12 };

// One network of the file.
typedef struct network {
    const atl_found *found;
    bool generator;
    int resolution;
} network;

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_PORT | 1u << ATL_FOUND_PORT_D);
}

// ---- configs

// Numbers `first`, ... for which the file has the tensor, at most `most`.
static int count_of(const network *n, const char *format, int first, int most) {
    int i = first;
    char name[NAME_MOST];
    for (; i < first + most; i++) {
        snprintf(name, sizeof name, format, i);
        if (!atl_found_tensor(n->found, "%s", name))
            break;
    }
    return i - first;
}

// The port has one size for z and w, and no labels.
static const char *check_input(atl_ckpt *ckpt, int64_t z_dim, int64_t w_dim) {
    if (z_dim == w_dim || atl_ckpt_assumed(ckpt, "z_dim"))
        return NULL;
    return atl_arena_printf(
        &ckpt->arena,
        "its mapping network takes %lld numbers%s where w has %lld: a part that comes before it, "
        "such as the embedding of a label, is not in the file (assume z_dim=%lld to run it "
        "without)",
        (long long)z_dim, z_dim == 2 * w_dim ? ", twice as many," : "", (long long)w_dim, (long long)z_dim);
}

// Takes both references on failure.
static atl_status put_taps(atl_ckpt *ckpt, json_t *config, json_t *taps) {
    atl_json b = { .ctx = ckpt->ctx };
    if (taps && config)
        atl_json_set(&b, config, "resample_filter", taps);
    else
        json_decref(taps);
    atl_status status = atl_json_check(&b, "a network's config");
    if (status != ATL_OK)
        json_decref(config);
    return status;
}

static atl_status add_generator(atl_ckpt *ckpt, network *n) {
    const atl_found *f = n->found;
    int layers = count_of(n, "style.%d.weight", 1, LAYERS_MOST);
    int64_t z_dim = atl_found_dim(f, 1, "style.1.weight"),
            w_dim = atl_found_dim(f, 1, "to_rgb1.conv.modulation.weight");
    json_t *taps = NULL;
    n->resolution = 4 << count_of(n, "to_rgbs.%d.bias", 0, BLOCKS_MOST);
    json_t *config =
        json_pack("{s:I s:i s:I s:i s:I s:s s:n s:b s:{s:i s:f s:I}}", "z_dim", (json_int_t)z_dim, "c_dim", 0,
                  "w_dim", (json_int_t)w_dim, "img_resolution", n->resolution, "img_channels",
                  (json_int_t)atl_found_dim(f, 1, "to_rgb1.bias"), "architecture", "skip", "conv_clamp",
                  "use_noise", 1, "mapping", "num_layers", layers, "lr_multiplier", 0.01, "layer_features",
                  (json_int_t)(layers > 1 ? atl_found_dim(f, 0, "style.1.weight") : 0));
    const atl_tensor *kernel = atl_found_tensor(f, "convs.0.conv.blur.kernel");
    const char *why = kernel ? atl_official_taps(ckpt, kernel, 4.0, &taps) : NULL;
    ATL_TRY(put_taps(ckpt, config, taps));
    if (!why)
        why = check_input(ckpt, z_dim, w_dim);
    return atl_ckpt_add(ckpt, f->key, "stylegan2_generator", config, why, n);
}

static atl_status add_discriminator(atl_ckpt *ckpt, network *n) {
    const atl_found *f = n->found;
    int64_t channels = atl_found_dim(f, 0, "final_conv.1.bias");
    int64_t extra = atl_found_dim(f, 1, "final_conv.0.weight") - channels;
    n->resolution = 4 << count_of(n, "convs.%d.conv1.1.bias", 1, BLOCKS_MOST);
    json_t *config = json_pack(
        "{s:i s:i s:I s:s s:n s:i s:i s:I}", "c_dim", 0, "img_resolution", n->resolution, "img_channels",
        (json_int_t)atl_found_dim(f, 1, "convs.0.0.weight"), "architecture", "resnet", "conv_clamp",
        "cmap_dim", 0, "mbstd_group_size", 4, "mbstd_num_channels", (json_int_t)(extra > 0 ? extra : 0));
    const atl_tensor *kernel = atl_found_tensor(f, "convs.1.conv2.0.kernel");
    json_t *taps = NULL;
    const char *why = kernel ? atl_official_taps(ckpt, kernel, 1.0, &taps) : NULL;
    ATL_TRY(put_taps(ckpt, config, taps));
    return atl_ckpt_add(ckpt, f->key, "stylegan2_discriminator", config, why, n);
}

static atl_status open_port(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind != ATL_FOUND_PORT && f->kind != ATL_FOUND_PORT_D)
            continue;
        network *n = atl_arena_alloc(&ckpt->arena, 1, sizeof *n);
        if (!n)
            return ATL_NO_MEMORY;
        *n = (network){ f, f->kind == ATL_FOUND_PORT, 4 };
        ATL_TRY(n->generator ? add_generator(ckpt, n) : add_discriminator(ckpt, n));
    }
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
        .name = "mapping.w_avg", .from = "latent_avg", .value = n->found->average, .rank = 1, .buffer = true
    };
    const atl_tensor *t = n->found->average->u.tensor;
    if (t->rank == 2 && t->dims[0] > 0) {
        atl_object *o = atl_arena_alloc(&ckpt->arena, 1, sizeof *o);
        atl_tensor *row = atl_arena_alloc(&ckpt->arena, 1, sizeof *row);
        if (!o || !row)
            return ATL_NO_MEMORY;
        *row = *t;
        row->rank = 1;
        row->dims[0] = t->dims[1];
        row->strides[0] = t->strides[1];
        *o = *n->found->average;
        o->u.tensor = row;
        s.value = o;
    }
    return atl_ckpt_sources_add(ckpt, sources, &s);
}

// Filters, which are checked or checked for the first of them, and the average, which is no variable of its
// own.
static bool is_harmless(const char *name) {
    return atl_ends_in(name, ".kernel") || atl_ends_in(name, "latent_avg");
}

static atl_status collect(atl_ckpt *ckpt, const void *network_, atl_ckpt_sources *sources) {
    const network *n = network_;
    const atl_object *dict = n->found->names.dict;
    for (size_t i = 0; i < dict->size; i++) {
        const char *path = atl_found_name(ckpt, n->found, i);
        atl_ckpt_source s = { .value = dict->u.items[2 * i + 1], .from = path };
        char name[NAME_MOST];
        if (!path || s.value->type != ATL_OBJECT_TENSOR)
            continue;
        if (!(n->generator ? name_generator(path, &s, name)
                           : name_discriminator(n->resolution, path, &s, name))) {
            if (!is_harmless(path))
                ATL_TRY(atl_ckpt_leave(ckpt, path));
            continue;
        }
        s.name = name;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return n->generator && n->found->average ? add_average(ckpt, n, sources) : ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_rosinality = {
    "torch file of the PyTorch port of StyleGAN2 (g, d, g_ema)",
    probe,
    open_port,
    load,
    { ".pt, .safetensors",
      "the PyTorch port of StyleGAN2; encoders such as pSp, e4e and ReStyle that hold its generator",
      "g_ema, g, d and latent_avg, behind any key and prefix; optimisers and encoders are passed over" },
};
