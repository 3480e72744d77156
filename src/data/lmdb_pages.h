// SPDX-License-Identifier: Apache-2.0
// The entries of an LMDB file, found by walking its pages.  liblmdb trusts its files: a download that was cut
// ends in a bus error inside it.  Here every page, node and length is compared with the file.
#ifndef ATL_DATA_LMDB_PAGES_H
#define ATL_DATA_LMDB_PAGES_H

#include "base/ctx.h"

typedef struct atl_lmdb_entry {
    const uint8_t *key, *value; // within the file
    size_t key_bytes, value_bytes;
} atl_lmdb_entry;

// Calls `each` for the entries of the main database in the order of their keys until it fails.  `path` is for
// sentences.
atl_status atl_lmdb_walk(atl_ctx *ctx, const char *path, const uint8_t *file, size_t bytes,
                         atl_status (*each)(void *user, const atl_lmdb_entry *entry), void *user);

#endif
