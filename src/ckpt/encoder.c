// SPDX-License-Identifier: Apache-2.0
// Encoders of pSp's family and the identity networks that they are trained with.  Their parameters have the
// names of the file already; what a file says of the network beside them are its options, a dict or a
// Namespace under "opts", and the average latent.  What follows from names and shapes is taken from there:
//
//     encoder.styles.13.convs.10.weight    14 styles or more, the fine ones read a map of 64x64
//     encoder.input_layer.0.weight         IR-SE or IR (ResNet: conv1.weight), pictures of so many channels
//     output_layer.3.weight                an identity network
//
// The generator beside the encoder is read by the layout that knows it.
#include "ckpt/find.h"
#include "ckpt/mapped.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

enum { UNITS_MOST = 64, STYLES_MOST = 64, CONVS_MOST = 12, STAGES = 4, SIDE_OF_MAP = 16, TUNED_MOST = 32 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_TRUNK);
}

// The first tensor of a tuned layer's block, or NULL.
static const atl_tensor *block_of(const atl_found *f, int layer) {
    return atl_found_tensor(f, "refinement_blocks.%d.convs.0.weight", layer);
}

const char *atl_encoder_key(const atl_found *f) {
    for (int i = 0; i < TUNED_MOST; i++)
        if (block_of(f, i))
            return "hypernet";
    bool styles = atl_found_tensor(f, "styles.0.linear.weight") || atl_found_tensor(f, "linear.weight");
    return !styles && atl_found_tensor(f, "output_layer.3.weight") ? "identity" : "encoder";
}

// ---- the trunk

typedef struct trunk {
    const char *kind;
    int stages, units[STAGES], channels[STAGES];
} trunk;

// A stage begins where the number of channels changes.
static trunk trunk_of(const atl_found *f) {
    bool resnet = atl_found_tensor(f, "conv1.weight") != NULL;
    trunk t = { .kind = resnet ? "resnet" : "ir" };
    if (atl_found_tensor(f, "body.0.res_layer.5.fc1.weight"))
        t.kind = "ir_se";
    for (int i = 0; i < UNITS_MOST; i++) {
        int64_t c = resnet ? atl_found_dim(f, 0, "body.%d.conv1.weight", i)
                           : atl_found_dim(f, 0, "body.%d.res_layer.1.weight", i);
        if (c < 1 || c > 1 << 14)
            break;
        if (!t.stages || t.channels[t.stages - 1] != c) {
            if (t.stages == STAGES)
                return (trunk){ .kind = t.kind };
            t.channels[t.stages++] = (int)c;
        }
        t.units[t.stages - 1]++;
    }
    return t;
}

static const char *const NO_TRUNK = "its units don't fall into the four stages of an encoder's trunk";

// ---- identity networks

static atl_status add_identity(atl_ckpt *ckpt, const atl_found *f) {
    trunk t = trunk_of(f);
    json_t *config =
        json_pack("{s:s s:[i,i,i,i] s:[i,i,i,i] s:I s:i}", "trunk", t.kind, "units", t.units[0], t.units[1],
                  t.units[2], t.units[3], "channels", t.channels[0], t.channels[1], t.channels[2],
                  t.channels[3], "width", (json_int_t)atl_found_dim(f, 0, "output_layer.3.weight"), "affine",
                  atl_found_tensor(f, "output_layer.4.weight") != NULL);
    return atl_ckpt_add(ckpt, f->key, "face_embedding", config, t.stages == STAGES ? NULL : NO_TRUNK, f);
}

// ---- options

// The options that are plain values; a Namespace is an instance with a dict.
json_t *atl_ckpt_options(atl_ckpt *ckpt, const atl_found *f, const char *name) {
    const atl_object *o = atl_object_get(f->parent, name);
    atl_json b = { .ctx = ckpt->ctx };
    json_t *options = atl_json_object(&b);
    if (o && o->type == ATL_OBJECT_INSTANCE)
        o = o->u.instance->dict ? o->u.instance->dict : o->u.instance->state;
    for (size_t i = 0; o && o->type == ATL_OBJECT_DICT && i < o->size; i++) {
        const char *key = atl_object_text(o->u.items[2 * i], &ckpt->arena);
        bool lost = false;
        json_t *value = key && atl_json_utf8(key, strlen(key))
                            ? atl_object_json(o->u.items[2 * i + 1], 1000, &lost)
                            : NULL;
        b.lost = b.lost || lost;
        if (value)
            atl_json_set(&b, options, key, value);
    }
    bool short_of_memory = ckpt->ctx->status == ATL_NO_MEMORY; // a key that was not made
    if (atl_json_check(&b, "a network's options") == ATL_OK && !short_of_memory)
        return options;
    json_decref(options);
    return NULL;
}

