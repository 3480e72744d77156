// SPDX-License-Identifier: Apache-2.0
// What an encoder loses: pictures against what the generator makes of their codes, and what codes should be
// like; see encoding.h.  Each loss is one number, the mean over the samples.
#include <string.h>

#include "train/encoding.h"
#include "train/loss.h"
#include "train/similar.h"

// Added to squares before their root, so that what is zero has a gradient, which is zero.
static const float LEAST_SQUARE = 1e-12f;

atl_node *atl_encoding_reduced(atl_graph *g, const atl_encoding *e, atl_node *img) {
    if (img->op == ATL_OP_POISON || img->shape.d[1] == e->height)
        return img;
    int64_t n = img->shape.d[0], c = img->shape.d[3], h = e->height, w = e->width,
            factor = img->shape.d[1] / h;
    img = atl_mean(g, atl_reshape(g, img, ATL_SHAPE(n * h, factor, w * factor * c)), 1u << 1);
    img = atl_mean(g, atl_reshape(g, img, ATL_SHAPE(n * h * w, factor, c)), 1u << 1);
    return atl_reshape(g, img, ATL_SHAPE(n, h, w, c));
}

// ---- pieces

static atl_node *squared(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_loss_mean(g, atl_square(g, atl_sub(g, x, y)));
}

// Rows and columns of an aligned picture in which the face is: 35 to 222 and 32 to 219 of 256.
static atl_node *cropped(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2];
    const int64_t begin[] = { 0, h * 35 / 256, w * 32 / 256, 0 };
    return atl_slice(g, x, begin, ATL_SHAPE(n, h * 188 / 256, w * 188 / 256, x->shape.d[3]));
}

// Lengths over all dims of `axes`, with 1 in their place.
static atl_node *lengths(atl_graph *g, atl_node *x, unsigned axes) {
    return atl_sqrt(g, atl_affine(g, atl_sum(g, atl_square(g, x), axes), 1.0f, LEAST_SQUARE));
}

static atl_node *unlike(atl_graph *g, atl_node *x, atl_node *y) { // 1 - cosine, of rows of unit length
    atl_node *cosine = atl_sum(g, atl_mul(g, x, y), 1u << 1);
    return atl_affine(g, atl_loss_mean(g, cosine), -1.0f, 1.0f);
}

// ---- with networks

static atl_node *lpips(atl_phase_builder *b, const atl_encoding *e, atl_node *x, atl_node *y) {
    atl_net net = atl_network_in(b->g, &e->lpips, "lpips");
    return atl_loss_mean(b->g, ATL_APPLY(&net, &e->lpips, "distance", "distance", { "x", x }, { "y", y }));
}

static atl_node *identity(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    atl_net net = atl_network_in(b->g, &e->identity, "identity");
    return unlike(b->g, ATL_APPLY(&net, &e->identity, "embed_face", "embedding", { "img", x->made }),
                  ATL_APPLY(&net, &e->identity, "embed_face", "embedding", { "img", x->picture }));
}

static atl_node *similarity(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    atl_net net = atl_network_in(b->g, &e->similarity, "similarity");
    return unlike(b->g, atl_similar_features(&net, &e->similarity, x->made),
                  atl_similar_features(&net, &e->similarity, x->picture));
}

// ---- of latents

static atl_node *w_norm(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    atl_node *average = atl_const(b->g, ATL_SHAPE(1, 1, e->w_dim), e->average);
    atl_node *d = atl_sub(b->g, x->ws, atl_expand(b->g, average, x->ws->shape));
    return atl_loss_mean(b->g, lengths(b->g, d, 1u << 1 | 1u << 2));
}

