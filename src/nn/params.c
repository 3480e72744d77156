// SPDX-License-Identifier: Apache-2.0
// The parameter store: a list in order of addition, a hash table over the names, one span of values.
#include "nn/params.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/philox.h"

enum { ALIGN = 16 }; // floats: 64 bytes

static uint64_t hash_name(const char *name) { // FNV-1a
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

void atl_params_init(atl_params *p, atl_ctx *ctx) {
    memset(p, 0, sizeof *p);
    p->ctx = ctx;
    atl_arena_init(&p->arena, ctx, 0);
}

void atl_params_clear(atl_params *p) {
    if (!p->ctx)
        return;
    if (p->mapping)
        munmap((void *)p->mapping, p->mapping_bytes);
    else
        atl_free(p->ctx, p->data);
    atl_free(p->ctx, p->list);
    atl_free(p->ctx, p->index);
    atl_arena_clear(&p->arena);
    memset(p, 0, sizeof *p);
}

// The slot of a name: where it is, or where it would go.
static size_t slot_of(const atl_params *p, const char *name) {
    size_t at = (size_t)hash_name(name) & (p->slots - 1);
    while (p->index[at] && strcmp(p->list[p->index[at] - 1].name, name))
        at = (at + 1) & (p->slots - 1);
    return at;
}

static atl_status grow(atl_params *p) {
    size_t capacity = p->capacity ? p->capacity * 2 : 128, slots = capacity * 2;
    uint32_t *index = atl_calloc(p->ctx, slots, sizeof *index);
    atl_param *list = index ? atl_grow(p->ctx, p->list, p->size, capacity, sizeof *list) : NULL;
    if (!list) {
        atl_free(p->ctx, index);
        return ATL_NO_MEMORY;
    }
    atl_free(p->ctx, p->index);
    p->list = list;
    p->index = index;
    p->capacity = capacity;
    p->slots = slots;
    for (size_t i = 0; i < p->size; i++)
        p->index[slot_of(p, p->list[i].name)] = (uint32_t)(i + 1);
    return ATL_OK;
}

atl_status atl_params_add(atl_params *p, const char *name, int rank, const int64_t *dims, bool buffer,
                          atl_param **param) {
    size_t count = 1;
    if (rank < 0 || rank > ATL_ARRAY_RANK_MAX)
        return atl_fail(p->ctx, ATL_BAD_FILE, "the parameter %s has %d dimensions, %d is the limit", name, rank,
                        ATL_ARRAY_RANK_MAX);
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || (dims[i] > 0 && count > (SIZE_MAX >> 8) / (size_t)dims[i]))
            return atl_fail(p->ctx, ATL_BAD_FILE, "the parameter %s has an impossible dimension %lld", name,
                            (long long)dims[i]);
        count *= (size_t)dims[i];
    }
    size_t offset = (p->total + ALIGN - 1) / ALIGN * ALIGN;
    if (count > p->ctx->memory_cap / sizeof(float) || offset > p->ctx->memory_cap / sizeof(float) - count)
        return atl_fail(p->ctx, ATL_NO_MEMORY, "the parameters up to %s take more than the limit of %zu bytes", name,
                        p->ctx->memory_cap);
    if (p->size == p->capacity)
        ATL_TRY(grow(p));
    size_t slot = slot_of(p, name);
    if (p->index[slot])
        return atl_fail(p->ctx, ATL_BAD_FILE, "there are two parameters of the name %s", name);
    const char *copy = atl_arena_string(&p->arena, name, strlen(name));
    if (!copy)
        return ATL_NO_MEMORY;
    atl_param *q = &p->list[p->size++];
    *q = (atl_param){ .name = copy, .rank = rank, .offset = offset, .count = count, .buffer = buffer };
    if (rank)
        memcpy(q->dims, dims, sizeof *dims * (size_t)rank);
    p->index[slot] = (uint32_t)p->size;
    p->total = offset + count;
    if (param)
        *param = q;
    return ATL_OK;
}

atl_status atl_params_allocate(atl_params *p) {
    p->data = atl_calloc(p->ctx, p->total ? p->total : 1, sizeof *p->data);
    return p->data ? ATL_OK : ATL_NO_MEMORY;
}

atl_param *atl_params_find(const atl_params *p, const char *name) {
    if (!p->slots)
        return NULL;
    uint32_t i = p->index[slot_of(p, name)];
    return i ? &p->list[i - 1] : NULL;
}

void atl_params_randomise(atl_params *p, uint64_t seed) {
    for (size_t i = 0; i < p->size; i++) {
        const atl_param *q = &p->list[i];
        float *v = atl_param_data(p, q);
        if (q->init == ATL_INIT_NORMAL)
            atl_philox_normal(seed, hash_name(q->name), 0, q->count, v);
        for (size_t k = 0; k < q->count; k++)
            v[k] = q->init == ATL_INIT_NORMAL ? v[k] * q->init_value : q->init == ATL_INIT_FILL ? q->init_value : 0.0f;
    }
}

// ---- fingerprint

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

// Four lanes of multiply and rotate, so that it runs at the speed of memory.  Little-endian by definition.
static uint64_t hash_floats(const float *v, size_t count) {
    uint64_t lane[4] = { 1, 2, 3, 4 };
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 4; k++) {
            uint32_t lo, hi;
            memcpy(&lo, v + i + 2 * k, 4);
            memcpy(&hi, v + i + 2 * k + 1, 4);
            lane[k] = (lane[k] ^ ((uint64_t)hi << 32 | lo)) * 0x9E3779B97F4A7C15u;
            lane[k] = lane[k] << 31 | lane[k] >> 33;
        }
    uint64_t h = count;
    for (int k = 0; k < 4; k++)
        h = mix(h, lane[k]);
    for (; i < count; i++) {
        uint32_t u;
        memcpy(&u, v + i, 4);
        h = mix(h, u);
    }
    return h;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const atl_param *const *)a)->name, (*(const atl_param *const *)b)->name);
}

uint64_t atl_params_fingerprint(const atl_params *p) {
    const atl_param **order = atl_alloc(p->ctx, p->size + 1, sizeof *order);
    if (!order)
        return 0;
    for (size_t i = 0; i < p->size; i++)
        order[i] = &p->list[i];
    qsort(order, p->size, sizeof *order, by_name);
    uint64_t h = 0;
    for (size_t i = 0; i < p->size; i++) {
        h = mix(h, hash_name(order[i]->name));
        for (int k = 0; k < order[i]->rank; k++)
            h = mix(h, (uint64_t)order[i]->dims[k]);
        h = mix(h, hash_floats(atl_param_data(p, order[i]), order[i]->count));
    }
    atl_free(p->ctx, (void *)order);
    return h;
}
