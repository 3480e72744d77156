// SPDX-License-Identifier: Apache-2.0
// New networks: building one against an empty store lists its parameters.
#include "models/network.h"

#include <string.h>

void atl_network_build(atl_net *net, const atl_model_row *row, const void *config, const atl_model_dims *d) {
    atl_graph *g = net->g;
    atl_node *c = d->c_dim ? atl_input(g, "c", ATL_SHAPE(1, d->c_dim)) : NULL;
    atl_noise noise = { .mode = ATL_NOISE_RANDOM }; // some files have no maps
    if (row->map)
        row->map(net, config, d->z_dim ? atl_input(g, "z", ATL_SHAPE(1, d->z_dim)) : NULL, c);
    if (row->synthesize)
        row->synthesize(net, config, atl_input(g, "ws", ATL_SHAPE(1, d->num_ws, d->w_dim)), &noise);
    if (row->discriminate)
        row->discriminate(net, config, atl_input(g, "img", ATL_SHAPE(1, d->height, d->width, d->channels)),
                          c);
}

atl_status atl_network_declare(atl_ctx *ctx, const atl_model_row *row, const void *config,
                               const atl_model_dims *dims, atl_params *params) {
    atl_graph g;
    atl_graph_init(&g, ctx);
    atl_net net = { .g = &g, .params = params, .declare = true };
    atl_network_build(&net, row, config, dims);
    if (row->map && dims->num_ws > 1 && g.status == ATL_OK)
        atl_net_buffer(&net, "mapping.w_avg",
                       dims->class_averages ? ATL_SHAPE(dims->c_dim, dims->w_dim) : ATL_SHAPE(dims->w_dim),
                       ATL_INIT_ZERO, 0.0f);
    atl_status status = g.status == ATL_OK ? ATL_OK : atl_fail(ctx, g.status, "%s", g.error);
    atl_graph_clear(&g);
    return status;
}

static atl_status fill(atl_network *n, uint64_t seed) {
    const atl_model_row *row = n->row;
    ATL_TRY(row->parse(n->ctx, n->json, n->config));
    ATL_TRY(row->dims(n->ctx, n->config, &n->params, &n->dims));
    ATL_TRY(atl_network_declare(n->ctx, row, n->config, &n->dims, &n->params));
    ATL_TRY(atl_params_allocate(&n->params));
    atl_params_randomise(&n->params, seed);
    if (row->finish)
        ATL_TRY(row->finish(n->ctx, n->config, &n->params, seed));
    return row->dims(n->ctx, n->config, &n->params, &n->dims);
}

atl_status atl_network_make(atl_ctx *ctx, const atl_model_row *row, json_t *json, uint64_t seed,
                            atl_network *network) {
    *network = (atl_network){ .ctx = ctx, .row = row, .json = json };
    atl_params_init(&network->params, ctx);
    network->config = json ? atl_calloc(ctx, 1, row->config_bytes) : NULL;
    atl_status status = network->config ? fill(network, seed) : atl_fail(ctx, ATL_NO_MEMORY, "out of memory");
    if (status != ATL_OK)
        atl_network_clear(network);
    return status;
}

atl_status atl_network_copy(const atl_network *from, atl_network *to) {
    ATL_TRY(atl_network_make(from->ctx, from->row, json_deep_copy(from->json), 0, to));
    memcpy(to->params.data, from->params.data, from->params.total * sizeof *from->params.data);
    return ATL_OK;
}

void atl_network_clear(atl_network *network) {
    if (!network->ctx)
        return;
    atl_params_clear(&network->params);
    json_decref(network->json);
    atl_free(network->ctx, network->config);
    memset(network, 0, sizeof *network);
}
