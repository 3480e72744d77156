// SPDX-License-Identifier: Apache-2.0
// A small generator, and what learns to align its pictures.
#ifndef ATL_TESTS_EDIT_LEARNT_H
#define ATL_TESTS_EDIT_LEARNT_H

#include "../../golden/golden.h"

#include <unistd.h>

#include <atelier/congeal.h>
#include "edit/learn.h"
#include "graph/resident.h"
#include "run/backend.h"

enum { SIDE = 16, IN = 32, INPUT = 3 * IN * IN, STEPS = 6 };

typedef struct place {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_model *g;
    atl_network generator;
    atl_programs programs;
    char file[2][64];
} place;

static inline int setup(void **state) {
    const atl_init_options tiny = { sizeof tiny, "stylegan2", SIDE, 256, 16, 0, 0, 2, 7, 0, 0, 0 };
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(atl_ctx_open(&p->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(p->ctx, NULL, &p->backend), ATL_OK);
    assert_int_equal(atl_model_init(p->ctx, &tiny, &p->g), ATL_OK);
    for (int i = 0; i < 2; i++)
        snprintf(p->file[i], sizeof p->file[i], "congeal-%ld-%d.safetensors", (long)getpid(), i);
    assert_int_equal(atl_model_save(p->g, p->file[0], ATL_F32), ATL_OK);
    assert_int_equal(atl_network_open(p->ctx, p->file[0], NULL, &p->generator), ATL_OK);
    atl_programs_init(&p->programs, &p->generator, p->backend);
    *state = p;
    return 0;
}

static inline int teardown(void **state) {
    place *p = *state;
    unlink(p->file[0]);
    unlink(p->file[1]);
    atl_programs_clear(&p->programs);
    atl_network_clear(&p->generator);
    atl_model_close(&p->g);
    atl_backend_close(&p->backend);
    atl_ctx_close(&p->ctx);
    free(p);
    return 0;
}

static inline void ok(place *p, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
}

static inline void refused(place *p, atl_status status, const char *why) {
    assert_int_not_equal(status, ATL_OK);
    if (!strstr(atl_message(p->ctx), why))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(p->ctx), why);
    atl_message_clear(p->ctx);
}

static inline atl_congeal_train_options small(void) {
    atl_congeal_train_options o = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
    o.steps = STEPS;
    o.batch = 2;
    o.samples = 1024;
    o.channels = 8;
    o.directions = 3;
    o.jitter = 0.1;
    o.heads = 2;
    return o;
}

static inline void same_file(const char *a, const char *b) {
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    assert_true(f && g);
    int c, d;
    do {
        c = getc(f);
        d = getc(g);
        assert_int_equal(c, d);
    } while (c != EOF);
    fclose(f);
    fclose(g);
}

static inline void steps(place *p, atl_congeal_trainer *t, int count) {
    for (int i = 0; i < count; i++)
        ok(p, atl_congeal_trainer_step(t));
}

#endif
