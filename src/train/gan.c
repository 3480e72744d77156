// SPDX-License-Identifier: Apache-2.0
// What the recipes of the StyleGAN line have in common; see gan.h.
#include "train/gan.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "graph/resident.h"
#include "io/json.h"
#include "train/draw.h"
#include "train/loss.h"

enum { ADA_INTERVAL = 4 };            // steps from one change of the augmentation's strength to the next
static const double BLUR_REACH = 3.0; // in sigma, beyond which a blur has no taps

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

// One cutoff for the whole batch, from 1 to the last layer that takes part with equal probability; else none
// is mixed.
static void write_mix(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    int64_t layers = d->input->shape.d[1], cutoff = layers;
    int64_t there = layers - 2 * (int64_t)run->trainer->stage.lod; // that take part: two to a resolution
    float u[2];
    atl_philox_uniform(run->seed, atl_draw_stream(run, d), 0, 2, u);
    if (u[0] < (float)run->trainer->options.style_mixing_prob)
        cutoff = 1 + (int64_t)(u[1] * (float)(there - 1));
    for (int64_t k = 0; k < layers; k++)
        room[k] = k >= cutoff ? 1.0f : 0.0f;
    atl_plan_write(plan, d->input, room);
}

// w of all layers, with those above a random one taken from a second z (Karras et al. 2019, section 3.1).
atl_node *atl_gan_styles(atl_phase_builder *b, atl_node *c) {
    const atl_model_dims *d = &generator(b)->dims;
    atl_node *w = mapped(b, "z", c), *ws = repeated(b->g, w, d->num_ws);
    if (b->phase->row->follow)
        b->phase->sum = atl_reshape(b->g, atl_sum(b->g, w, 1u), ATL_SHAPE(d->w_dim));
    if (!(b->o->style_mixing_prob > 0.0) || d->num_ws < 2)
        return ws;
    atl_node *other = repeated(b->g, mapped(b, "z_mix", c), d->num_ws);
    atl_node *mix = atl_draw_with(b, "mix", ATL_SHAPE(1, d->num_ws, 1), write_mix, NULL);
    return atl_add(b->g, ws, atl_mul(b->g, atl_sub(b->g, other, ws), atl_expand(b->g, mix, ws->shape)));
}

// The sums over samples of the means [n] that synthesis gave, behind those of w.
static void keep_means(atl_phase_builder *b, const atl_call *call) {
    atl_node *parts[ATL_PORTS + 1] = { b->phase->sum };
    int count = 1;
    for (int i = 0; i < call->n_out; i++)
        if (call->out[i].mean)
            parts[count++] = atl_reshape(b->g, atl_sum(b->g, call->out[i].node, 1u), ATL_SHAPE(1));
    if (b->phase->sum && count > 1)
        b->phase->sum = atl_concat(b->g, parts, count, 0);
}

atl_node *atl_gan_synthesized(atl_phase_builder *b, atl_node *ws) {
    atl_call call = { .n = b->n, .noise = ATL_NOISE_RANDOM, .means = b->phase->sum != NULL };
    atl_call_bind(b->g, &call, "ws", ws);
    atl_network_call(generator(b), "synthesize", &b->nets[ATL_TRAIN_G], &call);
    atl_draw_asked(b, &call);
    keep_means(b, &call);
    return atl_call_result(b->g, &call, "img");
}

void atl_gan_follow(atl_trainer *t, const atl_param *p, const float *sum, double samples, double beta) {
    float *average = atl_param_data(&t->g.params, p);
    atl_resident_fetch(t->backend, average, p->count);
    for (size_t i = 0; i < p->count; i++) {
        double mean = (double)sum[i] / samples;
        average[i] = (float)(mean + ((double)average[i] - mean) * beta);
    }
    atl_resident_push(t->backend, average, p->count);
}

void atl_gan_follow_w(atl_trainer *t, const float *sum, double samples, double beta) {
    const char *name = t->g.row->average;
    const atl_param *p = name ? atl_params_find(&t->g.params, name) : NULL;
    if (p && p->count == (size_t)t->g.dims.w_dim)
        atl_gan_follow(t, p, sum, samples, beta);
}

// ---- the discriminator

