// SPDX-License-Identifier: Apache-2.0
// Building the phases.  The order of nodes is the order of execution: forward, then backward.
#include "train/phase.h"

#include <string.h>

#include "graph/measure.h"
#include "graph/resident.h"
#include "train/loss.h"

const char *atl_phase_name(atl_phase_kind kind) {
    static const char *const names[ATL_PHASES] = { "Gmain", "Greg", "Dmain", "Dreg" };
    return names[kind];
}

typedef struct builder {
    atl_phase *p;
    const atl_phase_options *o;
    atl_graph *g;
    atl_net g_net, d_net;
} builder;

// ---- the generator

static atl_node *repeated(atl_graph *g, atl_node *w, int64_t num_ws) { // [n, w_dim] -> [n, num_ws, w_dim]
    int64_t n = w->shape.d[0], w_dim = w->shape.d[1];
    return atl_expand(g, atl_reshape(g, w, ATL_SHAPE(n, 1, w_dim)), ATL_SHAPE(n, num_ws, w_dim));
}

static atl_node *mapped(builder *b, const char *name, atl_node **z) {
    atl_phase *p = b->p;
    const atl_model_dims *d = &p->g->dims;
    *z = atl_input(b->g, name, ATL_SHAPE(p->n, d->z_dim));
    if (d->c_dim && !p->c)
        p->c = atl_input(b->g, "c", ATL_SHAPE(p->n, d->c_dim));
    return ATL_APPLY(&b->g_net, p->g, "map", "w", { "z", *z }, { "c", p->c });
}

// w of all layers, with those above a random one taken from a second z (Karras et al. 2019, section 3.1).
static atl_node *styles(builder *b) {
    atl_phase *p = b->p;
    const atl_model_dims *d = &p->g->dims;
    atl_node *w = mapped(b, "z", &p->z), *ws = repeated(b->g, w, d->num_ws);
    p->w_sum = atl_reshape(b->g, atl_sum(b->g, w, 1u), ATL_SHAPE(d->w_dim));
    if (!b->o->mixing || d->num_ws < 2)
        return ws;
    atl_node *other = repeated(b->g, mapped(b, "z_mix", &p->z_mix), d->num_ws);
    p->mix = atl_input(b->g, "mix", ATL_SHAPE(1, d->num_ws, 1));
    return atl_add(b->g, ws, atl_mul(b->g, atl_sub(b->g, other, ws), atl_expand(b->g, p->mix, ws->shape)));
}

static atl_node *generated(builder *b, atl_node *ws) {
    atl_phase *p = b->p;
    atl_call call = { .n = p->n, .noise = ATL_NOISE_RANDOM };
    atl_call_bind(b->g, &call, "ws", ws);
    atl_network_call(p->g, "synthesize", &b->g_net, &call);
    for (int i = 0; i < call.n_in; i++)
        if (call.in[i].node->op == ATL_OP_INPUT && call.in[i].node != ws && p->n_asked < ATL_PORTS)
            p->asked[p->n_asked++] = call.in[i];
    return atl_call_result(b->g, &call, "img");
}

// ---- the discriminator

static atl_node *judged(builder *b, atl_node *img, atl_node *c, atl_phase_augment *a) {
    if (b->o->augment)
        img = atl_augment_build(b->g, b->o->augment, img, &a->ada);
    if (b->o->diffaug)
        img = atl_diffaug_build(b->g, b->o->diffaug, img, &a->diff);
    return ATL_APPLY(&b->d_net, b->p->d, "discriminate", "logits", { "img", img }, { "c", c });
}

static atl_node *judged_fake(builder *b, atl_node *img) {
    return b->p->fake_scores = judged(b, img, b->p->c, &b->p->fake_augment);
}

static atl_node *judged_real(builder *b) {
    atl_phase *p = b->p;
    const atl_model_dims *d = &p->d->dims;
    p->real = atl_input(b->g, "real", ATL_SHAPE(p->n, d->height, d->width, d->channels));
    if (d->c_dim)
        p->real_c = atl_input(b->g, "real_c", ATL_SHAPE(p->n, d->c_dim));
    return p->real_scores = judged(b, p->real, p->real_c, &p->real_augment);
}

// ---- losses

