// SPDX-License-Identifier: Apache-2.0
// Files of SAGAN, BigGAN and BigGAN-deep in two layouts: state dicts of their PyTorch form (G.pth, G_ema.pth,
// D.pth; what was converted from TensorFlow Hub is written so, too), and BigGAN-deep of
// pytorch_pretrained_biggan. Neither says its options: all follow from which tensors there are and from their
// shapes.
//
//     embeddings.weight [128, classes]          shared.weight [classes, 128]
//     generator.gen_z.weight_orig               linear.weight_orig
//     generator.layers.3.bn_0.scale.weight_u    blocks.3.0.bn1.gain.weight_u
//     generator.layers.8.snconv1x1_phi          blocks.7.1.phi             (attention is counted as a layer)
//     generator.bn.running_means                output_layer.0.stored_mean
#include "base/names.h"
#include "ckpt/find.h"
#include "ckpt/mapped.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 200, BLOCKS_MOST = 64 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_BIGGAN | 1u << ATL_FOUND_BIGGAN_D |
                                    1u << ATL_FOUND_PRETRAINED_BIGGAN);
}

// ---- blocks

typedef struct block {
    int64_t in, out;
    bool resamples, attends;
} block;

typedef struct blocks {
    int size, stages; // stages: of a deep discriminator
    block list[BLOCKS_MOST];
} blocks;

static void add(blocks *b, block one) {
    if (b->size < BLOCKS_MOST)
        b->list[b->size++] = one;
}

// How many blocks of the deep form share a resolution: channels change first in the last block of the second
// one.
static int depth_of(const blocks *b) {
    for (int i = 0; i < b->size; i++)
        if (b->list[i].in != b->list[i].out)
            return (i + 1) / 2 > 0 ? (i + 1) / 2 : 1;
    return b->size % 3 ? 1 : b->size / 3; // 32x32: all have the same number
}

static void find_generator_blocks(const atl_found *f, bool deep, blocks *b) {
    const char *out = deep ? "blocks.%d.0.conv4.weight" : "blocks.%d.0.conv1.weight";
    for (int i = 0; i < BLOCKS_MOST && atl_found_tensor(f, "blocks.%d.0.conv1.weight", i); i++)
        add(b, (block){ atl_found_dim(f, 1, "blocks.%d.0.conv1.weight", i), atl_found_dim(f, 0, out, i), true,
                        atl_found_tensor(f, "blocks.%d.1.gamma", i) != NULL });
    int depth = deep ? depth_of(b) : 1;
    for (int i = 0; i < b->size; i++)
        b->list[i].resamples = i % depth == depth - 1;
}

static void find_pretrained_blocks(const atl_found *f, blocks *b) {
    for (int k = 0; k < BLOCKS_MOST; k++) {
        if (atl_found_tensor(f, "generator.layers.%d.gamma", k) && b->size)
            b->list[b->size - 1].attends = true;
        else if (atl_found_tensor(f, "generator.layers.%d.conv_0.weight_orig", k))
            add(b, (block){ atl_found_dim(f, 1, "generator.layers.%d.conv_0.weight_orig", k),
                            atl_found_dim(f, 0, "generator.layers.%d.conv_3.weight_orig", k),
                            b->size % 2 == 1, false });
        else
            break;
    }
}

// The last block of the plain form never halves, of the others those with a shortcut of their own do.
static void find_plain_critic(const atl_found *f, blocks *b) {
    for (int i = 0; i < BLOCKS_MOST && atl_found_tensor(f, "blocks.%d.0.conv1.weight", i); i++)
        add(b, (block){ atl_found_dim(f, 1, "blocks.%d.0.conv1.weight", i),
                        atl_found_dim(f, 0, "blocks.%d.0.conv2.weight", i),
                        atl_found_tensor(f, "blocks.%d.0.conv_sc.weight", i) != NULL,
                        atl_found_tensor(f, "blocks.%d.1.gamma", i) != NULL });
    if (b->size)
        b->list[b->size - 1].resamples = false;
}

