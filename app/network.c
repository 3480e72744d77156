// SPDX-License-Identifier: Apache-2.0
// Generators; see network.h.  The network that comes with Atelier is looked for beside the program, so that
// an installation can be moved: PREFIX/share/atelier/ as seen from PREFIX/bin/, or models/ of the sources
// when the program lies in a build folder below them.
#include "network.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

app_status app_network_open(atl_ctx *ctx, const char *path, const atl_model_options *options,
                            atl_model **model, app_error *e) {
    *model = NULL;
    if (atl_model_open(ctx, path, options, model) != ATL_OK)
        return app_fail_ctx(e, ctx);
    const atl_model_info *info = atl_model_get_info(*model);
    if (!strcmp(info->role, "generator"))
        return APP_OK;
    app_fail(e, "%s: %s is %s %s; choose a generator with --net G_ema", path, info->net,
             strchr("aeiou", *info->role) ? "an" : "a", info->role);
    atl_model_close(model);
    return APP_FAILED;
}

static const char FILE_NAME[] = "portraits-64.safetensors";

static int readable(char *path, size_t room, const char *folder, const char *below) {
    int length = snprintf(path, room, "%s/%s/%s", folder, below, FILE_NAME);
    return length > 0 && (size_t)length < room && access(path, R_OK) == 0;
}

static void up(char *folder) {
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
}

int app_network_shipped(char *path, size_t room) {
    enum { PATH_MOST = 4096 };
    char folder[PATH_MOST];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0)
        return 0;
    folder[length] = '\0';
    up(folder);
    int found = readable(path, room, folder, "../share/atelier");
    for (int i = 0; i < 4 && !found; i++) {
        found = readable(path, room, folder, "models");
        up(folder);
    }
    return found;
}
