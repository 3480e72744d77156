// SPDX-License-Identifier: Apache-2.0
// Pickles of the TensorFlow generation (ProGAN, StyleGAN, the first StyleGAN2): a tuple (G, D, Gs) of objects
// that hold options, Python source, which nobody needs, and a list of named variables.  The names become
// those of the official PyTorch networks; StyleGAN1 and ProGAN, which have none, get names alike:
//
//     synthesis/8x8/Conv0_up/weight            synthesis.b8.conv0.weight
//     synthesis/8x8/Conv1/Noise/weight         synthesis.b8.conv1.noise_weight
//     synthesis/4x4/Const/StyleMod/bias        synthesis.b4.conv0.affine.bias
//     ToRGB_lod2/bias   (resolution 32)        synthesis.b8.torgb.bias
//
// Up-convolutions are stored as the weights of a transposed convolution: where the file's network upsamples
// first and then correlates, that is the kernel rotated by 180 degrees.
#include "ckpt/tf.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 192, LAYER_MOST = 64 };

static bool is_network(const atl_object *o) {
    return o && o->type == ATL_OBJECT_INSTANCE && atl_object_get(o, "variables") &&
           atl_object_get(o, "static_kwargs");
}

static bool probe(const atl_ckpt *ckpt) {
    const atl_object *root = ckpt->objects ? atl_torch_root(ckpt->objects) : NULL;
    if (is_network(root))
        return true;
    return root && (root->type == ATL_OBJECT_TUPLE || root->type == ATL_OBJECT_LIST) && root->size &&
           is_network(root->u.items[root->size - 1]);
}

// key NULL: a network that was pickled alone.
static atl_status add_network(atl_ckpt *ckpt, const char *key, const atl_object *object) {
    const char *kind, *why;
    json_t *config;
    atl_tf_net *net = atl_arena_alloc(&ckpt->arena, 1, sizeof *net);
    if (!net)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_tf_describe(ckpt, object, net, &kind, &config, &why));
    key = key ? key : strcmp(kind, "progan_discriminator") ? "G_ema" : "D";
    return atl_ckpt_add(ckpt, key, kind, config, why, net);
}

static atl_status open_tf(atl_ckpt *ckpt) {
    static const struct {
        size_t place;
        const char *key;
    } order[] = { { 2, "G_ema" }, { 0, "G" }, { 1, "D" } };
    const atl_object *root = atl_torch_root(ckpt->objects);
    if (is_network(root))
        return add_network(ckpt, NULL, root);
    if (root->size != 3)
        return atl_fail(ckpt->ctx, ATL_UNSUPPORTED,
                        "%s: holds %zu networks, where the three (G, D, Gs) are expected", ckpt->path,
                        root->size);
    for (size_t i = 0; i < 3; i++) {
        const atl_object *object = root->u.items[order[i].place];
        if (is_network(object))
            ATL_TRY(add_network(ckpt, order[i].key, object));
    }
    return ATL_OK;
}

// ---- names

typedef struct naming {
    const atl_tf_net *net;
    int resolution;    // of the block that the variable is in
    const char *layer; // "Conv0_up": not ended
    int layer_length;
    const char *leaf; // "StyleMod/weight"
    atl_ckpt_source *to;
    char name[NAME_MOST];
} naming;

static bool layer_is(const naming *n, const char *text) {
    return (int)strlen(text) == n->layer_length && !memcmp(n->layer, text, strlen(text));
}

static void shape(atl_ckpt_source *s, int drop, int rank, atl_change change) {
    s->drop = drop;
    s->rank = rank;
    s->change = change;
}

static bool take(naming *n, const char *layer, const char *leaf, int drop, int rank, atl_change change) {
    const char *part = n->net->generator ? "synthesis." : "";
    snprintf(n->name, sizeof n->name, "%sb%d.%s%s%s", part, n->resolution, layer, layer[0] ? "." : "", leaf);
    shape(n->to, drop, rank, change);
    return true;
}

// Our name of a layer of a block; NULL: not one that is known.
static const char *layer_name(const naming *n) {
    static const struct {
        const char *theirs, *ours;
    } layers[] = {
        { "Conv0_up", "conv0" }, { "Conv0", "conv0" }, { "Conv1", "conv1" },     { "Conv1_down", "conv1" },
        { "Skip", "skip" },      { "ToRGB", "torgb" }, { "FromRGB", "fromrgb" }, { "Const", "conv0" },
        { "Dense", "dense" },    { "Dense0", "fc" },   { "Dense1", "out" },
    };
    if (layer_is(n, "Conv"))
        return n->net->generator ? "conv1" : "conv";
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (layer_is(n, layers[i].theirs))
            return layers[i].ours;
    return NULL;
}

