// SPDX-License-Identifier: Apache-2.0
// VQ-VAE, VQ-VAE-2 and the PixelCNN against straight loops over their definitions, opened from state dicts as
// their makers name them; codes drawn place by place against those of whole maps.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/array.h>
#include <atelier/codes.h>
#include <atelier/model.h>
#include <atelier/network.h>
#include <atelier/rng.h>
#include "base/philox.h"
#include "run/draw_codes.h"

enum { SIDE = 16, WIDTH = 16, CODES = 24, TENSORS = 256, MAP = 6, LAYERS = 3, DIM = 8, CLASSES = 3, ABOVE = 7 };

static const double BOUND = 2e-6; // of float32 sums over some hundred numbers

static const char *const FILE_NAME = "vqvae.safetensors";

static void ok(const atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.direct = 1;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

// ---- files of tensors

// A state dict with any values: biases and tables count, too.
typedef struct state {
    atl_array list[TENSORS];
    size_t size;
} state;

static void add(state *s, const char *name, int rank, const int64_t *dims, double deviation) {
    atl_array *a = &s->list[s->size];
    char *copy = malloc(strlen(name) + 8);
    assert_true(copy && s->size < TENSORS);
    sprintf(copy, "module.%s", name);
    *a = (atl_array){ .name = copy, .dtype = ATL_F32, .rank = rank };
    memcpy(a->dims, dims, (size_t)rank * sizeof *dims);
    size_t count = (size_t)atl_array_count(a);
    float *data = malloc(count * sizeof *data);
    assert_non_null(data);
    atl_philox_normal(5, s->size, 0, count, data);
    for (size_t i = 0; i < count; i++)
        data[i] *= (float)deviation;
    a->data = data;
    s->size++;
}

#define DIMS(...) (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ }

static void add_conv(state *s, const char *name, int out, int in, int kh, int kw) {
    char full[128];
    snprintf(full, sizeof full, "%s.weight", name);
    add(s, full, DIMS(out, in, kh, kw), 1.5 / sqrt((double)(in * kh * kw)));
    snprintf(full, sizeof full, "%s.bias", name);
    add(s, full, DIMS(out), 0.2);
}

static void add_up(state *s, const char *name, int in, int out) {
    char full[128];
    snprintf(full, sizeof full, "%s.weight", name);
    add(s, full, DIMS(in, out, 4, 4), 1.5 / sqrt((double)(in * 4)));
    snprintf(full, sizeof full, "%s.bias", name);
    add(s, full, DIMS(out), 0.2);
}

static void clear_state(state *s) {
    for (size_t i = 0; i < s->size; i++) {
        free((char *)(uintptr_t)s->list[i].name);
        free((void *)(uintptr_t)s->list[i].data);
    }
    s->size = 0;
}

static const float *values(const state *s, const char *name) {
    for (size_t i = 0; i < s->size; i++)
        if (!strcmp(s->list[i].name + strlen("module."), name))
            return s->list[i].data;
    fail_msg("the reference wants %s", name);
    return NULL;
}

static const float *part(const state *s, const char *layer, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%.100s.%s", layer, name);
    return values(s, full);
}

static void drop(state *s, const char *name) {
    for (size_t i = 0; i < s->size; i++)
        if (!strcmp(s->list[i].name + strlen("module."), name)) {
            free((char *)(uintptr_t)s->list[i].name);
            free((void *)(uintptr_t)s->list[i].data);
            memmove(s->list + i, s->list + i + 1, (s->size - i - 1) * sizeof *s->list);
            s->size--;
            return;
        }
    fail_msg("there is no %s to drop", name);
}

static atl_status open_state(atl_ctx *ctx, const state *s, const char *net, const char *assume, atl_model **m) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    ok(ctx, atl_safetensors_write(ctx, FILE_NAME, s->list, s->size, NULL, 0));
    o.net = net;
    o.assume = assume;
    return atl_model_open(ctx, FILE_NAME, &o, m);
}

// ---- the reference: maps [c, h, w] of double

typedef struct map {
    int c, h, w;
    double *x;
} map;

