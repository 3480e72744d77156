// SPDX-License-Identifier: Apache-2.0
// StyleGAN3 (Karras et al. 2021): alias-free generators of the configurations T and R, and the generators of
// StyleGAN-XL (Sauer et al. 2022), whose synthesis is the same with another mapping.  Every size, rate
// and filter comes from the file; nothing is derived again.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/philox.h"
#include "models/rows.h"
#include "models/stylegan3_init.h"
#include "nn/stylegan3_plan.h"

enum { LAYERS_MAX = 40 };

typedef struct layer {
    char name[32];
    int in_channels, out_channels, in_size[2], out_size[2]; // width, height
    int kernel, up, down, up_taps, down_taps;
    int pad[4];                                       // x0, x1, y0, y1
    bool torgb, radial;
    float clamp;
    double in_cutoff, out_cutoff, in_half_width, out_half_width, tmp_rate; // of the filters; 0: not known
} layer;

typedef struct config {
    int z_dim, c_dim, w_dim, num_ws, channels;
    float output_scale;
    int input_channels, input_size[2];
    float sampling_rate, bandwidth;
    layer layers[LAYERS_MAX];
    int n_layers;
    atl_mapping_config mapping;
} config;

// ---- config

static atl_status pair(atl_ctx *ctx, const json_t *list, const char *key, int count, int low, int high, int *out) {
    const json_t *v = json_object_get(list, key);
    if (json_array_size(v) != (size_t)count)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no list \"%s\" of %d numbers", key, count);
    for (int i = 0; i < count; i++) {
        const json_t *e = json_array_get(v, (size_t)i);
        double d = json_number_value(e);
        if (!json_is_number(e) || !(d >= low && d <= high))
            return atl_fail(ctx, ATL_BAD_FILE, "the network's config has %g in \"%s\", where %d to %d is possible", d,
                            key, low, high);
        out[i] = (int)d;
    }
    return ATL_OK;
}

static double number(const json_t *j, const char *key) { // 0 when missing
    return json_number_value(json_object_get(j, key));
}

static atl_status parse_layer(atl_ctx *ctx, const json_t *j, layer *l) {
    const char *name = json_string_value(json_object_get(j, "name"));
    if (!name || strlen(name) >= sizeof l->name)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has a layer without a usable name");
    snprintf(l->name, sizeof l->name, "%s", name);
    ATL_TRY(atl_config_int(ctx, j, "in_channels", 1, 1 << 16, &l->in_channels));
    ATL_TRY(atl_config_int(ctx, j, "out_channels", 1, 1 << 16, &l->out_channels));
    ATL_TRY(pair(ctx, j, "in_size", 2, 1, 1 << 14, l->in_size));
    ATL_TRY(pair(ctx, j, "out_size", 2, 1, 1 << 14, l->out_size));
    ATL_TRY(atl_config_int(ctx, j, "up_factor", 1, 8, &l->up));
    ATL_TRY(atl_config_int(ctx, j, "down_factor", 1, 8, &l->down));
    ATL_TRY(atl_config_int(ctx, j, "up_taps", 1, 256, &l->up_taps));
    ATL_TRY(atl_config_int(ctx, j, "down_taps", 1, 256, &l->down_taps));
    ATL_TRY(pair(ctx, j, "padding", 4, -4096, 4096, l->pad));
    l->torgb = json_is_true(json_object_get(j, "is_torgb"));
    l->radial = json_is_true(json_object_get(j, "down_radial"));
    l->kernel = 1;
    if (!l->torgb)
        ATL_TRY(atl_config_int(ctx, j, "conv_kernel", 1, 15, &l->kernel));
    l->in_cutoff = number(j, "in_cutoff");
    l->out_cutoff = number(j, "out_cutoff");
    l->in_half_width = number(j, "in_half_width");
    l->out_half_width = number(j, "out_half_width");
    l->tmp_rate = number(j, "tmp_sampling_rate");
    l->clamp = INFINITY;
    return atl_config_float(ctx, j, "conv_clamp", &l->clamp);
}

