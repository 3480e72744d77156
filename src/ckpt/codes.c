// SPDX-License-Identifier: Apache-2.0
// Files of VQ-GAN and of the transformer over its codes (taming-transformers), of ViT-VQGAN
// (enhancing-transformers), and of VQ-VAE and its PixelCNN (vqvae.c).  A file of a transformer holds the
// first stage, too, and what makes codes of its conditions: "first_stage_model.", "cond_stage_model.",
// "transformer.".
//
// Sizes follow from shapes.  What does not is beside the file, in its YAML (yaml.c): how many heads the
// transformer has, and the pictures' size.
#include "base/names.h"
#include "ckpt/codes.h"
#include "ckpt/mapped.h"
#include "ckpt/yaml.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

enum { LEVELS_MOST = 16, SIDE = 256, ORDER_MOST = 1 << 15 };

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_VQGAN | 1u << ATL_FOUND_PATCH_D | 1u << ATL_FOUND_VIT_VQGAN |
                                    1u << ATL_FOUND_CODES_GPT | 1u << ATL_FOUND_VIT_GPT |
                                    1u << ATL_FOUND_VQVAE | 1u << ATL_FOUND_VQVAE2 | 1u << ATL_FOUND_PIXELCNN);
}

// ---- VQ-GAN

static json_t *levels_of(atl_json *j, const atl_found *f) {
    json_t *list = atl_json_list(j);
    for (int l = 0; l < LEVELS_MOST && atl_found_tensor(f, "encoder.down.%d.block.0.conv1.weight", l); l++)
        atl_json_add(j, list,
                     json_pack("[I,b]",
                               (json_int_t)atl_found_dim(f, 0, "encoder.down.%d.block.0.conv1.weight", l),
                               atl_found_tensor(f, "encoder.down.%d.attn.0.q.weight", l) != NULL));
    return list;
}

static const char *why_not(const atl_found *f) {
    if (!atl_found_tensor(f, "quantize.embedding.weight") && !atl_found_tensor(f, "quantize.embed.weight"))
        return "it has no codebook (quantize.embedding.weight): it is another kind of autoencoder";
    if (atl_found_dim(f, 1, "encoder.conv_in.weight") != atl_found_dim(f, 0, "decoder.conv_out.weight"))
        return "its pictures have other channels than what it makes of them";
    return NULL;
}

static atl_status add_vqgan(atl_ckpt *ckpt, const atl_found *f) {
    atl_json j = { .ctx = ckpt->ctx };
    bool gumbel = atl_found_tensor(f, "quantize.embed.weight") != NULL;
    const char *book = gumbel ? "quantize.embed.weight" : "quantize.embedding.weight";
    int blocks = 0;
    while (blocks < LEVELS_MOST && atl_found_tensor(f, "encoder.down.0.block.%d.conv1.weight", blocks))
        blocks++;
    json_int_t side = atl_yaml_int(ckpt, f->key, "resolution", SIDE);
    json_t *config = json_pack("{s:I s:I s:I s:I s:I s:I s:b s:I s:i s:o*}", "height", side, "width", side,
                               "img_channels", (json_int_t)atl_found_dim(f, 0, "decoder.conv_out.weight"),
                               "z_channels", (json_int_t)atl_found_dim(f, 1, "decoder.conv_in.weight"),
                               "embed_dim", (json_int_t)atl_found_dim(f, 1, "%s", book), "n_embed",
                               (json_int_t)atl_found_dim(f, 0, "%s", book), "gumbel", gumbel, "ch",
                               (json_int_t)atl_found_dim(f, 0, "encoder.conv_in.weight"), "num_res_blocks",
                               blocks, "levels", levels_of(&j, f));
    atl_status status = atl_json_check(&j, "a network's config");
    if (status == ATL_OK)
        status = atl_yaml_check(ckpt, f->key, config);
    if (status != ATL_OK) {
        json_decref(config);
        return status;
    }
    return atl_ckpt_add(ckpt, f->key, "vqgan", config, why_not(f), f);
}

