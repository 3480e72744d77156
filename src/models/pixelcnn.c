// SPDX-License-Identifier: Apache-2.0
// The gated PixelCNN (van den Oord et al. 2016): a map of codes is predicted row by row, each code by those
// above it and left of it.  A vertical stack sees the rows above, a horizontal one the codes to the left and
// what the vertical one says of the place.  The first layer hides the code itself, all others see it.
//
// A class adds a vector to both halves of each gate (section 2.3 there).  A map of codes of half the sides,
// as VQ-VAE-2's top one is to its bottom one, adds one for each place.
//
// "predict" is the whole map at once.  "row" is what the vertical stack says of a row that begins, of which
// nothing is known yet, and "pixel" the next code of it, each given what the layers kept of those before: a
// code costs the same wherever it stands.
#include <math.h>

#include "models/codes.h"
#include "models/growing.h"
#include "models/pixelcnn.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { LAYERS_MOST = 256, KERNEL_MOST = 31, SIDE_MOST = 1 << 12, CODES_MOST = 1 << 22 };

typedef struct config {
    int height, width; // of the map; both are even where there is a map above
    int codes, channels, layers;
    int first, kernel; // sides of the first layer's kernels and of the others', odd
    int classes;       // 0: none
    int above;         // codes that the map above may have; 0: there is none
} config;

static atl_status parse_kernel(atl_ctx *ctx, const json_t *j, const char *key, int *value) {
    ATL_TRY(atl_config_int(ctx, j, key, 3, KERNEL_MOST, value));
    return *value % 2 ? ATL_OK
                      : atl_fail(ctx, ATL_BAD_FILE, "the network's config says %s = %d, where an odd number is",
                                 key, *value);
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_config_int(ctx, j, "rows", 1, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, j, "columns", 1, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "n_embed", 1, CODES_MOST, &c->codes));
    ATL_TRY(atl_config_int(ctx, j, "dim", 1, 1 << 14, &c->channels));
    ATL_TRY(atl_config_int(ctx, j, "n_layers", 1, LAYERS_MOST, &c->layers));
    ATL_TRY(parse_kernel(ctx, j, "first_kernel", &c->first));
    ATL_TRY(parse_kernel(ctx, j, "kernel", &c->kernel));
    if (json_object_get(j, "n_classes"))
        ATL_TRY(atl_config_int(ctx, j, "n_classes", 0, 1 << 20, &c->classes));
    if (json_object_get(j, "n_above"))
        ATL_TRY(atl_config_int(ctx, j, "n_above", 0, CODES_MOST, &c->above));
    if (c->above && (c->height % 2 || c->width % 2))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a map of %d x %d codes has no map of half its sides above it: even sides do",
                        c->height, c->width);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ 0 };
    return ATL_OK;
}

// ---- layers

typedef struct weights {
    atl_node *w, *bias;
} weights;

static weights weights_of(atl_net *net, const char *name, int64_t out, int64_t in, int kh, int kw) {
    size_t mark = atl_scope_push(net->g, "%s", name);
    weights p;
    p.w = atl_net_param(net, "weight", ATL_SHAPE(out, in, kh, kw), ATL_INIT_NORMAL,
                        (float)(1.0 / sqrt((double)(3 * in * kh * kw))));
    p.bias = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(net->g, mark);
    return p;
}

static atl_node *convolved(atl_net *net, atl_node *x, weights p, const atl_conv_attr *a) {
    if (x->op == ATL_OP_POISON || p.w->op == ATL_OP_POISON)
        return &net->g->poison;
    return atl_add_bias(net->g, atl_conv(net->g, x, p.w, a), p.bias);
}

static atl_node *mixed(atl_net *net, const char *name, atl_node *x, int64_t out) { // 1 x 1
    const atl_conv_attr one = atl_conv_even(ATL_SLOT_Y, 1, 0);
    if (x->op == ATL_OP_POISON)
        return x;
    return convolved(net, x, weights_of(net, name, out, x->shape.d[3], 1, 1), &one);
}

static int kernel_of(const config *c, int layer) {
    return layer ? c->kernel : c->first;
}

// The vertical stack's kernel: half the rows, and its own row but in the first layer, whose last row of
// weights is not looked at.
static weights down_weights(atl_net *net, const config *c, int layer) {
    int k = kernel_of(c, layer);
    weights p = weights_of(net, "vert_stack", 2 * (int64_t)c->channels, c->channels, k / 2 + 1, k);
    p.w = layer || p.w->op == ATL_OP_POISON ? p.w : atl_slice_axis(net->g, p.w, 2, 0, k / 2);
    return p;
}

