// SPDX-License-Identifier: Apache-2.0
// Collectors that need no detector: patches of both sides for the sliced Wasserstein distance, and the
// similarity of pairs of pictures.
#include <string.h>

#include "metrics/measure.h"
#include "metrics/msssim.h"

// ---- patches

// One object, of the first process, has the pictures of both sides; the side that is opened first owns it.
typedef struct swd_side {
    atl_swd *swd;
    bool owned;
} swd_side;

static void close_swd(atl_collector *c) {
    swd_side *s = c->state;
    if (s && s->owned)
        atl_swd_close(&s->swd);
    atl_free(c->ctx, s);
    c->state = NULL;
}

static atl_status open_swd(atl_collector *c) {
    swd_side *s = atl_calloc(c->ctx, 1, sizeof *s);
    const swd_side *twin = c->twin ? c->twin->state : NULL;
    c->state = s;
    if (!s)
        return ATL_NO_MEMORY;
    s->owned = !twin;
    s->swd = twin ? twin->swd : NULL;
    if (twin && (c->twin->height != c->height || c->twin->width != c->width))
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "swd compares pictures of one size: %dx%d is not %dx%d",
                        c->width, c->height, c->twin->width, c->twin->height);
    if (c->height != c->width)
        return atl_fail(c->ctx, ATL_UNSUPPORTED, "swd is of squares; these pictures are %dx%d", c->width,
                        c->height);
    c->each = 3 * (size_t)c->height * (size_t)c->width;
    if (twin || !atl_metrics_leads(c->m))
        return ATL_OK;
    return atl_swd_open(c->ctx, c->others, 3, c->width, c->seed, &s->swd);
}

// A set with fewer pictures gives each of them several times, with other patches.
static atl_status keep_swd(atl_collector *c, int64_t first, int n, const void *rgb) {
    swd_side *s = c->state;
    for (int i = 0; i < n; i++)
        for (int64_t at = first + i; at < c->others; at += c->count)
            ATL_TRY(atl_swd_put(s->swd, c->real, at, (const uint8_t *)rgb + (size_t)i * c->each));
    return ATL_OK;
}

const atl_collector_kind atl_collect_swd = {
    .name = "swd", .open = open_swd, .close = close_swd, .keep = keep_swd
};

atl_swd *atl_collected_swd(const atl_collector *c) {
    return ((const swd_side *)c->state)->swd;
}

// ---- similarity of pairs

typedef struct pairs {
    atl_msssim *msssim;
    double *values; // [count / 2], in the first process
} pairs;

static void close_msssim(atl_collector *c) {
    pairs *p = c->state;
    if (!p)
        return;
    atl_msssim_close(&p->msssim);
    atl_free(c->ctx, p->values);
    atl_free(c->ctx, p);
    c->state = NULL;
}

static atl_status open_msssim(atl_collector *c) {
    pairs *p = atl_calloc(c->ctx, 1, sizeof *p);
    c->state = p;
    if (!p)
        return ATL_NO_MEMORY;
    c->each = sizeof *p->values;
    if (atl_metrics_leads(c->m)) {
        p->values = atl_calloc(c->ctx, (size_t)(c->count / 2) + 1, sizeof *p->values);
        if (!p->values)
            return ATL_NO_MEMORY;
    }
    return atl_msssim_open(c->ctx, 3, c->height, c->width, &p->msssim);
}

// Each picture of an even number with the next one; steps begin with an even number.
static atl_status look_msssim(atl_collector *c, int n, const uint8_t *rgb, void *seen) {
    pairs *p = c->state;
    double *values = seen;
    size_t picture = 3 * (size_t)c->height * (size_t)c->width;
    for (int i = 0; i + 1 < n; i += 2)
        values[i / 2] =
            atl_msssim_pair(p->msssim, rgb + (size_t)i * picture, rgb + (size_t)(i + 1) * picture);
    return ATL_OK;
}

static atl_status keep_msssim(atl_collector *c, int64_t first, int n, const void *seen) {
    pairs *p = c->state;
    memcpy(p->values + first / 2, seen, (size_t)(n / 2) * sizeof *p->values);
    return ATL_OK;
}

static int arrays_msssim(atl_collector *c, atl_array *list) {
    pairs *p = c->state;
    list[0] = (atl_array){ "pairs", ATL_F64, 1, { c->count / 2 }, p->values };
    return 1;
}

const atl_collector_kind atl_collect_msssim = { .name = "msssim",
                                                .open = open_msssim,
                                                .close = close_msssim,
                                                .look = look_msssim,
                                                .keep = keep_msssim,
                                                .arrays = arrays_msssim };

const double *atl_collected_msssim(const atl_collector *c) {
    return ((const pairs *)c->state)->values;
}
