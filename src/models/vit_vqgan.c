// SPDX-License-Identifier: Apache-2.0
// ViT-VQGAN (Yu et al. 2022): pictures to codes and back with transformers over patches in place of
// convolutions. Vectors and the codebook are compared by their directions.  In the residual form each patch
// has several codes: the vector of the first, what it left of the patch's vector, and so on; their sum is
// decoded.
//
// Its makers' pictures go from 0 to 1; here they go from -1 to 1, as everywhere.
#include <math.h>

#include "base/names.h"
#include "models/codes.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { DEPTH_MOST = 256, SIDE_MOST = 1 << 13, QUANTIZERS_MOST = 64 };

typedef struct tower {
    int width, depth, heads, mlp;
    int inner; // of all heads together
    bool out;  // a layer behind the heads
} tower;

typedef struct config {
    int height, width, patch;
    int embed_dim, n_embed;
    bool normalised; // directions are compared
    int quantizers;  // codes of a patch
    tower encoder, decoder;
} config;

// ---- config

static atl_status parse_tower(atl_ctx *ctx, const json_t *j, const char *name, tower *t) {
    const json_t *o = json_object_get(j, name);
    if (!json_is_object(o))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no \"%s\"", name);
    ATL_TRY(atl_config_int(ctx, o, "dim", 1, 1 << 14, &t->width));
    ATL_TRY(atl_config_int(ctx, o, "depth", 1, DEPTH_MOST, &t->depth));
    ATL_TRY(atl_config_int(ctx, o, "mlp_dim", 1, 1 << 16, &t->mlp));
    ATL_TRY(atl_config_int(ctx, o, "inner", 1, 1 << 16, &t->inner));
    t->out = json_is_true(json_object_get(o, "out"));
    return ATL_OK;
}

static atl_status parse_heads(atl_ctx *ctx, const json_t *j, const char *name, tower *t) {
    ATL_TRY(atl_config_int(ctx, j, name, 1, 1 << 10, &t->heads));
    if (t->inner % t->heads)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %d do not divide the %d channels of attention", name,
                        t->heads, t->inner);
    return ATL_OK;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .normalised = json_is_true(json_object_get(j, "use_norm")) };
    ATL_TRY(atl_config_int(ctx, j, "height", 1, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, j, "width", 1, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "patch", 1, 256, &c->patch));
    ATL_TRY(atl_config_int(ctx, j, "embed_dim", 1, 1 << 14, &c->embed_dim));
    ATL_TRY(atl_config_int(ctx, j, "n_embed", 1, 1 << 22, &c->n_embed));
    ATL_TRY(atl_config_int(ctx, j, "num_quantizers", 1, QUANTIZERS_MOST, &c->quantizers));
    ATL_TRY(parse_tower(ctx, j, "encoder", &c->encoder));
    ATL_TRY(parse_tower(ctx, j, "decoder", &c->decoder));
    ATL_TRY(parse_heads(ctx, j, "encoder_heads", &c->encoder));
    ATL_TRY(parse_heads(ctx, j, "decoder_heads", &c->decoder));
    if (c->height % c->patch || c->width % c->patch)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "pictures of this network have sides that %d divides, not %dx%d", c->patch, c->width,
                        c->height);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = c->height, .width = c->width, .codes = c->n_embed };
    return ATL_OK;
}

static int64_t patches(const config *c) {
    return (int64_t)(c->height / c->patch) * (c->width / c->patch);
}

// ---- transformers

static atl_node *layer(atl_net *net, const tower *t, int at, atl_node *x) {
    atl_graph *g = net->g;
    size_t mark = atl_scope_push(g, "layers.%d.0", at);
    atl_node *h = atl_code_norm(net, "norm", x), *part[3];
    h = atl_code_xavier(net, "fn.to_qkv", h, 3 * (int64_t)t->inner, false);
    for (int i = 0; i < 3; i++)
        part[i] = atl_slice_axis(g, h, 2, (int64_t)i * t->inner, t->inner);
    h = atl_attention(g, part[0], part[1], part[2], t->heads, 0.0f, NULL);
    x = atl_add(g, x, t->out ? atl_code_xavier(net, "fn.to_out", h, t->width, true) : h);
    atl_scope_pop(g, mark);
    mark = atl_scope_push(g, "layers.%d.1", at);
    h = atl_tanh(g, atl_code_xavier(net, "fn.net.0", atl_code_norm(net, "norm", x), t->mlp, true));
    x = atl_named(g, atl_add(g, x, atl_code_xavier(net, "fn.net.2", h, t->width, true)));
    atl_scope_pop(g, mark);
    return x;
}

// x [n, t, width], with its places added, through all layers
static atl_node *transformer(atl_net *net, const tower *t, const char *places, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *table = atl_net_param(net, places, ATL_SHAPE(1, x->shape.d[1], t->width), ATL_INIT_ZERO, 0.0f);
    x = atl_add(g, x, atl_expand(g, table, x->shape));
    size_t mark = atl_scope_push(g, "transformer");
    for (int i = 0; i < t->depth && x->op != ATL_OP_POISON; i++)
        x = layer(net, t, i, x);
    x = atl_code_norm(net, "norm", x);
    atl_scope_pop(g, mark);
    return x;
}

