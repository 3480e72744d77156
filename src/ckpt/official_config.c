// SPDX-License-Identifier: Apache-2.0
// What kind of network an official module is, and its config: read from the attributes that the pickle
// holds, never from defaults.  Where an attribute is missing the network gets a sentence instead of a guess.
#include "ckpt/find.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/json.h"

enum { TAPS_MOST = 64, BLOCKS_MOST = 16 };

typedef struct describe {
    atl_ckpt *ckpt;
    const char *why; // the first thing that was missing
    atl_json json;
} describe;

static void complain(describe *d, const char *where, const char *what) {
    if (!d->why)
        d->why = atl_arena_printf(&d->ckpt->arena, "%s: %s", where, what);
}

// ---- values to JSON

// A small numpy array as a list of its numbers (flat).
static json_t *array_json(describe *d, const atl_tensor *x) {
    int dtype = atl_tensor_dtype(x);
    int64_t count = atl_tensor_count(x);
    double wide[TAPS_MOST];
    if (dtype < 0 || count > TAPS_MOST || atl_dtype_size((atl_dtype)dtype) > sizeof *wide ||
        atl_tensor_read(d->ckpt->objects, x, wide) != ATL_OK)
        return NULL;
    json_t *list = atl_json_list(&d->json);
    for (int64_t i = 0; i < count; i++) {
        int64_t integer;
        float narrow;
        memcpy(&integer, (char *)wide + (size_t)i * 8, sizeof integer);
        if (dtype == ATL_I64) {
            atl_json_add(&d->json, list, json_integer(integer));
        } else if (dtype == ATL_F64) {
            atl_json_add(&d->json, list, atl_json_number(&d->json, wide[i]));
        } else {
            atl_array a = {
                .name = "", .dtype = (atl_dtype)dtype, .rank = 1, .dims = { count }, .data = wide
            };
            atl_array_read_f32(&a, i, 1, &narrow);
            atl_json_add(&d->json, list, atl_json_number(&d->json, (double)narrow));
        }
    }
    return list;
}

static json_t *value_json(describe *d, const atl_object *o) {
    if (o && o->type == ATL_OBJECT_TENSOR && o->u.tensor->array)
        return array_json(d, o->u.tensor);
    return atl_object_json(o, 1000, &d->json.lost);
}

// Copies the attribute `name` of a module; a missing one is a complaint.
static void copy(describe *d, json_t *config, const atl_object *module, const char *name) {
    json_t *value = value_json(d, atl_object_get(module, name));
    if (!value)
        complain(d, name, "this attribute is missing from the file, so the network can't be run");
    else
        atl_json_set(&d->json, config, name, value);
}

// Everything that can be written as JSON, apart from the machinery of modules.
static json_t *all_attributes(describe *d, const atl_object *module) {
    json_t *out = atl_json_object(&d->json);
    const atl_object *state = module->u.instance->state;
    for (size_t i = 0; state && state->type == ATL_OBJECT_DICT && i < state->size; i++) {
        const char *name = atl_object_text(state->u.items[2 * i], &d->ckpt->arena);
        if (!name || name[0] == '_' || strcmp(name, "training") == 0)
            continue;
        json_t *value = value_json(d, state->u.items[2 * i + 1]);
        if (value)
            atl_json_set(&d->json, out, name, value);
    }
    return out;
}

// ---- tensors of a module

static const atl_tensor *tensor_of(const atl_object *module, const char *name) {
    const atl_object *t = atl_object_get(atl_object_get(module, "_parameters"), name);
    if (!t)
        t = atl_object_get(atl_object_get(module, "_buffers"), name);
    return t && t->type == ATL_OBJECT_TENSOR ? t->u.tensor : NULL;
}

// Size of the first dimension of a parameter: the number of output features; 0 when there is none.
static int64_t features(const atl_object *module, const char *name) {
    const atl_tensor *t = module ? tensor_of(module, name) : NULL;
    return t && t->rank ? t->dims[0] : 0;
}

