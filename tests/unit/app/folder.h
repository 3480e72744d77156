// SPDX-License-Identifier: Apache-2.0
// A context, and a folder of the test's own, which must be empty again when it ends.
#ifndef TEST_APP_FOLDER_H
#define TEST_APP_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <atelier/ctx.h>

static char folder[] = "/tmp/atl-app-XXXXXX";

static inline const char *in_folder(const char *name) {
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline int setup(void **state) {
    if (!mkdtemp(folder))
        return -1;
    return atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static inline int teardown(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return rmdir(folder); // fails when a test left something behind
}

#endif
