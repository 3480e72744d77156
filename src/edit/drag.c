// SPDX-License-Identifier: Apache-2.0
// The loop of dragging (Pan et al. 2023, section 3): features, tracking, pushing, a step of Adam.
//
// A handle has to be found in the features before its loss is known, so a step runs the network twice: to the
// features with one plan, and with another from a gradient on them, which is written, to the gradient on w.
// Both end at the layer of the features: what comes behind it is not computed.
#include "edit/drag.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "edit/drag_field.h"
#include "edit/maps.h"
#include "graph/plan.h"

enum { LAYERS = 6, SIDE_MOST = 128, POINTS_MOST = 64 };
enum { MARGIN = 10 }; // of StyleGAN3 layers, at each side

struct atl_drag {
    atl_ctx *ctx;
    const atl_network *generator;
    atl_drag_options o; // with all defaults filled in; texts are not kept
    int64_t num_ws, w_dim;
    int64_t rows; // of the latent: 1 in w, o.layers in w+
    int layers;

    atl_graph graph;
    atl_node *latent, *rest;    // [1, rows, w_dim], [1, num_ws - layers, w_dim]
    atl_node *features, *slope; // [1, h, w, c]; its gradient, an input
    atl_node *gradient;         // of the latent
    atl_plan *look, *pull;

    atl_field field;
    float *ws;             // [num_ws, w_dim] as it began
    float *w, *dw;         // [rows, w_dim]
    float *m, *v;          // moments of Adam
    float *x, *first, *dx; // features, those of the beginning, their gradient
    float *frozen;         // [h, w]; NULL: nothing is held
    float *wanted;         // [count, c] features of the handles in the beginning
    float *room;           // [2 c]
    atl_drag_point *points;
    atl_drag_state state;
    char layer[128];
};

// ---- the graph

static bool is_stylegan3(const atl_network *net) {
    return !strncmp(net->row->kind, "stylegan3", 9) || !strncmp(net->row->kind, "stylegan_xl", 11);
}

// A layer [1, h, w, c] that dragging may look at: features, not colours.
static bool has_features(const atl_drag *d, const atl_node *n) {
    const char *last = n->name ? strrchr(n->name, '.') : NULL;
    return n->name && n->shape.rank == 4 && n->shape.d[0] == 1 && n->shape.d[1] > 1 && n->shape.d[2] > 1 &&
           n->shape.d[3] > d->generator->dims.channels && !(last && !strcmp(last, ".torgb"));
}

static int64_t rate_of(const atl_drag *d, const atl_node *n, int axis) {
    int64_t side = n->shape.d[axis], image = axis == 1 ? d->field.height : d->field.width;
    return is_stylegan3(d->generator) && side != image && side > 2 * MARGIN ? side - 2 * MARGIN : side;
}

// The larger side of a layer without margins.
static int64_t side_of(const atl_drag *d, const atl_node *n) {
    int64_t h = rate_of(d, n, 1), w = rate_of(d, n, 2);
    return h > w ? h : w;
}

// The last layer that is small enough, or of the smallest ones where none is.
static atl_node *usual_layer(atl_drag *d) {
    int64_t side = d->field.height > d->field.width ? d->field.height : d->field.width;
    int64_t most = side / 2 < SIDE_MOST ? side / 2 : SIDE_MOST, least = INT64_MAX;
    atl_node *best = NULL;
    for (int i = 0; i < d->graph.size; i++)
        if (has_features(d, d->graph.nodes[i]) && side_of(d, d->graph.nodes[i]) < least)
            least = side_of(d, d->graph.nodes[i]);
    for (int i = 0; i < d->graph.size; i++)
        if (has_features(d, d->graph.nodes[i]) &&
            side_of(d, d->graph.nodes[i]) <= (least > most ? least : most))
            best = d->graph.nodes[i];
    return best ? best
                : atl_graph_fail(&d->graph, ATL_BAD_ARGUMENT,
                                 "the generator has no layer of features to drag by");
}