static atl_status parse_synthesis(atl_ctx *ctx, const json_t *s, config *c) {
    const json_t *in = json_object_get(s, "input"), *layers = json_object_get(s, "layers");
    c->output_scale = 1.0f;
    ATL_TRY(atl_config_float(ctx, s, "output_scale", &c->output_scale));
    ATL_TRY(atl_config_int(ctx, in, "channels", 1, 1 << 16, &c->input_channels));
    ATL_TRY(pair(ctx, in, "size", 2, 1, 1 << 14, c->input_size));
    ATL_TRY(atl_config_float(ctx, in, "sampling_rate", &c->sampling_rate));
    ATL_TRY(atl_config_float(ctx, in, "bandwidth", &c->bandwidth));
    if (!(c->sampling_rate > 0.0f) || !(c->bandwidth > 0.0f) || c->sampling_rate == 2.0f * c->bandwidth)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says sampling_rate = %g and bandwidth = %g",
                        (double)c->sampling_rate, (double)c->bandwidth);
    size_t n = json_array_size(layers);
    if (n < 1 || n > LAYERS_MAX)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has %zu layers, 1 to %d are possible", n, LAYERS_MAX);
    for (size_t i = 0; i < n; i++)
        ATL_TRY(parse_layer(ctx, json_array_get(layers, i), &c->layers[c->n_layers++]));
    c->num_ws = c->n_layers + 1;
    return ATL_OK;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    int resolution; // the longer side; the layers say what is computed
    memset(c, 0, sizeof *c);
    ATL_TRY(atl_config_int(ctx, j, "z_dim", 1, 1 << 16, &c->z_dim));
    ATL_TRY(atl_config_int(ctx, j, "c_dim", 0, 1 << 20, &c->c_dim));
    ATL_TRY(atl_config_int(ctx, j, "w_dim", 1, 1 << 16, &c->w_dim));
    ATL_TRY(atl_config_int(ctx, j, "img_resolution", 4, 1 << 14, &resolution));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 1 << 10, &c->channels));
    ATL_TRY(parse_synthesis(ctx, json_object_get(j, "synthesis"), c));
    ATL_TRY(atl_config_mapping(ctx, j, &c->mapping));
    c->mapping.z_dim = c->z_dim;
    c->mapping.c_dim = c->c_dim;
    c->mapping.w_dim = c->w_dim;
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    const int *size = c->layers[c->n_layers - 1].out_size;
    *d = (atl_model_dims){ .z_dim = c->z_dim,
                           .c_dim = c->c_dim,
                           .w_dim = c->w_dim,
                           .num_ws = c->num_ws,
                           .channels = c->channels,
                           .height = size[1],
                           .width = size[0],
                           .class_averages = c->mapping.table_features > 0 };
    return ATL_OK;
}

static void map(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *z = atl_call_latent(net, call, c->z_dim), *label = atl_call_label(net, call, c->c_dim);
    atl_call_out(net, call, "w", atl_mapping(net, &c->mapping, z, label));
}

// ---- Fourier features

static atl_node *column(atl_graph *g, atl_node *m, int64_t row, int64_t col) { // one element [n, 1] of m [n, r, c]
    atl_node *e = atl_slice_axis(g, atl_slice_axis(g, m, 1, row, 1), 2, col, 1);
    return atl_reshape(g, e, ATL_SHAPE(m->shape.d[0], 1));
}

static atl_node *cell(atl_graph *g, atl_node *m, int64_t row, int64_t col, int64_t n) { // m [3, 3] -> [n, 1]
    atl_node *e = atl_slice(g, m, (int64_t[]){ row, col }, ATL_SHAPE(1, 1));
    return atl_expand(g, e, ATL_SHAPE(n, 1));
}

// x * a + y * b for [n, 1] nodes
static atl_node *mix(atl_graph *g, atl_node *x, atl_node *a, atl_node *y, atl_node *b) {
    return atl_add(g, atl_mul(g, x, a), atl_mul(g, y, b));
}

// Rows of frequencies f [c] * s [n, 1] -> [n, c]
static atl_node *outer(atl_graph *g, atl_node *f, atl_node *s) {
    atl_shape shape = ATL_SHAPE(s->shape.d[0], f->shape.d[1]);
    return atl_mul(g, atl_expand(g, f, shape), atl_expand(g, s, shape));
}

