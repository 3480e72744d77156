// SPDX-License-Identifier: Apache-2.0
// How the networks that grow are trained: ProGAN (Karras et al. 2018) and StyleGAN (Karras et al. 2019).  Two
// phases, D before G, each with fresh latents; what they are made of changes with the level of detail
// (grow.h).
//
//   Dmain   loss of D with its gradient penalty on real and generated pictures     every step
//   Gmain   loss of G                                                               every step
//
// Generated pictures of Dmain have the labels of the real ones.  ProGAN: Wasserstein loss, gradient penalty
// and drift; with labels D is an auxiliary classifier.  StyleGAN: logistic loss with R1; with labels D has a
// score for each class.  Penalties are of gradients with respect to pictures of full size, also where the
// networks work on smaller ones.
#include <string.h>

#include "train/draw.h"
#include "train/gan.h"
#include "train/grow.h"
#include "train/loss.h"

static const double W_AVG_BETA = 0.995; // of the average of w in training

static void follow_w(atl_trainer *t, const float *sum, double samples) {
    atl_gan_follow_w(t, sum, samples, W_AVG_BETA);
}

// What the options ask for besides the scores, with labels c of all pictures or NULL.
static atl_node *penalties(atl_phase_builder *b, atl_node *real, atl_node *r, atl_node *fake, atl_node *f,
                           atl_node *c) {
    atl_node *loss = atl_fill(b->g, ATL_SHAPE(1), 0.0f), *each;
    if (b->o->gamma > 0.0) {
        loss = atl_add(b->g, loss, atl_loss_r1_r2(b->g, r, real, (float)b->o->gamma, &each));
        atl_phase_report(b, "Loss/r1_penalty", each, ATL_REPORT_VALUES);
    }
    if (b->o->r2_gamma > 0.0)
        loss = atl_add(b->g, loss, atl_loss_r1_r2(b->g, f, fake, (float)b->o->r2_gamma, NULL));
    if (atl_train_loss(b->o->loss) == ATL_GAN_WGAN_GP)
        loss = atl_add(b->g, loss, atl_gan_mixed_penalty(b, real, fake, c));
    return loss;
}

static atl_node *d_main(atl_phase_builder *b) {
    atl_node *c = atl_draw_real_label(b, "real_c"), *real = atl_grow_real(b);
    atl_node *fake = atl_gan_synthesized(b, atl_gan_styles(b, c));
    atl_node *of_fake = atl_gan_judged(b, fake, c), *of_real = atl_gan_judged(b, real, c);
    atl_node *f = atl_gan_score(b, of_fake), *r = atl_gan_score(b, of_real), *loss = atl_gan_d_loss(b, f, r);
    atl_gan_report_real(b, r);
    loss = atl_add(b->g, loss, penalties(b, real, r, fake, f, c));
    loss = atl_gan_with_labels(b, loss, of_real, c, "Loss/labels/real");
    loss = atl_gan_with_labels(b, loss, of_fake, c, "Loss/labels/fake");
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return loss;
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = d_main,
      .follow = follow_w,
      .norm = "Gradient/D" },
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_g_main,
      .follow = follow_w,
      .norm = "Gradient/G" },
};
enum { N_PHASES = sizeof PHASES / sizeof *PHASES };

// ---- besides the phases

static atl_status refuse(atl_trainer *t, const char *family) {
    const atl_train_options *o = &t->options;
    if (o->pl_weight > 0.0)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "pl-weight %g: %s is trained without path length regularisation; leave it out",
                        o->pl_weight, family);
    return atl_gan_no_architecture(t, family, true);
}

static atl_status stylegan1(atl_trainer *t) {
    ATL_TRY(refuse(t, "StyleGAN"));
    return atl_gan_networks(
        t, &(atl_gan_kinds){ .g = "stylegan1", .d = "stylegan1", .w_avg_beta = W_AVG_BETA, .by_half = true });
}

static atl_status progan(atl_trainer *t) {
    ATL_TRY(refuse(t, "ProGAN"));
    if (t->like.map_depth) // of a file of another family
        t->options.map_depth = 0;
    if (t->options.map_depth || t->options.style_mixing_prob > 0.0)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "%s: ProGAN has no mapping network and no styles; leave it out",
                        t->options.map_depth ? "map-depth" : "style-mixing-prob");
    return atl_gan_networks(t, &(atl_gan_kinds){ .g = "progan", .d = "progan", .by_half = true });
}

const atl_recipe atl_recipe_stylegan1 = {
    .family = "stylegan1",
    .aug = ATL_AUG_NONE,
    .loss = "logistic",
    .networks = stylegan1,
    .frozen = atl_gan_frozen,
    .after = atl_gan_adapt,
    .schedule = atl_grow_stage,
    .phases = PHASES,
    .n_phases = N_PHASES,
};

const atl_recipe atl_recipe_progan = {
    .family = "progan",
    .aug = ATL_AUG_NONE,
    .loss = "wgan-gp",
    .rates_by_devices = true,
    .networks = progan,
    .frozen = atl_gan_frozen,
    .after = atl_gan_adapt,
    .schedule = atl_grow_stage,
    .smoothing = 0.999f, // Karras et al. 2018, appendix A.1
    .phases = PHASES,
    .n_phases = N_PHASES,
};
