// SPDX-License-Identifier: Apache-2.0
// Losses: see loss.h for what each one is and where it comes from.  Penalties hold gradients, so that their own
// gradient is one of second order; the engine makes no difference.
#include "train/loss.h"

#include <math.h>

#include "nn/functions.h"

static unsigned all_axes(const atl_node *x) {
    return (1u << x->shape.rank) - 1u;
}

static atl_node *total(atl_graph *g, atl_node *x) { // [1]
    return atl_reshape(g, atl_sum(g, x, all_axes(x)), ATL_SHAPE(1));
}

atl_node *atl_loss_mean(atl_graph *g, atl_node *x) {
    return atl_reshape(g, atl_mean(g, x, all_axes(x)), ATL_SHAPE(1));
}

static atl_node *softplus(atl_graph *g, atl_node *x) {
    return atl_unary(g, ATL_FN_SOFTPLUS, x, 0.0f, 0.0f);
}

static atl_node *relu(atl_graph *g, atl_node *x) {
    return atl_lrelu(g, x, 0.0f);
}

// ---- scores

atl_node *atl_loss_g_logistic(atl_graph *g, atl_node *f) {
    return atl_loss_mean(g, softplus(g, atl_neg(g, f)));
}

atl_node *atl_loss_g_logistic_saturating(atl_graph *g, atl_node *f) {
    return atl_neg(g, atl_loss_mean(g, softplus(g, f)));
}

atl_node *atl_loss_d_logistic(atl_graph *g, atl_node *f, atl_node *r) {
    return atl_add(g, atl_loss_mean(g, softplus(g, f)), atl_loss_mean(g, softplus(g, atl_neg(g, r))));
}

atl_node *atl_loss_g_wgan(atl_graph *g, atl_node *f) {
    return atl_neg(g, atl_loss_mean(g, f));
}

atl_node *atl_loss_d_wgan(atl_graph *g, atl_node *f, atl_node *r, float drift) {
    atl_node *loss = atl_sub(g, atl_loss_mean(g, f), atl_loss_mean(g, r));
    return drift != 0.0f ? atl_add(g, loss, atl_scale(g, atl_loss_mean(g, atl_square(g, r)), drift)) : loss;
}

atl_node *atl_loss_d_hinge(atl_graph *g, atl_node *f, atl_node *r) {
    atl_node *fake = atl_loss_mean(g, relu(g, atl_affine(g, f, 1.0f, 1.0f)));
    return atl_add(g, fake, atl_loss_mean(g, relu(g, atl_affine(g, r, -1.0f, 1.0f))));
}

atl_node *atl_loss_labels(atl_graph *g, atl_node *logits, atl_node *labels) {
    return atl_reshape(g, atl_cross_entropy(g, logits, labels), ATL_SHAPE(logits->shape.d[0]));
}

atl_node *atl_loss_codes(atl_graph *g, atl_node *logits, atl_node *codes) {
    if (logits->op == ATL_OP_POISON || codes->op == ATL_OP_POISON)
        return &g->poison;
    atl_node *each = atl_cross_entropy(g, logits, atl_one_hot(g, codes, logits->shape.d[2])); // [n, t, 1]
    return atl_reshape(g, atl_mean(g, each, 6u), ATL_SHAPE(logits->shape.d[0]));
}

// ---- gradients of scores

// |d sum(scores) / d img|^2 per image, [n].  An image's score depends on others of the batch through the
// minibatch statistics; the sum includes that, as in the published implementations.
static atl_node *squared_gradient(atl_graph *g, atl_node *scores, atl_node *img) {
    atl_node *d;
    atl_grad(g, total(g, scores), &img, 1, &d);
    return atl_reshape(g, atl_sum(g, atl_square(g, d), all_axes(d) & ~1u), ATL_SHAPE(img->shape.d[0]));
}

atl_node *atl_loss_r1_r2(atl_graph *g, atl_node *scores, atl_node *img, float gamma, atl_node **penalties) {
    atl_node *p = squared_gradient(g, scores, img);
    if (penalties)
        *penalties = p;
    return atl_scale(g, atl_loss_mean(g, p), 0.5f * gamma);
}

atl_node *atl_mix_images(atl_graph *g, atl_node *real, atl_node *fake, atl_node *t) {
    atl_node *wide = atl_reshape(g, t, ATL_SHAPE(real->shape.d[0], 1, 1, 1));
    return atl_add(g, real, atl_mul(g, atl_sub(g, fake, real), atl_expand(g, wide, real->shape)));
}

atl_node *atl_loss_gradient_penalty(atl_graph *g, atl_node *scores, atl_node *mix, float weight,
                                    atl_node **lengths) {
    atl_node *length = atl_sqrt(g, squared_gradient(g, scores, mix));
    if (lengths)
        *lengths = length;
    return atl_scale(g, atl_loss_mean(g, atl_square(g, atl_affine(g, length, 1.0f, -1.0f))), weight);
}

// ---- path length

atl_node *atl_path_lengths(atl_graph *g, atl_node *img, atl_node *ws, atl_node *noise) {
    int64_t n = ws->shape.d[0], h = img->shape.d[1], w = img->shape.d[2];
    atl_node *y = atl_scale(g, noise, (float)(1.0 / sqrt((double)(h * w)))), *d;
    atl_grad(g, total(g, atl_mul(g, img, y)), &ws, 1, &d);
    atl_node *squares = atl_mean(g, atl_sum(g, atl_square(g, d), 4u), 2u); // [n, 1, 1]
    return atl_sqrt(g, atl_reshape(g, squares, ATL_SHAPE(n)));
}

atl_node *atl_path_mean(atl_graph *g, atl_node *before, atl_node *lengths, atl_node *decay) {
    return atl_add(g, before, atl_mul(g, atl_sub(g, atl_loss_mean(g, lengths), before), decay));
}

atl_node *atl_loss_path_length(atl_graph *g, atl_node *lengths, atl_node *mean_length, float weight,
                               atl_node **penalties) {
    atl_node *away = atl_sub(g, lengths, atl_expand(g, mean_length, lengths->shape));
    atl_node *p = atl_square(g, away);
    if (penalties)
        *penalties = p;
    return atl_scale(g, atl_loss_mean(g, p), weight);
}
