// SPDX-License-Identifier: Apache-2.0
// A folder of pictures, searched to the bottom.  Links to files are followed, links to folders are not:
// they may lead back.  dataset.json at the top may hold labels.
#include "data/data.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 4096, DEPTH_MAX = 32 };

typedef struct walk {
    atl_source *source;
    size_t root; // bytes of `path` that are the folder itself, with its '/'
    char path[PATH_ROOM];
} walk;

static bool probe(const char *path, bool folder) {
    (void)path;
    return folder;
}

static atl_status walk_folder(walk *w, size_t length, int depth);

static atl_status visit(walk *w, size_t length, const char *name, int depth) {
    atl_source *s = w->source;
    size_t n = strlen(name);
    if (length + n + 2 > PATH_ROOM)
        return atl_fail(s->ctx, ATL_IO, "%.*s: a path of more than %d bytes", (int)length, w->path,
                        PATH_ROOM);
    memcpy(w->path + length, name, n + 1);
    struct stat info;
    if (lstat(w->path, &info) != 0)
        return atl_fail_system(s->ctx, w->path, "can't be examined", errno);
    if (S_ISDIR(info.st_mode)) {
        if (name[0] == '.')
            return ATL_OK;
        w->path[length + n] = '/';
        w->path[length + n + 1] = '\0';
        return walk_folder(w, length + n + 1, depth + 1);
    }
    if (S_ISLNK(info.st_mode) &&
        (stat(w->path, &info) != 0 || S_ISDIR(info.st_mode))) // leads nowhere, or perhaps back
        return name[0] == '.' ? ATL_OK : atl_source_add_skip(s, w->path + w->root, ATL_SKIP_LINK);
    size_t before = s->count;
    atl_status status = S_ISREG(info.st_mode) ? atl_source_add_file(s, w->path + w->root, 0) : ATL_OK;
    if (s->count > before)
        s->entries[before].size = (uint64_t)info.st_size;
    return status;
}

static atl_status walk_folder(walk *w, size_t length, int depth) {
    atl_ctx *ctx = w->source->ctx;
    if (depth > DEPTH_MAX)
        return atl_fail(ctx, ATL_IO, "%s: more than %d folders deep", w->path, DEPTH_MAX);
    DIR *folder = opendir(w->path);
    if (!folder)
        return atl_fail_system(ctx, w->path, "can't be opened", errno);
    atl_status status = ATL_OK;
    struct dirent *entry;
    while (status == ATL_OK && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = visit(w, length, entry->d_name, depth);
    closedir(folder);
    w->path[length] = '\0';
    return status;
}

// dataset.json stays mapped.
static atl_status read_json(atl_source *s, walk *w) {
    struct stat info;
    size_t at = 0;
    bool there = false;
    while (!there && atl_source_json_name(s, &at, w->path + w->root, PATH_ROOM - w->root))
        there = stat(w->path, &info) == 0;
    atl_file *file = there ? atl_arena_alloc(&s->arena, 1, sizeof *file) : NULL;
    if (!there || !file)
        return there ? ATL_NO_MEMORY : ATL_OK;
    ATL_TRY(atl_file_map(s->ctx, w->path, file));
    s->state = file;
    s->json = file->data;
    s->json_bytes = file->bytes;
    return ATL_OK;
}

static atl_status folder_open(atl_source *s) {
    walk *w = atl_calloc(s->ctx, 1, sizeof *w);
    if (!w)
        return ATL_NO_MEMORY;
    size_t length = strlen(s->path);
    atl_status status;
    if (length == 0 || length + 2 + sizeof "dataset.json" > PATH_ROOM) {
        status = atl_fail(s->ctx, ATL_BAD_ARGUMENT, "%s: a path of more than %d bytes", s->path, PATH_ROOM);
    } else {
        memcpy(w->path, s->path, length);
        if (w->path[length - 1] != '/')
            w->path[length++] = '/';
        w->source = s;
        w->root = length;
        status = walk_folder(w, length, 0);
        atl_source_sort(s);
        if (status == ATL_OK)
            status = read_json(s, w);
    }
    atl_free(s->ctx, w);
    return status;
}

static void folder_close(atl_source *s) {
    if (s->state)
        atl_file_unmap(s->state);
}

static atl_status folder_bytes(const atl_source *s, atl_ctx *ctx, size_t index, atl_data_bytes *bytes) {
    *bytes = (atl_data_bytes){ .file.handle = -1 };
    const char *name = s->entries[index].name;
    size_t a = strlen(s->path), b = strlen(name);
    char *path = atl_alloc(ctx, a + b + 2, 1);
    if (!path)
        return ATL_NO_MEMORY;
    memcpy(path, s->path, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b + 1);
    atl_status status = atl_file_map(ctx, path, &bytes->file);
    bytes->data = bytes->file.data;
    bytes->size = bytes->file.bytes;
    atl_free(ctx, path);
    return status;
}

const atl_source_kind atl_source_folder = { "folder", probe, folder_open, folder_close, folder_bytes, NULL };
