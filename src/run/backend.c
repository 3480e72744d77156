// SPDX-License-Identifier: Apache-2.0
// The table of backends.
#include "run/backend.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/backend.h"
#include "plain/backend.h"

static const atl_backend_row ROWS[] = {
    { "cpu", atl_cpu_backend_open },
    { "plain", atl_plain_backend_open },
};

const atl_backend_row *atl_backend_row_get(size_t index) {
    return index < sizeof ROWS / sizeof *ROWS ? &ROWS[index] : NULL;
}

static const atl_backend_row *find(const char *name) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (!strcmp(ROWS[i].name, name))
            return &ROWS[i];
    return NULL;
}

atl_status atl_backend_open(atl_ctx *ctx, const char *name, const atl_backend_options *options,
                            atl_backend **backend) {
    *backend = NULL;
    if (!name)
        name = ctx->device[0] ? ctx->device : getenv("ATL_TEST_BACKEND");
    const atl_backend_row *row = find(name && name[0] ? name : "cpu");
    if (!row)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "there is no device %s in this build: cpu and plain are",
                        name);
    return row->open(ctx, options, backend);
}

static void close_backend(void *backend) {
    atl_backend *b = backend;
    atl_backend_close(&b);
}

atl_status atl_backend_of(atl_ctx *ctx, atl_backend **backend) {
    *backend = ctx->backend;
    if (*backend)
        return ATL_OK;
    ATL_TRY(atl_backend_open(ctx, NULL, NULL, backend));
    ctx->backend = *backend;
    ctx->close_backend = close_backend;
    return ATL_OK;
}
