// SPDX-License-Identifier: Apache-2.0
// Boundaries (Shen et al. 2020): the samples of the highest and the lowest scores, parted by a plane.  A part
// of them is kept apart to see whether the plane means anything, and so are all others.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/rng.h>
#include "edit/fit.h"

typedef struct chosen {
    uint32_t *order; // [n] valid samples, from the highest score down
    int64_t n;
    int64_t each, train; // chosen at either end, and of these found with
    float *x;            // [2 train, total]
    int8_t *sign;        // [2 train]
    double *w, b;        // [total]
} chosen;

typedef struct scored {
    double score;
    uint32_t index;
} scored;

static int higher_first(const void *a_, const void *b_) {
    const scored *a = a_, *b = b_;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

// The samples whose score counts, from the highest down; those of one score in their order.
static atl_status put_in_order(atl_fit *f, chosen *c) {
    scored *list = atl_alloc(f->ctx, (size_t)f->n, sizeof *list);
    c->order = atl_alloc(f->ctx, (size_t)f->n, sizeof *c->order);
    atl_status status = list && c->order ? ATL_OK : ATL_NO_MEMORY;
    for (int64_t i = 0; i < f->n && status == ATL_OK; i++)
        if (!f->o.skip || f->scores[i] != f->o.invalid)
            list[c->n++] = (scored){ f->scores[i], (uint32_t)i };
    if (status == ATL_OK)
        qsort(list, (size_t)c->n, sizeof *list, higher_first);
    for (int64_t i = 0; i < c->n && status == ATL_OK; i++)
        c->order[i] = list[i].index;
    atl_free(f->ctx, list);
    return status;
}

static atl_status choose(atl_fit *f, chosen *c) {
    double wanted = f->o.chosen > 1 ? f->o.chosen : f->o.chosen * (double)c->n;
    c->each = (double)(c->n / 2) < wanted ? c->n / 2 : (int64_t)wanted;
    c->train = (int64_t)((double)c->each * f->o.training);
    if (c->train < 1 || f->scores[c->order[c->each - 1]] == f->scores[c->order[c->n - c->each]])
        return atl_fail(
            f->ctx, ATL_BAD_ARGUMENT,
            "%lld samples with a score, of which %lld are taken from either end: too few, or their "
            "scores are the same",
            (long long)c->n, (long long)c->each);
    if (2 * c->train > ATL_HINGE_SAMPLES)
        return atl_fail(f->ctx, ATL_UNSUPPORTED,
                        "a boundary between %lld and %lld samples is too large: choose at most %d of either",
                        (long long)c->train, (long long)c->train, ATL_HINGE_SAMPLES / 2);
    return ATL_OK;
}

// Which of the chosen it is found with is left to chance: the first `train` of either end after a shuffle.
static void shuffle(const atl_fit *f, chosen *c) {
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, f->o.seed);
    if (c->train == c->each)
        return;
    atl_numpy_rng_shuffle(&rng, c->order, (uint32_t)c->each);
    atl_numpy_rng_shuffle(&rng, c->order + c->n - c->each, (uint32_t)c->each);
}

static atl_status gather(atl_fit *f, chosen *c) {
    size_t rows = 2 * (size_t)c->train, total = (size_t)f->total;
    c->x = atl_alloc(f->ctx, rows, total * sizeof *c->x);
    c->sign = atl_alloc(f->ctx, rows, sizeof *c->sign);
    c->w = atl_alloc(f->ctx, total, sizeof *c->w);
    if (!c->x || !c->sign || !c->w)
        return ATL_NO_MEMORY;
    for (int64_t i = 0; i < 2 * c->train; i++) {
        bool positive = i < c->train;
        int64_t at = positive ? i : c->n - c->each + i - c->train;
        memcpy(c->x + i * f->total, f->x + c->order[at] * f->total, total * sizeof *c->x);
        c->sign[i] = positive ? 1 : -1;
    }
    return ATL_OK;
}

static bool is_positive(const atl_fit *f, const chosen *c, uint32_t sample) {
    double sum = c->b;
    for (int64_t k = 0; k < f->total; k++)
        sum += c->w[k] * (double)f->x[(int64_t)sample * f->total + k];
    return sum > 0;
}

// How often the plane is right about samples that it was not found with.
static void check(atl_fit *f, const chosen *c, double high, double low) {
    atl_boundary_check r = { .positive = c->train, .negative = c->train };
    for (int64_t i = 0; i < c->n; i++) {
        bool top = i < c->each, bottom = i >= c->n - c->each;
        int64_t within = top ? i : bottom ? i - (c->n - c->each) : -1;
        if (within >= 0 && within < c->train)
            continue;
        bool is = is_positive(f, c, c->order[i]);
        bool should = top || (!bottom && f->scores[c->order[i]] >= (high + low) / 2);
        *(within >= 0 ? &r.checked : &r.others) += 1;
        *(within >= 0 ? &r.right : &r.others_right) += is == should;
    }
    f->check = r;
    f->checked = true;
}

static atl_status make_set(atl_fit *f, const chosen *c, atl_directions **set) {
    float *numbers;
    double length = 0;
    ATL_TRY(atl_directions_new(f->ctx, 1, f->o.space, f->o.rows, f->o.width, "boundary", set, &numbers));
    for (int64_t k = 0; k < f->total; k++)
        length += c->w[k] * c->w[k];
    length = sqrt(length);
    for (int64_t k = 0; k < f->total; k++)
        numbers[k] = (float)(length > 0 ? c->w[k] / length : 0);
    atl_direction *d = &(*set)->list[0];
    d->offset = length > 0 ? c->b / length : 0;
    if (f->check.checked)
        d->value = (double)f->check.right / (double)f->check.checked;
    return ATL_OK;
}

static atl_status find(atl_fit *f, chosen *c, atl_directions **set) {
    ATL_TRY(put_in_order(f, c));
    if (!c->n)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "no sample has a score that counts");
    double high = f->scores[c->order[0]], low = f->scores[c->order[c->n - 1]];
    ATL_TRY(choose(f, c));
    shuffle(f, c);
    ATL_TRY(gather(f, c));
    ATL_TRY(atl_hinge_fit(f->ctx, c->x, c->sign, 2 * c->train, f->total, f->o.penalty, c->w, &c->b));
    check(f, c, high, low);
    return make_set(f, c, set);
}

atl_status atl_boundary_read(atl_fit *f, atl_directions **set) {
    chosen c = { 0 };
    if (f->n < 2)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "a boundary needs two samples at least");
    atl_status status = find(f, &c, set);
    atl_free(f->ctx, c.order);
    atl_free(f->ctx, c.x);
    atl_free(f->ctx, c.sign);
    atl_free(f->ctx, c.w);
    return status;
}
