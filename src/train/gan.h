// SPDX-License-Identifier: Apache-2.0
// What the recipes of the StyleGAN line have in common: latents and styles, what D sees, the losses of both
// networks as phases, the discriminator of StyleGAN2 and its freezing, adaptive augmentation.
#ifndef ATL_TRAIN_GAN_H
#define ATL_TRAIN_GAN_H

#include "train/recipe.h"
#include "train/trainer.h"

// ---- phases

atl_node *atl_gan_g_main(atl_phase_builder *b); // G against D(augment(G(z)))
atl_node *atl_gan_d_main(atl_phase_builder *b); // D on generated and real pictures
atl_node *atl_gan_d_reg(atl_phase_builder *b);  // R1 and R2, through the augmentation
bool atl_gan_wants_d_reg(const atl_train_options *o);

// ---- what they are made of

// w of all layers [n, num_ws, w_dim] for labels c or NULL, with mixed styles where the options ask for them.
atl_node *atl_gan_styles(atl_phase_builder *b, atl_node *c);
atl_node *atl_gan_synthesized(atl_phase_builder *b, atl_node *ws); // [n, h, w, c], with noise drawn anew

// What D says of pictures [n, h, w, c] behind blur and augmentation, with labels c or NULL: [n, 1], or with
// classes' logits behind the score.
atl_node *atl_gan_judged(atl_phase_builder *b, atl_node *img, atl_node *c);
atl_node *atl_gan_score(atl_phase_builder *b, atl_node *logits); // [n, 1]
// The loss with the cross entropy of labels c, reported under a name, where D classifies; else the loss as it
// is.
atl_node *atl_gan_with_labels(atl_phase_builder *b, atl_node *loss, atl_node *logits, atl_node *c,
                              const char *stat);
atl_node *atl_gan_d_loss(atl_phase_builder *b, atl_node *f, atl_node *r); // of scores
// The gradient penalty on pictures between real and generated ones.
atl_node *atl_gan_mixed_penalty(atl_phase_builder *b, atl_node *real, atl_node *fake, atl_node *c);
void atl_gan_report_real(atl_phase_builder *b, atl_node *r);

// A phase that is followed gets, per sample and added up: w [w_dim], then the means that synthesis gives in
// the order of its layers.  This moves a parameter of G that is their running mean, sum / samples + beta of
// its distance to that.
void atl_gan_follow(atl_trainer *t, const atl_param *p, const float *sum, double samples, double beta);
void atl_gan_follow_w(atl_trainer *t, const float *sum, double samples, double beta);

// ---- besides the phases

typedef struct atl_gan_kinds {
    const char *g, *d;          // families
    double w_avg_beta;          // of G's average of w, where it has one
    const char *d_architecture; // "orig"; NULL: D's usual one
    bool by_half;               // their configs count channels times half of the resolution
} atl_gan_kinds;
atl_status atl_gan_networks(atl_trainer *t, const atl_gan_kinds *kinds);
// Refuses g-arch, and d-arch and d-labels if of_d, for a family whose networks are all alike.
atl_status atl_gan_no_architecture(atl_trainer *t, const char *family, bool of_d);
// The first layers of D, counted from the picture on (Mo et al. 2020, "Freeze the discriminator").  The last
// block never belongs to them.
bool atl_gan_frozen(const atl_train_options *o, atl_train_net which, const atl_network *network,
                    const char *name);
void atl_gan_adapt(atl_trainer *t); // strength of the augmentation, after a step
// A schedule: the rate grows over warmup from its first part on to the whole, and stays or falls as a half wave does.
atl_stage atl_gan_rates(const atl_trainer *t, uint64_t images);

#endif
