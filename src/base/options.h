// SPDX-License-Identifier: Apache-2.0
// One reader for the option structs of the public headers.  Their first field is their size, so that a
// program and a library of different versions understand each other: a struct only ever grows at its end, by
// at least its alignment, so that a new field never lies in what was padding before.
#ifndef ATL_BASE_OPTIONS_H
#define ATL_BASE_OPTIONS_H

#include "base/ctx.h"

// Copies the caller's struct `theirs` over `own`, which holds the defaults of this version and its own size.
// A shorter one, of an older caller, leaves the defaults of the fields that it does not know; NULL leaves
// all. A size that no initialiser has set, and a longer struct, whose last fields would be ignored in
// silence, are errors.  name: "atl_map_options".  ctx may be NULL: then there is no sentence.
//
//     atl_map_options o = ATL_MAP_OPTIONS_INIT;
//     ATL_TRY(atl_options_read(ctx, "atl_map_options", &o, sizeof o, options));
atl_status atl_options_read(atl_ctx *ctx, const char *name, void *own, size_t own_size, const void *theirs);

#endif
