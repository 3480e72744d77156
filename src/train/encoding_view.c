// SPDX-License-Identifier: Apache-2.0
// Pictures of an encoder's run: what the generator makes of latents, and of pictures again; see encoding.h.
#include "train/encoding.h"

enum { COLOURS = 3 };

void atl_encoding_sample(atl_graph *g, atl_call *call, void *user) {
    const atl_encoding *e = atl_encoding_of(user);
    atl_net net = atl_network_in(g, &e->generator, NULL);
    atl_network_call(&e->generator, "map", &net, call);
    const atl_port *w = atl_call_find_out(call, "w");
    if (!w)
        return; // the graph says why
    atl_node *ws = atl_reshape(g, w->node, ATL_SHAPE(call->n, 1, e->w_dim));
    ws = atl_expand(g, ws, ATL_SHAPE(call->n, e->num_ws, e->w_dim));
    atl_node *img = ATL_APPLY(&net, &e->generator, "synthesize", "img", { "ws", ws });
    call->n_out = 0;
    atl_call_out(&net, call, "img", atl_encoding_reduced(g, e, img));
}

// What a tuned generator makes after all steps.
static atl_node *view_tuned(atl_graph *g, const atl_trainer *t, const atl_encoding *e, atl_node *x) {
    atl_net w_net = atl_network_in(g, &e->w_encoder, "w"), h_net = atl_network_in(g, &t->g_ema, "hyper");
    atl_node *deltas[ATL_ENCODING_LAYERS], *more[ATL_ENCODING_LAYERS];
    int n = (int)x->shape.d[0];
    h_net.varies = true;
    atl_node *ws =
        atl_add(g, atl_encoding_average(g, e, n), atl_encoding_codes(&w_net, &e->w_encoder, x, NULL));
    atl_node *made = atl_encoding_tuned(g, e, n, ws, NULL);
    for (int step = 0; step < e->steps && g->status == ATL_OK; step++) {
        atl_encoding_tune(&h_net, &t->g_ema, e, atl_encoding_beside(g, x, made), more);
        for (int i = 0; i < e->n_layers; i++)
            deltas[i] = step ? atl_add(g, deltas[i], more[i]) : more[i];
        made = atl_encoding_tuned(g, e, n, ws, deltas);
    }
    return made;
}

static atl_node *view_encoded(atl_graph *g, const atl_trainer *t, const atl_encoding *e, atl_node *x) {
    atl_net net = atl_network_in(g, &t->g_ema, "encoder"),
            g_net = atl_network_in(g, &e->generator, "generator");
    atl_node *ws = atl_encoding_average(g, e, x->shape.d[0]), *made = NULL;
    net.varies = true;
    for (int step = 0; step < e->steps && g->status == ATL_OK; step++) {
        atl_node *img = x;
        if (e->kind->sees_result)
            img = atl_encoding_beside(g, x, made ? made : atl_encoding_start(g, e, x->shape.d[0]));
        ws = atl_add(g, ws, atl_encoding_codes(&net, &t->g_ema, img, NULL));
        made = ATL_APPLY(&g_net, &e->generator, "synthesize", "img", { "ws", ws });
        made = atl_encoding_reduced(g, e, made);
    }
    return made;
}

// "picture" -> "img"
void atl_encoding_view(atl_graph *g, atl_call *call, void *user) {
    const atl_trainer *t = user;
    const atl_encoding *e = atl_encoding_of(t);
    atl_net net = atl_network_in(g, &t->g_ema, NULL);
    atl_node *x = atl_call_in(&net, call, "picture", ATL_SHAPE(e->height, e->width, e->in.form.channels));
    if (x->op == ATL_OP_POISON)
        return; // the graph says why
    atl_node *made = e->kind->type ? view_encoded(g, t, e, x) : view_tuned(g, t, e, x);
    atl_call_out(&net, call, "img", made);
}