typedef struct waves { atl_node *fx, *fy, *phase; } waves; // [n, c] each

// Frequencies and phases after the learned rotation and translation t [n, 4] and the user's transform m [3, 3]:
// phases + freqs R (u + t), freqs R U with R = [[t0, -t1], [t1, t0]] / |t01|, U and u the parts of m.
static waves transformed(atl_net *net, const config *c, atl_node *t, atl_node *m) {
    atl_graph *g = net->g;
    int64_t n = t->shape.d[0], k = c->input_channels;
    atl_node *freqs = atl_net_buffer(net, "freqs", ATL_SHAPE(k, 2), ATL_INIT_NORMAL, 1.0f);
    atl_node *phases = atl_net_buffer(net, "phases", ATL_SHAPE(k), ATL_INIT_ZERO, 0.0f);
    atl_node *t3 = atl_reshape(g, t, ATL_SHAPE(n, 1, 4));
    atl_node *t0 = column(g, t3, 0, 0), *t1 = column(g, t3, 0, 1), *t2 = column(g, t3, 0, 2);
    atl_node *t3_ = column(g, t3, 0, 3);
    atl_node *length = atl_sqrt(g, mix(g, t0, t0, t1, t1));
    t0 = atl_div(g, t0, length), t1 = atl_div(g, t1, length);
    atl_node *tx = atl_sub(g, cell(g, m, 0, 2, n), atl_div(g, t2, length));
    atl_node *ty = atl_sub(g, cell(g, m, 1, 2, n), atl_div(g, t3_, length));
    atl_node *minus = atl_neg(g, t1);
    atl_node *dx = mix(g, t0, tx, minus, ty), *dy = mix(g, t1, tx, t0, ty); // R (u + t)
    atl_node *m00 = mix(g, t0, cell(g, m, 0, 0, n), minus, cell(g, m, 1, 0, n));
    atl_node *m01 = mix(g, t0, cell(g, m, 0, 1, n), minus, cell(g, m, 1, 1, n));
    atl_node *m10 = mix(g, t1, cell(g, m, 0, 0, n), t0, cell(g, m, 1, 0, n));
    atl_node *m11 = mix(g, t1, cell(g, m, 0, 1, n), t0, cell(g, m, 1, 1, n));
    atl_node *f0 = atl_reshape(g, atl_slice_axis(g, freqs, 1, 0, 1), ATL_SHAPE(1, k));
    atl_node *f1 = atl_reshape(g, atl_slice_axis(g, freqs, 1, 1, 1), ATL_SHAPE(1, k));
    atl_node *p = atl_expand(g, atl_reshape(g, phases, ATL_SHAPE(1, k)), ATL_SHAPE(n, k));
    return (waves){ atl_add(g, outer(g, f0, m00), outer(g, f1, m10)), atl_add(g, outer(g, f0, m01), outer(g, f1, m11)),
                    atl_add(g, p, atl_add(g, outer(g, f0, dx), outer(g, f1, dy))) };
}

// Coordinates of the sampling grid along one axis, as an affine grid with scale size / (2 rate).
static atl_node *coordinates(atl_graph *g, const config *c, int size, atl_shape shape) {
    float x[1 << 10];
    if (size > 1 << 10)
        return atl_graph_fail(g, ATL_UNSUPPORTED, "an input of %d pixels is larger than 1024", size);
    for (int i = 0; i < size; i++)
        x[i] = (float)(((2.0 * i + 1.0) / size - 1.0) * 0.5 * size / (double)c->sampling_rate);
    return atl_const(g, shape, x);
}

