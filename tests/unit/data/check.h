// SPDX-License-Identifier: Apache-2.0
// What the tests of data sets share: cmocka, a context and a fresh folder per test, small pictures.
#ifndef ATL_TEST_DATA_CHECK_H
#define ATL_TEST_DATA_CHECK_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <atelier/dataset.h>
#include "base/ctx.h"

typedef struct place {
    atl_ctx *ctx;
    char folder[64];
    char path[6][512]; // results of at(), used in turn
    int turn;
} place;

static inline int enter_place(void **state) {
    place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/atl-data-XXXXXX");
    *state = p;
    return !mkdtemp(p->folder) || atl_ctx_open(&p->ctx, NULL) != ATL_OK;
}

static inline void remove_tree(const char *path) {
    DIR *list = opendir(path);
    struct dirent *e;
    while (list && (e = readdir(list))) {
        char inner[1024];
        int n = snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (n < (int)sizeof inner && strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && unlink(inner) != 0)
            remove_tree(inner);
    }
    if (list)
        closedir(list);
    rmdir(path);
}

static inline int leave_place(void **state) {
    place *p = *state;
    atl_ctx_close(&p->ctx);
    remove_tree(p->folder);
    free(p);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter_place, leave_place)

static inline const char *at(place *p, const char *name) {
    char *out = p->path[p->turn++ % 6];
    snprintf(out, sizeof p->path[0], "%s/%s", p->folder, name);
    return out;
}

static inline void folder(place *p, const char *name) {
    assert_int_equal(mkdir(at(p, name), 0777), 0);
}

static inline void assert_ok(place *p, atl_status status) {
    if (status != ATL_OK)
        fail_msg("status %d: %s", status, atl_message(p->ctx));
}

// A failure must leave a sentence that holds `text`; the message is cleared.
static inline void assert_fails(place *p, atl_status status, atl_status wanted, const char *text) {
    if (status != wanted || !strstr(atl_message(p->ctx), text))
        fail_msg("wanted status %d and '%s', got %d and '%s'", wanted, text, status, atl_message(p->ctx));
    atl_message_clear(p->ctx);
}

static inline void put_file(place *p, const char *name, const void *bytes, size_t size) {
    FILE *f = fopen(at(p, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static inline void put_text(place *p, const char *name, const char *text) {
    put_file(p, name, text, strlen(text));
}

static inline uint8_t *get_file(place *p, const char *name, size_t *size) {
    FILE *f = fopen(at(p, name), "rb");
    uint8_t *bytes = malloc(1 << 20);
    assert_non_null(f);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

// Pixels of a picture of this size: all different, and different for another `seed`.
static inline uint8_t pixel(int seed, int x, int y, int c) {
    return (uint8_t)(seed * 37 + x * 11 + y * 23 + c * 71 + (x * y * (seed + 3)) % 13);
}

static inline void put_picture(place *p, const char *name, const char *format, int width, int height,
                               int channels, int seed) {
    atl_image image;
    assert_ok(p, atl_image_init(p->ctx, width, height, channels, &image));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                image.pixels[(y * width + x) * channels + c] = pixel(seed, x, y, c);
    assert_ok(p, atl_image_write(p->ctx, at(p, name), format, &image, 100, NULL, 0));
    atl_image_clear(p->ctx, &image);
}

static inline int exists(place *p, const char *name) {
    struct stat info;
    return lstat(at(p, name), &info) == 0;
}

static inline int entries_in(place *p, const char *name) {
    DIR *list = opendir(at(p, name));
    int n = -2;
    while (list && readdir(list))
        n++;
    if (list)
        closedir(list);
    return n;
}

#endif
