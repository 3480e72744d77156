// SPDX-License-Identifier: Apache-2.0
// Programs: a graph with its ports and its plan, ready to run.  What a caller has are rows of numbers by
// port; what a port is inside is the program's business.
//
//     atl_program *p;
//     ATL_TRY(atl_programs_get(programs, &(atl_program_key){ .function = "synthesize", .n = 4 }, &p));
//     ATL_TRY(atl_program_write(p, "ws", 4, ws));
//     ATL_TRY(atl_program_run(p));
//     ATL_TRY(atl_program_read(p, "img", 4, img));
//
// Ports that are images are [n, c, h, w] for the caller.
#ifndef ATL_RUN_PROGRAM_H
#define ATL_RUN_PROGRAM_H

#include "graph/plan.h"
#include "run/network.h"

typedef struct atl_program {
    atl_ctx *ctx;
    atl_graph graph;
    atl_call call;
    atl_plan *plan;
    atl_port *features; // named results besides the function's own
    int n_features;
    float *room; // rows that are passed on in another form
    size_t room_count;
} atl_program;

// Builds what is to be run: asks for inputs and names results through `call`.
typedef void atl_program_builder(atl_graph *g, atl_call *call, void *user);

// What a program is told apart by.
typedef struct atl_program_key {
    const char *function;
    int n;
    atl_noise_mode noise;
    bool step_mode;       // every named node can be read: see plan.h
    const char *features; // named nodes that match this shell pattern are results, too; NULL: none
} atl_program_key;

// A program of key->n samples; key->function only names it.  The networks that its graph reads must outlive
// it.
atl_status atl_program_make(atl_backend *backend, const atl_program_key *key, atl_program_builder *build,
                            void *user, const atl_plan_options *options, atl_program **program);
void atl_program_free(atl_program **program); // accepts a pointer to NULL

// For a plan that is detached: lends it memory, of plan->block_bytes.
void atl_program_attach(atl_program *p, void *block);

// Writes `rows` samples of an input; samples that are left over repeat the first of them.  values NULL:
// zeros.  Of a setting the whole value, whatever `rows` is.  An input that nobody writes is undefined, a
// setting what it was.
atl_status atl_program_write(atl_program *p, const char *port, int rows, const float *values);
void atl_program_reset(atl_program *p); // settings get their first values
atl_status atl_program_run(atl_program *p);
atl_status atl_program_read(atl_program *p, const char *port, int rows, float *values);

const atl_port *atl_program_in(const atl_program *p, const char *port);  // NULL: not there
const atl_port *atl_program_out(const atl_program *p, const char *port); // NULL: not there; features, too

// Room for so many floats, the same until it is asked for again.
atl_status atl_program_room(atl_program *p, size_t count, float **room);

// ---- programs of one network

enum { ATL_PROGRAMS = 8 }; // kept: n, the rest of a batch, and noise modes in turn, of two functions

typedef struct atl_programs {
    const atl_network *network;
    atl_backend *backend;
    struct {
        atl_program_key key;
        atl_program *program; // NULL: nothing here
        uint64_t used;        // when: the smallest goes first
    } list[ATL_PROGRAMS];
    void *block; // of the largest plan: all of them run in it in turn
    size_t block_bytes;
    uint64_t clock;
    int made; // plans, since the beginning
} atl_programs;

void atl_programs_init(atl_programs *programs, const atl_network *network, atl_backend *backend);
void atl_programs_clear(atl_programs *programs);

// The program of a key, made when it is not there, with settings as at first.  One of more samples will do
// where no more than half of them would be idle and samples don't depend on each other.  It is valid, with
// what was written to it, until the next call.
atl_status atl_programs_get(atl_programs *programs, const atl_program_key *key, atl_program **program);

#endif
