// SPDX-License-Identifier: Apache-2.0
// What the losses of encoders are built of: pictures, codes, and which layers have a w of their own; see
// encoding.h.
#include <string.h>

#include "train/draw.h"
#include "train/encoding.h"

enum { COLOURS = 3 };

// ---- pictures

static void write_pictures(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const int64_t *size = d->input->shape.d;
    (void)room;
    atl_plan_write(plan, d->input, run->trainer->reals + run->local * (size_t)(size[1] * size[2] * size[3]));
}

// Of the set, or of the generator: then *ws are those that it was made of.
atl_node *atl_encoding_pictures(atl_phase_builder *b, const atl_encoding *e, atl_net *g_net, atl_node **ws) {
    *ws = NULL;
    if (!e->sampled)
        return atl_draw_with(b, "real", ATL_SHAPE(b->n, e->height, e->width, COLOURS), write_pictures, NULL);
    atl_graph *g = b->g;
    atl_node *z = atl_draw_normal(b, "z", ATL_SHAPE(b->n, e->generator.dims.z_dim));
    atl_node *w = ATL_APPLY(g_net, &e->generator, "map", "w", { "z", z });
    if (w->op == ATL_OP_POISON)
        return w;
    w = atl_reshape(g, w, ATL_SHAPE(b->n, 1, e->w_dim));
    *ws = atl_expand(g, w, ATL_SHAPE(b->n, e->num_ws, e->w_dim));
    return atl_encoding_reduced(g, e, ATL_APPLY(g_net, &e->generator, "synthesize", "img", { "ws", *ws }));
}

atl_node *atl_encoding_average(atl_graph *g, const atl_encoding *e, int64_t n) {
    return atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, e->w_dim), e->average),
                      ATL_SHAPE(n, e->num_ws, e->w_dim));
}

atl_node *atl_encoding_start(atl_graph *g, const atl_encoding *e, int64_t n) {
    return atl_expand(g, atl_const(g, ATL_SHAPE(1, e->height, e->width, COLOURS), e->start),
                      ATL_SHAPE(n, e->height, e->width, COLOURS));
}

// ---- what layers have a w of their own

static void write_share(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_encoding *e = atl_encoding_of(run->trainer);
    int stage = atl_encoding_stage(e, run->iteration);
    for (int i = 0; i < e->num_ws; i++)
        room[i] = i <= stage ? 1.0f : 0.0f;
    atl_plan_write(plan, d->input, room);
}

// ---- codes

// Whose batch norms are those of training.
atl_norms *atl_encoding_in_training(atl_phase_builder *b) {
    atl_norms *norms = atl_arena_alloc(&b->g->arena, 1, sizeof *norms);
    if (!norms)
        atl_graph_fail(b->g, ATL_NO_MEMORY, "out of memory for batch norms");
    b->nets[ATL_TRAIN_G].norms = norms;
    return norms;
}

// Codes [n, num_ws, w_dim] of img [n, h, w, 3 or 6].
atl_node *atl_encoding_codes(atl_net *net, const atl_network *encoder, atl_node *img, atl_node *share) {
    return ATL_APPLY(net, encoder, "encode", "codes", { "img", img }, { "deltas", share });
}

atl_node *atl_encoding_beside(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_concat(g, (atl_node *[]){ x, y }, 2, 3);
}

atl_node *atl_encoding_share(atl_phase_builder *b, const atl_encoding *e) {
    return e->kind->grows ? atl_draw_with(b, "share", ATL_SHAPE(e->num_ws), write_share, NULL) : NULL;
}
