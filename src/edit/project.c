// SPDX-License-Identifier: Apache-2.0
// Opening a projector: the stores, the graph of a step, its plans.
#include "edit/project.h"

#include <string.h>

#include "edit/styles.h"
#include "graph/measure.h"
#include "graph/resident.h"

// ---- options

static bool between(double x, double low, double high) {
    return x >= low && x <= high; // false for what is no number
}

static atl_status check_options(atl_projector *p) {
    const atl_project_options *o = &p->o;
    if (o->batch < 1 || o->batch > 256 || o->steps < 1 || o->steps > 1000000 || o->samples < 1 ||
        o->samples > 1000000)
        return atl_fail(
            p->ctx, ATL_BAD_ARGUMENT,
            "%d pictures at once, %d steps, %d samples of z: 1 to 256, 1 to 1000000 and 1 to 1000000 are "
            "possible",
            o->batch, o->steps, o->samples);
    if (!between(o->lr, 0.0, 1e6) || !between(o->initial_noise, 0.0, 1e6) ||
        !between(o->noise_ramp, 1e-9, 1e9) || !between(o->rampup, 1e-9, 1e9) ||
        !between(o->rampdown, 1e-9, 1e9) || !between(o->noise_weight, 0.0, 1e30) ||
        !between(o->mse_weight, 0.0, 1e30))
        return atl_fail(
            p->ctx, ATL_BAD_ARGUMENT,
            "a rate, a ramp or a weight of the projection is no number of 0 and up (ramps: above 0)");
    return ATL_OK;
}

// How many numbers the styles of all layers are.
static atl_status find_styles(atl_projector *p) {
    ATL_TRY(atl_styles_list(p->generator, &p->texts, &p->styles, &p->n_styles));
    if (!p->n_styles)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                        "%s is a %s generator, which has no styles: choose the space w or z",
                        p->generator->name, p->generator->row->family);
    p->width = 0;
    for (int k = 0; k < p->n_styles; k++)
        p->width += p->styles[k].channels;
    return ATL_OK;
}

static atl_status find_space(atl_projector *p) {
    static const struct {
        const char *name;
        atl_space space;
    } SPACES[] = {
        { "w", ATL_SPACE_W },
        { "w+", ATL_SPACE_W_PLUS },
        { "z", ATL_SPACE_Z },
        { "s", ATL_SPACE_S },
    };
    const atl_model_dims *d = &p->generator->dims;
    for (size_t i = 0; i < sizeof SPACES / sizeof *SPACES; i++) {
        if (strcmp(SPACES[i].name, p->o.space) != 0)
            continue;
        p->space = SPACES[i].space;
        p->rows = p->space == ATL_SPACE_W_PLUS ? d->num_ws : 1;
        p->width = p->space == ATL_SPACE_Z ? d->z_dim : d->w_dim;
        p->jitter_rows = p->rows;
        p->jitter_width = p->width;
        if (p->width < 1)
            return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "the network has no z: choose the space w or w+");
        return p->space == ATL_SPACE_S ? find_styles(p) : ATL_OK;
    }
    return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "there is no space %s; there is: w, w+, s, z", p->o.space);
}

static atl_status check_generator(const atl_network *g) {
    if (!atl_model_function_find(g->row, "map") || !atl_model_function_find(g->row, "synthesize"))
        return atl_fail(g->ctx, ATL_BAD_ARGUMENT, "%s is a %s, and projection needs a generator", g->name,
                        g->row->role);
    return ATL_OK;
}

// ---- stores

static atl_status make_moved(atl_projector *p) {
    int64_t n = p->o.batch;
    ATL_TRY(atl_store_add(&p->moved, "latent", ATL_SHAPE(n, p->rows, p->width)));
    for (int k = 0; p->o.noise_maps && k < p->maps.count; k++)
        ATL_TRY(atl_store_add(&p->moved, p->maps.list[k].name,
                              ATL_SHAPE(n, p->maps.list[k].height, p->maps.list[k].width, 1)));
    return atl_store_allocate(&p->moved, p->backend);
}

