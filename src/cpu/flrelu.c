// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU: preparation of the filters, and the walk over strips.
//
//     x row --load--> v --up_x--> t --column--> d --down_x--> y row          (separable)
//     x row --load--> v --up_x--> t ---rows---> m --down_xy-> y row          (a 2-D down filter)
//
// The unit of work is a strip of columns of one sample, from top to bottom, for a few vectors of channels.
// A block of rows passes all stages while it is in the second-level cache; `state` carries what the
// vertical filters need from block to block, so that no row is computed twice.  Neighbouring strips compute
// the taps' width of oversampled columns twice.  Vectors of channels that share cache lines of x and y (c is
// not a multiple of the lanes) take turns block by block, so that memory sees each line once.
#include "cpu/flrelu.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cpu/flrelu_inside.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"

enum { STRIP_MOST = 96, STRIP_LEAST = 16 };
enum { STACK_MOST = 16, RADIAL_STACK_MOST = 8 }; // vectors that take turns

struct atl_cpu_flrelu {
    atl_ctx *ctx;
    atl_cpu_flrelu_args args;
    atl_team *team;
    int oh, ow;
    int plain;              // neither filters nor factors: an epilogue
    atl_cpu_flrelu_filter filter;
    float *taps;            // all filters of the struct above
    atl_cpu_flrelu_kernels kernels;
    atl_cpu_pointwise_kernels pointwise;

    int stack, stacks;      // vectors of channels that take turns; how many such stacks
    int strip, strips;      // output columns of a strip; how many strips
    int unit, block;        // input rows after which a kernel may stop; input rows of a block
    int carried, lag;       // columns of state per oversampled column; output rows from start to end
    int m_rows;             // rows of the ring that m is for each vector of a stack
    int chunk;              // columns that pass the vertical filters before the horizontal one
    size_t row;             // floats of a row of t and m
    size_t d_row;           // floats of a row of d: a chunk and what is left of the one before
    double cached_most;     // floats of a result that later steps may still find in a cache
    size_t v_floats, t_floats, d_floats, state_floats, m_floats, thread_bytes;
};

