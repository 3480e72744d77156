// SPDX-License-Identifier: Apache-2.0
// Listing pictures by the endings of their names; see photos.h.
#include "photos.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "files.h"
#include "memory.h"

enum { DEPTH_MOST = 16 }; // folders in folders

int app_photo_ends(const char *name) {
    static const char *const endings[] = {
        ".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp"
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return 1;
    return 0;
}

// `within`: where in `path` the stem begins.
static app_status add(app_photos *p, const char *path, size_t within, app_error *e) {
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        app_photo *list = realloc(p->list, room * sizeof *list);
        if (!list)
            return app_fail(e, "out of memory");
        p->list = list;
        p->room = room;
    }
    app_photo photo = { app_copy(path, e), app_copy(path + within, e) };
    if (!photo.path || !photo.stem) {
        free(photo.path);
        free(photo.stem);
        return APP_FAILED;
    }
    const char *name = app_file_name(photo.stem);
    photo.stem[(size_t)(name - photo.stem) + app_stem_length(name)] = '\0';
    p->list[p->count++] = photo;
    return APP_OK;
}

static app_status add_folder(app_photos *p, const char *path, size_t within, int depth, app_error *e) {
    DIR *folder = opendir(path);
    if (!folder)
        return app_fail(e, "%s: the folder can't be read: %s", path, strerror(errno));
    app_status status = APP_OK;
    for (struct dirent *d; status == APP_OK && (d = readdir(folder)) != NULL;) {
        struct stat info;
        if (d->d_name[0] == '.') // hidden, or the folder itself
            continue;
        char *inner = app_join(path, d->d_name, e);
        if (!inner)
            status = APP_FAILED;
        else if (lstat(inner, &info) == 0 && S_ISDIR(info.st_mode)) // links could lead in circles
            status = depth < DEPTH_MOST ? add_folder(p, inner, within, depth + 1, e)
                                        : app_fail(e, "%s: over %d folders in each other", inner, DEPTH_MOST);
        else if (app_photo_ends(d->d_name) && stat(inner, &info) == 0 && S_ISREG(info.st_mode))
            status = add(p, inner, within, e);
        free(inner);
    }
    closedir(folder);
    return status;
}

static app_status add_argument(app_photos *p, const char *path, app_error *e) {
    struct stat info;
    size_t length = strlen(path);
    if (stat(path, &info) != 0)
        return app_fail(e, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        const char *slash = strrchr(path, '/');
        return add(p, path, slash ? (size_t)(slash + 1 - path) : 0, e);
    }
    size_t before = p->count;
    app_status status = add_folder(p, path, length + (length && path[length - 1] != '/'), 0, e);
    if (status == APP_OK && p->count == before)
        return app_fail(e, "%s: no pictures are in this folder", path);
    return status;
}

static int by_stem(const void *a, const void *b) {
    const app_photo *x = a, *y = b;
    int order = strcmp(x->stem, y->stem);
    return order ? order : strcmp(x->path, y->path);
}

app_status app_photos_open(app_photos *p, const char *const *paths, size_t count, app_error *e) {
    *p = (app_photos){ 0 };
    for (size_t i = 0; i < count; i++)
        if (add_argument(p, paths[i], e) != APP_OK)
            return APP_FAILED;
    qsort(p->list, p->count, sizeof *p->list, by_stem);
    for (size_t i = 1; i < p->count; i++)
        if (!strcmp(p->list[i - 1].stem, p->list[i].stem))
            return app_fail(e, "%s and %s would both become %s; take them one after the other",
                            p->list[i - 1].path, p->list[i].path, p->list[i].stem);
    return APP_OK;
}

void app_photos_close(app_photos *p) {
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].path);
        free(p->list[i].stem);
    }
    free(p->list);
    *p = (app_photos){ 0 };
}

int app_photo_is(const char *path, const char *name) {
    size_t a = strlen(path), b = strlen(name);
    const char *longer = a > b ? path : name, *shorter = a > b ? name : path;
    size_t more = a > b ? a - b : b - a;
    return !strcmp(longer + more, shorter) && (!more || longer[more - 1] == '/');
}