const char *atl_official_taps(atl_ckpt *ckpt, const atl_tensor *t, double gain, json_t **taps) {
    float f[TAPS_MOST * TAPS_MOST];
    double rows[TAPS_MOST] = { 0 }, columns[TAPS_MOST] = { 0 }, sum = 0, worst = 0;
    int lead = t->rank > 2 ? t->rank - 2 : 0; // dims of size 1 in front
    int64_t size = t->rank ? t->dims[t->rank - 1] : 0, count = atl_tensor_count(t);
    bool square = t->rank - lead == 2;
    *taps = NULL;
    if (size < 1 || size > TAPS_MOST || count != (square ? size * size : size) ||
        atl_tensor_read_f32(ckpt->objects, t, f) != ATL_OK)
        return "its resample_filter has a shape that no filter has";
    for (int64_t i = 0; i < count; i++) {
        rows[square ? i / size : i] += (double)f[i];
        columns[i % size] += (double)f[i];
        sum += (double)f[i];
    }
    for (int64_t i = 0; square && i < count; i++)
        worst = fmax(worst, fabs((double)f[i] - rows[i / size] * rows[i % size] / sum));
    if (!(worst <= 1e-5) || !(fabs(sum - gain) <= 1e-3))
        return "its resample_filter is no product of two equal axes of sum 1, which alone is supported";
    bool whole = fabs(rows[0]) > 1e-6; // [1, 3, 3, 1], when dividing by the first makes it so
    for (int64_t i = 0; whole && i < size; i++)
        whole = fabs(rows[i] / rows[0] - round(rows[i] / rows[0])) < 1e-4;
    atl_json b = { .ctx = ckpt->ctx };
    json_t *list = atl_json_list(&b);
    for (int64_t i = 0; i < size; i++)
        atl_json_add(&b, list, atl_json_number(&b, whole ? round(rows[i] / rows[0]) : rows[i] / sum));
    return atl_json_end(&b, list, "a filter", taps) == ATL_OK ? NULL : "out of memory";
}

// The filter of a layer; all layers of a network must have the same.
static void agree_on_filter(describe *d, json_t *config, const atl_object *module) {
    const atl_tensor *t = module ? tensor_of(module, "resample_filter") : NULL;
    json_t *known = json_object_get(config, "resample_filter"), *taps = NULL;
    const char *why = t ? atl_official_taps(d->ckpt, t, 1.0, &taps) : NULL;
    if (why)
        complain(d, "resample_filter", why);
    else if (taps && known && !json_equal(known, taps))
        complain(d, "resample_filter", "this buffer differs between layers, which is not supported");
    if (taps && !known)
        atl_json_set(&d->json, config, "resample_filter", json_incref(taps));
    json_decref(taps);
}

static void need_filter(describe *d, json_t *config) {
    if (json_object_get(config, "resample_filter"))
        return;
    complain(d, "resample_filter", "this buffer is missing from the file, so the network can't be run");
    atl_json_set(&d->json, config, "resample_filter", json_null());
}

// ---- StyleGAN2

static const atl_object *block_of(const atl_object *network, int64_t resolution) {
    char name[32];
    snprintf(name, sizeof name, "b%lld", (long long)resolution);
    return atl_official_child(network, name);
}

// An attribute that the format allows per layer and the models have once: all must agree.
static void agree(describe *d, json_t *config, const atl_object *module, const char *name) {
    json_t *value = module ? value_json(d, atl_object_get(module, name)) : NULL;
    json_t *known = json_object_get(config, name);
    if (!value)
        complain(d, name, "this attribute is missing from a layer, so the network can't be run");
    else if (known && !json_equal(known, value))
        complain(d, name, "this attribute differs between layers, which is not supported");
    else if (!known)
        atl_json_set_known(&d->json, config, name, value);
    json_decref(value);
}

