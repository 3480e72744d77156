// SPDX-License-Identifier: Apache-2.0
// How StyleGAN3 is trained (Karras et al. 2021, "Alias-free generative adversarial networks", appendix D and
// F): three phases, each with fresh latents.  Neither styles nor path lengths; the discriminator is
// StyleGAN2's.
//
//   Gboth   loss of G on D(augment(blur(G(z))))          every step
//   Dmain   loss of D on generated and real pictures     every step
//   Dreg    R1 (and R2) through augmentation and blur    every 16th
//
// Running means are moved by what Dmain generates alone: that of w, and each layer's mean square of its
// input, by which the layer divides.  The official trainer divides by the mean already moved, part by part;
// here all parts and processes of a step divide by the one of before, which differs by 1 - 0.5^(batch /
// 20000) of a step's change.
#include <math.h>

#include "base/names.h"
#include "train/gan.h"

static const double W_AVG_BETA = 0.998;         // of the average of w in training
static const double MAGNITUDE_HALF_LIFE = 20e3; // pictures; Karras et al. 2021, appendix D.2

static bool is_magnitude(const char *name) {
    return atl_ends_in(name, ".magnitude_ema");
}

static void follow(atl_trainer *t, const float *sum, double samples) {
    double beta = pow(0.5, t->options.batch / MAGNITUDE_HALF_LIFE);
    const atl_params *params = &t->g.params;
    atl_gan_follow_w(t, sum, samples, W_AVG_BETA);
    sum += t->g.dims.w_dim;
    for (size_t i = 0; i < params->size; i++) // in the order of layers
        if (is_magnitude(params->list[i].name))
            atl_gan_follow(t, &params->list[i], sum++, samples, beta);
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gboth",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_g_main,
      .norm = "Gradient/G" },
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_d_main,
      .follow = follow,
      .norm = "Gradient/D" },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = atl_gan_wants_d_reg,
      .loss = atl_gan_d_reg },
};

static atl_status networks(atl_trainer *t) {
    if (t->options.pl_weight > 0.0)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "pl-weight %g: StyleGAN3 is trained without path length regularisation; leave it out",
                        t->options.pl_weight);
    ATL_TRY(atl_gan_no_architecture(t, "StyleGAN3's G", false));
    return atl_gan_networks(t,
                            &(atl_gan_kinds){ .g = "stylegan3", .d = "stylegan2", .w_avg_beta = W_AVG_BETA });
}

const atl_recipe atl_recipe_stylegan3 = {
    .family = "stylegan3",
    .loss = "logistic",
    .networks = networks,
    .frozen = atl_gan_frozen,
    .after = atl_gan_adapt,
    .phases = PHASES,
    .n_phases = sizeof PHASES / sizeof *PHASES,
};
