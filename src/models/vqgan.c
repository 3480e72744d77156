// SPDX-License-Identifier: Apache-2.0
// VQ-GAN (Esser, Rombach and Ommer 2021): pictures to codes and back.  An encoder makes a map of vectors,
// each of which becomes the number of the nearest vector of a codebook (or, in the Gumbel form, of the
// largest of as many logits); a decoder makes a picture of the codebook's vectors.
//
// Codes are whole numbers, row by row; as everything in a graph they are floats.
#include <math.h>
#include <string.h>

#include "models/codes.h"
#include "models/growing.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { LEVELS_MOST = 10, BLOCKS_MOST = 16, GROUPS = 32, SIDE_MOST = 1 << 13 };

typedef struct level {
    int channels;
    bool attends; // after each of its blocks
} level;

typedef struct config {
    int height, width, channels; // of pictures; both sides are multiples of 2^(levels - 1)
    int z_channels, embed_dim;
    int n_embed; // vectors of the codebook
    bool gumbel;
    bool averages; // its vectors are running means of what is near them, not trained (van den Oord et al.
                   // 2017)
    float restart; // in training a code used less than this part of an equal share begins anew; 0: never
    int first;  // channels of the full size, before its first block
    int blocks; // of a level of the encoder; the decoder has one more
    int levels;
    level level[LEVELS_MOST];
} config;

// ---- config

static atl_status parse_levels(atl_ctx *ctx, const json_t *j, config *c) {
    const json_t *list = json_object_get(j, "levels");
    size_t size = json_array_size(list);
    if (size < 1 || size > LEVELS_MOST)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has %zu levels, where 1 to %d are possible",
                        size, LEVELS_MOST);
    c->levels = (int)size;
    for (size_t i = 0; i < size; i++) {
        const json_t *row = json_array_get(list, i), *attends = json_array_get(row, 1);
        json_int_t channels = json_integer_value(json_array_get(row, 0));
        if (json_array_size(row) != 2 || channels < 1 || channels > 1 << 14 || !json_is_boolean(attends))
            return atl_fail(ctx, ATL_BAD_FILE,
                            "the network's config has no level [channels, attends] as \"levels\"[%zu]", i);
        c->level[i] = (level){ (int)channels, json_is_true(attends) };
    }
    return ATL_OK;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .gumbel = json_is_true(json_object_get(j, "gumbel")),
                   .averages = json_is_true(json_object_get(j, "ema")) };
    ATL_TRY(atl_config_float(ctx, j, "restart", &c->restart));
    ATL_TRY(atl_config_int(ctx, j, "height", 1, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, j, "width", 1, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 1 << 10, &c->channels));
    ATL_TRY(atl_config_int(ctx, j, "z_channels", 1, 1 << 14, &c->z_channels));
    ATL_TRY(atl_config_int(ctx, j, "embed_dim", 1, 1 << 14, &c->embed_dim));
    ATL_TRY(atl_config_int(ctx, j, "n_embed", 1, 1 << 22, &c->n_embed));
    ATL_TRY(atl_config_int(ctx, j, "ch", 1, 1 << 14, &c->first));
    ATL_TRY(atl_config_int(ctx, j, "num_res_blocks", 1, BLOCKS_MOST, &c->blocks));
    ATL_TRY(parse_levels(ctx, j, c));
    int step = 1 << (c->levels - 1);
    if (c->height % step || c->width % step)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "pictures of this network have sides that %d divides, not %dx%d", step, c->width,
                        c->height);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = c->channels, .height = c->height, .width = c->width, .codes = c->n_embed };
    return ATL_OK;
}

// ---- layers

static atl_node *conv(atl_net *net, const char *scope, atl_node *x, int64_t out, int kernel) {
    const atl_conv_attr same = atl_conv_even(ATL_SLOT_Y, 1, kernel / 2);
    size_t mark = atl_scope_push(net->g, "%s", scope);
    x = atl_code_conv(net, x, out, kernel, &same);
    atl_scope_pop(net->g, mark);
    return x;
}