static map new_map(int c, int h, int w) {
    map m = { c, h, w, calloc((size_t)c * (size_t)h * (size_t)w, sizeof *m.x) };
    assert_non_null(m.x);
    return m;
}

static double *at(const map *m, int c, int y, int x) {
    return m->x + ((size_t)c * (size_t)m->h + (size_t)y) * (size_t)m->w + (size_t)x;
}

static double pixel_of(const map *m, int c, int y, int x) {
    return y < 0 || x < 0 || y >= m->h || x >= m->w ? 0.0 : *at(m, c, y, x);
}

// Of `kh` x `kw` with the first row and column of weights at -top and -left; weights behind the first `rows`
// rows and `columns` columns are taken for 0.
static map conv_part(const state *s, const char *name, map in, int out, int kh, int kw, int stride, int top,
                     int left, int rows, int columns) {
    map y = new_map(out, in.h / stride, in.w / stride);
    const float *w = part(s, name, "weight");
    const float *b = part(s, name, "bias");
    for (int o = 0; o < out; o++)
        for (int i = 0; i < y.h; i++)
            for (int j = 0; j < y.w; j++) {
                double sum = (double)b[o];
                for (int c = 0; c < in.c; c++)
                    for (int p = 0; p < rows; p++)
                        for (int q = 0; q < columns; q++)
                            sum += (double)w[((o * in.c + c) * kh + p) * kw + q] *
                                   pixel_of(&in, c, i * stride + p - top, j * stride + q - left);
                *at(&y, o, i, j) = sum;
            }
    free(in.x);
    return y;
}

static map conv(const state *s, const char *name, map in, int out, int k, int stride) {
    int pad = k > 1;
    return conv_part(s, name, in, out, k, k, stride, pad, pad, k, k);
}

static map copy_of(map m) {
    map y = new_map(m.c, m.h, m.w);
    memcpy(y.x, m.x, (size_t)m.c * (size_t)m.h * (size_t)m.w * sizeof *y.x);
    return y;
}

static map relu(map m) {
    for (int i = 0; i < m.c * m.h * m.w; i++)
        m.x[i] = fmax(m.x[i], 0.0);
    return m;
}

static map plus(map a, map b) {
    for (int i = 0; i < a.c * a.h * a.w; i++)
        a.x[i] += b.x[i];
    free(b.x);
    return a;
}

static map block(const state *s, const char *name, map x, int narrow) {
    char full[128];
    snprintf(full, sizeof full, "%s.1", name);
    map h = relu(conv(s, full, relu(copy_of(x)), narrow, 3, 1));
    snprintf(full, sizeof full, "%s.3", name);
    return plus(x, conv(s, full, h, x.c, 1, 1));
}

// Each number of the smaller map is added to 4 x 4 of the larger one.
static map up(const state *s, const char *name, map in, int out) {
    map y = new_map(out, 2 * in.h, 2 * in.w);
    const float *w = part(s, name, "weight");
    const float *b = part(s, name, "bias");
    for (int c = 0; c < in.c; c++)
        for (int o = 0; o < out; o++)
            for (int i = 0; i < in.h; i++)
                for (int j = 0; j < in.w; j++)
                    for (int p = 0; p < 16; p++) {
                        int to_y = 2 * i + p / 4 - 1, to_x = 2 * j + p % 4 - 1;
                        if (to_y >= 0 && to_x >= 0 && to_y < y.h && to_x < y.w)
                            *at(&y, o, to_y, to_x) += (double)w[(c * out + o) * 16 + p] * *at(&in, c, i, j);
                    }
    for (int o = 0; o < out; o++)
        for (int i = 0; i < y.h * y.w; i++)
            y.x[o * y.h * y.w + i] += (double)b[o];
    free(in.x);
    return y;
}

static map beside(map a, map b) {
    map y = new_map(a.c + b.c, a.h, a.w);
    memcpy(y.x, a.x, (size_t)(a.c * a.h * a.w) * sizeof *y.x);
    memcpy(at(&y, a.c, 0, 0), b.x, (size_t)(b.c * b.h * b.w) * sizeof *y.x);
    free(a.x);
    free(b.x);
    return y;
}

