// SPDX-License-Identifier: Apache-2.0
// A zip file of pictures, with labels in dataset.json.  libzip is for one thread at a time: members are
// taken out under a lock, with a context of the source's own, and decoded outside of it.
#include "data/data.h"

#include <pthread.h>
#include <string.h>

#include "io/zip.h"

enum { FOLDER_ROOM = 4096, PICTURE_LEAST = 16 };

typedef struct zip_state {
    pthread_mutex_t lock;
    atl_ctx *inner; // libzip's errors land here
    atl_file file;
    atl_zip *zip;
} zip_state;

static bool probe(const char *path, bool folder) {
    return !folder && atl_name_ends(path, ".zip");
}

// Hands on a failure of the inner context.
static atl_status forward(atl_ctx *ctx, zip_state *z, atl_status status) {
    if (status != ATL_OK)
        atl_fail(ctx, status, "%s", atl_message(z->inner));
    atl_message_clear(z->inner);
    return status;
}

static size_t find_json(const atl_source *s, const zip_state *z) {
    char name[FOLDER_ROOM + sizeof "dataset.json"];
    size_t at = 0, none = atl_zip_size(z->zip), index = none;
    while (index == none && atl_source_json_name(s, &at, name, sizeof name))
        index = atl_zip_find(z->zip, name);
    return index;
}

static atl_status read_json(atl_source *s, zip_state *z) {
    size_t index = find_json(s, z);
    if (index == atl_zip_size(z->zip))
        return ATL_OK;
    ATL_TRY(forward(s->ctx, z, atl_zip_check_claim(z->zip, index)));
    s->json_bytes = atl_zip_bytes(z->zip, index);
    uint8_t *text = atl_arena_alloc(&s->arena, s->json_bytes + 1, 1);
    if (!text)
        return ATL_NO_MEMORY;
    s->json = text;
    return forward(s->ctx, z, atl_zip_read(z->zip, index, text));
}

// Some programs write '\' between folders, which no other archive has.
static atl_status add_member(atl_source *s, const char *name, size_t index) {
    size_t length = strlen(name);
    char plain[FOLDER_ROOM];
    if (!strchr(name, '\\') || strchr(name, '/') || length >= sizeof plain)
        return atl_source_add_file(s, name, index);
    for (size_t i = 0; i <= length; i++)
        plain[i] = name[i] == '\\' ? '/' : name[i];
    return atl_source_add_file(s, plain, index);
}

// Archives of nothing but empty files come from tools that failed, or from somebody who wants each to be
// looked at.
static atl_status refuse_empty(const atl_source *s, const zip_state *z) {
    size_t i = 0;
    while (i < s->count && atl_zip_bytes(z->zip, (size_t)s->entries[i].key) < PICTURE_LEAST)
        i++;
    if (s->count < 2 || i < s->count)
        return ATL_OK;
    return atl_fail(s->ctx, ATL_BAD_FILE,
                    "%s: each of its %zu pictures has less than %d bytes, which is none", s->path, s->count,
                    PICTURE_LEAST);
}

static atl_status list_pictures(atl_source *s, zip_state *z) {
    ATL_TRY(forward(s->ctx, z, atl_zip_open(z->inner, s->path, z->file.data, z->file.bytes, &z->zip)));
    for (size_t i = 0; i < atl_zip_size(z->zip); i++)
        ATL_TRY(add_member(s, atl_zip_name(z->zip, i), i));
    for (size_t i = 0; i < s->count; i++)
        s->entries[i].size = atl_zip_bytes(z->zip, (size_t)s->entries[i].key);
    atl_source_sort(s);
    ATL_TRY(refuse_empty(s, z));
    return read_json(s, z);
}

static atl_status zip_source_open(atl_source *s) {
    zip_state *z = atl_calloc(s->ctx, 1, sizeof *z);
    if (!z)
        return ATL_NO_MEMORY;
    z->file.handle = -1;
    if (pthread_mutex_init(&z->lock, NULL) != 0) {
        atl_free(s->ctx, z);
        return atl_fail(s->ctx, ATL_INTERNAL, "%s: a lock can't be made", s->path);
    }
    s->state = z;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 1;
    o.memory_cap = s->ctx->memory_cap;
    atl_status status = atl_ctx_open(&z->inner, &o);
    if (status != ATL_OK)
        return atl_fail(s->ctx, status, "%s: out of memory", s->path);
    ATL_TRY(atl_file_map(s->ctx, s->path, &z->file));
    return list_pictures(s, z);
}

static void zip_source_close(atl_source *s) {
    zip_state *z = s->state;
    if (!z)
        return;
    atl_zip_close(&z->zip);
    atl_file_unmap(&z->file);
    atl_ctx_close(&z->inner);
    pthread_mutex_destroy(&z->lock);
    atl_free(s->ctx, z);
}

static atl_status zip_bytes(const atl_source *s, atl_ctx *ctx, size_t index, atl_data_bytes *bytes) {
    zip_state *z = s->state;
    const atl_source_entry *e = &s->entries[index];
    *bytes = (atl_data_bytes){ .file.handle = -1, .size = atl_zip_bytes(z->zip, (size_t)e->key) };
    ATL_TRY(atl_data_check_mapped(ctx, s->path, &z->file));
    pthread_mutex_lock(&z->lock);
    atl_status status = forward(ctx, z, atl_zip_check_claim(z->zip, (size_t)e->key));
    if (status == ATL_OK && !(bytes->owned = atl_alloc(ctx, bytes->size, 1)))
        status = ATL_NO_MEMORY;
    bytes->data = bytes->owned;
    if (status == ATL_OK)
        status = forward(ctx, z, atl_zip_read(z->zip, (size_t)e->key, bytes->owned));
    pthread_mutex_unlock(&z->lock);
    if (status != ATL_OK)
        atl_data_bytes_clear(ctx, bytes);
    return status;
}

const atl_source_kind atl_source_zip = { "zip", probe, zip_source_open, zip_source_close, zip_bytes, NULL };
