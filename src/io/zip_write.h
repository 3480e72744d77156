// SPDX-License-Identifier: Apache-2.0
// Writes a zip file of stored members from front to back, with one fixed date: the same content makes the
// same bytes.  Zip64 records appear only when the sizes need them.
#ifndef ATL_IO_ZIP_WRITE_H
#define ATL_IO_ZIP_WRITE_H

#include <stdbool.h>
#include "io/file.h"

typedef struct atl_zip_writer atl_zip_writer;

atl_status atl_zip_writer_open(atl_ctx *ctx, const char *path, atl_zip_writer **zip);

// `name` is copied; at most 255 bytes.
atl_status atl_zip_writer_add(atl_zip_writer *zip, const char *name, const void *data, size_t size);

// The same for content in two parts, a head and what follows it.
atl_status atl_zip_writer_add_two(atl_zip_writer *zip, const char *name, const void *head, size_t head_size,
                                  const void *data, size_t size);

// Completes the file and puts it in place; or removes it.  Both set *zip to NULL.
atl_status atl_zip_writer_commit(atl_zip_writer **zip);
void atl_zip_writer_abort(atl_zip_writer **zip);

#endif
