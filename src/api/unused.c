// SPDX-License-Identifier: Apache-2.0
// What a file holds beyond the network that we run: names that its layout could not place, parameters that no
// layer asks for.  Going on without them would make other pictures, so it is an error unless the caller wants
// it.
#include <string.h>

#include "api/model_api.h"
#include "models/unused.h"

enum { SHOWN = 4 }; // names in a sentence

static atl_status add(json_t *list, const char *name) {
    return json_array_append_new(list, json_string(name)) == 0 ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_unused_names(atl_ctx *ctx, const atl_ckpt *ckpt, const atl_ckpt_net *net,
                            const atl_model_row *row, atl_params *params, json_t **names) {
    size_t count;
    const char *const *left = atl_ckpt_leftover(ckpt, &count);
    atl_arena arena;
    atl_arena_init(&arena, ctx, 0);
    atl_unused unused = { .arena = &arena };
    *names = json_array();
    atl_status status = *names ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; status == ATL_OK && i < count; i++)
        status = add(*names, left[i]);
    if (status == ATL_OK && row)
        status = atl_network_unused(ctx, row, net->config, params, &unused);
    for (size_t i = 0; status == ATL_OK && i < unused.size; i++)
        status = add(*names, unused.names[i]);
    if (status == ATL_OK && !unused.problem) {
        atl_arena_clear(&arena);
        return ATL_OK;
    }
    if (status == ATL_OK)
        status = atl_fail(ctx, ATL_BAD_FILE, "%s", unused.problem);
    else
        atl_fail(ctx, status, "out of memory");
    atl_arena_clear(&arena);
    json_decref(*names);
    *names = NULL;
    return status;
}

atl_status atl_unused_refuse(atl_ctx *ctx, const char *key, const json_t *names) {
    size_t count = json_array_size(names);
    char text[512] = "";
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%.100s", i ? ", " : "",
                 json_string_value(json_array_get(names, i)));
    }
    if (!count)
        return ATL_OK;
    return atl_fail(
        ctx, ATL_UNSUPPORTED,
        "%s holds %zu thing%s that this network has no use for, so its pictures would be other ones than its "
        "makers saw: %s%s (--ignore-unused goes on without them)",
        key, count, count == 1 ? "" : "s", text, count > SHOWN ? ", ..." : "");
}
