// SPDX-License-Identifier: Apache-2.0
// The table of backends.
#include "run/backend.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "cpu/backend.h"
#include "plain/backend.h"

static const struct {
    const char *name;
    atl_status (*open)(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend);
} ROWS[] = {
    { "cpu", atl_cpu_backend_open },
    { "plain", atl_plain_backend_open },
};

atl_status atl_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend) {
    const char *named = ctx->device[0] ? ctx->device : getenv("ATL_TEST_BACKEND");
    const char *name = named && named[0] ? named : "cpu";
    char have[64] = "";
    *backend = NULL;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (!strcmp(ROWS[i].name, name))
            return ROWS[i].open(ctx, options, backend);
        atl_names_add(have, sizeof have, ROWS[i].name);
    }
    return atl_fail(ctx, ATL_BAD_ARGUMENT, "there is no device %s in this build; there is: %s", name, have);
}

static void close_backend(void *backend) {
    atl_backend *b = backend;
    atl_backend_close(&b);
}

atl_status atl_backend_of(atl_ctx *ctx, atl_backend **backend) {
    *backend = ctx->backend;
    if (*backend)
        return ATL_OK;
    ATL_TRY(atl_backend_open(ctx, NULL, backend));
    ctx->backend = *backend;
    ctx->close_backend = close_backend;
    return ATL_OK;
}
