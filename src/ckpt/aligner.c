// SPDX-License-Identifier: Apache-2.0
// Files of GAN-supervised alignment: the spatial transformer that is trained and its average (t, t_ema), what
// it is trained towards (ll), the classifier of clusters, and the generator (g_ema).  Parameters keep their
// names; a transform that stands alone gets those of the first of several.  The shapes say the sizes:
//
//     stns.0.convs.5.conv2.1.weight     five blocks: pictures of 4 * 2^5 pixels
//     stns.0.warp_head.linear.weight    a similarity, four rows for each head
//     stns.1.warp_head.mask_out.2.weight  a flow, 9 * 8^2 rows for each head
//     ...input_downsample.kernel_horz   what comes in is larger by half its taps
//
// The generator beside them is read by the layout that knows it.
#include "ckpt/find.h"
#include "ckpt/mapped.h"
#include "base/names.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

enum { TRANSFORMS = 2, BLOCKS_MOST = 16, SIDE_USUAL = 128, LAST_SIDE = 4, NEIGHBOURS = 9, NAME_MOST = 200 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_ALIGNER);
}

// What stands before the names of transform i.
static const char *base_of(const atl_found *f, int i) {
    static const char *const bases[] = { "stns.0.", "stns.1.", "stns.2." };
    return atl_found_tensor(f, "stns.0.convs.0.0.weight") ? bases[i] : i ? NULL : "";
}

// Channels of the trunk's layers, of which `count` are found.
static json_t *channels_of(atl_json *b, const atl_found *f, const char *base, int *count) {
    json_t *list = atl_json_list(b);
    int64_t c = atl_found_dim(f, 0, "%sconvs.0.0.weight", base);
    for (*count = 0; c > 0 && *count < BLOCKS_MOST; ++*count) {
        atl_json_add(b, list, json_integer((json_int_t)c));
        int next = *count + 1;
        c = atl_found_dim(f, 0, "%sconvs.%d.conv2.1.weight", base, next);
        if (!c)
            c = atl_found_dim(f, 0, "%sconvs.%d.conv2.0.weight", base, next);
    }
    return list;
}

// ---- transformers

typedef struct shape {
    int side, supersize, heads, factor, count;
} shape;

static int factor_of(const atl_found *f, const char *base, int heads) {
    int64_t rows = atl_found_dim(f, 0, "%swarp_head.mask_out.2.weight", base) / (heads > 0 ? heads : 1);
    int factor = 1;
    while (factor < 64 && (int64_t)NEIGHBOURS * factor * factor < rows)
        factor *= 2;
    return factor;
}

static json_t *transforms_of(atl_json *b, const atl_found *f, const json_t *args, shape *s) {
    json_t *list = atl_json_list(b);
    const json_t *said = json_object_get(args, "flow_size");
    *s = (shape){ .side = json_is_integer(said) ? (int)json_integer_value(said) : SIDE_USUAL, .factor = 8 };
    for (int i = 0; i < TRANSFORMS; i++) {
        const char *base = base_of(f, i);
        if (!base || !atl_found_tensor(f, "%sconvs.0.0.weight", base))
            break;
        int64_t rows = atl_found_dim(f, 0, "%swarp_head.linear.weight", base);
        int layers,
            heads = (int)(rows ? rows / 4 : atl_found_dim(f, 0, "%swarp_head.flow_out.2.weight", base) / 2);
        json_t *channels = channels_of(b, f, base, &layers);
        if (rows && layers)
            s->side = LAST_SIDE << (layers - 1);
        else
            s->factor = factor_of(f, base, heads);
        s->heads = heads;
        s->count++;
        atl_json_add(b, list,
                     json_pack("{s:s s:o}", "kind", rows ? "similarity" : "flow", "channels", channels));
    }
    int64_t taps = atl_found_dim(f, 3, "%sinput_downsample.kernel_horz", base_of(f, 0));
    s->supersize = s->side * (taps > 1 && taps < 128 ? (int)taps / 2 : 1);
    return list;
}

// The blocks' filter must be the usual one.
static const char *check_filter(atl_ckpt *ckpt, const atl_found *f, const char *base) {
    static const double usual[] = { 1, 3, 3, 1 };
    const atl_tensor *kernel = atl_found_tensor(f, "%sconvs.1.conv2.0.kernel", base);
    json_t *taps = NULL;
    const char *why = kernel ? atl_official_taps(ckpt, kernel, 1.0, &taps) : NULL;
    bool same = !taps || json_array_size(taps) == 4;
    for (size_t i = 0; taps && same && i < 4; i++)
        same = json_number_value(json_array_get(taps, i)) == usual[i];
    json_decref(taps);
    return why ? why : same ? NULL : "its filter is not [1, 3, 3, 1], which alone is supported";
}

// A network whose filter was looked at: without memory nothing is known of it.
static atl_status add_checked(atl_ckpt *ckpt, const atl_found *f, const char *kind, json_t *config,
                              const char *why) {
    if (ckpt->ctx->status != ATL_NO_MEMORY)
        return atl_ckpt_add(ckpt, f->key, kind, config, why, f);
    json_decref(config);
    return ATL_NO_MEMORY;
}