static int out_size(int size, int before, int after, const atl_cpu_flrelu_args *a) {
    int64_t wide = (int64_t)size * a->up + before + after - (a->up_taps - 1);
    int64_t n = atl_floor_div(wide - a->down_taps, a->down) + 1;
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

void atl_cpu_flrelu_size(const atl_cpu_flrelu_args *a, int *oh, int *ow) {
    *oh = out_size(a->h, a->py0, a->py1, a);
    *ow = out_size(a->w, a->px0, a->px1, a);
}

// ---- preparation

// The time of equal tasks over the least that is possible with so many threads.
static double unevenness(int64_t tasks, int64_t threads) {
    return (double)((tasks + threads - 1) / threads * threads) / (double)tasks;
}

// As few stacks as share the work well, and no more than vectors.
static int count_stacks(const atl_cpu_flrelu *fl, int vectors, int most) {
    int64_t threads = atl_team_parts(fl->team), tasks = (int64_t)fl->args.n * fl->strips;
    int best = (vectors + most - 1) / most;
    for (int k = best; k <= vectors && unevenness(tasks * best, threads) > 1.1; k++)
        if (unevenness(tasks * k, threads) < unevenness(tasks * best, threads))
            best = k;
    return best;
}

// How the picture is cut.  Wide strips waste less, narrow ones fit the cache; all that matters for
// correctness is that a strip starts where a group starts.
static void cut(atl_cpu_flrelu *fl) {
    const atl_cpu_flrelu_args *a = &fl->args;
    int lanes = fl->kernels.lanes, vectors = (a->c + lanes - 1) / lanes, radial = a->down_radial;
    int stack_most = a->c % lanes == 0 ? 1 : radial ? RADIAL_STACK_MOST : STACK_MOST;
    int strip_most = radial || stack_most > 1 ? STRIP_MOST * 2 / 3 : STRIP_MOST;
    fl->strips = (fl->ow + strip_most - 1) / strip_most;
    fl->stack = (vectors - 1) / count_stacks(fl, vectors, stack_most) + 1;
    fl->stacks = (vectors - 1) / fl->stack + 1;
    while ((int64_t)a->n * fl->stacks * fl->strips < atl_team_parts(fl->team) &&
           fl->ow / (fl->strips + 1) >= STRIP_LEAST)
        fl->strips++;
    int start = a->up / atl_gcd(a->up, a->down);
    fl->strip = atl_flrelu_round((fl->ow + fl->strips - 1) / fl->strips, atl_lcm(start, 8));
    fl->strips = (fl->ow + fl->strip - 1) / fl->strip;
}

// Oversampled columns that `outputs` columns of a strip need: whole groups, as many as tuned kernels like.
static int strip_width(const atl_cpu_flrelu *fl, int outputs) {
    const atl_cpu_flrelu_args *a = &fl->args;
    int step = atl_lcm(ATL_FLRELU_COLUMNS, a->up);
    return atl_flrelu_round((int64_t)a->down * (outputs - 1) + fl->filter.outputs * a->down, step);
}

static void size_buffers(atl_cpu_flrelu *fl) {
    const atl_cpu_flrelu_args *a = &fl->args;
    const atl_cpu_flrelu_filter *f = &fl->filter;
    size_t lanes = (size_t)fl->kernels.lanes, stack = (size_t)fl->stack;
    int width = strip_width(fl, fl->strip < fl->ow ? fl->strip : fl->ow);
    int turn = atl_lcm(12, a->down); // positions after which tuned kernels may stop
    fl->unit = turn / atl_gcd(turn, a->up);
    fl->block = a->down_radial ? fl->unit : 2 * fl->unit;
    fl->carried = fl->kernels.carried;
    fl->lag = a->down_radial ? f->outputs - 1 : fl->kernels.lag;
    int rows = fl->block * a->up, taps = f->outputs * a->down;
    size_t windows = stack * (size_t)f->up_taps, block = (size_t)fl->block;
    fl->m_rows = a->down_radial ? taps - 1 + rows : 0;
    fl->row = atl_flrelu_apart((size_t)width) * lanes;
    fl->v_floats = atl_round_floats(((size_t)(width / a->up) + (size_t)f->up_taps + 1) * lanes);
    fl->t_floats = atl_round_floats((windows + block) * fl->row);
    // Pixels that are written into caches come in whole rows, which the processor fetches by itself.
    fl->chunk = fl->stack == 1 && fl->kernels.chunk && fl->kernels.chunk < width ? fl->kernels.chunk : width;
    fl->d_row = atl_flrelu_apart((size_t)(fl->chunk < width ? fl->chunk + taps : width)) * lanes;
    fl->d_floats = a->down_radial ? 0 : atl_round_floats((size_t)(rows / a->down) * fl->d_row);
    fl->state_floats = a->down_radial ? 0 : atl_round_floats((size_t)fl->carried * (size_t)width * lanes);
    fl->m_floats = atl_round_floats((size_t)fl->m_rows * fl->row);
    size_t pointers = windows + block + (size_t)f->up_taps + block + (size_t)fl->m_rows;
    fl->thread_bytes = sizeof(float) * (atl_round_floats(pointers * sizeof(float *) / sizeof(float)) +
                                        fl->v_floats + fl->t_floats + fl->d_floats +
                                        stack * (fl->state_floats + fl->m_floats));
}

atl_status atl_cpu_flrelu_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                               const atl_cpu_flrelu_args *args, const float *fu, const float *fd,
                               atl_cpu_flrelu **fl) {
    *fl = NULL;
    ATL_TRY(atl_cpu_flrelu_check(ctx, args, fu, fd));
    atl_cpu_flrelu *made = atl_calloc(ctx, 1, sizeof *made);
    if (!made)
        return ATL_NO_MEMORY;
    made->ctx = ctx;
    made->args = *args;
    made->team = team;
    atl_cpu_flrelu_size(args, &made->oh, &made->ow);
    made->plain = args->up == 1 && args->down == 1 && !fu && !fd && !args->px0 && !args->px1 && !args->py0 &&
                  !args->py1;
    made->pointwise = kernels->pointwise;
    made->cached_most = kernels->caches.l3 / 4 / sizeof(float);
    atl_status status = atl_cpu_flrelu_prepare(ctx, args, fu, fd, &made->filter, &made->taps);
    if (status == ATL_OK) {
        kernels->flrelu(&made->kernels, &made->filter);
        cut(made);
        size_buffers(made);
    } else {
        atl_cpu_flrelu_free(&made);
    }
    *fl = made;
    return status;
}

void atl_cpu_flrelu_free(atl_cpu_flrelu **fl) {
    if (!fl || !*fl)
        return;
    atl_ctx *ctx = (*fl)->ctx;
    atl_free(ctx, (*fl)->taps);
    atl_free(ctx, *fl);
    *fl = NULL;
}

size_t atl_cpu_flrelu_workspace(const atl_cpu_flrelu *fl) {
    return fl->plain ? 0 : fl->thread_bytes * (size_t)atl_team_lanes(fl->team);
}

