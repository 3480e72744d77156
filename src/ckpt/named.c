// SPDX-License-Identifier: Apache-2.0
// Networks under the official names, but without the attributes that say what they are: state dicts, exported
// tensors, our own files after another program wrote them again.  Sizes follow from shapes, the architecture
// from which names there are, filters from buffers.  What none of them says has the value that the official
// programs train with, and is listed as assumed.
#include "ckpt/find.h"

#include <stdio.h>
#include <string.h>

#include "ckpt/named.h"

enum { LAYERS_MOST = 64, RESOLUTION_MOST = 1 << 14 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_STYLEGAN2 | 1u << ATL_FOUND_STYLEGAN2_D |
                                    1u << ATL_FOUND_STYLEGAN3);
}

// ---- what a state dict says

json_t *atl_named_mapping(const atl_found *f, double beta, int64_t *z_dim, int64_t *c_dim) {
    int layers = 0;
    while (layers < LAYERS_MOST && atl_found_tensor(f, "mapping.fc%d.weight", layers))
        layers++;
    bool table = atl_found_tensor(f, "mapping.embed_proj.weight") != NULL;
    int64_t embed = table ? atl_found_dim(f, 0, "mapping.embed_proj.weight")
                          : atl_found_dim(f, 0, "mapping.embed.weight");
    *c_dim = atl_found_dim(f, table ? 0 : 1, "mapping.embed.weight");
    *z_dim = atl_found_dim(f, 1, "mapping.fc0.weight") - embed;
    json_t *m =
        json_pack("{s:i s:f s:f s:s s:I s:I}", "num_layers", layers, "lr_multiplier", 0.01, "w_avg_beta",
                  beta, "activation", "lrelu", "embed_features", (json_int_t)(table ? 0 : embed),
                  "layer_features", (json_int_t)(layers > 1 ? atl_found_dim(f, 0, "mapping.fc0.weight") : 0));
    json_t *features = table ? json_pack("{s:I s:I}", "table_features",
                                         (json_int_t)atl_found_dim(f, 1, "mapping.embed.weight"),
                                         "proj_features", (json_int_t)embed)
                             : NULL;
    if (m && features && json_object_update(m, features)) {
        json_decref(m);
        m = NULL;
    }
    json_decref(features);
    return m;
}

// A mapping network whose input is wider than the file explains lacks the embedding of labels.
const char *atl_named_check_input(atl_ckpt *ckpt, const atl_found *f, int64_t z_dim, int64_t w_dim) {
    if (!atl_found_tensor(f, "mapping.fc0.weight"))
        return "it holds a synthesis network alone: without mapping.fc0.weight and what follows, no image "
               "can be made "
               "from a seed";
    if (z_dim != 2 * w_dim || atl_ckpt_assumed(ckpt, "z_dim"))
        return z_dim < 0 ? "its mapping network is narrower than its embedding of labels" : NULL;
    return atl_arena_printf(
        &ckpt->arena,
        "its mapping network takes %lld numbers, twice as many as w has: the embedding of a label "
        "is not in the file (assume z_dim=%lld to run it without)",
        (long long)z_dim, (long long)z_dim);
}

// The taps of one axis of a filter buffer, [k, k] or [k], into *list (of which the caller has a reference); a
// sentence when it is no product of two equal axes.  No buffer: the usual filter, which is assumed.
static const char *taps_of(atl_ckpt *ckpt, const atl_found *f, const char *name, json_t **list) {
    const atl_tensor *t = atl_found_tensor(f, "%s", name);
    *list = NULL;
    if (!t)
        return NULL;
    return atl_official_taps(ckpt, t, 1.0, list);
}

static const char *architecture2(const atl_found *f, int top) {
    if (top > 4 && atl_found_tensor(f, "synthesis.b%d.skip.weight", top))
        return "resnet";
    return top > 4 && !atl_found_tensor(f, "synthesis.b%d.torgb.weight", top / 2) ? "orig" : "skip";
}

static atl_status add_generator2(atl_ckpt *ckpt, const atl_found *f) {
    int top = 4;
    while (top < RESOLUTION_MOST && atl_found_tensor(f, "synthesis.b%d.conv1.weight", 2 * top))
        top *= 2;
    int64_t z_dim, c_dim, w_dim = atl_found_dim(f, 1, "synthesis.b%d.torgb.affine.weight", top);
    json_t *mapping = atl_named_mapping(f, 0.998, &z_dim, &c_dim), *taps;
    const char *why = atl_named_check_input(ckpt, f, z_dim, w_dim);
    char finest[64];
    snprintf(finest, sizeof finest, "synthesis.b%d.resample_filter",
             top); // that of the first block is not used
    const char *filter = taps_of(ckpt, f, finest, &taps);
    json_t *config =
        json_pack("{s:I s:I s:I s:i s:I s:s s:n s:b s:s s:o? s:o}", "z_dim", (json_int_t)z_dim, "c_dim",
                  (json_int_t)c_dim, "w_dim", (json_int_t)w_dim, "img_resolution", top, "img_channels",
                  (json_int_t)atl_found_dim(f, 0, "synthesis.b%d.torgb.bias", top), "architecture",
                  architecture2(f, top), "conv_clamp", "use_noise",
                  atl_found_tensor(f, "synthesis.b4.conv1.noise_strength") != NULL, "activation", "lrelu",
                  "resample_filter", taps, "mapping", mapping);
    static const char *const assumed[] = { "activation", "conv_clamp", "mapping.activation",
                                           "mapping.lr_multiplier" };
    ATL_TRY(atl_ckpt_add(ckpt, f->key, "stylegan2_generator", config, filter ? filter : why, f));
    return atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, sizeof assumed / sizeof *assumed);
}