// The layers of its discriminator are counted by their convolutions.
static atl_status add_critic(atl_ckpt *ckpt, const atl_found *f) {
    int layers = 0;
    while (layers < LEVELS_MOST && atl_found_tensor(f, "discriminator.main.%d.weight", 3 * layers + 5))
        layers++;
    json_int_t side = atl_yaml_int(ckpt, "vqgan", "resolution", SIDE);
    json_t *config =
        json_pack("{s:I s:I s:I s:I s:i}", "height", side, "width", side, "img_channels",
                  (json_int_t)atl_found_dim(f, 1, "discriminator.main.0.weight"), "ndf",
                  (json_int_t)atl_found_dim(f, 0, "discriminator.main.0.weight"), "n_layers", layers);
    return atl_ckpt_add(ckpt, f->key, "patch_discriminator", config, NULL, f);
}

// ---- ViT-VQGAN

// "encoder" or "decoder"; *heads as its makers have them, 64 channels each.
static json_t *tower_of(const atl_found *f, const char *name, int64_t *heads) {
    int depth = 0;
    while (depth < 1 << 8 && atl_found_tensor(f, "%s.transformer.layers.%d.0.norm.weight", name, depth))
        depth++;
    int64_t rows = atl_found_dim(f, 0, "%s.transformer.layers.0.0.fn.to_qkv.weight", name);
    *heads = rows % 192 ? 1 : rows / 192;
    return json_pack("{s:I s:i s:I s:I s:b}", "dim",
                     (json_int_t)atl_found_dim(f, 0, "%s.transformer.layers.0.0.norm.weight", name), "depth",
                     depth, "mlp_dim",
                     (json_int_t)atl_found_dim(f, 0, "%s.transformer.layers.0.1.fn.net.0.weight", name),
                     "inner", (json_int_t)(rows / 3), "out",
                     atl_found_tensor(f, "%s.transformer.layers.0.0.fn.to_out.weight", name) != NULL);
}

// The patches of a square picture say its size.  The rest of what tensors don't say is in the YAML, or as its
// makers have it: heads of 64 channels, directions compared, one code for a patch.
static atl_status add_vit(atl_ckpt *ckpt, const atl_found *f) {
    static const char *const assumed[] = { "encoder_heads", "decoder_heads", "use_norm", "num_quantizers" };
    int64_t patches = atl_found_dim(f, 1, "encoder.en_pos_embedding"), side = 1, heads[2];
    int64_t patch = atl_found_dim(f, 2, "decoder.to_pixel.1.weight");
    while (side < 1024 && side * side < patches)
        side++;
    json_t *encoder = tower_of(f, "encoder", &heads[0]), *decoder = tower_of(f, "decoder", &heads[1]);
    json_int_t said = atl_yaml_int(ckpt, f->key, "encoder.heads", 0);
    bool residual = atl_yaml_bool(ckpt, f->key, "quantizer.use_residual", false);
    json_t *config =
        json_pack("{s:I s:I s:I s:I s:I s:o s:o s:I s:I s:b s:I}", "height", (json_int_t)(side * patch),
                  "width", (json_int_t)(side * patch), "patch", (json_int_t)patch, "embed_dim",
                  (json_int_t)atl_found_dim(f, 1, "quantizer.embedding.weight"), "n_embed",
                  (json_int_t)atl_found_dim(f, 0, "quantizer.embedding.weight"), "encoder", encoder,
                  "decoder", decoder, "encoder_heads", said ? said : (json_int_t)heads[0], "decoder_heads",
                  atl_yaml_int(ckpt, f->key, "decoder.heads", (json_int_t)heads[1]), "use_norm",
                  atl_yaml_bool(ckpt, f->key, "quantizer.use_norm", true), "num_quantizers",
                  residual ? atl_yaml_int(ckpt, f->key, "quantizer.num_quantizers", 1) : 1);
    ATL_TRY(atl_ckpt_add(ckpt, f->key, "vit_vqgan", config, NULL, f));
    return said ? ATL_OK : atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, 4);
}

// ---- the transformer

// Of published ones without their YAML: 16, and 24 of the largest.
static int heads_of(int64_t width, int layers) {
    int heads = width == 1536 && layers == 48 ? 24 : 16;
    return width % heads ? 1 : heads;
}

