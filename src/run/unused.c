// SPDX-License-Identifier: Apache-2.0
// What of a loaded network nothing uses.  The network is built as it would run; what no layer asked for is
// either known to be harmless or makes other pictures than its makers saw.
#include "run/unused.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "io/json.h"

typedef struct unused {
    atl_arena *arena; // owns the list; the names are those of the store
    const char **names;
    size_t size;
    const char *problem; // NULL, or why the network can't be built; then the list is empty
} unused;

enum { SHOWN = 4 }; // names in a sentence

typedef struct harmless {
    const char *pattern;
    bool grown; // only in networks that grew: layers of other levels of detail
} harmless;

static const harmless HARMLESS[] = {
    { "*resample_filter", false }, // the config holds it
    { "mapping.w_avg", false },    // for truncation
    { "*noise_const", false },     // of networks whose config switches noise off
    { "*num_batches_tracked", false }, { "synthesis.b*.torgb.*", true }, { "b*.fromrgb.*", true },
};

static bool is_harmless(const char *name, bool grown) {
    for (size_t i = 0; i < sizeof HARMLESS / sizeof *HARMLESS; i++)
        if ((grown || !HARMLESS[i].grown) && fnmatch(HARMLESS[i].pattern, name, 0) == 0)
            return true;
    return false;
}

static atl_status list(const atl_net *net, bool grown, unused *u) {
    const atl_params *params = net->params;
    u->names = atl_arena_alloc(u->arena, params->size + 1, sizeof *u->names);
    if (!u->names)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < params->size; i++) {
        const char *name = params->list[i].name;
        if ((!net->nodes || !net->nodes[i]) && !is_harmless(name, grown))
            u->names[u->size++] = name;
    }
    return ATL_OK;
}

// The sentence that the context has, taken from it.
static const char *take_message(atl_ctx *ctx, atl_arena *arena) {
    const char *sentence = atl_message(ctx), *copy = atl_arena_string(arena, sentence, strlen(sentence));
    atl_message_clear(ctx);
    return copy;
}

static atl_status build(atl_ctx *ctx, const atl_model_row *row, const json_t *json, void *config,
                        atl_params *params, bool grown, unused *u) {
    atl_model_dims d;
    atl_status status = row->parse(ctx, json, config);
    if (status == ATL_OK)
        status = row->dims(ctx, config, params, &d);
    if (status != ATL_OK && status != ATL_NO_MEMORY)
        u->problem = take_message(ctx, u->arena);
    if (status != ATL_OK)
        return status;
    atl_graph g;
    atl_graph_init(&g, ctx);
    atl_net net = { .g = &g, .params = params };
    atl_network_build(&net, row, config);
    status = g.status == ATL_OK ? list(&net, grown, u) : g.status;
    if (g.status != ATL_OK && g.status != ATL_NO_MEMORY)
        u->problem = atl_arena_string(u->arena, g.error, strlen(g.error));
    atl_graph_clear(&g);
    return status;
}

static atl_status list_unused(atl_ctx *ctx, const atl_model_row *row, const json_t *json, atl_params *params,
                              unused *u) {
    bool grown = json_is_number(json_object_get(json, "lod"));
    json_t *full = json_deep_copy(json);
    void *config = atl_calloc(ctx, 1, row->config_bytes);
    atl_status status = full && config ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK && grown && json_object_set_new(full, "lod", json_real(0.0))) // with every layer
        status = ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = build(ctx, row, full, config, params, grown, u);
    atl_free(ctx, config);
    json_decref(full);
    if (status == ATL_OK || status == ATL_NO_MEMORY)
        return status;
    return u->problem ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_unused_names(atl_ctx *ctx, const atl_ckpt *ckpt, const atl_ckpt_net *net,
                            const atl_model_row *row, atl_params *params, json_t **names) {
    size_t count;
    const char *const *left = atl_ckpt_leftover(ckpt, &count);
    atl_arena arena;
    atl_arena_init(&arena, ctx, 0);
    unused u = { .arena = &arena };
    atl_json b = { .ctx = ctx };
    json_t *list = atl_json_list(&b);
    atl_status status = row ? list_unused(ctx, row, net->config, params, &u) : ATL_OK;
    for (size_t i = 0; i < count; i++)
        atl_json_add(&b, list, atl_json_string(&b, left[i]));
    for (size_t i = 0; i < u.size; i++)
        atl_json_add(&b, list, atl_json_string(&b, u.names[i]));
    if (u.problem)
        status = atl_fail(ctx, ATL_BAD_FILE, "%s", u.problem);
    else if (status != ATL_OK)
        atl_fail(ctx, status, "out of memory");
    atl_arena_clear(&arena);
    if (status == ATL_OK)
        return atl_json_end(&b, list, "what nothing uses", names);
    json_decref(list);
    *names = NULL;
    return status;
}

atl_status atl_unused_refuse(atl_ctx *ctx, const char *key, const json_t *names) {
    size_t count = json_array_size(names);
    char text[512] = "";
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        char name[101];
        snprintf(name, sizeof name, "%s", json_string_value(json_array_get(names, i)));
        atl_names_add(text, sizeof text, name);
    }
    if (!count)
        return ATL_OK;
    return atl_fail(
        ctx, ATL_UNSUPPORTED,
        "%s holds %zu thing%s that this network has no use for, so its pictures would be other ones than its "
        "makers saw: %s%s (ignore-unused goes on without them)",
        key, count, count == 1 ? "" : "s", text, count > SHOWN ? ", ..." : "");
}
