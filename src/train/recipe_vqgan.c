// SPDX-License-Identifier: Apache-2.0
// How VQ-GAN is trained (Esser et al. 2021), with the settings of its makers: for each batch a step of the
// autoencoder, then one of the discriminator of patches, on the pictures as the moved autoencoder makes them.
//
//   Gmain   |x - x'| and where there is a network for it LPIPS, codebook and commitment, and from disc-start
//   on what D says of x' Dmain   hinge loss of D on pictures and what is made of them
//
// How much D counts adapts to the two gradients at the last layer: so much that they are alike in length.
// That, and the factor of disc-start, are constants to the gradient, so the loss whose gradient is taken is
// made of what flows back to the picture: <x', dL/dx'> with the second factor held.
#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "io/json.h"
#include "train/draw.h"
#include "train/loss.h"
#include "train/remade.h"

// Weights of the published form, which in loss mode has them the other way round than the paper: its
// commitment counts 1 and its codebook 1/4.  Where the codebook is a running mean, commitment counts 1/4 (van
// den Oord et al. 2017).
static const float COMMITMENT = 1.0f, CODEBOOK = 0.25f, COMMITMENT_ALONE = 0.25f;
// Codes that are drawn begin at a temperature of 1 and are sharp at the end (Ramesh et al. 2021, appendix
// A.2).
static const float COLD = 1.0f / 16.0f, LEAST_SHARE = 1e-20f;
static const float ADAPTED_LEAST = 1e-4f, ADAPTED_MOST = 1e4f; // against a division by 0, and the largest

static bool averages(const atl_train_options *o) {
    return !strcmp(o->codebook, "ema");
}

static bool draws(const atl_train_options *o) {
    return !strcmp(o->codebook, "gumbel");
}

// Gumbel's numbers, of a uniform one each.
static void write_gumbel(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    size_t row = (size_t)(atl_shape_count(&d->input->shape) / run->n);
    for (int i = 0; i < run->n; i++)
        atl_philox_uniform(run->seed, atl_draw_stream(run, d), (run->first + (uint64_t)i * run->step) * row,
                           row, room + (size_t)i * row);
    for (size_t i = 0; i < row * (size_t)run->n; i++)
        room[i] = -logf(fmaxf(-logf(fmaxf(room[i], LEAST_SHARE)), LEAST_SHARE));
    atl_plan_write(plan, d->input, room);
}

static void write_temperature(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_trainer *t = run->trainer;
    double at = fmin((double)t->state.images / (t->options.cool_kimg * 1000.0), 1.0);
    room[0] = COLD + (1.0f - COLD) * (float)(0.5 * (1.0 + cos(3.14159265358979323846 * at)));
    atl_plan_write(plan, d->input, room);
}

// What the autoencoder asks for where codes are drawn.
static void bind_draw(atl_phase_builder *b, atl_call *call) {
    const json_t *json = b->setup->networks[ATL_TRAIN_G]->json;
    int64_t k = json_integer_value(json_object_get(json, "n_embed")),
            side = (int64_t)1 << (json_array_size(json_object_get(json, "levels")) - 1);
    const atl_model_dims *d = &b->setup->networks[ATL_TRAIN_G]->dims;
    if (!draws(b->o) || !b->nets[ATL_TRAIN_G].trains)
        return;
    atl_shape noise = ATL_SHAPE(b->n, d->height / side * (d->width / side), k);
    atl_call_bind(b->g, call, "gumbel", atl_draw_with(b, "gumbel", noise, write_gumbel, NULL));
    atl_call_bind(b->g, call, "temperature",
                  atl_draw_with(b, "temperature", ATL_SHAPE(1), write_temperature, NULL));
}

static void make_again(atl_phase_builder *b, atl_node *real, atl_call *call) {
    *call = (atl_call){ .n = b->n };
    atl_call_bind(b->g, call, "img", real);
    bind_draw(b, call);
    atl_network_call(b->setup->networks[ATL_TRAIN_G], "autoencode", &b->nets[ATL_TRAIN_G], call);
}

static atl_node *sum_of(atl_graph *g, atl_node *x) { // [1]
    unsigned all = (1u << x->shape.rank) - 1u;
    return atl_reshape(g, atl_sum(g, x, all), ATL_SHAPE(1));
}

