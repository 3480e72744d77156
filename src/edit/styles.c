// SPDX-License-Identifier: Apache-2.0
// The layers that read styles are those that say so while the synthesis is built.
#include "edit/styles.h"

#include <string.h>

#include "graph/build.h"

typedef struct collecting {
    atl_arena *arena;
    atl_style_info *list;
    int count, room;
} collecting;

static atl_node *collect(void *user, atl_net *net, int layer, atl_node *s) {
    collecting *c = user;
    const char *scope = atl_scope_get(net->g);
    if (c->count == c->room) {
        int room = c->room ? 2 * c->room : 32;
        atl_style_info *list = atl_arena_alloc(c->arena, (size_t)room, sizeof *list);
        if (!list)
            return atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory for a list of layers");
        if (c->count)
            memcpy(list, c->list, (size_t)c->count * sizeof *list);
        c->list = list;
        c->room = room;
    }
    const char *name = scope ? atl_arena_string(c->arena, scope, strlen(scope)) : NULL;
    if (!name)
        return atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory for the name of a layer");
    c->list[c->count++] = (atl_style_info){ name, layer, (int)s->shape.d[1] };
    return s;
}

atl_status atl_styles_list(const atl_network *network, atl_arena *arena, atl_style_info **list, int *count) {
    atl_graph g;
    collecting c = { .arena = arena };
    const atl_touch touch = { .user = &c, .style = collect };
    atl_call call = { .n = 1, .noise = ATL_NOISE_RANDOM, .planar = true, .listing = true, .touch = &touch };
    *list = NULL;
    *count = 0;
    if (!atl_model_function_find(network->row, "synthesize"))
        return atl_fail(network->ctx, ATL_BAD_ARGUMENT, "%s is a %s, and only generators have styles",
                        network->name, network->row->role);
    atl_net net = atl_network_in(&g, network, NULL);
    atl_graph_init(&g, network->ctx);
    atl_network_call(network, "synthesize", &net, &call);
    atl_status status = g.status == ATL_OK ? ATL_OK : atl_fail(network->ctx, g.status, "%s", g.error);
    atl_graph_clear(&g);
    *list = c.list;
    *count = c.count;
    return status;
}
