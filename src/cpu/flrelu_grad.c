// SPDX-License-Identifier: Apache-2.0
// The gradient of filtered leaky ReLU: preparation, and the walk over strips.
//
//     dy row --load, up_x--> t (back) --+
//                                       +-- gated --> m --down_x--> r row --down_y--> dx rows
//     x row  --load, up_x--> t (gate) --+
//
// Two pictures are oversampled onto one grid: dy by `down` with the down filter, which is its transpose, and
// x by `up` as on the way there.  Their product, dy times the slope at x, is filtered and thinned by `up`.
// The grid starts where the first pixel of dx has its first tap, at position px0 + 1 - up_taps of the grid of
// the way there: then tap i of pixel q lies at q up + i, and beside the grid of the way there dy contributes
// nothing.
//
// The unit of work is a strip of columns of one sample, from top to bottom, for one vector of channels.  Rows
// go through the horizontal down filter at once, so that what waits for the vertical one is `up` times
// narrower.
#include "cpu/flrelu_grad.h"

#include <string.h>

#include "base/mem.h"
#include "cpu/flrelu_inside.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"

enum { BACK, GATE, SIDES }; // dy and x
enum { WIDTH_MOST = 208, STRIP_LEAST = 16, CHUNK = 16, GROUPS = 6 };

// One of the two pictures that are oversampled.
typedef struct side {
    atl_cpu_flrelu_args args;
    atl_cpu_flrelu_filter filter;
    float *taps; // all filters of the struct above
    atl_cpu_flrelu_kernels kernels;
    int steps; // its rows that a block consumes
} side;

struct atl_cpu_flrelu_grad {
    atl_ctx *ctx;
    atl_team *team;
    side sides[SIDES];
    int n, h, w, c;     // of dx
    int lanes, vectors; // of channels
    int strip, strips;  // columns of dx in a strip; how many strips
    int block;          // rows of the grid that are computed together
    int taps, kept;     // of the last filter along an axis; rows of the grid that the next block still needs
    int chunk;          // columns of the grid at a time, so that m stays in the first-level cache
    size_t row;         // floats of an oversampled row
    size_t m_row;       // of a row of a chunk and what is left of the one before
    size_t r_row;       // of a filtered row
    size_t v_floats, thread_bytes;
};

// ---- preparation

static void reverse(float *to, const float *from, int count) {
    for (int i = 0; i < count; i++)
        to[i] = from ? from[count - 1 - i] : 1.0f;
}

// On the way back both filters are mirrored and have each other's place; each up filter is multiplied by its
// factor twice, which the gain puts right.
static atl_status prepare_back(atl_cpu_flrelu_grad *fl, const atl_cpu_flrelu_args *a, const float *fu,
                               const float *fd) {
    side *s = &fl->sides[BACK];
    float ratio = (float)a->up / (float)a->down,
          *mirrored = atl_calloc(fl->ctx, (size_t)(a->up_taps + a->down_taps), sizeof *mirrored);
    if (!mirrored)
        return ATL_NO_MEMORY;
    s->args = (atl_cpu_flrelu_args){ .n = a->n,
                                     .c = a->c,
                                     .up = a->down,
                                     .down = a->up,
                                     .up_taps = a->down_taps,
                                     .down_taps = a->up_taps,
                                     .px0 = a->down_taps + a->up_taps - 2 - a->px0,
                                     .py0 = a->down_taps + a->up_taps - 2 - a->py0,
                                     .slope = 1.0f,
                                     .gain = a->gain * ratio * ratio };
    atl_cpu_flrelu_size(a, &s->args.h, &s->args.w);
    reverse(mirrored, fu, a->up_taps);
    reverse(mirrored + a->up_taps, fd, a->down_taps);
    atl_status status =
        atl_cpu_flrelu_prepare(fl->ctx, &s->args, mirrored + a->up_taps, mirrored, &s->filter, &s->taps);
    atl_free(fl->ctx, mirrored);
    return status;
}

