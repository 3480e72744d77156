// SPDX-License-Identifier: Apache-2.0
// Files of features, by content: sets of arrays (array.h), or pickles with the attributes of FeatureStats.
//
// Pickles of the official trainers hold the sums of x and of x xT over num_items pictures, in double; mean
// and biased covariance follow.
#include "metrics/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/arrays.h"
#include "io/json.h"
#include "io/torch.h"
#include "metrics/moments.h"

enum { WIDTH_MOST = 16384, ABOUT_MOST = 65536 };

typedef struct opened {
    atl_features f; // what the caller sees
    atl_ctx *ctx;
    atl_arena arena;
    atl_file file;
    size_t most; // bytes that what is found may take: a file of a few can claim terabytes
    const uint8_t *data;
    size_t bytes;
    atl_arrays *set;
} opened;

static atl_status damaged(const opened *o, const char *what) {
    return atl_fail(o->ctx, ATL_BAD_FILE, "%s: %s; it is damaged, or not a file of features", o->f.path,
                    what);
}

// ---- numbers in the memory of the file

static void *room(opened *o, int64_t count, size_t size) {
    if (count < 0 || (uint64_t)count > o->most / size) {
        damaged(o, "claims far more than it holds");
        return NULL;
    }
    o->most -= (size_t)count * size;
    return atl_arena_alloc(&o->arena, count ? (size_t)count : 1, size);
}

