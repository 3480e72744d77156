// SPDX-License-Identifier: Apache-2.0
// Direct convolution of our own: where pixels are, and plans.  The runs are in direct_run.c and
// direct_grad.c.
#include "cpu/direct_inside.h"

#include "base/pages.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"

enum {
    SLICE_FLOATS = 640, // taps by channels: with them a panel of weights is near the size of L1
    BLOCK_MOST = 96,
    BLOCK_LEAST = 24,
    CHUNK_MOST = 256,
    CHUNK_LEAST = 64,       // a multiple of every width of a panel
    SMALL_IMAGE = 256,      // pixels; in smaller ones many taps are outside
    UNITS_PER_THREAD = 4,   // where there are enough pixels and channels
    FEW_PIXELS = 96,
    PACKED_PIXELS = 384,    // so few are worth no pass over the weights that only packs them,
    PACKED_LEAST = 1 << 18, // if these are many
    PACKED_FLOATS = 49152,  // of weights at a time: 192 KB, for L2
};

bool atl_cpu_direct_fits(const atl_cpu_conv_shape *s) {
    const int64_t most = 1 << 30; // so that a tap's place is an int
    return s->groups == 1 && s->sy <= ATL_DIRECT_STRIDE && s->sx <= ATL_DIRECT_STRIDE &&
           (int64_t)s->h + s->py0 + s->py1 < most && (int64_t)s->w + s->px0 + s->px1 < most;
}

// Measured beside oneDNN 2.6 with AVX2 (bench_conv.c): 1.1 to 2.5 times as fast where this says yes, 0.3 to
// 0.95 times where it says no, but for weight gradients of few channels, where they are alike.  One tap, few
// channels, or few channels that a phase sums over leave too little to do between two stores of a result. Not
// measured with AVX-512, so that oneDNN keeps what it has.
bool atl_cpu_direct_worth(const atl_cpu_conv_shape *s, atl_cpu_set set) {
#if defined(__aarch64__) // where oneDNN has kernels of its own for SVE alone
    return atl_cpu_direct_fits(s) && set == ATL_CPU_NEON;
#else
    const int few = 32, summed = s->slot == ATL_SLOT_X ? 64 : few;
    return atl_cpu_direct_fits(s) && set == ATL_CPU_AVX2 && s->kh * (int64_t)s->kw > 1 && s->ci >= few &&
           s->co >= summed;
#endif
}

enum {
    WIDE_1X1 = 128,      // channels of 1x1
    MANY_1X1 = 512,      // pixels
};

static bool ours(atl_cpu_set set) {
#if defined(__aarch64__)
    return set == ATL_CPU_NEON;
#else
    return set == ATL_CPU_AVX2;
#endif
}

// Wide products of many pixels: with AVX2 these loops take 0.85 to 0.92 of the time of oneDNN's matrix product.
bool atl_cpu_direct_worth_1x1(size_t ci, size_t co, size_t pixels, atl_cpu_set set) {
    return ours(set) && ci >= WIDE_1X1 && co >= WIDE_1X1 && pixels >= MANY_1X1;
}

// With AVX2 oneDNN's convolution of many pixels takes 0.83 of the time of ours (Inception's layers, bench_detector.c).
bool atl_cpu_direct_worth_packed_1x1(size_t pixels, atl_cpu_set set) {
#if defined(__aarch64__)
    (void)pixels;
    return set == ATL_CPU_NEON;
#else
    return pixels < MANY_1X1 || set != ATL_CPU_AVX2;
#endif
}

typedef struct unit_job {
    void (*unit)(void *job, int lane, int64_t i);
    void *job;
} unit_job;

static void some_units(void *job, int lane, int64_t first, int64_t end) {
    const unit_job *u = job;
    for (int64_t i = first; i < end; i++)
        u->unit(u->job, lane, i);
}

void atl_direct_each(const atl_cpu_direct *d, int64_t count, void (*unit)(void *job, int lane, int64_t i),
                     void *job) {
    unit_job u = { unit, job };
    atl_team_run(d->team, count, 1, some_units, &u);
}

// ---- geometry

static atl_direct_axis forward_axis(int size, int out, int taps, int step, int before) {
    return (atl_direct_axis){ out, 0, 1, size, -before, step, taps, 1 };
}

// x from y: pixels v of x with v + before = phase modulo step meet taps phase + step j, in y at (v + before -
// tap) / step.
static atl_direct_axis phase_axis(int size, int out, int taps, int step, int before, int phase) {
    int v = ((phase - before) % step + step) % step;
    return (atl_direct_axis){ .count = v < size ? atl_ceil_div(size - v, step) : 0,
                              .out = v,
                              .out_step = step,
                              .size = out,
                              .first = (v + before - phase) / step,
                              .step = 1,
                              .taps = phase < taps ? atl_ceil_div(taps - phase, step) : 0,
                              .way = -1 };
}