// The horizontal one's, of one row.
static weights along_weights(atl_net *net, const config *c, int layer) {
    int k = kernel_of(c, layer);
    weights p = weights_of(net, "horiz_stack", 2 * (int64_t)c->channels, c->channels, 1, k / 2 + 1);
    p.w = layer || p.w->op == ATL_OP_POISON ? p.w : atl_slice_axis(net->g, p.w, 3, 0, k / 2);
    return p;
}

// tanh(a) sigmoid(b) of the two halves of x + what the condition adds
static atl_node *gate(atl_graph *g, const config *c, atl_node *x, atl_node *condition) {
    if (x->op == ATL_OP_POISON || (condition && condition->op == ATL_OP_POISON))
        return &g->poison;
    x = condition ? atl_add(g, x, condition) : x;
    atl_node *a = atl_slice_axis(g, x, 3, 0, c->channels),
             *b = atl_slice_axis(g, x, 3, c->channels, c->channels);
    return atl_mul(g, atl_tanh(g, a), atl_sigmoid(g, b));
}

// g, which goes on along the row; x, which was there before the layer, is added but in the first.
static atl_node *carried(atl_net *net, const config *c, int layer, atl_node *gated, atl_node *x) {
    atl_node *h = mixed(net, "horiz_resid", gated, c->channels);
    if (h->op == ATL_OP_POISON || x->op == ATL_OP_POISON)
        return &net->g->poison;
    return atl_named(net->g, layer ? atl_add(net->g, h, x) : h);
}

static atl_node *embedded(atl_net *net, const config *c, atl_node *codes) { // [..., channels]
    atl_node *table =
        atl_net_param(net, "embedding.weight", ATL_SHAPE(c->codes, c->channels), ATL_INIT_NORMAL, 1.0f);
    return atl_embedding(net->g, table, codes);
}

static atl_node *logits_of(atl_net *net, const config *c, atl_node *x) {
    x = atl_relu(net->g, mixed(net, "output_conv.0", x, c->channels));
    return mixed(net, "output_conv.2", x, c->codes);
}

// ---- conditions

// What a class and the map above say, [n, 1 or h, 1 or w, channels]; NULL: there are none.
typedef struct given {
    atl_node *class; // [n, 1]
    atl_node *above; // features of the map above, each for 2 x 2 places
} given;

static given conditions(atl_net *net, const config *c, atl_call *call, int height, int width) {
    atl_graph *g = net->g;
    given d = { 0 };
    if (c->classes)
        d.class = atl_call_in(net, call, "conds", ATL_SHAPE(1));
    if (!c->above)
        return d;
    atl_node *codes = atl_call_in(net, call, "above", ATL_SHAPE((int64_t)height * width));
    atl_node *table = atl_net_param(net, "above.weight", ATL_SHAPE(c->above, c->channels), ATL_INIT_NORMAL, 1.0f);
    atl_node *x = atl_embedding(g, table, codes);
    d.above = x->op == ATL_OP_POISON ? x
                                     : atl_reshape(g, x, ATL_SHAPE(call->n, height, width, c->channels));
    return d;
}

// What the conditions add to a layer's gates, in the shape of `to`; NULL: nothing.  Of the map above `rows`
// repeats each row twice, or not.
static atl_node *condition_of(atl_net *net, const config *c, const given *d, bool rows, atl_node *to) {
    atl_graph *g = net->g;
    int64_t wide = 2 * (int64_t)c->channels;
    atl_node *sum = NULL;
    if (to->op == ATL_OP_POISON)
        return to;
    if (d->class) {
        atl_node *table = atl_net_param(net, "class_cond_embedding.weight", ATL_SHAPE(c->classes, wide),
                                        ATL_INIT_NORMAL, 1.0f);
        sum = atl_embedding(g, table, d->class);
        sum = sum->op == ATL_OP_POISON
                  ? sum
                  : atl_expand(g, atl_reshape(g, sum, ATL_SHAPE(to->shape.d[0], 1, 1, wide)), to->shape);
    }
    if (d->above) {
        atl_node *x = mixed(net, "above_cond", d->above, wide);
        x = x->op == ATL_OP_POISON ? x : atl_nearest_up(g, x);
        if (x->op == ATL_OP_POISON || (sum && sum->op == ATL_OP_POISON))
            return &g->poison;
        x = rows ? x : atl_slice_axis(g, x, 1, 0, 1);
        sum = sum ? atl_add(g, sum, x) : x;
    }
    return sum;
}

// ---- the whole map

