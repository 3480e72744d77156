// SPDX-License-Identifier: Apache-2.0
// Adam and moving averages: what the loops over spans are called with.
#include "run/adam.h"

#include <math.h>
#include <string.h>

#include "graph/resident.h"

atl_adam_options atl_adam_lazy(atl_adam_options o, int interval) {
    double c = (double)interval / ((double)interval + 1.0);
    o.lr = (float)((double)o.lr * c);
    o.beta1 = o.beta1 > 0.0f ? (float)pow((double)o.beta1, c) : 0.0f;
    o.beta2 = o.beta2 > 0.0f ? (float)pow((double)o.beta2, c) : 0.0f;
    return o;
}

atl_status atl_adam_init(atl_adam *a, atl_backend *backend, const atl_params *params,
                         const atl_adam_options *options) {
    atl_ctx *ctx = params->ctx;
    *a = (atl_adam){
        .backend = backend, .options = *options, .total = params->total, .n_parts = params->size
    };
    const atl_adam_options *o = options;
    bool valid = o->lr >= 0.0f && o->beta1 >= 0.0f && o->beta1 < 1.0f && o->beta2 >= 0.0f && o->beta2 < 1.0f;
    if (!valid || !(o->eps > 0.0f))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "Adam can't work with a rate of %g, betas %g and %g, eps %g: betas are from 0 to below 1",
            (double)o->lr, (double)o->beta1, (double)o->beta2, (double)o->eps);
    size_t room = a->total ? a->total : 1;
    a->m = atl_calloc(ctx, room, sizeof *a->m);
    a->v = atl_calloc(ctx, room, sizeof *a->v);
    a->slow = o->ranger ? atl_calloc(ctx, room, sizeof *a->slow) : NULL;
    a->parts = atl_calloc(ctx, a->n_parts ? a->n_parts : 1, sizeof *a->parts);
    atl_status status = a->m && a->v && a->parts && (a->slow || !o->ranger) ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_resident_take(backend, a->m, room, 0, NULL);
    if (status == ATL_OK)
        status = atl_resident_take(backend, a->v, room, 0, NULL);
    if (status == ATL_OK && a->slow)
        status = atl_resident_take(backend, a->slow, room, 0, NULL);
    if (status != ATL_OK) {
        atl_adam_clear(a);
        return status;
    }
    for (size_t i = 0; i < a->n_parts; i++) {
        const atl_param *p = &params->list[i];
        a->parts[i] = (atl_adam_part){ p->offset, p->count, p->rank > 1 ? (size_t)p->dims[0] : 0, 0, false };
    }
    return ATL_OK;
}

void atl_adam_clear(atl_adam *a) {
    if (a->backend) {
        atl_ctx *ctx = a->backend->ctx;
        atl_resident_drop(a->backend, a->m); // does nothing for what was never taken
        atl_resident_drop(a->backend, a->v);
        atl_resident_drop(a->backend, a->slow);
        atl_free(ctx, a->slow);
        atl_free(ctx, a->m);
        atl_free(ctx, a->v);
        atl_free(ctx, a->parts);
    }
    memset(a, 0, sizeof *a);
}

void atl_adam_fetch(atl_adam *a) {
    atl_resident_fetch(a->backend, a->m, a->total);
    atl_resident_fetch(a->backend, a->v, a->total);
    if (a->slow)
        atl_resident_fetch(a->backend, a->slow, a->total);
}

void atl_adam_changed(atl_adam *a) {
    a->version++;
    atl_resident_renew(a->backend, a->m, a->version);
    atl_resident_renew(a->backend, a->v, a->version);
    if (a->slow)
        atl_resident_renew(a->backend, a->slow, a->version);
}

void atl_adam_restart(atl_adam *a) {
    memset(a->m, 0, a->total * sizeof *a->m);
    memset(a->v, 0, a->total * sizeof *a->v);
    for (size_t i = 0; i < a->n_parts; i++)
        a->parts[i].steps = 0;
    atl_adam_changed(a);
}

// ---- steps

enum { LOOKAHEAD = 6 };             // steps from one step of the slow weights to the next
static const float HALF_WAY = 0.5f; // that they go
static const double CERTAIN = 5.0;  // degrees of freedom from which on the second moment is believed