// The numbers of the nearest vectors, and these: vectors of `book` are rows, or columns.
static map nearest(const float *book, int columns, map z, double *codes) {
    map q = new_map(z.c, z.h, z.w);
    for (int i = 0; i < z.h * z.w; i++) {
        double least = INFINITY;
        for (int k = 0; k < CODES; k++) {
            double d = 0;
            for (int c = 0; c < z.c; c++) {
                double e = z.x[c * z.h * z.w + i] - (double)book[columns ? c * CODES + k : k * z.c + c];
                d += e * e;
            }
            if (d < least) {
                least = d;
                codes[i] = k;
            }
        }
        for (int c = 0; c < z.c; c++)
            q.x[c * z.h * z.w + i] = (double)book[columns ? c * CODES + (int)codes[i] : (int)codes[i] * z.c + c];
    }
    return q;
}

static map picture(void) {
    float data[3 * SIDE * SIDE];
    map m = new_map(3, SIDE, SIDE);
    atl_philox_normal(11, 0, 0, 3 * SIDE * SIDE, data);
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        m.x[i] = tanh((double)data[i]);
    return m;
}

// ---- comparing

static void compare(const char *what, const atl_arrays *results, const char *name, const double *truth, int count) {
    const atl_array *a = atl_arrays_find(results, name);
    double squares = 0, off = 0;
    assert_non_null(a);
    assert_int_equal(atl_array_count(a), count);
    float *ours = malloc((size_t)count * sizeof *ours);
    assert_non_null(ours);
    atl_array_read_f32(a, 0, count, ours);
    for (int i = 0; i < count; i++) {
        squares += truth[i] * truth[i];
        off += ((double)ours[i] - truth[i]) * ((double)ours[i] - truth[i]);
    }
    free(ours);
    printf("    %-10s %-10s relative L2 %.1e (at most %.0e)\n", what, name, sqrt(off / squares), BOUND);
    assert_true(squares > 0.0 && sqrt(off / squares) <= BOUND);
}

static atl_arrays *run(const atl_ctx *ctx, atl_model *m, const char *function, const atl_array *in, size_t count) {
    atl_arrays *results;
    ok(ctx, atl_model_run(m, function, in, count, NULL, &results));
    return results;
}

static void check_both_ways(atl_ctx *ctx, atl_model *m, const char *what, map img, const double *codes, int count,
                            const map *z, const map *made) {
    float numbers[3 * SIDE * SIDE];
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        numbers[i] = (float)img.x[i];
    const atl_array in = { "img", ATL_F32, 4, { 1, 3, SIDE, SIDE }, numbers };
    atl_arrays *results = run(ctx, m, "encode", &in, 1);
    compare(what, results, "z", z->x, z->c * z->h * z->w);
    compare(what, results, "codes", codes, count); // whole numbers: equal, or the bound is missed
    atl_arrays_close(&results);
    for (int i = 0; i < count; i++)
        numbers[i] = (float)codes[i];
    const atl_array back = { "codes", ATL_F32, 2, { 1, count }, numbers };
    results = run(ctx, m, "decode", &back, 1);
    compare(what, results, "img", made->x, made->c * made->h * made->w);
    atl_arrays_close(&results);
}

// What was read is what a file of our own holds.
static void check_kept(atl_ctx *ctx, const atl_model *m, const state *s) {
    for (size_t i = 0; i < s->size; i++) {
        const atl_array *a = atl_model_tensor(m, s->list[i].name + strlen("module."));
        if (!a)
            fail_msg("%s is lost", s->list[i].name);
        assert_int_equal(atl_array_count(a), atl_array_count(&s->list[i]));
        assert_memory_equal(a->data, s->list[i].data, (size_t)atl_array_count(a) * sizeof(float));
    }
    (void)ctx;
}

// ---- VQ-VAE