static json_t *mapping_json(describe *d, const atl_object *mapping) {
    static const char *const names[] = { "z_dim", "c_dim", "w_dim", "num_ws", "num_layers", "w_avg_beta" };
    json_t *out = atl_json_object(&d->json);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy(d, out, mapping, names[i]);
    const atl_object *first = atl_official_child(mapping, "fc0");
    int64_t embed = features(atl_official_child(mapping, "embed"), "weight"), layers = 0, w_dim = 0;
    atl_object_int(atl_object_get(mapping, "num_layers"), &layers);
    atl_object_int(atl_object_get(mapping, "w_dim"), &w_dim);
    atl_json_set(&d->json, out, "embed_features", json_integer(embed));
    atl_json_set(&d->json, out, "layer_features",
                 json_integer(layers > 1 ? features(first, "weight") : w_dim));
    double multiplier = 1;
    const atl_object *activation = first ? atl_object_get(first, "activation") : NULL;
    if (layers > 0 && (!atl_object_number(atl_object_get(first, "bias_gain"), &multiplier) || !activation))
        complain(d, "mapping.fc0", "its bias_gain or activation is missing, so the network can't be run");
    atl_json_set(&d->json, out, "lr_multiplier",
                 atl_json_number(&d->json, multiplier)); // what a bias is multiplied by
    if (activation)
        atl_json_set(&d->json, out, "activation", value_json(d, activation));
    return out;
}

// The resolutions of a network's blocks, at most BLOCKS_MOST; 0 when the attribute is damaged.
static size_t resolutions(describe *d, const atl_object *network, int64_t *list) {
    const atl_object *all = atl_object_get(network, "block_resolutions");
    bool good =
        all && (all->type == ATL_OBJECT_LIST || all->type == ATL_OBJECT_TUPLE) && all->size <= BLOCKS_MOST;
    for (size_t i = 0; good && i < all->size; i++)
        good = atl_object_int(all->u.items[i], &list[i]) && block_of(network, list[i]);
    if (!good)
        complain(d, "block_resolutions", "a block is missing, so the network can't be run");
    return good ? all->size : 0;
}

static void describe_synthesis(describe *d, const atl_object *net, json_t *config) {
    int64_t list[BLOCKS_MOST];
    size_t count = resolutions(d, net, list);
    json_t *channels = atl_json_list(&d->json);
    copy(d, config, net, "block_resolutions");
    for (size_t i = 0; i < count; i++) {
        const atl_object *block = block_of(net, list[i]), *conv1 = atl_official_child(block, "conv1"),
                         *conv0 = atl_official_child(block, "conv0"),
                         *torgb = atl_official_child(block, "torgb");
        agree(d, config, block, "architecture");
        if (i > 0 || count == 1) // the first block has a filter and does not resample
            agree_on_filter(d, config, block);
        agree_on_filter(d, config, conv0);
        agree_on_filter(d, config, atl_official_child(block, "skip"));
        for (int k = 0; k < 2; k++) {
            const atl_object *conv = k ? conv1 : conv0;
            if (!k && !conv)
                continue; // the first block has only the second convolution
            agree(d, config, conv, "conv_clamp");
            agree(d, config, conv, "use_noise");
            agree(d, config, conv, "activation");
        }
        if (torgb)
            agree(d, config, torgb, "conv_clamp");
        atl_json_add(&d->json, channels, json_integer(features(conv1, "weight")));
    }
    atl_json_set(&d->json, config, "channels", channels);
    need_filter(d, config);
}

static json_t *describe_generator2(describe *d, const atl_object *g) {
    static const char *const names[] = {
        "z_dim", "c_dim", "w_dim", "num_ws", "img_resolution", "img_channels"
    };
    json_t *config = atl_json_object(&d->json);
    if (atl_object_get(g, "h_dim"))
        complain(d, "mapping", "its mapping network takes features of a picture (an instance-conditioned GAN, IC-GAN), "
                               "which is not run");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy(d, config, g, names[i]);
    describe_synthesis(d, atl_official_child(g, "synthesis"), config);
    atl_json_set(&d->json, config, "mapping", mapping_json(d, atl_official_child(g, "mapping")));
    return config;
}