// The setting "transform" [3, 3]: the inverse of the matrix that moves the image; the file has its first
// value.
static atl_node *transform_of(atl_net *net, atl_call *call) {
    static const float identity[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    atl_node *stored = atl_net_buffer(net, "transform", ATL_SHAPE(3, 3), ATL_INIT_ZERO, 0.0f);
    bool there = stored->op == ATL_OP_PARAM && stored->at.leaf.data;
    return atl_call_setting(net, call, "transform", ATL_SHAPE(3, 3), there ? stored->at.leaf.data : identity);
}

static atl_node *fourier_input(atl_net *net, const config *c, atl_node *w, atl_call *call) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "input");
    int64_t n = w->shape.d[0], k = c->input_channels, width = c->input_size[0], height = c->input_size[1];
    atl_node *transform = transform_of(net, call);
    atl_linear_options plain = { ATL_LINEAR, 1.0f, 0.0f, false };
    atl_node *pose = atl_call_style(net, call, 0, atl_linear(net, "affine", w, 4, &plain));
    waves f = transformed(net, c, pose, transform);
    // frequencies beyond the band fade out: clamp(1 - (|f| - bandwidth) / (rate / 2 - bandwidth), 0, 1)
    float slope = -1.0f / (c->sampling_rate / 2.0f - c->bandwidth);
    atl_node *norm = atl_sqrt(g, atl_add(g, atl_square(g, f.fx), atl_square(g, f.fy)));
    atl_node *amp = atl_clamp(g, atl_affine(g, norm, slope, 1.0f - slope * c->bandwidth), 0.0f, 1.0f);
    atl_shape all = ATL_SHAPE(n, height, width, k), wide = ATL_SHAPE(n, 1, 1, k);
    atl_node *x = coordinates(g, c, (int)width, ATL_SHAPE(1, 1, width, 1));
    atl_node *y = coordinates(g, c, (int)height, ATL_SHAPE(1, height, 1, 1));
    x = atl_expand(g, x, ATL_SHAPE(n, 1, width, k));
    y = atl_expand(g, y, ATL_SHAPE(n, height, 1, k));
    atl_node *ax = atl_mul(g, x, atl_expand(g, atl_reshape(g, f.fx, wide), x->shape));
    atl_node *ay = atl_mul(g, y, atl_expand(g, atl_reshape(g, f.fy, wide), y->shape));
    ax = atl_add(g, ax, atl_expand(g, atl_reshape(g, f.phase, wide), ax->shape));
    atl_node *angle = atl_add(g, atl_expand(g, ax, all), atl_expand(g, ay, all));
    atl_node *v = atl_unary(g, ATL_FN_SIN, atl_scale(g, angle, 6.28318530717958647692f), 0.0f, 0.0f);
    v = atl_scale_channels(g, v, amp);
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(k, k), ATL_INIT_NORMAL, 1.0f);
    weight = atl_scale(g, weight, (float)(1.0 / sqrt((double)k)));
    v = atl_matmul(g, atl_reshape(g, v, ATL_SHAPE(n * height * width, k)), weight, false, true);
    v = atl_named(g, atl_reshape(g, v, all));
    atl_scope_pop(g, scope);
    return v;
}

// ---- layers

// x * rsqrt(mean of x^2 over `axes`)
static atl_node *unit_rms(atl_graph *g, atl_node *x, unsigned axes) {
    return atl_mul(g, x, atl_expand(g, atl_rsqrt(g, atl_mean(g, atl_square(g, x), axes)), x->shape));
}

// The stored filter as numbers: the plan needs them while it is built.  A new network's are zeros.
static const float *filter_of(atl_net *net, const char *name, int taps, bool radial) {
    atl_shape shape = radial ? ATL_SHAPE(taps, taps) : ATL_SHAPE(taps);
    atl_node *f = atl_net_buffer(net, name, shape, ATL_INIT_ZERO, 0.0f);
    if (f->op == ATL_OP_PARAM && f->at.leaf.data)
        return f->at.leaf.data;
    return atl_arena_alloc(&net->g->arena, (size_t)atl_shape_count(&shape), sizeof(float));
}

// The mean square of the layer's input: magnitude_ema is its running mean.
static void tell_magnitude(atl_net *net, atl_call *call, const layer *l, atl_node *x) {
    char name[64];
    if (!call->means || x->op == ATL_OP_POISON)
        return;
    snprintf(name, sizeof name, "%s.magnitude_ema", l->name);
    atl_node *mean = atl_mean(net->g, atl_square(net->g, x), 2u | 4u | 8u);
    atl_call_mean(net, call, name, atl_reshape(net->g, mean, ATL_SHAPE(x->shape.d[0])));
}