// ---- running

// A strip of one sample and one stack of vectors of channels.
typedef struct strip {
    const atl_cpu_flrelu *fl;
    const float *x;           // the sample [h, w, c]
    const float *bias;        // [c], or NULL
    float *y;                 // [oh, ow, c]
    int stream;               // write y around the caches
    int c0, vectors;          // first channel; vectors of the stack
    int ox, outputs;          // output columns
    int groups, width;        // groups of oversampled columns, and these columns
    int left, right;          // pixels that exist
    int64_t first_x, first_y; // pixel and row at which the first window starts
    float *v, *t, *d, *state, *m;
    float **windows, **spare; // all rows of t: those with the windows of each vector, and the others
    float **t_rows, **m_rows; // rows of a vector, in the order of a call
} strip;

static size_t first_channel(const strip *s, int vector) {
    return (size_t)s->c0 + (size_t)vector * (size_t)s->fl->kernels.lanes;
}

// Channels of a vector: its lanes, but for the last one.
static size_t channels_of(const strip *s, int vector) {
    size_t lanes = (size_t)s->fl->kernels.lanes, left = (size_t)s->fl->args.c - first_channel(s, vector);
    return left < lanes ? left : lanes;
}

// One input row (zeros outside of the picture), oversampled along x.
static void oversample_row(const strip *s, int vector, int64_t row, float *t) {
    const atl_cpu_flrelu *fl = s->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    size_t lanes = (size_t)fl->kernels.lanes, at = first_channel(s, vector), n = channels_of(s, vector);
    if (row < 0 || row >= a->h || s->left >= s->right) {
        memset(t, 0, (size_t)s->width * lanes * sizeof *t);
        return;
    }
    _Alignas(64) float bias[ATL_FLRELU_LANES];
    for (size_t l = 0; l < lanes; l++)
        bias[l] = l >= n || !s->bias ? 0.0f : s->bias[at + l];
    const float *from = s->x + ((size_t)row * (size_t)a->w + (size_t)s->left) * (size_t)a->c + at;
    fl->kernels.load(s->v + (size_t)(s->left - s->first_x) * lanes, from, (size_t)a->c,
                     (size_t)(s->right - s->left), n, bias);
    fl->kernels.up_x(&fl->filter, t, s->v, (size_t)s->groups, n);
}

// Row `row` of a vector's ring of m.
static float *ring_row(const strip *s, float *ring, int64_t row) {
    return ring + (size_t)(row % s->fl->m_rows) * s->fl->row;
}

// The rows of t that hold a vector's windows between its turns.
static float **window_of(const strip *s, int vector) {
    return s->windows + (size_t)vector * (size_t)s->fl->filter.up_taps;
}

// The windows before the first step; sums start at zero.
static void start_state(const strip *s, int vector) {
    const atl_cpu_flrelu *fl = s->fl;
    memset(s->state + (size_t)vector * fl->state_floats, 0, fl->state_floats * sizeof *s->state);
    for (int k = 0; k < fl->filter.up_taps; k++)
        oversample_row(s, vector, s->first_y + k, window_of(s, vector)[k]);
}

static float *output_at(const strip *s, int vector, int64_t row) {
    size_t pixel = (size_t)row * (size_t)s->fl->ow + (size_t)s->ox;
    return s->y + pixel * (size_t)s->fl->args.c + first_channel(s, vector);
}

// The rows of x that the next block reads first and the rows of y that this one writes, from row `o` on.
static atl_cpu_flrelu_soon look_ahead(const strip *s, int vector, int64_t step, int64_t o) {
    const atl_cpu_flrelu *fl = s->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    size_t c = (size_t)a->c, at = first_channel(s, vector);
    int64_t row = s->first_y + step + fl->block + fl->filter.up_taps;
    int fits = row >= 0 && row + fl->block <= a->h, left = s->left < a->w ? s->left : a->w - 1;
    atl_cpu_flrelu_soon soon = { .step = c,
                                 .x_row = fits ? (size_t)a->w * c : 0,
                                 .y_row = (size_t)fl->ow * c };
    soon.x = s->x + ((size_t)(fits ? row : 0) * (size_t)a->w + (size_t)left) * c + at;
    soon.y = output_at(s, vector, o < 0 ? 0 : o < fl->oh ? o : fl->oh - 1);
    if (s->stream) { // y never is in a cache
        soon.y = soon.x;
        soon.y_row = 0;
    }
    return soon;
}