// [n, h, w, 1] -> [n, h w]
static atl_node *judged(atl_phase_builder *b, atl_node *img) {
    atl_node *x = atl_gan_judged(b, img, NULL);
    return x->op == ATL_OP_POISON ? x
                                  : atl_reshape(b->g, x, ATL_SHAPE(b->n, atl_shape_count(&x->shape) / b->n));
}

// The length of the gradient that `back`, that of the picture, gives to the decoder's last weights; of the mean of
// all processes' where they norm together.
static atl_node *length_at_the_end(atl_phase_builder *b, atl_node *img, atl_node *back) {
    const atl_params *params = &b->setup->networks[ATL_TRAIN_G]->params;
    const atl_param *last = atl_params_find(params, "decoder.conv_out.weight");
    const atl_net *net = &b->nets[ATL_TRAIN_G];
    atl_node *w = last && net->nodes ? net->nodes[last - params->list] : NULL, *d;
    if (!w)
        return atl_graph_fail(b->g, ATL_INTERNAL, "the autoencoder has no last layer");
    atl_grad(b->g, sum_of(b->g, atl_mul(b->g, img, back)), &w, 1, &d);
    if (b->setup->processes)
        d = atl_scale(b->g, atl_across(b->g, d, b->setup->processes), (float)(1.0 / b->setup->processes->count));
    return atl_fn_of(b->g, ATL_FN_SQRT, sum_of(b->g, atl_square(b->g, d)));
}

static atl_node *gradient_at(atl_phase_builder *b, atl_node *loss, atl_node *img) {
    atl_node *d;
    atl_grad(b->g, loss, &img, 1, &d);
    return d->op == ATL_OP_POISON ? d : atl_held(b->g, d);
}

// [1]; of drawn codes how uneven their probabilities are.
static atl_node *of_codes(atl_phase_builder *b, const atl_call *call) {
    atl_graph *g = b->g;
    if (draws(b->o)) {
        atl_node *x = atl_call_result(g, call, "unevenness");
        return x->op == ATL_OP_POISON ? x : atl_scale(g, atl_loss_mean(g, x), (float)b->o->kl_weight);
    }
    atl_node *commitment = atl_call_result(g, call, "commitment"),
             *codebook = atl_call_result(g, call, "codebook");
    if (commitment->op == ATL_OP_POISON || codebook->op == ATL_OP_POISON)
        return &g->poison;
    commitment = atl_scale(g, atl_loss_mean(g, commitment), averages(b->o) ? COMMITMENT_ALONE : COMMITMENT);
    return averages(b->o) ? commitment : atl_add(g, commitment, atl_scale(g, atl_loss_mean(g, codebook), CODEBOOK));
}

// From the pictures, [1].
static atl_node *distance_of(atl_phase_builder *b, atl_node *img, atl_node *real) {
    atl_graph *g = b->g;
    atl_node *near = atl_loss_mean(g, atl_fn_of(g, ATL_FN_ABS, atl_sub(g, img, real)));
    atl_node *far = atl_remade_far(b, img, real);
    return far ? atl_add(g, near, atl_scale(g, far, (float)b->o->perceptual_weight)) : near;
}

