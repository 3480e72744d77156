// SPDX-License-Identifier: Apache-2.0
// Samples in, directions out: what is checked before a method sees it.
#include "edit/fit.h"

#include <math.h>
#include <string.h>

#include "base/options.h"

enum { PCA_WIDTH = ATL_PCA_WIDTH, SAMPLES_MOST = 1 << 24, WIDTH_MOST = 1 << 16 };
enum { IPCA_WIDTH = 1 << 18 }; // of the activations of a layer; a block of 250 has 512 MiB

static atl_status check_boundary(atl_ctx *ctx, atl_fit_options *o) {
    o->count = 1;
    o->chosen = o->chosen != 0 ? o->chosen : 0.02; // as train_boundary.py
    o->training = o->training != 0 ? o->training : 0.7;
    o->penalty = o->penalty != 0 ? o->penalty : 1;
    if (!(o->chosen > 0) || !(o->training > 0 && o->training <= 1) || !(o->penalty > 0) ||
        !isfinite(o->penalty))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "chosen = %g, training = %g, penalty = %g of a boundary: numbers above 0 are needed, and a "
            "share of training up to 1",
            o->chosen, o->training, o->penalty);
    return ATL_OK;
}

static atl_status check_options(atl_ctx *ctx, atl_fit_options *o) {
    bool blocks = o->method == ATL_FIT_IPCA, pca = o->method == ATL_FIT_PCA || blocks;
    if (o->space == ATL_DIRECTION_S || o->rows < 1 || o->rows > 64 ||
        (o->rows > 1 && o->space != ATL_DIRECTION_WS) || o->width < 1 ||
        o->width > (blocks ? IPCA_WIDTH : WIDTH_MOST))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "directions of %d times %lld numbers can't be fitted", o->rows,
                        (long long)o->width);
    int64_t total = o->rows * o->width;
    if (pca && total > (blocks ? IPCA_WIDTH : PCA_WIDTH))
        return atl_fail(
            ctx, ATL_UNSUPPORTED,
            "principal directions of %lld numbers are too many: up to %d all at once, and up to %d block "
            "by block",
            (long long)total, PCA_WIDTH, IPCA_WIDTH);
    if (pca && (o->count < 0 || o->count > total))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%d principal directions of %lld numbers are not possible",
                        o->count, (long long)total);
    if (pca && !o->count)
        o->count = (int)total;
    if (o->method == ATL_FIT_LSTSQ && !o->count)
        o->count = 1;
    if (o->method == ATL_FIT_LSTSQ && (o->count < 0 || o->count > 1024))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%d scores of a sample are not possible: 1 to 1024 are",
                        o->count);
    return o->method == ATL_FIT_BOUNDARY ? check_boundary(ctx, o) : ATL_OK;
}