static const char *architecture_d2(const atl_found *f, int top) {
    if (atl_found_tensor(f, "b%d.skip.weight", top))
        return "resnet";
    return top > 8 && atl_found_tensor(f, "b%d.fromrgb.weight", top / 2) ? "skip" : "orig";
}

static atl_status add_discriminator2(atl_ckpt *ckpt, const atl_found *f) {
    int top = 4;
    while (top < RESOLUTION_MOST && atl_found_tensor(f, "b%d.conv0.weight", 2 * top))
        top *= 2;
    int64_t z_dim, c_dim,
        extra = atl_found_dim(f, 1, "b4.conv.weight") - atl_found_dim(f, 0, "b4.conv.weight");
    json_t *mapping = atl_named_mapping(f, 0.0, &z_dim, &c_dim), *taps;
    char first[64];
    snprintf(first, sizeof first, "b%d.resample_filter", top);
    const char *filter = taps_of(ckpt, f, first, &taps);
    json_t *config = json_pack(
        "{s:I s:i s:I s:s s:n s:s s:I s:i s:I s:o? s:o}", "c_dim", (json_int_t)c_dim, "img_resolution", top,
        "img_channels", (json_int_t)atl_found_dim(f, 1, "b%d.fromrgb.weight", top), "architecture",
        architecture_d2(f, top), "conv_clamp", "activation", "lrelu", "cmap_dim",
        (json_int_t)(c_dim ? atl_found_dim(f, 0, "b4.out.weight") : 0), "mbstd_group_size", 4,
        "mbstd_num_channels", (json_int_t)(extra > 0 ? extra : 0), "resample_filter", taps, "mapping",
        mapping);
    static const char *const assumed[] = { "activation", "conv_clamp", "mbstd_group_size" };
    ATL_TRY(atl_ckpt_add(ckpt, f->key, "stylegan2_discriminator", config, filter, f));
    return atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, sizeof assumed / sizeof *assumed);
}

static atl_status open_named(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind == ATL_FOUND_STYLEGAN2)
            ATL_TRY(add_generator2(ckpt, f));
        else if (f->kind == ATL_FOUND_STYLEGAN2_D)
            ATL_TRY(add_discriminator2(ckpt, f));
        else if (f->kind == ATL_FOUND_STYLEGAN3)
            ATL_TRY(atl_named_generator3(ckpt, f));
    }
    return ATL_OK;
}

// ---- values

static bool is_buffer(const char *name) {
    static const char *const leaves[] = { "noise_const",   "resample_filter", "w_avg",
                                          "freqs",         "phases",          "transform",
                                          "magnitude_ema", "up_filter",       "down_filter" };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (!strcmp(dot ? dot + 1 : name, leaves[i]))
            return true;
    return false;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    const atl_found *f = ckpt->sources[index];
    const atl_object *dict = f->names.dict;
    atl_ckpt_tensor *list = atl_arena_alloc(&ckpt->arena, dict->size + 1, sizeof *list);
    size_t count = 0;
    if (!list)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < dict->size; i++) {
        const char *name = atl_found_name(ckpt, f, i);
        const atl_object *o = dict->u.items[2 * i + 1];
        if (!name || o->type != ATL_OBJECT_TENSOR || atl_found_get(f, name) != o ||
            !strcmp(name, "latent_avg"))
            continue; // of another network, no numbers, or said again later
        if (atl_tensor_dtype(o->u.tensor) < 0)
            return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                            "%s: the tensor %s holds no numbers; the file is damaged", ckpt->path, name);
        list[count++] = (atl_ckpt_tensor){ name, o->u.tensor, is_buffer(name) };
    }
    return atl_ckpt_load_tensors(ckpt, list, count, params);
}

const atl_ckpt_layout atl_ckpt_named = {
    "official names without a config",
    probe,
    open_named,
    load,
    { ".pt, .safetensors", "programs that save a state dict of a StyleGAN2 or StyleGAN3 generator",
      "the networks behind any key and prefix; what shapes do not say is assumed, and the option assume "
      "changes it" },
};