static void to_double(atl_dtype dtype, const void *data, int64_t count, double *out) {
    float piece[256];
    if (dtype == ATL_F64) {
        memcpy(out, data, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t at = 0; at < count; at += 256) {
        size_t n = count - at < 256 ? (size_t)(count - at) : 256;
        atl_convert_f32(dtype, (const char *)data + (size_t)at * atl_dtype_size(dtype), n, piece);
        for (size_t i = 0; i < n; i++)
            out[at + (int64_t)i] = piece[i];
    }
}

static double *doubles(opened *o, const atl_array *a) {
    int64_t count = atl_array_count(a);
    double *out = room(o, count, sizeof *out);
    if (out)
        to_double(a->dtype, a->data, count, out);
    return out;
}

static bool finite_doubles(const double *x, int64_t count) {
    bool good = true;
    for (int64_t i = 0; i < count; i++)
        good &= isfinite(x[i]) != 0;
    return good;
}

static bool finite_floats(const float *x, int64_t count) {
    bool good = true;
    for (int64_t i = 0; i < count; i++)
        good &= isfinite(x[i]) != 0;
    return good;
}

static bool symmetric(const double *cov, int64_t width) {
    double most = 0, apart = 0;
    for (int64_t i = 0; i < width; i++)
        for (int64_t k = 0; k <= i; k++) {
            double a = cov[i * width + k], b = cov[k * width + i];
            most = fmax(most, fabs(a));
            apart = fmax(apart, fabs(a - b));
        }
    return apart <= 1e-5 * most; // what single precision may have left
}

static atl_status check(const opened *o) {
    const atl_features *f = &o->f;
    if (f->width < 1 || f->width > WIDTH_MOST)
        return damaged(o, "has rows of a width that no detector has");
    if (f->rows && f->count < 1)
        return damaged(o, "has no rows");
    if (f->rows && !finite_floats(f->rows, f->count * f->width))
        return atl_fail(o->ctx, ATL_BAD_FILE, "%s: has features that are no numbers (NaN or infinite)",
                        f->path);
    if (f->mean && (!finite_doubles(f->mean, f->width) || !finite_doubles(f->cov, f->width * f->width)))
        return atl_fail(o->ctx, ATL_BAD_FILE, "%s: has statistics that are no numbers (NaN or infinite)",
                        f->path);
    if (f->cov && !symmetric(f->cov, f->width))
        return damaged(o, "its covariance is not symmetric");
    return ATL_OK;
}

// ---- sets of arrays

static void copy_text(char out[32], const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    snprintf(out, 32, "%s", text ? text : "");
}

static atl_status read_about(opened *o, const atl_array *a) {
    if (a->dtype != ATL_U8 || a->rank != 1 || a->dims[0] < 1 || a->dims[0] > ABOUT_MOST)
        return damaged(o, "its array 'about' is no text");
    json_t *json = json_loadb(a->data, (size_t)a->dims[0], 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return damaged(o, "its array 'about' is no JSON");
    }
    copy_text(o->f.of.detector, json, "detector");
    copy_text(o->f.of.use, json, "use");
    copy_text(o->f.of.resize, json, "resize");
    const char *print = json_string_value(json_object_get(json, "fingerprint"));
    const char *key = json_string_value(json_object_get(json, "key"));
    json_int_t samples = json_integer_value(json_object_get(json, "samples"));
    o->f.of.fingerprint = print ? strtoull(print, NULL, 16) : 0;
    o->f.count = samples > 0 ? samples : 0;
    o->f.key = key ? atl_arena_string(&o->arena, key, strlen(key)) : NULL;
    bool lost = key && !o->f.key;
    json_decref(json);
    return lost ? ATL_NO_MEMORY : ATL_OK;
}

// The first of these names that the set has with that rank.
static const atl_array *find(const opened *o, const char *const *names, int rank) {
    for (; *names; names++) {
        const atl_array *a = atl_arrays_find(o->set, *names);
        if (a && a->rank == rank)
            return a;
    }
    return NULL;
}

static atl_status take_rows(opened *o, const atl_array *a) {
    o->f.width = a->dims[1];
    if (o->f.count && o->f.count != a->dims[0])
        return damaged(o, "has another number of rows than it says");
    o->f.count = a->dims[0];
    if (a->dtype == ATL_F32 && (uintptr_t)a->data % sizeof(float) == 0) {
        o->f.rows = a->data;
        return ATL_OK;
    }
    int64_t count = atl_array_count(a);
    float *rows = room(o, count, sizeof *rows);
    if (!rows)
        return o->ctx->status;
    atl_array_read_f32(a, 0, count, rows);
    o->f.rows = rows;
    return ATL_OK;
}

static atl_status take_statistics(opened *o, const atl_array *mean, const atl_array *cov) {
    int64_t width = mean->dims[0];
    if (cov->dims[0] != width || cov->dims[1] != width || (o->f.rows && o->f.width != width))
        return damaged(o, "its mean and its covariance have different sizes");
    o->f.width = width;
    o->f.mean = doubles(o, mean);
    o->f.cov = o->f.mean ? doubles(o, cov) : NULL;
    return o->f.cov ? ATL_OK : o->ctx->status;
}

static atl_status read_arrays(opened *o) {
    static const char *const row_names[] = { "features", "feats", "", NULL };
    static const char *const mean_names[] = { "mu", "0", NULL }, *const cov_names[] = { "sigma", "1", NULL };
    ATL_TRY(atl_arrays_open_memory(o->ctx, o->f.path, o->data, o->bytes, &o->set));
    const atl_array *about = atl_arrays_find(o->set, "about"), *rows = find(o, row_names, 2);
    const atl_array *mean = find(o, mean_names, 1), *cov = find(o, cov_names, 2);
    if (about)
        ATL_TRY(read_about(o, about));
    if (!rows && (!mean || !cov))
        return atl_fail(o->ctx, ATL_UNSUPPORTED,
                        "%s: holds neither features [pictures, numbers] nor statistics (mu and sigma)",
                        o->f.path);
    if (rows)
        ATL_TRY(take_rows(o, rows));
    return mean && cov ? take_statistics(o, mean, cov) : ATL_OK;
}

// ---- the pickles of the official trainers

static bool is_table(const atl_object *o, int rank) {
    return o && o->type == ATL_OBJECT_TENSOR && o->u.tensor->rank == rank &&
           atl_tensor_dtype(o->u.tensor) >= 0;
}

// A tensor as doubles in the memory of the file; its own type lies in scratch.
static double *read_doubles(opened *o, atl_torch *torch, const atl_tensor *t) {
    int64_t count = atl_tensor_count(t);
    atl_dtype dtype = (atl_dtype)atl_tensor_dtype(t);
    double *out = room(o, count, sizeof *out);
    void *own = out ? atl_alloc(o->ctx, count ? (size_t)count : 1, atl_dtype_size(dtype)) : NULL;
    bool good = own && atl_tensor_read(torch, t, own) == ATL_OK;
    if (good)
        to_double(dtype, own, count, out);
    atl_free(o->ctx, own);
    return good ? out : NULL;
}

// The sums become mean and covariance.
static atl_status take_sums(opened *o, atl_torch *torch, const atl_tensor *x, const atl_tensor *xx) {
    int64_t d = x->dims[0];
    double n = (double)o->f.count;
    if (xx->dims[0] != d || xx->dims[1] != d || d < 1 || d > WIDTH_MOST)
        return damaged(o, "its sums have different sizes");
    double *mean = read_doubles(o, torch, x), *cov = mean ? read_doubles(o, torch, xx) : NULL;
    if (!cov)
        return o->ctx->status;
    for (int64_t i = 0; i < d; i++)
        mean[i] /= n;
    for (int64_t i = 0; i < d; i++)
        for (int64_t k = 0; k < d; k++)
            cov[i * d + k] = cov[i * d + k] / n - mean[i] * mean[k];
    o->f.width = d;
    o->f.mean = mean;
    o->f.cov = cov;
    return ATL_OK;
}

// A list of batches becomes one table.
static atl_status take_batches(opened *o, atl_torch *torch, const atl_object *list) {
    int64_t rows = 0, width = 0;
    for (size_t i = 0; i < list->size; i++) {
        const atl_object *batch = list->u.items[i];
        if (!is_table(batch, 2) || (i && batch->u.tensor->dims[1] != width))
            return damaged(o, "its batches of features are of different kinds");
        width = batch->u.tensor->dims[1];
        if (width < 1 || width > WIDTH_MOST || batch->u.tensor->dims[0] > INT32_MAX - rows)
            return damaged(o, "claims far more features than it holds");
        rows += batch->u.tensor->dims[0];
    }
    if (rows != o->f.count || (o->f.mean && width != o->f.width))
        return damaged(o, "its features are not as many as it says");
    float *all = room(o, rows * width, sizeof *all);
    if (!all)
        return o->ctx->status;
    o->f.rows = all;
    o->f.width = width;
    for (size_t i = 0; i < list->size; i++) {
        const atl_tensor *t = list->u.items[i]->u.tensor;
        ATL_TRY(atl_tensor_read_f32(torch, t, all));
        all += t->dims[0] * width;
    }
    return ATL_OK;
}

static atl_status read_stats(opened *o, atl_torch *torch) {
    const atl_object *root = atl_torch_root(torch), *batches = atl_object_get(root, "all_features");
    const atl_object *x = atl_object_get(root, "raw_mean"), *xx = atl_object_get(root, "raw_cov");
    if (!atl_object_int(atl_object_get(root, "num_items"), &o->f.count) || o->f.count < 1)
        return damaged(o, "does not say of how many pictures it is (num_items)");
    if (is_table(x, 1) && is_table(xx, 2))
        ATL_TRY(take_sums(o, torch, x->u.tensor, xx->u.tensor));
    if (batches && batches->type == ATL_OBJECT_LIST && batches->size)
        ATL_TRY(take_batches(o, torch, batches));
    if (!o->f.mean && !o->f.rows)
        return damaged(o, "holds neither features nor their sums");
    return ATL_OK;
}

// Whether it was one; others are tuples and dicts of arrays.
static atl_status read_pickle(opened *o, bool *is) {
    atl_torch *torch;
    ATL_TRY(atl_torch_open_memory(o->ctx, o->f.path, o->data, o->bytes, true, &torch));
    *is = atl_object_get(atl_torch_root(torch), "num_items") != NULL;
    atl_status status = *is ? read_stats(o, torch) : ATL_OK;
    atl_torch_close(&torch);
    return status;
}

// ---- opening

static atl_status parse(opened *o) {
    bool stats = false;
    bool pickle = o->bytes > 1 && o->data[0] == 0x80; // protocol 2 or higher: trainers write no other
    if (pickle)
        ATL_TRY(read_pickle(o, &stats));
    if (!stats)
        ATL_TRY(read_arrays(o));
    return check(o);
}

static atl_status open_bytes(opened *o, atl_features **features) {
    o->most = atl_file_most(o->bytes, 16);
    atl_status status = parse(o);
    atl_features *f = &o->f;
    if (status != ATL_OK)
        atl_features_close(&f);
    *features = f;
    return status;
}

static opened *make(atl_ctx *ctx, const char *path) {
    opened *o = atl_calloc(ctx, 1, sizeof *o);
    if (!o)
        return NULL;
    o->ctx = ctx;
    atl_arena_init(&o->arena, ctx, 0);
    o->f.path = atl_arena_string(&o->arena, path, strlen(path));
    if (o->f.path)
        return o;
    atl_arena_clear(&o->arena);
    atl_free(ctx, o);
    return NULL;
}

atl_status atl_features_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                    atl_features **features) {
    *features = NULL;
    opened *o = make(ctx, path);
    if (!o)
        return ATL_NO_MEMORY;
    o->data = data;
    o->bytes = bytes;
    return open_bytes(o, features);
}

