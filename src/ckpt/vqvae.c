// SPDX-License-Identifier: Apache-2.0
// State dicts of VQ-VAE, of VQ-VAE-2 and of the gated PixelCNN over their codes.  Sizes follow from shapes;
// that of pictures and maps does not, which whoever opens the file says (--assume), and some do by what they
// are given.
#include "ckpt/codes.h"

#include <stdio.h>

enum { BLOCKS_MOST = 64, LAYERS_MOST = 256, SIDE = 256, MAP = 32 };

// ---- VQ-VAE

static int blocks_of(const atl_found *f, const char *format, int first) {
    char name[64];
    int blocks = 0;
    for (; blocks < BLOCKS_MOST; blocks++) {
        snprintf(name, sizeof name, format, first + blocks);
        if (!atl_found_tensor(f, "%s", name))
            break;
    }
    return blocks;
}

// What speaks against one of the reference's form, or NULL.
static const char *why_not_one(const atl_found *f, int blocks) {
    if (atl_found_tensor(f, "encoder.1.running_mean"))
        return "it has batch norms: it is another form of VQ-VAE than the one that is known";
    if (!atl_found_tensor(f, "embedding.weight"))
        return "it has no codebook (embedding.weight): it is another kind of autoencoder";
    if (blocks_of(f, "decoder.%d.block.1.weight", 0) != blocks)
        return "its decoder has not as many residual blocks as its encoder";
    if (!atl_found_tensor(f, "decoder.%d.weight", blocks) ||
        !atl_found_tensor(f, "decoder.%d.weight", blocks + 2))
        return "its decoder does not end in two transposed convolutions behind its residual blocks";
    return NULL;
}

static const char *why_not_two(const atl_found *f, int blocks) {
    static const struct {
        const char *format;
        int first;
    } others[] = { { "enc_t.blocks.%d.conv.1.weight", 3 },
                   { "dec_t.blocks.%d.conv.1.weight", 1 },
                   { "dec.blocks.%d.conv.1.weight", 1 } };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (blocks_of(f, others[i].format, others[i].first) != blocks)
            return "its parts have not all as many residual blocks";
    if (!atl_found_tensor(f, "quantize_b.embed") ||
        atl_found_dim(f, 1, "quantize_b.embed") != atl_found_dim(f, 1, "quantize_t.embed"))
        return "its two codebooks are not of one size";
    return NULL;
}

// Where a form's tensors say its sizes.
typedef struct form {
    const char *kind, *first, *hidden, *blocks; // blocks: the first convolution of each, by number
    int block;                                  // the first of these numbers
    const char *book;
    int codes; // the dim that counts codes; the other is what they are made of
} form;

static const form ONE = { "vqvae", "encoder.0.weight", "encoder.0.weight", "encoder.%d.block.1.weight", 4,
                          "embedding.weight", 0 },
                  TWO = { "vqvae2", "enc_b.blocks.0.weight", "enc_b.blocks.2.weight",
                          "enc_b.blocks.%d.conv.1.weight", 5, "quantize_t.embed", 1 };

atl_status atl_ckpt_add_vqvae(atl_ckpt *ckpt, const atl_found *f) {
    bool two = f->kind == ATL_FOUND_VQVAE2;
    const form *where = two ? &TWO : &ONE;
    int blocks = blocks_of(f, where->blocks, where->block);
    char narrow[64];
    snprintf(narrow, sizeof narrow, where->blocks, where->block);
    json_t *config = json_pack(
        "{s:i s:i s:i s:I s:I s:i s:I s:I s:I s:b}", "levels", two ? 2 : 1, "height", SIDE, "width", SIDE,
        "img_channels", (json_int_t)atl_found_dim(f, 1, "%s", where->first), "channel",
        (json_int_t)atl_found_dim(f, 0, "%s", where->hidden), "n_res_block", blocks, "n_res_channel",
        (json_int_t)atl_found_dim(f, 0, "%s", narrow), "embed_dim",
        (json_int_t)atl_found_dim(f, 1 - where->codes, "%s", where->book), "n_embed",
        (json_int_t)atl_found_dim(f, where->codes, "%s", where->book), "ema",
        two || atl_found_tensor(f, "embedding.embed_avg"));
    return atl_ckpt_add(ckpt, f->key, where->kind, config, two ? why_not_two(f, blocks) : why_not_one(f, blocks), f);
}

// ---- PixelCNN

// A kernel's side is that of its rows of the vertical stack.
atl_status atl_ckpt_add_pixelcnn(atl_ckpt *ckpt, const atl_found *f) {
    int layers = 0;
    while (layers < LAYERS_MOST && atl_found_tensor(f, "layers.%d.vert_stack.weight", layers))
        layers++;
    int64_t first = atl_found_dim(f, 3, "layers.0.vert_stack.weight"),
            others = layers > 1 ? atl_found_dim(f, 3, "layers.1.vert_stack.weight") : 3;
    json_t *config =
        json_pack("{s:i s:i s:I s:I s:i s:I s:I s:I s:I}", "rows", MAP, "columns", MAP, "n_embed",
                  (json_int_t)atl_found_dim(f, 0, "embedding.weight"), "dim",
                  (json_int_t)atl_found_dim(f, 1, "embedding.weight"), "n_layers", layers, "first_kernel",
                  (json_int_t)first, "kernel", (json_int_t)others, "n_classes",
                  (json_int_t)atl_found_dim(f, 0, "layers.0.class_cond_embedding.weight"), "n_above",
                  (json_int_t)atl_found_dim(f, 0, "above.weight"));
    return atl_ckpt_add(ckpt, f->key, "pixelcnn", config, NULL, f);
}