static atl_status add_aligner(atl_ckpt *ckpt, const atl_found *f) {
    atl_json b = { .ctx = ckpt->ctx };
    shape s;
    json_t *args = atl_ckpt_options(ckpt, f, "args");
    if (!args)
        return ATL_NO_MEMORY;
    json_t *list = transforms_of(&b, f, args, &s);
    const char *padding = json_string_value(json_object_get(args, "padding_mode"));
    json_t *config = json_pack("{s:o s:i s:i s:i s:i s:s s:o}", "transforms", list, "flow_size", s.side,
                               "supersize", s.supersize, "num_heads", s.heads, "flow_downsample", s.factor,
                               "padding_mode", padding ? padding : "border", "args", args);
    if (atl_json_check(&b, "a transformer's layers") != ATL_OK) {
        json_decref(config);
        return ATL_NO_MEMORY;
    }
    const char *why = base_of(f, 2) && atl_found_tensor(f, "stns.2.convs.0.0.weight")
                          ? "it has more than a similarity and a flow"
                          : check_filter(ckpt, f, base_of(f, 0));
    return add_checked(ckpt, f, "spatial_transformer", config, why);
}

// ---- what was trained beside it

static atl_status add_classifier(atl_ckpt *ckpt, const atl_found *f) {
    atl_json b = { .ctx = ckpt->ctx };
    int layers;
    json_t *channels = channels_of(&b, f, "", &layers);
    int side = layers ? LAST_SIDE << (layers - 1) : LAST_SIDE;
    int64_t taps = atl_found_dim(f, 3, "input_downsample.kernel_horz");
    json_t *config = json_pack("{s:o s:i s:i s:I}", "channels", channels, "flow_size", side, "supersize",
                               side * (taps > 1 && taps < 128 ? (int)taps / 2 : 1), "classes",
                               (json_int_t)atl_found_dim(f, 0, "to_logits.weight"));
    if (atl_json_check(&b, "a classifier's layers") != ATL_OK) {
        json_decref(config);
        return ATL_NO_MEMORY;
    }
    return add_checked(ckpt, f, "cluster_classifier", config, check_filter(ckpt, f, ""));
}

static atl_status add_target(atl_ckpt *ckpt, const atl_found *f) {
    json_t *config = json_pack("{s:I s:I s:I}", "num_heads", (json_int_t)atl_found_dim(f, 0, "coefficients"),
                               "directions", (json_int_t)atl_found_dim(f, 0, "directions"), "w_dim",
                               (json_int_t)atl_found_dim(f, 1, "directions"));
    return atl_ckpt_add(ckpt, f->key, "target_latent", config, NULL, f);
}

// ---- the file

// The layout of the generators beside it; NULL: there are none.
static const atl_ckpt_layout *beside(const atl_ckpt *ckpt) {
    return atl_ckpt_official.probe(ckpt)     ? &atl_ckpt_official
           : atl_ckpt_named.probe(ckpt)      ? &atl_ckpt_named
           : atl_ckpt_rosinality.probe(ckpt) ? &atl_ckpt_rosinality
                                             : NULL;
}

static atl_status open_aligners(atl_ckpt *ckpt) {
    const atl_ckpt_layout *other = beside(ckpt);
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind == ATL_FOUND_ALIGNER)
            ATL_TRY(add_aligner(ckpt, f));
        else if (f->kind == ATL_FOUND_CLUSTERS)
            ATL_TRY(add_classifier(ckpt, f));
        else if (f->kind == ATL_FOUND_TARGET)
            ATL_TRY(add_target(ckpt, f));
    }
    return other ? other->open(ckpt) : ATL_OK;
}

// Filters, which are those of the config, and a row of constants.
static bool is_constant(const char *name) {
    return atl_ends_in(name, ".kernel") || atl_ends_in(name, ".kernel_horz") ||
           atl_ends_in(name, ".kernel_vert") || atl_ends_in(name, ".one_hot") ||
           atl_ends_in(name, ".blur_filter");
}

static atl_status collect(atl_ckpt *ckpt, const void *found, atl_ckpt_sources *sources) {
    const atl_found *f = found;
    const atl_object *dict = f->names.dict;
    bool alone = f->kind == ATL_FOUND_ALIGNER && !*base_of(f, 0);
    for (size_t i = 0; i < dict->size; i++) {
        const char *name = atl_found_name(ckpt, f, i);
        const atl_object *value = dict->u.items[2 * i + 1];
        char ours[NAME_MOST + 8];
        if (!name || value->type != ATL_OBJECT_TENSOR || is_constant(name))
            continue;
        snprintf(ours, sizeof ours, "%s%.*s", alone ? "stns.0." : "", NAME_MOST, name);
        atl_ckpt_source s = { .name = ours, .from = name, .value = value, .rank = value->u.tensor->rank };
        s.buffer = f->kind == ATL_FOUND_TARGET && strcmp(name, "coefficients") != 0;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    const atl_found *f = ckpt->sources[index];
    const unsigned own = 1u << ATL_FOUND_ALIGNER | 1u << ATL_FOUND_CLUSTERS | 1u << ATL_FOUND_TARGET;
    for (size_t i = 0; i < ckpt->found_size; i++)
        if (f == &ckpt->found[i] && own & 1u << f->kind)
            return atl_ckpt_load_mapped(ckpt, index, collect, params);
    return beside(ckpt)->load(ckpt, index, params);
}

const atl_ckpt_layout atl_ckpt_aligner = {
    "torch file of a spatial transformer (GANgealing)",
    probe,
    open_aligners,
    load,
    { ".pt, .safetensors", "GANgealing",
      "t_ema, t, the target latent, the classifier of clusters and the generator beside them; optimisers are "
      "passed over" },
};
