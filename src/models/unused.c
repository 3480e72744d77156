// SPDX-License-Identifier: Apache-2.0
// What of a loaded network nothing uses.  The network is built as it would run; what no layer asked for is
// either known to be harmless or makes other pictures than its makers saw.
#include "models/unused.h"

#include <fnmatch.h>
#include <string.h>

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

static atl_status list(const atl_net *net, bool grown, atl_unused *unused) {
    const atl_params *params = net->params;
    unused->names = atl_arena_alloc(unused->arena, params->size + 1, sizeof *unused->names);
    if (!unused->names)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < params->size; i++) {
        const char *name = params->list[i].name;
        if ((!net->nodes || !net->nodes[i]) && !is_harmless(name, grown))
            unused->names[unused->size++] = name;
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
                        atl_params *params, bool grown, atl_unused *unused) {
    atl_model_dims d;
    atl_status status = row->parse(ctx, json, config);
    if (status == ATL_OK)
        status = row->dims(ctx, config, params, &d);
    if (status != ATL_OK && status != ATL_NO_MEMORY)
        unused->problem = take_message(ctx, unused->arena);
    if (status != ATL_OK)
        return status;
    atl_graph g;
    atl_graph_init(&g, ctx);
    atl_net net = { .g = &g, .params = params };
    atl_network_build(&net, row, config, &d);
    status = g.status == ATL_OK ? list(&net, grown, unused) : g.status;
    if (g.status != ATL_OK && g.status != ATL_NO_MEMORY)
        unused->problem = atl_arena_string(unused->arena, g.error, strlen(g.error));
    atl_graph_clear(&g);
    return status;
}

atl_status atl_network_unused(atl_ctx *ctx, const atl_model_row *row, const json_t *json, atl_params *params,
                              atl_unused *unused) {
    bool grown = json_is_number(json_object_get(json, "lod"));
    json_t *full = json_deep_copy(json);
    void *config = atl_calloc(ctx, 1, row->config_bytes);
    atl_status status = full && config ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK && grown && json_object_set_new(full, "lod", json_real(0.0))) // with every layer
        status = ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = build(ctx, row, full, config, params, grown, unused);
    atl_free(ctx, config);
    json_decref(full);
    if (status == ATL_OK || status == ATL_NO_MEMORY)
        return status;
    unused->size = 0;
    return unused->problem ? ATL_OK : ATL_NO_MEMORY;
}
