// SPDX-License-Identifier: Apache-2.0
// VQ-VAE (van den Oord et al. 2017) and VQ-VAE-2 (Razavi et al. 2019): pictures to codes and back by few
// convolutions and residual blocks.  The second has two maps of codes: of the top one, an eighth of the
// picture's sides, a decoder makes features that the bottom one, a quarter of them, is found with.
//
// Both maps are one list of codes, top first, each row by row.  Layers are numbered as their makers' lists
// are, activations included.  VQ-VAE's makers have pictures from 0 to 1; here they go from -1 to 1.
#include <math.h>

#include "models/codes.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { BLOCKS_MOST = 64, WIDTH_MOST = 1 << 14, SIDE_MOST = 1 << 13 };

typedef struct config {
    int height, width, channels; // of pictures; both sides are multiples of 4, or of 8 with two maps
    int levels;                  // maps of codes: 1, 2
    int hidden, blocks, narrow;  // channels; residual blocks of each stack, and the channels inside of them
    int embed_dim, n_embed;      // of the codebook, or of each of the two
    bool averages;               // its vectors are running means of what is near them, not trained
    float restart; // in training a code used less than this part of an equal share begins anew; 0: never
} config;

// ---- config

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .averages = json_is_true(json_object_get(j, "ema")) };
    ATL_TRY(atl_config_float(ctx, j, "restart", &c->restart));
    ATL_TRY(atl_config_int(ctx, j, "height", 1, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, j, "width", 1, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 64, &c->channels));
    ATL_TRY(atl_config_int(ctx, j, "levels", 1, 2, &c->levels));
    ATL_TRY(atl_config_int(ctx, j, "channel", 2, WIDTH_MOST, &c->hidden));
    ATL_TRY(atl_config_int(ctx, j, "n_res_block", 1, BLOCKS_MOST, &c->blocks));
    ATL_TRY(atl_config_int(ctx, j, "n_res_channel", 1, WIDTH_MOST, &c->narrow));
    ATL_TRY(atl_config_int(ctx, j, "embed_dim", 1, WIDTH_MOST, &c->embed_dim));
    ATL_TRY(atl_config_int(ctx, j, "n_embed", 1, 1 << 22, &c->n_embed));
    int step = 2 << c->levels;
    if (c->height % step || c->width % step)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "pictures of this network have sides that %d divides, not %dx%d", step, c->width,
                        c->height);
    if (c->levels == 1 && c->embed_dim != c->hidden)
        return atl_fail(ctx, ATL_BAD_FILE, "codes of %d numbers do not fit the network's %d channels",
                        c->embed_dim, c->hidden);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = c->channels, .height = c->height, .width = c->width, .codes = c->n_embed };
    return ATL_OK;
}

// Pixels along each side of a code of a level, the top one first.
static int step_of(const config *c, int level) {
    return level < c->levels - 1 ? 8 : 4;
}

static int64_t codes_of(const config *c, int level) {
    return (int64_t)(c->height / step_of(c, level)) * (c->width / step_of(c, level));
}

// ---- layers

// A list of layers: what it is called, and the number of the next.
typedef struct stack {
    atl_net *net;
    const char *name; // "enc_b.blocks"
    const char *block;
    int at;
    atl_node *x;
} stack;

static atl_node *weighted(atl_net *net, atl_node *x, int64_t out, int kernel, int stride) {
    const atl_conv_attr attr = atl_conv_even(ATL_SLOT_Y, stride, kernel > 1 ? 1 : 0);
    return atl_code_conv(net, x, out, kernel, &attr);
}

// A transposed convolution of 4 x 4 that doubles both sides.
static atl_node *enlarged(atl_net *net, atl_node *x, int64_t out) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t in = x->shape.d[3];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(in, out, 4, 4), ATL_INIT_NORMAL,
                                (float)(1.0 / sqrt((double)(3 * in * 4)))); // 4 of the 16 meet in a pixel
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    x = atl_conv2d_transposed(net->g, x, w, 2, 1, 2 * x->shape.d[1], 2 * x->shape.d[2]);
    return atl_named(net->g, atl_add_bias(net->g, x, bias));
}

static atl_node *conv(atl_net *net, const char *name, atl_node *x, int64_t out) { // of 1 x 1
    size_t mark = atl_scope_push(net->g, "%s", name);
    x = weighted(net, x, out, 1, 1);
    atl_scope_pop(net->g, mark);
    return x;
}

static void add_conv(stack *s, int64_t out, int kernel, int stride) {
    size_t mark = atl_scope_push(s->net->g, "%s.%d", s->name, s->at++);
    s->x = weighted(s->net, s->x, out, kernel, stride);
    atl_scope_pop(s->net->g, mark);
}