// How the kernel of a convolution is stored.
static atl_change kernel_change(const naming *n) {
    bool up = n->net->generator && (layer_is(n, "Conv0_up") || layer_is(n, "Conv0"));
    if (n->net->family == ATL_TF_STYLEGAN2)
        return up || layer_is(n, "Skip") ? ATL_CHANGE_HWIO_TURN : ATL_CHANGE_HWIO;
    if (!up)
        return ATL_CHANGE_HWIO;
    if (n->resolution < n->net->fused_from)
        return ATL_CHANGE_HWIO_TURN;
    return n->net->family == ATL_TF_PROGAN ? ATL_CHANGE_HWOI : ATL_CHANGE_HWIO;
}

// A variable of a layer of a block.
static bool name_leaf(naming *n) {
    const char *layer = layer_name(n);
    if (!layer)
        return false;
    if (!strcmp(n->leaf, "const"))
        return take(n, "", "const", 1, 3, ATL_CHANGE_NONE);
    if (!strcmp(n->leaf, "weight")) {
        bool dense = n->layer_length >= 5 && !memcmp(n->layer, "Dense", 5);
        return take(n, layer, "weight", 0, dense ? 2 : 4, dense ? ATL_CHANGE_TRANSPOSE : kernel_change(n));
    }
    if (!strcmp(n->leaf, "bias"))
        return take(n, layer, "bias", 0, 1, ATL_CHANGE_NONE);
    if (!strcmp(n->leaf, "noise_strength"))
        return take(n, layer, "noise_strength", 0, 0, ATL_CHANGE_NONE);
    if (!strcmp(n->leaf, "Noise/weight"))
        return take(n, layer, "noise_weight", 0, 1, ATL_CHANGE_NONE);
    if (!strcmp(n->leaf, "mod_weight") || !strcmp(n->leaf, "StyleMod/weight"))
        return take(n, layer, "affine.weight", 0, 2, ATL_CHANGE_TRANSPOSE);
    if (!strcmp(n->leaf, "mod_bias") || !strcmp(n->leaf, "StyleMod/bias")) {
        n->to->add = n->leaf[0] == 'm' ? 1.0f : 0.0f; // StyleGAN2 stores the style's bias less 1
        return take(n, layer, "affine.bias", 0, 1, ATL_CHANGE_NONE);
    }
    return false;
}

// noiseK: the map of layer K.
static bool name_noise(naming *n, int k) {
    bool one = n->net->family == ATL_TF_STYLEGAN2; // its 4x4 block has one layer, that of StyleGAN1 two
    int block = one ? (k + 1) / 2 : k / 2, layer = one ? (k + 1) % 2 : k % 2;
    if (k < 0 || block > 20)
        return false;
    n->resolution = 4 << block;
    n->to->buffer = true;
    return take(n, layer ? "conv1" : "conv0", "noise_const", 2, 2, ATL_CHANGE_NONE);
}

// Dense layers of the mapping network, and of a conditional discriminator: LAYER/weight or LAYER/bias.
static bool name_dense(naming *n, const char *layer, const char *leaf) {
    bool weight = !strcmp(leaf, "weight");
    snprintf(n->name, sizeof n->name, "%s.%s", layer, leaf);
    shape(n->to, 0, weight ? 2 : 1, weight ? ATL_CHANGE_TRANSPOSE : ATL_CHANGE_NONE);
    return weight || !strcmp(leaf, "bias");
}

static bool name_mapping(naming *n, const char *path) {
    char layer[LAYER_MOST];
    int index, used = 0;
    if (!strncmp(path, "LabelEmbed/", 11) || !strncmp(path, "LabelConcat/", 12))
        return name_dense(n, "mapping.embed", strchr(path, '/') + 1);
    if ((sscanf(path, "Dense%d/%n", &index, &used) == 1 ||
         sscanf(path, "Mapping%d/%n", &index, &used) == 1) &&
        used) {
        snprintf(layer, sizeof layer, "mapping.fc%d", index);
        return name_dense(n, layer, path + used);
    }
    return false;
}

