// SPDX-License-Identifier: Apache-2.0
// Looking through folders; see serve_files.h.
#include "serve_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "files.h"
#include "memory.h"

static const struct {
    const char *ending;
    int kinds;
} endings[] = {
    { ".pkl", APP_IS_NETWORK | APP_IS_DIRECTIONS },
    { ".pt", APP_IS_NETWORK | APP_IS_DIRECTIONS },
    { ".pth", APP_IS_NETWORK },
    { ".npy", APP_IS_DIRECTIONS },
    { ".npz", APP_IS_DIRECTIONS },
    { ".txt", APP_IS_DIRECTIONS },
    { ".json", APP_IS_DIRECTIONS },
    { ".zip", APP_IS_SET },
    { ".png", APP_IS_PHOTO },
    { ".jpg", APP_IS_PHOTO },
    { ".jpeg", APP_IS_PHOTO },
    { ".webp", APP_IS_PHOTO },
};

// Safetensors say in their head whether they are directions, or only latents.
static int kinds_of_safetensors(const char *path) {
    char head[4096 + 1] = "";
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(head, 1, sizeof head - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 8; i + 12 < size; i++)
        if (!memcmp(head + i, "\"directions\"", 12))
            return APP_IS_DIRECTIONS;
    return size ? APP_IS_NETWORK : 0;
}

// By its name alone.
static int kinds_of_name(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i].ending))
            return endings[i].kinds;
    return 0;
}

static int kinds_of(const char *path) {
    const char *name = app_file_name(path), *dot = strrchr(name, '.');
    return dot && !strcasecmp(dot, ".safetensors") ? kinds_of_safetensors(path) : kinds_of_name(name);
}

static int holds(const char *folder, const char *name) {
    char *path = app_join(folder, name, NULL);
    struct stat s;
    int found = path && stat(path, &s) == 0;
    free(path);
    return found;
}

static app_status add(app_listing *l, const char *name, const char *path, int kinds, long long bytes,
                      app_error *e) {
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 32;
        app_listed *larger = realloc(l->items, room * sizeof *larger);
        if (!larger)
            return app_fail(e, "out of memory");
        l->items = larger;
        l->room = room;
    }
    app_listed item = { app_copy(name, e), app_copy(path, e), kinds, bytes };
    if (!item.name || !item.path) {
        free(item.name);
        free(item.path);
        return APP_FAILED;
    }
    l->items[l->count++] = item;
    return APP_OK;
}

static app_status add_folder(app_listing *l, const char *name, const char *path, int depth, app_error *e);

static app_status add_entry(app_listing *l, const char *name, const char *path, int depth, app_error *e) {
    struct stat s;
    if (lstat(path, &s) != 0)
        return APP_OK;
    int kinds = S_ISREG(s.st_mode) ? kinds_of(path) : 0;
    if (kinds & APP_IS_PHOTO) // its folder is what can be named
        return APP_OK;
    if (kinds)
        return add(l, name, path, kinds, (long long)s.st_size, e);
    return S_ISDIR(s.st_mode) && depth < APP_LISTED_DEPTH ? add_folder(l, name, path, depth + 1, e) : APP_OK;
}

static app_status add_folder(app_listing *l, const char *name, const char *path, int depth, app_error *e) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort), photos = 0;
    app_status status = n < 0 && depth == 0 ? app_fail(e, "%s: can't be read", path) : APP_OK;
    if (n >= 0 && (holds(path, "stats.jsonl") || holds(path, "training_options.json")))
        status = add(l, name, path, APP_IS_RUN, 0, e);
    for (int i = 0; i < n; i++) {
        const char *entry = entries[i]->d_name;
        char *below = app_join(path, entry, e), *called = app_join(name, entry, e);
        if (!below || !called)
            status = APP_FAILED;
        photos += (kinds_of_name(entry) & APP_IS_PHOTO) != 0;
        if (status == APP_OK && *entry != '.' && l->count < APP_LISTED_MOST)
            status = add_entry(l, called, below, depth, e);
        free(below);
        free(called);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    if (status == APP_OK && (photos > 1 || holds(path, "dataset.json")) && !holds(path, "stats.jsonl"))
        status = add(l, name, path, APP_IS_SET, 0, e);
    return status;
}

app_status app_listing_add(app_listing *l, const char *place, app_error *e) {
    struct stat s;
    char *path = app_copy(place, e);
    size_t size = path ? strlen(path) : 0;
    while (size > 1 && path[size - 1] == '/')
        path[--size] = '\0';
    app_status status = !path ? APP_FAILED : APP_OK;
    if (path && stat(path, &s) != 0)
        status = app_fail(e, "%s: there is no such file or folder", place);
    else if (path && S_ISDIR(s.st_mode))
        status = add_folder(l, app_file_name(path), path, 0, e);
    else if (path)
        status = add(l, app_file_name(path), path, kinds_of(path) | APP_IS_NETWORK, (long long)s.st_size, e);
    free(path);
    return status;
}

void app_listing_clear(app_listing *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].name);
        free(l->items[i].path);
    }
    free(l->items);
    *l = (app_listing){ 0 };
}

const app_listed *app_listing_find(const app_listing *l, const char *name, int kind) {
    for (size_t i = 0; name && i < l->count; i++)
        if ((l->items[i].kinds & kind) && !strcmp(l->items[i].name, name))
            return &l->items[i];
    return NULL;
}
