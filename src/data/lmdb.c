// SPDX-License-Identifier: Apache-2.0
// LMDB of encoded pictures: LSUN's (any keys, each value a picture) and those of rosinality's tool
// (RESOLUTION-INDEX, the highest resolution counts; `length` says how many).  One read transaction spans
// the life of the source, so that values are views into the map, and reading needs no lock.
//
// liblmdb trusts the structure of its files: open only databases that you made or trust.
#include "data/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool probe(const char *path, bool folder) {
    char name[4096];
    struct stat info;
    int n = snprintf(name, sizeof name, "%s/data.mdb", path);
    return folder && n > 0 && n < (int)sizeof name && stat(name, &info) == 0;
}

#ifdef ATL_HAVE_LMDB

#include <lmdb.h>

enum { KEY_MAX = 511 };

typedef struct lmdb_state {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val *values; // [count] by entry.key
    size_t room;
} lmdb_state;

static atl_status refuse(const atl_source *s, const char *what, int code) {
    return atl_fail(s->ctx, ATL_BAD_FILE, "%s: %s: %s", s->path, what, mdb_strerror(code));
}

static atl_status keep(atl_source *s, lmdb_state *m, const char *name, const MDB_val *value) {
    if (s->count == m->room) {
        size_t room = m->room ? m->room * 2 : 256;
        MDB_val *larger = atl_grow(s->ctx, m->values, s->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        m->values = larger;
        m->room = room;
    }
    m->values[s->count] = *value;
    return atl_source_add(s, name, s->count);
}

// Keys may hold any bytes, a name may not.
static void name_of(const MDB_val *key, char name[2 * KEY_MAX + 1]) {
    const uint8_t *bytes = key->mv_data;
    bool plain = key->mv_size > 0;
    for (size_t i = 0; i < key->mv_size; i++)
        plain = plain && bytes[i] > 32 && bytes[i] < 127;
    size_t n = key->mv_size < KEY_MAX ? key->mv_size : KEY_MAX;
    for (size_t i = 0; i < n && !plain; i++)
        snprintf(name + 2 * i, 3, "%02x", bytes[i]);
    if (plain)
        memcpy(name, bytes, n);
    name[plain ? n : 2 * n] = '\0';
}

// Calls `each` for all entries; for the resolutions of rosinality's keys, or for keeping all.
static atl_status list_all(atl_source *s, lmdb_state *m, long *resolution) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(m->txn, m->dbi, &cursor);
    if (code)
        return refuse(s, "can't be listed", code);
    atl_status status = ATL_OK;
    while (status == ATL_OK && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
        char name[2 * KEY_MAX + 1];
        name_of(&key, name);
        long r = strtol(name, NULL, 10);
        if (resolution && r > *resolution && strchr(name, '-'))
            *resolution = r;
        else if (!resolution)
            status = keep(s, m, name, &value);
    }
    mdb_cursor_close(cursor);
    return status != ATL_OK || code == MDB_NOTFOUND ? status : refuse(s, "can't be listed", code);
}

// By number, not by the order of keys: five digits are too few for many sets.
static atl_status list_numbered(atl_source *s, lmdb_state *m, const MDB_val *length) {
    char text[24] = { 0 };
    memcpy(text, length->mv_data, length->mv_size < sizeof text ? length->mv_size : sizeof text - 1);
    char *end;
    long long count = strtoll(text, &end, 10);
    long resolution = 0;
    if (end == text || *end || count < 1 || count > 1 << 30)
        return atl_fail(s->ctx, ATL_BAD_FILE, "%s: its key 'length' is no number of pictures", s->path);
    ATL_TRY(list_all(s, m, &resolution));
    for (long long i = 0; i < count; i++) {
        char name[64];
        MDB_val value, key = { .mv_data = name };
        key.mv_size = (size_t)snprintf(name, sizeof name, "%ld-%05lld", resolution, i);
        int code = mdb_get(m->txn, m->dbi, &key, &value);
        if (code)
            return atl_fail(s->ctx, ATL_BAD_FILE, "%s: has no picture '%s': %s", s->path, name,
                            mdb_strerror(code));
        ATL_TRY(keep(s, m, name, &value));
    }
    return ATL_OK;
}

static atl_status lmdb_open(atl_source *s) {
    lmdb_state *m = atl_arena_alloc(&s->arena, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    s->state = m;
    int code = mdb_env_create(&m->env);
    if (code)
        return refuse(s, "LMDB can't start", code);
    code = mdb_env_open(m->env, s->path, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0444);
    code = code ? code : mdb_txn_begin(m->env, NULL, MDB_RDONLY, &m->txn);
    code = code ? code : mdb_dbi_open(m->txn, NULL, 0, &m->dbi);
    if (code)
        return refuse(s, "the LMDB can't be opened", code);
    MDB_val length, key = { .mv_data = "length", .mv_size = 6 };
    return mdb_get(m->txn, m->dbi, &key, &length) == 0 ? list_numbered(s, m, &length) : list_all(s, m, NULL);
}

static void lmdb_close(atl_source *s) {
    lmdb_state *m = s->state;
    if (!m)
        return;
    if (m->txn)
        mdb_txn_abort(m->txn);
    if (m->env)
        mdb_env_close(m->env);
    atl_free(s->ctx, m->values);
}

static atl_status lmdb_bytes(const atl_source *s, atl_ctx *ctx, size_t index, atl_data_bytes *bytes) {
    (void)ctx;
    const lmdb_state *m = s->state;
    const MDB_val *v = &m->values[s->entries[index].key];
    *bytes = (atl_data_bytes){ .data = v->mv_data, .size = v->mv_size, .file.handle = -1 };
    return ATL_OK;
}

const atl_source_kind atl_source_lmdb = { "lmdb", probe, lmdb_open, lmdb_close, lmdb_bytes, NULL };

#else

static atl_status lmdb_open(atl_source *s) {
    return atl_fail(s->ctx, ATL_UNSUPPORTED,
                    "%s: this build can't read LMDB; install liblmdb's development files and build again",
                    s->path);
}

static atl_status lmdb_bytes(const atl_source *s, atl_ctx *ctx, size_t index, atl_data_bytes *bytes) {
    (void)index;
    *bytes = (atl_data_bytes){ .file.handle = -1 };
    return atl_fail(ctx, ATL_UNSUPPORTED, "%s: this build can't read LMDB", s->path);
}

const atl_source_kind atl_source_lmdb = { "lmdb", probe, lmdb_open, NULL, lmdb_bytes, NULL };

#endif
