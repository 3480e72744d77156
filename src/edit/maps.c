// SPDX-License-Identifier: Apache-2.0
// Listing the maps by building the network, and the penalty as nodes.
#include "edit/maps.h"

#include <math.h>
#include <stdio.h>

#include "nn/functions.h"

enum { LEAST = 8 }; // rows at which the penalty stops

// Building "synthesize" for one sample lists its ports; nothing is computed.
static atl_status list(const atl_network *generator, atl_noise_mode noise, atl_call *call, atl_graph *g) {
    atl_net net = atl_network_in(g, generator, NULL);
    *call = (atl_call){ .n = 1, .noise = noise, .listing = true };
    atl_network_call(generator, "synthesize", &net, call);
    return g->status == ATL_OK ? ATL_OK : atl_fail(generator->ctx, g->status, "%s", g->error);
}

static void take(const atl_call *all, const atl_call *lacking, atl_maps *maps) {
    for (int i = 0; i < all->n_in; i++) {
        const atl_port *port = &all->in[i];
        if (port->kind != ATL_PORT_NOISE)
            continue;
        atl_map *m = &maps->list[maps->count++];
        snprintf(m->name, sizeof m->name, "%s", port->name);
        m->height = port->node->shape.d[1];
        m->width = port->node->shape.d[2];
        m->stored = !atl_call_find_in(lacking, port->name);
    }
}

atl_status atl_maps_list(const atl_network *generator, atl_maps *maps) {
    atl_graph all, rest;
    atl_call calls[2];
    *maps = (atl_maps){ .count = 0 };
    atl_graph_init(&all, generator->ctx);
    atl_graph_init(&rest, generator->ctx);
    atl_status status = list(generator, ATL_NOISE_RANDOM, &calls[0], &all);
    if (status == ATL_OK)
        status = list(generator, ATL_NOISE_CONST, &calls[1], &rest);
    if (status == ATL_OK)
        take(&calls[0], &calls[1], maps);
    atl_graph_clear(&all);
    atl_graph_clear(&rest);
    return status;
}

// ---- the penalty

// Moved by one along an axis; what falls out comes in at the other end.
static atl_node *rolled(atl_graph *g, atl_node *x, int axis) {
    int64_t size = x->op == ATL_OP_POISON ? 2 : x->shape.d[axis];
    if (size < 2)
        return x;
    atl_node *parts[] = { atl_slice_axis(g, x, axis, size - 1, 1), atl_slice_axis(g, x, axis, 0, size - 1) };
    return atl_concat(g, parts, 2, axis);
}

// The squared mean of x times itself, moved [n].
static atl_node *likeness(atl_graph *g, atl_node *x, int axis) {
    atl_node *mean = atl_mean(g, atl_mul(g, x, rolled(g, x, axis)), 1u << 1 | 1u << 2 | 1u << 3);
    return atl_square(g,
                      mean->op == ATL_OP_POISON ? mean : atl_reshape(g, mean, ATL_SHAPE(mean->shape.d[0])));
}

atl_node *atl_map_penalty(atl_graph *g, atl_node *x) {
    for (atl_node *sum = NULL;; x = atl_average_pool(g, x, &(atl_pool_options){ .kernel = 2, .stride = 2 })) {
        atl_node *both = atl_add(g, likeness(g, x, 2), likeness(g, x, 1));
        sum = sum ? atl_add(g, sum, both) : both;
        if (x->op == ATL_OP_POISON || x->shape.d[1] <= LEAST || x->shape.d[2] < 2)
            return sum;
    }
}

void atl_map_normalize(float *maps, int n, size_t count) {
    for (int k = 0; k < n; k++) {
        float *x = maps + (size_t)k * count;
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < count; i++)
            sum += (double)x[i];
        float mean = (float)(sum / (double)count);
        for (size_t i = 0; i < count; i++) {
            x[i] -= mean;
            squares += (double)x[i] * (double)x[i];
        }
        float scale = squares > 0.0 ? (float)(1.0 / sqrt(squares / (double)count)) : 1.0f;
        for (size_t i = 0; i < count; i++)
            x[i] *= scale;
    }
}