// What layers differ by from the first; of those that don't yet it is zero.
static atl_node *delta(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    atl_graph *g = b->g;
    int64_t n = x->codes->shape.d[0], others = e->num_ws - 1;
    if (others < 1)
        return atl_fill(g, ATL_SHAPE(1), 0.0f);
    atl_node *first = atl_slice_axis(g, x->codes, 1, 0, 1), *rest = atl_slice_axis(g, x->codes, 1, 1, others);
    atl_node *l = lengths(g, atl_sub(g, rest, atl_expand(g, first, rest->shape)), 1u << 2);
    l = atl_scale(g, atl_reshape(g, atl_sum(g, l, 7u), ATL_SHAPE(1)),
                  1.0f / (float)n); // means of samples, added up
    return x->scale ? atl_mul(g, l, x->scale) : l;
}

// Non-saturating, the mean over layers that have a w of their own.
static atl_node *adversarial(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    atl_graph *g = b->g;
    int64_t n = x->ws->shape.d[0];
    atl_node *rows = atl_reshape(g, x->ws, ATL_SHAPE(n * e->num_ws, e->w_dim));
    atl_node *f = ATL_APPLY(&b->nets[ATL_TRAIN_D], b->setup->networks[ATL_TRAIN_D], "discriminate", "logits",
                            { "w", rows });
    f = atl_reshape(g, f, ATL_SHAPE(n, e->num_ws));
    atl_phase_report(b, "Loss/scores/fake", f, ATL_REPORT_VALUES);
    f = atl_softplus(g, atl_neg(g, f));
    if (!x->share)
        return atl_loss_mean(g, f);
    atl_node *share = atl_reshape(g, x->share, ATL_SHAPE(1, e->num_ws));
    atl_node *count = atl_reshape(g, atl_sum(g, share, 3u), ATL_SHAPE(1));
    f = atl_mean(g, atl_mul(g, f, atl_expand(g, share, f->shape)), 1u);
    return atl_div(g, atl_reshape(g, atl_sum(g, f, 3u), ATL_SHAPE(1)), count);
}

// ---- all of them

static atl_node *one(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x,
                     atl_encoding_loss loss) {
    atl_graph *g = b->g;
    switch (loss) {
    case ATL_LOSS_L2: return squared(g, x->made, x->picture);
    case ATL_LOSS_LPIPS: return lpips(b, e, x->made, x->picture);
    case ATL_LOSS_ID: return identity(b, e, x);
    case ATL_LOSS_SIM: return similarity(b, e, x);
    case ATL_LOSS_W: return squared(g, x->ws, x->target);
    case ATL_LOSS_W_NORM: return w_norm(b, e, x);
    case ATL_LOSS_DELTA: return delta(b, e, x);
    case ATL_LOSS_ADV: return adversarial(b, e, x);
    case ATL_LOSS_L2_CROP: return squared(g, cropped(g, x->made), cropped(g, x->picture));
    case ATL_LOSS_LPIPS_CROP: return lpips(b, e, cropped(g, x->made), cropped(g, x->picture));
    case ATL_ENCODING_LOSSES: break;
    }
    return atl_graph_fail(g, ATL_INTERNAL, "there is no loss %d", (int)loss);
}

atl_node *atl_encoding_loss_of(atl_phase_builder *b, const atl_encoding *e, const atl_encoded *x) {
    static const char *const STATS[ATL_ENCODING_LOSSES] = { "Loss/l2",        "Loss/lpips", "Loss/id",
                                                            "Loss/sim",       "Loss/w",     "Loss/w_norm",
                                                            "Loss/delta",     "Loss/adv",   "Loss/l2_crop",
                                                            "Loss/lpips_crop" };
    atl_node *sum = NULL;
    if (x->made->op == ATL_OP_POISON)
        return x->made;
    for (int i = 0; i < ATL_ENCODING_LOSSES; i++) {
        if (!(e->weights[i] > 0.0f))
            continue;
        atl_node *l = one(b, e, x, (atl_encoding_loss)i);
        atl_phase_report(b, STATS[i], l, ATL_REPORT_MEAN);
        l = atl_scale(b->g, l, e->weights[i]);
        sum = sum ? atl_add(b->g, sum, l) : l;
    }
    atl_phase_report(b, "Loss/E/loss", sum, ATL_REPORT_MEAN);
    return sum;
}