static bool option(const json_t *options, const char *key, bool otherwise) {
    const json_t *v = json_object_get(options, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

// ---- encoders

// Later programs name the same networks otherwise.
static const struct {
    const char *theirs, *ours;
} RENAMED[] = {
    { "WEncoder", "BackboneEncoderUsingLastLayerIntoW" },
    { "SingleStyleCodeEncoder", "BackboneEncoderUsingLastLayerIntoW" },
};

// The type by what the options say, or else by its names alone: *sure is false where another type has the
// same.
static const char *type_of(atl_ckpt *ckpt, const atl_found *f, const json_t *options, bool *sure) {
    const char *said = json_string_value(json_object_get(options, "encoder_type"));
    bool resnet = atl_found_tensor(f, "conv1.weight") != NULL;
    *sure = true;
    for (size_t i = 0; said && i < sizeof RENAMED / sizeof *RENAMED; i++)
        if (!strcmp(said, RENAMED[i].theirs))
            said = RENAMED[i].ours;
    if (said)
        return atl_arena_string(&ckpt->arena, said, strlen(said));
    if (atl_found_tensor(f, "output_layer_2.3.weight"))
        return "BackboneEncoderUsingLastLayerIntoWPlus";
    if (atl_found_tensor(f, "linear.weight"))
        return "BackboneEncoderUsingLastLayerIntoW";
    *sure = false;
    if (atl_found_tensor(f, "latlayer1.weight"))
        return resnet ? "ResNetGradualStyleEncoder" : "GradualStyleEncoder";
    return resnet ? "ResNetBackboneEncoder" : "BackboneEncoder";
}

// The side of the pictures: the first style halves the last map, a sixteenth of them, down to one pixel.
static int side_of(const atl_found *f) {
    int convs = 0;
    while (convs < CONVS_MOST && atl_found_tensor(f, "styles.0.convs.%d.weight", 2 * convs))
        convs++;
    return convs ? SIDE_OF_MAP << (convs > 8 ? 8 : convs) : 256; // encoders into W don't say
}

static int rows_of_average(const atl_found *f) {
    const atl_tensor *t = f->average ? f->average->u.tensor : NULL;
    return !t ? 0 : t->rank == 1 ? 1 : t->rank == 2 && t->dims[0] <= STYLES_MOST ? (int)t->dims[0] : 0;
}

// An encoder into W has as many as its average, which repeats one.
static int styles_of(const atl_found *f, int64_t w_dim) {
    int count = 0;
    while (count < STYLES_MOST && atl_found_tensor(f, "styles.%d.linear.weight", count))
        count++;
    if (!count && w_dim > 0 && atl_found_tensor(f, "output_layer_2.3.weight"))
        return (int)(atl_found_dim(f, 0, "linear.weight") / w_dim);
    return count ? count : rows_of_average(f) > 1 ? rows_of_average(f) : 1;
}

// Numbers of one style.
static int64_t width_of(const atl_found *f) {
    if (atl_found_tensor(f, "styles.0.linear.weight"))
        return atl_found_dim(f, 0, "styles.0.linear.weight");
    return atl_found_dim(f, atl_found_tensor(f, "output_layer_2.3.weight") ? 1 : 0, "linear.weight");
}

static json_t *config_of(const atl_found *f, const trunk *t, const char *type, json_t *options) {
    bool cars = !strncmp(json_string_value(json_object_get(options, "dataset_type"))
                             ? json_string_value(json_object_get(options, "dataset_type"))
                             : "",
                         "cars", 4);
    int side = side_of(f), rows = rows_of_average(f);
    int64_t w_dim = width_of(f), channels = atl_found_dim(f, 1, "input_layer.0.weight");
    if (!channels)
        channels = atl_found_dim(f, 1, "conv1.weight");
    return json_pack("{s:s s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:I s:i s:i s:I s:i s:i s:O}", "encoder_type",
                     type, "trunk", t->kind, "units", t->units[0], t->units[1], t->units[2], t->units[3],
                     "channels", t->channels[0], t->channels[1], t->channels[2], t->channels[3], "num_ws",
                     styles_of(f, w_dim), "w_dim", (json_int_t)w_dim, "height", cars ? side * 3 / 4 : side,
                     "width", side, "input_nc", (json_int_t)channels, "average", rows,
                     "start_from_latent_avg", option(options, "start_from_latent_avg", rows > 0), "opts",
                     options);
}

static atl_status add_encoder(atl_ckpt *ckpt, const atl_found *f) {
    static const char *const assumed[] = { "encoder_type" };
    trunk t = trunk_of(f);
    bool sure;
    json_t *options = atl_ckpt_options(ckpt, f, "opts");
    const char *type = options ? type_of(ckpt, f, options, &sure) : NULL;
    if (!type) {
        json_decref(options);
        return ATL_NO_MEMORY;
    }
    json_t *config = config_of(f, &t, type, options);
    json_decref(options);
    ATL_TRY(atl_ckpt_add(ckpt, f->key, "style_encoder", config, t.stages == STAGES ? NULL : NO_TRUNK, f));
    return sure ? ATL_OK : atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, 1);
}

// ---- hypernetworks

// The weight [1, out, in, k, k] of layer `i` of the generator beside the hypernetwork, or NULL.
static const atl_tensor *tuned_weight(const atl_ckpt *ckpt, int i) {
    const atl_found *g = NULL;
    for (size_t k = 0; k < ckpt->found_size && !g; k++)
        if (ckpt->found[k].kind == ATL_FOUND_PORT)
            g = &ckpt->found[k];
    const atl_tensor *t = !g               ? NULL
                          : i == 0         ? atl_found_tensor(g, "conv1.conv.weight")
                          : i == 1         ? atl_found_tensor(g, "to_rgb1.conv.weight")
                          : i % 3 == 1     ? atl_found_tensor(g, "to_rgbs.%d.conv.weight", (i - 2) / 3)
                                           : atl_found_tensor(g, "convs.%d.conv.weight", (i - 2) / 3 * 2 + (i - 2) % 3);
    return t && t->rank == 5 ? t : NULL;
}

static const char *kind_of_block(const atl_found *f, int layer) {
    if (atl_found_tensor(f, "refinement_blocks.%d.linear.weight", layer))
        return "shared";
    if (atl_found_tensor(f, "refinement_blocks.%d.output.0.make_kernel_in.weight", layer))
        return "separable";
    return atl_found_tensor(f, "refinement_blocks.%d.output.1.weight", layer) ? "own" : "rgb";
}

static void add_tuned(atl_json *b, const atl_ckpt *ckpt, const atl_found *f, int layer, json_t *list) {
    const atl_tensor *weight = tuned_weight(ckpt, layer);
    if (weight)
        atl_json_add(b, list,
                     json_pack("{s:i s:s s:I s:I s:I}", "index", layer, "kind", kind_of_block(f, layer), "in",
                               (json_int_t)weight->dims[2], "out", (json_int_t)weight->dims[1], "narrow",
                               (json_int_t)block_of(f, layer)->dims[0]));
}

static atl_status add_hypernet(atl_ckpt *ckpt, const atl_found *f) {
    trunk t = trunk_of(f);
    atl_json b = { .ctx = ckpt->ctx };
    json_t *list = atl_json_list(&b), *options = atl_ckpt_options(ckpt, f, "opts");
    const char *why = t.stages == STAGES ? NULL : NO_TRUNK;
    for (int i = 0; i < TUNED_MOST; i++)
        if (block_of(f, i)) {
            add_tuned(&b, ckpt, f, i, list);
            why = tuned_weight(ckpt, i) ? why : "the generator that it tunes is not beside it";
        }
    json_t *config = json_pack(
        "{s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i s:I s:I s:I s:o s:o}", "trunk", t.kind, "units", t.units[0], t.units[1],
        t.units[2], t.units[3], "channels", t.channels[0], t.channels[1], t.channels[2], t.channels[3], "height", 256,
        "width", 256, "input_nc", (json_int_t)atl_found_dim(f, 1, "conv1.weight"), "vector",
        (json_int_t)atl_found_dim(f, 0, "shared_weight_hypernet.w2"), "hidden",
        (json_int_t)atl_found_dim(f, 0, "shared_weight_hypernet.w1"), "layers", list, "opts", options);
    if (atl_json_check(&b, "a hypernetwork's layers") != ATL_OK) {
        json_decref(config);
        return ATL_NO_MEMORY;
    }
    return atl_ckpt_add(ckpt, f->key, "hypernet", config, why, f);
}

// The shared hypernetwork stands in the file again under the name of each block that uses it.
static bool is_alias(const atl_found *f, const char *name, const atl_tensor *t) {
    const char *leaf = strstr(name, ".hypernet.");
    const atl_tensor *first =
        leaf ? atl_found_tensor(f, "shared_weight_hypernet.%s", leaf + strlen(".hypernet.")) : NULL;
    return first && first->storage == t->storage && first->offset == t->offset;
}

// ---- the file

static atl_status add_found(atl_ckpt *ckpt, const atl_found *f) {
    if (!strcmp(f->key, "identity"))
        return add_identity(ckpt, f);
    return !strcmp(f->key, "hypernet") ? add_hypernet(ckpt, f) : add_encoder(ckpt, f);
}

// The layout of the generators beside it; NULL: there are none.
static const atl_ckpt_layout *beside(const atl_ckpt *ckpt) {
    static const atl_ckpt_layout *const others[] = { &atl_ckpt_official, &atl_ckpt_named,
                                                     &atl_ckpt_rosinality };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i]->probe(ckpt))
            return others[i];
    return NULL;
}