static void find_deep_critic(const atl_found *f, blocks *b) {
    for (; b->stages < BLOCKS_MOST && atl_found_tensor(f, "blocks.%d.0.conv1.weight", b->stages); b->stages++)
        for (int d = 0; d < BLOCKS_MOST && atl_found_tensor(f, "blocks.%d.%d.conv1.weight", b->stages, d);
             d++)
            add(b, (block){ atl_found_dim(f, 1, "blocks.%d.%d.conv1.weight", b->stages, d),
                            atl_found_dim(f, 0, "blocks.%d.%d.conv4.weight", b->stages, d), d == 0,
                            atl_found_tensor(f, "blocks.%d.%d.gamma", b->stages, d + 1) != NULL });
}

static int halvings(const blocks *b) {
    int times = 0;
    for (int i = 0; i < b->size; i++)
        times += b->list[i].resamples;
    return times < 12 ? times : 12;
}

static json_t *list_of(atl_json *j, const blocks *b) {
    json_t *list = atl_json_list(j);
    for (int i = 0; i < b->size; i++) {
        const block *one = &b->list[i];
        atl_json_add(
            j, list,
            json_pack("[I,I,b,b]", (json_int_t)one->in, (json_int_t)one->out, one->resamples, one->attends));
    }
    return list;
}

// ---- configs

// Takes `config`, also on failure.
static atl_status add_network(atl_ckpt *ckpt, const atl_found *f, const char *kind, json_t *config,
                              const blocks *b) {
    static const char *const assumed[] = { "bn_eps", "sn_eps" };
    atl_json j = { .ctx = ckpt->ctx };
    json_t *list = list_of(&j, b);
    if (config)
        atl_json_set(&j, config, "blocks", list);
    else
        json_decref(list);
    atl_status status = atl_json_check(&j, "a network's config");
    if (status != ATL_OK) {
        json_decref(config);
        return status;
    }
    ATL_TRY(atl_ckpt_add(ckpt, f->key, kind, config, b->size ? NULL : "it has no blocks", f));
    bool generator = f->kind == ATL_FOUND_BIGGAN;
    return generator ? atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, 2) : ATL_OK;
}

// Networks of TensorFlow Hub have another epsilon.  They are told by what nobody else trained: 512x512, and
// 256x256 with attention at 128x128.
static double bn_eps_of(const blocks *b) {
    int times = halvings(b);
    return times == 7 || (times == 6 && b->size == 6 && b->list[4].attends) ? 1e-4 : 1e-5;
}

static atl_status add_generator(atl_ckpt *ckpt, const atl_found *f) {
    blocks b = { 0 };
    bool deep = atl_found_tensor(f, "blocks.0.0.conv4.weight") != NULL;
    bool shared = atl_found_tensor(f, "blocks.0.0.bn1.gain.u0") != NULL;
    find_generator_blocks(f, deep, &b);
    int64_t told = atl_found_dim(f, 1, "blocks.0.0.bn1.gain.weight"),
            row = atl_found_dim(f, 1, "shared.weight");
    int64_t classes =
        shared ? atl_found_dim(f, 0, "shared.weight") : atl_found_dim(f, 0, "blocks.0.0.bn1.gain.weight");
    int64_t first = atl_found_dim(f, 1, "linear.weight");
    bool hierarchical = shared && told > row;
    int64_t z = !hierarchical ? first : deep ? first - row : first < 1 << 16 ? first * (b.size + 1) : first;
    double eps = bn_eps_of(&b);
    json_t *config = json_pack(
        "{s:I s:I s:I s:i s:I s:b s:b s:f s:f}", "z_dim", (json_int_t)z, "c_dim", (json_int_t)classes,
        "shared_dim", (json_int_t)(shared ? row : 0), "img_resolution", 4 << halvings(&b), "img_channels",
        (json_int_t)atl_found_dim(f, 0, "output_layer.2.bias"), "deep", deep, "hierarchical", hierarchical,
        "bn_eps", eps, "sn_eps", eps > 2e-5 ? eps : 1e-8);
    return add_network(ckpt, f, "biggan_generator", config, &b);
}

