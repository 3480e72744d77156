// SPDX-License-Identifier: Apache-2.0
// Standing statistics (Brock et al. 2019, section 4.1 and their code): what batch norms know of their inputs
// becomes the mean of the statistics of some passes in training, in place of running ones, which follow the
// last steps most.
#include <string.h>

#include <atelier/rng.h>

#include "api/model_api.h"
#include "base/philox.h"
#include "graph/resident.h"

enum { PASSES_MOST = 1 << 16, BATCH_MOST = 1 << 12, CLASS_STREAM = 1 };

typedef struct standing {
    atl_model *m;
    int n;
    atl_graph g;
    atl_net net;
    atl_node *z, *c, **outputs; // [count], of the params in `which`
    size_t *which;
    int count;
    atl_plan *plan;
    double *sums; // of params.total
    float *room;  // for the largest of what is read or written
} standing;

static void build(standing *s) {
    const atl_network *network = &s->m->net;
    const atl_model_dims *d = &network->dims;
    atl_graph *g = &s->g;
    s->net = atl_network_in(g, network, NULL);
    s->net.trains = true;
    s->z = atl_input(g, "z", ATL_SHAPE(s->n, d->z_dim));
    s->c = d->c_dim ? atl_input(g, "c", ATL_SHAPE(s->n, d->c_dim)) : NULL;
    atl_node *w = ATL_APPLY(&s->net, network, "map", "w", { "z", s->z }, { "c", s->c });
    if (w->op == ATL_OP_POISON)
        return;
    w = atl_expand(g, atl_reshape(g, w, ATL_SHAPE(s->n, 1, d->w_dim)), ATL_SHAPE(s->n, d->num_ws, d->w_dim));
    ATL_APPLY(&s->net, network, "synthesize", "img", { "ws", w });
}

// Of buffers that layers keep statistics in: the others are vectors of spectral norms, and stay.
static atl_status list(standing *s) {
    const atl_params *params = &s->m->net.params;
    size_t size = params->size, room = (size_t)s->n * (size_t)(s->m->net.dims.z_dim + s->m->net.dims.c_dim);
    s->outputs = atl_arena_alloc(&s->g.arena, size, sizeof(atl_node *));
    s->which = atl_arena_alloc(&s->g.arena, size, sizeof *s->which);
    s->sums = atl_arena_alloc(&s->g.arena, params->total, sizeof *s->sums);
    for (size_t i = 0; s->net.updates && i < size; i++) {
        const atl_update *u = &s->net.updates[i];
        if (!u->value || u->value->op == ATL_OP_POISON || u->keep == 0.0f)
            continue;
        room = params->list[i].count > room ? params->list[i].count : room;
        if (s->outputs && s->which) {
            s->which[s->count] = i;
            s->outputs[s->count++] = u->value;
        }
    }
    s->room = atl_arena_alloc(&s->g.arena, room, sizeof *s->room);
    return s->outputs && s->which && s->sums && s->room ? ATL_OK : ATL_NO_MEMORY;
}

// Latents of the seeds from `seed` on, and classes with equal probability, by the same seeds.
static void draw(standing *s, uint32_t seed, int pass, float truncation) {
    const atl_model_dims *d = &s->m->net.dims;
    size_t z_dim = (size_t)d->z_dim, c_dim = (size_t)d->c_dim, first = (size_t)pass * (size_t)s->n;
    for (size_t i = 0; i < (size_t)s->n; i++) {
        uint32_t own = seed + (uint32_t)(first + i);
        if (truncation > 0.0f)
            atl_seed_to_truncated_z(own, z_dim, (double)truncation, s->room + i * z_dim);
        else
            atl_seed_to_z(own, z_dim, s->room + i * z_dim);
    }
    atl_plan_write(s->plan, s->z, s->room);
    if (!s->c)
        return;
    memset(s->room, 0, (size_t)s->n * c_dim * sizeof *s->room);
    for (size_t i = 0; i < (size_t)s->n; i++) {
        float u;
        atl_philox_uniform(seed + (uint32_t)(first + i), CLASS_STREAM, 0, 1, &u);
        size_t class = (size_t)((double)u * (double)c_dim);
        s->room[i * c_dim + (class < c_dim ? class : c_dim - 1)] = 1.0f;
    }
    atl_plan_write(s->plan, s->c, s->room);
}

static atl_status add(standing *s) {
    const atl_params *params = &s->m->net.params;
    ATL_TRY(atl_plan_run(s->plan));
    for (int k = 0; k < s->count; k++) {
        const atl_param *p = &params->list[s->which[k]];
        double unbiased = (double)s->net.updates[s->which[k]].unbiased;
        if (!atl_plan_read(s->plan, s->outputs[k], s->room))
            return atl_fail(s->m->ctx, ATL_INTERNAL, "%s can't be read", p->name);
        for (size_t i = 0; i < p->count; i++)
            s->sums[p->offset + i] += (double)s->room[i] / unbiased;
    }
    return ATL_OK;
}

// Into the network, of which every plan may hold a copy.
static void keep(standing *s, int passes) {
    atl_params *params = &s->m->net.params;
    atl_programs_clear(&s->m->programs);
    for (int k = 0; k < s->count; k++) {
        const atl_param *p = &params->list[s->which[k]];
        for (size_t i = 0; i < p->count; i++)
            atl_param_data(params, p)[i] = (float)(s->sums[p->offset + i] / passes);
    }
    params->version++;
    atl_programs_init(&s->m->programs, &s->m->net, s->m->backend);
}

static atl_status run(standing *s, int passes, uint32_t seed, float truncation) {
    ATL_TRY(list(s));
    if (s->g.status == ATL_OK && !s->count)
        return atl_fail(s->m->ctx, ATL_BAD_ARGUMENT,
                        "%s has no batch norms: standing statistics are those of SAGAN and BigGAN",
                        s->m->net.name);
    ATL_TRY(atl_plan_make(&s->g, s->m->backend, s->outputs, s->count, NULL, &s->plan));
    for (int pass = 0; pass < passes; pass++) {
        draw(s, seed, pass, truncation);
        ATL_TRY(add(s));
    }
    return ATL_OK;
}

atl_status atl_model_standing_stats(atl_model *m, int passes, int n, uint32_t seed, float truncation) {
    standing s = { .m = m, .n = n };
    if (passes < 1 || passes > PASSES_MOST || n < 2 || n > BATCH_MOST)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%d passes of %d pictures are not possible: 1 to %d of 2 to %d are", passes, n,
                        PASSES_MOST, BATCH_MOST);
    ATL_TRY(atl_model_need(m, "generator", "map"));
    atl_model_get_info(m); // its fingerprint stays that of the file
    atl_graph_init(&s.g, m->ctx);
    build(&s);
    atl_status status = run(&s, passes, seed, truncation);
    atl_plan_close(&s.plan); // before what it may share with the programs
    if (status == ATL_OK)
        keep(&s, passes);
    atl_graph_clear(&s.g);
    return status;
}