// Rows of d that are outputs go through the row filter: outputs o to end - 1, of which d holds the columns.
static void filter_rows(const strip *s, int vector, int64_t first, int rows, int o, int end) {
    const atl_cpu_flrelu *fl = s->fl;
    size_t n = channels_of(s, vector), c = (size_t)fl->args.c;
    for (int i = 0; i < rows; i++) {
        int64_t line = first + i;
        if (line < 0 || line >= fl->oh)
            continue;
        float *y = output_at(s, vector, line) + (size_t)o * c;
        fl->kernels.down_x(&fl->filter, y, c, n, s->d + (size_t)i * fl->d_row, (size_t)(end - o), s->stream);
    }
}

static void block_separable(const strip *s, int vector, int64_t step, int steps) {
    const atl_cpu_flrelu *fl = s->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    size_t lanes = (size_t)fl->kernels.lanes, n = channels_of(s, vector);
    int64_t first = step * a->up / a->down - fl->lag;
    int chunk = fl->chunk, taps = fl->filter.outputs * a->down, rows = steps * a->up / a->down;
    atl_cpu_flrelu_soon soon = look_ahead(s, vector, step, first);
    for (int at = 0, o = 0; at < s->width; at += chunk) {
        int count = s->width - at < chunk ? s->width - at : chunk, kept = at - o * a->down;
        fl->kernels.column(&fl->filter, s->d + (size_t)kept * lanes, fl->d_row,
                           (const float *const *)s->t_rows, s->state + (size_t)vector * fl->state_floats,
                           (size_t)at, (size_t)count, (size_t)steps, n, &soon);
        int end = at + count < taps ? 0 : (at + count - taps) / a->down + 1;
        end = end < s->outputs ? end : s->outputs;
        if (end <= o)
            continue;
        filter_rows(s, vector, first, rows, o, end);
        size_t done = (size_t)((end - o) * a->down) * lanes, left = (size_t)(kept + count) * lanes - done;
        for (int i = 0; i < rows && at + chunk < s->width; i++)
            memmove(s->d + (size_t)i * fl->d_row, s->d + (size_t)i * fl->d_row + done, left * sizeof *s->d);
        o = end;
    }
}

// The same with a 2-D filter over the last rows of m, a ring.
static void block_radial(const strip *s, int vector, int64_t step, int steps) {
    const atl_cpu_flrelu *fl = s->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    int64_t begin = step * a->up, end = begin + (int64_t)steps * a->up;
    int taps = fl->filter.outputs * a->down;
    int64_t o = atl_floor_div(begin - taps, a->down) + 1, last = atl_floor_div(end - taps, a->down) + 1;
    o = o < 0 ? 0 : o; // the first that was not complete before, and what follows the last that now is
    last = last < fl->oh ? last : fl->oh;
    size_t n = channels_of(s, vector);
    float *m = s->m + (size_t)vector * fl->m_floats, *y = output_at(s, vector, o < fl->oh ? o : 0);
    for (int64_t i = o * a->down; i < end; i++)
        s->m_rows[i - o * a->down] = ring_row(s, m, i);
    atl_cpu_flrelu_soon soon = look_ahead(s, vector, step, o);
    fl->kernels.rows(&fl->filter, s->m_rows + (begin - o * a->down), (const float *const *)s->t_rows,
                     (size_t)s->width, (size_t)steps, n, &soon);
    if (o < last)
        fl->kernels.down_xy(&fl->filter, y, (size_t)a->c, (size_t)fl->ow * (size_t)a->c, n,
                            (const float *const *)s->m_rows, (size_t)s->outputs, (size_t)(last - o),
                            s->stream);
}

// The rows behind the windows become the next windows, and what is in front of these is spare.
static void run_block(const strip *s, int vector, int64_t step, int steps) {
    int taps = s->fl->filter.up_taps;
    float **window = window_of(s, vector);
    memcpy(s->t_rows, window, (size_t)taps * sizeof *window);
    memcpy(s->t_rows + taps, s->spare, (size_t)steps * sizeof *window);
    for (int i = taps; i < steps + taps; i++)
        oversample_row(s, vector, s->first_y + step + i, s->t_rows[i]);
    if (s->fl->args.down_radial)
        block_radial(s, vector, step, steps);
    else
        block_separable(s, vector, step, steps);
    memcpy(window, s->t_rows + steps, (size_t)taps * sizeof *window);
    memcpy(s->spare, s->t_rows, (size_t)steps * sizeof *window);
}

