// SPDX-License-Identifier: Apache-2.0
// "FILE:TENSOR" to the tensor; see tensor.h.
#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "memory.h"

// Without a name: the only one, or one with a usual name.
static const atl_array *choose(const atl_arrays *set, const char *source, app_error *e) {
    static const char *const usual[] = { "z", "w", "ws", "c", "label", "labels", "latents" };
    if (atl_arrays_size(set) == 1)
        return atl_arrays_get(set, 0);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const atl_array *array = atl_arrays_find(set, usual[i]);
        if (array)
            return array;
    }
    app_fail(e, "%s: holds %zu tensors; name one, as in %s:NAME", source, atl_arrays_size(set), source);
    return NULL;
}

// A file may have colons in its name: only what is no file is split at the last one.
app_status app_tensor_open(atl_ctx *ctx, const char *source, atl_arrays **set, const atl_array **array,
                           app_error *e) {
    const char *colon = access(source, F_OK) == 0 ? NULL : strrchr(source, ':');
    char *path = app_copy(source, e);
    *array = NULL;
    if (!path)
        return APP_FAILED;
    if (colon)
        path[colon - source] = '\0';
    if (atl_arrays_open(ctx, path, set) != ATL_OK)
        app_fail_ctx(e, ctx);
    else if (!colon)
        *array = choose(*set, source, e);
    else if (!(*array = atl_arrays_find(*set, colon + 1)))
        app_fail(e, "%s: has no tensor called \"%s\"", path, colon + 1);
    free(path);
    return *array ? APP_OK : APP_FAILED;
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