static atl_node *norm(atl_net *net, const char *scope, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t c = x->shape.d[3];
    size_t mark = atl_scope_push(net->g, "%s", scope);
    atl_node *scale = atl_net_param(net, "weight", ATL_SHAPE(c), ATL_INIT_FILL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(c), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(net->g, mark);
    return atl_group_norm(net->g, x, GROUPS, scale, bias, 1e-6f);
}

static atl_node *res_block(atl_net *net, atl_node *x, int64_t out) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *h = conv(net, "conv1", atl_swish(g, norm(net, "norm1", x)), out, 3);
    h = conv(net, "conv2", atl_swish(g, norm(net, "norm2", h)), out, 3);
    if (x->shape.d[3] != out)
        x = conv(net, "nin_shortcut", x, out, 1);
    return atl_named(g, atl_add(g, x, h));
}

static atl_node *attend(atl_net *net, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t c = x->shape.d[3];
    atl_node *h = norm(net, "norm", x);
    atl_node *q = atl_pixel_rows(g, conv(net, "q", h, c, 1)), *k = atl_pixel_rows(g, conv(net, "k", h, c, 1)),
             *v = atl_pixel_rows(g, conv(net, "v", h, c, 1));
    h = atl_attention(g, q, k, v, 1, 0.0f, NULL);
    if (h->op == ATL_OP_POISON)
        return h;
    h = conv(net, "proj_out", atl_reshape(g, h, x->shape), c, 1);
    return atl_named(g, atl_add(g, x, h));
}

// A block of a level, with the attention behind it.
static atl_node *level_block(atl_net *net, const level *l, int at, atl_node *x) {
    size_t mark = atl_scope_push(net->g, "block.%d", at);
    x = res_block(net, x, l->channels);
    atl_scope_pop(net->g, mark);
    mark = atl_scope_push(net->g, "attn.%d", at);
    x = l->attends ? attend(net, x) : x;
    atl_scope_pop(net->g, mark);
    return x;
}

static atl_node *middle(atl_net *net, atl_node *x) {
    static const char *const blocks[] = { "mid.block_1", "mid.attn_1", "mid.block_2" };
    for (int i = 0; i < 3 && x->op != ATL_OP_POISON; i++) {
        size_t mark = atl_scope_push(net->g, "%s", blocks[i]);
        x = i == 1 ? attend(net, x) : res_block(net, x, x->shape.d[3]);
        atl_scope_pop(net->g, mark);
    }
    return x;
}

// Halves the size: zeros stand to the right and below only.
static atl_node *down(atl_net *net, atl_node *x) {
    const atl_conv_attr half = { .slot = ATL_SLOT_Y, .sy = 2, .sx = 2, .py1 = 1, .px1 = 1, .groups = 1 };
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "downsample.conv");
    x = atl_code_conv(net, x, x->shape.d[3], 3, &half);
    atl_scope_pop(net->g, mark);
    return x;
}

static atl_node *up(atl_net *net, atl_node *x) {
    return x->op == ATL_OP_POISON ? x
                                  : conv(net, "upsample.conv", atl_nearest_up(net->g, x), x->shape.d[3], 3);
}

// img [n, h, w, c] -> [n, h', w', z_channels]
static atl_node *encoder(atl_net *net, const config *c, atl_node *x) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "encoder");
    x = conv(net, "conv_in", x, c->first, 3);
    for (int l = 0; l < c->levels; l++) {
        size_t mark = atl_scope_push(g, "down.%d", l);
        for (int i = 0; i < c->blocks; i++)
            x = level_block(net, &c->level[l], i, x);
        x = l < c->levels - 1 ? down(net, x) : x;
        atl_scope_pop(g, mark);
    }
    x = atl_swish(g, norm(net, "norm_out", middle(net, x)));
    x = conv(net, "conv_out", x, c->z_channels, 3);
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    return x;
}

// [n, h', w', z_channels] -> img
static atl_node *decoder(atl_net *net, const config *c, atl_node *x) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "decoder");
    x = middle(net, conv(net, "conv_in", x, c->level[c->levels - 1].channels, 3));
    for (int l = c->levels - 1; l >= 0; l--) {
        size_t mark = atl_scope_push(g, "up.%d", l);
        for (int i = 0; i <= c->blocks; i++)
            x = level_block(net, &c->level[l], i, x);
        x = l ? up(net, x) : x;
        atl_scope_pop(g, mark);
    }
    x = conv(net, "conv_out", atl_swish(g, norm(net, "norm_out", x)), c->channels, 3);
    atl_scope_pop(g, scope);
    return x;
}

