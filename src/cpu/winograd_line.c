// SPDX-License-Identifier: Apache-2.0
// Winograd's method along lines: see winograd_line.h.  A block is some lines of one sample; each thread takes
// its own through all steps.
//
//     v [8, tiles, lines + k - 1, ci]   values at the points; k taps lie across the lines
//     m [8, tiles, lines, co]           products with the weights [k ci, co] of each point
//
// The k lines that a line of the result sums over lie behind each other in v: they are one row of the
// product.
#include "cpu/winograd_line.h"

#include "base/mem.h"
#include "base/pages.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"
#include "cpu/winograd_inside.h"

enum {
    POINTS = 8,
    ROWS = 6 // of a product that stay in registers
};

struct atl_cpu_line {
    atl_ctx *ctx;
    atl_cpu_conv_shape shape;
    atl_cpu_wino_kernels kernels;
    atl_team *team;
    bool down;         // lines are columns
    int taps, pixels;  // along a line; of the result for each tile
    int across;        // taps across the lines
    int tiles, lines;  // in a line of the result; lines of a sample
    int block, blocks; // lines of a block; blocks of a sample
    float *weight;     // 8 of [across ci, co] in panels
    size_t v_plane, m_plane;
};

static bool is_down(const atl_cpu_conv_shape *s) {
    return s->kw == 1;
}

bool atl_cpu_line_fits(const atl_cpu_conv_shape *s) {
    const int along = is_down(s) ? s->kh : s->kw, most = 1 << 14;
    return s->slot == ATL_SLOT_Y && s->groups == 1 && s->sy == 1 && s->sx == 1 && !s->swapped &&
           (along == 3 || along == 5 || along == 7) && s->kh <= 7 && s->kw <= 7 && s->n < most &&
           s->h < most && s->w < most && s->ci < most && s->co < most && s->oh < most && s->ow < most;
}

// Measured with AVX2 (bench_detector.c): 1.5 to 1.9 times as fast as direct convolution at 35x35 and 17x17.
// Three taps on lines of eight pixels, half a tile of which is lost, are 0.9 times as fast.
bool atl_cpu_line_worth(const atl_cpu_conv_shape *s) {
    const int few = 32, along = is_down(s) ? s->kh : s->kw, length = is_down(s) ? s->oh : s->ow;
    return atl_cpu_line_fits(s) && along > 3 && s->ci >= few && s->co >= few && length >= 12;
}

// ---- weights

// g [8, taps], which brings taps to the points.
static void tap_matrix(int taps, double g[POINTS * 7]) {
    const double at[3] = { ATL_LINE_A, ATL_LINE_B, ATL_LINE_C };
    double product = 1;
    for (int i = 0; i < 3; i++)
        product *= at[i] * at[i];
    for (int k = 0; k < taps; k++) {
        g[k] = k == 0 ? -1 / product : 0;
        g[7 * taps + k] = k == taps - 1;
    }
    for (int i = 0; i < 6; i++) {
        double x = i % 2 ? -at[i / 2] : at[i / 2], divisor = 2 * x * x, power = 1;
        for (int j = 0; j < 3; j++)
            if (j != i / 2)
                divisor *= x * x - at[j] * at[j];
        for (int k = 0; k < taps; k++, power *= x)
            g[(1 + i) * taps + k] = power / divisor;
    }
}

typedef struct packing {
    const atl_cpu_line *l;
    const float *weight;
    double g[POINTS * 7];
} packing;

// Columns of the result from `begin` on, which panels begin with.
static void pack_columns(const packing *p, size_t begin, size_t width) {
    const atl_cpu_line *l = p->l;
    const size_t ci = (size_t)l->shape.ci, co = (size_t)l->shape.co, taps = (size_t)l->taps,
                 across = (size_t)l->across, k = across * ci;
    for (size_t c = 0; c < width; c++)
        for (size_t i = 0; i < ci; i++)
            for (size_t j = 0; j < across; j++) {
                const float *w = p->weight + (((begin + c) * ci + i) * across + j) * taps;
                for (size_t point = 0; point < POINTS; point++) {
                    double sum = 0;
                    for (size_t t = 0; t < taps; t++)
                        sum += p->g[point * taps + t] * (double)w[t];
                    l->weight[point * k * co + begin * k + (j * ci + i) * width + c] = (float)sum;
                }
            }
}

static void pack_panels(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const packing *p = job;
    size_t co = (size_t)p->l->shape.co, begin = 0;
    for (int64_t i = 0; i < end; i++) {
        size_t width = p->l->kernels.panel(co - begin);
        if (i >= first)
            pack_columns(p, begin, width);
        begin += width;
    }
}

static void pack(const atl_cpu_line *l, const float *weight) {
    packing p = { .l = l, .weight = weight };
    int64_t panels = 0;
    for (size_t c = 0; c < (size_t)l->shape.co; panels++)
        c += l->kernels.panel((size_t)l->shape.co - c);
    tap_matrix(l->taps, p.g);
    atl_team_run(l->team, panels, 1, pack_panels, &p);
}

// ---- plans

// Lines of a block: tiles and products fill most of L2 while weights pass by, and there is work for all.
static void choose(atl_cpu_line *l, const atl_cpu_caches *caches) {
    double line = 4.0 * POINTS * l->tiles * ((double)l->shape.ci + l->shape.co);
    int most = (int)(0.85 * caches->l2 / line), wanted = 2 * atl_team_parts(l->team);
    most = most < 1 ? 1 : most < l->lines ? most : l->lines;
    if (most > ROWS)
        most -= most % ROWS;
    while (most > 1 && l->shape.n * atl_ceil_div(l->lines, most) < wanted)
        most--;
    l->blocks = atl_ceil_div(l->lines, most);
    l->block = atl_ceil_div(l->lines, l->blocks);
}

