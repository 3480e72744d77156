// SPDX-License-Identifier: Apache-2.0
// What a snapshot records of its run, read from files of strangers: where it is, its numbers, its options,
// and whether a set of pictures is the one that it was made with.
#define _XOPEN_SOURCE 700 // realpath
#include "train/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/train.h>

#include "data/print.h"
#include "io/arrays.h"
#include "train/whole.h"

atl_status atl_train_damaged(atl_ctx *ctx, const char *path, const char *what) {
    return atl_fail(ctx, ATL_BAD_FILE,
                    "%s: its record of the training run has no usable %s; the file is damaged", path, what);
}

atl_status atl_train_record_find(atl_ctx *ctx, const char *path, const atl_arrays *file, json_t **json) {
    const char *text = atl_arrays_metadata(file, ATL_TRAIN_RECORD);
    *json = NULL;
    if (!text)
        return ATL_OK;
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    json_int_t version = json_integer_value(json_object_get(root, "version"));
    if (json_is_object(root) && version == ATL_TRAIN_RECORD_VERSION) {
        *json = root;
        return ATL_OK;
    }
    atl_status status;
    if (!json_is_object(root) || version < 1)
        status = atl_train_damaged(ctx, path, "beginning");
    else if (version > ATL_TRAIN_RECORD_VERSION)
        status = atl_fail(ctx, ATL_UNSUPPORTED,
                          "%s: its training run was recorded by a newer Atelier; version %d is read", path,
                          ATL_TRAIN_RECORD_VERSION);
    else
        status = atl_fail(
            ctx, ATL_UNSUPPORTED,
            "%s: its training run drew its random numbers in the way of an earlier version and can't go "
            "on; a new run, with data and a folder of its own, can start from its networks",
            path);
    json_decref(root);
    return status;
}

static atl_status number_of(atl_ctx *ctx, const char *path, const json_t *json, const char *key, double low,
                            double high, double *value) {
    const json_t *v = json_object_get(json, key);
    double x = json_is_number(v) ? json_number_value(v) : NAN;
    if (!(x >= low && x <= high))
        return atl_train_damaged(ctx, path, key);
    *value = x;
    return ATL_OK;
}

static atl_status read_state(atl_ctx *ctx, const char *path, const json_t *json, atl_train_record *r) {
    const double most = 9007199254740992.0; // integers are exact up to 2^53
    ATL_TRY(number_of(ctx, path, json, "iteration", 0, most, &r->iteration));
    ATL_TRY(number_of(ctx, path, json, "images", 0, most, &r->images));
    r->staged = r->images; // records of before networks grew
    if (json_object_get(json, "staged"))
        ATL_TRY(number_of(ctx, path, json, "staged", 0, r->images, &r->staged));
    ATL_TRY(number_of(ctx, path, json, "augment_p", 0, 1, &r->augment_p));
    ATL_TRY(number_of(ctx, path, json, "pl_mean", -most, most, &r->pl_mean));
    ATL_TRY(number_of(ctx, path, json, "sign_sum", -most, most, &r->sign_sum));
    return number_of(ctx, path, json, "sign_count", 0, most, &r->sign_count);
}

atl_status atl_train_record_read(atl_ctx *ctx, const char *path, const atl_arrays *file,
                                 atl_train_record *record) {
    json_t *json;
    ATL_TRY(atl_train_record_find(ctx, path, file, &json));
    atl_status status =
        json ? read_state(ctx, path, json, record)
             : atl_fail(ctx, ATL_BAD_FILE, "%s: holds networks and no training run to go on with", path);
    if (status == ATL_OK)
        status = atl_whole_file(ctx, path, file, json_object_get(json, "sum"));
    json_decref(json);
    return status;
}

