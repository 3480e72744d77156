// SPDX-License-Identifier: Apache-2.0
// Blocks of SAGAN and BigGAN: their list in a config, their tables for new networks, and attention.
#include "models/biggan.h"

#include <string.h>

#include "nn/functions.h"

enum { CHANNELS_MOST = 1 << 16, STAGES_MOST = 8 };

// ---- configs

static bool read_block(const json_t *row, atl_biggan_block *b) {
    json_int_t in = json_integer_value(json_array_get(row, 0)),
               out = json_integer_value(json_array_get(row, 1));
    const json_t *resamples = json_array_get(row, 2), *attends = json_array_get(row, 3);
    if (json_array_size(row) != 4 || in < 1 || in > CHANNELS_MOST || out < 1 || out > CHANNELS_MOST ||
        !json_is_boolean(resamples) || !json_is_boolean(attends))
        return false;
    *b = (atl_biggan_block){ (int)in, (int)out, json_is_true(resamples), json_is_true(attends) };
    return true;
}

atl_status atl_biggan_parse_blocks(atl_ctx *ctx, const json_t *json, atl_biggan_blocks *blocks) {
    const json_t *list = json_object_get(json, "blocks");
    size_t size = json_array_size(list);
    if (size < 1 || size > ATL_BIGGAN_BLOCKS)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has %zu blocks, where 1 to %d are possible",
                        size, ATL_BIGGAN_BLOCKS);
    for (size_t i = 0; i < size; i++)
        if (!read_block(json_array_get(list, i), &blocks->list[i]))
            return atl_fail(
                ctx, ATL_BAD_FILE,
                "the network's config has no block [in, out, resamples, attends] as \"blocks\"[%zu]", i);
    for (size_t i = 1; i < size; i++)
        if (blocks->list[i].in != blocks->list[i - 1].out)
            return atl_fail(ctx, ATL_BAD_FILE,
                            "block %zu of the network's config takes %d channels and is given %d", i,
                            blocks->list[i].in, blocks->list[i - 1].out);
    blocks->size = (int)size;
    return ATL_OK;
}

// ---- attention

atl_node *atl_biggan_attention(atl_net *net, atl_node *x, const atl_spectral *s) {
    const atl_pool_options half = { .kernel = 2, .stride = 2 };
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], c = x->shape.d[3];
    if (c < 8 || h < 2 || w < 2)
        return atl_graph_fail(g, ATL_BAD_FILE,
                              "attention: needs 8 channels and 2x2 pixels, not %lld and %lldx%lld",
                              (long long)c, (long long)w, (long long)h);
    atl_node *q = atl_pixel_rows(g, atl_spectral_conv(net, "theta", x, c / 8, 1, false, s));
    atl_node *k =
        atl_pixel_rows(g, atl_max_pool(g, atl_spectral_conv(net, "phi", x, c / 8, 1, false, s), &half));
    atl_node *v =
        atl_pixel_rows(g, atl_max_pool(g, atl_spectral_conv(net, "g", x, c / 2, 1, false, s), &half));
    atl_node *o = atl_attention(g, q, k, v, 1, 1.0f, NULL);
    if (o->op == ATL_OP_POISON)
        return o;
    o = atl_spectral_conv(net, "o", atl_reshape(g, o, ATL_SHAPE(n, h, w, c / 2)), c, 1, false, s);
    atl_node *gamma = atl_net_param(net, "gamma", (atl_shape){ .rank = 0 }, ATL_INIT_ZERO, 0.0f);
    gamma = atl_expand(g, atl_reshape(g, gamma, ATL_SHAPE(1, 1, 1, 1)), x->shape);
    return atl_named(g, atl_add(g, atl_mul(g, o, gamma), x));
}

// ---- new networks

typedef struct table_row {
    int resolution, size, channels[STAGES_MOST];
} table_row;

// Channels after each stage of a generator, in units of ch; the first number is that of 4x4.
static const table_row TABLE[] = {
    { 32, 4, { 4, 4, 4, 4 } },
    { 64, 5, { 16, 16, 8, 4, 2 } },
    { 128, 6, { 16, 16, 8, 4, 2, 1 } },
    { 256, 7, { 16, 16, 8, 8, 4, 2, 1 } },
    { 512, 8, { 16, 16, 8, 8, 4, 2, 1, 1 } },
};
// Channels after each block of a plain discriminator; those of 512x512 mirror the generator.
static const table_row CRITICS[] = {
    { 32, 4, { 4, 4, 4, 4 } },
    { 64, 5, { 1, 2, 4, 8, 16 } },
    { 128, 6, { 1, 2, 4, 8, 16, 16 } },
    { 256, 7, { 1, 2, 4, 8, 8, 16, 16 } },
    { 512, 8, { 1, 1, 2, 4, 8, 8, 16, 16 } },
};
enum { ATTENTION = 64, CLASSES = 1000 };