static atl_status prepare(atl_cpu_line *l, const atl_cpu_caches *caches, const float *weight) {
    const atl_cpu_conv_shape *s = &l->shape;
    size_t ci = (size_t)s->ci, co = (size_t)s->co;
    l->down = is_down(s);
    l->taps = l->down ? s->kh : s->kw;
    l->across = l->down ? 1 : s->kh;
    l->pixels = POINTS + 1 - l->taps;
    l->lines = l->down ? s->ow : s->oh;
    l->tiles = atl_ceil_div(l->down ? s->oh : s->ow, l->pixels);
    choose(l, caches);
    l->v_plane = (size_t)l->tiles * (size_t)(l->block + l->across - 1) * ci + ATL_WINO_APART;
    l->m_plane = (size_t)l->tiles * (size_t)l->block * co + ATL_WINO_APART;
    l->weight = atl_pages_alloc(l->ctx, POINTS * (size_t)l->across * ci * co, sizeof *l->weight);
    if (!l->weight)
        return ATL_NO_MEMORY;
    pack(l, weight);
    return ATL_OK;
}

atl_status atl_cpu_line_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_conv_shape *shape, const float *weight, atl_cpu_line **line) {
    atl_cpu_line *l = atl_calloc(ctx, 1, sizeof *l);
    *line = NULL;
    if (!l)
        return ATL_NO_MEMORY;
    l->ctx = ctx;
    l->shape = *shape;
    l->kernels = kernels->wino;
    l->team = team;
    atl_status status = prepare(l, &kernels->caches, weight);
    if (status != ATL_OK)
        atl_cpu_line_free(&l);
    *line = l;
    return status;
}

void atl_cpu_line_free(atl_cpu_line **line) {
    atl_cpu_line *l = line ? *line : NULL;
    if (!l)
        return;
    atl_pages_free(l->ctx, l->weight);
    atl_free(l->ctx, l);
    *line = NULL;
}

static size_t lane_floats(const atl_cpu_line *l) {
    return atl_round_floats(POINTS * l->v_plane) + atl_round_floats(POINTS * l->m_plane);
}

size_t atl_cpu_line_workspace(const atl_cpu_line *l) {
    return (size_t)atl_team_lanes(l->team) * lane_floats(l) * sizeof(float);
}

// ---- runs

typedef struct call {
    const atl_cpu_line *l;
    const float *x, *in_scale;
    float *y, *workspace;
    const atl_cpu_epilogue *e;
} call;

static void tiles_in(const call *c, int sample, int first, int lines, float *v) {
    const atl_cpu_line *l = c->l;
    const atl_cpu_conv_shape *s = &l->shape;
    const atl_cpu_wino_source from =
        atl_cpu_wino_source_with(c->x, s->h, s->w, s->ci, c->in_scale, s->ci, sample);
    for (int t = 0; t < l->tiles; t++)
        for (int i = 0; i < lines; i++, v += s->ci) {
            int along = t * l->pixels - (l->down ? s->py0 : s->px0),
                line = first + i - (l->down ? s->px0 : s->py0);
            l->kernels.line_in(&from, l->down ? along : line, l->down ? line : along, l->down, v, l->v_plane);
        }
}

static void products(const atl_cpu_line *l, int lines, const float *v, float *m) {
    const size_t ci = (size_t)l->shape.ci, co = (size_t)l->shape.co, k = (size_t)l->across * ci,
                 rows = (size_t)lines, tiles = (size_t)l->tiles,
                 step = (rows + (size_t)l->across - 1) * ci; // of v from tile to tile
    for (size_t point = 0; point < POINTS; point++) {
        const float *a = v + point * l->v_plane, *w = l->weight + point * k * co;
        float *to = m + point * l->m_plane;
        if (l->across == 1)
            l->kernels.product(a, ci, w, to, co, rows * tiles, co, k);
        else
            for (size_t t = 0; t < tiles; t++)
                l->kernels.product(a + t * step, ci, w, to + t * rows * co, co, rows, co, k);
    }
}

static void tiles_out(const call *c, int sample, int first, int lines, const float *m) {
    const atl_cpu_line *l = c->l;
    const atl_cpu_conv_shape *s = &l->shape;
    const atl_cpu_wino_target to = atl_cpu_wino_target_with(c->y, s->oh, s->ow, s->co, c->e, sample);
    for (int t = 0; t < l->tiles; t++)
        for (int i = 0; i < lines; i++, m += s->co) {
            int along = t * l->pixels, line = first + i;
            l->kernels.line_out(&to, m, l->m_plane, l->down ? along : line, l->down ? line : along, l->down,
                                l->pixels);
        }
}

static void some_blocks(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    const atl_cpu_line *l = c->l;
    float *v = c->workspace + (size_t)lane * lane_floats(l), *m = v + atl_round_floats(POINTS * l->v_plane);
    for (int64_t b = begin; b < end; b++) {
        int sample = (int)(b / l->blocks), first = (int)(b % l->blocks) * l->block;
        int lines = l->lines - first < l->block ? l->lines - first : l->block;
        tiles_in(c, sample, first, lines + l->across - 1, v);
        products(l, lines, v, m);
        tiles_out(c, sample, first, lines, m);
    }
}

void atl_cpu_line_run(const atl_cpu_line *l, const float *x, const float *in_scale, float *y,
                      const atl_cpu_epilogue *epilogue, void *workspace) {
    call c = { l, x, in_scale, y, workspace, epilogue };
    atl_team_run(l->team, (int64_t)l->shape.n * l->blocks, 1, some_blocks, &c);
}