// ---- the codebook

static atl_node *codebook(atl_net *net, const config *c) {
    const char *name = c->gumbel ? "quantize.embed.weight" : "quantize.embedding.weight";
    atl_shape shape = ATL_SHAPE(c->n_embed, c->embed_dim);
    float deviation = 1.0f / (float)c->n_embed;
    return c->averages ? atl_net_buffer(net, name, shape, ATL_INIT_NORMAL, deviation)
                       : atl_net_param(net, name, shape, ATL_INIT_NORMAL, deviation);
}

// What is largest for the code of each vector: logits, or how near the codebook's vectors are.
static atl_node *scores(atl_net *net, const config *c, atl_node *z) {
    atl_graph *g = net->g;
    if (c->gumbel)
        return atl_pixel_rows(g, conv(net, "quantize.proj", z, c->n_embed, 1));
    return atl_code_scores(g, atl_pixel_rows(g, z), codebook(net, c));
}

// codes [n, t] -> [n, h', w', embed_dim]
static atl_node *vectors(atl_net *net, const config *c, atl_node *codes) {
    atl_node *rows = atl_embedding(net->g, codebook(net, c), codes);
    int step = c->levels - 1;
    if (rows->op == ATL_OP_POISON)
        return rows;
    return atl_reshape(net->g, rows,
                       ATL_SHAPE(rows->shape.d[0], c->height >> step, c->width >> step, c->embed_dim));
}

// ---- training

// What becomes of the codebook after the vectors z of a batch, which a code each stands for.
static void follow(atl_net *net, const config *c, atl_node *z, atl_node *codes) {
    int64_t k = c->n_embed, d = c->embed_dim;
    atl_code_book b = { .book = codebook(net, c), .restart = c->restart };
    b.size = atl_net_buffer(net, "quantize.cluster_size", ATL_SHAPE(k), ATL_INIT_FILL, 1.0f);
    if (c->averages)
        b.sum = atl_net_buffer(net, "quantize.embed_avg", ATL_SHAPE(k, d), ATL_INIT_ZERO, 0.0f);
    if (!net->trains || !atl_code_follow(net->g, &b, z, codes))
        return;
    if (c->averages || c->restart > 0.0f)
        atl_code_becomes(net, "quantize.embedding.weight", b.book);
    atl_code_becomes(net, "quantize.cluster_size", b.size);
    if (c->averages)
        atl_code_becomes(net, "quantize.embed_avg", b.sum);
}

// ---- functions

// img [h, w, c] -> codes [h' w'], row by row; z [h', w', embed_dim] that they stand for, and quant, their
// vectors
static void encode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *x = encoder(net, c, atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels)));
    atl_node *z = conv(net, "quant_conv", x, c->embed_dim, 1);
    atl_node *codes = atl_position_of_largest(net->g, scores(net, c, z));
    atl_call_out(net, call, "codes", codes);
    atl_call_out(net, call, "z", z);
    atl_call_out(net, call, "quant", vectors(net, c, codes));
}

// codes [h' w'] -> img
static void decode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    int step = c->levels - 1;
    atl_node *codes =
        atl_call_in(net, call, "codes", ATL_SHAPE((int64_t)(c->height >> step) * (c->width >> step)));
    atl_node *x = conv(net, "post_quant_conv", vectors(net, c, codes), c->z_channels, 1);
    atl_call_out(net, call, "img", decoder(net, c, x));
}

// Codes that are drawn by logits [n, t, k], with noise and at a temperature that the caller says -> their
// vectors [n, h', w', embed_dim]
static atl_node *drawn(atl_net *net, const config *c, atl_call *call, atl_node *logits) {
    atl_graph *g = net->g;
    int step = c->levels - 1;
    int64_t h = c->height >> step, w = c->width >> step, k = c->n_embed;
    atl_node *noise = atl_call_in(net, call, "gumbel", ATL_SHAPE(h * w, k));
    atl_node *t = atl_call_setting(net, call, "temperature", ATL_SHAPE(1), (const float[]){ 1.0f });
    atl_node *shares = atl_code_draw(g, logits, noise, t);
    if (shares->op == ATL_OP_POISON)
        return shares;
    int64_t n = shares->shape.d[0];
    shares = atl_reshape(g, shares, ATL_SHAPE(n * h * w, k));
    return atl_reshape(g, atl_matmul(g, shares, codebook(net, c), false, false),
                       ATL_SHAPE(n, h, w, c->embed_dim));
}