static atl_node *encoder(atl_net *net, const config *c, atl_node *img) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "encoder");
    size_t mark = atl_scope_push(g, "to_patch_embedding.0");
    int64_t d = c->encoder.width;
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(d, 3, c->patch, c->patch), ATL_INIT_NORMAL,
                                atl_xavier(3 * (int64_t)c->patch * c->patch, d));
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(d), ATL_INIT_ZERO, 0.0f);
    atl_node *x = atl_conv2d(g, atl_affine(g, img, 0.5f, 0.5f), w, c->patch, 0);
    atl_scope_pop(g, mark);
    if (x->op != ATL_OP_POISON)
        x = atl_reshape(g, atl_add_bias(g, x, bias), ATL_SHAPE(x->shape.d[0], patches(c), d));
    x = atl_named(g, transformer(net, &c->encoder, "en_pos_embedding", x));
    atl_scope_pop(g, scope);
    return x;
}

// Each vector becomes a patch of pixels: x [n, t, width] -> img
static atl_node *decoder(atl_net *net, const config *c, atl_node *x) {
    atl_graph *g = net->g;
    int64_t p = c->patch, h = c->height / p, w = c->width / p, d = c->decoder.width;
    size_t scope = atl_scope_push(g, "decoder");
    x = transformer(net, &c->decoder, "de_pos_embedding", x);
    size_t mark = atl_scope_push(g, "to_pixel.1");
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(d, 3, p, p), ATL_INIT_NORMAL,
                                     atl_xavier(3 * p * p, d));
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(3), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(g, mark);
    if (x->op != ATL_OP_POISON && weight->op != ATL_OP_POISON) {
        int64_t n = x->shape.d[0];
        x = atl_matmul(g, atl_reshape(g, x, ATL_SHAPE(n * h * w, d)),
                       atl_reshape(g, weight, ATL_SHAPE(d, 3 * p * p)), false, false);
        x = atl_permute(g, atl_reshape(g, x, ATL_SHAPE(n * h, w, 3, p, p)), (int[]){ 0, 3, 1, 4, 2 });
        x = atl_add_bias(g, atl_reshape(g, x, ATL_SHAPE(n, h * p, w * p, 3)), bias);
    }
    x = atl_affine(g, x, 2.0f, -1.0f);
    atl_scope_pop(g, scope);
    return x;
}

// ---- the codebook

// Rows of length 1, where directions are compared.
static atl_node *unit(atl_graph *g, const config *c, atl_node *x) {
    if (!c->normalised || x->op == ATL_OP_POISON)
        return x;
    atl_node *length = atl_affine(g, atl_sum(g, atl_square(g, x), 1u << (x->shape.rank - 1)), 1.0f, 1e-24f);
    return atl_mul(g, x, atl_expand(g, atl_rsqrt(g, length), x->shape));
}

static atl_node *codebook(atl_net *net, const config *c) {
    return unit(net->g, c,
                atl_net_param(net, "quantizer.embedding.weight", ATL_SHAPE(c->n_embed, c->embed_dim),
                              ATL_INIT_NORMAL, 1.0f));
}

// ---- functions

typedef struct quantised {
    atl_node *codes;                 // [n, patches] or [n, patches, quantizers]
    atl_node *sum;                   // of the codes' vectors, [n, patches, embed_dim]
    atl_node *commitment, *codebook; // how far vectors are from their codes', on average over quantizers, [n]
} quantised;

// z [n, patches, embed_dim]; what one code leaves is the next one's.
static quantised quantise(atl_net *net, const config *c, atl_node *z) {
    atl_graph *g = net->g;
    quantised q = { &g->poison, &g->poison, &g->poison, &g->poison };
    atl_node *book = codebook(net, c), *left = z, *sum = NULL, *codes[QUANTIZERS_MOST], *to = NULL,
             *from = NULL;
    for (int i = 0; i < c->quantizers; i++) {
        atl_node *x = unit(g, c, left);
        codes[i] = atl_position_of_largest(g, atl_code_scores(g, x, book));
        atl_node *e = atl_embedding(g, book, codes[i]);
        if (codes[i]->op == ATL_OP_POISON || e->op == ATL_OP_POISON)
            return q;
        atl_node *a = atl_code_distance(g, x, atl_held(g, e)), *b = atl_code_distance(g, e, atl_held(g, x));
        to = to ? atl_add(g, to, a) : a;
        from = from ? atl_add(g, from, b) : b;
        sum = sum ? atl_add(g, sum, e) : e;
        left = i + 1 < c->quantizers ? atl_sub(g, left, e) : left;
        codes[i] = atl_reshape(g, codes[i], ATL_SHAPE(z->shape.d[0], patches(c), 1));
    }
    q.codes = atl_concat(g, codes, c->quantizers, 2);
    if (c->quantizers == 1)
        q.codes = atl_reshape(g, q.codes, ATL_SHAPE(z->shape.d[0], patches(c)));
    q.sum = sum;
    q.commitment = atl_scale(g, to, 1.0f / (float)c->quantizers);
    q.codebook = atl_scale(g, from, 1.0f / (float)c->quantizers);
    return q;
}

