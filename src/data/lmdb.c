// SPDX-License-Identifier: Apache-2.0
// LMDB of encoded pictures: LSUN's (any keys, each value a picture) and those of rosinality's tool
// (RESOLUTION-INDEX, the highest resolution counts; `length` says how many).  Values are views into the
// mapped file, so reading needs no lock.
#include "data/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/lmdb_pages.h"

enum { KEY_MAX = 511 };

typedef struct value {
    const uint8_t *data;
    size_t size;
} value;

typedef struct lmdb_state {
    atl_source *source;
    atl_file file;
    value *values; // [count] by entry.key
    size_t room;
    long resolution; // the highest of rosinality's keys
    char length[24]; // the value of the key "length"; "": there is none
} lmdb_state;

// The folder of a database, or the file that holds it.
static bool probe(const char *path, bool folder) {
    char name[4096];
    struct stat info;
    if (!folder)
        return atl_name_ends(path, ".mdb") || atl_name_ends(path, ".lmdb");
    int n = snprintf(name, sizeof name, "%s/data.mdb", path);
    return n > 0 && n < (int)sizeof name && stat(name, &info) == 0;
}

// Keys may hold any bytes, a name may not.
static void name_of(const atl_lmdb_entry *entry, char name[2 * KEY_MAX + 1]) {
    bool plain = entry->key_bytes > 0;
    for (size_t i = 0; i < entry->key_bytes; i++)
        plain = plain && entry->key[i] > 32 && entry->key[i] < 127;
    size_t n = entry->key_bytes < KEY_MAX ? entry->key_bytes : KEY_MAX;
    for (size_t i = 0; i < n && !plain; i++)
        snprintf(name + 2 * i, 3, "%02x", entry->key[i]);
    if (plain)
        memcpy(name, entry->key, n);
    name[plain ? n : 2 * n] = '\0';
}

static atl_status keep(void *user, const atl_lmdb_entry *entry) {
    lmdb_state *m = user;
    atl_source *s = m->source;
    char name[2 * KEY_MAX + 1];
    name_of(entry, name);
    if (!strcmp(name, "length")) {
        size_t n = entry->value_bytes < sizeof m->length ? entry->value_bytes : sizeof m->length - 1;
        memcpy(m->length, entry->value, n);
        if (!m->length[0])
            m->length[0] = '?'; // a key that is there, but says nothing
        return ATL_OK;
    }
    if (s->count == m->room) {
        size_t room = m->room ? m->room * 2 : 256;
        value *larger = atl_grow(s->ctx, m->values, s->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        m->values = larger;
        m->room = room;
    }
    long resolution = strchr(name, '-') ? strtol(name, NULL, 10) : 0;
    m->resolution = resolution > m->resolution ? resolution : m->resolution;
    m->values[s->count] = (value){ entry->value, entry->value_bytes };
    return atl_source_add(s, name, s->count);
}

// Leaves the pictures of the highest resolution, by number and not by the order of keys: five digits are too
// few for many sets.
static atl_status choose_numbered(atl_source *s, const lmdb_state *m) {
    char *end;
    long long count = strtoll(m->length, &end, 10);
    if (end == m->length || *end || count < 1)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: its key 'length' is no number of pictures", s->path);
    size_t most = s->count < (size_t)count ? s->count : (size_t)count;
    atl_source_entry *chosen = atl_alloc(s->ctx, most + 1, sizeof *chosen);
    if (!chosen)
        return ATL_NO_MEMORY;
    for (long long i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%ld-%05lld", m->resolution, i);
        const atl_source_entry *e = atl_source_find(s, name);
        if (!e) {
            atl_free(s->ctx, chosen);
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: has no picture '%s', but says that it holds %lld",
                            s->path, name, count);
        }
        chosen[i] = *e;
    }
    atl_free(s->ctx, s->entries);
    s->entries = chosen;
    s->count = (size_t)count;
    s->entry_room = most + 1;
    return ATL_OK;
}

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static atl_status lmdb_open(atl_source *s) {
    lmdb_state *m = atl_arena_alloc(&s->arena, 1, sizeof *m);
    char *path = atl_arena_printf(&s->arena, is_file(s->path) ? "%s" : "%s/data.mdb", s->path);
    if (!m || !path)
        return ATL_NO_MEMORY;
    m->source = s;
    m->file.handle = -1;
    s->state = m;
    ATL_TRY(atl_file_map(s->ctx, path, &m->file));
    ATL_TRY(atl_lmdb_walk(s->ctx, path, m->file.data, m->file.bytes, keep, m));
    atl_source_sort(s);
    return m->length[0] ? choose_numbered(s, m) : ATL_OK;
}

static void lmdb_close(atl_source *s) {
    lmdb_state *m = s->state;
    if (!m)
        return;
    atl_file_unmap(&m->file);
    atl_free(s->ctx, m->values);
}

static atl_status lmdb_bytes(const atl_source *s, atl_ctx *ctx, size_t index, atl_data_bytes *bytes) {
    (void)ctx;
    const lmdb_state *m = s->state;
    const value *v = &m->values[s->entries[index].key];
    *bytes = (atl_data_bytes){ .data = v->data, .size = v->size, .file.handle = -1 };
    return ATL_OK;
}

const atl_source_kind atl_source_lmdb = { "lmdb", probe, lmdb_open, lmdb_close, lmdb_bytes, NULL };
