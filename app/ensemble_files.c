// SPDX-License-Identifier: Apache-2.0
// What ensembles write: predictions, the table, and work that was stopped.
#include "ensemble_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "files.h"
#include "json.h"
#include "memory.h"

enum { FIXED = 3, ABOUT = 400 }; // arrays beside those of the rows; characters that say what the work is of

// ---- kept work

static uint64_t hash(uint64_t h, const void *bytes, size_t count) { // FNV-1a
    for (size_t i = 0; i < count; i++)
        h = (h ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return h;
}

// All that the numbers depend on.
static void describe(const app_ensemble *a, char text[ABOUT]) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const app_ensemble_options *o = &a->o;
    for (size_t i = 0; i < a->photos.count; i++)
        h = hash(h, a->photos.list[i].stem, strlen(a->photos.list[i].stem) + 1);
    for (size_t i = 0; i < a->row_count; i++)
        h = hash(h, a->rows[i].name, strlen(a->rows[i].name) + 1);
    for (size_t i = 0; a->components && i < atl_directions_size(a->components); i++) {
        const atl_direction *d = atl_directions_get(a->components, i);
        h = hash(hash(h, d->values, (size_t)d->width * sizeof *d->values), &d->scale, sizeof d->scale);
    }
    h = hash(h, a->ws, a->photos.count * a->row_ws * sizeof *a->ws);
    snprintf(text, ABOUT,
             "generator %016" PRIx64 " classifier %016" PRIx64
             " size %d crop %d colours %s pictures %zu views %d seed "
             "%" PRIu32 " crops %d %d data %016" PRIx64,
             a->made->fingerprint, atl_model_get_info(a->network)->fingerprint, a->info->resize,
             a->info->crop, a->info->colours, a->photos.count, o->views, o->seed, o->crops, o->image_crops,
             h);
}

static size_t list_arrays(const app_ensemble *a, atl_array *list) {
    int64_t n = (int64_t)a->photos.count, k = (int64_t)a->classes;
    list[0] = (atl_array){ "original", ATL_F32, 2, { n, k }, a->original };
    list[1] = (atl_array){ "reconstructed", ATL_F32, 2, { n, k }, a->remade };
    for (size_t i = 0; i < a->row_count; i++)
        list[2 + i] = (atl_array){ a->rows[i].name, ATL_F32, 3, { n, a->o.views, k }, a->rows[i].views };
    return 2 + a->row_count;
}

static app_status write_npz(app_ensemble *a, const char *name, const atl_array *list, size_t count,
                            app_error *e) {
    char *path = app_join(a->o.outdir, name, e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_npz_write(a->ctx, path, list, count) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    free(path);
    return status;
}

app_status app_ensemble_keep(app_ensemble *a, app_error *e) {
    atl_array list[FIXED + 1 + APP_ENSEMBLE_ROWS];
    char about[ABOUT];
    int64_t done = (int64_t)a->done;
    size_t count = list_arrays(a, list);
    describe(a, about);
    list[count++] = (atl_array){ "done", ATL_I64, 1, { 1 }, &done };
    list[count++] = (atl_array){ "about", ATL_U8, 1, { (int64_t)strlen(about) }, about };
    return write_npz(a, "partial.npz", list, count, e);
}

static int fits(const atl_array *have, const atl_array *want) {
    if (!have || have->dtype != want->dtype || have->rank != want->rank)
        return 0;
    for (int i = 0; i < want->rank; i++)
        if (have->dims[i] != want->dims[i])
            return 0;
    return 1;
}

// From a file of the same work; all is checked before anything is taken.
static app_status take(app_ensemble *a, const char *path, const atl_arrays *set, app_error *e) {
    atl_array list[FIXED + 1 + APP_ENSEMBLE_ROWS];
    char about[ABOUT];
    int64_t done = -1;
    size_t count = list_arrays(a, list);
    const atl_array *text = atl_arrays_find(set, "about"), *number = atl_arrays_find(set, "done");
    describe(a, about);
    if (!text || text->dtype != ATL_U8 || atl_array_count(text) != (int64_t)strlen(about) ||
        memcmp(text->data, about, strlen(about)) != 0)
        return app_fail(
            e, "%s: is of other pictures, codes, networks or options; without --resume all begins anew",
            path);
    if (number && number->dtype == ATL_I64 && atl_array_count(number) == 1)
        memcpy(&done, number->data, sizeof done);
    int good = done >= 0 && done <= (int64_t)a->photos.count;
    for (size_t i = 0; good && i < count; i++)
        good = fits(atl_arrays_find(set, list[i].name), &list[i]);
    if (!good)
        return app_fail(e, "%s: is damaged; without --resume all begins anew", path);
    for (size_t i = 0; i < count; i++)
        memcpy((void *)list[i].data, atl_arrays_find(set, list[i].name)->data,
               (size_t)atl_array_count(&list[i]) * sizeof(float));
    a->done = (size_t)done;
    return APP_OK;
}

app_status app_ensemble_restore(app_ensemble *a, app_error *e) {
    char *path = app_join(a->o.outdir, "partial.npz", e);
    atl_arrays *set = NULL;
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && access(path, F_OK) == 0) {
        status = atl_arrays_open(a->ctx, path, &set) == ATL_OK ? APP_OK : app_fail_ctx(e, a->ctx);
        if (status == APP_OK)
            status = take(a, path, set, e);
    }
    atl_arrays_close(&set);
    free(path);
    return status;
}

