// SPDX-License-Identifier: Apache-2.0
// Direct convolution of our own: packed weights, and the run of slots Y and X.
//
// A unit of work is a block of pixels by a chunk of result channels.  It multiplies a slice of the source's
// channels with its weights, and adds that of the next slice.  Where pixels are few, a unit is all of them by
// a chunk, and packs the weights of each slice itself, so that they are used while they are in L2.
#include "cpu/direct_inside.h"

// ---- weights

// Where tap r, q of the kernel goes: the grid that it belongs to, and its index there.
static int grid_of(const atl_cpu_direct *d, int r, int q, size_t *index) {
    const atl_cpu_conv_shape *s = &d->shape;
    bool phases = s->slot == ATL_SLOT_X;
    int sy = phases ? s->sy : 1, sx = phases ? s->sx : 1, grid = r % sy * sx + q % sx;
    *index = (size_t)(r / sy * d->grid[grid].x.taps + q / sx);
    return grid;
}

// The piece's weights of all grids, each to its base: panel after panel, [taps, channels, columns].  table:
// for taps by channels.
static void pack_piece(const atl_cpu_direct *d, const float *weight, const atl_direct_piece *p,
                       float *const *base, float **table) {
    const atl_cpu_conv_shape *s = &d->shape;
    const size_t all = (size_t)s->kh * (size_t)s->kw;
    const bool turned = (s->slot == ATL_SLOT_X) != (s->swapped != 0); // [source, result, kh, kw]
    for (size_t n = 0, width; n < p->columns; n += width) {
        width = d->kernels.panel(p->columns - n);
        for (size_t t = 0; t < all; t++) {
            size_t index;
            int grid = grid_of(d, (int)t / s->kw, (int)t % s->kw, &index);
            float *first = base[grid] + d->grid[grid].taps * n * p->channels;
            for (size_t c = 0; c < p->channels; c++)
                table[c * all + t] = first + (index * p->channels + c) * width;
        }
        size_t column = p->column + n;
        const float *from =
            weight + (turned ? p->channel * d->result + column : column * d->source + p->channel) * all;
        if (!turned)
            d->kernels.turn(from, d->source * all, table, 0, p->channels * all, width);
        for (size_t c = 0; turned && c < p->channels; c++)
            d->kernels.turn(from + c * d->result * all, all, table + c * all, 0, all, width);
    }
}

typedef struct pack_job {
    const atl_cpu_direct *d;
    const float *from;
    float *to, *lanes;
} pack_job;

static void pack_unit(void *job, int lane, int64_t i) {
    const pack_job *own = job;
    const atl_cpu_direct *d = own->d;
    atl_direct_piece p = atl_direct_piece_of(d, i % d->slices, i / d->slices);
    float *base[ATL_DIRECT_STRIDE * ATL_DIRECT_STRIDE];
    for (int g = 0; g < d->grids; g++)
        base[g] =
            own->to + d->grid[g].weight + d->grid[g].taps * (p.column * d->source + p.channel * p.columns);
    pack_piece(d, own->from, &p, base, (float **)(void *)(own->lanes + (size_t)lane * d->lane_floats));
}

void atl_direct_pack(const atl_cpu_direct *d, const float *from, float *to, float *lanes) {
    pack_job job = { d, from, to, lanes };
    atl_direct_each(d, d->slices * d->chunks, pack_unit, &job);
}

// ---- the run

typedef struct call {
    const atl_cpu_direct *d;
    const float *source, *weight; // packed, unless the units do that
    float *result, *lanes;
} call;

// The sums of a piece for `count` pixels, from its packed weights.
static void add_piece(const atl_cpu_direct *d, const atl_direct_grid *g, const atl_direct_piece *p,
                      size_t count, const float *const *from, float *const *to, const float *weight) {
    atl_cpu_direct_part part = { .from = from,
                                 .to = to,
                                 .zeros = d->zeros,
                                 .step = d->block,
                                 .taps = g->taps,
                                 .pixels = count,
                                 .channel = p->channel,
                                 .channels = p->channels,
                                 .column = p->column,
                                 .columns = p->columns,
                                 .weight = weight,
                                 .add = p->channel > 0 };
    d->kernels.sums(&part);
}

static void unit(void *job, int lane, int64_t i) {
    const call *c = job;
    const atl_cpu_direct *d = c->d;
    const atl_direct_grid *g = d->grid;
    for (; i >= g->blocks * d->chunks; g++)
        i -= g->blocks * d->chunks;
    size_t first = (size_t)(i % g->blocks) * d->block, count = least(d->block, g->pixels - first);
    const float **from = (const float **)(void *)(c->lanes + (size_t)lane * d->lane_floats);
    float **to = (float **)(void *)(from + d->block * g->taps);
    atl_direct_find(d, g, c->source, first, count, from);
    atl_direct_find_results(d, g, c->result, first, count, to);
    for (int64_t slice = 0; slice < d->slices; slice++) {
        atl_direct_piece p = atl_direct_piece_of(d, slice, i / g->blocks);
        add_piece(d, g, &p, count, from, to,
                  c->weight + g->weight + g->taps * (p.column * d->source + p.channel * p.columns));
    }
}

// All pixels of all grids.
static void packing_unit(void *job, int lane, int64_t i) {
    const call *c = job;
    const atl_cpu_direct *d = c->d;
    float *weight = c->lanes + (size_t)lane * d->lane_floats, *base[ATL_DIRECT_STRIDE * ATL_DIRECT_STRIDE];
    float **to = (float **)(void *)(weight + d->piece); // [grids, block]
    const float **from = (const float **)(to + (size_t)d->grids * d->block), **at = from;
    for (int g = 0; g < d->grids; at += d->grid[g++].taps * d->block) {
        atl_direct_find(d, &d->grid[g], c->source, 0, d->grid[g].pixels, at);
        atl_direct_find_results(d, &d->grid[g], c->result, 0, d->grid[g].pixels, to + (size_t)g * d->block);
    }
    float **table = (float **)(void *)at;
    for (int64_t slice = 0; slice < d->slices; slice++) {
        atl_direct_piece p = atl_direct_piece_of(d, slice, i);
        for (int g = 0; g < d->grids; g++)
            base[g] = weight + d->grid[g].weight / d->source / d->result * p.channels * p.columns;
        pack_piece(d, c->weight, &p, base, table);
        at = from;
        for (int g = 0; g < d->grids; at += d->grid[g++].taps * d->block)
            add_piece(d, &d->grid[g], &p, d->grid[g].pixels, at, to + (size_t)g * d->block, base[g]);
    }
}

void atl_cpu_direct_run(const atl_cpu_direct *d, const float *a, const float *b, float *out,
                        void *workspace) {
    if (d->shape.slot == ATL_SLOT_W) {
        atl_direct_run_grad(d, a, b, out, workspace);
        return;
    }
    float *lanes = (float *)workspace + d->weight_floats;
    call c = { d, a, d->weight ? d->weight : d->packing ? b : workspace, out, lanes };
    if (d->packing) {
        atl_direct_each(d, d->chunks, packing_unit, &c);
        return;
    }
    if (!d->weight)
        atl_direct_pack(d, b, workspace, lanes);
    int64_t units = 0;
    for (int i = 0; i < d->grids; i++)
        units += d->grid[i].blocks * d->chunks;
    atl_direct_each(d, units, unit, &c);
}
