// SPDX-License-Identifier: Apache-2.0
// Files, in and out.  In: a file is mapped read-only as a whole.  Out: bytes go to a temporary file
// beside the target, which is renamed when it is complete; a failure leaves nothing behind.
#ifndef ATL_IO_FILE_H
#define ATL_IO_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "base/ctx.h"

// A mapped file.  The bytes stay valid until atl_file_unmap(), also when the file is removed; nobody
// may cut it short meanwhile.
typedef struct atl_file {
    const uint8_t *data; // never NULL, also for an empty file
    size_t bytes;
    int handle;          // the descriptor, kept open for second mappings
} atl_file;

// Maps a regular file.  On failure *file is empty and unmapping it does nothing.
atl_status atl_file_map(atl_ctx *ctx, const char *path, atl_file *file);
void atl_file_unmap(atl_file *file);

// What a file of this size may become in memory, so that a small one can't ask for much: so many times as
// much (at most 127), and 64 MiB.
static inline size_t atl_file_most(size_t bytes, size_t times) {
    return bytes < SIZE_MAX / 128 ? bytes * times + ((size_t)64 << 20) : SIZE_MAX;
}

// A second mapping of the same bytes with its own lifetime.  It can be written; the file itself does
// not change.  Release it with atl_mapping_release().
atl_status atl_file_map_copy(atl_ctx *ctx, const char *path, const atl_file *file, void **memory);
void atl_mapping_release(void *memory, size_t bytes);

// Writes one file.  Every writer ends in commit or abort; both set *writer to NULL.
typedef struct atl_writer atl_writer;

// `path` is copied.  The target is untouched until commit; a folder or device as target is refused.
atl_status atl_writer_open(atl_ctx *ctx, const char *path, atl_writer **writer);

// The name of the temporary file, for a library that opens files itself; valid until commit or abort.
// Everything in it counts at commit, whoever wrote it.
const char *atl_writer_temporary(const atl_writer *writer);

// After a failure all further writes fail too, and commit aborts.
atl_status atl_writer_write(atl_writer *writer, const void *bytes, size_t count);

// Flushes, syncs and renames.  When any of it fails the temporary file is removed.
atl_status atl_writer_commit(atl_writer **writer);

// Removes the temporary file.  Accepts a pointer to NULL.
void atl_writer_abort(atl_writer **writer);

// A whole file at once, by all of these.
atl_status atl_file_write(atl_ctx *ctx, const char *path, const void *bytes, size_t count);

// Fails with ATL_IO and "PATH: WHAT: REASON", the reason being that of the system's error number.
atl_status atl_fail_system(atl_ctx *ctx, const char *path, const char *what, int error);

#endif