static void make_one(state *s) {
    static const char *const blocks[] = { "encoder.4.block", "encoder.5.block", "decoder.0.block",
                                          "decoder.1.block" };
    char name[64];
    s->size = 0;
    add_conv(s, "encoder.0", WIDTH, 3, 4, 4);
    add_conv(s, "encoder.2", WIDTH, WIDTH, 4, 4);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.1", blocks[i]);
        add_conv(s, name, WIDTH, WIDTH, 3, 3);
        snprintf(name, sizeof name, "%s.3", blocks[i]);
        add_conv(s, name, WIDTH, WIDTH, 1, 1);
    }
    add_up(s, "decoder.2", WIDTH, WIDTH);
    add_up(s, "decoder.4", WIDTH, 3);
    add(s, "embedding.weight", DIMS(CODES, WIDTH), 0.7);
}

static void one_map(void **unused) {
    (void)unused;
    atl_ctx *ctx = open_ctx();
    state s;
    atl_model *m;
    double codes[SIDE * SIDE / 16];
    make_one(&s);
    ok(ctx, open_state(ctx, &s, "vqgan", "height=16,width=16", &m));
    check_kept(ctx, m, &s);
    map img = picture(), x = copy_of(img);
    for (int i = 0; i < 3 * SIDE * SIDE; i++) // from 0 to 1
        x.x[i] = (x.x[i] + 1.0) / 2.0;
    x = relu(conv(&s, "encoder.2", relu(conv(&s, "encoder.0", x, WIDTH, 4, 2)), WIDTH, 4, 2));
    map z = block(&s, "encoder.5.block", block(&s, "encoder.4.block", x, WIDTH), WIDTH);
    map y = nearest(values(&s, "embedding.weight"), 0, z, codes);
    y = block(&s, "decoder.1.block", block(&s, "decoder.0.block", y, WIDTH), WIDTH);
    y = up(&s, "decoder.4", relu(up(&s, "decoder.2", y, WIDTH)), 3);
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        y.x[i] = 2.0 / (1.0 + exp(-y.x[i])) - 1.0;
    check_both_ways(ctx, m, "VQ-VAE", img, codes, SIDE * SIDE / 16, &z, &y);
    free(img.x);
    free(z.x);
    free(y.x);
    clear_state(&s);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

// ---- VQ-VAE-2

static void make_two(state *s) {
    static const struct {
        const char *name;
        int first;
    } blocks[] = { { "enc_b", 5 }, { "enc_t", 3 }, { "dec_t", 1 }, { "dec", 1 } };
    const int half = WIDTH / 2, narrow = WIDTH / 4, embed = WIDTH / 2;
    char name[64];
    s->size = 0;
    add_conv(s, "enc_b.blocks.0", half, 3, 4, 4);
    add_conv(s, "enc_b.blocks.2", WIDTH, half, 4, 4);
    add_conv(s, "enc_b.blocks.4", WIDTH, WIDTH, 3, 3);
    add_conv(s, "enc_t.blocks.0", half, WIDTH, 4, 4);
    add_conv(s, "enc_t.blocks.2", WIDTH, half, 3, 3);
    add_conv(s, "dec_t.blocks.0", WIDTH, embed, 3, 3);
    add_conv(s, "dec.blocks.0", WIDTH, 2 * embed, 3, 3);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%s.blocks.%d.conv.1", blocks[i / 2].name, blocks[i / 2].first + i % 2);
        add_conv(s, name, narrow, WIDTH, 3, 3);
        snprintf(name, sizeof name, "%s.blocks.%d.conv.3", blocks[i / 2].name, blocks[i / 2].first + i % 2);
        add_conv(s, name, WIDTH, narrow, 1, 1);
    }
    add_up(s, "dec_t.blocks.4", WIDTH, embed);
    add_up(s, "upsample_t", embed, embed);
    add_up(s, "dec.blocks.4", WIDTH, half);
    add_up(s, "dec.blocks.6", half, 3);
    add_conv(s, "quantize_conv_t", embed, WIDTH, 1, 1);
    add_conv(s, "quantize_conv_b", embed, embed + WIDTH, 1, 1);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "quantize_%c.embed", i ? 'b' : 't');
        add(s, name, DIMS(embed, CODES), 0.7);
        snprintf(name, sizeof name, "quantize_%c.embed_avg", i ? 'b' : 't');
        add(s, name, DIMS(embed, CODES), 0.7);
        snprintf(name, sizeof name, "quantize_%c.cluster_size", i ? 'b' : 't');
        add(s, name, DIMS(CODES), 1.0);
    }
}