static atl_status prepare_gate(atl_cpu_flrelu_grad *fl, const atl_cpu_flrelu_args *a, const float *fu) {
    side *s = &fl->sides[GATE];
    s->args = *a;
    s->args.px0 = s->args.py0 = a->up_taps - 1;
    s->args.down_taps = 1;
    return atl_cpu_flrelu_prepare(fl->ctx, &s->args, fu, NULL, &s->filter, &s->taps);
}

// Columns of the grid that `columns` of dx need: whole groups of both pictures, as many as tuned kernels
// like.
static int grid_width(const atl_cpu_flrelu_grad *fl, int columns) {
    int up = fl->sides[GATE].args.up, down = fl->sides[BACK].args.up;
    return atl_flrelu_round((int64_t)up * (columns - 1) + fl->taps,
                            atl_lcm(ATL_FLRELU_COLUMNS, atl_lcm(up, down)));
}

static void cut(atl_cpu_flrelu_grad *fl) {
    int up = fl->sides[GATE].args.up, down = fl->sides[BACK].args.up;
    int most = WIDTH_MOST / up > STRIP_LEAST ? WIDTH_MOST / up : STRIP_LEAST;
    fl->strips = (fl->w + most - 1) / most;
    while ((int64_t)fl->n * fl->vectors * fl->strips < atl_team_parts(fl->team) &&
           fl->w / (fl->strips + 1) >= STRIP_LEAST)
        fl->strips++;
    int start = down / atl_gcd(up, down); // a strip starts where a group of dy starts
    fl->strip = atl_flrelu_round((fl->w + fl->strips - 1) / fl->strips, atl_lcm(start, 8));
    fl->strips = (fl->w + fl->strip - 1) / fl->strip;
}

static void size_buffers(atl_cpu_flrelu_grad *fl) {
    side *back = &fl->sides[BACK], *gate = &fl->sides[GATE];
    size_t lanes = (size_t)fl->lanes, columns = (size_t)(fl->strip < fl->w ? fl->strip : fl->w);
    size_t width = (size_t)grid_width(fl, (int)columns), rows = 0, v = 0;
    fl->block = atl_lcm(GROUPS * gate->args.up, back->args.up); // what tuned kernels compute at once
    fl->chunk = atl_lcm(CHUNK, gate->args.up);
    fl->row = atl_flrelu_apart(width) * lanes;
    fl->m_row = atl_flrelu_apart((size_t)(fl->chunk + fl->taps)) * lanes;
    fl->r_row = atl_flrelu_apart(columns) * lanes;
    for (int i = 0; i < SIDES; i++) {
        side *s = &fl->sides[i];
        s->steps = fl->block / s->args.up;
        rows += (size_t)(s->filter.up_taps + s->steps);
        size_t need = (width / (size_t)s->args.up + (size_t)s->filter.up_taps + 1) * lanes;
        v = need > v ? need : v;
    }
    fl->v_floats = atl_round_floats(v);
    size_t ring = (size_t)(fl->kept + fl->block), pointers = rows + 2 * ring;
    fl->thread_bytes = sizeof(float) * (fl->v_floats + atl_round_floats(rows * fl->row) +
                                        atl_round_floats((size_t)fl->block * fl->m_row) +
                                        atl_round_floats(ring * fl->r_row)) +
                       atl_round_bytes(pointers * sizeof(float *));
}