static atl_status make_fixed(atl_projector *p) {
    const atl_model_dims *d = &p->generator->dims;
    int64_t n = p->o.batch;
    bool has_label = d->c_dim > 0;
    p->at = (atl_fixed){ 0, 1, 2, 3, has_label ? 4 : 3, has_label, p->space == ATL_SPACE_S };
    ATL_TRY(atl_store_add(&p->fixed, "jitter", ATL_SHAPE(n, p->jitter_rows, p->jitter_width)));
    ATL_TRY(atl_store_add(&p->fixed, "target", ATL_SHAPE(n, d->height, d->width, d->channels)));
    ATL_TRY(atl_store_add(&p->fixed, "mask", ATL_SHAPE(1, d->height, d->width, 1)));
    if (p->at.has_label)
        ATL_TRY(atl_store_add(&p->fixed, "label", ATL_SHAPE(n, d->c_dim)));
    if (p->at.has_base)
        ATL_TRY(atl_store_add(&p->fixed, "base", ATL_SHAPE(n, d->num_ws, d->w_dim)));
    return atl_store_allocate(&p->fixed, p->backend);
}

// ---- the graph

static atl_node *for_all_layers(atl_projector *p, atl_node *x) {
    const atl_model_dims *d = &p->generator->dims;
    return x->op == ATL_OP_POISON || x->shape.d[1] == d->num_ws
               ? x
               : atl_expand(&p->graph, x, ATL_SHAPE(p->o.batch, d->num_ws, d->w_dim));
}

// ws [n, num_ws, w_dim] of the latent and its noise.
static atl_node *find_ws(atl_projector *p, atl_net *net, atl_node *latent) {
    atl_graph *g = &p->graph;
    const atl_model_dims *d = &p->generator->dims;
    int64_t n = p->o.batch;
    atl_node *jitter = atl_store_node(&p->fixed, p->at.jitter, g);
    if (p->at.has_base)
        return atl_add(g, atl_store_node(&p->fixed, p->at.base, g), for_all_layers(p, jitter));
    atl_node *x = atl_add(g, latent, jitter);
    if (p->space == ATL_SPACE_Z) {
        atl_node *label = p->at.has_label ? atl_store_node(&p->fixed, p->at.label, g) : NULL;
        atl_node *z = atl_reshape(g, x, ATL_SHAPE(n, p->width));
        x = ATL_APPLY(net, p->generator, "map", "w", { "z", z }, { "c", label });
        x = atl_reshape(g, x, ATL_SHAPE(n, 1, d->w_dim));
    }
    return for_all_layers(p, x);
}

typedef struct moving {
    const atl_projector *p;
    atl_node *latent; // [n, 1, width]
    int layer;        // of those with styles, the next one,
    int64_t place;    // and where its part of the latent begins
} moving;

// A layer's part of the latent is added to its style [n, channels].
static atl_node *add_move(void *user, atl_net *net, int layer, atl_node *s) {
    (void)layer;
    moving *m = user;
    if (m->layer == m->p->n_styles)
        return atl_graph_fail(net->g, ATL_INTERNAL, "there are more styles than were listed");
    int64_t channels = m->p->styles[m->layer++].channels;
    atl_node *by = atl_slice_axis(net->g, m->latent, 2, m->place, channels);
    m->place += channels;
    return atl_add(net->g, s, atl_reshape(net->g, by, ATL_SHAPE(m->p->o.batch, channels)));
}

// The picture, and the sum of penalties of the maps.
static void synthesize(atl_projector *p, atl_net *net, atl_node *const *moved) {
    atl_graph *g = &p->graph;
    atl_bound in[1 + ATL_PORTS] = { { "ws", p->ws } };
    int count = 1;
    for (int k = 0; k < p->maps.count; k++) {
        const atl_map *m = &p->maps.list[k];
        if (p->o.noise_maps) {
            in[count++] = (atl_bound){ m->name, moved[ATL_FIRST_MAP + k] };
            atl_node *one = atl_map_penalty(g, moved[ATL_FIRST_MAP + k]);
            p->penalty = p->penalty ? atl_add(g, p->penalty, one) : one;
        } else if (!m->stored) { // none is the nearest to what its file holds
            in[count++] =
                (atl_bound){ m->name, atl_fill(g, ATL_SHAPE(p->o.batch, m->height, m->width, 1), 0.0f) };
        }
    }
    moving styles = { .p = p, .latent = moved[ATL_LATENT] };
    const atl_touch touch = { .user = &styles, .style = add_move };
    p->img = atl_apply_touched(net, p->generator, "synthesize", "img", in, count,
                               p->space == ATL_SPACE_S ? &touch : NULL);
}

