// SPDX-License-Identifier: Apache-2.0
// Matrix products, and the three tensors of a convolution.  Sums are double: they may have a million terms.
#include "plain/plain.h"

void atl_plain_op_matmul(const atl_plain_call *c) {
    const atl_node *n = c->node;
    int r = c->shape->rank;
    const int64_t *da = n->src[0]->shape.d, *db = n->src[1]->shape.d;
    int64_t batch = r == 3 ? c->shape->d[0] : 1, rows = c->shape->d[r - 2], columns = c->shape->d[r - 1];
    bool ta = n->at.matmul.trans_a, tb = n->at.matmul.trans_b;
    int64_t depth = da[r - (ta ? 2 : 1)];
    for (int64_t i = 0; i < batch; i++) {
        const float *a = c->src[0] + (r == 3 && da[0] > 1 ? i * rows * depth : 0); // a batch of 1 is shared
        const float *b = c->src[1] + (r == 3 && db[0] > 1 ? i * depth * columns : 0);
        float *y = c->out + i * rows * columns;
        for (int64_t m = 0; m < rows; m++)
            for (int64_t k = 0; k < columns; k++) {
                double sum = 0.0;
                for (int64_t l = 0; l < depth; l++)
                    sum += (double)a[ta ? l * rows + m : m * depth + l] *
                           (double)b[tb ? k * depth + l : l * columns + k];
                y[m * columns + k] = (float)sum;
            }
    }
}

// ---- convolution: y[n, p, q, o] = sum of x[n, p sy + r - py0, q sx + s - px0, i] w[o, i, r, s], where w
// counts the input channels of o's group from the group's first

typedef struct form {
    const atl_conv_attr *a;
    const float *x, *w, *y;      // the two that are given
    const int64_t *dx, *dw, *dy; // shapes of all three
} form;

static int64_t x_at(const form *f, int64_t n, int64_t row, int64_t column, int64_t i) {
    return ((n * f->dx[1] + row) * f->dx[2] + column) * f->dx[3] + i;
}

static int64_t w_at(const form *f, int64_t o, int64_t i, int64_t r, int64_t s) {
    return ((o * f->dw[1] + i) * f->dw[2] + r) * f->dw[3] + s;
}

static int64_t y_at(const form *f, int64_t n, int64_t p, int64_t q, int64_t o) {
    return ((n * f->dy[1] + p) * f->dy[2] + q) * f->dy[3] + o;
}

static int64_t first_input(const form *f, int64_t o) { // of o's group
    return o / (f->dw[0] / f->a->groups) * f->dw[1];
}

static float y_of(const form *f, int64_t n, int64_t p, int64_t q, int64_t o) {
    double sum = 0.0;
    int64_t first = first_input(f, o);
    for (int64_t r = 0; r < f->dw[2]; r++)
        for (int64_t s = 0; s < f->dw[3]; s++) {
            int64_t row = p * f->a->sy + r - f->a->py0, column = q * f->a->sx + s - f->a->px0;
            if (row < 0 || row >= f->dx[1] || column < 0 || column >= f->dx[2])
                continue;
            for (int64_t i = 0; i < f->dw[1]; i++)
                sum += (double)f->x[x_at(f, n, row, column, first + i)] * (double)f->w[w_at(f, o, i, r, s)];
        }
    return (float)sum;
}

// Row p of y whose tap r meets row `row` of x, or -1.
static int64_t meets(int64_t row, int64_t r, int before, int stride, int64_t size) {
    int64_t p = row + before - r;
    return p < 0 || p % stride || p / stride >= size ? -1 : p / stride;
}

static float x_of(const form *f, int64_t n, int64_t row, int64_t column, int64_t i) {
    double sum = 0.0;
    int64_t outputs = f->dw[0] / f->a->groups, first = i / f->dw[1] * outputs; // those of i's group
    for (int64_t r = 0; r < f->dw[2]; r++)
        for (int64_t s = 0; s < f->dw[3]; s++) {
            int64_t p = meets(row, r, f->a->py0, f->a->sy, f->dy[1]);
            int64_t q = meets(column, s, f->a->px0, f->a->sx, f->dy[2]);
            for (int64_t o = first; p >= 0 && q >= 0 && o < first + outputs; o++)
                sum += (double)f->w[w_at(f, o, i % f->dw[1], r, s)] * (double)f->y[y_at(f, n, p, q, o)];
        }
    return (float)sum;
}

static float w_of(const form *f, int64_t o, int64_t i, int64_t r, int64_t s) {
    double sum = 0.0;
    int64_t first = first_input(f, o);
    for (int64_t n = 0; n < f->dx[0]; n++)
        for (int64_t p = 0; p < f->dy[1]; p++)
            for (int64_t q = 0; q < f->dy[2]; q++) {
                int64_t row = p * f->a->sy + r - f->a->py0, column = q * f->a->sx + s - f->a->px0;
                if (row >= 0 && row < f->dx[1] && column >= 0 && column < f->dx[2])
                    sum +=
                        (double)f->x[x_at(f, n, row, column, first + i)] * (double)f->y[y_at(f, n, p, q, o)];
            }
    return (float)sum;
}

void atl_plain_op_conv(const atl_plain_call *c) {
    const atl_node *n = c->node;
    const int64_t *d = c->shape->d, *da = n->src[0]->shape.d,
                  *db = n->src[1]->shape.d; // sources in order x, w, y
    const float *a = c->src[0], *b = c->src[1];
    form f = { .a = &n->at.conv };
    float (*element)(const form *, int64_t, int64_t, int64_t, int64_t);
    if (n->at.conv.slot == ATL_SLOT_Y) {
        f = (form){ f.a, a, b, NULL, da, db, d };
        element = y_of;
    } else if (n->at.conv.slot == ATL_SLOT_X) {
        f = (form){ f.a, NULL, a, b, d, da, db };
        element = x_of;
    } else {
        f = (form){ f.a, a, NULL, b, da, d, db };
        element = w_of;
    }
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at))
        c->out[i] = element(&f, at[0], at[1], at[2], at[3]);
}
