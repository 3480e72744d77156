// SPDX-License-Identifier: Apache-2.0
// A folder is filled as "PATH.tmp-PID" beside its place and renamed over it, which the system allows when
// an empty folder is there.
#include "data/sink.h"

#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/data.h"
#include "data/zip_write.h"

struct atl_sink {
    atl_ctx *ctx;
    atl_zip_writer *zip; // NULL: a folder
    atl_arena arena;
    const char *path, *temporary;
    const char *last;   // the folder within, made last; "" at first
    const char **files; // [count] in `temporary`, to be removed after a failure
    size_t count, room;
    const char **folders; // [folder_count]
    size_t folder_count, folder_room;
};

static bool is_empty_or_missing(const char *path) {
    DIR *list = opendir(path);
    if (!list)
        return errno == ENOENT;
    struct dirent *entry;
    bool empty = true;
    while (empty && (entry = readdir(list)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    closedir(list);
    return empty;
}

static atl_status make_folder(atl_sink *s, const char *path) {
    if (s->folder_count == s->folder_room) {
        size_t room = s->folder_room ? s->folder_room * 2 : 16;
        const char **larger = atl_grow(s->ctx, s->folders, s->folder_count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        s->folders = larger;
        s->folder_room = room;
    }
    if (mkdir(path, 0777) != 0)
        return atl_fail_system(s->ctx, path, "can't be made", errno);
    s->folders[s->folder_count++] = path;
    return ATL_OK;
}

static atl_status open_folder(atl_sink *s, const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (!is_empty_or_missing(path))
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT,
                        "%s: is no empty folder; name a new or empty one, or a file that ends in .zip", path);
    s->path = atl_arena_string(&s->arena, path, length);
    s->temporary = atl_arena_printf(&s->arena, "%.*s.tmp-%ld", (int)length, path, (long)getpid());
    s->last = "";
    return s->path && s->temporary ? make_folder(s, s->temporary) : ATL_NO_MEMORY;
}

atl_status atl_sink_open(atl_ctx *ctx, const char *path, atl_sink **sink) {
    *sink = NULL;
    atl_sink *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->ctx = ctx;
    atl_arena_init(&s->arena, ctx, 0);
    atl_status status =
        atl_name_ends(path, ".zip") ? atl_zip_writer_open(ctx, path, &s->zip) : open_folder(s, path);
    if (status != ATL_OK)
        atl_sink_abort(&s);
    *sink = s;
    return status;
}

static atl_status enter(atl_sink *s, const char *name) {
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (!slash || (strlen(s->last) == length && !memcmp(s->last, name, length)))
        return ATL_OK;
    s->last = atl_arena_string(&s->arena, name, length);
    const char *path = atl_arena_printf(&s->arena, "%s/%.*s", s->temporary, (int)length, name);
    return s->last && path ? make_folder(s, path) : ATL_NO_MEMORY;
}

static atl_status write_file(atl_sink *s, const char *path, const void *data, size_t size) {
    atl_writer *writer;
    ATL_TRY(atl_writer_open(s->ctx, path, &writer));
    atl_status status = atl_writer_write(writer, data, size);
    if (status == ATL_OK)
        return atl_writer_commit(&writer);
    atl_writer_abort(&writer);
    return status;
}

// Names the folder's own place in a failure in the one beside it, which will be gone when the sentence is
// read.
static atl_status blame(const atl_sink *s, atl_status status) {
    size_t length = strlen(s->temporary);
    char rest[ATL_MESSAGE_MAX];
    if (status == ATL_OK || strncmp(atl_message(s->ctx), s->temporary, length) != 0)
        return status;
    snprintf(rest, sizeof rest, "%s", atl_message(s->ctx) + length);
    atl_message_clear(s->ctx);
    return atl_fail(s->ctx, status, "%.400s%.600s", s->path, rest);
}

atl_status atl_sink_add(atl_sink *s, const char *name, const void *data, size_t size) {
    if (s->zip)
        return atl_zip_writer_add(s->zip, name, data, size);
    ATL_TRY(blame(s, enter(s, name)));
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 256;
        const char **larger = atl_grow(s->ctx, s->files, s->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        s->files = larger;
        s->room = room;
    }
    const char *path = atl_arena_printf(&s->arena, "%s/%s", s->temporary, name);
    if (!path)
        return ATL_NO_MEMORY;
    ATL_TRY(blame(s, write_file(s, path, data, size)));
    s->files[s->count++] = path;
    return ATL_OK;
}

static void destroy(atl_sink **sink) {
    atl_sink *s = *sink;
    atl_free(s->ctx, s->files);
    atl_free(s->ctx, s->folders);
    atl_arena_clear(&s->arena);
    atl_free(s->ctx, s);
    *sink = NULL;
}

atl_status atl_sink_commit(atl_sink **sink) {
    atl_sink *s = *sink;
    atl_status status = ATL_OK;
    if (s->zip)
        status = atl_zip_writer_commit(&s->zip);
    else if (rename(s->temporary, s->path) != 0)
        status = atl_fail_system(s->ctx, s->path, "can't be put in place", errno);
    if (status == ATL_OK)
        destroy(sink);
    else
        atl_sink_abort(sink);
    return status;
}

void atl_sink_abort(atl_sink **sink) {
    if (!sink || !*sink)
        return;
    atl_sink *s = *sink;
    atl_zip_writer_abort(&s->zip);
    for (size_t i = s->count; i-- > 0;)
        unlink(s->files[i]);
    for (size_t i = s->folder_count; i-- > 0;)
        rmdir(s->folders[i]);
    destroy(sink);
}
