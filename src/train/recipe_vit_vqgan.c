// SPDX-License-Identifier: Apache-2.0
// How the first stage of ViT-VQGAN is trained (Yu et al. 2022), with the settings of enhancing-transformers: for
// each batch a step of the autoencoder, then one of StyleGAN2's discriminator on the pictures as the moved
// autoencoder makes them.
//
//   Gmain   (x - x')^2, where they are asked for |x - x'| and LPIPS, codebook and commitment, and what D says of x'
//   Dmain   logistic loss of D on pictures and what is made of them
//   Dreg    R1, now and then
//
// Weights are fixed, not adapted.  Its makers' pictures go from 0 to 1, ours from -1 to 1: squares are a quarter
// there, absolute differences a half, and R1 of 10 there is one of 40 here.
#include <string.h>

#include "base/names.h"
#include "io/json.h"
#include "train/draw.h"
#include "train/loss.h"
#include "train/remade.h"

static const float COMMITMENT = 0.25f, SQUARES = 0.25f, DIFFERENCES = 0.5f;

static atl_node *made_again(atl_phase_builder *b, atl_node *real, atl_call *call) {
    *call = (atl_call){ .n = b->n };
    atl_call_bind(b->g, call, "img", real);
    atl_network_call(b->setup->networks[ATL_TRAIN_G], "autoencode", &b->nets[ATL_TRAIN_G], call);
    return atl_call_result(b->g, call, "img");
}

// [1]
static atl_node *distance_of(atl_phase_builder *b, atl_node *img, atl_node *real) {
    atl_graph *g = b->g;
    atl_node *d = atl_sub(g, img, real);
    atl_node *all = atl_scale(g, atl_loss_mean(g, atl_square(g, d)), SQUARES);
    if (b->o->l1_weight > 0.0)
        all = atl_add(g, all, atl_scale(g, atl_loss_mean(g, atl_fn_of(g, ATL_FN_ABS, d)),
                                        DIFFERENCES * (float)b->o->l1_weight));
    atl_node *far = atl_remade_far(b, img, real);
    return far ? atl_add(g, all, atl_scale(g, far, (float)b->o->perceptual_weight)) : all;
}

static atl_node *of_codes(atl_graph *g, const atl_call *call) { // [1]
    atl_node *commitment = atl_call_result(g, call, "commitment"),
             *codebook = atl_call_result(g, call, "codebook");
    return atl_add(g, atl_scale(g, atl_loss_mean(g, commitment), COMMITMENT), atl_loss_mean(g, codebook));
}

static atl_node *g_main(atl_phase_builder *b) {
    atl_graph *g = b->g;
    atl_call call;
    atl_node *real = atl_draw_real(b, "real"), *img = made_again(b, real, &call);
    if (img->op == ATL_OP_POISON)
        return img;
    atl_node *distance = distance_of(b, img, real), *codes = of_codes(g, &call);
    atl_node *f = atl_gan_judged(b, img, NULL), *against = atl_loss_g_logistic(g, f);
    atl_phase_report(b, "Loss/G/loss", against, ATL_REPORT_MEAN);
    against = atl_mul(g, atl_scale(g, against, (float)b->o->disc_weight), atl_remade_begun(b));
    atl_phase_report(b, "Loss/G/distance", distance, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/G/codes", codes, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/scores/fake", f, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/signs/fake", f, ATL_REPORT_SIGNS);
    return atl_add(g, atl_add(g, distance, codes), against);
}

static atl_node *d_main(atl_phase_builder *b) {
    atl_graph *g = b->g;
    atl_call call;
    atl_node *real = atl_draw_real(b, "real"), *img = made_again(b, real, &call);
    if (img->op == ATL_OP_POISON)
        return img;
    atl_node *r = atl_gan_judged(b, real, NULL), *f = atl_gan_judged(b, atl_held(g, img), NULL);
    atl_node *loss = atl_scale(g, atl_loss_d_logistic(g, f, r), 0.5f);
    atl_gan_report_real(b, r);
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return atl_mul(g, loss, atl_remade_begun(b));
}

static atl_node *d_reg(atl_phase_builder *b) {
    return atl_mul(b->g, atl_gan_d_reg(b), atl_remade_begun(b));
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = g_main,
      .norm = "Gradient/G" },
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = d_main,
      .norm = "Gradient/D" },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = atl_gan_wants_d_reg,
      .loss = d_reg },
};