static atl_node *named_layer(atl_drag *d, const char *name) {
    for (int i = d->graph.size - 1; i >= 0; i--) {
        atl_node *n = d->graph.nodes[i];
        if (n->name && !strcmp(n->name, name))
            return has_features(d, n) ? n
                                      : atl_graph_fail(&d->graph, ATL_BAD_ARGUMENT,
                                                       "layer %s has no features in space to drag by", name);
    }
    return atl_graph_fail(&d->graph, ATL_BAD_ARGUMENT, "the generator has no layer %s", name);
}

// The picture's own noise as constants: it is that of every step.
static int bind_maps(atl_drag *d, const atl_maps *maps, atl_bound *in) {
    for (int k = 0; k < maps->count; k++) {
        const atl_map *m = &maps->list[k];
        in[k] = (atl_bound){ m->name,
                             atl_const(&d->graph, ATL_SHAPE(1, m->height, m->width, 1), d->o.noise_maps[k]) };
    }
    return maps->count;
}

static void build(atl_drag *d, const atl_maps *maps) {
    atl_graph *g = &d->graph;
    atl_bound in[1 + ATL_PORTS];
    d->latent = atl_input(g, "w", ATL_SHAPE(1, d->rows, d->w_dim));
    atl_node *moved = atl_expand(g, d->latent, ATL_SHAPE(1, d->layers, d->w_dim));
    atl_node *ws = moved;
    if (d->layers < d->num_ws) {
        d->rest = atl_input(g, "rest", ATL_SHAPE(1, d->num_ws - d->layers, d->w_dim));
        ws = atl_concat(g, (atl_node *[]){ moved, d->rest }, 2, 1);
    }
    atl_net net = atl_network_in(g, d->generator, NULL);
    in[0] = (atl_bound){ "ws", ws };
    atl_apply(&net, d->generator, "synthesize", "img", in, 1 + (maps ? bind_maps(d, maps, in + 1) : 0));
    d->features = d->o.layer ? named_layer(d, d->o.layer) : usual_layer(d);
    d->slope = atl_input(g, "slope", atl_node_shape(d->features));
    atl_node *loss = atl_sum(g, atl_mul(g, d->features, d->slope), 1 | 2 | 4 | 8);
    atl_grad(g, atl_reshape(g, loss, ATL_SHAPE(1)), &d->latent, 1, &d->gradient);
}

static atl_status make_plans(atl_drag *d, atl_backend *backend) {
    const atl_plan_options options = { 0 };
    atl_maps maps;
    if (d->o.noise_maps)
        ATL_TRY(atl_maps_list(d->generator, &maps));
    build(d, d->o.noise_maps ? &maps : NULL);
    d->o.noise_maps = NULL; // the caller's
    ATL_TRY(atl_plan_make(&d->graph, backend, &d->features, 1, &options, &d->look));
    ATL_TRY(atl_plan_make(&d->graph, backend, &d->gradient, 1, &options, &d->pull));
    const int64_t *s = d->features->shape.d;
    d->field.h = (int)s[1], d->field.w = (int)s[2], d->field.c = (int)s[3];
    d->field.rate_y = (double)rate_of(d, d->features, 1);
    d->field.rate_x = (double)rate_of(d, d->features, 2);
    snprintf(d->layer, sizeof d->layer, "%s", d->features->name);
    d->state.layer = d->layer;
    return ATL_OK;
}

// ---- opening

static atl_status check_points(const atl_drag *d, const atl_drag_point *p, size_t count) {
    if (!count || count > POINTS_MOST)
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "%zu handles to drag: give 1 to %d", count, POINTS_MOST);
    for (size_t i = 0; i < count; i++) {
        const double x[2] = { p[i].x, p[i].to_x }, y[2] = { p[i].y, p[i].to_y };
        for (int k = 0; k < 2; k++)
            if (!(x[k] >= 0 && y[k] >= 0 && x[k] <= d->field.width - 1 && y[k] <= d->field.height - 1))
                return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                                "the %s %g,%g is outside of the picture, which has %dx%d pixels",
                                k ? "target" : "handle", x[k], y[k], d->field.width, d->field.height);
    }
    return ATL_OK;
}

