// SPDX-License-Identifier: Apache-2.0
// Two folders picture by picture; see pairs.h.
#include "pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <atelier/align.h>
#include "files.h"
#include "memory.h"
#include "metrics.h"
#include "photos.h"
#include "project.h"

enum { NAME = 16 };

static const struct {
    const char *name, *about;
    size_t at; // within a likeness
} METRICS[] = {
    { "idsim", "how much alike the faces are (needs --fakes, --data, --identity)", offsetof(atl_pair_likeness, idsim) },
    { "lpips", "perceptual distance (needs --fakes, --data, lpips-vgg)", offsetof(atl_pair_likeness, lpips) },
    { "mse", "mean squared difference of values from -1 to 1 (needs --fakes, --data)",
      offsetof(atl_pair_likeness, mse) },
    { "ms-ssim", "structural similarity (needs --fakes, --data)", offsetof(atl_pair_likeness, msssim) },
};
enum { METRIC_COUNT = sizeof METRICS / sizeof *METRICS };

typedef struct work {
    atl_ctx *ctx;
    const app_pairs *p;
    atl_model *lpips, *identity;
    app_photos fakes, data;
    double *values; // [METRIC_COUNT, fakes.count]
    int wanted[METRIC_COUNT];
} work;

const char *app_pairs_name(size_t index, const char **about) {
    if (index >= METRIC_COUNT)
        return NULL;
    *about = METRICS[index].about;
    return METRICS[index].name;
}

// The next name of a list with commas: its metric's number, or -1; *list goes on.
static int next(const char **list) {
    size_t length = strcspn(*list, ",");
    int found = -1;
    for (int i = 0; i < METRIC_COUNT; i++)
        if (length == strlen(METRICS[i].name) && !strncmp(*list, METRICS[i].name, length))
            found = i;
    *list += length + ((*list)[length] == ',');
    return found;
}

int app_pairs_asked(const char *metrics) {
    int of_pairs = 0, others = 0;
    for (const char *p = metrics ? metrics : ""; *p;)
        *(next(&p) >= 0 ? &of_pairs : &others) += 1;
    return !of_pairs ? 0 : others ? -1 : 1;
}

// ---- opening

static app_status open_networks(work *w, app_error *e) {
    const app_pairs *p = w->p;
    if (w->wanted[1] && !app_features_open(w->ctx, "lpips", p->detectors, &w->lpips, e))
        return APP_FAILED;
    if (!w->wanted[0])
        return APP_OK;
    if (!p->identity)
        return app_fail(e, "idsim: which network tells faces?  --identity FILE, such as model_ir_se50.pth of ArcFace");
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = "identity";
    return atl_model_open(w->ctx, p->identity, &o, &w->identity) == ATL_OK ? APP_OK : app_fail_ctx(e, w->ctx);
}

static app_status pair_up(work *w, app_error *e) {
    const app_pairs *p = w->p;
    app_status status = app_photos_open(&w->fakes, &p->fakes, 1, e);
    if (status == APP_OK)
        status = app_photos_open(&w->data, &p->data, 1, e);
    if (status != APP_OK)
        return status;
    size_t common = w->fakes.count < w->data.count ? w->fakes.count : w->data.count;
    for (size_t i = 0; i < common; i++) { // in the order of names
        int order = strcmp(w->fakes.list[i].stem, w->data.list[i].stem);
        if (order && (w->fakes.count > 1 || w->data.count > 1))
            return app_fail(e, "%s: there is no picture of this name in %s, and pairs have the same names",
                            order < 0 ? w->fakes.list[i].path : w->data.list[i].path, order < 0 ? p->data : p->fakes);
    }
    if (w->fakes.count != w->data.count)
        return app_fail(e, "%s has %zu pictures and %s %zu, and each needs one of the same name", p->fakes,
                        w->fakes.count,
                        p->data, w->data.count);
    w->values = app_array(METRIC_COUNT, w->fakes.count, 1, sizeof *w->values, e);
    return w->values ? APP_OK : APP_FAILED;
}

static void close_work(work *w) {
    atl_model_close(&w->lpips);
    atl_model_close(&w->identity);
    app_photos_close(&w->fakes);
    app_photos_close(&w->data);
    free(w->values);
}

// ---- measuring

static app_status compare(work *w, size_t at, app_error *e) {
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    atl_pair_likeness likeness;
    atl_image a = { 0 }, b = { 0 };
    o.lpips = w->lpips;
    o.identity = w->identity;
    int bad = atl_align_photo(w->ctx, w->fakes.list[at].path, &a) != ATL_OK ||
              atl_align_photo(w->ctx, w->data.list[at].path, &b) != ATL_OK ||
              atl_pictures_compare(w->ctx, &a, &b, &o, &likeness) != ATL_OK;
    for (size_t i = 0; !bad && i < METRIC_COUNT; i++)
        memcpy(&w->values[i * w->fakes.count + at], (const char *)&likeness + METRICS[i].at, sizeof(double));
    atl_image_clear(w->ctx, &a);
    atl_image_clear(w->ctx, &b);
    return bad ? app_fail_ctx(e, w->ctx) : APP_OK;
}

// The mean and its error.
static atl_metric_value mean_of(const char *name, const double *v, size_t count) {
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += v[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    return (atl_metric_value){ name, mean,
                               count > 1 ? sqrt(squares / (double)(count - 1) / (double)count) : (double)NAN };
}

static app_status tell(work *w, app_error *e) {
    const app_pairs *p = w->p;
    size_t count = w->fakes.count;
    app_status status = p->outdir ? app_folder_make(p->outdir, e) : APP_OK;
    for (const char *list = p->metrics; status == APP_OK && *list;) {
        int i = next(&list);
        const char *how = i == 0 ? app_file_name(p->identity) : "";
        atl_metric_value value = mean_of(METRICS[i].name, w->values + (size_t)i * count, count);
        atl_metric_result r = { .metric = METRICS[i].name,
                                .values = &value,
                                .count = 1,
                                .method = "deviation / sqrt(n)",
                                .how = how,
                                .fakes = (int64_t)count,
                                .reals = (int64_t)count };
        p->result(p->user, p->fakes, &r);
        if (p->outdir)
            status = app_metrics_append(p->outdir, p->fakes, &r, 1, NULL, (double)time(NULL), e);
    }
    return status;
}

app_status app_pairs_run(atl_ctx *ctx, const app_pairs *p, app_error *e) {
    work w = { .ctx = ctx, .p = p };
    for (const char *list = p->metrics; *list;)
        w.wanted[next(&list)] = 1;
    if (!p->fakes || !p->data)
        return app_fail(e, "%s: compares the pictures of two folders: --fakes DIR and --data DIR", p->metrics);
    app_status status = open_networks(&w, e);
    if (status == APP_OK)
        status = pair_up(&w, e);
    for (size_t i = 0; status == APP_OK && i < w.fakes.count; i++) {
        status = compare(&w, i, e);
        if (status == APP_OK && p->progress && p->progress(p->user, i + 1, w.fakes.count))
            status = app_stop(e, "stopped after %zu of %zu pairs", i + 1, w.fakes.count);
    }
    if (status == APP_OK)
        status = tell(&w, e);
    close_work(&w);
    return status;
}