// ---- the table

void app_ensemble_average(const app_ensemble *a, const app_ensemble_row *row, size_t photo, float *deep) {
    size_t views = (size_t)a->o.views;
    for (size_t k = 0; k < a->classes; k++) {
        double sum = (double)a->remade[photo * a->classes + k];
        for (size_t v = 0; v < views; v++)
            sum += (double)row->views[(photo * views + v) * a->classes + k];
        deep[k] = (float)(sum / (double)(1 + views));
    }
}

// Those of one part, one behind the other: base and deep -> mixed is room for both.
typedef struct part {
    int64_t count;
    float *base, *deep, *mixed;
    int32_t *labels;
} part;

static void gather(const app_ensemble *a, const app_ensemble_row *row, int validates, part *p) {
    size_t k = a->classes;
    p->count = 0;
    for (size_t i = 0; i < a->photos.count; i++) {
        if (a->labels[i] < 0 || a->validates[i] != validates)
            continue;
        memcpy(p->base + (size_t)p->count * k, a->original + i * k, k * sizeof *p->base);
        if (row)
            app_ensemble_average(a, row, i, p->deep + (size_t)p->count * k);
        else
            memcpy(p->deep + (size_t)p->count * k, a->remade + i * k, k * sizeof *p->deep);
        p->labels[p->count++] = a->labels[i];
    }
}

static int64_t right(const part *p, int classes, double weight) {
    atl_ensemble_mix(p->count, classes, weight, p->base, p->deep, p->mixed);
    return atl_ensemble_right(p->count, classes, p->mixed, p->labels);
}

static void judge(app_ensemble *a, part *p) {
    int k = (int)a->classes;
    for (int validates = 0; validates < 2; validates++) {
        gather(a, NULL, validates, p);
        *(validates ? &a->alone_validation : &a->alone_test) = right(p, k, 0.0);
        *(validates ? &a->remade_validation : &a->remade_test) = right(p, k, 1.0);
    }
    for (size_t i = 0; i < a->row_count; i++) {
        app_ensemble_row *r = &a->rows[i];
        gather(a, r, 1, p);
        r->weight = a->o.weight;
        if (a->o.weight < 0)
            r->weight = atl_ensemble_choose(p->count, k, p->base, p->deep, p->labels, r->tried);
        r->right_validation = right(p, k, r->weight);
        gather(a, r, 0, p);
        r->right_test = right(p, k, r->weight);
        if (r->right_validation > a->rows[a->best].right_validation)
            a->best = i;
    }
}

static app_status judge_all(app_ensemble *a, app_error *e) {
    size_t n = a->photos.count, k = a->classes;
    part p = { .mixed = a->mixed, .deep = a->deep };
    p.base = app_array(n, k, 1, sizeof *p.base, e);
    p.labels = p.base ? app_array(n, 1, 1, sizeof *p.labels, e) : NULL;
    if (p.labels)
        judge(a, &p);
    free(p.base);
    free(p.labels);
    return p.labels ? APP_OK : APP_FAILED;
}

static void share(int64_t count, int64_t of, char text[16]) {
    if (of)
        snprintf(text, 16, "%.2f%%", 100.0 * (double)count / (double)of);
    else
        snprintf(text, 16, "-");
}

int app_ensemble_line(const app_ensemble *a, size_t index, char text[APP_ENSEMBLE_LINE]) {
    char validation[16], test[16], weight[16] = "";
    if (index == 0) {
        snprintf(text, APP_ENSEMBLE_LINE, "%-28s %6s %11s %9s", "views", "weight", "validation", "test");
        return 1;
    }
    if (index > 2 + a->row_count)
        return 0;
    const app_ensemble_row *r = index > 2 ? &a->rows[index - 3] : NULL;
    share(r            ? r->right_validation
          : index == 1 ? a->alone_validation
                       : a->remade_validation,
          a->validation, validation);
    share(r ? r->right_test : index == 1 ? a->alone_test : a->remade_test, a->test, test);
    if (r)
        snprintf(weight, sizeof weight, "%.2f", r->weight);
    snprintf(text, APP_ENSEMBLE_LINE, "%-28s %6s %11s %9s%s",
             r            ? r->name
             : index == 1 ? "the picture alone"
                          : "its reconstruction alone",
             weight, validation, test,
             r && a->validation && (size_t)(r - a->rows) == a->best ? "  best" : "");
    return 1;
}

// ---- results

static app_status write_table(app_ensemble *a, app_error *e) {
    char text[APP_ENSEMBLE_LINE], *path = app_join(a->o.outdir, "ensemble.txt", e);
    app_file file = { 0 };
    app_status status = path ? app_file_open(&file, path, e) : APP_FAILED;
    if (status == APP_OK) {
        for (size_t i = 0; app_ensemble_line(a, i, text); i++)
            fprintf(file.out, "%s\n", text);
        status = app_file_commit(&file, e);
    }
    free(path);
    return status;
}