// `index`: of w among ws.
static atl_node *synthesis_layer(atl_net *net, const layer *l, atl_node *x, atl_node *w, int index,
                                 atl_call *call) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", l->name);
    int64_t n = x->shape.d[0], in = l->in_channels, out = l->out_channels, k = l->kernel;
    atl_linear_options affine = { ATL_LINEAR, 1.0f, 1.0f, false };
    atl_node *s = atl_call_style(net, call, index, atl_linear(net, "affine", w, in, &affine));
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(out, in, k, k), ATL_INIT_NORMAL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    atl_node *ema = atl_net_buffer(net, "magnitude_ema", atl_shape_make(0, (int64_t[]){ 1 }), ATL_INIT_FILL, 1.0f);
    atl_node *gain = atl_reshape(g, atl_rsqrt(g, ema), ATL_SHAPE(1, 1));
    tell_magnitude(net, call, l, x);
    atl_node *y;
    int pad = l->kernel - 1; // every position where the kernel meets the image
    if (l->torgb) {
        s = atl_scale(g, s, (float)(1.0 / sqrt((double)(in * k * k))));
        s = atl_mul(g, s, atl_expand(g, gain, s->shape));
        y = atl_conv2d(g, atl_scale_channels(g, x, s), weight, 1, pad);
    } else {
        weight = unit_rms(g, weight, 2u | 4u | 8u);
        s = unit_rms(g, s, 1u | 2u);
        atl_node *w2 = atl_reshape(g, atl_sum(g, atl_square(g, weight), 4u | 8u), ATL_SHAPE(out, in));
        atl_node *d = atl_rsqrt(g, atl_affine(g, atl_matmul(g, atl_square(g, s), w2, false, true), 1.0f, 1e-8f));
        y = atl_conv2d(g, atl_scale_channels(g, x, s), weight, 1, pad);
        y = atl_scale_channels(g, y, atl_mul(g, d, atl_expand(g, gain, ATL_SHAPE(n, out))));
    }
    if (l->torgb) {
        y = atl_activate(g, atl_add_bias(g, y, bias), ATL_LINEAR, 1.0f, l->clamp);
    } else {
        atl_flrelu_attr a = { .up = l->up, .down = l->down, .up_taps = l->up_taps > 1 ? l->up_taps : 0,
                              .down_taps = l->down_taps > 1 ? l->down_taps : 0, .px0 = l->pad[0], .px1 = l->pad[1],
                              .py0 = l->pad[2], .py1 = l->pad[3], .radial = l->radial && l->down_taps > 1,
                              .slope = 0.2f, .gain = ATL_SQRT2, .clamp = l->clamp };
        if (a.up_taps)
            a.fu = filter_of(net, "up_filter", l->up_taps, false);
        if (a.down_taps)
            a.fd = filter_of(net, "down_filter", l->down_taps, l->radial);
        bool lost = (a.up_taps && !a.fu) || (a.down_taps && !a.fd);
        y = lost ? atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a filter") : atl_flrelu(g, y, bias, &a);
    }
    const int *size = l->out_size;
    if (y->op != ATL_OP_POISON &&
        (y->shape.d[2] != size[0] || y->shape.d[1] != size[1] || y->shape.d[3] != out))
        y = atl_graph_fail(g, ATL_BAD_FILE,
                           "the layer gives %lldx%lld pixels of %lld channels, the config says %dx%d of %d",
                           (long long)y->shape.d[2], (long long)y->shape.d[1], (long long)y->shape.d[3],
                           size[0], size[1], l->out_channels);
    y = atl_named(g, y);
    atl_scope_pop(g, scope);
    return y;
}

static void synthesize(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *ws = atl_call_in(net, call, "ws", ATL_SHAPE(c->num_ws, c->w_dim));
    size_t scope = atl_scope_push(g, "synthesis");
    int64_t n = call->n;
    atl_node *w[LAYERS_MAX + 1];
    for (int i = 0; i < c->num_ws; i++)
        w[i] = atl_reshape(g, atl_slice_axis(g, ws, 1, i, 1), ATL_SHAPE(n, c->w_dim));
    atl_node *x = fourier_input(net, c, w[0], call);
    for (int i = 0; i < c->n_layers; i++)
        x = synthesis_layer(net, &c->layers[i], x, w[i + 1], i + 1, call);
    if (c->output_scale != 1.0f)
        x = atl_scale(g, x, c->output_scale);
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    atl_call_out(net, call, "img", x);
}

