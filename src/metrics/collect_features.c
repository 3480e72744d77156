// SPDX-License-Identifier: Apache-2.0
// The collector of features: what a detector makes of each picture, as rows, and their mean and covariance.
#include <string.h>

#include "metrics/collect_features.h"
#include "metrics/precision_recall.h"

static void close_features(atl_collector *c) {
    atl_collected *f = c->state;
    if (!f)
        return;
    if (f->head.network)
        atl_programs_clear(&f->head);
    atl_free(c->ctx, f->rows);
    atl_free(c->ctx, f->halves);
    atl_free(c->ctx, f->state);
    atl_moments_close(&f->moments);
    for (int i = 0; i < ATL_COLLECTOR_MARKS; i++)
        atl_free(c->ctx, f->mean[i]);
    atl_free(c->ctx, f);
    c->state = NULL;
}

static atl_status make_room(atl_collector *c, atl_collected *f) {
    if (c->rows && c->half)
        f->halves = atl_calloc(c->ctx, (size_t)c->count, f->width * sizeof *f->halves);
    else if (c->rows)
        f->rows = atl_calloc(c->ctx, (size_t)c->count, f->width * sizeof *f->rows);
    if (c->rows && !f->rows && !f->halves)
        return ATL_NO_MEMORY;
    if (c->n_marks)
        ATL_TRY(atl_moments_open(c->ctx, (int64_t)f->width, &f->moments));
    for (int i = 0; i < c->n_marks; i++) {
        f->mean[i] = atl_calloc(c->ctx, f->width + 1, f->width * sizeof **f->mean);
        if (!f->mean[i])
            return ATL_NO_MEMORY;
    }
    return ATL_OK;
}

static atl_detector *detector_of(const atl_collector *c) {
    return ((const atl_collected *)c->state)->detector;
}

// Where a file takes the place of the data, the detector of the generated pictures says what it must be of.
static atl_status open_detector(atl_collector *c, atl_collected *f) {
    if (c->base) {
        f->detector = detector_of(c->base);
        return atl_collected_head_open(c);
    }
    if (c->real && c->m->given)
        f->detector = detector_of(c->twin);
    else
        ATL_TRY(atl_metrics_detector(c->m, c->detector, c->use, c->height, c->width, &f->detector));
    f->width = (size_t)atl_detector_width(f->detector);
    if (c->m->o.batch % atl_detector_batch(f->detector))
        return atl_fail(c->ctx, ATL_INTERNAL, "a detector that takes %d pictures at once",
                        atl_detector_batch(f->detector));
    return ATL_OK;
}

static atl_status open_features(atl_collector *c) {
    atl_collected *f = atl_calloc(c->ctx, 1, sizeof *f);
    c->state = f;
    if (!f)
        return ATL_NO_MEMORY;
    ATL_TRY(open_detector(c, f));
    c->each = f->width * sizeof(float);
    return atl_metrics_leads(c->m) ? make_room(c, f) : ATL_OK;
}

// Rows of pictures f->done and on to the sums, which are read at each mark.
static atl_status add_moments(const atl_collector *c, atl_collected *f, const float *rows, int64_t n) {
    for (int64_t at = 0; at < n;) {
        int mark = 0;
        while (mark < c->n_marks && c->marks[mark] <= f->done + at)
            mark++;
        if (mark == c->n_marks)
            return ATL_OK; // nobody wants more
        int64_t part = c->marks[mark] - f->done - at < n - at ? c->marks[mark] - f->done - at : n - at;
        ATL_TRY(atl_moments_add(f->moments, rows + (size_t)at * f->width, part));
        at += part;
        if (f->done + at == c->marks[mark])
            ATL_TRY(atl_moments_finish(f->moments, f->mean[mark], f->mean[mark] + f->width));
    }
    return ATL_OK;
}

static atl_status look_features(atl_collector *c, int n, const uint8_t *rgb, void *seen) {
    return c->base ? atl_collected_head_run(c, n, seen) : atl_detector_run(detector_of(c), rgb, n, seen);
}

static atl_status keep_features(atl_collector *c, int64_t first, int n, const void *seen) {
    atl_collected *f = c->state;
    size_t at = (size_t)first * f->width, count = (size_t)n * f->width;
    f->done = first;
    if (f->rows)
        memcpy(f->rows + at, seen, count * sizeof *f->rows);
    if (f->halves)
        atl_pr_round(seen, (int64_t)count, f->halves + at);
    if (f->moments)
        ATL_TRY(add_moments(c, f, seen, n));
    f->done = first + n;
    return ATL_OK;
}

static int arrays_features(atl_collector *c, atl_array *list) {
    atl_collected *f = c->state;
    static const char *const names[ATL_COLLECTOR_MARKS] = { "mark0", "mark1", "mark2", "mark3",
                                                            "mark4", "mark5", "mark6", "mark7" };
    int64_t width = (int64_t)f->width;
    int n = 0;
    if (f->rows)
        list[n++] = (atl_array){ "rows", ATL_F32, 2, { c->count, width }, f->rows };
    if (f->halves)
        list[n++] = (atl_array){ "rows", ATL_F16, 2, { c->count, width }, f->halves };
    if (f->moments) {
        int64_t size = atl_moments_state_count(f->moments);
        if (!f->state)
            f->state = atl_alloc(c->ctx, (size_t)size, sizeof *f->state);
        if (!f->state)
            return -1;
        atl_moments_save(f->moments, f->state);
        list[n++] = (atl_array){ "sums", ATL_F64, 1, { size }, f->state };
    }
    for (int i = 0; i < c->n_marks; i++)
        list[n++] = (atl_array){ names[i], ATL_F64, 2, { width + 1, width }, f->mean[i] };
    return n;
}

static atl_status restored_features(atl_collector *c) {
    atl_collected *f = c->state;
    return f->moments ? atl_moments_load(f->moments, f->state, atl_moments_state_count(f->moments)) : ATL_OK;
}

const atl_collector_kind atl_collect_features = { .name = "features",
                                                  .open = open_features,
                                                  .close = close_features,
                                                  .look = look_features,
                                                  .keep = keep_features,
                                                  .arrays = arrays_features,
                                                  .restored = restored_features,
                                                  .fill = atl_collected_fill,
                                                  .whole = atl_collected_keep };

const atl_detector *atl_collected_detector(const atl_collector *c) {
    return detector_of(c);
}

const float *atl_collected_rows(const atl_collector *c) {
    return ((const atl_collected *)c->state)->rows;
}

const uint16_t *atl_collected_halves(const atl_collector *c) {
    return ((const atl_collected *)c->state)->halves;
}

int64_t atl_collected_width(const atl_collector *c) {
    return (int64_t)((const atl_collected *)c->state)->width;
}

atl_gaussian atl_collected_moments(const atl_collector *c, int64_t mark) {
    const atl_collected *f = c->state;
    int i = 0;
    while (i < c->n_marks - 1 && c->marks[i] != mark)
        i++;
    return (atl_gaussian){ (int64_t)f->width, f->mean[i], f->mean[i] + f->width };
}