// sigma falls from its first value to 0 in a straight line; a weight is 2^-(t / sigma)^2, base 2 without a
// half (Karras et al. 2021, appendix F.2, says which; the blur keeps D of configuration R from fine detail at
// first). What is narrower than a pixel is no blur at all.
static void write_blur(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_train_options *o = &run->trainer->options;
    int64_t n = d->input->shape.d[0], taps = d->input->shape.d[1], middle = taps / 2;
    double left = 1.0 - (double)run->trainer->state.images / (o->blur_fade_kimg * 1000.0), total = 0.0;
    double sigma = left > 0.0 ? o->blur_init_sigma * left : 0.0;
    int64_t radius = (int64_t)(BLUR_REACH * sigma);
    for (int64_t k = 0; k < taps; k++) {
        int64_t at = k - middle;
        bool within = at <= radius && -at <= radius;
        room[k] = !within ? 0.0f : at ? (float)exp2(-((double)at / sigma) * ((double)at / sigma)) : 1.0f;
        total += (double)room[k];
    }
    for (int64_t k = 0; k < n * taps; k++)
        room[k] = k < taps ? (float)((double)room[k] / total) : room[k - taps];
    atl_plan_write(plan, d->input, room);
}

// img behind a blur, with zeros around it.
static atl_node *blurred(atl_phase_builder *b, atl_node *img) {
    int64_t middle = (int64_t)(BLUR_REACH * b->o->blur_init_sigma);
    if (middle < 1 || img->op == ATL_OP_POISON)
        return img;
    const atl_draw *known = atl_draw_find(b->phase, "blur");
    atl_node *f =
        known ? known->input : atl_draw_with(b, "blur", ATL_SHAPE(b->n, 2 * middle + 1), write_blur, NULL);
    int64_t h = img->shape.d[1], w = img->shape.d[2], begin[] = { 0, middle, middle, 0 };
    atl_shape wide = ATL_SHAPE(b->n, h + 2 * middle, w + 2 * middle, img->shape.d[3]);
    return atl_slice(b->g, atl_sepfir(b->g, atl_pad(b->g, img, begin, wide), f), begin, img->shape);
}

atl_node *atl_gan_judged(atl_phase_builder *b, atl_node *img, atl_node *c) {
    const atl_network *d = b->setup->networks[ATL_TRAIN_D];
    atl_call call = { .n = b->n };
    img = atl_draw_augmented(b, blurred(b, img));
    if (img->op == ATL_OP_POISON || (c && c->op == ATL_OP_POISON))
        return img->op == ATL_OP_POISON ? img : c;
    atl_call_bind(b->g, &call, "img", img);
    if (c && d->dims.c_dim)
        atl_call_bind(b->g, &call, "c", c);
    atl_network_call(d, "discriminate", &b->nets[ATL_TRAIN_D], &call);
    atl_draw_asked(b, &call);
    return atl_call_result(b->g, &call, "logits");
}

// ---- auxiliary classification, where D gives class logits behind its score

static bool classifies(const atl_phase_builder *b) {
    return b->setup->networks[ATL_TRAIN_D]->dims.num_logits > 1;
}

atl_node *atl_gan_score(atl_phase_builder *b, atl_node *logits) {
    return classifies(b) ? atl_slice_axis(b->g, logits, 1, 0, 1) : logits;
}

atl_node *atl_gan_with_labels(atl_phase_builder *b, atl_node *loss, atl_node *logits, atl_node *c,
                              const char *stat) {
    if (!classifies(b))
        return loss;
    int labels = b->setup->networks[ATL_TRAIN_D]->dims.num_logits - 1;
    atl_node *each = atl_loss_labels(b->g, atl_slice_axis(b->g, logits, 1, 1, labels), c);
    atl_phase_report(b, stat, each, ATL_REPORT_VALUES);
    return atl_add(b->g, loss, atl_reshape(b->g, atl_mean(b->g, each, 1u), ATL_SHAPE(1)));
}

static void report_scores(atl_phase_builder *b, const char *scores, const char *signs, atl_node *node) {
    atl_phase_report(b, scores, node, ATL_REPORT_VALUES);
    atl_phase_report(b, signs, node, ATL_REPORT_SIGNS);
}

