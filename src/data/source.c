// SPDX-License-Identifier: Apache-2.0
// The table of sources, their lists of names, and reading one picture through them.
#include "data/data.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/image_format.h"

// The folder is last: it takes every folder that nothing else claims.
static const atl_source_kind *const kinds[] = { &atl_source_zip,   &atl_source_tfrecord, &atl_source_cifar,
                                                &atl_source_mnist, &atl_source_lmdb,     &atl_source_folder };
enum { KINDS = sizeof kinds / sizeof *kinds };

bool atl_name_ends(const char *name, const char *end) {
    size_t a = strlen(name), b = strlen(end);
    if (a < b)
        return false;
    for (size_t i = 0; i < b; i++)
        if (tolower((unsigned char)name[a - b + i]) != tolower((unsigned char)end[i]))
            return false;
    return true;
}

static bool ends_in_one_of(const char *name, const char *const *ends) {
    for (; *ends; ends++)
        if (atl_name_ends(name, *ends))
            return true;
    return false;
}

// "._a.png" and "__MACOSX/" are what some systems strew over archives.
static bool hidden(const char *name) {
    if (*name == '.' || !strncmp(name, "__MACOSX/", 9))
        return true;
    for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/'))
        if (p[1] == '.' && p[2] != '.' && p[2] != '/')
            return true;
    return false;
}

atl_status atl_source_add(atl_source *s, const char *name, uint64_t key) {
    if (s->count == s->entry_room) {
        size_t room = s->entry_room ? s->entry_room * 2 : 256;
        atl_source_entry *larger = atl_grow(s->ctx, s->entries, s->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        s->entries = larger;
        s->entry_room = room;
    }
    char *copy = atl_arena_string(&s->arena, name, strlen(name));
    if (!copy)
        return ATL_NO_MEMORY;
    s->entries[s->count++] = (atl_source_entry){ .name = copy, .key = key };
    return ATL_OK;
}

atl_status atl_source_add_skip(atl_source *s, const char *name, atl_skip why) {
    if (s->skipped == s->skip_room) {
        size_t room = s->skip_room ? s->skip_room * 2 : 32;
        atl_source_skip *larger = atl_grow(s->ctx, s->skips, s->skipped, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        s->skips = larger;
        s->skip_room = room;
    }
    char *copy = atl_arena_string(&s->arena, name, strlen(name));
    if (!copy)
        return ATL_NO_MEMORY;
    s->skips[s->skipped++] = (atl_source_skip){ copy, why };
    return ATL_OK;
}

atl_status atl_source_add_file(atl_source *s, const char *name, uint64_t key) {
    static const char *const known[] = { ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".webp",
                                         ".gif", ".tif", ".tiff", ".bmp", ".dib",  NULL };
    static const char *const other[] = { ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".ppm",
                                         ".pgm",  ".pbm",  ".pnm",  ".tga", ".psd", ".xcf", ".ico",
                                         ".exr",  ".hdr",  ".svg",  ".pcx", ".dng", ".cr2", ".cr3",
                                         ".nef",  ".arw",  ".raw",  NULL };
    bool picture = ends_in_one_of(name, known);
    if (!picture && !ends_in_one_of(name, other))
        return ATL_OK;
    if (hidden(name))
        return atl_source_add_skip(s, name, ATL_SKIP_HIDDEN);
    return picture ? atl_source_add(s, name, key) : atl_source_add_skip(s, name, ATL_SKIP_FORMAT);
}

// ---- what was passed over

enum { ENDINGS = 6, ENDING_ROOM = 8 };

typedef struct tally {
    char ending[ENDING_ROOM];
    size_t count;
} tally;

// The ending of a name that has one, in small letters.
static void ending_of(const char *name, char ending[ENDING_ROOM]) {
    size_t i = 0;
    for (const char *p = strrchr(name, '.'); *p && i + 1 < ENDING_ROOM; p++)
        ending[i++] = (char)tolower((unsigned char)*p);
    ending[i] = '\0';
}

static void count_ending(const char *name, tally list[ENDINGS]) {
    char ending[ENDING_ROOM];
    ending_of(name, ending);
    for (int i = 0; i < ENDINGS; i++)
        if (!list[i].count || !strcmp(list[i].ending, ending)) {
            memcpy(list[i].ending, ending, ENDING_ROOM);
            list[i].count++;
            return;
        }
}

bool atl_source_skips_text(const atl_source *s, char *text, size_t room) {
    tally list[ENDINGS] = { { "", 0 } };
    size_t formats = 0, links = 0, n = 0;
    for (size_t i = 0; i < s->skipped; i++) {
        formats += s->skips[i].why == ATL_SKIP_FORMAT;
        links += s->skips[i].why == ATL_SKIP_LINK;
        if (s->skips[i].why == ATL_SKIP_FORMAT)
            count_ending(s->skips[i].name, list);
    }
    if (formats)
        n += (size_t)snprintf(text + n, room - n, "%zu file%s of formats that are not read (", formats,
                              formats == 1 ? "" : "s");
    for (int i = 0; i < ENDINGS && list[i].count && n < room; i++)
        n += (size_t)snprintf(text + n, room - n, "%s%zu %s", i ? ", " : "", list[i].count, list[i].ending);
    if (formats && n < room)
        n += (size_t)snprintf(text + n, room - n, ")%s", links ? " and " : "");
    if (links && n < room)
        snprintf(text + n, room - n, "%zu link%s", links, links == 1 ? "" : "s");
    return formats || links;
}

atl_status atl_source_require(atl_ctx *ctx, const atl_source *s) {
    char text[300];
    bool any = atl_source_skips_text(s, text, sizeof text);
    if (!s->count)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: holds no pictures (PNG, JPEG, WebP, GIF, TIFF or BMP)%s%s",
                        s->path, any ? ", but " : "", any ? text : "");
    if (any)
        atl_log(ctx, ATL_LOG_WARNING, "%s: passed over: %s", s->path, text);
    return ATL_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const atl_source_entry *)a)->name, ((const atl_source_entry *)b)->name);
}

