// SPDX-License-Identifier: Apache-2.0
// What the tests of readers share: cmocka, a context per test, paths of recorded files, bytes as files.
#ifndef ATL_TEST_CKPT_CHECK_H
#define ATL_TEST_CKPT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/ctx.h"

static inline int open_ctx(void **state) {
    return atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static inline int close_ctx(void **state) {
    atl_ctx_close((atl_ctx **)state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ctx, close_ctx)

// "DATA/name" in a buffer of the caller.
static inline const char *data_path(char *out, size_t room, const char *name) {
    const char *root = getenv("ATL_TEST_DATA");
    assert_non_null(root);
    snprintf(out, room, "%s/%s", root, name);
    return out;
}

// A failure must leave a sentence that holds `text`; the message is cleared.
static inline void assert_fails(atl_ctx *ctx, atl_status status, atl_status wanted, const char *text) {
    if (status != wanted || !strstr(atl_message(ctx), text))
        fail_msg("wanted status %d and '%s', got %d and '%s'", wanted, text, status, atl_message(ctx));
    atl_message_clear(ctx);
}

static inline void assert_ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("status %d: %s", status, atl_message(ctx));
}

// Writes bytes to a file in a fresh temporary folder; drop_file() removes both.
static inline void make_file(char *path, size_t room, const void *bytes, size_t size) {
    char folder[] = "/tmp/atl-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(path, room, "%s/file", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static inline void drop_file(char *path) {
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

#endif