static double pixels(double chosen, double of_512, double least, const atl_field *f) {
    return chosen > 0 ? chosen : fmax(rint(of_512 * f->height / 512), least);
}

static atl_status take_options(atl_drag *d, const atl_drag_options *o) {
    d->o = *o;
    bool plus = o->space && !strcmp(o->space, "w+");
    if (!plus && !(o->space && !strcmp(o->space, "w")))
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "unknown space %s to drag in; known are w+ and w",
                        o->space ? o->space : "NULL");
    if (o->layers < 0 || o->layers > d->num_ws)
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "%d layers to drag by; the network has %d", o->layers,
                        (int)d->num_ws);
    if (!(o->lr >= 0) || !(o->motion >= 0) || !(o->tracking >= 0) || !(o->distance >= 0) ||
        !(o->mask_weight >= 0) || o->lr > 100 || o->motion > 1024 || o->tracking > 1024 ||
        o->mask_weight > 1e9)
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                        "rates, radii and weights of dragging must be positive and not huge");
    d->layers = o->layers ? o->layers : (int)(d->num_ws < LAYERS ? d->num_ws : LAYERS);
    d->rows = plus ? d->layers : 1;
    d->o.lr = o->lr > 0 ? o->lr : plus ? 0.005 : 0.002;
    d->o.motion = pixels(o->motion, 3, 3, &d->field);
    d->o.tracking = pixels(o->tracking, 12, 3, &d->field);
    d->o.distance = pixels(o->distance, 2, 1, &d->field);
    return ATL_OK;
}