static json_t *row_json(const app_ensemble *a, const app_ensemble_row *r) {
    json_t *tried = json_array();
    for (int k = 0; a->o.weight < 0 && k < ATL_ENSEMBLE_WEIGHTS; k++)
        json_array_append_new(tried, json_integer(r->tried[k]));
    return json_pack("{s:s s:f s:f s:I s:I s:o}", "views", r->name, "strength", r->strength, "weight",
                     r->weight, "right_validation", (json_int_t)r->right_validation, "right_test",
                     (json_int_t)r->right_test, "right_by_weight", tried);
}

static json_t *all_json(const app_ensemble *a) {
    char about[ABOUT];
    json_t *rows = json_array();
    for (size_t i = 0; i < a->row_count; i++)
        json_array_append_new(rows, row_json(a, &a->rows[i]));
    describe(a, about);
    json_t *network = app_json_text(a->o.network ? a->o.network : a->o.encoder,
                                    strlen(a->o.network ? a->o.network : a->o.encoder));
    json_t *classifier = app_json_text(a->o.classifier, strlen(a->o.classifier));
    return json_pack("{s:o s:o s:s s:I s:I s:I s:I s:I s:I s:I s:I s:I s:i s:I s:o s:s}", "network", network,
                     "classifier", classifier, "about", about, "pictures", (json_int_t)a->photos.count,
                     "classes", (json_int_t)a->classes, "validation", (json_int_t)a->validation, "test",
                     (json_int_t)a->test, "alone_validation", (json_int_t)a->alone_validation, "alone_test",
                     (json_int_t)a->alone_test, "reconstruction_validation", (json_int_t)a->remade_validation,
                     "reconstruction_test", (json_int_t)a->remade_test, "seed", (json_int_t)a->o.seed,
                     "views", a->o.views, "crops", (json_int_t)a->o.crops, "rows", rows, "best",
                     a->rows[a->best].name);
}

static app_status write_json(app_ensemble *a, app_error *e) {
    json_t *json = all_json(a);
    char *text =
        json ? json_dumps(json, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(17)) : NULL;
    char *path = text ? app_join(a->o.outdir, "ensemble.json", e) : NULL;
    app_file file = { 0 };
    app_status status = !text  ? app_fail(e, "out of memory for the table of results")
                        : path ? app_file_open(&file, path, e)
                               : APP_FAILED;
    if (text && status == APP_OK) {
        fprintf(file.out, "%s\n", text);
        status = app_file_commit(&file, e);
    }
    json_decref(json);
    free(text);
    free(path);
    return status;
}

static size_t largest(const float *p, size_t count) {
    size_t best = 0;
    for (size_t k = 1; k < count; k++)
        best = p[k] > p[best] ? k : best;
    return best;
}

static void write_quoted(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    fprintf(out, "\",");
}

static app_status write_predictions(app_ensemble *a, app_error *e) {
    const app_ensemble_row *r = &a->rows[a->best];
    size_t k = a->classes;
    char *path = app_join(a->o.outdir, "predictions.csv", e);
    app_file file = { 0 };
    app_status status = path ? app_file_open(&file, path, e) : APP_FAILED;
    if (status == APP_OK) {
        fprintf(file.out, "picture,label,part,alone,probability,with views,probability\n");
        for (size_t i = 0; i < a->photos.count; i++) {
            const float *base = a->original + i * k;
            app_ensemble_average(a, r, i, a->deep);
            atl_ensemble_mix(1, (int)k, r->weight, base, a->deep, a->mixed);
            size_t alone = largest(base, k), with = largest(a->mixed, k);
            write_quoted(file.out, a->photos.list[i].stem);
            if (a->labels[i] >= 0)
                fprintf(file.out, "%" PRId32, a->labels[i]);
            fprintf(file.out, ",%s,%zu,%.6f,%zu,%.6f\n",
                    a->labels[i] < 0  ? ""
                    : a->validates[i] ? "validation"
                                      : "test",
                    alone, (double)base[alone], with, (double)a->mixed[with]);
        }
        status = app_file_commit(&file, e);
    }
    free(path);
    return status;
}

static app_status write_arrays(app_ensemble *a, app_error *e) {
    atl_array list[FIXED + APP_ENSEMBLE_ROWS];
    size_t count = list_arrays(a, list);
    list[count++] = (atl_array){ "label", ATL_I32, 1, { (int64_t)a->photos.count }, a->labels };
    return write_npz(a, "predictions.npz", list, count, e);
}

app_status app_ensemble_write(app_ensemble *a, app_error *e) {
    app_status status = judge_all(a, e);
    if (status == APP_OK)
        status = write_arrays(a, e);
    if (status == APP_OK)
        status = write_table(a, e);
    if (status == APP_OK)
        status = write_predictions(a, e);
    if (status == APP_OK)
        status = write_json(a, e);
    char *path = status == APP_OK ? app_join(a->o.outdir, "partial.npz", e) : NULL;
    if (path)
        unlink(path); // there may be none
    free(path);
    return status;
}
