// SPDX-License-Identifier: Apache-2.0
// How StyleGAN2 is trained (Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" and
// "Training generative adversarial networks with limited data"): four phases, each with fresh latents.
//
//   Gmain   loss of G on D(augment(G(z)))               every step
//   Greg    path length regularisation                   every 4th
//   Dmain   loss of D on generated and real pictures     every step
//   Dreg    R1 (and R2) through the augmentation         every 16th
#include <string.h>

#include "train/draw.h"
#include "train/gan.h"
#include "train/loss.h"

static const float PL_DECAY = 0.01f;    // Karras et al. 2020, appendix B
static const double W_AVG_BETA = 0.995; // of the average of w in training

// The average of w follows every batch that the mapping network has seen.
static void follow_w(atl_trainer *t, const float *sum, double samples) {
    atl_gan_follow_w(t, sum, samples, W_AVG_BETA);
}

static void write_pl_mean(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    room[0] = (float)run->trainer->state.pl_mean;
    atl_plan_write(plan, d->input, room);
}

// Lengths are compared with their moving mean after it was moved by these lengths, and the gradient flows
// through that too, as in the published trainer.  Where a run sees a part of the lengths alone, their mean
// comes ahead as a constant m: comparing with the mean moved twice, c = a' + decay (m - a'), then has the
// same gradient, since that of mean((l - a')^2) with a' = a + decay (mean(l) - a) is 2 mean((l - a' - decay
// (mean(l) - a')) dl).
static atl_node *g_reg(atl_phase_builder *b) {
    atl_node *ws = atl_gan_styles(b, atl_draw_label(b, "c")), *img = atl_gan_synthesized(b, ws), *penalties;
    atl_node *noise = atl_draw_normal(b, "pl_noise", img->shape);
    atl_node *mean = atl_draw_with(b, "pl_mean", ATL_SHAPE(1), write_pl_mean, NULL);
    atl_node *decay = atl_draw_state(b, "pl_decay", ATL_SHAPE(1), &PL_DECAY);
    atl_node *lengths = atl_path_lengths(b->g, img, ws, noise);
    atl_node *all = b->setup->whole ? lengths : atl_phase_mean_ahead(b, "pl_ahead", lengths);
    float weight = (float)b->o->pl_weight;
    mean = atl_path_mean(b->g, mean, all, decay);
    atl_node *loss = atl_loss_path_length(b->g, lengths, mean, weight, &penalties);
    atl_phase_report(b, "Loss/pl_length", lengths, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/pl_penalty", penalties, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/G/reg", loss, ATL_REPORT_MEAN);
    if (!b->setup->whole)
        loss = atl_loss_path_length(b->g, lengths, atl_path_mean(b->g, mean, all, decay), weight, NULL);
    return loss;
}

static bool wants_g_reg(const atl_train_options *o) {
    return o->pl_weight > 0.0;
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_g_main,
      .follow = follow_w,
      .norm = "Gradient/G" },
    { .name = "Greg",
      .trained = ATL_TRAIN_G,
      .interval = 4,
      .shrink = 2,
      .wanted = wants_g_reg,
      .loss = g_reg,
      .follow = follow_w },
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_d_main,
      .follow = follow_w,
      .norm = "Gradient/D" },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = atl_gan_wants_d_reg,
      .loss = atl_gan_d_reg,
      .follow = follow_w },
};

// ---- besides the phases

static atl_status networks(atl_trainer *t) {
    return atl_gan_networks(
        t, &(atl_gan_kinds){ .g = "stylegan2",
                             .d = "stylegan2",
                             .w_avg_beta = W_AVG_BETA,
                             .d_architecture = !strcmp(t->options.cfg, "cifar") ? "orig" : NULL });
}

static void after(atl_trainer *t) {
    atl_train_sum lengths = atl_trainer_step_stat(t, "Loss/pl_length");
    if (lengths.count > 0.0)
        t->state.pl_mean += (lengths.sum / lengths.count - t->state.pl_mean) * (double)PL_DECAY;
    atl_gan_adapt(t);
}

const atl_recipe atl_recipe_stylegan2 = {
    .family = "stylegan2",
    .loss = "logistic",
    .networks = networks,
    .frozen = atl_gan_frozen,
    .after = after,
    .phases = PHASES,
    .n_phases = sizeof PHASES / sizeof *PHASES,
};