static void make_grids(atl_cpu_direct *d) {
    const atl_cpu_conv_shape *s = &d->shape;
    bool phases = s->slot == ATL_SLOT_X;
    size_t weight = 0;
    d->source = (size_t)(phases ? s->co : s->ci);
    d->result = (size_t)(phases ? s->ci : s->co);
    d->grids = phases ? s->sy * s->sx : 1;
    for (int i = 0; i < d->grids; i++) {
        atl_direct_grid *g = &d->grid[i];
        g->y = phases ? phase_axis(s->h, s->oh, s->kh, s->sy, s->py0, i / s->sx)
                      : forward_axis(s->h, s->oh, s->kh, s->sy, s->py0);
        g->x = phases ? phase_axis(s->w, s->ow, s->kw, s->sx, s->px0, i % s->sx)
                      : forward_axis(s->w, s->ow, s->kw, s->sx, s->px0);
        g->taps = (size_t)g->y.taps * (size_t)g->x.taps;
        g->pixels = (size_t)s->n * (size_t)g->y.count * (size_t)g->x.count;
        g->weight = weight;
        weight += g->taps * d->source * d->result;
    }
    d->weight_floats = atl_round_floats(weight);
}

// The pixel of the source where tap 0 of an output pixel is, in one sample.
typedef struct place {
    size_t n;
    int p, q;
} place;

static place place_of(const atl_cpu_direct *d, const atl_direct_grid *g, size_t pixel) {
    size_t columns = (size_t)g->x.count, rows = (size_t)g->y.count, inner = d->mixed ? (size_t)d->shape.n : 1;
    size_t n = pixel % inner;
    pixel /= inner;
    return (place){ n + pixel / columns / rows, (int)(pixel / columns % rows), (int)(pixel % columns) };
}

static void advance(const atl_cpu_direct *d, const atl_direct_grid *g, place *at) {
    if (d->mixed && ++at->n < (size_t)d->shape.n)
        return;
    at->n = d->mixed ? 0 : at->n;
    if (++at->q < g->x.count)
        return;
    at->q = 0;
    if (++at->p < g->y.count)
        return;
    at->p = 0;
    at->n++;
}

void atl_direct_find(const atl_cpu_direct *d, const atl_direct_grid *g, const float *source, size_t first,
                     size_t count, const float **from) {
    const size_t line = (size_t)g->x.size * d->source;
    place at = place_of(d, g, first);
    for (size_t i = 0; i < count; i++, advance(d, g, &at)) {
        const float *sample = source + at.n * (size_t)g->y.size * line;
        const int top = g->y.first + g->y.step * at.p, left = g->x.first + g->x.step * at.q;
        const float **to = from + i;
        for (int j = 0; j < g->y.taps; j++) {
            int v = top + g->y.way * j;
            for (int k = 0; k < g->x.taps; k++, to += d->block) {
                int u = left + g->x.way * k;
                bool inside = v >= 0 && v < g->y.size && u >= 0 && u < g->x.size;
                *to = inside ? sample + (size_t)v * line + (size_t)u * d->source : d->zeros;
            }
        }
    }
}

void atl_direct_find_results(const atl_cpu_direct *d, const atl_direct_grid *g, float *result, size_t first,
                             size_t count, float **to) {
    const bool phases = d->shape.slot == ATL_SLOT_X;
    const size_t h = (size_t)(phases ? d->shape.h : d->shape.oh),
                 w = (size_t)(phases ? d->shape.w : d->shape.ow);
    place at = place_of(d, g, first);
    for (size_t i = 0; i < count; i++, advance(d, g, &at)) {
        size_t v = (size_t)(g->y.out + g->y.out_step * at.p), u = (size_t)(g->x.out + g->x.out_step * at.q);
        to[i] = result + ((at.n * h + v) * w + u) * d->result;
    }
}

// ---- plans

static size_t most_taps(const atl_cpu_direct *d) {
    size_t most = 1;
    for (int i = 0; i < d->grids; i++)
        most = d->grid[i].taps > most ? d->grid[i].taps : most;
    return most;
}

static int64_t count_units(atl_cpu_direct *d) {
    int64_t units = 0;
    d->chunks = (int64_t)ceil_div(d->result, d->chunk);
    for (int i = 0; i < d->grids; i++) {
        d->grid[i].blocks = (int64_t)ceil_div(d->grid[i].pixels, d->block);
        units += d->grid[i].blocks * d->chunks;
    }
    return units;
}

static void cut_slices(atl_cpu_direct *d, size_t most) {
    size_t slices = ceil_div(d->source, most ? most : 1);
    d->slice = ceil_div(d->source, slices); // of nearly equal size
    d->slices = (int64_t)ceil_div(d->source, d->slice);
}

