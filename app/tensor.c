// SPDX-License-Identifier: Apache-2.0
// "FILE:TENSOR" to tensors; see tensor.h.
#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "files.h"
#include "memory.h"

int app_tensor_is(const atl_array *array, const char *word) {
    size_t name = strlen(array->name), length = strlen(word);
    const char *tail = array->name + name - length;
    return name >= length && !strcmp(tail, word) && (name == length || tail[-1] == '.');
}

static int lies_below(const atl_array *array, const char *word) {
    size_t length = strlen(word);
    return !strncmp(array->name, word, length) && array->name[length] == '.';
}

typedef int match(const atl_array *array, const char *word);

// Keeps those of the items that match; all of them, and 0, when none does.
static int keep(app_tensors *t, match *matches, const char *word) {
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++)
        kept += (size_t)matches(t->items[i], word);
    if (!kept)
        return 0;
    kept = 0;
    for (size_t i = 0; i < t->count; i++)
        if (matches(t->items[i], word))
            t->items[kept++] = t->items[i];
    t->count = kept;
    return 1;
}

// Names and shapes of the first few, as many as fit.
static void list(const atl_arrays *set, char *text, size_t room) {
    enum { MOST = 8 };
    size_t count = atl_arrays_size(set), used = 0;
    char shape[APP_SHAPE];
    *text = '\0';
    if (count == 1 && !*atl_arrays_get(set, 0)->name) {
        snprintf(text, room, "one without a name, %s", app_tensor_shape(atl_arrays_get(set, 0), shape));
        return;
    }
    for (size_t i = 0; i < count && i < MOST && used < room; i++) {
        const atl_array *a = atl_arrays_get(set, i);
        used += (size_t)snprintf(text + used, room - used, "%s\"%.100s\" %s", i ? ", " : "", a->name,
                                 app_tensor_shape(a, shape));
    }
    if (count > MOST && used < room)
        snprintf(text + used, room - used, " and %zu more", count - MOST);
}

int app_tensors_are(const atl_arrays *set, const char *container) {
    const char *its = atl_arrays_metadata(set, "container");
    return its && !strcmp(its, container);
}

app_status app_tensors_ask(const char *source, const atl_arrays *set, app_error *e) {
    char text[800];
    const char *holds = app_tensors_are(set, "numpy objects") ? "is a pickled dict with the arrays" : "holds";
    list(set, text, sizeof text);
    return app_fail(e, "%s: %s %s; name one, as in %s:%s", source, holds, text, source,
                    atl_arrays_get(set, 0)->name);
}

static app_status choose(app_tensors *t, const char *source, const char *name, const char *const *usual,
                         app_error *e) {
    size_t size = atl_arrays_size(t->set);
    t->items = app_array(size, 1, 1, sizeof *t->items, e);
    if (!t->items)
        return APP_FAILED;
    for (t->count = 0; t->count < size; t->count++)
        t->items[t->count] = atl_arrays_get(t->set, t->count);
    if (name) {
        const atl_array *exact = atl_arrays_find(t->set, name);
        if (exact) {
            t->items[0] = exact;
            t->count = 1;
            return APP_OK;
        }
        if (!keep(t, app_tensor_is, name) && !keep(t, lies_below, name)) {
            char text[800];
            list(t->set, text, sizeof text);
            return app_fail(e, "%s: has no tensor called \"%s\"; it holds %s", source, name, text);
        }
    }
    for (size_t i = 0; usual[i] && t->count > 1; i++)
        if (keep(t, app_tensor_is, usual[i]))
            return APP_OK;
    t->guessed = !name;
    return t->count ? APP_OK : app_fail(e, "%s: holds no tensor", source);
}

int app_tensor_exists(const char *source, app_error *e) {
    const char *name;
    char *path = app_file_split(source, &name, e);
    int found = path && access(path, F_OK) == 0;
    free(path);
    return found;
}

app_status app_tensors_open(atl_ctx *ctx, const char *source, const char *const *usual, app_tensors *t,
                            app_error *e) {
    *t = (app_tensors){ 0 };
    const char *name;
    char *path = app_file_split(source, &name, e);
    if (!path)
        return APP_FAILED;
    app_status status = APP_OK;
    if (atl_arrays_open(ctx, path, &t->set) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    if (status == APP_OK)
        status = choose(t, path, name, usual, e);
    free(path);
    if (status != APP_OK)
        app_tensors_close(t);
    return status;
}

void app_tensors_close(app_tensors *t) {
    atl_arrays_close(&t->set);
    free(t->items);
    *t = (app_tensors){ 0 };
}

app_status app_tensor_open(atl_ctx *ctx, const char *source, const char *const *usual, atl_arrays **set,
                           const atl_array **array, app_error *e) {
    app_tensors t;
    *set = NULL;
    *array = NULL;
    if (app_tensors_open(ctx, source, usual, &t, e) != APP_OK)
        return APP_FAILED;
    if (t.count > 1) {
        app_tensors_ask(source, t.set, e);
        app_tensors_close(&t);
        return APP_FAILED;
    }
    *array = t.items[0];
    *set = t.set;
    t.set = NULL;
    app_tensors_close(&t);
    return APP_OK;
}

const char *app_tensor_shape(const atl_array *a, char text[APP_SHAPE]) {
    size_t used = (size_t)snprintf(text, APP_SHAPE, "[");
    for (int i = 0; i < a->rank && used < APP_SHAPE; i++)
        used +=
            (size_t)snprintf(text + used, APP_SHAPE - used, "%s%lld", i ? ", " : "", (long long)a->dims[i]);
    if (used < APP_SHAPE)
        snprintf(text + used, APP_SHAPE - used, "]");
    return text;
}