static void describe_epilogue(describe *d, const atl_object *end, json_t *config) {
    const atl_object *mbstd = atl_official_child(end, "mbstd"), *conv = atl_official_child(end, "conv");
    copy(d, config, end, "cmap_dim");
    agree(d, config, end, "architecture");
    agree(d, config, conv, "conv_clamp");
    agree(d, config, conv, "activation");
    json_t *group = mbstd ? value_json(d, atl_object_get(mbstd, "group_size")) : json_null();
    json_t *extra = mbstd ? value_json(d, atl_object_get(mbstd, "num_channels")) : json_integer(0);
    if (!group || !extra)
        complain(d, "mbstd", "its attributes are missing, so the network can't be run");
    atl_json_set(&d->json, config, "mbstd_group_size", group ? group : json_null());
    atl_json_set(&d->json, config, "mbstd_num_channels", extra ? extra : json_null());
}

static json_t *describe_discriminator2(describe *d, const atl_object *net) {
    static const char *const names[] = { "c_dim", "img_resolution", "img_channels", "block_resolutions" };
    json_t *config = atl_json_object(&d->json), *channels = atl_json_list(&d->json);
    int64_t list[BLOCKS_MOST];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy(d, config, net, names[i]);
    size_t count = resolutions(d, net, list);
    for (size_t i = 0; i < count; i++) {
        const atl_object *block = block_of(net, list[i]), *conv0 = atl_official_child(block, "conv0"),
                         *conv1 = atl_official_child(block, "conv1"),
                         *rgb = atl_official_child(block, "fromrgb");
        agree(d, config, block, "architecture");
        agree_on_filter(d, config, block);
        agree_on_filter(d, config, conv1);
        agree_on_filter(d, config, atl_official_child(block, "skip"));
        agree(d, config, conv0, "conv_clamp");
        agree(d, config, conv1, "conv_clamp");
        agree(d, config, conv0, "activation");
        agree(d, config, conv1, "activation");
        if (rgb)
            agree(d, config, rgb, "conv_clamp");
        atl_json_add(&d->json, channels, json_integer(features(conv0, "weight")));
    }
    const atl_object *end = block_of(net, 4), *mapping = atl_official_child(net, "mapping");
    atl_json_add(&d->json, channels, json_integer(features(atl_official_child(end, "conv"), "weight")));
    atl_json_set(&d->json, config, "channels", channels); // of each block's first half, then of b4
    describe_epilogue(d, end, config);
    need_filter(d, config);
    atl_json_set(&d->json, config, "mapping", mapping ? mapping_json(d, mapping) : json_null());
    return config;
}

// ---- StyleGAN3 and StyleGAN-XL: attributes as they are

// Adds the layers of a list of names.  A stem whose tail was cut off for super-resolution may still list it.
static void append_layers(describe *d, const atl_object *synthesis, const atl_object *names, bool cut, json_t *layers) {
    for (size_t i = 0; names && names->type == ATL_OBJECT_LIST && i < names->size && i < 256; i++) {
        const char *name = atl_object_text(names->u.items[i], &d->ckpt->arena);
        const atl_object *layer = name ? atl_official_child(synthesis, name) : NULL;
        bool listed = false;
        for (size_t k = 0; name && k < json_array_size(layers); k++) {
            const char *other = json_string_value(json_object_get(json_array_get(layers, k), "name"));
            listed = listed || (other && !strcmp(other, name));
        }
        if (listed || (cut && !layer))
            continue;
        if (!layer) {
            complain(d, "layer_names", "a layer is missing, so the network can't be run");
            continue;
        }
        json_t *one = all_attributes(d, layer);
        atl_json_set(&d->json, one, "name", atl_json_string(&d->json, name));
        atl_json_add(&d->json, layers, one);
    }
}

