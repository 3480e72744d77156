// SPDX-License-Identifier: Apache-2.0
// VGG16, AlexNet and SqueezeNet 1.1 as torchvision has them, alone or inside LPIPS, and the heads of LPIPS.
// Layers are looked for under these names, behind any prefix (N: the number in torchvision's list of layers,
// K: the tap):
//
//     features.N.weight   net.layers.N.weight   net.sliceK.N.weight   conv4_2/weight (VGG16)
//     linK.model.1.weight   lins.K.model.1.weight   lin.K.1.weight   lpipsK...
//
// A VGG16 whose layers have other names is known by the order and the shapes of its thirteen convolutions.
#include "ckpt/detector.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LAYERS_MOST = 32, TAPS_MOST = 7, NAME_MOST = 200, DENSE = 3, CLASSES = 1000, SLICES = 7 };

typedef struct layer {
    int at;           // number in the list
    const char *part; // of a layer that has several: "squeeze"
    int in, out, kernel;
} layer;

typedef struct backbone {
    const char *key, *kind, *net; // net: as LPIPS calls it
    int taps, channels[TAPS_MOST];
    layer layers[LAYERS_MOST];
} backbone;

// clang-format off
static const backbone VGG = { "vgg16", "vgg16", "vgg", 5, { 64, 128, 256, 512, 512 }, {
    { 0, "", 3, 64, 3 },     { 2, "", 64, 64, 3 },
    { 5, "", 64, 128, 3 },   { 7, "", 128, 128, 3 },
    { 10, "", 128, 256, 3 }, { 12, "", 256, 256, 3 }, { 14, "", 256, 256, 3 },
    { 17, "", 256, 512, 3 }, { 19, "", 512, 512, 3 }, { 21, "", 512, 512, 3 },
    { 24, "", 512, 512, 3 }, { 26, "", 512, 512, 3 }, { 28, "", 512, 512, 3 } } };
static const char *const VGG_NAMES[] = {
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3",
    "conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3" };
static const backbone ALEX = { "alexnet", "alexnet", "alex", 5, { 64, 192, 384, 256, 256 }, {
    { 0, "", 3, 64, 11 }, { 3, "", 64, 192, 5 }, { 6, "", 192, 384, 3 }, { 8, "", 384, 256, 3 },
    { 10, "", 256, 256, 3 } } };
#define FIRE(at, in, narrow, wide) \
    { at, "_squeeze", in, narrow, 1 }, { at, "_expand1x1", narrow, wide, 1 }, { at, "_expand3x3", narrow, wide, 3 }
static const backbone SQUEEZE = { "squeezenet", "squeezenet", "squeeze", 7, { 64, 128, 256, 384, 384, 512, 512 }, {
    { 0, "", 3, 64, 3 }, FIRE(3, 64, 16, 64), FIRE(4, 128, 16, 64), FIRE(6, 128, 32, 128), FIRE(7, 256, 32, 128),
    FIRE(9, 256, 48, 192), FIRE(10, 384, 48, 192), FIRE(11, 384, 64, 256), FIRE(12, 512, 64, 256) } };
// clang-format on

static const backbone *const BACKBONES[] = { &VGG, &ALEX, &SQUEEZE };

static size_t count_layers(const backbone *b) {
    size_t count = 0;
    while (count < LAYERS_MOST && b->layers[count].out)
        count++;
    return count;
}

// Where a file has the two parameters of each layer.
typedef struct trunk {
    const backbone *b;
    const atl_object *weight[LAYERS_MOST], *bias[LAYERS_MOST];
    const atl_object *dense[DENSE], *dense_bias[DENSE]; // of VGG16's classifier; NULL: not there
} trunk;

// ---- by name

// Of a layer's weight and bias, without the prefix.
static const atl_object *named(const atl_flat *f, const char *prefix, const backbone *b, size_t i,
                               const char *leaf) {
    static const char *const lists[] = { "features", "layers" };
    const layer *l = &b->layers[i];
    const atl_object *value = NULL;
    for (size_t k = 0; k < sizeof lists / sizeof *lists && !value; k++)
        value = atl_flat_find(f, "%s%s_%d%s_%s", prefix, lists[k], l->at, l->part, leaf);
    for (int k = 1; k <= SLICES && !value; k++)
        value = atl_flat_find(f, "%sslice%d_%d%s_%s", prefix, k, l->at, l->part, leaf);
    if (!value && b == &VGG)
        value = atl_flat_find(f, "%s%s_%s", prefix, VGG_NAMES[i], leaf);
    return value;
}

