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
    const atl_flrelu_attr *a = &n->at.flrelu; // src[0] is x in both directions
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

// ---- its gradient: x oversampled as above; dy back through the down filters, times the slopes, and back
// through the up filters.  Each sum reads the way there: dx[j] += w y[i] where y[i] += w x[j].

static void filter_back(const atl_fir_attr *a, const float *y, const int64_t *dy, float *x,
                        const int64_t *dx) {
    memset(x, 0, (size_t)count_of(dx) * sizeof *x);
    for (int64_t n = 0; n < dy[0]; n++)
        for (int64_t p = 0; p < dy[1]; p++)
            for (int64_t q = 0; q < dy[2]; q++)
                for (int64_t k = 0; k < (int64_t)a->fh * a->fw; k++) {
                    int64_t row = pixel_at(p * a->downy + k / a->fw, a->py0, a->upy, dx[1]);
                    int64_t column = pixel_at(q * a->downx + k % a->fw, a->px0, a->upx, dx[2]);
                    float w = a->f[(int64_t)a->fh * a->fw - 1 - k] * a->gain;
                    for (int64_t c = 0; row >= 0 && column >= 0 && c < dy[3]; c++)
                        x[((n * dx[1] + row) * dx[2] + column) * dx[3] + c] +=
                            w * y[((n * dy[1] + p) * dy[2] + q) * dy[3] + c];
                }
}

int64_t atl_plain_flrelu_t_room(const atl_node *n) {
    chain k = chain_of(n);
    int64_t most = 0;
    for (int i = 0; i <= k.filters; i++)
        most = count_of(k.d[i]) > most ? count_of(k.d[i]) : most;
    return 3 * most;
}

void atl_plain_op_flrelu_t(const atl_plain_call *c) {
    const atl_flrelu_attr *a = &c->node->at.flrelu;
    chain k = chain_of(c->node);
    int64_t count = count_of(k.d[0]), wide = count_of(k.d[2]), room = atl_plain_flrelu_t_room(c->node) / 3;
    float *u = c->room, *v = u + room, *other = v + room;
    for (int64_t i = 0; i < count; i++)
        u[i] = c->src[0][i] + c->src[1][i % k.d[0][3]];
    filter(&k.fir[0], u, k.d[0], v, k.d[1]);
    filter(&k.fir[1], v, k.d[1], u, k.d[2]);
    const float *from = c->src[2];
    for (int i = k.filters - 1; i >= 0; i--) {
        float *to = i == 0 ? c->out : from == v ? other : v;
        filter_back(&k.fir[i], from, k.d[i + 1], to, k.d[i]);
        for (int64_t j = 0; i == 2 && j < wide; j++) {
            float slope = u[j] < 0.0f ? a->slope : 1.0f, value = u[j] * slope * a->gain;
            to[j] *= value >= -a->clamp && value <= a->clamp ? slope * a->gain : 0.0f;
        }
        from = to;
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