// Where the mask is 0, the target takes the picture's place.
static atl_node *masked(atl_projector *p, atl_node *target) {
    atl_graph *g = &p->graph;
    if (p->img->op == ATL_OP_POISON)
        return p->img;
    atl_node *mask = atl_expand(g, atl_store_node(&p->fixed, p->at.mask, g), p->img->shape);
    return atl_add(g, atl_mul(g, mask, p->img), atl_mul(g, atl_affine(g, mask, -1.0f, 1.0f), target));
}

static atl_status build(atl_projector *p) {
    atl_graph *g = &p->graph;
    atl_net generator = atl_network_in(g, p->generator, "G");
    atl_net looks = p->likeness.features ? atl_network_in(g, p->likeness.features, "F") : (atl_net){ .g = g };
    atl_node *moved[1 + ATL_PORTS], *wanted[ATL_TERMS], *target = atl_store_node(&p->fixed, p->at.target, g);
    for (size_t i = 0; i < p->moved.size; i++)
        moved[i] = atl_store_node(&p->moved, i, g);
    p->ws = find_ws(p, &generator, moved[ATL_LATENT]);
    synthesize(p, &generator, moved);
    atl_likeness_terms(g, &p->likeness, &looks, masked(p, target), &p->terms);
    if (g->status != ATL_OK)
        return atl_fail(p->ctx, g->status, "%s", g->error);
    ATL_TRY(atl_store_add_terms(&p->wanted, "term", &p->terms));
    ATL_TRY(atl_store_allocate(&p->wanted, p->backend));
    for (size_t i = 0; i < p->wanted.size; i++)
        wanted[i] = atl_store_node(&p->wanted, i, g);
    p->distance = atl_terms_distance(g, &p->terms, wanted);
    p->loss = p->penalty ? atl_add(g, p->distance, atl_scale(g, p->penalty, (float)p->o.noise_weight))
                         : p->distance;
    atl_node *sum = atl_reshape(g, atl_sum(g, p->loss, 1u), ATL_SHAPE(1));
    atl_grad(g, sum, moved, (int)p->moved.size, p->grads);
    return g->status == ATL_OK ? ATL_OK : atl_fail(p->ctx, g->status, "%s", g->error);
}

// ---- plans

static atl_status plan(atl_projector *p, atl_projector_plan which, atl_node *const *outputs, int count) {
    atl_plan_options o = { .detached = true };
    ATL_TRY(atl_plan_make(&p->graph, p->backend, outputs, count, &o, &p->plans[which]));
    size_t bytes = atl_plan_bytes(p->plans[which]);
    p->block_bytes = bytes > p->block_bytes ? bytes : p->block_bytes;
    return ATL_OK;
}

static atl_status make_plans(atl_projector *p) {
    atl_node *step[ATL_PORTS + ATL_TERMS + 5] = { p->distance, p->img };
    int count = 2;
    if (p->penalty) {
        step[count++] = p->penalty;
        step[count++] = p->loss;
    }
    for (size_t i = 0; i < p->moved.size; i++)
        step[count++] = p->grads[i];
    for (int i = 0; i < p->terms.count; i++)
        step[count++] = p->terms.list[i].node;
    ATL_TRY(plan(p, ATL_PROJECT_STEP, step, count));
    ATL_TRY(plan(p, ATL_PROJECT_WS, &p->ws, 1));
    p->block = p->backend->alloc(p->backend, p->block_bytes);
    if (!p->block)
        return ATL_NO_MEMORY;
    for (int i = 0; i < ATL_PROJECT_PLANS; i++)
        atl_plan_attach(p->plans[i], p->block);
    return ATL_OK;
}