static atl_status make_room(atl_drag *d, size_t count) {
    size_t row = (size_t)(d->rows * d->w_dim), all = (size_t)(d->num_ws * d->w_dim);
    size_t field = (size_t)d->field.h * (size_t)d->field.w * (size_t)d->field.c, c = (size_t)d->field.c;
    d->ws = atl_alloc(d->ctx, all, sizeof *d->ws);
    d->w = atl_alloc(d->ctx, row, sizeof *d->w);
    d->dw = atl_alloc(d->ctx, row, sizeof *d->dw);
    d->m = atl_calloc(d->ctx, row, sizeof *d->m);
    d->v = atl_calloc(d->ctx, row, sizeof *d->v);
    d->x = atl_alloc(d->ctx, field, sizeof *d->x);
    d->first = atl_alloc(d->ctx, field, sizeof *d->first);
    d->dx = atl_alloc(d->ctx, field, sizeof *d->dx);
    d->wanted = atl_alloc(d->ctx, count, c * sizeof *d->wanted);
    d->room = atl_alloc(d->ctx, 2 * c, sizeof *d->room);
    d->points = atl_alloc(d->ctx, count, sizeof *d->points);
    d->frozen =
        d->o.mask ? atl_alloc(d->ctx, (size_t)d->field.h * (size_t)d->field.w, sizeof *d->frozen) : NULL;
    bool all_there = d->ws && d->w && d->dw && d->m && d->v && d->x && d->first && d->dx && d->wanted &&
                     d->room && d->points && (d->frozen || !d->o.mask);
    return all_there ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status take_mask(atl_drag *d) {
    size_t area = (size_t)d->field.width * (size_t)d->field.height;
    if (!d->o.mask)
        return ATL_OK;
    size_t at = 0;
    while (at < area && !d->o.mask[at])
        at++;
    if (at == area)
        return atl_fail(
            d->ctx, ATL_BAD_ARGUMENT,
            "the mask is black everywhere, so nothing may change; it is white where the picture may");
    atl_field_freeze(&d->field, d->o.mask, d->frozen);
    d->o.mask = NULL; // the caller's
    return ATL_OK;
}

static void farthest(atl_drag *d) {
    d->state.distance = 0;
    for (size_t i = 0; i < d->state.count; i++)
        d->state.distance = fmax(
            d->state.distance, hypot(d->points[i].to_x - d->points[i].x, d->points[i].to_y - d->points[i].y));
    d->state.arrived = d->state.distance <= d->o.distance;
}

static atl_status look(atl_drag *d, float *features) {
    atl_plan_write(d->look, d->latent, d->w);
    ATL_TRY(atl_plan_run(d->look));
    return atl_plan_read(d->look, d->features, features)
               ? ATL_OK
               : atl_fail(d->ctx, ATL_INTERNAL, "the features of %s can't be read", d->layer);
}

static atl_status begin(atl_drag *d, const float *ws, const atl_drag_point *points, size_t count) {
    size_t row = (size_t)d->w_dim;
    memcpy(d->ws, ws, (size_t)d->num_ws * row * sizeof *ws);
    memcpy(d->w, ws, (size_t)d->rows * row * sizeof *ws);
    memcpy(d->points, points, count * sizeof *points);
    d->state.points = d->points;
    d->state.count = count;
    if (d->rest) {
        atl_plan_write(d->look, d->rest, d->ws + (size_t)d->layers * row);
        atl_plan_write(d->pull, d->rest, d->ws + (size_t)d->layers * row);
    }
    ATL_TRY(take_mask(d));
    ATL_TRY(look(d, d->first));
    for (size_t i = 0; i < count; i++)
        atl_field_at(&d->field, d->first, (int)lround(points[i].x), (int)lround(points[i].y),
                     d->wanted + i * (size_t)d->field.c);
    farthest(d);
    return ATL_OK;
}

// In w the layers that are moved must have one latent.
static atl_status check_ws(const atl_drag *d, const float *ws) {
    for (int64_t i = 0; i < d->num_ws * d->w_dim; i++)
        if (!isfinite(ws[i]))
            return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "the latents to drag hold a number that is not finite");
    for (int64_t i = 1; d->rows == 1 && i < d->layers; i++)
        if (memcmp(ws, ws + i * d->w_dim, (size_t)d->w_dim * sizeof *ws) != 0)
            return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                            "the latents differ from layer to layer, so they can't be dragged in w; take w+");
    return ATL_OK;
}

atl_status atl_drag_make(const atl_network *generator, atl_backend *backend, const float *ws,
                         const atl_drag_point *points, size_t count, const atl_drag_options *options,
                         atl_drag **drag) {
    atl_drag *d = atl_calloc(generator->ctx, 1, sizeof *d);
    *drag = NULL;
    if (!d)
        return ATL_NO_MEMORY;
    d->ctx = generator->ctx;
    d->generator = generator;
    d->num_ws = generator->dims.num_ws;
    d->w_dim = generator->dims.w_dim;
    d->field.width = generator->dims.width;
    d->field.height = generator->dims.height;
    atl_graph_init(&d->graph, d->ctx);
    atl_status status = take_options(d, options);
    if (status == ATL_OK)
        status = check_points(d, points, count);
    if (status == ATL_OK)
        status = check_ws(d, ws);
    if (status == ATL_OK)
        status = make_plans(d, backend);
    if (status == ATL_OK)
        status = make_room(d, count);
    if (status == ATL_OK)
        status = begin(d, ws, points, count);
    if (status != ATL_OK)
        atl_drag_close(&d);
    *drag = d;
    return status;
}

void atl_drag_close(atl_drag **drag) {
    if (!drag || !*drag)
        return;
    atl_drag *d = *drag;
    float **const rooms[] = { &d->ws,    &d->w,  &d->dw,     &d->m,      &d->v,   &d->x,
                              &d->first, &d->dx, &d->frozen, &d->wanted, &d->room };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        atl_free(d->ctx, *rooms[i]);
    atl_free(d->ctx, d->points);
    atl_plan_close(&d->look);
    atl_plan_close(&d->pull);
    atl_graph_clear(&d->graph);
    atl_free(d->ctx, d);
    *drag = NULL;
}