static void add_up(stack *s, int64_t out) {
    size_t mark = atl_scope_push(s->net->g, "%s.%d", s->name, s->at++);
    s->x = enlarged(s->net, s->x, out);
    atl_scope_pop(s->net->g, mark);
}

static void add_relu(stack *s) {
    s->x = atl_relu(s->net->g, s->x);
    s->at++;
}

// x + conv(relu(conv(relu(x))))
static void add_blocks(stack *s, const config *c) {
    atl_graph *g = s->net->g;
    for (int i = 0; i < c->blocks && s->x->op != ATL_OP_POISON; i++) {
        size_t scope = atl_scope_push(g, "%s.%d.%s", s->name, s->at++, s->block);
        size_t mark = atl_scope_push(g, "1");
        atl_node *h = weighted(s->net, atl_relu(g, s->x), c->narrow, 3, 1);
        atl_scope_pop(g, mark);
        mark = atl_scope_push(g, "3");
        h = weighted(s->net, atl_relu(g, h), s->x->shape.d[3], 1, 1);
        atl_scope_pop(g, mark);
        atl_scope_pop(g, scope);
        s->x = atl_add(g, s->x, h);
    }
}

// ---- VQ-VAE

static atl_node *plain_encoder(atl_net *net, const config *c, atl_node *x) {
    stack s = { net, "encoder", "block", 0, atl_affine(net->g, x, 0.5f, 0.5f) };
    add_conv(&s, c->hidden, 4, 2);
    add_relu(&s);
    add_conv(&s, c->hidden, 4, 2);
    add_relu(&s);
    add_blocks(&s, c);
    return s.x;
}

// Its last function is the logistic one: from -1 to 1 that is tanh of half as much.
static atl_node *plain_decoder(atl_net *net, const config *c, atl_node *x) {
    stack s = { net, "decoder", "block", 0, x };
    add_blocks(&s, c);
    add_up(&s, c->hidden);
    add_relu(&s);
    add_up(&s, c->channels);
    return s.x->op == ATL_OP_POISON ? s.x : atl_tanh(net->g, atl_scale(net->g, s.x, 0.5f));
}

// ---- VQ-VAE-2

// A quarter of each side, or half.
static atl_node *encoder(atl_net *net, const config *c, const char *name, bool quarter, atl_node *x) {
    stack s = { net, name, "conv", 0, x };
    add_conv(&s, c->hidden / 2, 4, 2);
    add_relu(&s);
    if (quarter) {
        add_conv(&s, c->hidden, 4, 2);
        add_relu(&s);
    }
    add_conv(&s, c->hidden, 3, 1);
    add_blocks(&s, c);
    add_relu(&s);
    return s.x;
}

static atl_node *decoder(atl_net *net, const config *c, const char *name, bool whole, atl_node *x) {
    stack s = { net, name, "conv", 0, x };
    add_conv(&s, c->hidden, 3, 1);
    add_blocks(&s, c);
    add_relu(&s);
    add_up(&s, whole ? c->hidden / 2 : c->embed_dim);
    if (whole) {
        add_relu(&s);
        add_up(&s, c->channels);
    }
    return s.x;
}

// ---- the codebooks

// Of the one map, of the top one, of the bottom one.
static const char *book_name(const config *c, int level) {
    return c->levels == 1 ? "embedding" : level ? "quantize_b" : "quantize_t";
}

// [n_embed, embed_dim]; VQ-VAE-2 keeps its vectors as columns, and they are never trained.
static atl_node *codebook(atl_net *net, const config *c, int level) {
    size_t mark = atl_scope_push(net->g, "%s", book_name(c, level));
    atl_shape rows = ATL_SHAPE(c->n_embed, c->embed_dim), columns = ATL_SHAPE(c->embed_dim, c->n_embed);
    float deviation = 1.0f / (float)c->n_embed;
    atl_node *book = c->levels > 1 ? atl_net_buffer(net, "embed", columns, ATL_INIT_NORMAL, 1.0f)
                     : c->averages ? atl_net_buffer(net, "weight", rows, ATL_INIT_NORMAL, deviation)
                                   : atl_net_param(net, "weight", rows, ATL_INIT_NORMAL, deviation);
    if (c->levels > 1)
        book = atl_permute(net->g, book, (const int[]){ 1, 0 });
    atl_scope_pop(net->g, mark);
    return book;
}

// z [n, h, w, embed_dim] -> codes [n, h w]
static atl_node *nearest(atl_net *net, const config *c, int level, atl_node *z) {
    atl_graph *g = net->g;
    return atl_position_of_largest(g, atl_code_scores(g, atl_pixel_rows(g, z), codebook(net, c, level)));
}

