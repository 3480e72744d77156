// SPDX-License-Identifier: Apache-2.0
// Large memory: pieces don't meet, chunks go back with their last piece, and a failure changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/pages.h"

enum { PIECES = 24 };

typedef struct counter {
    size_t held; // blocks that were not released
} counter;

static void *count_alloc(void *user, size_t bytes) {
    ((counter *)user)->held++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void count_release(void *user, void *memory) {
    ((counter *)user)->held--;
    free(memory);
}

static atl_ctx *open_ctx(counter *c) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.allocator = (atl_allocator){ count_alloc, count_release, c };
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

// From some bytes to more than a chunk.
static size_t bytes_of(int i) {
    static const size_t bytes[] = { 1, 100, 65535, 65536, 70001, 1 << 20, 3000000, 9 << 20 };
    return bytes[i % 8] + (size_t)i;
}

static void pieces_are_apart_and_go_back(void **state) {
    (void)state;
    counter c = { 0 };
    atl_ctx *ctx = open_ctx(&c);
    size_t before = c.held;
    for (int order = 0; order < 3; order++) {
        unsigned char *p[PIECES];
        for (int i = 0; i < PIECES; i++) {
            p[i] = (i % 5 ? atl_pages_alloc : atl_pages_alloc_alone)(ctx, bytes_of(i), 1);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 64, 0);
            memset(p[i], i + 1, bytes_of(i));
        }
        assert_true(c.held > before);
        for (int k = 0; k < PIECES; k++) {
            int i = order == 0 ? k : order == 1 ? PIECES - 1 - k : k * 7 % PIECES;
            for (size_t b = 0; b < bytes_of(i); b++)
                if (p[i][b] != i + 1)
                    fail_msg("byte %zu of piece %d was overwritten", b, i);
            atl_pages_free(ctx, p[i]);
        }
        assert_int_equal(c.held, before);
    }
    atl_pages_free(ctx, NULL);
    atl_ctx_close(&ctx);
    assert_int_equal(c.held, 0);
}

static void failures_leave_nothing(void **state) {
    (void)state;
    counter c = { 0 };
    atl_ctx *ctx = open_ctx(&c);
    size_t before = c.held;
    for (int fail = 0; fail < 2; fail++) { // the chunk's record, its memory
        ctx->fail_after = fail;
        assert_null(atl_pages_alloc(ctx, 1 << 20, 1));
        assert_string_not_equal(atl_message(ctx), "");
        atl_message_clear(ctx);
        assert_int_equal(c.held, before);
    }
    ctx->fail_after = -1;
    assert_null(atl_pages_alloc(ctx, SIZE_MAX / 2, 3));
    atl_ctx_close(&ctx);
    assert_int_equal(c.held, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_apart_and_go_back),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