// Corrected for moments that started at zero.
static void set_adam(const atl_adam_options *o, double t, atl_adam_span *s) {
    s->rate = (float)((double)o->lr / (1.0 - pow((double)o->beta1, t)));
    s->root = (float)sqrt(1.0 - pow((double)o->beta2, t));
    s->eps = o->eps;
}

// Liu et al. 2020, algorithm 2.  While too little is known of the second moment, steps are those of momentum
// alone: its root is divided by infinity, and 1 stays.
static void set_rectified(const atl_adam_options *o, double t, atl_adam_span *s) {
    double b2 = (double)o->beta2, power = pow(b2, t), most = 2.0 / (1.0 - b2) - 1.0;
    double known = most - 2.0 * t * power / (1.0 - power), step = 1.0 / (1.0 - pow((double)o->beta1, t));
    bool certain = known > CERTAIN;
    if (certain)
        step *=
            sqrt((1.0 - power) * (known - 4.0) / (most - 4.0) * (known - 2.0) / known * most / (most - 2.0));
    s->rate = (float)((double)o->lr * step);
    s->root = certain ? 1.0f : INFINITY;
    s->eps = certain ? o->eps : 1.0f;
}

// Takes from each row of a gradient its mean.
static void centralise(atl_backend *b, const atl_adam_part *part, float *gradient) {
    if (!part->rows)
        return;
    size_t row = part->count / part->rows;
    atl_resident_fetch(b, gradient, part->count);
    for (size_t i = 0; i < part->rows; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < row; k++)
            sum += (double)gradient[i * row + k];
        float mean = (float)(sum / (double)row);
        for (size_t k = 0; k < row; k++)
            gradient[i * row + k] -= mean;
    }
    atl_resident_push(b, gradient, part->count);
}

static void look_ahead(atl_adam *a, const atl_adam_part *part, float *w) {
    atl_backend *b = a->backend;
    float *slow = atl_resident_at(b, a->slow + part->first), *fast = atl_resident_at(b, w + part->first);
    if (part->steps % LOOKAHEAD)
        return;
    b->average(b, slow, fast, part->count, HALF_WAY);
    b->average(b, fast, slow, part->count, 0.0f);
}

void atl_adam_step(atl_adam *a, size_t index, float *w, float *gradient) {
    const float LIMIT = 1e5f; // as the official trainers do
    atl_backend *b = a->backend;
    atl_adam_part *part = &a->parts[index];
    const atl_adam_options *o = &a->options;
    double t = (double)++part->steps;
    if (o->ranger)
        centralise(b, part, gradient + part->first);
    if (o->ranger && part->steps == 1)
        b->average(b, atl_resident_at(b, a->slow + part->first), atl_resident_at(b, w + part->first),
                   part->count, 0.0f);
    atl_adam_span s = { .x = atl_resident_at(b, w + part->first),
                        .m = atl_resident_at(b, a->m + part->first),
                        .v = atl_resident_at(b, a->v + part->first),
                        .gradient = atl_resident_at(b, gradient + part->first),
                        .count = part->count,
                        .beta1 = o->beta1,
                        .beta2 = o->beta2,
                        .limit = LIMIT };
    if (part->decays && o->decay > 0.0f)
        b->accumulate(b, s.x, s.x, part->count, -o->lr * o->decay);
    (o->ranger ? set_rectified : set_adam)(o, t, &s);
    b->adam(b, &s);
    if (o->ranger)
        look_ahead(a, part, w);
}

float atl_ema_beta(double batch, double kimg, double rampup, double images) {
    double half_life = kimg * 1000.0;
    if (rampup > 0.0)
        half_life = fmin(half_life, images * rampup);
    return (float)pow(0.5, batch / fmax(half_life, 1e-8));
}

atl_status atl_ema_update(atl_backend *b, atl_params *average, const atl_params *w, float beta,
                          float buffers) {
    for (size_t i = 0; i < w->size; i++) {
        const atl_param *from = &w->list[i], *to = atl_params_find(average, from->name);
        if (!to || to->count != from->count)
            return atl_fail(w->ctx, ATL_BAD_ARGUMENT, "the averaged network has no %s of %zu numbers", from->name,
                            from->count);
        const float *x = atl_resident_at(b, atl_param_data(w, from));
        b->average(b, atl_resident_at(b, atl_param_data(average, to)), x, from->count,
                   from->buffer ? buffers : beta);
    }
    return ATL_OK;
}
