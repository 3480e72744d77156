// SPDX-License-Identifier: Apache-2.0
// Direct convolution of our own: weight gradients.
//
// A unit of work is all taps of a slice of input channels by a chunk of output channels.  It goes through the
// pixels, a block at a time, and adds products to its sums.  Where that makes few units, the pixels are cut
// into parts with sums of their own, which are added in their order.  Which parts and blocks there are
// depends on the shape alone.
#include "cpu/direct_inside.h"

#include "cpu/sizes.h"

enum {
    BLOCK = 64, // pixels; sums are read and written once for each block
    ROWS = 432, // taps by channels of a slice, about
    CHUNK_MOST = 128,
    CHUNK_LEAST = 16,
    UNITS_PER_THREAD = 2,
    FEW_WEIGHTS = 16384, // with fewer weights there are parts:
    PARTS = 16,
};

static void cut(atl_cpu_direct *d, size_t slice, size_t chunk) {
    d->slice = least(d->source, slice ? slice : 1);
    d->chunk = least(d->result, chunk);
    d->slices = (int64_t)ceil_div(d->source, d->slice);
    d->chunks = (int64_t)ceil_div(d->result, d->chunk);
}

void atl_direct_plan_grad(atl_cpu_direct *d) {
    const atl_direct_grid *g = d->grid;
    size_t slice = ceil_div(ceil_div(ROWS, g->taps), 8) * 8, chunk = CHUNK_MOST,
           blocks = ceil_div(g->pixels, BLOCK);
    d->block = BLOCK;
    d->parts = 1;
    cut(d, slice, chunk);
    if (g->taps * d->source * d->result < FEW_WEIGHTS)
        d->parts = (int64_t)least(PARTS, blocks);
    while (d->parts == 1 && d->slices * d->chunks < UNITS_PER_THREAD * atl_team_parts(d->team) &&
           (slice > 8 || chunk > CHUNK_LEAST)) {
        if (chunk > 64 || slice <= 8)
            chunk /= 2;
        else
            slice -= 8;
        cut(d, slice, chunk);
    }
    d->sums = atl_round_floats(g->taps * d->slice * d->chunk);
    size_t finding = 2 * BLOCK * g->taps, putting = d->slice * g->taps;
    d->lane_floats =
        atl_round_floats(BLOCK * d->kernels.panel(d->chunk)) +
        atl_round_floats((finding > putting ? finding : putting) * sizeof(float *) / sizeof(float)) +
        (d->parts == 1 ? d->sums : 0);
    d->weight_floats = d->parts == 1 ? 0 : (size_t)(d->parts * d->slices * d->chunks) * d->sums;
}

typedef struct call {
    const atl_cpu_direct *d;
    const float *x, *dy;
    float *dw, *kept, *lanes;
} call;

// The table of where block `block` reads; there are two, for it and the next one.
static const float **find(const call *c, float *lane, size_t block) {
    const atl_cpu_direct *d = c->d;
    const atl_direct_grid *g = d->grid;
    const float **from = (const float **)(void *)(lane + BLOCK * d->kernels.panel(d->chunk));
    from += block % 2 * BLOCK * g->taps;
    atl_direct_find(d, g, c->x, block * BLOCK, least(BLOCK, g->pixels - block * BLOCK), from);
    return from;
}

// The sums of blocks first to last - 1.
static void add_blocks(const call *c, const atl_direct_piece *r, size_t first, size_t last, float *lane,
                       float *sums) {
    const atl_cpu_direct *d = c->d;
    const atl_direct_grid *g = d->grid;
    const float **from = find(c, lane, first);
    for (size_t b = first; b < last; b++) {
        size_t count = least(BLOCK, g->pixels - b * BLOCK);
        bool more = b + 1 < last && g->pixels - (b + 1) * BLOCK >= BLOCK;
        const float **next = b + 1 < last ? find(c, lane, b + 1) : from;
        atl_cpu_direct_grad part = { .from = from,
                                     .next = more ? next : from,
                                     .dy = c->dy + b * BLOCK * d->result + r->column,
                                     .dy_step = d->result,
                                     .step = BLOCK,
                                     .taps = g->taps,
                                     .pixels = count,
                                     .channel = r->channel,
                                     .channels = r->channels,
                                     .columns = r->columns,
                                     .sums = sums,
                                     .scratch = lane,
                                     .add = b > first };
        d->kernels.grad(&part);
        from = next;
    }
}

// Sums [taps, channels, columns] to the weights.
static void put(const call *c, const atl_direct_piece *r, const float *sums, const float **from) {
    const atl_cpu_direct *d = c->d;
    const size_t taps = d->grid->taps;
    for (size_t i = 0; i < r->channels; i++)
        for (size_t t = 0; t < taps; t++)
            from[i * taps + t] = sums + (t * r->channels + i) * r->columns;
    if (!d->shape.swapped)
        d->kernels.turn_back(from, 0, c->dw + (r->column * d->source + r->channel) * taps, d->source * taps,
                             r->channels * taps, r->columns);
    for (size_t i = 0; d->shape.swapped && i < r->channels; i++)
        d->kernels.turn_back(from + i * taps, 0, c->dw + ((r->channel + i) * d->result + r->column) * taps,
                             taps, taps, r->columns);
}

static void unit(void *job, int lane, int64_t i) {
    const call *c = job;
    const atl_cpu_direct *d = c->d;
    const size_t blocks = ceil_div(d->grid->pixels, BLOCK), parts = (size_t)d->parts;
    const size_t part = (size_t)i % parts, last = blocks * (part + 1) / parts;
    atl_direct_piece r = atl_direct_piece_of(d, i / d->parts / d->chunks, i / d->parts % d->chunks);
    float *rows = c->lanes + (size_t)lane * d->lane_floats;
    float *sums = parts > 1 ? c->kept + (size_t)i * d->sums : rows + d->lane_floats - d->sums;
    size_t begin = blocks * part / parts;
    add_blocks(c, &r, begin, last, rows, sums);
    if (parts == 1)
        put(c, &r, sums, (const float **)(void *)rows);
}

static void add_parts(void *job, int lane, int64_t i) {
    const call *c = job;
    const atl_cpu_direct *d = c->d;
    atl_direct_piece r = atl_direct_piece_of(d, i / d->chunks, i % d->chunks);
    float *sums = c->kept + (size_t)(i * d->parts) * d->sums;
    const size_t count = d->grid->taps * r.channels * r.columns;
    for (int64_t p = 1; p < d->parts; p++)
        for (size_t j = 0; j < count; j++)
            sums[j] += sums[(size_t)p * d->sums + j];
    put(c, &r, sums, (const float **)(void *)(c->lanes + (size_t)lane * d->lane_floats));
}

void atl_direct_run_grad(const atl_cpu_direct *d, const float *x, const float *dy, float *dw,
                         void *workspace) {
    float *kept = workspace;
    call c = { d, x, dy, dw, kept, kept + d->weight_floats };
    atl_direct_each(d, d->slices * d->chunks * d->parts, unit, &c);
    if (d->parts > 1)
        atl_direct_each(d, d->slices * d->chunks, add_parts, &c);
}
