// SPDX-License-Identifier: Apache-2.0
// How StyleGAN2 is trained (Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" and
// "Training generative adversarial networks with limited data"): four phases, each with fresh latents.
//
//   Gmain   loss of G on D(augment(G(z)))               every step
//   Greg    path length regularisation                   every 4th
//   Dmain   loss of D on generated and real pictures     every step
//   Dreg    R1 (and R2) through the augmentation         every 16th
#include <string.h>

#include "base/philox.h"
#include "graph/resident.h"
#include "io/json.h"
#include "train/draw.h"
#include "train/loss.h"
#include "train/recipe.h"
#include "train/trainer.h"

static const float PL_DECAY = 0.01f;    // Karras et al. 2020, appendix B
static const double W_AVG_BETA = 0.995; // of the average of w in training
enum { ADA_INTERVAL = 4 };              // steps from one change of the augmentation's strength to the next

// ---- the generator

static atl_node *repeated(atl_graph *g, atl_node *w, int64_t num_ws) { // [n, w_dim] -> [n, num_ws, w_dim]
    int64_t n = w->shape.d[0], w_dim = w->shape.d[1];
    return atl_expand(g, atl_reshape(g, w, ATL_SHAPE(n, 1, w_dim)), ATL_SHAPE(n, num_ws, w_dim));
}

static const atl_network *generator(const atl_phase_builder *b) {
    return b->setup->networks[ATL_TRAIN_G];
}

static atl_node *mapped(atl_phase_builder *b, const char *name, atl_node *c) {
    atl_node *z = atl_draw_normal(b, name, ATL_SHAPE(b->n, generator(b)->dims.z_dim));
    return ATL_APPLY(&b->nets[ATL_TRAIN_G], generator(b), "map", "w", { "z", z }, { "c", c });
}

// One cutoff for the whole batch, from 1 to num_ws - 1 with equal probability; else none is mixed.
static void write_mix(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    int64_t layers = d->input->shape.d[1], cutoff = layers;
    float u[2];
    atl_philox_uniform(run->seed, atl_draw_stream(run, d), 0, 2, u);
    if (u[0] < (float)run->trainer->options.style_mixing_prob)
        cutoff = 1 + (int64_t)(u[1] * (float)(layers - 1));
    for (int64_t k = 0; k < layers; k++)
        room[k] = k >= cutoff ? 1.0f : 0.0f;
    atl_plan_write(plan, d->input, room);
}

// w of all layers, with those above a random one taken from a second z (Karras et al. 2019, section 3.1).
static atl_node *styles(atl_phase_builder *b, atl_node *c) {
    const atl_model_dims *d = &generator(b)->dims;
    atl_node *w = mapped(b, "z", c), *ws = repeated(b->g, w, d->num_ws);
    b->phase->sum = atl_reshape(b->g, atl_sum(b->g, w, 1u), ATL_SHAPE(d->w_dim));
    if (!(b->o->style_mixing_prob > 0.0) || d->num_ws < 2)
        return ws;
    atl_node *other = repeated(b->g, mapped(b, "z_mix", c), d->num_ws);
    atl_node *mix = atl_draw_with(b, "mix", ATL_SHAPE(1, d->num_ws, 1), write_mix, NULL);
    return atl_add(b->g, ws, atl_mul(b->g, atl_sub(b->g, other, ws), atl_expand(b->g, mix, ws->shape)));
}

static atl_node *synthesized(atl_phase_builder *b, atl_node *ws) { // [n, h, w, c], with noise drawn anew
    atl_call call = { .n = b->n, .noise = ATL_NOISE_RANDOM };
    atl_call_bind(b->g, &call, "ws", ws);
    atl_network_call(generator(b), "synthesize", &b->nets[ATL_TRAIN_G], &call);
    atl_draw_asked(b, &call);
    return atl_call_result(b->g, &call, "img");
}

