// SPDX-License-Identifier: Apache-2.0
// Resampling of images under an affine map per image, between two wavelet filters.
#include <math.h>

#include "plain/plain.h"

// Adds the four neighbours of the point (x, y) of a channel [h, w] to element `to`; those outside give
// nothing.
typedef struct place {
    int64_t to, h, w;
    double x, y;
} place;

static void bilinear(const atl_plain_map *m, const place *p) {
    if (!(p->x > -1.0 && p->x < (double)p->w && p->y > -1.0 &&
          p->y < (double)p->h)) // also when it is not a number
        return;
    int64_t x0 = (int64_t)floor(p->x), y0 = (int64_t)floor(p->y);
    double fx = p->x - (double)x0, fy = p->y - (double)y0;
    for (int i = 0; i < 4; i++) {
        int64_t column = x0 + (i & 1), row = y0 + (i >> 1);
        if (column >= 0 && column < p->w && row >= 0 && row < p->h)
            atl_plain_give(m, p->to, row * p->w + column,
                           (float)((i & 1 ? fx : 1.0 - fx) * (i >> 1 ? fy : 1.0 - fy)));
    }
}

// ---- geom, channel by channel: mirrored x [h, w] -> wide [3h - 2, 6w - 4] -> high [6h - 4, 6w - 4] -> grid
// [2h + 12, 2w + 12] -> narrow [2h + 12, w] -> y [h, w]; the transpose goes the same way back.

enum { TAPS = 12 };

// Daubechies 1992, table 6.3 (the least asymmetric wavelet of 6 moments), divided by its sum.
static const float SYM6[TAPS] = {
    0.0108923493f, 0.00246830587f, -0.0834316015f, -0.0341615602f, 0.347228944f,   0.556946397f,
    0.238952175f,  -0.051362481f,  -0.014891874f,  0.0316252783f,  0.00124996097f, -0.0055159335f,
};

// An axis that is made twice as long: place k of the result, which begins with the first of `size` mirrored
// pixels. Every second place holds a pixel; calls give for those that the mirrored filter reaches.
typedef struct axis_pair {
    int64_t pixel;
    float weight;
} axis_pair;

static int up_pairs(int64_t k, int64_t size, axis_pair *pairs) {
    int count = 0;
    for (int t = 0; t < TAPS; t++) {
        int64_t z = k + t - TAPS / 2;
        if (z % 2 == 0 && z >= 0 && z / 2 < size)
            pairs[count++] = (axis_pair){ z / 2, 2.0f * SYM6[TAPS - 1 - t] };
    }
    return count;
}

typedef struct geom {
    int64_t h, w, c; // of the image
    float *wide, *high, *grid, *narrow;
    const float *theta;
} geom;

int64_t atl_plain_geom_room(const atl_node *n) {
    int64_t h = n->shape.d[1], w = n->shape.d[2];
    return (3 * h - 2) * (6 * w - 4) + (6 * h - 4) * (6 * w - 4) + (2 * h + 12) * (2 * w + 12) +
           (2 * h + 12) * w;
}

// Each stage is a map from the smaller number (`from` when forward) to the next.
static void widen(const geom *g, atl_plain_map m) { // x -> wide
    axis_pair pairs[TAPS];
    for (int64_t row = 0; row < 3 * g->h - 2; row++)
        for (int64_t k = 0; k < 6 * g->w - 4; k++)
            for (int i = up_pairs(k, 3 * g->w - 2, pairs) - 1; i >= 0; i--)
                atl_plain_give(&m, row * (6 * g->w - 4) + k,
                               (atl_plain_mirror(row - g->h + 1, g->h) * g->w +
                                atl_plain_mirror(pairs[i].pixel - g->w + 1, g->w)) *
                                   g->c,
                               pairs[i].weight);
}