static atl_status prepare(atl_cpu_flrelu_grad *fl, const atl_cpu_kernels *kernels,
                          const atl_cpu_flrelu_args *a, const float *fu, const float *fd) {
    ATL_TRY(prepare_back(fl, a, fu, fd));
    ATL_TRY(prepare_gate(fl, a, fu));
    for (int i = 0; i < SIDES; i++)
        kernels->flrelu(&fl->sides[i].kernels, &fl->sides[i].filter);
    fl->n = a->n;
    fl->h = a->h;
    fl->w = a->w;
    fl->c = a->c;
    fl->lanes = fl->sides[BACK].kernels.lanes;
    fl->vectors = (a->c + fl->lanes - 1) / fl->lanes;
    fl->taps = fl->sides[BACK].filter.outputs * a->up;
    fl->kept = fl->taps - a->up;
    cut(fl);
    size_buffers(fl);
    return ATL_OK;
}

atl_status atl_cpu_flrelu_grad_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                    const atl_cpu_flrelu_args *args, const float *fu, const float *fd,
                                    atl_cpu_flrelu_grad **fl) {
    *fl = NULL;
    ATL_TRY(atl_cpu_flrelu_check(ctx, args, fu, fd));
    if (args->down_radial)
        return atl_fail(ctx, ATL_UNSUPPORTED,
                        "gradient of filtered leaky ReLU: the down filter must be separable");
    atl_cpu_flrelu_grad *made = atl_calloc(ctx, 1, sizeof *made);
    if (!made)
        return ATL_NO_MEMORY;
    made->ctx = ctx;
    made->team = team;
    atl_status status = prepare(made, kernels, args, fu, fd);
    if (status != ATL_OK)
        atl_cpu_flrelu_grad_free(&made);
    *fl = made;
    return status;
}

void atl_cpu_flrelu_grad_free(atl_cpu_flrelu_grad **fl) {
    if (!fl || !*fl)
        return;
    atl_ctx *ctx = (*fl)->ctx;
    for (int i = 0; i < SIDES; i++)
        atl_free(ctx, (*fl)->sides[i].taps);
    atl_free(ctx, *fl);
    *fl = NULL;
}

size_t atl_cpu_flrelu_grad_workspace(const atl_cpu_flrelu_grad *fl) {
    return fl->thread_bytes * (size_t)atl_team_lanes(fl->team);
}

// ---- running

// What a strip knows of a picture that is oversampled.
typedef struct picture {
    const side *s;
    const float *from;        // the sample, from its first channel on
    const float *bias;        // of these channels, or NULL
    int64_t first_x, first_y; // pixel and row at which the first window starts
    int left, right;          // pixels that exist
    float **rows;             // oversampled: the windows of the block, then its further rows
} picture;

// A strip of one sample and one vector of channels.
typedef struct strip {
    const atl_cpu_flrelu_grad *fl;
    picture pictures[SIDES];
    float *dx;       // the sample, from its first channel on
    size_t channels; // of the vector
    int ox, columns; // of dx
    int skip, width; // columns of the strip's grid that dy does not reach, and those that are computed
    float *v, *m;
    float **m_rows, **r_rows;
} strip;

// One row (zeros outside of the picture), oversampled along x.
static void oversample_row(const strip *s, const picture *p, int64_t row, float *t) {
    const atl_cpu_flrelu_args *a = &p->s->args;
    size_t lanes = (size_t)s->fl->lanes, c = (size_t)a->c;
    if (row < 0 || row >= a->h || p->left >= p->right) {
        memset(t, 0, (size_t)s->width * lanes * sizeof *t);
        return;
    }
    _Alignas(64) float bias[ATL_FLRELU_LANES] = { 0 };
    if (p->bias)
        memcpy(bias, p->bias, s->channels * sizeof *bias);
    size_t before = (size_t)(p->left - p->first_x), count = (size_t)(p->right - p->left);
    size_t end = (size_t)s->width / (size_t)a->up + (size_t)p->s->filter.up_taps + 1;
    memset(s->v, 0, before * lanes * sizeof *s->v);
    p->s->kernels.load(s->v + before * lanes, p->from + ((size_t)row * (size_t)a->w + (size_t)p->left) * c, c,
                       count, s->channels, bias);
    memset(s->v + (before + count) * lanes, 0, (end - before - count) * lanes * sizeof *s->v);
    p->s->kernels.up_x(&p->s->filter, t, s->v, (size_t)(s->width / a->up), s->channels);
}

