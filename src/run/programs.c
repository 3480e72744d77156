// SPDX-License-Identifier: Apache-2.0
// The last few programs of a network, in one block of memory.
#define _DEFAULT_SOURCE // madvise
#include <string.h>
#include <sys/mman.h>

#include "graph/measure.h"
#include "run/program.h"

void atl_programs_init(atl_programs *programs, const atl_network *network, atl_backend *backend) {
    *programs = (atl_programs){ .network = network, .backend = backend };
}

void atl_programs_clear(atl_programs *programs) {
    for (int i = 0; i < ATL_PROGRAMS; i++)
        atl_program_free(&programs->list[i].program);
    if (programs->block)
        programs->backend->release(programs->backend, programs->block);
    memset(programs, 0, sizeof *programs);
}

// ---- finding

// All modes whose maps are inputs share a program.
static atl_noise_mode mode_of(atl_noise_mode mode) {
    return mode == ATL_NOISE_CONST || mode == ATL_NOISE_NONE ? mode : ATL_NOISE_RANDOM;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? !strcmp(a, b) : a == b;
}

// The smallest program of at least key->n samples, or -1.
static int find(const atl_programs *programs, const atl_program_key *key, bool joint) {
    int best = -1;
    for (int i = 0; i < ATL_PROGRAMS; i++) {
        const atl_program_key *k = &programs->list[i].key;
        bool same = programs->list[i].program && !strcmp(k->function, key->function) &&
                    k->noise == key->noise && k->step_mode == key->step_mode &&
                    same_text(k->features, key->features);
        bool fits = k->n == key->n || (!joint && !key->step_mode && key->n < k->n && 2 * key->n >= k->n);
        if (same && fits && (best < 0 || k->n < programs->list[best].key.n))
            best = i;
    }
    return best;
}

static int oldest(const atl_programs *programs) {
    int at = 0;
    for (int i = 1; i < ATL_PROGRAMS; i++)
        if (programs->list[i].used < programs->list[at].used)
            at = i;
    return at;
}

// ---- making

typedef struct part {
    const atl_network *network;
    const char *function;
} part;

static void build(atl_graph *g, atl_call *call, void *user) {
    const part *p = user;
    atl_net net = atl_network_in(g, p->network, NULL);
    atl_network_call(p->network, p->function, &net, call);
}

// Parameters inside a mapped file can be read again: give their memory back once kernels have packed them.  A
// generator's first function maps and packs little: the rest is soon packed for the next one, which would
// have to ask for all pages again.
static void release_mapped(const atl_network *network, const char *function) {
    const atl_function_row *rows = network->row->functions;
    const atl_params *p = &network->params;
    if (p->mapping && (strcmp(rows[0].name, function) != 0 || !rows[1].name))
        madvise((void *)p->mapping, p->mapping_bytes, MADV_DONTNEED);
}

static atl_status make(atl_programs *programs, const atl_program_key *key, int at) {
    atl_program_free(&programs->list[at].program);
    programs->list[at].used = 0;
    part p = { programs->network, key->function };
    atl_plan_options options = { .step_mode = key->step_mode, .detached = true };
    atl_program *made;
    atl_status status = atl_program_make(programs->backend, key, build, &p, &options, &made);
    release_mapped(programs->network, key->function);
    ATL_TRY(status);
    atl_program_key *k = &programs->list[at].key;
    *k = *key;
    if (key->features)
        k->features = atl_arena_string(&made->graph.arena, key->features, strlen(key->features));
    if (key->features && !k->features) {
        atl_program_free(&made);
        return ATL_NO_MEMORY;
    }
    programs->list[at].program = made;
    programs->made++;
    return ATL_OK;
}

// A block as large as the largest plan needs.
static atl_status fit_block(atl_programs *programs) {
    size_t most = 1;
    for (int i = 0; i < ATL_PROGRAMS; i++) {
        const atl_program *p = programs->list[i].program;
        if (p && atl_plan_bytes(p->plan) > most)
            most = atl_plan_bytes(p->plan);
    }
    if (programs->block && programs->block_bytes == most)
        return ATL_OK;
    if (programs->block)
        programs->backend->release(programs->backend, programs->block);
    programs->block = programs->backend->alloc(programs->backend, most);
    programs->block_bytes = most;
    return programs->block ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_programs_get(atl_programs *programs, const atl_program_key *key, atl_program **program) {
    atl_program_key k = *key;
    const atl_network *network = programs->network;
    const atl_function_row *row = atl_model_function_find(network->row, key->function);
    *program = NULL;
    if (!row)
        return atl_fail(network->ctx, ATL_BAD_ARGUMENT, "%s is a %s, which can't %s", network->name,
                        network->row->role, key->function);
    k.function = row->name;
    k.noise = mode_of(key->noise);
    int at = find(programs, &k, row->joint);
    if (at < 0) {
        at = oldest(programs);
        ATL_TRY(make(programs, &k, at));
    }
    programs->list[at].used = ++programs->clock;
    ATL_TRY(fit_block(programs));
    *program = programs->list[at].program;
    atl_program_attach(*program, programs->block);
    return ATL_OK;
}