static void heighten(const geom *g, atl_plain_map m) { // wide -> high
    axis_pair pairs[TAPS];
    int64_t line = 6 * g->w - 4;
    for (int64_t k = 0; k < 6 * g->h - 4; k++)
        for (int i = up_pairs(k, 3 * g->h - 2, pairs) - 1; i >= 0; i--)
            for (int64_t column = 0; column < line; column++)
                atl_plain_give(&m, k * line + column, pairs[i].pixel * line + column, pairs[i].weight);
}

// Filters of even length put their centre half a place away from where the grid has it; as official, the map
// is about that centre: hence the quarters of a pixel.
static void sample(const geom *g, atl_plain_map m) { // high -> grid
    const float *t = g->theta;
    int64_t tall = 2 * (g->h + 6), line = 2 * (g->w + 6);
    for (int64_t i = 0; i < tall; i++)
        for (int64_t j = 0; j < line; j++) {
            double u = ((double)j + 0.5 - (double)(g->w + 6)) / 2.0 + 0.25;
            double v = ((double)i + 0.5 - (double)(g->h + 6)) / 2.0 + 0.25;
            double x = (double)t[0] * u + (double)t[1] * v + (double)t[2] - 0.25 + (double)(g->w - 1) / 2.0;
            double y = (double)t[3] * u + (double)t[4] * v + (double)t[5] - 0.25 + (double)(g->h - 1) / 2.0;
            place p = { i * line + j, 6 * g->h - 4, 6 * g->w - 4, 2.0 * x + 0.5 + (double)(2 * (g->w - 1)),
                        2.0 * y + 0.5 + (double)(2 * (g->h - 1)) };
            bilinear(&m, &p);
        }
}

static void narrow(const geom *g, atl_plain_map m) { // grid -> narrow
    for (int64_t i = 0; i < 2 * g->h + 12; i++)
        for (int64_t q = 0; q < g->w; q++)
            for (int s = 0; s < TAPS; s++)
                atl_plain_give(&m, i * g->w + q, i * (2 * g->w + 12) + 2 * q + 1 + s, SYM6[s]);
}

static void lower(const geom *g, atl_plain_map m) { // narrow -> y
    for (int64_t p = 0; p < g->h; p++)
        for (int r = 0; r < TAPS; r++)
            for (int64_t q = 0; q < g->w; q++)
                atl_plain_give(&m, (p * g->w + q) * g->c, (2 * p + 1 + r) * g->w + q, SYM6[r]);
}

void atl_plain_op_geom(const atl_plain_call *c) {
    const int64_t *d = c->shape->d;
    int64_t h = d[1], w = d[2], line = 6 * w - 4;
    geom g = { .h = h, .w = w, .c = d[3] };
    g.wide = c->room;
    g.high = g.wide + (3 * h - 2) * line;
    g.grid = g.high + (6 * h - 4) * line;
    g.narrow = g.grid + (2 * h + 12) * (2 * w + 12);
    atl_plain_clear(c->out, atl_shape_count(c->shape));
    for (int64_t i = 0; i < d[0] * d[3]; i++) {
        int64_t first = i / d[3] * h * w * d[3] + i % d[3];
        const float *from = c->src[0] + first;
        float *to = c->out + first;
        g.theta = c->src[1] + 6 * (i / d[3]);
        atl_plain_clear(c->room, atl_plain_geom_room(c->node));
        if (c->node->op == ATL_OP_GEOM_T) {
            lower(&g, (atl_plain_map){ true, from, g.narrow });
            narrow(&g, (atl_plain_map){ true, g.narrow, g.grid });
            sample(&g, (atl_plain_map){ true, g.grid, g.high });
            heighten(&g, (atl_plain_map){ true, g.high, g.wide });
            widen(&g, (atl_plain_map){ true, g.wide, to });
        } else {
            widen(&g, (atl_plain_map){ false, from, g.wide });
            heighten(&g, (atl_plain_map){ false, g.wide, g.high });
            sample(&g, (atl_plain_map){ false, g.high, g.grid });
            narrow(&g, (atl_plain_map){ false, g.grid, g.narrow });
            lower(&g, (atl_plain_map){ false, g.narrow, to });
        }
    }
}