static atl_status make_optimizer(atl_projector *p) {
    atl_adam_options o = { .lr = 0.0f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f };
    ATL_TRY(atl_adam_init(&p->adam, p->backend, &p->moved, &o));
    p->gradient = atl_calloc(p->ctx, p->moved.total, sizeof *p->gradient);
    p->numbers = atl_calloc(p->ctx, (size_t)p->o.batch, 4 * sizeof *p->numbers);
    if (!p->gradient || !p->numbers)
        return ATL_NO_MEMORY;
    size_t n = (size_t)p->o.batch;
    p->state = (atl_project_state){
        .steps = p->o.steps, .loss = p->numbers, .distance = p->numbers + n, .noise = p->numbers + 2 * n
    };
    return atl_resident_take(p->backend, p->gradient, p->moved.total, 0, NULL);
}

// ---- opening

static atl_status keep_texts(atl_projector *p) {
    p->o.space = atl_arena_string(&p->texts, p->o.space, strlen(p->o.space));
    p->o.loss = atl_arena_string(&p->texts, p->o.loss, strlen(p->o.loss));
    return p->o.space && p->o.loss ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status prepare(atl_projector *p) {
    const double RATE = 0.1, RATE_IMAGE2STYLEGAN = 0.01; // of the official projector, of Abdal et al. 2019
    ATL_TRY(keep_texts(p));
    ATL_TRY(check_options(p));
    ATL_TRY(check_generator(p->generator));
    ATL_TRY(find_space(p));
    if (p->o.lr == 0.0)
        p->o.lr = strcmp(p->o.loss, "vgg-image2stylegan") ? RATE : RATE_IMAGE2STYLEGAN;
    ATL_TRY(atl_maps_list(p->generator, &p->maps));
    ATL_TRY(make_moved(p));
    ATL_TRY(make_fixed(p));
    ATL_TRY(build(p));
    ATL_TRY(make_optimizer(p));
    return make_plans(p);
}

atl_status atl_projector_make(const atl_network *generator, atl_backend *backend,
                              const atl_likeness *likeness, const atl_project_options *options,
                              atl_projector **projector) {
    atl_ctx *ctx = generator->ctx;
    *projector = NULL;
    atl_projector *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    p->ctx = ctx;
    p->backend = backend;
    p->generator = generator;
    p->likeness = *likeness;
    p->o = *options;
    atl_arena_init(&p->texts, ctx, 0);
    atl_graph_init(&p->graph, ctx);
    atl_params_init(&p->moved, ctx);
    atl_params_init(&p->fixed, ctx);
    atl_params_init(&p->wanted, ctx);
    atl_status status = prepare(p);
    if (status != ATL_OK)
        atl_projector_close(&p);
    *projector = p;
    return status;
}

void atl_projector_close(atl_projector **projector) {
    atl_projector *p = projector ? *projector : NULL;
    if (!p)
        return;
    for (int i = 0; i < ATL_PROJECT_PLANS; i++)
        atl_plan_close(&p->plans[i]);
    atl_graph_clear(&p->graph);
    atl_adam_clear(&p->adam);
    atl_resident_drop(p->backend, p->gradient);
    atl_store_clear(&p->moved, p->backend);
    atl_store_clear(&p->fixed, p->backend);
    atl_store_clear(&p->wanted, p->backend);
    if (p->block)
        p->backend->release(p->backend, p->block);
    atl_free(p->ctx, p->gradient);
    atl_free(p->ctx, p->numbers);
    atl_arena_clear(&p->texts);
    atl_free(p->ctx, p);
    *projector = NULL;
}

const atl_project_state *atl_projector_get_state(const atl_projector *p) {
    return &p->state;
}

int64_t atl_projector_latent_size(const atl_projector *p) {
    return p->rows * p->width;
}

void atl_projector_cost(const atl_projector *p, double *gflop, size_t *bytes) {
    size_t stores = 4 * p->moved.total + p->fixed.total + p->wanted.total; // values, gradient, two moments
    *gflop = atl_plan_flops(p->plans[ATL_PROJECT_STEP]) * 1e-9;
    *bytes = p->block_bytes + stores * sizeof(float);
}
