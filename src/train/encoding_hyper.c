// SPDX-License-Identifier: Apache-2.0
// Hypernetworks in training: which layers of the generator they tune, and the generator with kernels of each
// sample's own; see encoding.h.
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "train/encoding.h"

enum { HIDDEN_MOST = 512 };

// "synthesis.b8.conv0.weight" of layer 2; layers are counted conv1, toRGB, then conv, conv, toRGB of each
// resolution.
static void kernel_name(int layer, char name[64]) {
    static const char *const KINDS[] = { "conv0", "conv1", "torgb" };
    if (layer < 2)
        snprintf(name, 64, "synthesis.b4.%s.weight", KINDS[1 + layer]);
    else
        snprintf(name, 64, "synthesis.b%d.%s.weight", 8 << (layer - 2) / 3, KINDS[(layer - 2) % 3]);
}

static bool is_rgb(int layer) {
    return layer == 1 || (layer >= 2 && (layer - 2) % 3 == 2);
}

// All convolutions but toRGB, as published.
static void find_layers(atl_encoding *e) {
    e->n_layers = 0;
    for (int layer = 0; layer < ATL_ENCODING_LAYERS; layer++) {
        char name[64];
        kernel_name(layer, name);
        const atl_param *p = atl_params_find(&e->generator.params, name);
        if (!p || p->rank != 4 || is_rgb(layer))
            continue;
        e->layers[e->n_layers] = layer;
        e->kernels[e->n_layers++] = (size_t)(p - e->generator.params.list);
    }
}

// Layers of the widest kind share one hypernetwork where they have as many channels in as out.
static json_t *layer_config(atl_json *b, const atl_param *p, int layer, int64_t shared, int narrow) {
    json_t *json = atl_json_object(b);
    bool shares = p->dims[0] == p->dims[1] && p->dims[0] == shared;
    atl_json_set(b, json, "index", json_integer(layer));
    atl_json_set(b, json, "kind", json_string(shares ? "shared" : "own"));
    atl_json_set(b, json, "in", json_integer((json_int_t)p->dims[1]));
    atl_json_set(b, json, "out", json_integer((json_int_t)p->dims[0]));
    atl_json_set(b, json, "narrow", json_integer(narrow));
    return json;
}

json_t *atl_encoding_hyper_config(atl_json *b, atl_encoding *e, const int units[4], const int channels[4],
                                  int width) {
    json_t *json = atl_json_object(b), *list = atl_json_list(b);
    (void)units;
    find_layers(e);
    int64_t shared = e->n_layers ? e->generator.params.list[e->kernels[0]].dims[0] : 0;
    int vector = width < HIDDEN_MOST ? width : HIDDEN_MOST;
    for (int i = 0; i < e->n_layers; i++) {
        const atl_param *p = &e->generator.params.list[e->kernels[i]];
        bool shares = p->dims[0] == p->dims[1] && p->dims[0] == shared;
        int narrow = channels[3] / (shares ? 4 : 2);
        atl_json_add(b, list, layer_config(b, p, e->layers[i], shared, narrow ? narrow : 1));
    }
    atl_json_set(b, json, "vector", json_integer(vector));
    atl_json_set(b, json, "hidden", json_integer(vector));
    atl_json_set(b, json, "layers", list);
    return json;
}

atl_shape atl_encoding_delta_shape(const atl_encoding *e, int layer, int64_t n) {
    const int64_t *d = e->generator.params.list[e->kernels[layer]].dims;
    return ATL_SHAPE(n, d[0], d[1], d[2], d[3]);
}

void atl_encoding_tune(atl_net *net, const atl_network *hyper, const atl_encoding *e, atl_node *img,
                       atl_node **deltas) {
    atl_call call = { .closed = true, .n = img->op == ATL_OP_POISON ? 1 : (int)img->shape.d[0] };
    atl_call_bind(net->g, &call, "img", img);
    atl_network_call(hyper, "tune", net, &call);
    for (int i = 0; i < e->n_layers; i++) {
        char name[24];
        snprintf(name, sizeof name, "delta.%d", e->layers[i]);
        deltas[i] = atl_call_result(net->g, &call, name);
    }
}

// Sample i with its own kernels.
static atl_node *tuned_one(atl_graph *g, const atl_encoding *e, int i, atl_node *ws,
                           atl_node *const *deltas) {
    const atl_params *params = &e->generator.params;
    char as[24];
    snprintf(as, sizeof as, "G%d", i);
    atl_net net = atl_network_in(g, &e->generator, atl_arena_printf(&g->arena, "%s", as));
    net.nodes = atl_arena_alloc(&g->arena, params->size, sizeof *net.nodes);
    if (!net.nodes || !net.as)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a tuned generator");
    for (int k = 0; deltas && k < e->n_layers; k++) {
        const atl_param *p = &params->list[e->kernels[k]];
        atl_shape shape = ATL_SHAPE(p->dims[0], p->dims[1], p->dims[2], p->dims[3]);
        atl_node *w = atl_const(g, shape, atl_param_data(params, p));
        if (deltas[k]->op == ATL_OP_POISON)
            return deltas[k];
        atl_node *d = atl_reshape(g, atl_slice_axis(g, deltas[k], 0, i, 1), shape);
        net.nodes[e->kernels[k]] =
            atl_mul(g, w, atl_affine(g, d, 1.0f, 1.0f)); // layers that ask for W get this
    }
    return ATL_APPLY(&net, &e->generator, "synthesize", "img", { "ws", atl_slice_axis(g, ws, 0, i, 1) });
}

atl_node *atl_encoding_tuned(atl_graph *g, const atl_encoding *e, int n, atl_node *ws,
                             atl_node *const *deltas) {
    atl_node **each = atl_arena_alloc(&g->arena, (size_t)n, sizeof *each);
    if (!each)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for tuned generators");
    for (int i = 0; i < n && ws->op != ATL_OP_POISON; i++) {
        each[i] = atl_encoding_reduced(g, e, tuned_one(g, e, i, ws, deltas));
        if (each[i]->op == ATL_OP_POISON)
            return each[i];
    }
    return ws->op == ATL_OP_POISON ? ws : atl_concat(g, each, n, 0);
}
