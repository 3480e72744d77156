// SPDX-License-Identifier: Apache-2.0
// A folder with a set of pictures, and trainers on it.
#ifndef ATL_TESTS_TRAIN_PLACE_H
#define ATL_TESTS_TRAIN_PLACE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "train/trainer.h"

enum { PICTURES = 12, SIDE = 16 };

typedef struct place {
    atl_ctx *ctx;
    char folder[64], set[80], a[80], b[80];
} place;

// Pictures of soft colours, with labels of three classes.
static inline void write_set(place *p) {
    char path[128];
    for (int i = 0; i < PICTURES; i++) {
        atl_image img;
        assert_int_equal(atl_image_init(p->ctx, SIDE, SIDE, 3, &img), ATL_OK);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                for (int c = 0; c < 3; c++)
                    img.pixels[(y * SIDE + x) * 3 + c] =
                        (uint8_t)(127 + 100 * sin(0.3 * x * (c + 1) + 0.5 * y + i));
        snprintf(path, sizeof path, "%s/%02d.png", p->set, i);
        assert_int_equal(atl_image_write(p->ctx, path, "png", &img, 0, NULL, 0), ATL_OK);
        atl_image_clear(p->ctx, &img);
    }
    snprintf(path, sizeof path, "%s/dataset.json", p->set);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "{\"labels\": [");
    for (int i = 0; i < PICTURES; i++)
        fprintf(f, "%s[\"%02d.png\", %d]", i ? ", " : "", i, i % 3);
    fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
}

static inline int setup(void **state) {
    static place p;
    assert_int_equal(atl_ctx_open(&p.ctx, NULL), ATL_OK);
    strcpy(p.folder, "/tmp/atl-train-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    snprintf(p.set, sizeof p.set, "%s/set", p.folder);
    snprintf(p.a, sizeof p.a, "%s/a.safetensors", p.folder);
    snprintf(p.b, sizeof p.b, "%s/b.safetensors", p.folder);
    char command[128];
    snprintf(command, sizeof command, "mkdir %s", p.set);
    assert_int_equal(system(command), 0);
    write_set(&p);
    *state = &p;
    return 0;
}

static inline int teardown(void **state) {
    place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", p->folder);
    atl_ctx_close(&p->ctx);
    return system(command);
}

static inline atl_trainer *open_trainer(place *p, const atl_train_options *o) {
    atl_trainer *t;
    if (atl_trainer_open(p->ctx, o, &t) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    return t;
}

static inline void steps(place *p, atl_trainer *t, int count) {
    for (int i = 0; i < count; i++)
        if (atl_trainer_step(t) != ATL_OK)
            fail_msg("%s", atl_message(p->ctx));
}

static inline void save(place *p, atl_trainer *t, const char *path) {
    if (atl_trainer_save(t, path) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
}

static inline void assert_same_bytes(const char *a, const char *b) {
    char command[256];
    snprintf(command, sizeof command, "cmp %s %s", a, b);
    assert_int_equal(system(command), 0);
}

static inline void assert_refused(place *p, const atl_train_options *o, const char *part) {
    atl_trainer *t;
    if (atl_trainer_open(p->ctx, o, &t) == ATL_OK)
        fail_msg("what should be refused (%s) is not", part);
    assert_null(t);
    if (!strstr(atl_message(p->ctx), part))
        fail_msg("'%s' does not say '%s'", atl_message(p->ctx), part);
    atl_message_clear(p->ctx);
}

#endif