// codes [n, h w] -> [n, h, w, embed_dim]
static atl_node *vectors(atl_net *net, const config *c, int level, atl_node *codes) {
    atl_node *rows = atl_embedding(net->g, codebook(net, c, level), codes);
    int step = step_of(c, level);
    if (rows->op == ATL_OP_POISON)
        return rows;
    return atl_reshape(net->g, rows,
                       ATL_SHAPE(rows->shape.d[0], c->height / step, c->width / step, c->embed_dim));
}

static atl_node *turned(atl_graph *g, const config *c, atl_node *x) { // columns and rows
    return c->levels > 1 && x->op != ATL_OP_POISON ? atl_permute(g, x, (const int[]){ 1, 0 }) : x;
}

// What becomes of a codebook after the vectors z of a batch.
static void follow(atl_net *net, const config *c, int level, atl_node *z, atl_node *codes) {
    atl_graph *g = net->g;
    int64_t k = c->n_embed, d = c->embed_dim;
    size_t mark = atl_scope_push(g, "%s", book_name(c, level));
    atl_node *size = atl_net_buffer(net, "cluster_size", ATL_SHAPE(k), ATL_INIT_FILL, 1.0f), *sum = NULL;
    if (c->averages)
        sum = atl_net_buffer(net, "embed_avg", c->levels > 1 ? ATL_SHAPE(d, k) : ATL_SHAPE(k, d),
                             ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(g, mark);
    if (!net->trains)
        return;
    atl_code_book b = { codebook(net, c, level), size, sum ? turned(g, c, sum) : NULL, c->restart };
    if (!atl_code_follow(g, &b, z, codes))
        return;
    mark = atl_scope_push(g, "%s", book_name(c, level));
    atl_code_becomes(net, c->levels > 1 ? "embed" : "weight", turned(g, c, b.book));
    atl_code_becomes(net, "cluster_size", b.size);
    if (sum)
        atl_code_becomes(net, "embed_avg", turned(g, c, b.sum));
    atl_scope_pop(g, mark);
}

// ---- both ways

// What encoding finds at a level.
typedef struct found {
    atl_node *z, *codes, *vectors;
} found;

// z, and what it is rounded to: while it is trained the gradient passes as if nothing had been rounded.
static atl_node *rounded(atl_net *net, const config *c, int level, atl_node *z, found *f) {
    f->z = z;
    f->codes = nearest(net, c, level, z);
    f->vectors = vectors(net, c, level, f->codes);
    if (z->op == ATL_OP_POISON || f->vectors->op == ATL_OP_POISON)
        return &net->g->poison;
    return net->trains ? atl_add(net->g, z, atl_held(net->g, atl_sub(net->g, f->vectors, z))) : f->vectors;
}

static atl_node *joined(atl_graph *g, atl_node *a, atl_node *b, int axis) {
    atl_node *both[2] = { a, b };
    return a->op == ATL_OP_POISON || b->op == ATL_OP_POISON ? &g->poison : atl_concat(g, both, 2, axis);
}

// img -> what each level finds, and what is decoded of it, by level
static void find(atl_net *net, const config *c, atl_node *img, found *f, atl_node **quant) {
    if (c->levels == 1) {
        quant[0] = rounded(net, c, 0, plain_encoder(net, c, img), &f[0]);
        return;
    }
    atl_node *bottom = encoder(net, c, "enc_b.blocks", true, img);
    atl_node *top = encoder(net, c, "enc_t.blocks", false, bottom);
    quant[0] = rounded(net, c, 0, conv(net, "quantize_conv_t", top, c->embed_dim), &f[0]);
    top = decoder(net, c, "dec_t.blocks", false, quant[0]);
    top = joined(net->g, top, bottom, 3);
    quant[1] = rounded(net, c, 1, conv(net, "quantize_conv_b", top, c->embed_dim), &f[1]);
}

static atl_node *made(atl_net *net, const config *c, atl_node *const *quant) { // the picture
    if (c->levels == 1)
        return plain_decoder(net, c, quant[0]);
    size_t mark = atl_scope_push(net->g, "upsample_t");
    atl_node *top = enlarged(net, quant[0], c->embed_dim);
    atl_scope_pop(net->g, mark);
    return decoder(net, c, "dec.blocks", true, joined(net->g, top, quant[1], 3));
}

static atl_node *all_codes(atl_graph *g, const config *c, const found *f) {
    return c->levels == 1 ? f[0].codes : joined(g, f[0].codes, f[1].codes, 1);
}

// ---- functions

// img [h, w, c] -> codes [of all maps]; z, what they stand for, and quant, their vectors, each
// [h', w', embed_dim]; with two maps these are the bottom one's, and z_top and quant_top the other's
static void encode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *img = atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels)), *quant[2];
    found f[2];
    find(net, c, img, f, quant);
    atl_call_out(net, call, "codes", all_codes(net->g, c, f));
    atl_call_out(net, call, "z", f[c->levels - 1].z);
    atl_call_out(net, call, "quant", f[c->levels - 1].vectors);
    if (c->levels > 1) {
        atl_call_out(net, call, "z_top", f[0].z);
        atl_call_out(net, call, "quant_top", f[0].vectors);
    }
}