static atl_node *g_main(builder *b) {
    atl_node *f = judged_fake(b, generated(b, styles(b)));
    switch (b->o->loss) {
    case ATL_GAN_LOGISTIC_SATURATING: return atl_loss_g_logistic_saturating(b->g, f);
    case ATL_GAN_WGAN:
    case ATL_GAN_WGAN_GP:
    case ATL_GAN_HINGE: return atl_loss_g_wgan(b->g, f);
    default: return atl_loss_g_logistic(b->g, f);
    }
}

static atl_node *g_reg(builder *b) {
    atl_phase *p = b->p;
    atl_node *ws = styles(b), *img = generated(b, ws);
    p->pl_noise = atl_input(b->g, "pl_noise", img->shape);
    p->pl_mean = atl_input(b->g, "pl_mean", ATL_SHAPE(1));
    return atl_loss_path_length(b->g, img, ws, p->pl_noise, p->pl_mean, b->o->pl_weight, &p->lengths);
}

static atl_node *mixed_penalty(builder *b, atl_node *fake) {
    atl_phase *p = b->p;
    p->between = atl_input(b->g, "between", ATL_SHAPE(p->n));
    atl_node *mix = atl_mix_images(b->g, p->real, fake, p->between);
    atl_node *scores = judged(b, mix, p->real_c, &p->mix_augment);
    return atl_loss_gradient_penalty(b->g, scores, mix, 10.0f);
}

static atl_node *d_main(builder *b) {
    atl_node *img = generated(b, styles(b)), *f = judged_fake(b, img), *r = judged_real(b), *loss;
    switch (b->o->loss) {
    case ATL_GAN_WGAN: return atl_loss_d_wgan(b->g, f, r, 0.001f);
    case ATL_GAN_WGAN_GP:
        loss = atl_loss_d_wgan(b->g, f, r, 0.001f);
        return atl_add(b->g, loss, mixed_penalty(b, img));
    case ATL_GAN_HINGE: return atl_loss_d_hinge(b->g, f, r);
    default: return atl_loss_d_logistic(b->g, f, r);
    }
}

static atl_node *d_reg(builder *b) {
    atl_node *loss = NULL;
    if (b->o->r1_gamma > 0.0f) {
        atl_node *r = judged_real(b);
        loss = atl_loss_r1_r2(b->g, r, b->p->real, b->o->r1_gamma, &b->p->penalties);
    }
    if (b->o->r2_gamma > 0.0f) {
        atl_node *img = generated(b, styles(b)), *f = judged_fake(b, img);
        atl_node *r2 = atl_loss_r1_r2(b->g, f, img, b->o->r2_gamma, NULL);
        loss = loss ? atl_add(b->g, loss, r2) : r2;
    }
    return loss;
}

// ---- room for the numbers of augmentations

static atl_status augment_room(const builder *b, bool built, atl_phase_augment *a) {
    if (built && b->o->augment)
        ATL_TRY(atl_augment_params_make(b->p->ctx, &a->ada, &a->ada_params));
    if (built && b->o->diffaug)
        ATL_TRY(atl_diffaug_params_make(b->p->ctx, &a->diff, &a->diff_params));
    return ATL_OK;
}

static void augment_clear(atl_phase_augment *a) {
    atl_augment_params_free(&a->ada_params);
    atl_diffaug_params_free(&a->diff_params);
}

// ---- which parameters

bool atl_layer_frozen(const atl_network *d, const char *name, int layers) {
    int depth = d->row->depth_of ? d->row->depth_of(&d->params, name) : -1;
    return depth >= 0 && depth < layers;
}

// Gradients of all parameters that the loss can reach.
static atl_status differentiate(builder *b) {
    atl_phase *p = b->p;
    const atl_net *net = p->trained == p->g ? &b->g_net : &b->d_net;
    const atl_params *params = &p->trained->params;
    atl_arena *arena = &b->g->arena;
    atl_node **targets = atl_arena_alloc(arena, params->size, sizeof *targets);
    p->which = atl_arena_alloc(arena, params->size, sizeof *p->which);
    p->grads = atl_arena_alloc(arena, params->size, sizeof *p->grads);
    if (!targets || !p->which || !p->grads)
        return ATL_NO_MEMORY;
    for (size_t i = 0; net->nodes && i < params->size; i++) {
        const atl_param *q = &params->list[i];
        if (!net->nodes[i] || q->buffer ||
            (p->trained == p->d && atl_layer_frozen(p->d, q->name, b->o->freeze_d)))
            continue;
        p->which[p->n_grads] = i;
        targets[p->n_grads++] = net->nodes[i];
    }
    atl_grad(b->g, p->loss, targets, p->n_grads, p->grads);
    return ATL_OK;
}