static atl_node *layer(atl_net *net, const config *c, const atl_call *call, int at, const given *d,
                       atl_node **down, atl_node *along) {
    atl_graph *g = net->g;
    int k = kernel_of(c, at);
    const atl_conv_attr above = { .slot = ATL_SLOT_Y, .sy = 1, .sx = 1, .py0 = k / 2, .px0 = k / 2, .px1 = k / 2,
                                  .groups = 1 },
                        left = { .slot = ATL_SLOT_Y, .sy = 1, .sx = 1, .px0 = k / 2, .groups = 1 };
    size_t scope = atl_scope_push(g, "layers.%d", at);
    atl_node *v = convolved(net, *down, down_weights(net, c, at), &above),
             *h = convolved(net, along, along_weights(net, c, at), &left);
    if (v->op != ATL_OP_POISON && h->op != ATL_OP_POISON && !at) { // one row and one column more
        v = atl_slice_axis(g, v, 1, 0, c->height);
        h = atl_slice_axis(g, h, 2, 0, c->width);
    }
    atl_node *said = mixed(net, "vert_to_horiz", v, 2 * (int64_t)c->channels);
    atl_node *condition = condition_of(net, c, d, true, said);
    if (said->op == ATL_OP_POISON || h->op == ATL_OP_POISON) {
        atl_scope_pop(g, scope);
        return &g->poison;
    }
    *down = gate(g, c, v, condition);
    h = gate(g, c, atl_add(g, said, h), condition);
    atl_node *x = carried(net, c, at, atl_call_spared(net, call, h), along);
    atl_scope_pop(g, scope);
    return x;
}

// codes [rows columns], row by row, and where the config has them conds [1], a class, and above [a quarter of
// them], codes of the map above -> logits [rows columns, n_embed]
static void predict(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    int64_t count = (int64_t)c->height * c->width;
    atl_node *x = embedded(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(count)));
    given d = conditions(net, c, call, c->height / 2, c->width / 2);
    if (x->op == ATL_OP_POISON)
        return;
    x = atl_reshape(g, x, ATL_SHAPE(call->n, c->height, c->width, c->channels));
    atl_node *down = x;
    for (int i = 0; i < c->layers && x->op != ATL_OP_POISON; i++)
        x = layer(net, c, call, i, &d, &down, x);
    x = logits_of(net, c, x);
    if (x->op != ATL_OP_POISON)
        atl_call_out(net, call, "logits", atl_reshape(g, x, ATL_SHAPE(call->n, count, c->codes)));
}

// ---- code by code

// Rows [layer] of a port [layers, ...] as an image.
static atl_node *part_of(atl_graph *g, atl_node *all, int64_t at, atl_shape shape) {
    if (all->op == ATL_OP_POISON)
        return all;
    return atl_reshape(g, atl_slice_axis(g, all, 1, at, 1), shape);
}

// [n, 1, 1, c] or [n, 1, w, c] -> [n, 1, w c]: a layer's row of a port.
static atl_node *as_row(atl_graph *g, atl_node *x) {
    return x->op == ATL_OP_POISON
               ? x
               : atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], 1, atl_shape_count(&x->shape) / x->shape.d[0]));
}

static void tell(atl_net *net, atl_call *call, const char *name, atl_node *const *list, int count) {
    for (int i = 0; i < count; i++)
        if (list[i]->op == ATL_OP_POISON)
            return;
    if (count)
        atl_call_out(net, call, name, atl_concat(net->g, list, count, 1));
}

// Before a row: codes [first / 2, columns], the rows above it, -1 where there is none; kept [layers - 1,
// (kernel / 2) columns dim], what the layers behind the first kept of as many rows; conds, and above
// [columns / 2], the row of the map above -> said [layers, columns 2 dim], which "pixel" is given, and rows
// [layers - 1, columns dim], which is to be kept of this row.
static void row(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    int64_t n = call->n, w = c->width, dim = c->channels, more = c->layers - 1;
    atl_node *said[LAYERS_MOST], *rows[LAYERS_MOST];
    atl_node *x = embedded(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(c->first / 2 * w)));
    atl_node *kept = more ? atl_call_in(net, call, "kept", ATL_SHAPE(more, c->kernel / 2 * w * dim)) : NULL;
    given d = conditions(net, c, call, 1, c->width / 2);
    if (x->op == ATL_OP_POISON)
        return;
    x = atl_reshape(g, x, ATL_SHAPE(n, c->first / 2, w, dim));
    for (int i = 0; i < c->layers && x->op != ATL_OP_POISON; i++) {
        int k = kernel_of(c, i);
        const atl_conv_attr wide = { .slot = ATL_SLOT_Y, .sy = 1, .sx = 1, .px0 = k / 2, .px1 = k / 2, .groups = 1 };
        size_t scope = atl_scope_push(g, "layers.%d", i);
        if (i) {
            atl_node *both[2] = { part_of(g, kept, i - 1, ATL_SHAPE(n, k / 2, w, dim)), x };
            x = both[0]->op == ATL_OP_POISON ? both[0] : atl_concat(g, both, 2, 1);
        }
        atl_node *v = convolved(net, x, down_weights(net, c, i), &wide);
        atl_node *to = mixed(net, "vert_to_horiz", v, 2 * dim), *condition = condition_of(net, c, &d, false, to);
        x = gate(g, c, v, condition);
        rows[i] = as_row(g, x);
        said[i] = as_row(g, condition && to->op != ATL_OP_POISON ? atl_add(g, to, condition) : to);
        atl_scope_pop(g, scope);
    }
    if (x->op == ATL_OP_POISON)
        return;
    tell(net, call, "said", said, c->layers);
    tell(net, call, "rows", rows, c->layers - 1);
}

