// SPDX-License-Identifier: Apache-2.0
// The parameter store: a list, a hash table of names over it, and the span.
#include "nn/params.h"

#include <stdatomic.h>
#include <string.h>
#include "base/hash.h"
#include "base/pages.h"
#include "base/philox.h"
#include "base/team.h"
#include "io/file.h"

enum {
    ALIGNMENT = 16,  // floats: a cache line
    ALONE = 1 << 16, // floats that are hashed before another thread has woken
};

static uint64_t mix(uint64_t h) { // the finaliser of SplitMix64 (Steele, Lea, Flood 2014)
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static uint64_t hash_name(const char *name) {
    return mix(atl_hash(ATL_HASH_BEGIN, name, strlen(name)));
}

void atl_params_init(atl_params *params, atl_ctx *ctx) {
    *params = (atl_params){ .ctx = ctx };
    atl_arena_init(&params->arena, ctx, 0);
}

void atl_params_clear(atl_params *params) {
    if (!params->ctx)
        return;
    if (params->mapping)
        atl_mapping_release((void *)params->mapping, params->mapping_bytes);
    else
        atl_pages_free(params->ctx, params->data);
    atl_free(params->ctx, params->list);
    atl_free(params->ctx, params->index);
    atl_arena_clear(&params->arena);
    *params = (atl_params){ 0 };
}

static uint32_t *find_slot(const atl_params *params, const char *name) {
    size_t at = (size_t)hash_name(name) & (params->slots - 1);
    while (params->index[at] && strcmp(params->list[params->index[at] - 1].name, name) != 0)
        at = (at + 1) & (params->slots - 1);
    return &params->index[at];
}

static atl_status grow(atl_params *params) {
    size_t room = params->capacity ? params->capacity * 2 : 64;
    atl_param *list = atl_grow(params->ctx, params->list, params->size, room, sizeof *list);
    if (!list)
        return ATL_NO_MEMORY;
    params->list = list;
    uint32_t *index = atl_calloc(params->ctx, room * 2, sizeof *index);
    if (!index)
        return ATL_NO_MEMORY;
    atl_free(params->ctx, params->index);
    params->capacity = room;
    params->index = index;
    params->slots = room * 2;
    for (size_t i = 0; i < params->size; i++)
        *find_slot(params, list[i].name) = (uint32_t)i + 1;
    return ATL_OK;
}

// Number of elements, or false when it is negative or absurd.
static bool count_of(int rank, const int64_t *dims, size_t *count) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || (dims[i] && n > (SIZE_MAX >> 4) / (size_t)dims[i]))
            return false;
        n *= (size_t)dims[i];
    }
    *count = n;
    return true;
}

atl_status atl_params_add(atl_params *params, const char *name, int rank, const int64_t *dims, bool buffer,
                          atl_param **param) {
    size_t count, offset = (params->total + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rank < 0 || rank > ATL_ARRAY_RANK_MAX || !count_of(rank, dims, &count) ||
        count > (SIZE_MAX >> 4) - offset)
        return atl_fail(params->ctx, ATL_BAD_FILE, "parameter '%s' has an absurd shape", name);
    if (params->data)
        return atl_fail(params->ctx, ATL_INTERNAL, "parameter '%s' is added to a store that is in use", name);
    if (params->size == params->capacity)
        ATL_TRY(grow(params));
    uint32_t *slot = find_slot(params, name);
    if (*slot)
        return atl_fail(params->ctx, ATL_BAD_FILE, "two parameters are named '%s'", name);
    atl_param *p = &params->list[params->size];
    *p = (atl_param){ .rank = rank, .offset = offset, .count = count, .buffer = buffer };
    p->name = atl_arena_string(&params->arena, name, strlen(name));
    if (!p->name)
        return ATL_NO_MEMORY;
    for (int i = 0; i < rank; i++)
        p->dims[i] = dims[i];
    *slot = (uint32_t)++params->size;
    params->total = offset + count;
    if (param)
        *param = p;
    return ATL_OK;
}

atl_status atl_params_allocate(atl_params *params) {
    if (params->total > params->ctx->memory_cap / sizeof(float))
        return atl_fail(params->ctx, ATL_NO_MEMORY,
                        "the network has %zu numbers, more than the memory limit of %zu bytes "
                        "allows",
                        params->total, params->ctx->memory_cap);
    params->data =
        atl_pages_alloc_alone(params->ctx, params->total ? params->total : 1, sizeof *params->data);
    for (size_t i = 0, end = 0; params->data && i < params->size; i++) {
        const atl_param *p = &params->list[i];
        memset(params->data + end, 0, (p->offset - end) * sizeof *params->data);
        end = p->offset + p->count;
    }
    return params->data ? ATL_OK : ATL_NO_MEMORY;
}

atl_param *atl_params_find(const atl_params *params, const char *name) {
    uint32_t found = params->slots ? *find_slot(params, name) : 0;
    return found ? &params->list[found - 1] : NULL;
}

// ---- initial values

void atl_params_randomise(atl_params *params, uint64_t seed) {
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        float *x = atl_param_data(params, p);
        bool normal = p->init == ATL_INIT_NORMAL;
        if (normal)
            atl_philox_normal(seed, hash_name(p->name), 0, p->count, x);
        for (size_t k = 0; k < p->count; k++)
            x[k] = normal ? x[k] * p->init_value : p->init == ATL_INIT_FILL ? p->init_value : 0.0f;
    }
}

// ---- fingerprint

static uint64_t turn_left(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

// Four independent lanes of multiply and rotate, so that the multiplier's latency hides behind memory.
static uint64_t hash_values(const float *x, size_t count) {
    const uint64_t prime = 0x9e3779b97f4a7c15u;
    uint64_t lane[4] = { 1, 2, 3, 4 }, v[4];
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        memcpy(v, x + i, sizeof v);
        for (int k = 0; k < 4; k++)
            lane[k] = turn_left(lane[k] ^ v[k], 29) * prime;
    }
    memset(v, 0, sizeof v);
    if (i < count)
        memcpy(v, x + i, (count - i) * sizeof *x);
    uint64_t h = count;
    for (int k = 0; k < 4; k++)
        h = mix(h ^ (turn_left(lane[k] ^ v[k], 29) * prime));
    return h;
}

static uint64_t hash_param(const atl_params *params, const atl_param *p) {
    uint64_t h = mix(hash_name(p->name) + (uint64_t)p->rank);
    for (int i = 0; i < p->rank; i++)
        h = mix(h ^ (uint64_t)p->dims[i]);
    return mix(h ^ hash_values(atl_param_data(params, p), p->count));
}

typedef struct hashing {
    const atl_params *params;
    _Atomic uint64_t sum;
} hashing;

static void hash_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    hashing *h = job;
    uint64_t sum = 0;
    for (int64_t i = first; i < end; i++)
        sum += hash_param(h->params, &h->params->list[i]);
    atomic_fetch_add(&h->sum, sum);
}

// Every parameter's hash holds its name, and names differ: a sum of well mixed hashes depends on the set
// alone, so that no sorting is needed to be independent of the order in the file.
uint64_t atl_params_fingerprint(const atl_params *params) {
    atl_team *team;
    hashing h = { .params = params };
    atomic_store(&h.sum, params->size);
    if (atl_team_open(params->ctx, params->ctx->threads, &team) != ATL_OK)
        atl_message_clear(params->ctx); // no team is one thread
    atl_team_run(team, (int64_t)params->size, 1 + (int64_t)(params->size * ALONE / (params->total + 1)),
                 hash_some, &h);
    atl_team_close(&team);
    return mix(atomic_load(&h.sum));
}