static atl_status open_sums(atl_fit *f) {
    size_t total = (size_t)f->total, count = (size_t)f->o.count;
    bool blocks = f->o.method == ATL_FIT_IPCA;
    if (f->o.method != ATL_FIT_PCA && !blocks)
        return ATL_OK;
    f->mean = atl_calloc(f->ctx, total, sizeof *f->mean);
    f->shift = atl_calloc(f->ctx, total, sizeof *f->shift);
    f->second = blocks && f->total > PCA_WIDTH ? NULL : atl_calloc(f->ctx, total, total * sizeof *f->second);
    f->kept = atl_calloc(f->ctx, blocks ? count : 1, total * sizeof *f->kept);
    f->spread = atl_calloc(f->ctx, total, sizeof *f->spread);
    bool products = f->second || f->total > PCA_WIDTH;
    return f->mean && f->shift && products && f->kept && f->spread ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_fit_open(atl_ctx *ctx, const atl_fit_options *options, atl_fit **fit) {
    atl_fit_options o = ATL_FIT_OPTIONS_INIT;
    *fit = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_fit_options", &o, sizeof o, options));
    ATL_TRY(check_options(ctx, &o));
    atl_fit *f = atl_calloc(ctx, 1, sizeof *f);
    if (!f)
        return ATL_NO_MEMORY;
    f->ctx = ctx;
    f->o = o;
    f->total = o.rows * o.width;
    atl_status status = open_sums(f);
    if (status != ATL_OK)
        atl_fit_close(&f);
    *fit = f;
    return status;
}

void atl_fit_close(atl_fit **fit) {
    atl_fit *f = fit ? *fit : NULL;
    if (!f)
        return;
    void *const parts[] = { f->x, f->scores, f->mean, f->shift, f->second, f->kept, f->spread };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        atl_free(f->ctx, parts[i]);
    atl_free(f->ctx, f);
    *fit = NULL;
}

// Room for n more samples; grows by halves.
static atl_status make_room(atl_fit *f, int64_t n) {
    int64_t room = f->n + n;
    if (room <= f->room)
        return ATL_OK;
    room += room / 2;
    float *x = atl_grow(f->ctx, f->x, (size_t)f->room, (size_t)room, (size_t)f->total * sizeof *x);
    if (!x)
        return ATL_NO_MEMORY;
    f->x = x;
    double *scores =
        atl_grow(f->ctx, f->scores, (size_t)f->room, (size_t)room, (size_t)f->o.count * sizeof *scores);
    if (!scores)
        return ATL_NO_MEMORY;
    f->scores = scores;
    f->room = room;
    return ATL_OK;
}

static atl_status keep(atl_fit *f, int64_t n, const float *x, const double *scores) {
    size_t count = (size_t)f->o.count;
    for (int64_t i = 0; i < n * f->o.count; i++)
        if (!isfinite(scores[i]))
            return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "the score of sample %lld is no finite number",
                            (long long)(f->n + i / f->o.count));
    ATL_TRY(make_room(f, n));
    memcpy(f->x + f->n * f->total, x, (size_t)(n * f->total) * sizeof *x);
    memcpy(f->scores + f->n * f->o.count, scores, (size_t)n * count * sizeof *scores);
    return ATL_OK;
}

atl_status atl_fit_add(atl_fit *f, int64_t n, const float *x, const double *scores) {
    if (n < 1 || n > SAMPLES_MOST || f->n > SAMPLES_MOST - n)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "%lld samples more are not possible: there may be %d",
                        (long long)n, SAMPLES_MOST);
    for (int64_t i = 0; i < n * f->total; i++)
        if (!isfinite(x[i]))
            return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "sample %lld has NaN or infinity among its numbers",
                            (long long)(f->n + i / f->total));
    bool scored = f->o.method == ATL_FIT_BOUNDARY || f->o.method == ATL_FIT_LSTSQ;
    if (scored != (scores != NULL))
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT,
                        scored ? "samples need scores" : "principal directions need no scores");
    ATL_TRY(scored                       ? keep(f, n, x, scores)
            : f->o.method == ATL_FIT_PCA ? atl_pca_add(f, n, x)
                                         : atl_ipca_add(f, n, x));
    f->n += n;
    return ATL_OK;
}

atl_status atl_fit_read(atl_fit *f, atl_directions **set) {
    static atl_status (*const reads[])(atl_fit *, atl_directions **) = { atl_pca_read, atl_ipca_read,
                                                                         atl_boundary_read, atl_lstsq_read };
    *set = NULL;
    atl_status status = reads[f->o.method](f, set);
    for (size_t i = 0; status == ATL_OK && i < (*set)->count; i++)
        (*set)->list[i].layers = f->o.layers;
    if (status == ATL_OK)
        status = atl_directions_check(*set, NULL);
    if (status != ATL_OK)
        atl_directions_close(set);
    return status;
}

const atl_boundary_check *atl_fit_check(const atl_fit *f) {
    return f->checked ? &f->check : NULL;
}