static atl_node *vectors(atl_net *net, const config *c, atl_call *call) {
    atl_node *x = encoder(net, c, atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, 3)));
    return atl_code_xavier(net, "pre_quant", x, c->embed_dim, true);
}

// img [h, w, 3] -> codes [patches], or of several for each [patches, quantizers]; z [patches, embed_dim], and
// quant, the sum of the codes' vectors
static void encode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *z = vectors(net, c, call);
    quantised q = quantise(net, c, z);
    atl_call_out(net, call, "codes", q.codes);
    atl_call_out(net, call, "z", z);
    atl_call_out(net, call, "quant", q.sum);
}

// img -> img as it is made again, codes, and how far vectors are from their codes', "commitment" and
// "codebook" [n], as those of VQ-GAN.  The picture's gradient goes to z as if nothing had been rounded.
static void autoencode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *z = vectors(net, c, call);
    quantised q = quantise(net, c, z);
    if (q.sum->op == ATL_OP_POISON)
        return;
    atl_node *x = atl_add(g, z, atl_held(g, atl_sub(g, q.sum, z)));
    atl_call_out(net, call, "img",
                 decoder(net, c, atl_code_xavier(net, "post_quant", x, c->decoder.width, true)));
    atl_call_out(net, call, "codes", q.codes);
    atl_call_out(net, call, "commitment", q.commitment);
    atl_call_out(net, call, "codebook", q.codebook);
}

// codes [patches] or [patches, quantizers] -> img
static void decode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_shape row = c->quantizers > 1 ? ATL_SHAPE(patches(c), c->quantizers) : ATL_SHAPE(patches(c));
    atl_node *codes = atl_call_in(net, call, "codes", row);
    atl_node *rows = atl_embedding(g, codebook(net, c), codes);
    if (rows->op == ATL_OP_POISON)
        return;
    rows = atl_reshape(g, rows, ATL_SHAPE(call->n, patches(c), c->quantizers, c->embed_dim));
    rows = atl_reshape(g, atl_sum(g, rows, 1u << 2), ATL_SHAPE(call->n, patches(c), c->embed_dim));
    atl_call_out(net, call, "img",
                 decoder(net, c, atl_code_xavier(net, "post_quant", rows, c->decoder.width, true)));
}

// ---- new networks

// A place's row: sines and cosines of the column in its first half, of the row in its second.
static void place(float *row, int width, int x, int y) {
    int quarter = width / 4;
    for (int i = 0; i < quarter; i++) {
        double omega = pow(10000.0, -(double)i / (double)quarter);
        row[i] = (float)sin(x * omega);
        row[quarter + i] = (float)cos(x * omega);
        row[2 * quarter + i] = (float)sin(y * omega);
        row[3 * quarter + i] = (float)cos(y * omega);
    }
}

// The tables of places, which training leaves as they are.
static atl_status finish(atl_ctx *ctx, const void *config_, atl_params *params, uint64_t seed) {
    const config *c = config_;
    int columns = c->width / c->patch;
    (void)ctx;
    (void)seed;
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        int width = p->rank == 3 ? (int)p->dims[2] : 0;
        for (int64_t k = 0; atl_ends_in(p->name, "_pos_embedding") && width && k < patches(c); k++)
            place(atl_param_data(params, p) + k * width, width, (int)(k % columns), (int)(k / columns));
    }
    return ATL_OK;
}

// As the small one of its makers: 512 channels, 8 layers, 8192 codes of 32 numbers.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int width = o->channel_base ? o->channel_base : 512, depth = o->map_depth ? o->map_depth : 8;
    int heads = o->heads ? o->heads : width < 64 ? 1 : width / 64, patch = o->patch ? o->patch : 8;
    if (width > 1 << 14 || width % 4 || width % heads)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "vit-vqgan: %d channels can't be made: multiples of 4 and of the %d heads can, up to 16384",
                        width, heads);
    if (o->resolution % patch)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "patch %d: does not divide pictures of %d pixels", patch,
                        o->resolution);
    if (o->img_channels && o->img_channels != 3)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "vit-vqgan: pictures have 3 channels, not %d", o->img_channels);
    json_t *side = json_pack("{s:i s:i s:i s:i s:b}", "dim", width, "depth", depth, "mlp_dim", 4 * width, "inner",
                              width, "out", 1);
    *json = json_pack("{s:i s:i s:i s:i s:i s:b s:i s:i s:i s:O s:O}", "height", o->resolution, "width",
                      o->resolution, "patch", patch, "embed_dim", 32, "n_embed",
                      o->channel_max ? o->channel_max : 8192, "use_norm", 1, "num_quantizers",
                      o->quantizers ? o->quantizers : 1, "encoder_heads", heads, "decoder_heads", heads, "encoder",
                      side, "decoder", side);
    json_decref(side);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_vit_vqgan = {
    .kind = "vit_vqgan",
    .family = "vit-vqgan",
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
