// SPDX-License-Identifier: Apache-2.0
// The network that comes with Atelier, for commands that were given none.  It is looked for beside the program, so that
// an installation can be moved: PREFIX/share/atelier/ as seen from PREFIX/bin/, or models/ of the sources when the
// program lies in a build folder below them.
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common.h"

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

const char *cli_network(cli_common *common, const char *given) {
    char folder[sizeof common->network];
    if (given)
        return given;
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0)
        return NULL;
    folder[length] = '\0';
    up(folder);
    int found = readable(common->network, sizeof common->network, folder, "../share/atelier");
    for (int i = 0; i < 4 && !found; i++) {
        found = readable(common->network, sizeof common->network, folder, "models");
        up(folder);
    }
    if (!found)
        return NULL;
    cli_note(common, "no --network given: using %s, which comes with Atelier", common->network);
    return common->network;
}