static atl_status open_encoders(atl_ckpt *ckpt) {
    const atl_ckpt_layout *other = beside(ckpt);
    if (other)
        ATL_TRY(other->open(ckpt));
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind == ATL_FOUND_TRUNK)
            ATL_TRY(add_found(ckpt, f));
    }
    return ATL_OK;
}

static bool is_buffer(const char *name) {
    return strstr(name, "running_") || strstr(name, "num_batches_tracked");
}

// Names and shapes are ours already.
static atl_status collect(atl_ckpt *ckpt, const void *found, atl_ckpt_sources *sources) {
    const atl_found *f = found;
    const atl_object *dict = f->names.dict;
    for (size_t i = 0; i < dict->size; i++) {
        const char *name = atl_found_name(ckpt, f, i);
        const atl_object *value = dict->u.items[2 * i + 1];
        if (!name || value->type != ATL_OBJECT_TENSOR || value == f->average || is_alias(f, name, value->u.tensor))
            continue;
        atl_ckpt_source s = { .name = name, .from = name, .value = value, .rank = value->u.tensor->rank };
        s.buffer = is_buffer(name);
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    if (!f->average || strcmp(f->key, "encoder") != 0 || !rows_of_average(f))
        return ATL_OK;
    const atl_ckpt_source s = { .name = "latent_avg",
                                .from = "latent_avg",
                                .value = f->average,
                                .buffer = true,
                                .rank = f->average->u.tensor->rank };
    return atl_ckpt_sources_add(ckpt, sources, &s);
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    const atl_found *f = ckpt->sources[index];
    for (size_t i = 0; i < ckpt->found_size; i++)
        if (f == &ckpt->found[i] && f->kind == ATL_FOUND_TRUNK)
            return atl_ckpt_load_mapped(ckpt, index, collect, params);
    return beside(ckpt)->load(ckpt, index, params);
}

const atl_ckpt_layout atl_ckpt_encoder = {
    "torch file of an encoder (pSp, e4e, ReStyle, HyperStyle) or of an identity network (ArcFace, CurricularFace)",
    probe,
    open_encoders,
    load,
    { ".pt, .pth, .safetensors",
      "pSp, e4e, ReStyle, HyperStyle and its encoder into W; ports of ArcFace and CurricularFace",
      "encoder, its options and latent_avg, the generator beside it; optimisers and latent discriminators "
      "are passed "
      "over" },
};