// The next code of a row: left [first / 2], the codes before it, -1 where there is none; beside [layers - 1,
// (kernel / 2) dim], what the layers behind the first kept of as many places; said [layers, 2 dim], of the
// place -> logits [n_embed] and places [layers - 1, dim], which is to be kept of this one.
static void pixel(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    int64_t n = call->n, dim = c->channels, more = c->layers - 1;
    const atl_conv_attr all = { .slot = ATL_SLOT_Y, .sy = 1, .sx = 1, .groups = 1 };
    atl_node *places[LAYERS_MOST];
    atl_node *x = embedded(net, c, atl_call_in(net, call, "left", ATL_SHAPE(c->first / 2)));
    atl_node *beside = more ? atl_call_in(net, call, "beside", ATL_SHAPE(more, c->kernel / 2 * dim)) : NULL;
    atl_node *said = atl_call_in(net, call, "said", ATL_SHAPE(c->layers, 2 * dim));
    if (x->op == ATL_OP_POISON)
        return;
    x = atl_reshape(g, x, ATL_SHAPE(n, 1, c->first / 2, dim));
    for (int i = 0; i < c->layers && x->op != ATL_OP_POISON; i++) {
        size_t scope = atl_scope_push(g, "layers.%d", i);
        atl_node *before = x;
        if (i) {
            atl_node *both[2] = { part_of(g, beside, i - 1, ATL_SHAPE(n, 1, c->kernel / 2, dim)), x };
            x = both[0]->op == ATL_OP_POISON ? both[0] : atl_concat(g, both, 2, 2);
        }
        x = convolved(net, x, along_weights(net, c, i), &all);
        x = gate(g, c, x, part_of(g, said, i, ATL_SHAPE(n, 1, 1, 2 * dim)));
        x = carried(net, c, i, x, before);
        places[i] = as_row(g, x);
        atl_scope_pop(g, scope);
    }
    atl_node *logits = logits_of(net, c, x);
    if (logits->op == ATL_OP_POISON)
        return;
    atl_call_out(net, call, "logits", atl_reshape(g, logits, ATL_SHAPE(n, c->codes)));
    tell(net, call, "places", places, c->layers - 1);
}

// ---- drawing

atl_status atl_pixelcnn_sizes(atl_ctx *ctx, const json_t *json, atl_pixelcnn_size *s) {
    config c;
    ATL_TRY(parse(ctx, json, &c));
    *s = (atl_pixelcnn_size){ .rows = c.height,
                              .columns = c.width,
                              .codes = c.codes,
                              .layers = c.layers,
                              .channels = c.channels,
                              .first = c.first / 2,
                              .others = c.kernel / 2,
                              .classes = c.classes,
                              .above = c.above };
    return ATL_OK;
}

// ---- new networks

json_t *atl_pixelcnn_json(int rows, int columns, int codes, int channels, int layers, int classes, int above) {
    return json_pack("{s:i s:i s:i s:i s:i s:i s:i s:i s:i}", "rows", rows, "columns", columns, "n_embed", codes,
                     "dim", channels, "n_layers", layers, "first_kernel", 7, "kernel", 3, "n_classes", classes,
                     "n_above", above);
}

// For the codes of a new VQ-VAE of the same resolution and codebook; the reference's 64 channels and 7
// layers.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int side = o->resolution / 4;
    *json = atl_pixelcnn_json(side, side, o->channel_max ? o->channel_max : 512,
                              o->channel_base ? o->channel_base : 64, o->map_depth ? o->map_depth : 7, o->c_dim, 0);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_pixelcnn = {
    .kind = "pixelcnn",
    .family = "pixelcnn",
    .role = "transformer",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "predict", predict, false }, { "row", row, false }, { "pixel", pixel, false } },
};