static void start_picture(const strip *s, picture *p) {
    const atl_cpu_flrelu_args *a = &p->s->args;
    int64_t grid = (int64_t)s->ox * s->fl->sides[GATE].args.up + s->skip;
    p->first_x = (grid - a->px0 + p->s->filter.turn_x) / a->up;
    p->first_y = (p->s->filter.turn_y - (int64_t)a->py0) / a->up;
    int64_t end = p->first_x + s->width / a->up + p->s->filter.up_taps;
    p->right = (int)(end < 0 ? 0 : end < a->w ? end : a->w);
    p->left = (int)(p->first_x < 0 ? 0 : p->first_x < a->w ? p->first_x : a->w);
    for (int k = 0; k < p->s->filter.up_taps; k++)
        oversample_row(s, p, p->first_y + k, p->rows[k]);
}

// Puts the first `count` of `all` rows behind the others.
static void turn_rows(float **rows, int count, int all) {
    for (int i = 0; i < count; i++) {
        float *first = rows[0];
        memmove(rows, rows + 1, (size_t)(all - 1) * sizeof *rows);
        rows[all - 1] = first;
    }
}

// The part of an axis of the grid, `size` long from position `start` on, that dy reaches: *first to *end.
static void reach(const side *back, int padding, int pixels, int64_t start, int64_t size, int64_t *first,
                  int64_t *end) {
    int64_t before =
        padding - (back->args.up_taps - 1) - start; // dy's pixel 0 has its first tap at padding - taps + 1
    int64_t behind = before + (int64_t)(pixels - 1) * back->args.up + back->args.up_taps;
    *first = before < 0 ? 0 : before < size ? before : size;
    *end = behind < *first ? *first : behind < size ? behind : size;
}

// Pixels lie far apart, and no hardware fetches them in time.  The rows of a picture that the next block
// reads first, below `count` columns of the grid from column `at` on.
static void fetch(const strip *s, const picture *p, int64_t position, int at, int count) {
    const atl_cpu_flrelu_args *a = &p->s->args;
    int64_t row = p->first_y + (position + s->fl->block) / a->up + p->s->filter.up_taps,
            end = row + p->s->steps;
    int64_t left = p->first_x + at / a->up, right = left + count / a->up;
    row = row < 0 ? 0 : row;
    end = end < a->h ? end : a->h;
    left = left < p->left ? p->left : left;
    right = right < p->right ? right : p->right;
    for (; row < end; row++)
        for (int64_t i = left; i < right; i++)
            __builtin_prefetch(p->from + (size_t)(row * a->w + i) * (size_t)a->c, 0, 2);
}

// The rows of dx that this block completes.
static void fetch_result(const strip *s, int64_t position, int at, int count) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    int up = fl->sides[GATE].args.up;
    int64_t row = (position - fl->kept) / up, end = row + fl->block / up;
    int left = at / up, right = left + count / up;
    row = row < 0 ? 0 : row;
    end = end < fl->h ? end : fl->h;
    right = right < s->columns ? right : s->columns;
    for (; row < end; row++)
        for (int i = left; i < right; i++)
            __builtin_prefetch(s->dx + (size_t)(row * fl->w + s->ox + i) * (size_t)fl->c, 1, 2);
}

// `count` columns of the block from column `at` on, where dy reaches; zeros elsewhere.
static void compute_columns(const strip *s, float *m, int at, int count) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    const side *back = &fl->sides[BACK];
    size_t lanes = (size_t)fl->lanes;
    int first = at < s->skip ? s->skip : at,
        end = at + count < s->skip + s->width ? at + count : s->skip + s->width;
    if (end - first < count)
        for (int i = 0; i < fl->block; i++)
            memset(m + (size_t)i * fl->m_row, 0, (size_t)count * lanes * sizeof *m);
    if (first < end)
        back->kernels.gated(&back->filter, &fl->sides[GATE].filter, m + (size_t)(first - at) * lanes,
                            fl->m_row, (const float *const *)s->pictures[BACK].rows,
                            (const float *const *)s->pictures[GATE].rows, (size_t)(first - s->skip),
                            (size_t)(end - first), (size_t)fl->block, s->channels);
}