static atl_status add_pretrained(atl_ckpt *ckpt, const atl_found *f) {
    blocks b = { 0 };
    find_pretrained_blocks(f, &b);
    int64_t row = atl_found_dim(f, 0, "embeddings.weight"),
            classes = atl_found_dim(f, 1, "embeddings.weight");
    int64_t statistics = atl_found_dim(f, 0, "generator.bn.running_means");
    json_t *config =
        json_pack("{s:I s:I s:I s:i s:i s:b s:b s:b s:b s:b s:I s:f}", "z_dim",
                  (json_int_t)(atl_found_dim(f, 1, "generator.gen_z.weight_orig") - row), "c_dim",
                  (json_int_t)classes, "shared_dim", (json_int_t)row, "img_resolution", 4 << halvings(&b),
                  "img_channels", 3, "deep", 1, "hierarchical", 1, "z_first", 1, "first_hwc", 1,
                  "both_vectors", 1, "statistics", (json_int_t)statistics, "bn_eps", 1e-4);
    return add_network(ckpt, f, "biggan_generator", config, &b);
}

static atl_status add_discriminator(atl_ckpt *ckpt, const atl_found *f) {
    blocks b = { 0 };
    bool deep = atl_found_tensor(f, "input_conv.weight") != NULL;
    if (deep)
        find_deep_critic(f, &b);
    else
        find_plain_critic(f, &b);
    const char *first = deep ? "input_conv.weight" : "blocks.0.0.conv1.weight";
    int side = !deep && b.size == 4 ? 8 : 4; // pictures of 32x32 are halved twice only
    json_t *config =
        json_pack("{s:I s:i s:I s:b s:f}", "c_dim", (json_int_t)atl_found_dim(f, 0, "embed.weight"),
                  "img_resolution", side << halvings(&b), "img_channels",
                  (json_int_t)atl_found_dim(f, 1, "%s", first), "deep", deep, "sn_eps", 1e-8);
    return add_network(ckpt, f, "biggan_discriminator", config, &b);
}

static atl_status open_biggan(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind == ATL_FOUND_BIGGAN)
            ATL_TRY(add_generator(ckpt, f));
        else if (f->kind == ATL_FOUND_PRETRAINED_BIGGAN)
            ATL_TRY(add_pretrained(ckpt, f));
        else if (f->kind == ATL_FOUND_BIGGAN_D)
            ATL_TRY(add_discriminator(ckpt, f));
    }
    return ATL_OK;
}

// ---- names of pytorch_pretrained_biggan

// The block before layer k, and whether the layer is attention.
static int block_before(const atl_found *f, int k, bool *attention) {
    int before = -1;
    for (int i = 0; i < k; i++)
        before += !atl_found_tensor(f, "generator.layers.%d.gamma", i);
    *attention = atl_found_tensor(f, "generator.layers.%d.gamma", k) != NULL;
    return before;
}

// Ends of names that differ; a longer one comes first.
static const struct {
    const char *theirs, *ours;
} PARTS[] = {
    { "snconv1x1_o_conv.", "o." },
    { "snconv1x1_theta.", "theta." },
    { "snconv1x1_phi.", "phi." },
    { "snconv1x1_g.", "g." },
    { "running_means", "stored_mean" },
    { "running_vars", "stored_var" },
    { "scale.", "gain." },
    { "offset.", "bias." },
};

static void translate(const char *path, char out[NAME_MOST]) {
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        size_t n = strlen(PARTS[i].theirs);
        if (!strncmp(path, PARTS[i].theirs, n)) {
            snprintf(out, NAME_MOST, "%s%.100s", PARTS[i].ours, path + n);
            return;
        }
    }
    snprintf(out, NAME_MOST, "%.100s", path);
}