// An order of its own, in which places of the map follow each other (taming-transformers calls it a permuter),
// into the config.  Without one they do row by row.
static atl_status add_order(atl_ckpt *ckpt, const atl_found *f, atl_json *j, json_t *config) {
    const atl_tensor *t = atl_found_beside(f, "transformer.", "permuter.forward_shuffle_idx");
    if (!t)
        return ATL_OK;
    int64_t count = atl_tensor_count(t);
    if (t->rank != 1 || count < 1 || count > ORDER_MOST)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE, "permuter.forward_shuffle_idx: expected a list of places");
    float *places = atl_alloc(ckpt->ctx, (size_t)count, sizeof *places);
    atl_status status = places ? atl_tensor_read_f32(ckpt->objects, t, places) : ATL_NO_MEMORY;
    json_t *order = atl_json_list(j);
    for (int64_t i = 0; status == ATL_OK && i < count; i++)
        atl_json_add(j, order, json_integer(places[i] >= 0 && places[i] < ORDER_MOST ? (json_int_t)places[i] : -1));
    atl_free(ckpt->ctx, places);
    atl_json_set(j, config, "order", order);
    return status == ATL_OK ? atl_json_check(j, "a network's config") : status;
}

static atl_status add_gpt(atl_ckpt *ckpt, const atl_found *f) {
    static const char *const assumed[] = { "n_head" };
    int layers = 0;
    while (layers < 1 << 10 && atl_found_tensor(f, "blocks.%d.ln1.weight", layers))
        layers++;
    int64_t width = atl_found_dim(f, 1, "tok_emb.weight");
    json_int_t heads = atl_yaml_int(ckpt, f->key, "n_head", 0),
               unmasked = atl_yaml_int(ckpt, f->key, "n_unmasked", 0);
    atl_json j = { .ctx = ckpt->ctx };
    json_t *config = json_pack("{s:I s:I s:I s:I s:i s:I s:i}", "vocab_size",
                               (json_int_t)atl_found_dim(f, 0, "tok_emb.weight"), "block_size",
                               (json_int_t)atl_found_dim(f, 1, "pos_emb"), "n_embd", (json_int_t)width,
                               "n_head", heads ? heads : (json_int_t)heads_of(width, layers), "n_layer",
                               layers, "n_unmasked", unmasked, "given", 0);
    atl_status status = add_order(ckpt, f, &j, config);
    if (status == ATL_OK)
        status = atl_yaml_check(ckpt, f->key, config);
    if (status != ATL_OK) {
        json_decref(config);
        return status;
    }
    ATL_TRY(atl_ckpt_add(ckpt, f->key, "codes_gpt", config, NULL, f));
    return heads ? ATL_OK : atl_ckpt_note_assumed(ckpt, ckpt->size - 1, assumed, 1);
}

// Heads of 64 channels, where nothing says how many there are.
static json_int_t heads_of_64(const atl_ckpt *ckpt, const char *name, int64_t width, bool *assumed) {
    json_int_t said = atl_yaml_int(ckpt, "transformer", name, 0);
    *assumed = !said;
    return said ? said : width % 64 ? 1 : (json_int_t)(width / 64);
}

static int layers_of(const atl_found *f, const char *scope) {
    int layers = 0;
    while (layers < 1 << 10 && atl_found_tensor(f, "%s.%d.ln1.weight", scope, layers))
        layers++;
    return layers;
}

// One over positions, or with a second one over the codes of each.
static atl_status add_vit_gpt(atl_ckpt *ckpt, const atl_found *f) {
    static const char *const one[] = { "n_heads" }, *const two[] = { "spatial_n_heads", "depth_n_heads" };
    bool deep = atl_found_tensor(f, "pos_emb_depth") != NULL, assumed, assumed_too = false;
    int64_t width = atl_found_dim(f, 1, "tok_emb_code.weight");
    const char *first = deep ? "spatial_transformer" : "blocks";
    json_t *config =
        json_pack("{s:I s:I s:I s:I s:I s:b s:b s:b s:I s:i}", "vocab_cond_size",
                  (json_int_t)atl_found_dim(f, 0, "tok_emb_cond.weight"), "vocab_img_size",
                  (json_int_t)atl_found_dim(f, 0, "tok_emb_code.weight"), "embed_dim", (json_int_t)width,
                  "cond_num_tokens", (json_int_t)atl_found_dim(f, 1, "pos_emb_cond"), "img_num_tokens",
                  (json_int_t)atl_found_dim(f, 1, "pos_emb_code"), "attn_bias",
                  atl_found_tensor(f, "%s.0.attn.key.bias", first) != NULL, "mlp_bias",
                  atl_found_tensor(f, "%s.0.mlp.p0.bias", first) != NULL, "cached_shift", 1,
                  deep ? "spatial_n_heads" : "n_heads",
                  heads_of_64(ckpt, deep ? "spatial_n_heads" : "n_heads", width, &assumed),
                  deep ? "spatial_n_layers" : "n_layers", layers_of(f, first));
    if (config && deep) {
        json_t *rest = json_pack("{s:I s:I s:i}", "depth_num_tokens",
                                 (json_int_t)atl_found_dim(f, 1, "pos_emb_depth") + 1, "depth_n_heads",
                                 heads_of_64(ckpt, "depth_n_heads", width, &assumed_too), "depth_n_layers",
                                 layers_of(f, "depth_transformer"));
        if (!rest || json_object_update(config, rest)) {
            json_decref(config);
            config = NULL;
        }
        json_decref(rest);
    }
    atl_status status = atl_yaml_check(ckpt, f->key, config);
    if (status != ATL_OK) {
        json_decref(config);
        return status;
    }
    ATL_TRY(atl_ckpt_add(ckpt, f->key, deep ? "rq_transformer" : "vit_gpt", config, NULL, f));
    if (!assumed && !assumed_too)
        return ATL_OK;
    return atl_ckpt_note_assumed(ckpt, ckpt->size - 1, deep ? two : one, deep ? 2 : 1);
}