// ---- networks

static atl_status refuse(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (t->like.map_depth) // of a file of another family
        t->options.map_depth = 0;
    const char *given = o->map_depth                 ? "map-depth"
                        : o->style_mixing_prob > 0.0 ? "style-mixing-prob"
                        : o->pl_weight > 0.0         ? "pl-weight"
                        : o->r2_gamma > 0.0          ? "r2-gamma"
                        : o->freezed                 ? "freezed"
                        : o->cond                    ? "cond"
                        : strcmp(o->loss, "logistic") ? "loss"
                                                      : NULL;
    if (given)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg vit-vqgan have none of it; leave it out",
                        given);
    if (t->set.channels != 3)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "cfg vit-vqgan is for pictures of 3 channels, and those of %s have %d", t->set.name,
                        t->set.channels);
    return atl_gan_no_architecture(t, "vit-vqgan", true);
}

static atl_status make_autoencoder(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    const atl_model_row *row = atl_model_row_for("vit-vqgan", "autoencoder");
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    json_t *json;
    init.cfg = "vit-vqgan";
    init.resolution = t->set.width;
    init.channel_base = o->channel_base;
    init.channel_max = o->channel_max;
    init.map_depth = o->layers;
    init.heads = o->heads;
    init.patch = o->patch;
    init.quantizers = o->quantizers;
    ATL_TRY(row->init(t->ctx, &init, &json));
    return atl_network_make(t->ctx, row, "G", json, o->seed, &t->g);
}

// Widths of D are the published ones for an autoencoder of 512 channels, and go with it.
static atl_status make_critic(atl_trainer *t) {
    enum { PUBLISHED = 512 };
    const atl_train_options *o = &t->options;
    const atl_model_row *row = atl_model_row_for("stylegan2", "discriminator");
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    int most = o->channel_base < PUBLISHED ? o->channel_base : PUBLISHED;
    init.resolution = t->set.width;
    init.img_channels = t->set.channels;
    init.channel_max = most;
    init.channel_base = most * (32768 / PUBLISHED);
    ATL_TRY(row->init(t->ctx, &init, &json));
    atl_json_set(&b, json, "mbstd_group_size", json_integer(o->mbstd_group));
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, row, "D", json, o->seed, &t->d);
}

static atl_status networks(atl_trainer *t) {
    ATL_TRY(refuse(t));
    ATL_TRY(atl_remade_open(t));
    ATL_TRY(make_autoencoder(t));
    return make_critic(t);
}

static bool is_table(const char *name) {
    return atl_ends_in(name, "_pos_embedding");
}

static bool frozen(const atl_train_options *o, atl_train_net which, const atl_network *network,
                   const char *name) {
    (void)o;
    (void)network;
    return which == ATL_TRAIN_G && is_table(name);
}

static bool decays(const char *name) {
    return !is_table(name);
}

// AdamW of both networks.
static atl_adam_options optimiser(const atl_trainer *t, atl_train_net which) {
    const atl_train_options *o = &t->options;
    return (atl_adam_options){ .lr = (float)(which == ATL_TRAIN_G ? o->glr : o->dlr),
                               .beta1 = 0.9f,
                               .beta2 = 0.99f,
                               .eps = 1e-8f,
                               .decay = (float)o->weight_decay };
}

const atl_recipe atl_recipe_vit_vqgan = {
    .family = "vit-vqgan",
    .loss = "logistic",
    .networks = networks,
    .frozen = frozen,
    .schedule = atl_gan_rates,
    .close = atl_remade_close,
    .optimiser = optimiser,
    .lacks = atl_remade_lacks,
    .decays = decays,
    .aug = ATL_AUG_NONE,
    .reconstructs = true,
    .patches = true,
    .layers = 8, // the small one
    .channel_max = 8192,
    .weight_decay = 1e-4,
    .perceptual_weight = 0.1,
    .disc_weight = 0.1,
    .phases = PHASES,
    .n_phases = sizeof PHASES / sizeof *PHASES,
};