// The average of w follows every batch that the mapping network has seen.
static void follow_w(atl_trainer *t, const float *sum, double samples) {
    const atl_network *g = &t->g;
    const char *name = g->row->average;
    const atl_param *p = name ? atl_params_find(&g->params, name) : NULL;
    float *average = p && p->count == (size_t)g->dims.w_dim ? atl_param_data(&g->params, p) : NULL;
    if (!average)
        return;
    atl_resident_fetch(t->backend, average, p->count);
    for (int i = 0; i < g->dims.w_dim; i++) {
        double w = (double)sum[i] / samples;
        average[i] = (float)(w + ((double)average[i] - w) * W_AVG_BETA);
    }
    atl_resident_push(t->backend, average, p->count);
}

// ---- the discriminator

static atl_node *judged(atl_phase_builder *b, atl_node *img, atl_node *c) { // [n, 1]
    return ATL_APPLY(&b->nets[ATL_TRAIN_D], b->setup->networks[ATL_TRAIN_D], "discriminate", "logits",
                     { "img", atl_draw_augmented(b, img) }, { "c", c });
}

static void report_scores(atl_phase_builder *b, const char *scores, const char *signs, atl_node *node) {
    atl_phase_report(b, scores, node, ATL_REPORT_VALUES);
    atl_phase_report(b, signs, node, ATL_REPORT_SIGNS);
}

// ---- the four losses

static atl_node *g_loss(atl_phase_builder *b, atl_node *f) {
    switch (atl_train_loss(b->o->loss)) {
    case ATL_GAN_LOGISTIC_SATURATING: return atl_loss_g_logistic_saturating(b->g, f);
    case ATL_GAN_WGAN:
    case ATL_GAN_WGAN_GP:
    case ATL_GAN_HINGE: return atl_loss_g_wgan(b->g, f);
    default: return atl_loss_g_logistic(b->g, f);
    }
}

static atl_node *g_main(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c");
    atl_node *f = judged(b, synthesized(b, styles(b, c)), c), *loss = g_loss(b, f);
    report_scores(b, "Loss/scores/fake", "Loss/signs/fake", f);
    atl_phase_report(b, "Loss/G/loss", loss, ATL_REPORT_MEAN);
    return loss;
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
    atl_node *ws = styles(b, atl_draw_label(b, "c")), *img = synthesized(b, ws), *penalties;
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

// Of pictures between generated and real ones (Gulrajani et al. 2017).
static atl_node *mixed_penalty(atl_phase_builder *b, atl_node *real, atl_node *fake, atl_node *c) {
    atl_node *between = atl_draw_uniform(b, "between", ATL_SHAPE(b->n));
    atl_node *mix = atl_mix_images(b->g, real, fake, between);
    return atl_loss_gradient_penalty(b->g, judged(b, mix, c), mix, 10.0f);
}

static atl_node *d_loss(atl_phase_builder *b, atl_node *f, atl_node *r) {
    switch (atl_train_loss(b->o->loss)) {
    case ATL_GAN_WGAN:
    case ATL_GAN_WGAN_GP: return atl_loss_d_wgan(b->g, f, r, 0.001f);
    case ATL_GAN_HINGE: return atl_loss_d_hinge(b->g, f, r);
    default: return atl_loss_d_logistic(b->g, f, r);
    }
}

static atl_node *d_main(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c"), *fake = synthesized(b, styles(b, c)), *f = judged(b, fake, c);
    atl_node *real = atl_draw_real(b, "real"), *real_c = atl_draw_real_label(b, "real_c");
    atl_node *r = judged(b, real, real_c), *loss = d_loss(b, f, r);
    if (atl_train_loss(b->o->loss) == ATL_GAN_WGAN_GP)
        loss = atl_add(b->g, loss, mixed_penalty(b, real, fake, real_c));
    report_scores(b, "Loss/scores/real", "Loss/signs/real", r);
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return loss;
}

static atl_node *r1(atl_phase_builder *b) {
    atl_node *real = atl_draw_real(b, "real"), *penalties;
    atl_node *r = judged(b, real, atl_draw_real_label(b, "real_c"));
    atl_node *loss = atl_loss_r1_r2(b->g, r, real, (float)b->o->gamma, &penalties);
    atl_phase_report(b, "Loss/r1_penalty", penalties, ATL_REPORT_VALUES);
    return loss;
}

static atl_node *r2(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c"), *fake = synthesized(b, styles(b, c));
    return atl_loss_r1_r2(b->g, judged(b, fake, c), fake, (float)b->o->r2_gamma, NULL);
}

static atl_node *d_reg(atl_phase_builder *b) {
    atl_node *loss = b->o->gamma > 0.0 ? r1(b) : NULL;
    if (b->o->r2_gamma > 0.0)
        loss = loss ? atl_add(b->g, loss, r2(b)) : r2(b);
    atl_phase_report(b, "Loss/D/reg", loss, ATL_REPORT_MEAN);
    return loss;
}

static bool wants_g_reg(const atl_train_options *o) {
    return o->pl_weight > 0.0;
}

static bool wants_d_reg(const atl_train_options *o) {
    return o->gamma > 0.0 || o->r2_gamma > 0.0;
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = g_main,
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
      .loss = d_main,
      .follow = follow_w,
      .norm = "Gradient/D" },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = wants_d_reg,
      .loss = d_reg,
      .follow = follow_w },
};

