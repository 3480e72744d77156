// SPDX-License-Identifier: Apache-2.0
// Losses and penalties as nodes.  Scores are a discriminator's logits [n, k]; f stands for those of generated
// images, r for those of real ones.  A loss is one number, [1]: the mean over the batch, before any weight for
// how often it is applied.  Images are [n, h, w, c].
#ifndef ATL_TRAIN_LOSS_H
#define ATL_TRAIN_LOSS_H

#include "graph/graph.h"

typedef enum atl_gan_loss { // in the order of the first words of the option "loss"
    ATL_GAN_LOGISTIC,       // non-saturating
    ATL_GAN_LOGISTIC_SATURATING,
    ATL_GAN_WGAN,    // with the drift term
    ATL_GAN_WGAN_GP, // and the gradient penalty
    ATL_GAN_HINGE,
    ATL_GAN_LOSSES
} atl_gan_loss;

// Of all numbers, [1].
atl_node *atl_loss_mean(atl_graph *g, atl_node *x);

// Logistic (Goodfellow et al. 2014).  Generator: mean softplus(-f), which doesn't saturate (section 3 there), or
// mean -softplus(f), which does (equation 1).  Discriminator: mean softplus(f) + mean softplus(-r).
atl_node *atl_loss_g_logistic(atl_graph *g, atl_node *f);
atl_node *atl_loss_g_logistic_saturating(atl_graph *g, atl_node *f);
atl_node *atl_loss_d_logistic(atl_graph *g, atl_node *f, atl_node *r);

// Wasserstein (Arjovsky et al. 2017, algorithm 1).  Generator: mean -f.  Discriminator: mean f - mean r +
// drift * mean r^2, which keeps the scores near zero (Karras et al. 2018, appendix A.1, with 0.001).
atl_node *atl_loss_g_wgan(atl_graph *g, atl_node *f);
atl_node *atl_loss_d_wgan(atl_graph *g, atl_node *f, atl_node *r, float drift);

// Hinge (Lim and Ye 2017; Miyato et al. 2018, equation 16): mean max(0, 1 + f) + mean max(0, 1 - r).  The
// generator's is Wasserstein's.
atl_node *atl_loss_d_hinge(atl_graph *g, atl_node *f, atl_node *r);

// Of class logits [n, k] of an auxiliary classifier: the cross entropy with labels [n, k], for each picture,
// [n] (Odena et al. 2017).
atl_node *atl_loss_labels(atl_graph *g, atl_node *logits, atl_node *labels);

// Of logits [n, t, k] of codes [n, t], whole numbers below k: the mean over t of their cross entropies, [n].
atl_node *atl_loss_codes(atl_graph *g, atl_node *logits, atl_node *codes);

// Zero-centred gradient penalty (Mescheder et al. 2018, equation 9): gamma / 2 * mean of |d sum(scores) / d img|^2
// per image.  R1 when scores and img are those of real images, R2 when of generated ones.  img is the image before
// augmentation.  *penalties (may be NULL): [n], without gamma.
atl_node *atl_loss_r1_r2(atl_graph *g, atl_node *scores, atl_node *img, float gamma, atl_node **penalties);

// Images between real and generated ones, real + (fake - real) * t with t [n] from U(0, 1), and the penalty
// on them: weight * mean (|d sum(scores) / d mix| - 1)^2 (Gulrajani et al. 2017, equation 3, weight 10).
// *lengths (may be NULL): those of the gradients, [n].
atl_node *atl_mix_images(atl_graph *g, atl_node *real, atl_node *fake, atl_node *t);
atl_node *atl_loss_gradient_penalty(atl_graph *g, atl_node *scores, atl_node *mix, float weight,
                                    atl_node **lengths);

// Path length regularisation (Karras et al. 2020, equation 4).  ws [n, num_ws, w_dim] -> img; noise is a unit
// normal image of img's shape.  With J = d sum(img * noise) / sqrt(h w) / d ws, a length is sqrt(mean over layers of
// |J|^2): [n].  The moving mean [1] of lengths goes on by the part `decay` [1] towards the mean of these.  The loss is
// weight * mean (length - mean)^2; *penalties (may be NULL): [n], without weight.
atl_node *atl_path_lengths(atl_graph *g, atl_node *img, atl_node *ws, atl_node *noise);
atl_node *atl_path_mean(atl_graph *g, atl_node *before, atl_node *lengths, atl_node *decay);
atl_node *atl_loss_path_length(atl_graph *g, atl_node *lengths, atl_node *mean, float weight, atl_node **penalties);

#endif
