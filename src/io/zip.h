// SPDX-License-Identifier: Apache-2.0
// Members of a zip file in memory, over libzip.  Names are keys, never paths: nothing is extracted.
#ifndef ATL_IO_ZIP_H
#define ATL_IO_ZIP_H

#include "base/mem.h"

typedef struct atl_zip atl_zip;

// `data` and `path` (for messages) must outlive the archive.  Archives with two members of one name are
// refused: readers could disagree about them.
atl_status atl_zip_open(atl_ctx *ctx, const char *path, const void *data, size_t bytes, atl_zip **zip);
void atl_zip_close(atl_zip **zip);

size_t atl_zip_size(const atl_zip *zip);                       // number of members
const char *atl_zip_name(const atl_zip *zip, size_t index);    // borrowed
size_t atl_zip_bytes(const atl_zip *zip, size_t index);        // of the content
size_t atl_zip_find(const atl_zip *zip, const char *name);     // atl_zip_size() when there is none

// Fails when a member claims to unpack to more than 64 MiB and 64 times its packed size: nothing honest that
// is this large does.  Ask before making room for atl_zip_bytes().
atl_status atl_zip_check_claim(const atl_zip *zip, size_t index);

// Reads a whole member into `out`, which has atl_zip_bytes() bytes.  The checksum is verified.
atl_status atl_zip_read(atl_zip *zip, size_t index, void *out);

#endif