// ---- besides the phases

static atl_status networks(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    const atl_model_row *g = atl_model_row_for("stylegan2", "generator"),
                        *d = atl_model_row_for("stylegan2", "discriminator");
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    init.resolution = t->set.width;
    init.channel_base = o->channel_base;
    init.channel_max = o->channel_max;
    init.c_dim = t->set.label_size;
    init.img_channels = t->set.channels;
    init.map_depth = o->map_depth;
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    // numbers are a function of seed and name: the same names don't occur in both networks
    ATL_TRY(g->init(t->ctx, &init, &json));
    atl_json_set(&b, json_object_get(json, "mapping"), "w_avg_beta", json_real(W_AVG_BETA));
    atl_train_like_generator(&t->like, &b, json);
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    ATL_TRY(atl_network_make(t->ctx, g, "G", json, o->seed, &t->g));
    ATL_TRY(d->init(t->ctx, &init, &json));
    atl_json_set(&b, json, "mbstd_group_size", json_integer(o->mbstd_group));
    if (!strcmp(o->cfg, "cifar"))
        atl_json_set(&b, json, "architecture", json_string("orig"));
    atl_train_like_discriminator(&t->like, &b, json);
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, d, "D", json, o->seed, &t->d);
}

// The first layers of D, counted from the picture on (Mo et al. 2020, "Freeze the discriminator").  The last
// block never belongs to them.
static bool frozen(const atl_train_options *o, atl_train_net which, const atl_network *network,
                   const char *name) {
    int depth =
        which == ATL_TRAIN_D && network->row->depth_of ? network->row->depth_of(&network->params, name) : -1;
    return depth >= 0 && depth < o->freezed;
}

static void adapt(atl_trainer *t, const atl_train_sum *signs) {
    t->sign_sum += signs->sum;
    t->sign_count += signs->count;
    if (t->options.aug != ATL_AUG_ADA || t->state.iteration % ADA_INTERVAL || t->sign_count <= 0.0)
        return;
    bool bounded;
    t->state.augment_p =
        (double)atl_augment_adapt((float)t->state.augment_p, t->sign_sum / t->sign_count, t->options.target,
                                  (double)t->options.batch * ADA_INTERVAL, t->options.ada_kimg, &bounded);
    t->state.augment_bounded = bounded;
    t->sign_sum = t->sign_count = 0.0;
}

static void after(atl_trainer *t) {
    atl_train_sum lengths = atl_trainer_step_stat(t, "Loss/pl_length"),
                  signs = atl_trainer_step_stat(t, "Loss/signs/real");
    if (lengths.count > 0.0)
        t->state.pl_mean += (lengths.sum / lengths.count - t->state.pl_mean) * (double)PL_DECAY;
    adapt(t, &signs);
}

const atl_recipe atl_recipe_stylegan2 = {
    .family = "stylegan2",
    .networks = networks,
    .frozen = frozen,
    .after = after,
    .phases = PHASES,
    .n_phases = sizeof PHASES / sizeof *PHASES,
};