static int skip_by_name(const void *a, const void *b) {
    return strcmp(((const atl_source_skip *)a)->name, ((const atl_source_skip *)b)->name);
}

void atl_source_sort(atl_source *s) {
    if (s->count)
        qsort(s->entries, s->count, sizeof *s->entries, by_name);
    if (s->skipped)
        qsort(s->skips, s->skipped, sizeof *s->skips, skip_by_name);
}

static int name_against_entry(const void *name, const void *entry) {
    return strcmp(name, ((const atl_source_entry *)entry)->name);
}

const atl_source_entry *atl_source_find(const atl_source *s, const char *name) {
    return s->count ? bsearch(name, s->entries, s->count, sizeof *s->entries, name_against_entry) : NULL;
}

// What the first and the last in order share, all share.
size_t atl_source_shared(const atl_source *s, size_t room) {
    if (!s->count)
        return 0;
    const char *a = s->entries[0].name, *b = s->entries[s->count - 1].name;
    const char *slash = strrchr(a, '/');
    size_t most = slash ? (size_t)(slash - a) + 1 : 0, n = 0;
    while (n < most && n + 1 < room && a[n] == b[n])
        n++;
    while (n && a[n - 1] != '/')
        n--;
    return n;
}

bool atl_source_json_name(const atl_source *s, size_t *at, char *name, size_t room) {
    static const char json[] = "dataset.json";
    size_t i = *at, shared = atl_source_shared(s, room - sizeof json);
    while (i && i <= shared && s->entries[0].name[i - 1] != '/')
        i++;
    if (i > shared)
        return false;
    memcpy(name, i ? s->entries[0].name : "", i);
    memcpy(name + i, json, sizeof json);
    *at = i + 1;
    return true;
}

static const atl_source_kind *find_kind(const char *path, bool folder) {
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i]->probe(path, folder))
            return kinds[i];
    return NULL;
}

static atl_status open_kind(atl_source *s, bool folder) {
    s->kind = find_kind(s->path, folder);
    if (!s->kind)
        return atl_fail(s->ctx, ATL_BAD_ARGUMENT,
                        "%s: not a source of pictures; name a folder, a .zip, .tfrecords, "
                        "cifar-10-python.tar.gz, train-images-idx3-ubyte.gz or a folder of LMDB",
                        s->path);
    ATL_TRY(s->kind->open(s));
    if (s->count == 0 && s->skipped == 0)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: holds no pictures (PNG, JPEG, WebP, GIF, TIFF or BMP)",
                        s->path);
    if (s->count > UINT32_MAX / 2)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: holds more than 2^31 pictures", s->path);
    return ATL_OK;
}

atl_status atl_source_open(atl_ctx *ctx, const char *path, atl_source **source) {
    *source = NULL;
    struct stat info;
    if (stat(path, &info) != 0)
        return atl_fail_system(ctx, path, "can't be opened", errno);
    atl_source *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    s->ctx = ctx;
    atl_arena_init(&s->arena, ctx, 0);
    s->path = atl_arena_string(&s->arena, path, strlen(path));
    atl_status status = s->path ? open_kind(s, S_ISDIR(info.st_mode)) : ATL_NO_MEMORY;
    if (status != ATL_OK)
        atl_source_close(&s);
    *source = s;
    return status;
}

void atl_source_close(atl_source **source) {
    if (!source || !*source)
        return;
    atl_source *s = *source;
    atl_ctx *ctx = s->ctx;
    if (s->kind && s->kind->close)
        s->kind->close(s);
    atl_free(ctx, s->entries);
    atl_free(ctx, s->skips);
    atl_arena_clear(&s->arena);
    atl_free(ctx, s);
    *source = NULL;
}

atl_status atl_source_read(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    return atl_source_read_facts(s, ctx, index, image, NULL);
}

atl_status atl_source_read_facts(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image,
                                 atl_facts *facts) {
    *image = (atl_image){ 0 };
    if (facts)
        *facts = (atl_facts){ .orientation = 1 };
    if (s->kind->pixels)
        return s->kind->pixels(s, ctx, index, image);
    atl_data_bytes bytes;
    ATL_TRY(s->kind->bytes(s, ctx, index, &bytes));
    if (facts)
        atl_facts_find(bytes.data, bytes.size, facts);
    atl_image_source encoded = { s->entries[index].name, bytes.data, bytes.size };
    atl_status status = atl_image_decode(ctx, &encoded, image);
    atl_data_bytes_clear(ctx, &bytes);
    return status;
}

atl_status atl_data_check_mapped(atl_ctx *ctx, const char *path, const atl_file *file) {
    struct stat info;
    if (file->handle < 0 || fstat(file->handle, &info) != 0 || (uint64_t)info.st_size >= file->bytes)
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_FILE,
                    "%s: somebody has made it shorter since it was opened; put it back whole", path);
}

void atl_data_bytes_clear(atl_ctx *ctx, atl_data_bytes *bytes) {
    atl_file_unmap(&bytes->file);
    atl_free(ctx, bytes->owned);
    *bytes = (atl_data_bytes){ 0 };
    bytes->file.handle = -1;
}

const char *atl_reason(const char *message, const char *name) {
    size_t n = strlen(name);
    return !strncmp(message, name, n) && !strncmp(message + n, ": ", 2) ? message + n + 2 : message;
}
