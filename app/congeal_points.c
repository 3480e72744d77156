// SPDX-License-Identifier: Apache-2.0
// Warping pictures once, and transferring their key points in pairs; see congeal_points.h.
#include "congeal_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "memory.h"

enum { MATRIX = 6 };

const double app_alphas[APP_ALPHAS] = { 0.1, 0.05, 0.01 };

// One picture: its size, where the square in its middle begins, its points, their visibility, its warp.
typedef struct picture {
    int side, left, top;
    int flipped;
    double box;
    float *points, *aligned; // [count, 2], of the square; NAN: can't be seen
    float *flow, matrix[MATRIX];
} picture;

typedef struct work {
    app_aligner *a;
    const app_points_options *o;
    app_marks marks;
    picture *list;
    float *input;
    int *permutation; // [marks.count]
} work;

static void close(work *w) {
    for (size_t i = 0; w->list && i < w->marks.size; i++) {
        free(w->list[i].aligned);
        free(w->list[i].flow);
    }
    app_marks_close(&w->marks);
    free(w->list);
    free(w->input);
    free(w->permutation);
}

// ---- warping

// Opens the picture and warps it.
static app_status warp(work *w, picture *p, const char *path, app_error *e) {
    atl_image image = { 0 };
    app_status status = app_aligner_read(w->a, path, &image, w->input, e);
    p->side = image.width < image.height ? image.width : image.height;
    p->left = (image.width - p->side) / 2;
    p->top = (image.height - p->side) / 2;
    atl_image_clear(w->a->ctx, &image);
    const atl_congealed out = { .matrix = p->matrix, .flow = p->flow, .flipped = &p->flipped };
    if (status == APP_OK &&
        atl_congealer_run(w->a->congealer, 1, w->input, &w->o->cluster, &out) != ATL_OK)
        status = app_fail_ctx(e, w->a->ctx);
    return status;
}

static atl_warp warp_of(const work *w, const picture *p) {
    const atl_congeal_info *info = w->a->info;
    return (atl_warp){ info->flow_side, p->matrix, info->has_flow ? p->flow : NULL };
}

// Points that can be seen become those of the square, and their aligned places are found.
static app_status congeal(work *w, picture *p, app_error *e) {
    const atl_warp warp = warp_of(w, p);
    for (size_t i = 0; i < w->marks.count; i++) {
        p->points[2 * i] -= (float)p->left;
        p->points[2 * i + 1] -= (float)p->top;
        if (!isnan(p->points[2 * i]) && atl_points_congeal(w->a->ctx, &warp, p->side, p->side,
                                                           p->points + 2 * i, 1, p->aligned + 2 * i) != ATL_OK)
            return app_fail_ctx(e, w->a->ctx);
    }
    return APP_OK;
}

// Each point is named once.
static app_status read_permutation(work *w, app_error *e) {
    const char *text = w->o->permutation;
    size_t count = w->marks.count;
    w->permutation = app_array(count, 1, 1, sizeof *w->permutation, e);
    int *seen = w->permutation ? app_array(count, 1, 1, sizeof *seen, e) : NULL;
    if (!seen)
        return APP_FAILED;
    memset(seen, 0, count * sizeof *seen);
    size_t i = 0;
    for (; i < count; i++) {
        char *end = NULL;
        long k = text ? strtol(text, &end, 10) : (long)i;
        if (text && (end == text || *end != (i + 1 < count ? ',' : '\0')))
            break;
        if (k < 0 || k >= (long)count || seen[k]++)
            break;
        w->permutation[i] = (int)k;
        text = text ? end + 1 : NULL;
    }
    free(seen);
    if (i == count)
        return APP_OK;
    return app_fail(e, "--permutation %s: expected the %zu points 0 to %zu, each once, with commas between",
                    w->o->permutation, count, count - 1);
}

static app_status prepare(work *w, app_error *e) {
    const size_t side = (size_t)w->a->info->flow_side;
    app_status status = app_marks_open(&w->marks, w->o->points, e);
    if (status == APP_OK)
        status = read_permutation(w, e);
    if (status != APP_OK)
        return status;
    w->list = app_array(w->marks.size, 1, 1, sizeof *w->list, e);
    for (size_t i = 0; w->list && i < w->marks.size && status == APP_OK; i++) {
        const app_mark *mark = &w->marks.list[i];
        picture *p = &w->list[i];
        p->points = mark->points;
        p->box = mark->box;
        p->aligned = app_array(w->marks.count, 2, 1, sizeof(float), e);
        p->flow = p->aligned ? app_array(2, side, side, sizeof(float), e) : NULL;
        status = p->flow ? warp(w, p, mark->path, e) : APP_FAILED;
        if (status == APP_OK)
            status = congeal(w, p, e);
    }
    return w->list ? status : APP_FAILED;
}

// ---- pairs
//
// Of each picture the side with the smoother flow is taken, which are those of the four pairs of sides with the least
// sum, too.

static app_status transfer(work *w, const picture *from, const picture *to, app_points_result *r,
                           app_error *e) {
    const atl_warp warp = warp_of(w, to);
    for (size_t i = 0; i < w->marks.count; i++) {
        float found[2];
        const float *there = to->points + 2 * (from->flipped != to->flipped ? (size_t)w->permutation[i] : i);
        if (isnan(from->points[2 * i]) || isnan(there[0]))
            continue;
        if (atl_points_uncongeal(w->a->ctx, &warp, to->side, to->side, from->aligned + 2 * i, 1, found) !=
            ATL_OK)
            return app_fail_ctx(e, w->a->ctx);
        double away = hypot((double)found[0] - (double)there[0], (double)found[1] - (double)there[1]);
        for (int k = 0; k < APP_ALPHAS; k++) {
            r->by_picture[k] += away <= app_alphas[k] * to->side;
            r->by_box[k] += away <= app_alphas[k] * to->box;
        }
        r->points++;
    }
    r->pairs++;
    return APP_OK;
}

static app_status all_pairs(work *w, app_points_result *r, app_error *e) {
    const app_points_options *o = w->o;
    app_status status = APP_OK;
    size_t size = w->marks.size, all = size * (size - 1), count = o->pairs ? (size_t)o->pairs : all;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, o->seed);
    for (size_t i = 0; status == APP_OK && i < count; i++) {
        size_t at = i;
        if (o->pairs) // below 2^32: there are at most 65536 pictures
            at = atl_numpy_rng_below(&rng, (uint32_t)all);
        size_t a = at / (size - 1), b = at % (size - 1);
        b += b >= a;
        status = transfer(w, &w->list[a], &w->list[b], r, e);
        if (status == APP_OK && o->pairs && o->both_ways)
            status = transfer(w, &w->list[b], &w->list[a], r, e);
    }
    for (int k = 0; k < APP_ALPHAS && r->points; k++) {
        r->by_picture[k] /= (double)r->points;
        r->by_box[k] /= (double)r->points;
    }
    return status;
}

app_status app_congeal_points(app_aligner *a, const app_points_options *o, app_points_result *r,
                              app_error *e) {
    work w = { .a = a, .o = o };
    *r = (app_points_result){ 0 };
    app_status status = app_aligner_check_cluster(a, o->cluster, e);
    w.input = app_array(app_aligner_input(a), 1, 1, sizeof *w.input, e);
    if (status == APP_OK)
        status = w.input ? prepare(&w, e) : APP_FAILED;
    r->pictures = w.marks.size;
    r->boxes = w.marks.boxes;
    if (status == APP_OK)
        status = all_pairs(&w, r, e);
    close(&w);
    return status;
}