static map two_blocks(const state *s, const char *name, int first, map x) {
    char full[64];
    for (int i = 0; i < 2; i++) {
        snprintf(full, sizeof full, "%s.blocks.%d.conv", name, first + i);
        x = block(s, full, x, WIDTH / 4);
    }
    return relu(x);
}

static void two_maps(void **unused) {
    enum { TOP = SIDE * SIDE / 64, BOTTOM = SIDE * SIDE / 16, HALF = WIDTH / 2 };
    (void)unused;
    atl_ctx *ctx = open_ctx();
    state s;
    atl_model *m;
    double codes[TOP + BOTTOM];
    make_two(&s);
    ok(ctx, open_state(ctx, &s, "vqgan", "height=16,width=16", &m));
    check_kept(ctx, m, &s);
    map img = picture();
    map b = relu(conv(&s, "enc_b.blocks.0", copy_of(img), HALF, 4, 2));
    b = conv(&s, "enc_b.blocks.4", relu(conv(&s, "enc_b.blocks.2", b, WIDTH, 4, 2)), WIDTH, 3, 1);
    b = two_blocks(&s, "enc_b", 5, b);
    map t = conv(&s, "enc_t.blocks.2", relu(conv(&s, "enc_t.blocks.0", copy_of(b), HALF, 4, 2)), WIDTH, 3, 1);
    map z_top = conv(&s, "quantize_conv_t", two_blocks(&s, "enc_t", 3, t), HALF, 1, 1);
    map q_top = nearest(values(&s, "quantize_t.embed"), 1, z_top, codes);
    t = two_blocks(&s, "dec_t", 1, conv(&s, "dec_t.blocks.0", copy_of(q_top), WIDTH, 3, 1));
    t = up(&s, "dec_t.blocks.4", t, HALF);
    map z = conv(&s, "quantize_conv_b", beside(t, b), HALF, 1, 1);
    map y = nearest(values(&s, "quantize_b.embed"), 1, z, codes + TOP);
    y = beside(up(&s, "upsample_t", q_top, HALF), y);
    y = two_blocks(&s, "dec", 1, conv(&s, "dec.blocks.0", y, WIDTH, 3, 1));
    y = up(&s, "dec.blocks.6", relu(up(&s, "dec.blocks.4", y, HALF)), 3);
    check_both_ways(ctx, m, "VQ-VAE-2", img, codes, TOP + BOTTOM, &z, &y);
    free(img.x);
    free(z_top.x);
    free(z.x);
    free(y.x);
    clear_state(&s);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

// ---- what is not understood

static void refused(atl_ctx *ctx, const state *s, const char *net, const char *why) {
    atl_model *m = NULL;
    if (open_state(ctx, s, net, "height=16,width=16", &m) == ATL_OK)
        fail_msg("opened, where \"%s\" speaks against it", why);
    if (!strstr(atl_message(ctx), why))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(ctx), why);
    atl_message_clear(ctx);
}

static void others_are_refused(void **unused) {
    (void)unused;
    atl_ctx *ctx = open_ctx();
    state s;
    make_two(&s);
    drop(&s, "quantize_b.embed");
    refused(ctx, &s, "vqgan", "codebooks are not of one size");
    clear_state(&s);
    make_two(&s);
    drop(&s, "dec.blocks.2.conv.1.weight");
    refused(ctx, &s, "vqgan", "not all as many residual blocks");
    clear_state(&s);
    make_two(&s);
    add(&s, "enc_b.blocks.7.weight", DIMS(3), 1.0);
    refused(ctx, &s, "vqgan", "enc_b.blocks.7.weight");
    clear_state(&s);
    make_one(&s);
    add(&s, "encoder.1.running_mean", DIMS(WIDTH), 1.0);
    refused(ctx, &s, "vqgan", "batch norms");
    clear_state(&s);
    make_one(&s);
    drop(&s, "embedding.weight");
    refused(ctx, &s, "vqgan", "codebook");
    clear_state(&s);
    make_one(&s);
    drop(&s, "decoder.4.weight");
    refused(ctx, &s, "vqgan", "two transposed convolutions");
    clear_state(&s);
    remove(FILE_NAME);
    atl_ctx_close(&ctx);
}