// The record of a training run in a file; NULL when it holds networks alone.
static atl_status read_record(atl_ctx *ctx, const char *path, bool whole, json_t **json) {
    atl_file map;
    atl_arrays *file;
    *json = NULL;
    ATL_TRY(atl_file_map(ctx, path, &map));
    if (!atl_safetensors_is(map.data, map.bytes)) {
        atl_file_unmap(&map);
        return ATL_OK;
    }
    ATL_TRY(atl_arrays_open_file(ctx, path, &map, &file));
    atl_status status = atl_train_record_find(ctx, path, file, json);
    if (status == ATL_OK && *json && whole)
        status = atl_whole_file(ctx, path, file, json_object_get(*json, "sum"));
    atl_arrays_close(&file);
    return status;
}

atl_status atl_train_snapshot_record(atl_ctx *ctx, const char *path, char **text) {
    json_t *json;
    *text = NULL;
    atl_status status = read_record(ctx, path, true, &json);
    if (status == ATL_OK && json && !json_is_object(json_object_get(json, "options")))
        status = atl_train_damaged(ctx, path, "options");
    if (status == ATL_OK && json) {
        atl_json b = { .ctx = ctx };
        status = atl_json_text(&b, json_incref(json), JSON_COMPACT | JSON_REAL_PRECISION(17),
                               "the record of the run", text);
    }
    json_decref(json);
    return status;
}

// Records of before prints know their set by its place alone.
static bool place_differs(const json_t *record, const char *data, char what[ATL_TRAIN_DIFFERENCE]) {
    const char *before = json_string_value(json_object_get(json_object_get(record, "options"), "data"));
    char *a = before ? realpath(before, NULL) : NULL, *b = realpath(data, NULL);
    bool same = a && b && !strcmp(a, b);
    free(a);
    free(b);
    snprintf(what, ATL_TRAIN_DIFFERENCE,
             "lies elsewhere, and the record, of an earlier version, tells no more");
    return !same;
}

static atl_status compare_set(atl_ctx *ctx, const json_t *record, const char *data,
                              char what[ATL_TRAIN_DIFFERENCE], bool *differs) {
    atl_dataset *set;
    atl_set_print before, now;
    bool cond = json_integer_value(json_object_get(json_object_get(record, "options"), "cond")) != 0;
    atl_dataset_options o = ATL_DATASET_OPTIONS_INIT;
    o.labels = cond ? ATL_LABELS_JSON : ATL_LABELS_NONE;
    *differs = false;
    if (!atl_set_print_parse(json_object_get(record, "set"), &before)) {
        *differs = place_differs(record, data, what);
        return ATL_OK;
    }
    ATL_TRY(atl_dataset_open(ctx, data, &o, &set));
    atl_status status = atl_set_print_make(set, cond, &now);
    if (status == ATL_OK)
        *differs = atl_set_print_differs(&before, &now, what, ATL_TRAIN_DIFFERENCE);
    atl_dataset_close(&set);
    return status;
}

atl_status atl_train_snapshot_compare(atl_ctx *ctx, const char *path, const char *data, char **difference) {
    char what[ATL_TRAIN_DIFFERENCE];
    json_t *json;
    bool differs = true;
    *difference = NULL;
    snprintf(what, sizeof what, "is there, but the file records no run");
    atl_status status = read_record(ctx, path, false, &json);
    if (status == ATL_OK && json)
        status = compare_set(ctx, json, data, what, &differs);
    json_decref(json);
    if (status != ATL_OK || !differs)
        return status;
    *difference = atl_calloc(ctx, strlen(what) + 1, 1);
    if (!*difference)
        return ATL_NO_MEMORY;
    memcpy(*difference, what, strlen(what));
    return ATL_OK;
}

atl_status atl_train_recorded_p(atl_ctx *ctx, const char *path, double *p) {
    json_t *json;
    *p = -1.0;
    atl_status status = read_record(ctx, path, false, &json);
    if (status == ATL_OK && json)
        status = number_of(ctx, path, json, "augment_p", 0, 1, p);
    json_decref(json);
    if (status != ATL_BAD_FILE && status != ATL_UNSUPPORTED)
        return status;
    atl_message_clear(ctx); // networks can be taken from it all the same
    return ATL_OK;
}