// 8x8/LAYER/LEAF, ToRGB_lod2/LEAF, noise3
static bool name_synthesis(naming *n, const char *path) {
    int a, b, used = 0;
    if (sscanf(path, "noise%d%n", &a, &used) == 1 && used && !path[used])
        return name_noise(n, a);
    if (sscanf(path, "%dx%d/%n", &a, &b, &used) == 2 && used &&
        (n->resolution = atl_tf_block(n->net, a, b)) != 0) {
        const char *slash = strchr(path + used, '/');
        n->layer = path + used;
        n->layer_length = slash ? (int)(slash - n->layer) : 0;
        n->leaf = slash ? slash + 1 : "";
        return slash && name_leaf(n);
    }
    used = 0;
    const char *format = n->net->generator ? "ToRGB_lod%d/%n" : "FromRGB_lod%d/%n";
    if (sscanf(path, format, &a, &used) == 1 && used && a >= 0 && a < 20 && n->net->resolution >> a >= 4) {
        n->resolution = n->net->resolution >> a;
        n->layer = path;
        n->layer_length = n->net->generator ? 5 : 7;
        n->leaf = path + used;
        return name_leaf(n);
    }
    return false;
}

// Our name for a variable and what to do with it; false: nothing that the networks use.
static bool name_variable(naming *n, const char *component, const char *path) {
    if (!strcmp(component, "mapping/"))
        return name_mapping(n, path);
    if (!component[0] && !strcmp(path, "dlatent_avg")) {
        snprintf(n->name, sizeof n->name, "mapping.w_avg");
        shape(n->to, 0, 1, ATL_CHANGE_NONE);
        return n->to->buffer = true;
    }
    if (!n->net->generator && !strncmp(path, "Output/", 7))
        return name_dense(n, "b4.out", path + 7);
    if (!n->net->generator && name_mapping(n, path))
        return true;
    return name_synthesis(n, path);
}

// ---- values

static atl_status collect_part(atl_ckpt *ckpt, const atl_tf_net *net, const atl_object *object,
                               const char *component, atl_ckpt_sources *sources) {
    const atl_object *all = atl_object_get(object, "variables");
    for (size_t i = 0; all && all->type == ATL_OBJECT_LIST && i < all->size; i++) {
        const atl_object *pair = all->u.items[i];
        bool good = (pair->type == ATL_OBJECT_TUPLE || pair->type == ATL_OBJECT_LIST) && pair->size == 2;
        const char *path = good ? atl_object_text(pair->u.items[0], &ckpt->arena) : NULL;
        if (!path)
            return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                            "%s: variable %zu of a network has no name; the file is damaged", ckpt->path, i);
        atl_ckpt_source s = { .value = pair->u.items[1] };
        naming n = { .net = net, .to = &s };
        s.from = atl_arena_printf(&ckpt->arena, "%s%s", component, path);
        if (!s.from)
            return ATL_NO_MEMORY;
        if (!name_variable(&n, component, path)) {
            if (strcmp(path, "lod") != 0) // the config has it
                ATL_TRY(atl_ckpt_leave(ckpt, s.from));
            continue;
        }
        s.name = n.name;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return ATL_OK;
}

// Options and components that nothing here knows.
static atl_status leave_unknown(atl_ckpt *ckpt, const atl_tf_net *net) {
    const atl_object *parts = atl_object_get(net->object, "components");
    for (size_t i = 0; parts && parts->type == ATL_OBJECT_DICT && i < parts->size; i++) {
        const char *name = atl_object_text(parts->u.items[2 * i], &ckpt->arena);
        if (name && (!strcmp(name, "synthesis") || !strcmp(name, "mapping")))
            continue;
        ATL_TRY(atl_ckpt_leave(ckpt, atl_arena_printf(&ckpt->arena, "the component %s", name ? name : "?")));
    }
    for (size_t i = 0; i < net->unknown_size; i++)
        ATL_TRY(atl_ckpt_leave(ckpt, net->unknown[i]));
    return ATL_OK;
}

static atl_status collect(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *sources) {
    const atl_tf_net *net = network;
    const atl_object *parts = atl_object_get(net->object, "components");
    const atl_object *synthesis = atl_object_get(parts, "synthesis"),
                     *mapping = atl_object_get(parts, "mapping");
    ATL_TRY(collect_part(ckpt, net, net->object, "", sources));
    if (synthesis)
        ATL_TRY(collect_part(ckpt, net, synthesis, "synthesis/", sources));
    if (mapping)
        ATL_TRY(collect_part(ckpt, net, mapping, "mapping/", sources));
    return leave_unknown(ckpt, net);
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_tf = {
    "pickle of the TensorFlow generation (ProGAN, StyleGAN, StyleGAN2)", probe, open_tf, load,
    { ".pkl", "ProGAN, StyleGAN, StyleGAN2 and StyleGAN2-ADA for TensorFlow",
      "G, D and Gs with options and level of detail; the Python source inside is never run" },
};