// ---- PixelCNN

static void make_pixels(state *s, int classes, int above) {
    char name[64];
    s->size = 0;
    add(s, "embedding.weight", DIMS(CODES, DIM), 1.0);
    if (above)
        add(s, "above.weight", DIMS(ABOVE, DIM), 1.0);
    for (int i = 0; i < LAYERS; i++) {
        int k = i ? 3 : 5;
        snprintf(name, sizeof name, "layers.%d.vert_stack", i);
        add_conv(s, name, 2 * DIM, DIM, k / 2 + 1, k);
        snprintf(name, sizeof name, "layers.%d.vert_to_horiz", i);
        add_conv(s, name, 2 * DIM, 2 * DIM, 1, 1);
        snprintf(name, sizeof name, "layers.%d.horiz_stack", i);
        add_conv(s, name, 2 * DIM, DIM, 1, k / 2 + 1);
        snprintf(name, sizeof name, "layers.%d.horiz_resid", i);
        add_conv(s, name, DIM, DIM, 1, 1);
        snprintf(name, sizeof name, "layers.%d.class_cond_embedding.weight", i);
        if (classes)
            add(s, name, DIMS(CLASSES, 2 * DIM), 0.5);
        snprintf(name, sizeof name, "layers.%d.above_cond", i);
        if (above)
            add_conv(s, name, 2 * DIM, DIM, 1, 1);
    }
    add_conv(s, "output_conv.0", DIM, DIM, 1, 1);
    add_conv(s, "output_conv.2", CODES, DIM, 1, 1);
}

static map embedded(const float *table, const float *codes, int h, int w) {
    map m = new_map(DIM, h, w);
    for (int i = 0; i < h * w; i++)
        for (int c = 0; c < DIM; c++)
            m.x[c * h * w + i] = (double)table[(int)codes[i] * DIM + c];
    return m;
}

static map gated(map x) {
    map y = new_map(DIM, x.h, x.w);
    for (int i = 0; i < DIM * x.h * x.w; i++)
        y.x[i] = tanh(x.x[i]) / (1.0 + exp(-x.x[DIM * x.h * x.w + i]));
    free(x.x);
    return y;
}

// What a class and the map above add to both halves.
static map condition(const state *s, int layer, const float *class, const float *above) {
    char name[64];
    map m = new_map(2 * DIM, MAP, MAP);
    snprintf(name, sizeof name, "layers.%d.class_cond_embedding.weight", layer);
    for (int c = 0; class && c < 2 * DIM; c++)
        for (int i = 0; i < MAP * MAP; i++)
            m.x[c * MAP * MAP + i] = (double)values(s, name)[(int)*class * 2 * DIM + c];
    if (!above)
        return m;
    snprintf(name, sizeof name, "layers.%d.above_cond", layer);
    map u = conv(s, name, embedded(values(s, "above.weight"), above, MAP / 2, MAP / 2), 2 * DIM, 1, 1);
    for (int c = 0; c < 2 * DIM; c++)
        for (int i = 0; i < MAP * MAP; i++)
            m.x[c * MAP * MAP + i] += *at(&u, c, i / MAP / 2, i % MAP / 2);
    free(u.x);
    return m;
}