atl_status atl_features_open(atl_ctx *ctx, const char *path, atl_features **features) {
    *features = NULL;
    opened *o = make(ctx, path);
    if (!o)
        return ATL_NO_MEMORY;
    atl_status status = atl_file_map(ctx, path, &o->file);
    atl_features *f = &o->f;
    if (status != ATL_OK) {
        atl_features_close(&f);
        return status;
    }
    o->data = o->file.data;
    o->bytes = o->file.bytes;
    return open_bytes(o, features);
}

void atl_features_close(atl_features **features) {
    if (!features || !*features)
        return;
    opened *o = (opened *)*features; // its first member
    atl_ctx *ctx = o->ctx;
    atl_arrays_close(&o->set);
    atl_arena_clear(&o->arena);
    atl_file_unmap(&o->file);
    atl_free(ctx, o);
    *features = NULL;
}

// ---- of which detector

static const char *describe(const atl_features_of *of, char text[128]) {
    snprintf(text, 128, "%s (%s%s%s)", *of->detector ? of->detector : "?", of->use,
             *of->resize ? ", resize " : "", of->resize);
    return text;
}

static bool differs(const char *a, const char *b) {
    return *a && *b && strcmp(a, b) != 0;
}

atl_status atl_features_check(atl_ctx *ctx, const atl_features *f, const atl_features_of *asked,
                              int64_t width) {
    char has[128], wants[128];
    const atl_features_of *of = &f->of;
    describe(of, has);
    describe(asked, wants);
    if (differs(of->detector, asked->detector) || differs(of->use, asked->use) ||
        differs(of->resize, asked->resize))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: holds features of %s, but those of %s are needed",
                        f->path, has, wants);
    if (f->width != width)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: has %lld numbers per picture, but %s makes %lld: it is of another detector",
                        f->path, (long long)f->width, wants, (long long)width);
    if (of->fingerprint && asked->fingerprint && of->fingerprint != asked->fingerprint)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: holds features of %s with other weights than the detector's here", f->path, has);
    if (!*of->detector)
        atl_log(ctx, ATL_LOG_WARNING, "%s: does not say which detector it is of; it is taken for %s", f->path,
                wants);
    return ATL_OK;
}

