// SPDX-License-Identifier: Apache-2.0
// The order of training: a shuffle by NumPy's legacy generator, then a walk round it that swaps each
// element, after it was handed out, with a random one of the half round before it.
#include <atelier/rng.h>
#include <math.h>
#include <stdlib.h>

#include "data/loader.h"

struct atl_sampler {
    atl_ctx *ctx;
    atl_numpy_rng rng;
    uint32_t *pictures; // [chosen] sorted
    uint32_t *order;    // [length] below `chosen`: plain; from there on: flipped
    uint32_t chosen, length, window;
    size_t rank, ranks;
    uint64_t at;
};

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// The first of a shuffled list, sorted.
static void choose(atl_sampler *s, uint32_t count, uint32_t seed) {
    for (uint32_t i = 0; i < count; i++)
        s->pictures[i] = i;
    if (s->chosen == count)
        return;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    atl_numpy_rng_shuffle(&rng, s->pictures, count);
    qsort(s->pictures, s->chosen, sizeof *s->pictures, by_number);
}

static uint32_t step(atl_sampler *s) {
    uint32_t i = (uint32_t)(s->at++ % s->length), value = s->order[i];
    if (s->window >= 2) {
        uint32_t back = atl_numpy_rng_below(&s->rng, s->window);
        uint32_t j = i >= back ? i - back : i + s->length - back;
        s->order[i] = s->order[j];
        s->order[j] = value;
    }
    return value;
}

atl_status atl_sampler_open(atl_ctx *ctx, size_t count, const atl_loader_options *o, atl_sampler **sampler) {
    *sampler = NULL;
    size_t ranks = o->ranks ? o->ranks : 1;
    if (count == 0 || count > UINT32_MAX / 4 || o->rank >= ranks)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "no order for %zu pictures as rank %zu of %zu", count, o->rank,
                        ranks);
    atl_sampler *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->ctx = ctx;
    s->rank = o->rank;
    s->ranks = ranks;
    s->chosen = (uint32_t)(o->subset && o->subset < count ? o->subset : count);
    s->length = o->mirror ? 2 * s->chosen : s->chosen;
    s->window = (uint32_t)lrint(s->length * 0.5);
    s->pictures = atl_alloc(ctx, count, sizeof *s->pictures);
    s->order = atl_alloc(ctx, s->length, sizeof *s->order);
    if (!s->pictures || !s->order) {
        atl_sampler_close(&s);
        return ATL_NO_MEMORY;
    }
    choose(s, (uint32_t)count, o->seed);
    for (uint32_t i = 0; i < s->length; i++)
        s->order[i] = i;
    atl_numpy_rng_init(&s->rng, o->seed);
    atl_numpy_rng_shuffle(&s->rng, s->order, s->length);
    while (s->at < o->start)
        step(s);
    *sampler = s;
    return ATL_OK;
}

void atl_sampler_close(atl_sampler **sampler) {
    if (!sampler || !*sampler)
        return;
    atl_ctx *ctx = (*sampler)->ctx;
    atl_free(ctx, (*sampler)->pictures);
    atl_free(ctx, (*sampler)->order);
    atl_free(ctx, *sampler);
    *sampler = NULL;
}

size_t atl_sampler_length(const atl_sampler *s) {
    return s->length;
}

uint32_t atl_sampler_picture(const atl_sampler *s, size_t index) {
    return s->pictures[index];
}

atl_sample atl_sampler_next(atl_sampler *s) {
    while (s->at % s->ranks != s->rank)
        step(s);
    uint32_t value = step(s);
    bool flip = value >= s->chosen;
    return (atl_sample){ s->pictures[flip ? value - s->chosen : value], flip };
}