// The class embedding of StyleGAN-XL: a table that may live in a file of its own.
static void describe_table(describe *d, const atl_object *mapping, json_t *config) {
    const atl_object *embed = atl_official_child(mapping, "embed"), *proj = atl_official_child(mapping, "embed_proj");
    const atl_tensor *table = embed ? tensor_of(embed, "weight") : NULL;
    if (!proj)
        return; // no classes
    if (!table || table->rank != 2)
        complain(d, "mapping.embed", "the file does not hold the table of class embeddings that the network needs; "
                                     "save the whole generator again where the table is at hand");
    else
        atl_json_set(&d->json, config, "table_features", json_integer(table->dims[1]));
    atl_json_set(&d->json, config, "proj_features", json_integer(features(proj, "weight")));
}

static json_t *describe_generator3(describe *d, const atl_object *g) {
    const atl_object *synthesis = atl_official_child(g, "synthesis"), *mapping = atl_official_child(g, "mapping"),
                     *input = atl_official_child(synthesis, "input"), *head = atl_object_get(g, "head_layer_names");
    json_t *config = all_attributes(d, g), *layers = atl_json_list(&d->json),
           *net = all_attributes(d, synthesis);
    json_t *map = mapping_json(d, mapping);
    describe_table(d, mapping, map);
    atl_json_set(&d->json, config, "mapping", map);
    if (input)
        atl_json_set(&d->json, net, "input", all_attributes(d, input));
    else
        complain(d, "synthesis.input", "this module is missing, so the network can't be run");
    append_layers(d, synthesis, atl_object_get(synthesis, "layer_names"), head != NULL, layers);
    append_layers(d, synthesis, head, false, layers);
    atl_json_set(&d->json, net, "layers", layers);
    atl_json_set(&d->json, config, "synthesis", net);
    return config;
}

// What a module is by the attributes that its kind has.
typedef struct family {
    bool synthesis2, synthesis3, averages, critic; // averages: of w, one per class
} family;

static family family_of(const atl_object *module) {
    const atl_object *synthesis = atl_official_child(module, "synthesis"),
                     *mapping = atl_official_child(module, "mapping"), *end = block_of(module, 4);
    const atl_tensor *w_avg = mapping ? tensor_of(mapping, "w_avg") : NULL;
    return (family){ synthesis && mapping && atl_object_get(synthesis, "block_resolutions"),
                     synthesis && mapping && atl_object_get(synthesis, "layer_names"),
                     w_avg && w_avg->rank == 2,
                     end && atl_object_get(module, "block_resolutions") && atl_object_get(end, "cmap_dim") };
}

bool atl_official_is_known(const atl_object *module) {
    if (!atl_official_is_module(module))
        return false;
    family f = family_of(module);
    return f.synthesis2 || f.synthesis3 || f.averages || f.critic;
}

atl_status atl_official_describe(atl_ckpt *ckpt, const atl_object *module, const char **kind, json_t **config,
                                 const char **why) {
    describe d = { ckpt, NULL, { .ctx = ckpt->ctx } };
    family f = family_of(module);
    if (f.averages && f.synthesis3) { // StyleGAN-XL, whose mapping is another one
        *kind = "stylegan_xl_generator";
        *config = describe_generator3(&d, module);
    } else if (f.averages) {
        *kind = "stylegan_xl_generator";
        *config = all_attributes(&d, module);
        d.why = "StyleGAN-XL with a synthesis other than StyleGAN3's is not run";
    } else if (f.synthesis2) {
        *kind = "stylegan2_generator";
        *config = describe_generator2(&d, module);
    } else if (f.synthesis3) {
        *kind = "stylegan3_generator";
        *config = describe_generator3(&d, module);
    } else if (f.critic) {
        *kind = "stylegan2_discriminator";
        *config = describe_discriminator2(&d, module);
    } else {
        *kind = "unknown";
        *config = all_attributes(&d, module);
        d.why = atl_arena_printf(&ckpt->arena, "the class %s is no network that is known",
                                 module->u.instance->cls->name);
    }
    *why = d.why;
    ATL_TRY(atl_json_end(&d.json, *config, "a network's config", config));
    if (ckpt->ctx->status != ATL_OK) { // reading a small array failed
        json_decref(*config);
        *config = NULL;
        return ckpt->ctx->status;
    }
    return ATL_OK;
}