// Whether each unit packs its own weights: worth it where there are many of them for few pixels.
static bool few_pixels(const atl_cpu_direct *d) {
    size_t pixels = 0;
    for (int i = 0; i < d->grids; i++)
        pixels += d->grid[i].pixels;
    return pixels <= PACKED_PIXELS && d->weight_floats >= PACKED_LEAST;
}

static void plan_packing(atl_cpu_direct *d) {
    size_t taps = (size_t)d->shape.kh * (size_t)d->shape.kw;
    d->packing = true;
    d->chunk = CHUNK_LEAST;
    d->chunks = (int64_t)ceil_div(d->result, d->chunk);
    while (d->chunks < 2 * atl_team_parts(d->team) && d->chunk > 16) {
        d->chunk -= 16;
        d->chunks = (int64_t)ceil_div(d->result, d->chunk);
    }
    cut_slices(
        d, least(SLICE_FLOATS / most_taps(d), PACKED_FLOATS / taps / CHUNK_LEAST)); // whatever the threads
    for (int i = 0; i < d->grids; i++)
        d->block = d->grid[i].pixels > d->block ? d->grid[i].pixels : d->block;
    d->weight_floats = 0;
    d->piece = atl_round_floats(taps * d->slice * d->chunk);
    d->lane_floats =
        d->piece + (d->block * (taps + (size_t)d->grids) + taps * d->slice) * sizeof(float *) / sizeof(float);
}

static void plan(atl_cpu_direct *d) {
    size_t taps = most_taps(d);
    cut_slices(d, SLICE_FLOATS / taps);
    d->block = BLOCK_MOST;
    d->chunk = ceil_div(ceil_div(d->result, ceil_div(d->result, CHUNK_MOST)), CHUNK_LEAST) * CHUNK_LEAST;
    const int64_t wanted = UNITS_PER_THREAD * (int64_t)atl_team_parts(d->team);
    bool few = d->grid[0].pixels <= FEW_PIXELS; // of which each block reads all weights
    while (few && count_units(d) < wanted && d->chunk > CHUNK_LEAST)
        d->chunk -= CHUNK_LEAST;
    while (count_units(d) < wanted && d->block > BLOCK_LEAST)
        d->block -= 12;
    while (count_units(d) < wanted && d->chunk > CHUNK_LEAST)
        d->chunk -= CHUNK_LEAST;
    size_t finding = d->block * (taps + 1), packing = (size_t)d->shape.kh * (size_t)d->shape.kw * d->slice;
    d->lane_floats = (finding > packing ? finding : packing) * sizeof(float *) / sizeof(float);
}

static atl_status pack_constant(atl_cpu_direct *d, const float *from) {
    float *lanes = atl_alloc(d->ctx, (size_t)d->lanes * d->lane_floats, sizeof *lanes);
    d->weight = lanes ? atl_pages_alloc(d->ctx, d->weight_floats, sizeof *d->weight) : NULL;
    if (d->weight)
        atl_direct_pack(d, from, d->weight, lanes);
    d->weight_floats = 0;
    atl_free(d->ctx, lanes);
    return d->weight ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_cpu_direct_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                               const atl_cpu_conv_shape *shape, const float *weight_const,
                               atl_cpu_direct **direct) {
    *direct = NULL;
    atl_cpu_direct *d = atl_calloc(ctx, 1, sizeof *d);
    if (!d)
        return ATL_NO_MEMORY;
    d->ctx = ctx;
    d->shape = *shape;
    d->kernels = kernels->direct;
    d->team = team;
    d->lanes = atl_team_lanes(team);
    make_grids(d);
    bool constant = weight_const && shape->slot != ATL_SLOT_W;
    d->mixed =
        shape->slot != ATL_SLOT_W && shape->n > 1 && d->grid[0].pixels <= (size_t)shape->n * SMALL_IMAGE;
    if (shape->slot == ATL_SLOT_W)
        atl_direct_plan_grad(d);
    else if (!constant && few_pixels(d))
        plan_packing(d);
    else
        plan(d);
    d->lane_floats = atl_round_floats(d->lane_floats);
    d->zeros = atl_calloc(ctx, d->source, sizeof *d->zeros);
    atl_status status = !d->zeros ? ATL_NO_MEMORY : constant ? pack_constant(d, weight_const) : ATL_OK;
    if (status != ATL_OK)
        atl_cpu_direct_free(&d);
    *direct = d;
    return status;
}

void atl_cpu_direct_free(atl_cpu_direct **direct) {
    if (!direct || !*direct)
        return;
    atl_ctx *ctx = (*direct)->ctx;
    atl_pages_free(ctx, (*direct)->weight);
    atl_free(ctx, (*direct)->zeros);
    atl_free(ctx, *direct);
    *direct = NULL;
}

size_t atl_cpu_direct_workspace(const atl_cpu_direct *d) {
    return (d->weight_floats + (size_t)d->lanes * d->lane_floats) * sizeof(float);
}
