// SPDX-License-Identifier: Apache-2.0
// A new folder is filled as "PATH.tmp-PID" beside its place and renamed; one that is there as
// "PATH/.tmp-PID", whose content moves up, the labels last.
#include "data/sink.h"

#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/data.h"
#include "io/zip_write.h"

typedef struct names {
    const char **list; // [count]
    size_t count, room;
} names;

struct atl_sink {
    atl_ctx *ctx;
    atl_zip_writer *zip; // NULL: a folder
    atl_arena arena;
    const char *path, *temporary;
    bool in_place;    // `path` was there
    const char *last; // the folder within, made last; "" at first
    names parents;    // folders above `path` that were made
    names folders;    // the temporary one and those within, as they are called within: "" and "00000"
    names files;      // as they are called within
};

static atl_status remember(atl_sink *s, names *n, const char *name) {
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 64;
        const char **larger = atl_grow(s->ctx, n->list, n->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        n->list = larger;
        n->room = room;
    }
    n->list[n->count++] = name;
    return ATL_OK;
}

// ---- places

// A file system of its own may have its "lost+found".
static bool is_empty(const char *path) {
    DIR *list = opendir(path);
    struct dirent *entry;
    bool empty = list != NULL;
    while (empty && (entry = readdir(list)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
                !strcmp(entry->d_name, "lost+found");
    if (list)
        closedir(list);
    return empty;
}

static atl_status make_parents(atl_sink *s, const char *path) {
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *parent = atl_arena_string(&s->arena, path, (size_t)(slash - path));
        if (!parent)
            return ATL_NO_MEMORY;
        if (mkdir(parent, 0777) == 0)
            ATL_TRY(remember(s, &s->parents, parent));
        else if (errno != EEXIST)
            return atl_fail_system(s->ctx, parent, "can't be made", errno);
    }
    return ATL_OK;
}

// Names the folder's own place in a failure in the temporary one, which will be gone when the sentence is
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

static atl_status make_folder(atl_sink *s, const char *name) {
    const char *path = atl_arena_printf(&s->arena, "%s%s%s", s->temporary, *name ? "/" : "", name);
    if (!path)
        return ATL_NO_MEMORY;
    ATL_TRY(remember(s, &s->folders, name));
    if (mkdir(path, 0777) == 0)
        return ATL_OK;
    s->folders.count--;
    return blame(s, atl_fail_system(s->ctx, path, "can't be made", errno));
}

static atl_status open_folder(atl_sink *s, bool there) {
    if (there && !is_empty(s->path))
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT,
                        "%s: is no empty folder; name a new or empty one, or a file that ends in .zip",
                        s->path);
    s->in_place = there;
    s->last = "";
    s->temporary = atl_arena_printf(&s->arena, there ? "%s/.tmp-%ld" : "%s.tmp-%ld", s->path, (long)getpid());
    if (!s->temporary)
        return ATL_NO_MEMORY;
    ATL_TRY(make_parents(s, s->path));
    return make_folder(s, "");
}

static atl_status open_place(atl_sink *s, const char *source) {
    struct stat here, from;
    bool there = stat(s->path, &here) == 0;
    if (there && stat(source, &from) == 0 && here.st_dev == from.st_dev && here.st_ino == from.st_ino)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "%s: is what the set is to be made of; name another place",
                        s->path);
    if ((there && S_ISDIR(here.st_mode)) || (!there && !atl_name_ends(s->path, ".zip")))
        return open_folder(s, there);
    if (there)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT, "%s: is there already; remove it, or name a new file",
                        s->path);
    ATL_TRY(make_parents(s, s->path));
    return atl_zip_writer_open(s->ctx, s->path, &s->zip);
}

atl_status atl_sink_open(atl_ctx *ctx, const char *source, const char *path, atl_sink **sink) {
    *sink = NULL;
    atl_sink *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->ctx = ctx;
    atl_arena_init(&s->arena, ctx, 0);
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    s->path = atl_arena_string(&s->arena, path, length);
    atl_status status = !s->path ? ATL_NO_MEMORY : ATL_OK;
    if (status == ATL_OK && !length)
        status = atl_fail(ctx, ATL_BAD_ARGUMENT, "the place for the new set has no name");
    if (status == ATL_OK)
        status = open_place(s, source);
    if (status != ATL_OK)
        atl_sink_abort(&s);
    *sink = s;
    return status;
}

