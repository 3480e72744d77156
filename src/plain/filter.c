// SPDX-License-Identifier: Apache-2.0
// Filters along rows and columns: upfirdn, filtered leaky ReLU, and a filter of each sample's own.
#include <string.h>

#include "plain/plain.h"

int64_t atl_plain_mirror(int64_t i, int64_t size) {
    int64_t period = 2 * (size - 1);
    if (!period)
        return 0;
    i = (i % period + period) % period;
    return i < size ? i : period - i;
}

// ---- upfirdn: put zeros between pixels, pad or crop, filter, keep every down-th pixel

// The pixel of x at place i of the padded image with its zeros, or -1.
static int64_t pixel_at(int64_t i, int before, int up, int64_t size) {
    i -= before;
    return i < 0 || i % up || i / up >= size ? -1 : i / up;
}

// x [n, h, w, c] -> y [n, oh, ow, c]
static void filter(const atl_fir_attr *a, const float *x, const int64_t *dx, float *y, const int64_t *dy) {
    for (int64_t n = 0; n < dy[0]; n++)
        for (int64_t p = 0; p < dy[1]; p++)
            for (int64_t q = 0; q < dy[2]; q++)
                for (int64_t c = 0; c < dy[3]; c++) {
                    double sum = 0.0;
                    for (int r = 0; r < a->fh; r++)
                        for (int s = 0; s < a->fw; s++) {
                            int64_t row = pixel_at(p * a->downy + r, a->py0, a->upy, dx[1]);
                            int64_t column = pixel_at(q * a->downx + s, a->px0, a->upx, dx[2]);
                            int tap = a->flip ? r * a->fw + s : (a->fh - 1 - r) * a->fw + a->fw - 1 - s;
                            if (row >= 0 && column >= 0)
                                sum += (double)a->f[tap] *
                                       (double)x[((n * dx[1] + row) * dx[2] + column) * dx[3] + c];
                        }
                    y[((n * dy[1] + p) * dy[2] + q) * dy[3] + c] = (float)(sum * (double)a->gain);
                }
}

void atl_plain_op_upfirdn(const atl_plain_call *c) {
    filter(&c->node->at.fir, c->src[0], c->node->src[0]->shape.d, c->out, c->shape->d);
}

// ---- filtered leaky ReLU: bias, up in x, up in y, activation, down in x, down in y; or down at once

static const float ONE[1] = { 1.0f };

typedef struct chain {
    atl_fir_attr fir[4];
    int64_t d[5][4]; // shapes before, between and after
    int filters;
} chain;

static void append(chain *k, atl_fir_attr a) {
    const int64_t *from = k->d[k->filters];
    int64_t *to = k->d[k->filters + 1];
    memcpy(to, from, sizeof k->d[0]);
    to[1] = (from[1] * a.upy + a.py0 + a.py1 - a.fh) / a.downy + 1;
    to[2] = (from[2] * a.upx + a.px0 + a.px1 - a.fw) / a.downx + 1;
    k->fir[k->filters++] = a;
}

static chain chain_of(const atl_node *n) {
    const atl_flrelu_attr *a = &n->at.flrelu;
    int up = a->up_taps ? a->up_taps : 1, down = a->down_taps ? a->down_taps : 1;
    const float *fu = a->up_taps ? a->fu : ONE, *fd = a->down_taps ? a->fd : ONE;
    chain k = { .filters = 0 };
    memcpy(k.d[0], n->src[0]->shape.d, sizeof k.d[0]);
    append(&k, (atl_fir_attr){ a->up, 1, 1, 1, a->px0, a->px1, 0, 0, up, 1, false, (float)a->up, fu });
    append(&k, (atl_fir_attr){ 1, a->up, 1, 1, 0, 0, a->py0, a->py1, 1, up, false, (float)a->up, fu });
    if (a->radial) {
        append(&k, (atl_fir_attr){ 1, 1, a->down, a->down, 0, 0, 0, 0, down, down, false, 1.0f, fd });
        return k;
    }
    append(&k, (atl_fir_attr){ 1, 1, a->down, 1, 0, 0, 0, 0, down, 1, false, 1.0f, fd });
    append(&k, (atl_fir_attr){ 1, 1, 1, a->down, 0, 0, 0, 0, 1, down, false, 1.0f, fd });
    return k;
}

static int64_t count_of(const int64_t d[4]) {
    return d[0] * d[1] * d[2] * d[3];
}

int64_t atl_plain_flrelu_room(const atl_node *n) {
    chain k = chain_of(n);
    int64_t sum = count_of(k.d[0]);
    for (int i = 0; i < k.filters; i++)
        sum += count_of(k.d[i + 1]);
    return sum;
}

void atl_plain_op_flrelu(const atl_plain_call *c) {
    const atl_flrelu_attr *a = &c->node->at.flrelu;
    chain k = chain_of(c->node);
    float *x = c->room;
    int64_t count = count_of(k.d[0]), channels = k.d[0][3];
    for (int64_t i = 0; i < count; i++)
        x[i] = c->src[0][i] + c->src[1][i % channels];
    for (int i = 0; i < k.filters; i++) {
        bool last = i + 1 == k.filters;
        float *y = last ? c->out : x + count_of(k.d[i]);
        filter(&k.fir[i], x, k.d[i], y, k.d[i + 1]);
        for (int64_t j = 0; i == 1 && j < count_of(k.d[2]); j++) {
            float v = (y[j] < 0.0f ? y[j] * a->slope : y[j]) * a->gain;
            y[j] = v < -a->clamp ? -a->clamp : v > a->clamp ? a->clamp : v;
        }
        x = y;
    }
}

// ---- a filter of each sample's own, correlated along both axes of its image, which is mirrored at its edges

void atl_plain_op_sepfir(const atl_plain_call *c) {
    const int64_t *d = c->shape->d;
    int64_t taps = c->node->src[1]->shape.d[1], radius = taps / 2;
    atl_plain_map m = { c->node->op == ATL_OP_SEPFIR_T, c->src[0], c->out };
    atl_plain_clear(c->out, atl_shape_count(c->shape));
    for (int64_t n = 0; n < d[0]; n++)
        for (int64_t p = 0; p < d[1]; p++)
            for (int64_t q = 0; q < d[2]; q++)
                for (int64_t r = 0; r < taps; r++)
                    for (int64_t s = 0; s < taps; s++) {
                        int64_t row = atl_plain_mirror(p + r - radius, d[1]);
                        int64_t column = atl_plain_mirror(q + s - radius, d[2]);
                        const float *f = c->src[1] + n * taps;
                        for (int64_t k = 0; k < d[3]; k++)
                            atl_plain_give(&m, ((n * d[1] + p) * d[2] + q) * d[3] + k,
                                           ((n * d[1] + row) * d[2] + column) * d[3] + k, f[r] * f[s]);
                    }
}
