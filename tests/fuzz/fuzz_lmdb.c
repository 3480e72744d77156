// SPDX-License-Identifier: Apache-2.0
// Any bytes as an LMDB file: every key and value that is handed out lies within them.
#include <stddef.h>
#include <stdint.h>
#include "data/lmdb_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    const uint8_t *begin, *end;
    uint64_t sum;
} seen;

static void touch(seen *s, const uint8_t *at, size_t bytes) {
    if (at < s->begin || bytes > (size_t)(s->end - at))
        __builtin_trap();
    if (bytes)
        s->sum += at[0] + at[bytes - 1];
}

static atl_status look(void *user, const atl_lmdb_entry *entry) {
    touch(user, entry->key, entry->key_bytes);
    touch(user, entry->value, entry->value_bytes);
    return ATL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    atl_ctx *ctx;
    seen s = { data, data + size, 0 };
    if (atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 0;
    atl_lmdb_walk(ctx, "fuzz", data, size, look, &s);
    atl_ctx_close(&ctx);
    return 0;
}