// Of "synthesis.L3_52_512.bias" 52.
static int resolution_of(const char *param) {
    int size;
    if (strncmp(param, "synthesis.", 10) != 0)
        return -1;
    return sscanf(param + 10, "L%*d_%d_", &size) == 1 ? size : 0;
}

// ---- new networks

static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return atl_sg3_init_json(ctx, o, &(atl_sg3_init){ 512, 0, 0, 1.0 }, json);
}

// StyleGAN-XL: twice the channels, a smaller z, and classes by 320 features of a pretrained classifier.
static atl_status init_xl(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return atl_sg3_init_json(ctx, o, &(atl_sg3_init){ 64, 320, 64, 2.0 }, json);
}

static float *values(const atl_params *params, const char *of, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "synthesis.%s.%s", of, name);
    const atl_param *p = atl_params_find(params, full);
    return p ? atl_param_data(params, p) : NULL;
}

// Frequencies in a disc: of normal numbers of length r, f / (r exp(r^2)^(1/4)), times the bandwidth.
static void spread_frequencies(const config *c, float *freqs) {
    for (int i = 0; i < c->input_channels; i++) {
        double x = (double)freqs[2 * i], y = (double)freqs[2 * i + 1], r2 = x * x + y * y;
        double scale = r2 > 0 ? (double)c->bandwidth / (sqrt(r2) * exp(0.25 * r2)) : 0.0;
        freqs[2 * i] = (float)(x * scale);
        freqs[2 * i + 1] = (float)(y * scale);
    }
}

static void finish_input(const config *c, const atl_params *params, uint64_t seed) {
    enum { PHASE_STREAM = 1 };
    float *transform = values(params, "input", "transform"), *phases = values(params, "input", "phases");
    float *bias = values(params, "input", "affine.bias"), *weight = values(params, "input", "affine.weight");
    spread_frequencies(c, values(params, "input", "freqs"));
    atl_philox_uniform(seed, PHASE_STREAM, 0, (size_t)c->input_channels, phases);
    for (int i = 0; i < c->input_channels; i++)
        phases[i] -= 0.5f;
    for (int i = 0; i < 9; i++)
        transform[i] = i % 4 == 0 ? 1.0f : 0.0f;
    memset(weight, 0, 4 * (size_t)c->w_dim * sizeof *weight);
    bias[0] = 1.0f; // neither turned nor moved, whatever w is
}

static atl_status finish(atl_ctx *ctx, const void *config_, atl_params *params, uint64_t seed) {
    const config *c = config_;
    finish_input(c, params, seed);
    for (int i = 0; i < c->n_layers; i++) {
        const layer *l = &c->layers[i];
        atl_sg3_layer design = { .up_taps = l->torgb ? 1 : l->up_taps, .down_taps = l->torgb ? 1 : l->down_taps,
                                 .tmp_rate = l->tmp_rate, .in_cutoff = l->in_cutoff, .out_cutoff = l->out_cutoff,
                                 .in_half_width = l->in_half_width, .out_half_width = l->out_half_width,
                                 .radial = l->radial };
        float *up = values(params, l->name, "up_filter"), *down = values(params, l->name, "down_filter");
        if ((design.up_taps > 1 && !up) || (design.down_taps > 1 && !down))
            return atl_fail(ctx, ATL_INTERNAL, "the layer %s has no filter to fill", l->name);
        atl_sg3_layer_filters(&design, up, down);
    }
    return ATL_OK;
}

const atl_model_row atl_stylegan3_generator = {
    .kind = "stylegan3_generator",
    .family = "stylegan3",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
    .finish = finish,
    .average = "mapping.w_avg",
    .resolution_of = resolution_of,
};
const atl_model_row atl_stylegan_xl_generator = {
    .kind = "stylegan_xl_generator",
    .family = "stylegan-xl",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init_xl,
    .dims = dims,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
    .finish = finish,
    .average = "mapping.w_avg",
    .resolution_of = resolution_of,
};