static bool name_pretrained(const atl_found *f, const char *path, char name[2 * NAME_MOST]) {
    char leaf[NAME_MOST], word[8] = "";
    int k, j, used = 0;
    if (!strncmp(path, "generator.gen_z.", 16)) {
        snprintf(name, 2 * NAME_MOST, "linear.%.100s", path + 16);
        return true;
    }
    if (!strncmp(path, "generator.conv_to_rgb.", 22)) {
        snprintf(name, 2 * NAME_MOST, "output_layer.2.%.100s", path + 22);
        return true;
    }
    if (!strncmp(path, "generator.bn.", 13)) {
        translate(path + 13, leaf);
        snprintf(name, 2 * NAME_MOST, "output_layer.0.%s", strcmp(leaf, "weight") ? leaf : "gain");
        return true;
    }
    if (sscanf(path, "generator.layers.%d.%n", &k, &used) != 1 || !used || k < 0 || k >= BLOCKS_MOST)
        return false;
    bool attention;
    int before = block_before(f, k, &attention);
    path += used;
    if (attention) {
        translate(path, leaf);
        snprintf(name, 2 * NAME_MOST, "blocks.%d.1.%s", before, leaf);
        return before >= 0;
    }
    used = 0;
    if (sscanf(path, "%4[a-z]_%d.%n", word, &j, &used) != 2 || !used || j < 0 || j > 3)
        return false;
    translate(path + used, leaf);
    snprintf(name, 2 * NAME_MOST, "blocks.%d.0.%s%d.%s", before + 1, word, j + 1, leaf);
    return true;
}

// ---- values

// Estimates that are only looked at, and counters of training.
static bool is_harmless(const char *name) {
    return atl_ends_in(name, ".sv0") || atl_ends_in(name, ".accumulation_counter") ||
           atl_ends_in(name, ".num_batches_tracked");
}

static bool is_buffer(const char *name) {
    return atl_ends_in(name, ".u0") || atl_ends_in(name, ".stored_mean") ||
           atl_ends_in(name, ".stored_var") || atl_ends_in(name, ".weight_u") ||
           atl_ends_in(name, ".weight_v");
}

static atl_status collect(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *sources) {
    const atl_found *f = network;
    const atl_object *dict = f->names.dict;
    for (size_t i = 0; i < dict->size; i++) {
        const char *path = atl_found_name(ckpt, f, i);
        atl_ckpt_source s = { .value = dict->u.items[2 * i + 1], .from = path };
        char name[2 * NAME_MOST];
        if (!path || s.value->type != ATL_OBJECT_TENSOR || is_harmless(path))
            continue;
        s.rank = s.value->u.tensor->rank;
        snprintf(name, sizeof name, "%.*s", NAME_MOST, path);
        if (f->kind == ATL_FOUND_PRETRAINED_BIGGAN && !strcmp(path, "embeddings.weight")) {
            snprintf(name, sizeof name, "shared.weight");
            s.rank = 2;
            s.change = ATL_CHANGE_TRANSPOSE;
        } else if (f->kind == ATL_FOUND_PRETRAINED_BIGGAN && !name_pretrained(f, path, name)) {
            ATL_TRY(atl_ckpt_leave(ckpt, path));
            continue;
        }
        if (atl_ends_in(name, ".gamma"))
            s.rank = 0;
        s.name = name;
        s.buffer = is_buffer(name);
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_biggan = {
    "torch file of SAGAN, BigGAN or BigGAN-deep",
    probe,
    open_biggan,
    load,
    { ".pth, .bin, .safetensors",
      "BigGAN's PyTorch form and its converter of TensorFlow Hub's files; pytorch_pretrained_biggan",
      "generators and discriminators, by the names and shapes of their tensors; optimisers are passed over" },
};
