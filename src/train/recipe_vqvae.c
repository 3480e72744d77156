// SPDX-License-Identifier: Apache-2.0
// How VQ-VAE (van den Oord et al. 2017) and VQ-VAE-2 (Razavi et al. 2019) are trained: pictures are made again
// of their codes, and nothing judges them.
//
//   Gmain   the mean of (x - x')^2, how far vectors are from their codes' (commitment), and where the codebook
//           is trained how far codes are from vectors; else it follows running means
//
// Each process sees pictures of its own; what its codes stood for is added up before a codebook follows it.
#include <string.h>

#include "io/json.h"
#include "train/draw.h"
#include "train/gan.h"
#include "train/loss.h"
#include "train/remade.h"

static const float COMMITMENT = 0.25f; // both papers'

static bool averages(const atl_train_options *o) {
    return !strcmp(o->codebook, "ema");
}

static bool is_second(const atl_trainer *t) {
    return t->recipe == &atl_recipe_vqvae2;
}

// ---- the loss

// VQ-VAE's pictures go from 0 to 1, so that squares are a quarter of ours.
static float share_of_squares(const atl_phase_builder *b) {
    return strcmp(b->setup->networks[ATL_TRAIN_G]->row->kind, "vqvae") ? 1.0f : 0.25f;
}

static atl_node *g_main(atl_phase_builder *b) {
    atl_graph *g = b->g;
    atl_call call = { .n = b->n };
    atl_node *real = atl_draw_real(b, "real");
    atl_call_bind(g, &call, "img", real);
    atl_network_call(b->setup->networks[ATL_TRAIN_G], "autoencode", &b->nets[ATL_TRAIN_G], &call);
    atl_node *img = atl_call_result(g, &call, "img"), *codebook = atl_call_result(g, &call, "codebook");
    atl_node *far = atl_call_result(g, &call, "commitment");
    if (img->op == ATL_OP_POISON || far->op == ATL_OP_POISON || codebook->op == ATL_OP_POISON)
        return &g->poison;
    atl_node *distance =
        atl_scale(g, atl_loss_mean(g, atl_square(g, atl_sub(g, img, real))), share_of_squares(b));
    atl_node *codes = atl_scale(g, atl_loss_mean(g, far), COMMITMENT);
    if (!averages(b->o))
        codes = atl_add(g, codes, atl_loss_mean(g, codebook));
    atl_phase_report(b, "Loss/G/distance", distance, ATL_REPORT_MEAN);
    atl_phase_report(b, "Loss/G/codes", codes, ATL_REPORT_MEAN);
    return atl_add(g, distance, codes);
}

// ---- several processes

static atl_status agree(atl_trainer *t, const atl_phase *p) {
    (void)p;
    if (t->state.ranks == 1 || !averages(&t->options))
        return ATL_OK;
    if (!is_second(t))
        return atl_remade_follow(t, "embedding", "weight", false);
    ATL_TRY(atl_remade_follow(t, "quantize_t", "embed", true));
    return atl_remade_follow(t, "quantize_b", "embed", true);
}

static const atl_phase_row PHASES[] = {
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .loss = g_main,
      .agree = agree,
      .norm = "Gradient/G" },
};

// ---- networks

static atl_status refuse(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (t->like.map_depth) // of a file of another family
        t->options.map_depth = 0;
    const char *given = o->map_depth                  ? "map-depth"
                        : o->style_mixing_prob > 0.0  ? "style-mixing-prob"
                        : o->pl_weight > 0.0          ? "pl-weight"
                        : o->gamma > 0.0              ? "gamma"
                        : o->r2_gamma > 0.0           ? "r2-gamma"
                        : o->freezed                  ? "freezed"
                        : o->mbstd_group > 1          ? "mbstd-group"
                        : o->dlr > 0.0                ? "dlr"
                        : o->cond                     ? "cond"
                        : o->aug != ATL_AUG_NONE      ? "aug"
                        : strcmp(o->loss, "logistic") ? "loss"
                                                      : NULL;
    if (given)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg %s have none of it; leave it out", given,
                        o->cfg);
    if (!strcmp(o->codebook, "gumbel") || (is_second(t) && !averages(o)))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "codebook %s: that of cfg %s moves by %s", o->codebook, o->cfg,
                        is_second(t) ? "running means alone (ema)" : "its loss or running means (loss, ema)");
    ATL_TRY(atl_remade_check_restart(t));
    return atl_gan_no_architecture(t, o->cfg, true);
}

static atl_status networks(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    ATL_TRY(refuse(t));
    const atl_model_row *row = atl_model_row_for(t->recipe->family, "autoencoder");
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    init.cfg = t->recipe->family;
    init.resolution = t->set.width;
    init.img_channels = t->set.channels;
    init.channel_base = o->channel_base;
    init.channel_max = o->channel_max;
    ATL_TRY(row->init(t->ctx, &init, &json));
    atl_json_set(&b, json, "ema", json_boolean(averages(o)));
    atl_json_set(&b, json, "restart", json_real(o->restart));
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    return atl_network_make(t->ctx, row, "G", json, o->seed, &t->g);
}

static const atl_adam_options ADAM = { .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f };

#define RECIPE(name, moves)                                                                                  \
    {                                                                                                        \
        .family = name, .loss = "logistic", .codebook = moves, .networks = networks,                         \
        .smooths_buffers = true, .aug = ATL_AUG_NONE, .reconstructs = true, .adam = &ADAM, .phases = PHASES, \
        .n_phases = sizeof PHASES / sizeof *PHASES,                                                          \
    }

const atl_recipe atl_recipe_vqvae = RECIPE("vqvae", "loss"), atl_recipe_vqvae2 = RECIPE("vqvae2", "ema");