// ---- steps

static void track(atl_drag *d) {
    for (size_t i = 0; i < d->state.count; i++) {
        atl_drag_point *p = &d->points[i];
        atl_spot now = atl_field_track(&d->field, d->x, d->wanted + i * (size_t)d->field.c,
                                       (atl_spot){ p->x, p->y }, (int)d->o.tracking, d->room);
        p->x = now.x;
        p->y = now.y;
    }
}

// The loss, and its gradient on the features.
static double lose(atl_drag *d) {
    double loss = 0;
    memset(d->dx, 0, (size_t)d->field.h * (size_t)d->field.w * (size_t)d->field.c * sizeof *d->dx);
    for (size_t i = 0; i < d->state.count; i++) {
        const atl_drag_point *p = &d->points[i];
        if (hypot(p->to_x - p->x, p->to_y - p->y) > d->o.distance)
            loss += atl_field_push(&d->field, d->x, (atl_spot){ p->x, p->y }, (atl_spot){ p->to_x, p->to_y },
                                   d->o.motion, d->dx, d->room);
    }
    if (d->frozen)
        loss += atl_field_hold(&d->field, d->x, d->first, d->frozen, d->o.mask_weight, d->dx);
    return loss;
}

// Adam with the usual numbers (Kingma and Ba 2015), on a latent of a few thousand numbers.
static void move(atl_drag *d) {
    const double b1 = 0.9, b2 = 0.999, eps = 1e-8, t = d->state.step + 1;
    double c1 = 1 - pow(b1, t), c2 = 1 - pow(b2, t);
    for (size_t i = 0; i < (size_t)(d->rows * d->w_dim); i++) {
        double g = (double)d->dw[i];
        d->m[i] = (float)(b1 * (double)d->m[i] + (1 - b1) * g);
        d->v[i] = (float)(b2 * (double)d->v[i] + (1 - b2) * g * g);
        d->w[i] -= (float)(d->o.lr * ((double)d->m[i] / c1) / (sqrt((double)d->v[i] / c2) + eps));
    }
}

static atl_status pull(atl_drag *d) {
    atl_plan_write(d->pull, d->latent, d->w);
    atl_plan_write(d->pull, d->slope, d->dx);
    ATL_TRY(atl_plan_run(d->pull));
    if (!atl_plan_read(d->pull, d->gradient, d->dw))
        return atl_fail(d->ctx, ATL_INTERNAL, "the gradient of the latents can't be read");
    for (int64_t i = 0; i < d->rows * d->w_dim; i++)
        if (!isfinite(d->dw[i]))
            return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                            "step %d of dragging: a gradient is not finite; a smaller rate may help",
                            d->state.step);
    return ATL_OK;
}

atl_status atl_drag_step(atl_drag *d) {
    if (d->state.arrived)
        return ATL_OK;
    ATL_TRY(look(d, d->x));
    track(d);
    farthest(d);
    if (d->state.arrived)
        return ATL_OK;
    double loss = lose(d);
    if (!isfinite(loss))
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                        "step %d of dragging: the loss is not a number; a smaller rate may help",
                        d->state.step);
    d->state.loss = loss;
    ATL_TRY(pull(d));
    move(d);
    d->state.step++;
    return ATL_OK;
}

const atl_drag_state *atl_drag_get_state(const atl_drag *d) {
    return &d->state;
}

atl_status atl_drag_read(const atl_drag *d, float *ws) {
    size_t row = (size_t)d->w_dim;
    memcpy(ws, d->ws, (size_t)d->num_ws * row * sizeof *ws);
    for (int i = 0; i < d->layers; i++)
        memcpy(ws + (size_t)i * row, d->w + (d->rows == 1 ? 0 : (size_t)i * row), row * sizeof *ws);
    return ATL_OK;
}