atl_status atl_biggan_new_of(atl_ctx *ctx, const atl_init_options *o, atl_biggan_new *n) {
    bool deep = !strcmp(o->cfg, "biggan-deep"), sagan = !strcmp(o->cfg, "sagan");
    *n = (atl_biggan_new){ .deep = deep, .ch = deep ? 128 : sagan ? 64 : 96, .depth = deep ? 2 : 1 };
    if (o->channel_base)
        n->ch = o->channel_base;
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].resolution == o->resolution) {
            if (n->ch < 1 || n->ch > 1024 || o->c_dim < 0 || o->c_dim > 1 << 20 || o->img_channels < 0 ||
                o->img_channels > 64)
                return atl_fail(ctx, ATL_BAD_ARGUMENT,
                                "a width of %d, %d classes or %d channels is out of range", n->ch, o->c_dim,
                                o->img_channels);
            return ATL_OK;
        }
    return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s has 32, 64, 128, 256 or 512 pixels per side, not %d", o->cfg,
                    o->resolution);
}

int atl_biggan_width(const json_t *generator) {
    json_int_t resolution = json_integer_value(json_object_get(generator, "img_resolution"));
    const json_t *first = json_array_get(json_object_get(generator, "blocks"), 0);
    json_int_t in = json_integer_value(json_array_get(first, 0));
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].resolution == resolution && in > 0 && in <= CHANNELS_MOST)
            return (int)in / TABLE[i].channels[0];
    return 0;
}

// Takes no reference; on lack of memory the list becomes NULL.
static void add_block(json_t **list, int in, int out, bool resamples, bool attends) {
    json_t *row = *list ? json_pack("[i,i,b,b]", in, out, resamples, attends) : NULL;
    if (row && !json_array_append_new(*list, row))
        return;
    json_decref(*list);
    *list = NULL;
}

static bool attends_at(int side, int resolution) {
    return side == (resolution < 128 ? resolution / 2 : ATTENTION) && resolution > 32;
}

json_t *atl_biggan_generator_blocks(const atl_biggan_new *n, int resolution) {
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        for (int k = 1; TABLE[i].resolution == resolution && k < TABLE[i].size; k++) {
            int in = TABLE[i].channels[k - 1] * n->ch, out = TABLE[i].channels[k] * n->ch;
            for (int d = 0; d < n->depth; d++) {
                bool last = d == n->depth - 1;
                add_block(&list, in, last ? out : in, last, last && attends_at(4 << k, resolution));
            }
        }
    return list;
}

// Of 32x32 the plain form halves in the first two blocks, of larger pictures in all but the last.
static void add_plain_critic(json_t **list, int ch, int resolution, const table_row *t, int in) {
    for (int k = 0, side = resolution; k < t->size; k++) {
        bool halves = resolution == 32 ? k < 2 : k < t->size - 1;
        int out = t->channels[k] * ch;
        side = halves ? side / 2 : side;
        add_block(list, in, out, halves, halves && attends_at(side, resolution));
        in = out;
    }
}

// Stage k of the deep form goes from number k to the next, and its first block halves.
static void add_deep_critic(json_t **list, int ch, int depth, int resolution, const table_row *t) {
    for (int k = 0, side = resolution / 2; k + 1 < t->size; k++, side /= 2) {
        int in = t->channels[k] * ch, out = t->channels[k + 1] * ch;
        for (int d = 0; d < depth; d++)
            add_block(list, d ? out : in, out, !d, d == depth - 1 && attends_at(side, resolution));
    }
}

json_t *atl_biggan_discriminator_blocks(const atl_biggan_new *n, int resolution, int img_channels) {
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof CRITICS / sizeof *CRITICS; i++) {
        if (CRITICS[i].resolution != resolution)
            continue;
        if (n->deep)
            add_deep_critic(&list, n->ch, n->depth, resolution, &CRITICS[i]);
        else
            add_plain_critic(&list, n->ch, resolution, &CRITICS[i], img_channels);
    }
    return list;
}