// Rows of the grid behind those that are kept, from row `position` on, filtered along x; chunk by chunk.
static void filter_along_x(const strip *s, int64_t position) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    const side *back = &fl->sides[BACK];
    size_t lanes = (size_t)fl->lanes, up = (size_t)fl->sides[GATE].args.up;
    for (int at = 0, o = 0, end; o < s->columns; at += fl->chunk, o = end) {
        size_t kept = (size_t)at - (size_t)o * up;
        compute_columns(s, s->m + kept * lanes, at, fl->chunk);
        for (int i = 0; i < SIDES; i++)
            fetch(s, &s->pictures[i], position, at - s->skip, fl->chunk);
        fetch_result(s, position, at, fl->chunk);
        end = at + fl->chunk < fl->taps ? 0 : (at + fl->chunk - fl->taps) / (int)up + 1;
        end = end < s->columns ? end : s->columns;
        size_t done = (size_t)(end - o) * up * lanes, left = (kept + (size_t)fl->chunk) * lanes - done;
        for (int i = 0; i < fl->block; i++) {
            float *m = s->m + (size_t)i * fl->m_row;
            if (end > o)
                back->kernels.down_x(&back->filter, s->r_rows[fl->kept + i] + (size_t)o * lanes, lanes,
                                     s->channels, m, (size_t)(end - o), 0);
            if (end < s->columns)
                memmove(m, m + done, left * sizeof *m);
        }
    }
}

// The rows of dx that end in the block that starts at row `position` of the grid.
static void filter_along_y(const strip *s, int64_t position) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    int up = fl->sides[GATE].args.up;
    int64_t first = position / up - fl->kept / up, end = first + fl->block / up,
            skip = first < 0 ? -first : 0;
    end = end < fl->h ? end : fl->h;
    if (first + skip >= end)
        return;
    size_t c = (size_t)fl->c, pixel = (size_t)(first + skip) * (size_t)fl->w + (size_t)s->ox;
    fl->sides[BACK].kernels.down_y(&fl->sides[BACK].filter, s->dx + pixel * c, (size_t)fl->w * c, c,
                                   s->channels, (const float *const *)s->r_rows + skip * up,
                                   (size_t)s->columns, (size_t)(end - first - skip));
}

// The rows that a block is made of, behind those that it shares with the block before.
static void oversample(const strip *s, int64_t position) {
    for (int i = 0; i < SIDES; i++) {
        const picture *p = &s->pictures[i];
        int taps = p->s->filter.up_taps;
        for (int k = taps; k < taps + p->s->steps; k++)
            oversample_row(s, p, p->first_y + position / p->s->args.up + k, p->rows[k]);
    }
}

// Positions of the strip's grid that dy reaches: those columns are computed, and these rows.
static void find_reach(strip *s, int64_t positions, int64_t *first, int64_t *end) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    const side *back = &fl->sides[BACK];
    int up = fl->sides[GATE].args.up, unit = atl_lcm(ATL_FLRELU_COLUMNS, atl_lcm(up, back->args.up));
    int64_t left, right;
    reach(back, back->args.px0, back->args.w, (int64_t)s->ox * up, grid_width(fl, s->columns), &left, &right);
    reach(back, back->args.py0, back->args.h, 0, positions, first, end);
    s->skip = (int)(left / unit * unit);
    s->width = atl_flrelu_round(right - s->skip, unit);
}