static atl_node *g_main(atl_phase_builder *b) {
    atl_graph *g = b->g;
    atl_call call;
    atl_node *real = atl_draw_real(b, "real");
    make_again(b, real, &call);
    atl_node *img = atl_call_result(g, &call, "img"), *codes = of_codes(b, &call);
    if (img->op == ATL_OP_POISON || codes->op == ATL_OP_POISON)
        return &g->poison;
    atl_node *distance = distance_of(b, img, real);
    if (distance->op == ATL_OP_POISON)
        return distance;
    atl_node *f = judged(b, img), *against = atl_loss_g_wgan(g, f);
    atl_node *of_distance = gradient_at(b, distance, img), *of_d = gradient_at(b, against, img);
    atl_node *ratio = atl_div(g, length_at_the_end(b, img, of_distance),
                              atl_affine(g, length_at_the_end(b, img, of_d), 1.0f, ADAPTED_LEAST));
    ratio = atl_scale(g, atl_unary(g, ATL_FN_CLAMP, ratio, 0.0f, ADAPTED_MOST), (float)b->o->disc_weight);
    atl_node *counts = atl_reshape(g, atl_held(g, atl_mul(g, ratio, atl_remade_begun(b))), ATL_SHAPE(1, 1, 1, 1));
    atl_node *back = atl_add(g, of_distance, atl_mul(g, of_d, atl_expand(g, counts, of_d->shape)));
    atl_phase_report(b, "Loss/G/distance", distance, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/G/codes", codes, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/G/weight", ratio, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/scores/fake", f, ATL_REPORT_VALUES);
    atl_phase_report(b, "Loss/signs/fake", f, ATL_REPORT_SIGNS);
    return atl_add(g, sum_of(g, atl_mul(g, img, atl_held(g, back))), codes);
}

// What the autoencoder keeps of a batch it has kept of G's step.
static atl_node *d_main(atl_phase_builder *b) {
    atl_graph *g = b->g;
    atl_call call;
    atl_node *real = atl_draw_real(b, "real");
    b->nets[ATL_TRAIN_G].trains = false;
    make_again(b, real, &call);
    atl_node *img = atl_call_result(g, &call, "img");
    if (img->op == ATL_OP_POISON)
        return img;
    atl_node *r = judged(b, real), *f = judged(b, atl_held(g, img));
    atl_node *loss = atl_scale(g, atl_loss_d_hinge(g, f, r), 0.5f);
    atl_gan_report_real(b, r);
    atl_phase_report(b, "Loss/D/loss", loss, ATL_REPORT_MEAN);
    return atl_mul(g, loss, atl_remade_begun(b));
}

static atl_status agree(atl_trainer *t, const atl_phase *p) {
    (void)p;
    if (t->state.ranks == 1 || !averages(&t->options))
        return ATL_OK;
    return atl_remade_follow(t, "quantize", "embedding.weight", false);
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = g_main,
      .agree = agree,
      .norm = "Gradient/G" },
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = d_main,
      .norm = "Gradient/D" },
};

// ---- networks

static atl_status refuse(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (t->like.map_depth) // of a file of another family
        t->options.map_depth = 0;
    const char *given = o->map_depth                 ? "map-depth"
                        : o->style_mixing_prob > 0.0 ? "style-mixing-prob"
                        : o->pl_weight > 0.0         ? "pl-weight"
                        : o->gamma > 0.0             ? "gamma"
                        : o->r2_gamma > 0.0          ? "r2-gamma"
                        : o->freezed                 ? "freezed"
                        : o->mbstd_group > 1         ? "mbstd-group"
                        : o->cond                    ? "cond"
                        : strcmp(o->loss, "hinge")   ? "loss"
                                                     : NULL;
    if (given)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg vqgan have none of it; leave it out",
                        given);
    if (draws(o) && o->restart > 0.0)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "restart: codes that are drawn are kept in use by kl-weight; leave it out");
    ATL_TRY(atl_remade_check_restart(t));
    return atl_gan_no_architecture(t, "vqgan", true);
}

static atl_status make(atl_trainer *t, const char *role, const char *name, atl_network *to) {
    const atl_model_row *row = atl_model_row_for("vqgan", role);
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    init.cfg = "vqgan";
    init.resolution = t->set.width;
    init.img_channels = t->set.channels;
    init.channel_base = t->options.channel_base;
    init.channel_max = t->options.channel_max;
    ATL_TRY(row->init(t->ctx, &init, &json));
    if (to == &t->g) {
        atl_json_set(&b, json, "ema", json_boolean(averages(&t->options)));
        atl_json_set(&b, json, "restart", json_real(t->options.restart));
        atl_json_set(&b, json, "gumbel", json_boolean(draws(&t->options)));
    }
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, row, name, json, t->options.seed, to);
}

static atl_status networks(atl_trainer *t) {
    ATL_TRY(refuse(t));
    ATL_TRY(atl_remade_open(t));
    ATL_TRY(make(t, "autoencoder", "G", &t->g));
    return make(t, "discriminator", "D", &t->d);
}

static const atl_adam_options ADAM = { .beta1 = 0.5f, .beta2 = 0.9f, .eps = 1e-8f };

const atl_recipe atl_recipe_vqgan = {
    .family = "vqgan",
    .loss = "hinge",
    .networks = networks,
    .close = atl_remade_close,
    .lacks = atl_remade_lacks,
    .smooths_buffers = true,
    .aug = ATL_AUG_NONE,
    .norms = true,
    .reconstructs = true,
    .perceptual_weight = 1.0,
    .disc_weight = 0.8,
    .adam = &ADAM,
    .phases = PHASES,
    .n_phases = sizeof PHASES / sizeof *PHASES,
};