void atl_gan_report_real(atl_phase_builder *b, atl_node *r) {
    report_scores(b, "Loss/scores/real", "Loss/signs/real", r);
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

atl_node *atl_gan_g_main(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c");
    atl_node *logits = atl_gan_judged(b, atl_gan_synthesized(b, atl_gan_styles(b, c)), c);
    atl_node *f = atl_gan_score(b, logits), *loss = g_loss(b, f);
    report_scores(b, "Loss/scores/fake", "Loss/signs/fake", f);
    loss = atl_gan_with_labels(b, loss, logits, c, "Loss/labels/G");
    atl_phase_report(b, "Loss/G/loss", loss, ATL_REPORT_MEAN);
    return loss;
}

// Of pictures between generated and real ones (Gulrajani et al. 2017).
atl_node *atl_gan_mixed_penalty(atl_phase_builder *b, atl_node *real, atl_node *fake, atl_node *c) {
    atl_node *between = atl_draw_uniform(b, "between", ATL_SHAPE(b->n));
    atl_node *mix = atl_mix_images(b->g, real, fake, between), *lengths;
    atl_node *scores = atl_gan_score(b, atl_gan_judged(b, mix, c));
    atl_node *loss = atl_loss_gradient_penalty(b->g, scores, mix, 10.0f, &lengths);
    atl_phase_report(b, "Loss/gradient_length", lengths, ATL_REPORT_VALUES);
    return loss;
}

atl_node *atl_gan_d_loss(atl_phase_builder *b, atl_node *f, atl_node *r) {
    switch (atl_train_loss(b->o->loss)) {
    case ATL_GAN_WGAN:
    case ATL_GAN_WGAN_GP: return atl_loss_d_wgan(b->g, f, r, 0.001f);
    case ATL_GAN_HINGE: return atl_loss_d_hinge(b->g, f, r);
    default: return atl_loss_d_logistic(b->g, f, r);
    }
}

atl_node *atl_gan_d_main(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c"), *fake = atl_gan_synthesized(b, atl_gan_styles(b, c));
    atl_node *of_fake = atl_gan_judged(b, fake, c);
    atl_node *real = atl_draw_real(b, "real"), *real_c = atl_draw_real_label(b, "real_c");
    atl_node *of_real = atl_gan_judged(b, real, real_c), *r = atl_gan_score(b, of_real);
    atl_node *loss = atl_gan_d_loss(b, atl_gan_score(b, of_fake), r);
    if (atl_train_loss(b->o->loss) == ATL_GAN_WGAN_GP)
        loss = atl_add(b->g, loss, atl_gan_mixed_penalty(b, real, fake, real_c));
    atl_gan_report_real(b, r);
    loss = atl_gan_with_labels(b, loss, of_real, real_c, "Loss/labels/real");
    loss = atl_gan_with_labels(b, loss, of_fake, c, "Loss/labels/fake");
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return loss;
}

static atl_node *r1(atl_phase_builder *b) {
    atl_node *real = atl_draw_real(b, "real"), *penalties;
    atl_node *r = atl_gan_score(b, atl_gan_judged(b, real, atl_draw_real_label(b, "real_c")));
    atl_node *loss = atl_loss_r1_r2(b->g, r, real, (float)b->o->gamma, &penalties);
    atl_phase_report(b, "Loss/r1_penalty", penalties, ATL_REPORT_VALUES);
    return loss;
}

static atl_node *r2(atl_phase_builder *b) {
    atl_node *c = atl_draw_label(b, "c"), *fake = atl_gan_synthesized(b, atl_gan_styles(b, c));
    atl_node *f = atl_gan_score(b, atl_gan_judged(b, fake, c));
    return atl_loss_r1_r2(b->g, f, fake, (float)b->o->r2_gamma, NULL);
}

atl_node *atl_gan_d_reg(atl_phase_builder *b) {
    atl_node *loss = b->o->gamma > 0.0 ? r1(b) : NULL;
    if (b->o->r2_gamma > 0.0)
        loss = loss ? atl_add(b->g, loss, r2(b)) : r2(b);
    atl_phase_report(b, "Loss/D/reg", loss, ATL_REPORT_MEAN);
    return loss;
}

bool atl_gan_wants_d_reg(const atl_train_options *o) {
    return o->gamma > 0.0 || o->r2_gamma > 0.0;
}

// ---- besides the phases

// Of both networks, as set and options have them.
static atl_init_options shapes(const atl_trainer *t, const atl_gan_kinds *k) {
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    int base = t->options.channel_base / (k->by_half ? 2 : 1);
    init.cfg = t->options.cfg;
    init.resolution = t->set.width;
    init.channel_base = base > 1 ? base : 1;
    init.channel_max = t->options.channel_max;
    init.c_dim = t->set.label_size;
    init.img_channels = t->set.channels;
    init.map_depth = t->options.map_depth;
    return init;
}

static bool is_chosen(const char *word) {
    return strcmp(word, "auto") != 0;
}

atl_status atl_gan_no_architecture(atl_trainer *t, const char *family, bool of_d) {
    bool g = is_chosen(t->options.g_arch);
    if (of_d && is_chosen(t->options.d_labels))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "d-labels %s: is for StyleGAN2's discriminator, and of %s there is "
                                                  "one way; leave it out",
                        t->options.d_labels, family);
    if (!g && !(of_d && is_chosen(t->options.d_arch)))
        return ATL_OK;
    return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s-arch %s: of %s there is one architecture; leave it out",
                    g ? "g" : "d", g ? t->options.g_arch : t->options.d_arch, family);
}