// The Gumbel form: img as it is made again, codes, and "unevenness" [n], which keeps probabilities alike.
static void autoencode_drawn(atl_net *net, const config *c, atl_call *call, atl_node *z) {
    atl_graph *g = net->g;
    atl_node *logits = scores(net, c, z), *codes = atl_position_of_largest(g, logits);
    atl_node *e = net->trains ? drawn(net, c, call, logits) : vectors(net, c, codes);
    atl_call_out(net, call, "img", decoder(net, c, conv(net, "post_quant_conv", e, c->z_channels, 1)));
    atl_call_out(net, call, "codes", codes);
    atl_call_out(net, call, "unevenness", atl_code_unevenness(g, logits));
}

// img -> img as it is made again; codes [h' w']; and how far vectors are from their codes', [n]:
// "commitment", whose gradient moves the encoder, and "codebook", whose gradient moves the codebook. Decoding
// lets the picture's gradient through to the encoder as if nothing had been rounded.
static void autoencode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *x = encoder(net, c, atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels)));
    atl_node *z = conv(net, "quant_conv", x, c->embed_dim, 1);
    if (c->gumbel) {
        autoencode_drawn(net, c, call, z);
        return;
    }
    atl_node *codes = atl_position_of_largest(g, scores(net, c, z)), *e = vectors(net, c, codes);
    if (z->op == ATL_OP_POISON || e->op == ATL_OP_POISON)
        return;
    if (c->averages || c->restart > 0.0f)
        follow(net, c, z, codes);
    atl_node *rounded = atl_add(g, z, atl_held(g, atl_sub(g, e, z)));
    atl_call_out(net, call, "img", decoder(net, c, conv(net, "post_quant_conv", rounded, c->z_channels, 1)));
    atl_call_out(net, call, "codes", codes);
    atl_call_out(net, call, "commitment", atl_code_distance(g, z, atl_held(g, e)));
    atl_call_out(net, call, "codebook", atl_code_distance(g, e, atl_held(g, z)));
}

// ---- new networks

// Running means begin with what they are means of.
static atl_status finish(atl_ctx *ctx, const void *config_, atl_params *params, uint64_t seed) {
    const config *c = config_;
    (void)ctx;
    (void)seed;
    if (c->averages)
        atl_code_begin(params, "quantize.embedding.weight", "quantize.embed_avg");
    return ATL_OK;
}

// The widest is that of the published ones, 128 at full size; sizes are halved down to 16, where attention
// is.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    static const int factors[LEVELS_MOST] = { 1, 1, 2, 2, 4, 4, 4, 4, 4, 4 };
    ATL_TRY(atl_check_init(ctx, o));
    int ch = o->channel_base ? o->channel_base : 128, levels = 1;
    if (ch % GROUPS || ch > 1024)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "vqgan: a width of %d is not possible: multiples of %d up to 1024 are", ch, GROUPS);
    for (int r = o->resolution; r > (o->resolution < 128 ? 8 : 16) && levels < LEVELS_MOST; r /= 2)
        levels++;
    json_t *list = json_array();
    for (int l = 0; list && l < levels; l++)
        if (json_array_append_new(list, json_pack("[i,b]", ch * factors[l], l == levels - 1))) {
            json_decref(list);
            list = NULL;
        }
    int z = 2 * ch;
    *json = json_pack("{s:i s:i s:i s:i s:i s:i s:i s:i s:o}", "height", o->resolution, "width",
                      o->resolution, "img_channels", o->img_channels ? o->img_channels : 3, "z_channels", z,
                      "embed_dim", z, "n_embed", o->channel_max ? o->channel_max : 1024, "ch", ch,
                      "num_res_blocks", ch < 64 ? 1 : 2, "levels", list);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_vqgan = {
    .kind = "vqgan",
    .family = "vqgan",
    .role = "autoencoder",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .finish = finish,
    .functions = { { "encode", encode, false },
                   { "decode", decode, false },
                   { "autoencode", autoencode, false } },
};