// ---- writing

static atl_status enter(atl_sink *s, const char *name) {
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (!slash || (strlen(s->last) == length && !memcmp(s->last, name, length)))
        return ATL_OK;
    s->last = atl_arena_string(&s->arena, name, length);
    return s->last ? make_folder(s, s->last) : ATL_NO_MEMORY;
}

atl_status atl_sink_add(atl_sink *s, const char *name, const void *data, size_t size) {
    if (s->zip)
        return atl_zip_writer_add(s->zip, name, data, size);
    ATL_TRY(enter(s, name));
    const char *path = atl_arena_printf(&s->arena, "%s/%s", s->temporary, name);
    const char *kept = atl_arena_string(&s->arena, name, strlen(name));
    if (!path || !kept)
        return ATL_NO_MEMORY;
    ATL_TRY(remember(s, &s->files, kept));
    atl_status status = atl_file_write(s->ctx, path, data, size);
    if (status == ATL_OK)
        return ATL_OK;
    s->files.count--;
    return blame(s, status);
}

// ---- the end

static void destroy(atl_sink **sink) {
    atl_sink *s = *sink;
    atl_free(s->ctx, s->parents.list);
    atl_free(s->ctx, s->folders.list);
    atl_free(s->ctx, s->files.list);
    atl_arena_clear(&s->arena);
    atl_free(s->ctx, s);
    *sink = NULL;
}

// Renames `name` from one folder to the other.  False with errno.
static bool move(const char *from, const char *to, const char *name) {
    char a[4096], b[4096];
    int n = snprintf(a, sizeof a, "%s/%s", from, name), m = snprintf(b, sizeof b, "%s/%s", to, name);
    if (n < 0 || m < 0 || n >= (int)sizeof a || m >= (int)sizeof b) {
        errno = ENAMETOOLONG;
        return false;
    }
    return rename(a, b) == 0;
}

// Moves what lies at the top of the temporary folder up: folders, then files; all or nothing.
static atl_status move_up(atl_sink *s) {
    names top = { NULL, 0, 0 };
    atl_status status = ATL_OK;
    for (size_t i = 1; i < s->folders.count && status == ATL_OK; i++)
        status = remember(s, &top, s->folders.list[i]);
    for (size_t i = 0; i < s->files.count && status == ATL_OK; i++)
        if (!strchr(s->files.list[i], '/'))
            status = remember(s, &top, s->files.list[i]);
    size_t moved = 0;
    while (status == ATL_OK && moved < top.count)
        if (move(s->temporary, s->path, top.list[moved]))
            moved++;
        else
            status = atl_fail_system(s->ctx, s->path, "can't be filled", errno);
    while (status != ATL_OK && moved > 0)
        move(s->path, s->temporary, top.list[--moved]);
    atl_free(s->ctx, top.list);
    if (status == ATL_OK)
        rmdir(s->temporary);
    return status;
}

atl_status atl_sink_commit(atl_sink **sink) {
    atl_sink *s = *sink;
    atl_status status = ATL_OK;
    if (s->zip)
        status = atl_zip_writer_commit(&s->zip);
    else if (s->in_place)
        status = move_up(s);
    else if (rename(s->temporary, s->path) != 0)
        status = atl_fail_system(s->ctx, s->path, "can't be put in place", errno);
    if (status == ATL_OK)
        destroy(sink);
    else
        atl_sink_abort(sink);
    return status;
}

// Without the arena: it may be full.
static void drop(const atl_sink *s, const char *name, int (*how)(const char *path)) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s%s", s->temporary, *name ? "/" : "", name);
    if (n > 0 && n < (int)sizeof path)
        how(path);
}

void atl_sink_abort(atl_sink **sink) {
    if (!sink || !*sink)
        return;
    atl_sink *s = *sink;
    atl_zip_writer_abort(&s->zip);
    for (size_t i = s->files.count; i-- > 0;)
        drop(s, s->files.list[i], unlink);
    for (size_t i = s->folders.count; i-- > 0;)
        drop(s, s->folders.list[i], rmdir);
    for (size_t i = s->parents.count; i-- > 0;)
        rmdir(s->parents.list[i]);
    destroy(sink);
}
