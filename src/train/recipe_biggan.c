// SPDX-License-Identifier: Apache-2.0
// How SAGAN (Zhang et al. 2019), BigGAN and BigGAN-deep (Brock et al. 2019) are trained, with the settings of
// BigGAN's PyTorch form: hinge loss, D before G, each with fresh latents.
//
//   Dmain   loss of D on generated and real pictures     every step
//   Dreg    R1 (and R2), where it is asked for           every 16th
//   Gmain   loss of G                                    every step, or in the last of `d-steps`
//
// All weights are divided by their spectral norm, and G has batch norms: what layers keep of a run moves with
// every one, of both networks, also where the other one is trained.  The average of G has averages of these,
// too.
#include <string.h>

#include "io/json.h"
#include "nn/first.h"
#include "train/fields.h"
#include "train/gan.h"

// ---- losses

// W of a parameter [out, ...] as a matrix, and the sum of squares off the diagonal of W W^T.  That of all of
// it is the same for W^T W, which is smaller where W is tall.
static atl_node *off_diagonal(atl_graph *g, atl_node *w) {
    if (w->op == ATL_OP_POISON)
        return w;
    int64_t out = w->shape.d[0], k = atl_shape_count(&w->shape) / out;
    w = atl_reshape(g, w, ATL_SHAPE(out, k));
    atl_node *gram = atl_matmul(g, w, w, out > k, out <= k);
    atl_node *all = atl_sum(g, atl_square(g, gram), 3u);
    atl_node *diagonal = atl_sum(g, atl_square(g, atl_sum(g, atl_square(g, w), 2u)), 3u);
    return atl_reshape(g, atl_sub(g, all, diagonal), ATL_SHAPE(1));
}

// ortho / 2 |W W^T off the diagonal|^2 over all weights but the table of classes (Brock et al. 2019, equation
// 3).
static atl_node *orthogonal(atl_phase_builder *b) {
    const atl_net *net = &b->nets[ATL_TRAIN_G];
    const atl_params *params = &b->setup->networks[ATL_TRAIN_G]->params;
    atl_node *sum = atl_fill(b->g, ATL_SHAPE(1), 0.0f);
    for (size_t i = 0; net->nodes && i < params->size; i++) {
        const atl_param *p = &params->list[i];
        if (net->nodes[i] && !p->buffer && p->rank >= 2 && strcmp(p->name, "shared.weight") != 0)
            sum = atl_add(b->g, sum, off_diagonal(b->g, net->nodes[i]));
    }
    return atl_scale(b->g, sum, 0.5f * (float)b->o->ortho);
}

static atl_node *g_main(atl_phase_builder *b) {
    atl_node *loss = atl_gan_g_main(b);
    if (!(b->o->ortho > 0.0))
        return loss;
    atl_node *penalty = orthogonal(b);
    atl_phase_report(b, "Loss/G/ortho", penalty, ATL_REPORT_MEAN);
    return atl_add(b->g, loss, penalty);
}

// In the order of a step.  A row's place is part of its random numbers.
static const atl_phase_row PHASES[] = {
    { .name = "Dmain",
      .trained = ATL_TRAIN_D,
      .interval = 1,
      .shrink = 1,
      .loss = atl_gan_d_main,
      .norm = "Gradient/D" },
    { .name = "Dreg",
      .trained = ATL_TRAIN_D,
      .interval = 16,
      .shrink = 1,
      .wanted = atl_gan_wants_d_reg,
      .loss = atl_gan_d_reg },
    { .name = "Gmain",
      .trained = ATL_TRAIN_G,
      .interval = 1,
      .shrink = 1,
      .waits = true,
      .loss = g_main,
      .norm = "Gradient/G" },
};
enum { N_PHASES = sizeof PHASES / sizeof *PHASES };

// ---- networks

// Options that speak of what these networks don't have.
static atl_status refuse(atl_trainer *t) {
    const atl_train_options *o = &t->options;
    if (t->like.map_depth) // of a file of another family
        t->options.map_depth = 0;
    const char *given = o->map_depth                 ? "map-depth"
                        : o->style_mixing_prob > 0.0 ? "style-mixing-prob"
                        : o->pl_weight > 0.0         ? "pl-weight"
                        : o->freezed                 ? "freezed"
                        : o->mbstd_group > 1         ? "mbstd-group"
                                                     : NULL;
    if (given)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: networks of cfg %s have none of it; leave it out",
                        given, o->cfg);
    return atl_gan_no_architecture(t, o->cfg, true);
}

static atl_first first_of(const char *word) { // in the order of the options' words
    return (atl_first)atl_train_field_index(atl_train_field_find("g-init"), word);
}

// A network of a row's first config, for the classes of the set or without any.
static atl_status make(atl_trainer *t, const char *role, const char *name, const char *first, atl_network *to) {
    const atl_model_row *row = atl_model_row_for("biggan", role);
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_json b = { .ctx = t->ctx };
    json_t *json;
    init.cfg = t->options.cfg;
    init.resolution = t->set.width;
    init.img_channels = t->set.channels;
    init.channel_base = t->options.channel_base;
    init.c_dim = t->set.label_size;
    ATL_TRY(row->init(t->ctx, &init, &json));
    if (!t->set.label_size) {
        atl_json_set(&b, json, "c_dim", json_integer(0));
        if (json_object_get(json, "shared_dim"))
            atl_json_set(&b, json, "shared_dim", json_integer(0));
    }
    ATL_TRY(atl_json_end(&b, json, "a network's config", &json));
    ATL_TRY(atl_network_make(t->ctx, row, name, json, t->options.seed, to));
    return atl_params_first(&to->params, first_of(first));
}

static atl_status networks(atl_trainer *t) {
    ATL_TRY(refuse(t));
    ATL_TRY(make(t, "generator", "G", t->options.g_init, &t->g));
    return make(t, "discriminator", "D", t->options.d_init, &t->d);
}

// ---- the three

static const atl_adam_options SAGAN_ADAM = { .beta1 = 0.0f, .beta2 = 0.999f, .eps = 1e-8f };
static const atl_adam_options BIGGAN_ADAM = { .beta1 = 0.0f, .beta2 = 0.999f, .eps = 1e-6f };

#define RECIPE(name, optimiser, start, weights)                                                              \
    {                                                                                                        \
        .family = name, .loss = "hinge", .networks = networks, .after = atl_gan_adapt,                       \
        .smoothing = 0.9999f, /* BigGAN's ema_decay */                                                       \
            .smooths_buffers = true, .ema_start = start, .aug = ATL_AUG_NONE, .norms = true,                 \
        .orthogonal = true, .first = weights, .adam = optimiser, .phases = PHASES, .n_phases = N_PHASES      \
    }

const atl_recipe atl_recipe_sagan = RECIPE("sagan", &SAGAN_ADAM, 2000, "xavier");
const atl_recipe atl_recipe_biggan = RECIPE("biggan", &BIGGAN_ADAM, 20000, "ortho");
const atl_recipe atl_recipe_biggan_deep = RECIPE("biggan-deep", &BIGGAN_ADAM, 20000, "ortho");
