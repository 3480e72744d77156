// SPDX-License-Identifier: Apache-2.0
// Pins: styles that somebody wants to keep, each in a file of the output folder, OUTDIR/pins/NAME.npz with
// "w" [1, layers, w], as every command takes them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"
#include "serve_check.h"
#include "serve_parts.h"

char *app_out_path(app_serve *s, const char *folder, const char *name) {
    char *below = app_join(s->o.outdir, folder, &s->error), *path = NULL;
    if (below && app_folder_make(below, &s->error) == APP_OK)
        path = app_join(below, name, &s->error);
    free(below);
    return path;
}

char *app_pin_path(app_serve *s, const char *pin) {
    struct stat st;
    char path[4200];
    if (!app_name_is_plain(pin) ||
        snprintf(path, sizeof path, "%s/pins/%s.npz", s->o.outdir, pin) >= (int)sizeof path ||
        lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        app_fail(&s->error, "%.64s: there is no such pin", pin);
        return NULL;
    }
    char *copy = malloc(strlen(path) + 1);
    if (copy)
        memcpy(copy, path, strlen(path) + 1);
    else
        app_fail(&s->error, "out of memory");
    return copy;
}