static void run_strip(strip *s) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    int64_t positions = (int64_t)fl->h * fl->sides[GATE].args.up + fl->kept, first, end;
    find_reach(s, positions, &first, &end);
    for (int i = 0; i < SIDES; i++)
        start_picture(s, &s->pictures[i]);
    for (int64_t at = 0; at < positions; at += fl->block) {
        oversample(s, at);
        if (at + fl->block > first && at < end && s->width)
            filter_along_x(s, at);
        else
            for (int i = 0; i < fl->block; i++)
                memset(s->r_rows[fl->kept + i], 0, fl->r_row * sizeof(float));
        filter_along_y(s, at);
        for (int i = 0; i < SIDES; i++)
            turn_rows(s->pictures[i].rows, s->pictures[i].s->steps,
                      s->pictures[i].s->filter.up_taps + s->pictures[i].s->steps);
        turn_rows(s->r_rows, fl->block, fl->kept + fl->block);
    }
}

static void share_memory(strip *s, char *workspace, int lane) {
    const atl_cpu_flrelu_grad *fl = s->fl;
    float *at = (float *)(void *)(workspace + fl->thread_bytes * (size_t)lane);
    size_t ring = (size_t)(fl->kept + fl->block), all = 0;
    s->v = at;
    s->m = s->v + fl->v_floats;
    float *r = s->m + atl_round_floats((size_t)fl->block * fl->m_row),
          *t = r + atl_round_floats(ring * fl->r_row);
    for (int i = 0; i < SIDES; i++)
        all += (size_t)(fl->sides[i].filter.up_taps + fl->sides[i].steps);
    float **rows = (float **)(void *)(t + atl_round_floats(all * fl->row));
    for (size_t i = 0; i < all; i++)
        rows[i] = t + i * fl->row;
    s->pictures[BACK].rows = rows;
    s->pictures[GATE].rows = rows + fl->sides[BACK].filter.up_taps + fl->sides[BACK].steps;
    s->r_rows = rows + all;
    for (size_t i = 0; i < ring; i++)
        s->r_rows[i] = r + i * fl->r_row;
}

typedef struct call {
    const atl_cpu_flrelu_grad *fl;
    const float *x, *bias, *dy;
    float *dx;
    char *workspace;
} call;

static void strips_run(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    const atl_cpu_flrelu_grad *fl = r->fl;
    const atl_cpu_flrelu_args *back = &fl->sides[BACK].args;
    size_t c = (size_t)fl->c, in = (size_t)fl->h * (size_t)fl->w * c,
           out = (size_t)back->h * (size_t)back->w * c;
    for (int64_t at = first; at < end; at++) {
        size_t sample = (size_t)(at / fl->vectors / fl->strips);
        size_t c0 = (size_t)(at % fl->vectors) * (size_t)fl->lanes;
        int ox = (int)(at / fl->vectors % fl->strips) * fl->strip;
        strip s = { .fl = fl,
                    .pictures = { { .s = &fl->sides[BACK], .from = r->dy + sample * out + c0 },
                                  { .s = &fl->sides[GATE],
                                    .from = r->x + sample * in + c0,
                                    .bias = r->bias ? r->bias + c0 : NULL } },
                    .dx = r->dx + sample * in + c0,
                    .channels = c - c0 < (size_t)fl->lanes ? c - c0 : (size_t)fl->lanes,
                    .ox = ox,
                    .columns = fl->w - ox < fl->strip ? fl->w - ox : fl->strip };
        share_memory(&s, r->workspace, lane);
        run_strip(&s);
    }
}

void atl_cpu_flrelu_grad_run(const atl_cpu_flrelu_grad *fl, const float *x, const float *bias,
                             const float *dy, float *dx, void *workspace) {
    call r = { fl, x, bias, dy, dx, workspace };
    atl_team_run(fl->team, (int64_t)fl->n * fl->strips * fl->vectors, 1, strips_run, &r);
}