static void run_strip(strip *s) {
    const atl_cpu_flrelu *fl = s->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    const atl_cpu_flrelu_filter *f = &fl->filter;
    s->width = strip_width(fl, s->outputs);
    s->groups = s->width / a->up;
    s->first_x = ((int64_t)s->ox * a->down - a->px0 + f->turn_x) / a->up;
    s->first_y = (f->turn_y - (int64_t)a->py0) / a->up;
    int64_t end = s->first_x + s->groups + f->up_taps;
    s->right = (int)(end < 0 ? 0 : end < a->w ? end : a->w);
    s->left = (int)(s->first_x < 0 ? 0 : s->first_x < a->w ? s->first_x : a->w);
    memset(s->v, 0, fl->v_floats * sizeof *s->v);
    for (int vector = 0; vector < s->vectors; vector++)
        start_state(s, vector);
    int64_t steps = ((int64_t)a->down * (fl->oh + fl->lag) + a->up - 1) / a->up;
    for (int64_t step = 0; step < steps; step += fl->block)
        for (int vector = 0; vector < s->vectors; vector++)
            run_block(s, vector, step,
                      steps - step < fl->block ? atl_flrelu_round(steps - step, fl->unit) : fl->block);
}

static void share_memory(strip *s, char *workspace, int lane) {
    const atl_cpu_flrelu *fl = s->fl;
    char *mine = workspace + fl->thread_bytes * (size_t)lane;
    s->v = (float *)(void *)mine;
    s->t = s->v + fl->v_floats;
    s->d = s->t + fl->t_floats;
    s->state = s->d + fl->d_floats;
    s->m = s->state + (size_t)fl->stack * fl->state_floats;
    size_t taps = (size_t)fl->filter.up_taps, windows = (size_t)fl->stack * taps;
    s->windows = (float **)(void *)(s->m + (size_t)fl->stack * fl->m_floats);
    s->spare = s->windows + windows;
    for (size_t i = 0; i < windows + (size_t)fl->block; i++)
        s->windows[i] = s->t + i * fl->row;
    s->t_rows = s->spare + fl->block;
    s->m_rows = s->t_rows + taps + fl->block;
}

static void run_plain(const atl_cpu_flrelu *fl, const float *x, const float *bias, float *y) {
    const atl_cpu_flrelu_args *a = &fl->args;
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    e.bias = bias;
    e.slope = a->slope;
    e.gain = a->gain;
    e.clamp = a->clamp;
    atl_cpu_epilogue_run(&fl->pointwise, &e, y, x, a->n, (size_t)a->h * (size_t)a->w, (size_t)a->c, fl->team);
}

typedef struct call {
    const atl_cpu_flrelu *fl;
    const float *x, *bias;
    float *y;
    char *workspace;
    int vectors, stream;
} call;

static void strips_run(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    const atl_cpu_flrelu *fl = r->fl;
    const atl_cpu_flrelu_args *a = &fl->args;
    size_t c = (size_t)a->c, in = (size_t)a->h * (size_t)a->w * c, out = (size_t)fl->oh * (size_t)fl->ow * c;
    for (int64_t at = first; at < end; at++) {
        int64_t sample = at / fl->stacks / fl->strips;
        int j = (int)(at % fl->stacks), i = (int)(at / fl->stacks % fl->strips);
        int left = r->vectors - j * fl->stack, ox = i * fl->strip;
        strip s = { .fl = fl,
                    .x = r->x + (size_t)sample * in,
                    .y = r->y + (size_t)sample * out,
                    .bias = r->bias,
                    .stream = r->stream,
                    .c0 = j * fl->stack * fl->kernels.lanes,
                    .vectors = left < fl->stack ? left : fl->stack,
                    .ox = ox,
                    .outputs = fl->ow - ox < fl->strip ? fl->ow - ox : fl->strip };
        share_memory(&s, r->workspace, lane);
        run_strip(&s);
    }
}

void atl_cpu_flrelu_run(const atl_cpu_flrelu *fl, const float *x, const float *bias, float *y,
                        void *workspace) {
    const atl_cpu_flrelu_args *a = &fl->args;
    if (fl->plain) {
        run_plain(fl, x, bias, y);
        return;
    }
    size_t out = (size_t)fl->oh * (size_t)fl->ow * (size_t)a->c;
    int lanes = fl->kernels.lanes,
        stream = (uintptr_t)y % 64 == 0 && a->c % 16 == 0 && (double)(out * (size_t)a->n) > fl->cached_most;
    call r = { fl, x, bias, y, workspace, (a->c + lanes - 1) / lanes, stream };
    atl_team_run(fl->team, (int64_t)a->n * fl->strips * fl->stacks, 1, strips_run, &r);
}
