// SPDX-License-Identifier: Apache-2.0
// Reading key points, warping their pictures once, and transferring them in pairs; see congeal_points.h.
#include "congeal_points.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "files.h"
#include "memory.h"

enum { BYTES_MOST = 1 << 26, POINTS_MOST = 1024, PICTURES_MOST = 1 << 16, MATRIX = 6 };

const double app_alphas[APP_ALPHAS] = { 0.1, 0.05, 0.01 };

// One picture: its size, where the square in its middle begins, its points, their visibility, its warp.
typedef struct picture {
    int side, left, top;
    float *points, *aligned; // [count, 2], of the square; NAN: can't be seen
    float *flow, matrix[MATRIX];
} picture;

typedef struct work {
    app_aligner *a;
    const atl_congeal_info *info;
    picture *list;
    size_t size, count; // pictures, points of each
    float *input;
} work;

static void close(work *w) {
    for (size_t i = 0; i < w->size; i++) {
        free(w->list[i].points);
        free(w->list[i].aligned);
        free(w->list[i].flow);
    }
    free(w->list);
    free(w->input);
}

// ---- reading

// The points behind the path on a line; their number, or -1.
static int read_points(char *text, float *to) {
    int count = 0;
    char *save = NULL;
    for (char *word = strtok_r(text, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
        char *end;
        if (count == 2 * POINTS_MOST)
            return -1;
        to[count] = strcmp(word, "-") ? strtof(word, &end) : NAN;
        if (strcmp(word, "-") && (*end || !isfinite(to[count])))
            return -1;
        count++;
    }
    return count % 2 ? -1 : count / 2;
}

// Opens the picture and warps it.
static app_status warp(work *w, picture *p, const char *path, app_error *e) {
    atl_image image = { 0 };
    app_status status = app_aligner_read(w->a, path, &image, w->input, e);
    p->side = image.width < image.height ? image.width : image.height;
    p->left = (image.width - p->side) / 2;
    p->top = (image.height - p->side) / 2;
    atl_image_clear(w->a->ctx, &image);
    const atl_congealed out = { .matrix = p->matrix, .flow = p->flow };
    if (status == APP_OK && atl_congealer_run(w->a->congealer, 1, w->input, NULL, &out) != ATL_OK)
        status = app_fail_ctx(e, w->a->ctx);
    return status;
}

static atl_warp warp_of(const work *w, const picture *p) {
    return (atl_warp){ w->info->flow_side, p->matrix, w->info->has_flow ? p->flow : NULL };
}

// Points that can be seen, in the square, and where they are in the aligned place.
static app_status congeal(work *w, picture *p, const float *points, app_error *e) {
    const atl_warp warp = warp_of(w, p);
    for (size_t i = 0; i < w->count; i++) {
        p->points[2 * i] = points[2 * i] - (float)p->left;
        p->points[2 * i + 1] = points[2 * i + 1] - (float)p->top;
        int seen = !isnan(p->points[2 * i]) && !isnan(p->points[2 * i + 1]);
        if (seen && atl_points_congeal(w->a->ctx, &warp, p->side, p->side, p->points + 2 * i, 1,
                                       p->aligned + 2 * i) != ATL_OK)
            return app_fail_ctx(e, w->a->ctx);
        if (!seen)
            p->points[2 * i] = NAN;
    }
    return APP_OK;
}

static app_status add(work *w, const char *folder, char *line, const char *file, size_t number,
                      app_error *e) {
    static const char *const what = "a picture's path and x y of each point, the same number on each line";
    float points[2 * POINTS_MOST];
    char *rest = line + strcspn(line, " \t");
    if (*rest)
        *rest++ = '\0';
    int count = read_points(rest, points);
    if (count < 1 || (w->size && (size_t)count != w->count) || w->size == PICTURES_MOST)
        return app_fail(e, "%s: line %zu: expected %s", file, number, what);
    w->count = (size_t)count;
    picture *p = &w->list[w->size++];
    size_t flow = 2 * (size_t)w->info->flow_side * (size_t)w->info->flow_side;
    p->points = app_array(w->count, 2, 1, sizeof(float), e);
    p->aligned = p->points ? app_array(w->count, 2, 1, sizeof(float), e) : NULL;
    p->flow = p->aligned ? app_array(flow, 1, 1, sizeof(float), e) : NULL;
    char *path = !p->flow ? NULL : *line == '/' ? app_copy(line, e) : app_join(folder, line, e);
    app_status status = path ? warp(w, p, path, e) : APP_FAILED;
    free(path);
    return status == APP_OK ? congeal(w, p, points, e) : status;
}

static app_status read_file(work *w, const char *file, app_error *e) {
    char *text = app_file_read(file, BYTES_MOST, NULL, e), *folder = text ? app_copy(file, e) : NULL,
         *save = NULL;
    size_t lines = 1, number = 0;
    for (const char *p = text; p && *p; p++)
        lines += *p == '\n';
    w->list = folder ? app_array(lines, 1, 1, sizeof *w->list, e) : NULL;
    app_status status = w->list ? APP_OK : APP_FAILED;
    if (status == APP_OK) {
        memset(w->list, 0, lines * sizeof *w->list);
        char *slash = strrchr(folder, '/');
        strcpy(slash ? slash : folder, slash ? "" : ".");
    }
    for (char *line = status == APP_OK ? strtok_r(text, "\n", &save) : NULL; status == APP_OK && line;
         line = strtok_r(NULL, "\n", &save)) {
        number++;
        if (*line && *line != '#' && *line != '\r')
            status = add(w, folder, line, file, number, e);
    }
    free(folder);
    free(text);
    if (status == APP_OK && w->size < 2)
        status = app_fail(e, "%s: has the points of %zu pictures, and two are needed", file, w->size);
    return status;
}

// ---- pairs

static app_status transfer(work *w, const picture *from, const picture *to, app_points_result *r,
                           app_error *e) {
    const atl_warp warp = warp_of(w, to);
    for (size_t i = 0; i < w->count; i++) {
        float found[2];
        if (isnan(from->points[2 * i]) || isnan(to->points[2 * i]))
            continue;
        if (atl_points_uncongeal(w->a->ctx, &warp, to->side, to->side, from->aligned + 2 * i, 1, found) !=
            ATL_OK)
            return app_fail_ctx(e, w->a->ctx);
        double away = hypot((double)found[0] - (double)to->points[2 * i],
                            (double)found[1] - (double)to->points[2 * i + 1]);
        for (int k = 0; k < APP_ALPHAS; k++)
            r->pck[k] += away <= app_alphas[k] * to->side;
        r->points++;
    }
    r->pairs++;
    return APP_OK;
}

static app_status all_pairs(work *w, const app_points_options *o, app_points_result *r, app_error *e) {
    app_status status = APP_OK;
    size_t size = w->size, all = size * (size - 1), count = o->pairs ? (size_t)o->pairs : all;
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, o->seed);
    for (size_t i = 0; status == APP_OK && i < count; i++) {
        size_t at = i;
        if (o->pairs) // below 2^32: there are at most 65536 pictures
            at = atl_numpy_rng_below(&rng, (uint32_t)all);
        size_t a = at / (size - 1), b = at % (size - 1);
        status = transfer(w, &w->list[a], &w->list[b + (b >= a)], r, e);
    }
    for (int k = 0; k < APP_ALPHAS; k++)
        r->pck[k] = r->points ? r->pck[k] / (double)r->points : 0.0;
    return status;
}

app_status app_congeal_points(app_aligner *a, const app_points_options *o, app_points_result *r,
                              app_error *e) {
    work w = { .a = a, .info = a->info };
    *r = (app_points_result){ 0 };
    w.input = app_array(app_aligner_input(a), 1, 1, sizeof *w.input, e);
    app_status status = w.input ? read_file(&w, o->points, e) : APP_FAILED;
    r->pictures = w.size;
    if (status == APP_OK)
        status = all_pairs(&w, o, r, e);
    close(&w);
    return status;
}