atl_status atl_features_statistics(atl_ctx *ctx, const atl_features *f, double *mean, double *cov) {
    size_t width = (size_t)f->width;
    if (f->mean) {
        memcpy(mean, f->mean, width * sizeof *mean);
        memcpy(cov, f->cov, width * width * sizeof *cov);
        return ATL_OK;
    }
    atl_moments *m;
    ATL_TRY(atl_moments_open(ctx, f->width, &m));
    atl_status status = atl_moments_add(m, f->rows, f->count);
    if (status == ATL_OK)
        status = atl_moments_finish(m, mean, cov);
    atl_moments_close(&m);
    return status;
}

// ---- writing

static atl_status about_text(atl_ctx *ctx, const atl_features *f, char **text) {
    char print[20];
    atl_json b = { .ctx = ctx };
    json_t *top = atl_json_object(&b);
    snprintf(print, sizeof print, "%016llx", (unsigned long long)f->of.fingerprint);
    atl_json_set(&b, top, "format", atl_json_string(&b, "features 1"));
    atl_json_set(&b, top, "detector", atl_json_string(&b, f->of.detector));
    atl_json_set(&b, top, "use", atl_json_string(&b, f->of.use));
    atl_json_set(&b, top, "resize", atl_json_string(&b, f->of.resize));
    atl_json_set(&b, top, "fingerprint", atl_json_string(&b, print));
    atl_json_set(&b, top, "samples", json_integer(f->count));
    if (f->key)
        atl_json_set(&b, top, "key", atl_json_string(&b, f->key));
    return atl_json_text(&b, top, JSON_COMPACT, "the features", text);
}

atl_status atl_features_write(atl_ctx *ctx, const char *path, const atl_features *f) {
    atl_array list[4];
    size_t n = 0;
    char *about;
    int64_t d = f->width;
    ATL_TRY(about_text(ctx, f, &about));
    list[n++] = (atl_array){ "about", ATL_U8, 1, { (int64_t)strlen(about) }, about };
    if (f->mean) {
        list[n++] = (atl_array){ "mu", ATL_F64, 1, { d }, f->mean };
        list[n++] = (atl_array){ "sigma", ATL_F64, 2, { d, d }, f->cov };
    }
    if (f->rows)
        list[n++] = (atl_array){ "features", ATL_F32, 2, { f->count, d }, f->rows };
    atl_status status = atl_npz_write(ctx, path, list, n);
    atl_free(ctx, about);
    return status;
}