static atl_status make_g(atl_trainer *t, const atl_gan_kinds *k) {
    const atl_model_row *g = atl_model_row_for(k->g, "generator");
    atl_init_options init = shapes(t, k);
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    ATL_TRY(g->init(t->ctx, &init, &json));
    if (g->average)
        atl_json_set(&b, json_object_get(json, "mapping"), "w_avg_beta", json_real(k->w_avg_beta));
    atl_train_like_generator(&t->like, &b, json);
    if (is_chosen(t->options.g_arch))
        atl_json_set(&b, json, "architecture", json_string(t->options.g_arch));
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, g, "G", json, t->options.seed, &t->g);
}

// Into D's config, which its row has made for projection.
static atl_status set_labels(const atl_trainer *t, atl_json *b, json_t *json) {
    const char *how = is_chosen(t->options.d_labels) ? t->options.d_labels : t->like.d_labels;
    int labels = t->set.label_size;
    if (!labels && is_chosen(t->options.d_labels))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "d-labels %s: D is told no classes without cond", how);
    if (!labels || !how || !*how || !strcmp(how, "projection"))
        return ATL_OK;
    bool says = !strcmp(how, "acgan");
    atl_json_set(b, json, "cmap_dim", json_integer(0));
    atl_json_set(b, json, "c_dim", json_integer(says ? 0 : labels));
    atl_json_set(b, json, "label_size", json_integer(says ? labels : 0));
    atl_json_set(b, json, "select_label", json_boolean(!says));
    return ATL_OK;
}

static atl_status make_d(atl_trainer *t, const atl_gan_kinds *k) {
    const atl_model_row *d = atl_model_row_for(k->d, "discriminator");
    atl_init_options init = shapes(t, k);
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    ATL_TRY(d->init(t->ctx, &init, &json));
    atl_json_set(&b, json, "mbstd_group_size", json_integer(t->options.mbstd_group));
    if (k->d_architecture)
        atl_json_set(&b, json, "architecture", json_string(k->d_architecture));
    atl_train_like_discriminator(&t->like, &b, json);
    if (is_chosen(t->options.d_arch))
        atl_json_set(&b, json, "architecture", json_string(t->options.d_arch));
    atl_status status = set_labels(t, &b, json);
    if (status != ATL_OK) {
        json_decref(json);
        return status;
    }
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, d, "D", json, t->options.seed, &t->d);
}

atl_status atl_gan_networks(atl_trainer *t, const atl_gan_kinds *kinds) {
    // numbers are a function of seed and name: the same names don't occur in both networks
    ATL_TRY(make_g(t, kinds));
    return make_d(t, kinds);
}

bool atl_gan_frozen(const atl_train_options *o, atl_train_net which, const atl_network *network,
                    const char *name) {
    int depth =
        which == ATL_TRAIN_D && network->row->depth_of ? network->row->depth_of(&network->params, name) : -1;
    return depth >= 0 && depth < o->freezed;
}

void atl_gan_adapt(atl_trainer *t) {
    atl_train_sum signs = atl_trainer_step_stat(t, "Loss/signs/real");
    t->sign_sum += signs.sum;
    t->sign_count += signs.count;
    if (t->options.aug != ATL_AUG_ADA || t->state.iteration % ADA_INTERVAL || t->sign_count <= 0.0)
        return;
    bool bounded;
    t->state.augment_p =
        (double)atl_augment_adapt((float)t->state.augment_p, t->sign_sum / t->sign_count, t->options.target,
                                  (double)t->stage.batch * ADA_INTERVAL, t->options.ada_kimg, &bounded);
    t->state.augment_bounded = bounded;
    t->sign_sum = t->sign_count = 0.0;
}

atl_stage atl_gan_rates(const atl_trainer *t, uint64_t images) {
    const atl_train_options *o = &t->options;
    double warm = o->warmup * 1000.0, at = (double)images, end = o->kimg * 1000.0;
    atl_stage s = { .rate = 1.0 };
    if (at + o->batch < warm)
        s.rate = (at + o->batch) / warm;
    else if (!strcmp(o->rates, "cosine") && end > warm)
        s.rate = 0.5 * (1.0 + cos(3.14159265358979323846 * fmin((at - fmin(warm, at)) / (end - warm), 1.0)));
    return s;
}
