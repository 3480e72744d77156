// SPDX-License-Identifier: Apache-2.0
// Copies by host address: a list, for there are a few hundred of them at most.
#include "graph/resident.h"

struct atl_resident {
    const float *host;
    size_t count;
    float *device;
    uint64_t version;
    int holders;
};

static atl_resident *find(const atl_backend *b, const float *host) {
    for (int i = 0; i < b->n_residents; i++) {
        atl_resident *r = &b->residents[i];
        if ((uintptr_t)host >= (uintptr_t)r->host && (uintptr_t)host < (uintptr_t)(r->host + r->count))
            return r;
    }
    return NULL;
}

static atl_status add(atl_backend *b, const float *host, size_t count, uint64_t version) {
    if (b->n_residents == b->resident_capacity) {
        int capacity = b->resident_capacity ? b->resident_capacity * 2 : 64;
        atl_resident *list =
            atl_grow(b->ctx, b->residents, (size_t)b->n_residents, (size_t)capacity, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        b->residents = list;
        b->resident_capacity = capacity;
    }
    float *device = b->alloc(b, (count ? count : 1) * sizeof *device);
    if (!device)
        return ATL_NO_MEMORY;
    b->upload(b, device, host, count);
    b->residents[b->n_residents++] = (atl_resident){ host, count ? count : 1, device, version, 1 };
    return ATL_OK;
}

atl_status atl_resident_take(atl_backend *b, const float *host, size_t count, uint64_t version, float **at) {
    if (!b->host) {
        atl_resident *r = find(b, host);
        if (r && host + count > r->host + r->count)
            return atl_fail(b->ctx, ATL_INTERNAL, "a span is taken after a part of it");
        if (r) {
            r->holders++;
            atl_resident_renew(b, host, version);
        } else {
            ATL_TRY(add(b, host, count, version));
        }
    }
    if (at)
        *at = atl_resident_at(b, host);
    return ATL_OK;
}

void atl_resident_drop(atl_backend *b, const float *host) {
    atl_resident *r = find(b, host);
    if (!r || --r->holders)
        return;
    b->release(b, r->device);
    *r = b->residents[--b->n_residents];
}

float *atl_resident_at(const atl_backend *b, const float *host) {
    if (b->host)
        return (float *)host;
    const atl_resident *r = find(b, host);
    return r ? r->device + (host - r->host) : NULL;
}

void atl_resident_renew(atl_backend *b, const float *host, uint64_t version) {
    atl_resident *r = find(b, host);
    if (!r || version <= r->version)
        return;
    b->upload(b, r->device, r->host, r->count);
    r->version = version;
}

void atl_resident_push(atl_backend *b, const float *host, size_t count) {
    if (!b->host)
        b->upload(b, atl_resident_at(b, host), host, count);
}

void atl_resident_fetch(atl_backend *b, float *host, size_t count) {
    if (!b->host)
        b->download(b, host, atl_resident_at(b, host), count);
}

void atl_backend_close(atl_backend **backend) {
    atl_backend *b = backend ? *backend : NULL;
    if (!b)
        return;
    for (int i = 0; i < b->n_residents; i++)
        b->release(b, b->residents[i].device);
    atl_free(b->ctx, b->residents);
    b->close(b);
    *backend = NULL;
}