static bool is_kernel(const atl_object *o, const layer *l) {
    const atl_tensor *t = o && o->type == ATL_OBJECT_TENSOR ? o->u.tensor : NULL;
    if (!t || t->rank != 4)
        return false;
    const int64_t *d = t->dims;
    bool plain = d[0] == l->out && d[1] == l->in && d[2] == l->kernel && d[3] == l->kernel;
    return plain || (d[0] == l->kernel && d[1] == l->kernel && d[2] == l->in && d[3] == l->out);
}

static bool find_named_at(const atl_flat *f, const char *prefix, const backbone *b, trunk *t) {
    size_t count = count_layers(b);
    *t = (trunk){ .b = b };
    for (size_t i = 0; i < count; i++) {
        t->weight[i] = named(f, prefix, b, i, "weight");
        t->bias[i] = named(f, prefix, b, i, "bias");
        if (!is_kernel(t->weight[i], &b->layers[i]) || !t->bias[i])
            return false;
    }
    for (int i = 0; i < DENSE && b == &VGG; i++) {
        t->dense[i] = atl_flat_find(f, "%sclassifier_%d_weight", prefix, 3 * i);
        t->dense_bias[i] = atl_flat_find(f, "%sclassifier_%d_bias", prefix, 3 * i);
    }
    return true;
}

// The prefix is what stands before the name of the first layer.
static bool find_named(const atl_flat *f, const backbone *b, trunk *t) {
    static const char *const firsts[] = { "features_0_weight", "layers_0_weight", "slice1_0_weight",
                                          "conv1_1_weight" };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        const char *prefix = atl_flat_prefix(f, firsts[i]);
        if (prefix && find_named_at(f, prefix, b, t))
            return true;
    }
    return false;
}

// ---- by order

static int rank_of(const atl_object *o) {
    return o->u.tensor->rank;
}

// The length of a name without its last part.
static size_t parent(const char *name) {
    const char *end = strrchr(name, '_');
    return end ? (size_t)(end - name) : 0;
}

// The vector beside a matrix, in the same module.
static const atl_object *beside(const atl_flat *f, size_t at) {
    const char *name = f->list[at].name;
    size_t length = parent(name);
    for (size_t i = at > 0 ? at - 1 : 0; i < f->size && i <= at + 1; i++)
        if (rank_of(f->list[i].value) == 1 && parent(f->list[i].name) == length &&
            !strncmp(f->list[i].name, name, length))
            return f->list[i].value;
    return NULL;
}

// VGG16's convolutions, and no others, one after the other; the dense layers as [out, in] alone, since in the
// other order it would not be known which pixels their columns are.
static bool find_in_order(const atl_flat *f, trunk *t) {
    size_t convolutions = 0, dense = 0;
    *t = (trunk){ .b = &VGG };
    for (size_t i = 0; i < f->size; i++) {
        const atl_object *o = f->list[i].value;
        const atl_tensor *tensor = o->u.tensor;
        if (tensor->rank == 4 && tensor->dims[2] * tensor->dims[3] > 1 && tensor->dims[1] > 1) {
            if (convolutions == count_layers(&VGG) || !is_kernel(o, &VGG.layers[convolutions]))
                return false;
            t->weight[convolutions] = o;
            t->bias[convolutions] = beside(f, i);
            if (!t->bias[convolutions++])
                return false;
        } else if (tensor->rank == 2 && tensor->dims[0] > 1 && dense < DENSE) {
            t->dense[dense] = o;
            t->dense_bias[dense++] = beside(f, i);
        }
    }
    return convolutions == count_layers(&VGG);
}

// ---- heads

static int64_t elements(const atl_object *o) {
    return atl_tensor_dtype(o->u.tensor) >= 0 ? atl_tensor_count(o->u.tensor) : 0;
}

// The tap that a name says it is the head of, or -1.
static int tap_of(const char *name) {
    static const char *const words[] = { "lins_", "lin_", "lin", "lpips_", "lpips" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(name, words[i]);
        size_t skip = strlen(words[i]);
        if (at && (at == name || at[-1] == '_') && isdigit((unsigned char)at[skip]))
            return at[skip] - '0';
    }
    return -1;
}

