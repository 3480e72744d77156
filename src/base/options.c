// SPDX-License-Identifier: Apache-2.0
// Option structs of callers that were compiled against this version of the headers or an older one.
#include "base/options.h"

#include <string.h>

atl_status atl_options_read(atl_ctx *ctx, const char *name, void *own, size_t own_size, const void *theirs) {
    size_t size;
    if (!theirs)
        return ATL_OK;
    memcpy(&size, theirs, sizeof size);
    if (size > sizeof size && size <= own_size) {
        memcpy(own, theirs, size);
        memcpy(own, &own_size, sizeof own_size);
        return ATL_OK;
    }
    if (!ctx)
        return ATL_BAD_ARGUMENT;
    if (size <= sizeof size)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: size is %zu: start from the struct's initialiser, which sets it", name, size);
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "%s: size is %zu, and this version knows %zu bytes: the program was compiled for a newer "
                    "libatelier",
                    name, size, own_size);
}