// codes [of all maps] -> img
static void decode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    int64_t first = codes_of(c, 0), second = c->levels > 1 ? codes_of(c, 1) : 0;
    atl_node *codes = atl_call_in(net, call, "codes", ATL_SHAPE(first + second)), *quant[2];
    if (codes->op == ATL_OP_POISON)
        return;
    quant[0] = vectors(net, c, 0, second ? atl_slice_axis(net->g, codes, 1, 0, first) : codes);
    if (second)
        quant[1] = vectors(net, c, 1, atl_slice_axis(net->g, codes, 1, first, second));
    atl_call_out(net, call, "img", made(net, c, quant));
}

// Added up over the levels.
static atl_node *distances(atl_graph *g, const config *c, const found *f, bool of_codes) {
    atl_node *sum = NULL;
    for (int i = 0; i < c->levels; i++) {
        const found *a = &f[i];
        if (a->z->op == ATL_OP_POISON || a->vectors->op == ATL_OP_POISON)
            return &g->poison;
        atl_node *d = of_codes ? atl_code_distance(g, a->vectors, atl_held(g, a->z))
                               : atl_code_distance(g, a->z, atl_held(g, a->vectors));
        sum = sum ? atl_add(g, sum, d) : d;
    }
    return sum;
}

// img -> img as it is made again; codes; and how far vectors are from their codes', [n]: "commitment", whose
// gradient moves the encoder, and "codebook", whose gradient moves a codebook that is trained.
static void autoencode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *img = atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels)), *quant[2];
    found f[2];
    find(net, c, img, f, quant);
    for (int i = 0; i < c->levels; i++)
        if (c->averages || c->restart > 0.0f)
            follow(net, c, i, f[i].z, f[i].codes);
    atl_call_out(net, call, "img", made(net, c, quant));
    atl_call_out(net, call, "codes", all_codes(g, c, f));
    atl_call_out(net, call, "commitment", distances(g, c, f, false));
    atl_call_out(net, call, "codebook", distances(g, c, f, true));
}

// ---- new networks

static atl_status finish(atl_ctx *ctx, const void *config_, atl_params *params, uint64_t seed) {
    const config *c = config_;
    (void)ctx;
    (void)seed;
    if (c->averages && c->levels == 1)
        atl_code_begin(params, "embedding.weight", "embedding.embed_avg");
    if (c->averages && c->levels > 1) {
        atl_code_begin(params, "quantize_t.embed", "quantize_t.embed_avg");
        atl_code_begin(params, "quantize_b.embed", "quantize_b.embed_avg");
    }
    return ATL_OK;
}

static atl_status init_of(atl_ctx *ctx, const atl_init_options *o, int levels, int hidden, int narrow,
                          json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    hidden = o->channel_base ? o->channel_base : hidden;
    if (hidden < 8 || hidden % 4 || hidden > WIDTH_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a VQ-VAE of %d channels is not possible: multiples of 4 from 8 to %d are", hidden,
                        WIDTH_MOST);
    *json = json_pack("{s:i s:i s:i s:i s:i s:i s:i s:i s:i s:b}", "levels", levels, "height", o->resolution,
                      "width", o->resolution, "img_channels", o->img_channels ? o->img_channels : 3,
                      "channel", hidden, "n_res_block", 2, "n_res_channel", narrow ? hidden / narrow : hidden,
                      "embed_dim", levels > 1 ? hidden / 2 : hidden, "n_embed",
                      o->channel_max ? o->channel_max : 512, "ema", levels > 1);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

// The reference's: 256 channels.
static atl_status init_one(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return init_of(ctx, o, 1, 256, 0, json);
}

// The published one's: 128 channels, 32 inside of blocks, codes of 64 numbers.
static atl_status init_two(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return init_of(ctx, o, 2, 128, 4, json);
}

#define ROW(name, form)                                                                                      \
    {                                                                                                        \
        .kind = name, .family = name, .role = "autoencoder", .config_bytes = sizeof(config), .parse = parse, \
        .init = form, .dims = dims, .finish = finish,                                                        \
        .functions = { { "encode", encode, false },                                                          \
                       { "decode", decode, false },                                                          \
                       { "autoencode", autoencode, false } },                                                \
    }

const atl_model_row atl_vqvae = ROW("vqvae", init_one), atl_vqvae2 = ROW("vqvae2", init_two);
