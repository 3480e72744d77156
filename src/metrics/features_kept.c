// SPDX-License-Identifier: Apache-2.0
// Features of the data that need not be computed, since a file has them or a cache; and keeping those that
// were.
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "metrics/cache.h"
#include "metrics/collect_features.h"
#include "metrics/content.h"
#include "metrics/precision_recall.h"

static const size_t CACHE_MOST = (size_t)1 << 30; // bytes of rows that are worth their place on a disk

// What the collector's numbers are of.  The probabilities of Inception are another use of the same detector.
static atl_features_of of_what(const atl_collector *c) {
    const atl_collected *f = c->state;
    atl_features_of of = { .fingerprint = atl_detector_fingerprint(f->detector) };
    bool softmax = !strcmp(c->detector, "inception-softmax");
    snprintf(of.detector, sizeof of.detector, "%s", softmax ? "inception" : c->detector);
    snprintf(of.use, sizeof of.use, "%s", c->use);
    snprintf(of.resize, sizeof of.resize, "%s", atl_detector_resize(f->detector));
    return of;
}

static void take_rows(const atl_collector *c, atl_collected *f, const float *rows) {
    size_t count = (size_t)c->count * f->width;
    if (f->halves)
        atl_pr_round(rows, (int64_t)count, f->halves);
    else
        memcpy(f->rows, rows, count * sizeof *rows);
}

// ---- a file in place of the data

static atl_status fill_from_file(atl_collector *c, const atl_features *given) {
    atl_collected *f = c->state;
    const atl_features_of of = of_what(c);
    ATL_TRY(atl_features_check(c->ctx, given, &of, (int64_t)f->width));
    if (c->n_marks)
        ATL_TRY(atl_features_statistics(c->ctx, given, f->mean[0], f->mean[0] + f->width));
    for (int i = 1; i < c->n_marks; i++)
        memcpy(f->mean[i], f->mean[0], (f->width + 1) * f->width * sizeof **f->mean);
    if (c->rows && (!given->rows || given->count < c->count))
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "%s: has mean and covariance alone, and a metric needs the features of each picture",
                        given->path);
    if (c->rows)
        take_rows(c, f, given->rows);
    c->filled = true;
    return ATL_OK;
}

// ---- the cache

// The hash of the pictures is made anew where their number is another one.
static atl_status make_key(atl_collector *c, int64_t pictures, bool rows, char key[ATL_CACHE_KEY]) {
    atl_metrics *m = c->m;
    const atl_features_of of = of_what(c);
    int64_t have = (int64_t)atl_dataset_info_get(m->data)->count, own = pictures < have ? pictures : have;
    char options[96];
    if (m->content_of != own)
        ATL_TRY(atl_content_of(m->data, (size_t)own, m->o.cache, &m->watch, m->content));
    m->content_of = own;
    snprintf(options, sizeof options, "num=%lld %s", (long long)pictures, rows ? "rows" : "sums");
    atl_cache_key(key, m->content, &of, options);
    return ATL_OK;
}

static bool fits(const atl_collector *c) {
    const atl_collected *f = c->state;
    return !c->rows || (size_t)c->count <= CACHE_MOST / sizeof(float) / f->width;
}

static atl_status get_mark(atl_collector *c, int i, bool *found) {
    atl_collected *f = c->state;
    char key[ATL_CACHE_KEY];
    atl_features *kept;
    ATL_TRY(make_key(c, c->marks[i], false, key));
    ATL_TRY(atl_cache_get(c->ctx, c->m->o.cache, key, &kept));
    *found = kept && kept->mean && kept->width == (int64_t)f->width;
    if (*found) {
        memcpy(f->mean[i], kept->mean, f->width * sizeof *kept->mean);
        memcpy(f->mean[i] + f->width, kept->cov, f->width * f->width * sizeof *kept->cov);
    }
    atl_features_close(&kept);
    return ATL_OK;
}

static atl_status get_rows(atl_collector *c, bool *found) {
    atl_collected *f = c->state;
    char key[ATL_CACHE_KEY];
    atl_features *kept;
    ATL_TRY(make_key(c, c->count, true, key));
    ATL_TRY(atl_cache_get(c->ctx, c->m->o.cache, key, &kept));
    *found = kept && kept->rows && kept->width == (int64_t)f->width && kept->count == c->count;
    if (*found)
        take_rows(c, f, kept->rows);
    atl_features_close(&kept);
    return ATL_OK;
}

static atl_status fill_from_cache(atl_collector *c) {
    bool found = true;
    for (int i = 0; i < c->n_marks && found; i++)
        ATL_TRY(get_mark(c, i, &found));
    if (c->rows && found)
        ATL_TRY(get_rows(c, &found));
    c->filled = found;
    return ATL_OK;
}

atl_status atl_collected_fill(atl_collector *c) {
    if (c->m->given)
        return fill_from_file(c, c->m->given);
    return c->m->o.cache && fits(c) ? fill_from_cache(c) : ATL_OK;
}

// ---- keeping

// Rows as floats, in memory of their own where they were rounded to half floats.
static atl_status rows_of(const atl_collector *c, float **own, const float **rows) {
    const atl_collected *f = c->state;
    size_t count = (size_t)c->count * f->width;
    *own = NULL;
    *rows = f->rows;
    if (!f->halves)
        return ATL_OK;
    *rows = *own = atl_alloc(c->ctx, count, sizeof **own);
    if (!*own)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        (*own)[i] = atl_f16_to_f32(f->halves[i]);
    return ATL_OK;
}

static atl_status put_rows(atl_collector *c, const char *path) {
    const atl_collected *f = c->state;
    char key[ATL_CACHE_KEY];
    float *own = NULL;
    atl_features features = { .of = of_what(c), .width = (int64_t)f->width, .count = c->count };
    atl_status status = rows_of(c, &own, &features.rows);
    if (status == ATL_OK && path)
        status = atl_features_write(c->ctx, path, &features);
    else if (status == ATL_OK && (status = make_key(c, c->count, true, key)) == ATL_OK)
        status = atl_cache_put(c->ctx, c->m->o.cache, key, &features);
    atl_free(c->ctx, own);
    return status;
}

static atl_status put_marks(atl_collector *c) {
    const atl_collected *f = c->state;
    for (int i = 0; i < c->n_marks; i++) {
        char key[ATL_CACHE_KEY];
        const atl_features features = { .of = of_what(c),
                                        .width = (int64_t)f->width,
                                        .count = c->marks[i],
                                        .mean = f->mean[i],
                                        .cov = f->mean[i] + f->width };
        ATL_TRY(make_key(c, c->marks[i], false, key));
        ATL_TRY(atl_cache_put(c->ctx, c->m->o.cache, key, &features));
    }
    return ATL_OK;
}

atl_status atl_collected_keep(atl_collector *c) {
    const atl_metrics *m = c->m;
    if (!c->real)
        return m->o.save_features && !c->base ? put_rows(c, m->o.save_features) : ATL_OK;
    if (!m->o.cache || c->filled || !fits(c))
        return ATL_OK;
    ATL_TRY(put_marks(c));
    return c->rows ? put_rows(c, NULL) : ATL_OK;
}