static atl_status open_codes(atl_ckpt *ckpt) {
    ATL_TRY(atl_yaml_open(ckpt));
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *f = &ckpt->found[i];
        if (f->kind == ATL_FOUND_VQGAN)
            ATL_TRY(add_vqgan(ckpt, f));
        else if (f->kind == ATL_FOUND_PATCH_D)
            ATL_TRY(add_critic(ckpt, f));
        else if (f->kind == ATL_FOUND_VIT_VQGAN)
            ATL_TRY(add_vit(ckpt, f));
        else if (f->kind == ATL_FOUND_CODES_GPT)
            ATL_TRY(add_gpt(ckpt, f));
        else if (f->kind == ATL_FOUND_VIT_GPT)
            ATL_TRY(add_vit_gpt(ckpt, f));
        else if (f->kind == ATL_FOUND_VQVAE || f->kind == ATL_FOUND_VQVAE2)
            ATL_TRY(atl_ckpt_add_vqvae(ckpt, f));
        else if (f->kind == ATL_FOUND_PIXELCNN)
            ATL_TRY(atl_ckpt_add_pixelcnn(ckpt, f));
    }
    return ATL_OK;
}

// ---- values

// Losses, what training keeps of the codebook, which VQ-VAE goes on with, and masks that follow from the
// config.
static bool is_harmless(const atl_found *f, const char *name) {
    bool means = f->kind == ATL_FOUND_VQVAE || f->kind == ATL_FOUND_VQVAE2;
    return !strncmp(name, "loss.", 5) || (atl_ends_in(name, ".cluster_size") && !means) ||
           (atl_ends_in(name, ".embed_avg") && !means) || atl_ends_in(name, ".attn.mask") ||
           atl_ends_in(name, ".num_batches_tracked") || !strncmp(name, "colorize", 8);
}

// The names of the networks that stand beside one whose own names have no prefix.
static bool is_of_another(const atl_found *f, const char *name) {
    return !f->prefix[0] &&
           (!strncmp(name, "first_stage_model.", 18) || !strncmp(name, "cond_stage_model.", 17) ||
            !strncmp(name, "stage1_model.", 13) || !strncmp(name, "cond_model.", 11) ||
            !strncmp(name, "transformer.", 12) || !strncmp(name, "permuter.", 9));
}

static atl_status collect(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *sources) {
    const atl_found *f = network;
    const atl_object *dict = f->names.dict;
    for (size_t i = 0; i < dict->size; i++) {
        const char *path = atl_found_name(ckpt, f, i);
        atl_ckpt_source s = { .value = dict->u.items[2 * i + 1], .from = path, .name = path };
        bool ours = f->kind != ATL_FOUND_PATCH_D || (path && !strncmp(path, "discriminator.main.", 19));
        if (!path || s.value->type != ATL_OBJECT_TENSOR || is_harmless(f, path) || is_of_another(f, path) ||
            !ours)
            continue;
        s.rank = s.value->u.tensor->rank;
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &s));
    }
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_codes = {
    "torch file of VQ-GAN, ViT-VQGAN, VQ-VAE or their transformers",
    probe,
    open_codes,
    load,
    { ".ckpt, .pt, .safetensors", "taming-transformers, enhancing-transformers, vq-vae-2-pytorch",
      "encoder, codebook and decoder; the transformer; losses are passed over; options of a YAML beside the "
      "file" },
};