static atl_status plan(builder *b, atl_backend *backend) {
    atl_phase *p = b->p;
    atl_node *more[] = { p->loss, p->fake_scores, p->real_scores, p->penalties, p->lengths, p->w_sum };
    enum { MORE = sizeof more / sizeof *more };
    atl_node **outputs = atl_arena_alloc(&b->g->arena, (size_t)p->n_grads + MORE, sizeof *outputs);
    if (!outputs)
        return ATL_NO_MEMORY;
    int count = 0;
    for (int i = 0; i < p->n_grads; i++)
        if (p->grads[i]->op != ATL_OP_FILL) // the loss doesn't depend on that parameter
            outputs[count++] = p->grads[i];
        else
            p->grads[i] = NULL;
    for (int i = 0; i < MORE; i++)
        if (more[i])
            outputs[count++] = more[i];
    atl_plan_options o = { .detached = true };
    ATL_TRY(atl_plan_make(b->g, backend, outputs, count, &o, &p->plan));
    p->gflop = atl_plan_flops(p->plan) * 1e-9;
    return ATL_OK;
}

atl_status atl_phase_make(atl_ctx *ctx, atl_backend *backend, atl_phase_kind kind, atl_network *g,
                          atl_network *d, const atl_phase_options *options, atl_phase *phase) {
    static atl_node *(*const LOSS[ATL_PHASES])(builder *) = { g_main, g_reg, d_main, d_reg };
    bool generator = kind == ATL_PHASE_G_MAIN || kind == ATL_PHASE_G_REG;
    int n = options->batch;
    if (kind == ATL_PHASE_G_REG && options->pl_shrink > 1)
        n = n / options->pl_shrink > 1 ? n / options->pl_shrink : 1;
    *phase = (atl_phase){
        .ctx = ctx, .backend = backend, .kind = kind, .g = g, .d = d, .trained = generator ? g : d, .n = n
    };
    atl_graph_init(&phase->graph, ctx);
    builder b = { .p = phase, .o = options, .g = &phase->graph };
    b.g_net = atl_network_in(b.g, g, "G");
    b.d_net = atl_network_in(b.g, d, "D");
    b.g_net.varies = b.d_net.varies = true;
    phase->loss = LOSS[kind](&b);
    atl_status status = phase->loss ? differentiate(&b)
                                    : atl_fail(ctx, ATL_BAD_ARGUMENT, "%s has no loss: R1 and R2 are off",
                                               atl_phase_name(kind));
    if (status == ATL_OK)
        status = plan(&b, backend);
    if (status == ATL_OK)
        status = augment_room(&b, phase->fake_scores, &phase->fake_augment);
    if (status == ATL_OK)
        status = augment_room(&b, phase->real, &phase->real_augment);
    if (status == ATL_OK)
        status = augment_room(&b, phase->between, &phase->mix_augment);
    if (status != ATL_OK)
        atl_phase_clear(phase);
    return status;
}

void atl_phase_clear(atl_phase *phase) {
    if (!phase->ctx)
        return;
    augment_clear(&phase->fake_augment);
    augment_clear(&phase->real_augment);
    augment_clear(&phase->mix_augment);
    atl_plan_close(&phase->plan);
    atl_graph_clear(&phase->graph);
    memset(phase, 0, sizeof *phase);
}

atl_status atl_phase_run(atl_phase *p, float scale, float *sum) {
    atl_backend *b = p->backend;
    ATL_TRY(atl_plan_run(p->plan));
    for (int i = 0; i < p->n_grads; i++) {
        const atl_param *q = &p->trained->params.list[p->which[i]];
        if (!p->grads[i])
            continue;
        const float *at = atl_plan_at(p->plan, p->grads[i]);
        if (!at)
            return atl_fail(p->ctx, ATL_INTERNAL, "%s: the gradient of %s can't be read",
                            atl_phase_name(p->kind), q->name);
        b->accumulate(b, atl_resident_at(b, sum + q->offset), at, q->count, scale);
    }
    return ATL_OK;
}