// The first tensor of each tap's name; a tap's channels say whose they are.
static const backbone *find_heads(const atl_flat *f, const atl_object *heads[TAPS_MOST]) {
    memset(heads, 0, TAPS_MOST * sizeof *heads);
    for (size_t i = 0; i < f->size; i++) {
        int tap = tap_of(f->list[i].name);
        if (tap >= 0 && tap < TAPS_MOST && !heads[tap])
            heads[tap] = f->list[i].value;
    }
    for (size_t k = 0; k < sizeof BACKBONES / sizeof *BACKBONES; k++) {
        const backbone *b = BACKBONES[k];
        bool same = true;
        for (int t = 0; t < TAPS_MOST; t++)
            same = same && (t < b->taps ? heads[t] && elements(heads[t]) == b->channels[t] : !heads[t]);
        if (same)
            return b;
    }
    return NULL;
}

// ---- networks

static bool put_trunk(atl_ckpt *ckpt, atl_found_detector *d, const trunk *t) {
    for (size_t i = 0; i < count_layers(t->b); i++) {
        const layer *l = &t->b->layers[i];
        char part[32] = "", name[NAME_MOST];
        if (l->part[0])
            snprintf(part, sizeof part, ".%s", l->part + 1);
        snprintf(name, sizeof name, "features.%d%s.weight", l->at, part);
        atl_wanted w = { l->out, l->in, l->kernel, l->kernel };
        if (!atl_detector_conv(ckpt, d, name, t->weight[i], w))
            return false;
        snprintf(name, sizeof name, "features.%d%s.bias", l->at, part);
        if (!atl_detector_vector(ckpt, d, name, t->bias[i], l->out, false))
            return false;
    }
    return true;
}

// The three dense layers of VGG16; false: not all are there.
static bool put_classifier(atl_ckpt *ckpt, atl_found_detector *d, const trunk *t) {
    static const int64_t sizes[DENSE + 1] = { 25088, 4096, 4096, CLASSES };
    size_t before = d->size;
    bool good = true;
    for (int i = 0; i < DENSE && good; i++) {
        char name[NAME_MOST];
        snprintf(name, sizeof name, "classifier.%d.weight", 3 * i);
        good = atl_detector_dense(ckpt, d, name, t->dense[i], sizes[i + 1], sizes[i], false);
        snprintf(name, sizeof name, "classifier.%d.bias", 3 * i);
        good = good && atl_detector_vector(ckpt, d, name, t->dense_bias[i], sizes[i + 1], false);
    }
    if (!good)
        d->size = before;
    return good;
}

static bool put_heads(atl_ckpt *ckpt, atl_found_detector *d, const backbone *b,
                      const atl_object *const *heads) {
    for (int t = 0; t < b->taps; t++) {
        char name[NAME_MOST];
        snprintf(name, sizeof name, "lin%d.model.1.weight", t);
        if (!atl_detector_vector(ckpt, d, name, heads[t], elements(heads[t]), false))
            return false;
    }
    return true;
}

static atl_status add_trunk(atl_ckpt *ckpt, const trunk *t) {
    atl_found_detector *d = atl_detector_add(ckpt, t->b->key, t->b->kind, 2 * LAYERS_MOST + 2 * DENSE);
    if (!d || !put_trunk(ckpt, d, t))
        return ATL_NO_MEMORY;
    bool classifies = t->b == &VGG && put_classifier(ckpt, d, t);
    d->config = json_pack("{s:i}", "classes", classifies ? CLASSES : 0);
    return atl_detector_done(ckpt, d);
}

static atl_status add_lpips(atl_ckpt *ckpt, const backbone *b, const trunk *t,
                            const atl_object *const *heads) {
    atl_found_detector *d = atl_detector_add(ckpt, t ? "lpips" : "heads", t ? "lpips" : "lpips_heads",
                                             2 * LAYERS_MOST + TAPS_MOST);
    if (!d || (t && !put_trunk(ckpt, d, t)) || !put_heads(ckpt, d, b, heads))
        return ATL_NO_MEMORY;
    d->config = json_pack("{s:s}", "net", b->net);
    return atl_detector_done(ckpt, d);
}

atl_status atl_find_lpips(const atl_flat *flat) {
    trunk t;
    const atl_object *heads[TAPS_MOST];
    bool found = false;
    for (size_t k = 0; k < sizeof BACKBONES / sizeof *BACKBONES && !found; k++)
        found = find_named(flat, BACKBONES[k], &t);
    found = found || find_in_order(flat, &t);
    const backbone *weighed = find_heads(flat, heads);
    if (found)
        ATL_TRY(add_trunk(flat->ckpt, &t));
    if (weighed && (!found || weighed == t.b))
        ATL_TRY(add_lpips(flat->ckpt, weighed, found ? &t : NULL, heads));
    return ATL_OK;
}