// [CODES, MAP, MAP]: the first layer's last row and column of weights are masked.
static map logits_of(const state *s, const float *codes, const float *class, const float *above) {
    char name[64];
    map down = embedded(values(s, "embedding.weight"), codes, MAP, MAP), along = copy_of(down);
    for (int i = 0; i < LAYERS; i++) {
        int k = i ? 3 : 5, seen = i ? k / 2 + 1 : k / 2;
        snprintf(name, sizeof name, "layers.%d.vert_stack", i);
        map v = conv_part(s, name, down, 2 * DIM, k / 2 + 1, k, 1, k / 2, k / 2, seen, k);
        snprintf(name, sizeof name, "layers.%d.horiz_stack", i);
        map h = conv_part(s, name, copy_of(along), 2 * DIM, 1, k / 2 + 1, 1, 0, k / 2, 1, seen);
        snprintf(name, sizeof name, "layers.%d.vert_to_horiz", i);
        h = plus(plus(h, conv(s, name, copy_of(v), 2 * DIM, 1, 1)), condition(s, i, class, above));
        down = gated(plus(v, condition(s, i, class, above)));
        snprintf(name, sizeof name, "layers.%d.horiz_resid", i);
        map to = conv(s, name, gated(h), DIM, 1, 1);
        if (i)
            along = plus(to, along);
        else {
            free(along.x);
            along = to;
        }
    }
    free(down.x);
    return conv(s, "output_conv.2", relu(conv(s, "output_conv.0", along, DIM, 1, 1)), CODES, 1, 1);
}

typedef struct scene {
    atl_ctx *ctx;
    atl_model *m;
    state s;
    int classes, above;
    float codes[MAP * MAP], class, upper[MAP * MAP / 4];
} scene;

static void begin_pixels(scene *p, int classes, int above) {
    float u[MAP * MAP];
    *p = (scene){ .ctx = open_ctx(), .classes = classes, .above = above, .class = 2.0f };
    make_pixels(&p->s, classes, above);
    ok(p->ctx, open_state(p->ctx, &p->s, "transformer", "rows=6,columns=6", &p->m));
    check_kept(p->ctx, p->m, &p->s);
    atl_philox_uniform(3, 0, 0, MAP * MAP, u);
    for (int i = 0; i < MAP * MAP; i++)
        p->codes[i] = floorf(u[i] * CODES);
    for (int i = 0; i < MAP * MAP / 4; i++)
        p->upper[i] = floorf(u[i] * ABOVE);
}

static void end_pixels(scene *p) {
    atl_model_close(&p->m);
    clear_state(&p->s);
    atl_ctx_close(&p->ctx);
    remove(FILE_NAME);
}

static atl_arrays *predict(const scene *p) {
    const atl_array in[] = { { "codes", ATL_F32, 2, { 1, MAP * MAP }, p->codes },
                             p->classes ? (atl_array){ "conds", ATL_F32, 2, { 1, 1 }, &p->class }
                                        : (atl_array){ "above", ATL_F32, 2, { 1, MAP * MAP / 4 }, p->upper },
                             { "above", ATL_F32, 2, { 1, MAP * MAP / 4 }, p->upper } };
    return run(p->ctx, p->m, "predict", in, 1 + (size_t)p->classes + (size_t)p->above);
}

static void read_logits(const scene *p, int place, float *to) {
    atl_arrays *results = predict(p);
    const atl_array *a = atl_arrays_find(results, "logits");
    assert_non_null(a);
    atl_array_read_f32(a, (int64_t)place * CODES, CODES, to);
    atl_arrays_close(&results);
}

static void check_whole(int classes, int above) {
    scene p;
    begin_pixels(&p, classes, above);
    map y = logits_of(&p.s, p.codes, classes ? &p.class : NULL, above ? p.upper : NULL);
    double truth[MAP * MAP * CODES];
    for (int i = 0; i < MAP * MAP; i++)
        for (int c = 0; c < CODES; c++)
            truth[i * CODES + c] = y.x[c * MAP * MAP + i];
    atl_arrays *results = predict(&p);
    compare("PixelCNN", results, "logits", truth, MAP * MAP * CODES);
    atl_arrays_close(&results);
    free(y.x);
    end_pixels(&p);
}

static void whole_maps(void **unused) {
    (void)unused;
    check_whole(0, 0);
    check_whole(1, 0);
    check_whole(0, 1);
    check_whole(1, 1);
}

// A place sees none from itself on, and all that two layers of 3 x 3 behind one of 5 x 5 reach before it, the
// one above to the right among them.
static void nobody_sees_ahead(void **unused) {
    enum { PLACE = 3 * MAP + 2 };
    (void)unused;
    scene p;
    begin_pixels(&p, 0, 0);
    float before[CODES], after[CODES];
    read_logits(&p, PLACE, before);
    for (int i = 0; i < MAP * MAP; i++) {
        float kept = p.codes[i];
        p.codes[i] = (float)(((int)kept + 1) % CODES);
        read_logits(&p, PLACE, after);
        p.codes[i] = kept;
        int seen = memcmp(before, after, sizeof before) != 0;
        if (i >= PLACE && seen)
            fail_msg("place %d sees place %d", PLACE, i);
        if (i < PLACE && !seen)
            fail_msg("place %d does not see place %d", PLACE, i);
    }
    end_pixels(&p);
}

// ---- drawing

// Codes drawn place by place are those that whole maps give, each number of the seed in its turn.
static void check_drawn(int classes, int above, const atl_sample_options *given) {
    scene p;
    int32_t drawn[MAP * MAP], condition[1 + MAP * MAP / 4];
    atl_code_choice room[CODES];
    atl_numpy_rng rng;
    float logits[CODES];
    atl_sample_options o = *given;
    begin_pixels(&p, classes, above);
    condition[0] = (int32_t)p.class;
    for (int i = 0; i < MAP * MAP / 4; i++)
        condition[classes + i] = (int32_t)p.upper[i];
    o.height = o.width = MAP;
    o.condition = condition;
    o.condition_count = (size_t)classes + (above ? MAP * MAP / 4 : 0);
    ok(p.ctx, atl_codes_sample(p.m, &o, drawn));
    atl_numpy_rng_init(&rng, o.seed);
    for (int i = 0; i < MAP * MAP; i++)
        p.codes[i] = 0.0f;
    for (int i = 0; i < MAP * MAP; i++) {
        int32_t code = (size_t)i < o.given_count ? o.given[i] : -1;
        read_logits(&p, i, logits);
        if (code < 0)
            code = atl_choose_code(&o, logits, CODES, atl_numpy_rng_uniform(&rng), room);
        assert_int_equal(drawn[i], code);
        p.codes[i] = (float)code;
    }
    end_pixels(&p);
}

static void drawn_place_by_place(void **unused) {
    static const int32_t given[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    (void)unused;
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    o.seed = 4;
    check_drawn(0, 0, &o);
    check_drawn(1, 0, &o);
    check_drawn(0, 1, &o);
    check_drawn(1, 1, &o);
    o.top_k = 5;
    o.top_p = 0.9f;
    o.temperature = 0.8f;
    o.given = given;
    o.given_count = sizeof given / sizeof *given;
    check_drawn(1, 1, &o);
}

static void fails(scene *p, const atl_sample_options *o, const char *why) {
    int32_t codes[MAP * MAP];
    assert_int_not_equal(atl_codes_sample(p->m, o, codes), ATL_OK);
    if (!strstr(atl_message(p->ctx), why))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(p->ctx), why);
    atl_message_clear(p->ctx);
}

static void wrong_conditions(void **unused) {
    (void)unused;
    scene p;
    int32_t condition[1 + MAP * MAP / 4] = { 0 };
    begin_pixels(&p, 1, 1);
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    fails(&p, &o, "opened for a map of 6 x 6");
    o.height = o.width = MAP;
    fails(&p, &o, "a class and 9 codes of a map above");
    o.condition = condition;
    o.condition_count = MAP * MAP / 4;
    fails(&p, &o, "say which class");
    o.condition = condition;
    o.condition_count = 1 + MAP * MAP / 4;
    condition[0] = CLASSES;
    fails(&p, &o, "0 to 2 are");
    condition[0] = 0;
    condition[5] = ABOVE;
    fails(&p, &o, "of the map above");
    condition[5] = 0;
    o.depth = 2;
    fails(&p, &o, "one code for each position");
    o.depth = 1;
    o.temperature = 0.0f;
    fails(&p, &o, "out of range");
    end_pixels(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_map),           cmocka_unit_test(two_maps),
        cmocka_unit_test(others_are_refused), cmocka_unit_test(whole_maps),
        cmocka_unit_test(nobody_sees_ahead), cmocka_unit_test(drawn_place_by_place),
        cmocka_unit_test(wrong_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
