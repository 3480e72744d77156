// SPDX-License-Identifier: Apache-2.0
// Local header and content of each member, then the directory, as PKWARE's APPNOTE describes them.  A
// member is below 4 GiB; offsets and counts go to zip64 records where 32 or 16 bits are too few.
#include "io/zip_write.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    NAME_MAX_BYTES = 255,
    DATE = 1 << 5 | 1, // 1 January 1980, the first day that zip knows
    UTF8 = 1 << 11,    // flag: names are UTF-8
    VERSION = 20,
    VERSION_64 = 45,
    UNIX = 3 << 8,
    MODE = 0100644,
};

typedef struct member {
    char *name;
    uint64_t offset;
    uint32_t crc, size;
} member;

struct atl_zip_writer {
    atl_ctx *ctx;
    atl_writer *out;
    atl_arena names;
    member *list;
    size_t count, room;
    uint64_t at; // bytes written
};

typedef struct record { // a header under construction, little endian
    uint8_t bytes[80];
    size_t size;
} record;

static void put(record *r, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        r->bytes[r->size++] = (uint8_t)(value >> 8 * i);
}

static atl_status emit(atl_zip_writer *z, const void *data, size_t size) {
    z->at += size;
    return atl_writer_write(z->out, data, size);
}

atl_status atl_zip_writer_open(atl_ctx *ctx, const char *path, atl_zip_writer **zip) {
    *zip = NULL;
    atl_zip_writer *z = atl_calloc(ctx, 1, sizeof *z);
    if (!z)
        return ATL_NO_MEMORY;
    z->ctx = ctx;
    atl_arena_init(&z->names, ctx, 0);
    atl_status status = atl_writer_open(ctx, path, &z->out);
    if (status != ATL_OK)
        atl_zip_writer_abort(&z);
    *zip = z;
    return status;
}

static atl_status remember(atl_zip_writer *z, const char *name, size_t size, uint32_t crc) {
    if (z->count == z->room) {
        size_t room = z->room ? z->room * 2 : 256;
        member *larger = atl_grow(z->ctx, z->list, z->count, room, sizeof *larger);
        if (!larger)
            return ATL_NO_MEMORY;
        z->list = larger;
        z->room = room;
    }
    char *copy = atl_arena_string(&z->names, name, strlen(name));
    if (!copy)
        return ATL_NO_MEMORY;
    z->list[z->count++] = (member){ copy, z->at, crc, (uint32_t)size };
    return ATL_OK;
}

// What a local header and a directory entry have in common, from the flags to the length of the name.
static void put_common(record *r, const member *m) {
    put(r, UTF8, 2);
    put(r, 0, 2); // stored
    put(r, 0, 2); // midnight
    put(r, DATE, 2);
    put(r, m->crc, 4);
    put(r, m->size, 4);
    put(r, m->size, 4);
    put(r, strlen(m->name), 2);
}

atl_status atl_zip_writer_add(atl_zip_writer *z, const char *name, const void *data, size_t size) {
    return atl_zip_writer_add_two(z, name, "", 0, data, size);
}

atl_status atl_zip_writer_add_two(atl_zip_writer *z, const char *name, const void *head, size_t head_size,
                                  const void *data, size_t size) {
    if (size >= UINT32_MAX - head_size || strlen(name) > NAME_MAX_BYTES)
        return atl_fail(z->ctx, ATL_BAD_ARGUMENT, "'%s': too long a name or content for a zip file", name);
    uLong crc = crc32(crc32(0, NULL, 0), head, (uInt)head_size);
    crc = crc32(crc, data, (uInt)size);
    ATL_TRY(remember(z, name, head_size + size, (uint32_t)crc));
    const member *m = &z->list[z->count - 1];
    record r = { .size = 0 };
    put(&r, 0x04034b50, 4);
    put(&r, VERSION, 2);
    put_common(&r, m);
    put(&r, 0, 2); // no extra field
    ATL_TRY(emit(z, r.bytes, r.size));
    ATL_TRY(emit(z, m->name, strlen(m->name)));
    ATL_TRY(emit(z, head, head_size));
    return emit(z, data, size);
}

static atl_status put_entry(atl_zip_writer *z, const member *m) {
    bool far = m->offset >= UINT32_MAX;
    record r = { .size = 0 }, extra = { .size = 0 };
    put(&r, 0x02014b50, 4);
    put(&r, UNIX | (far ? VERSION_64 : VERSION), 2);
    put(&r, far ? VERSION_64 : VERSION, 2);
    put_common(&r, m);
    put(&r, far ? 12 : 0, 2); // extra field
    put(&r, 0, 6);            // no comment, first disk, no text
    put(&r, (uint64_t)MODE << 16, 4);
    put(&r, far ? UINT32_MAX : m->offset, 4);
    ATL_TRY(emit(z, r.bytes, r.size));
    ATL_TRY(emit(z, m->name, strlen(m->name)));
    if (!far)
        return ATL_OK;
    put(&extra, 1, 2);
    put(&extra, 8, 2);
    put(&extra, m->offset, 8);
    return emit(z, extra.bytes, extra.size);
}

static atl_status put_directory(atl_zip_writer *z) {
    uint64_t begin = z->at;
    for (size_t i = 0; i < z->count; i++)
        ATL_TRY(put_entry(z, &z->list[i]));
    uint64_t end = z->at;
    bool large = begin >= UINT32_MAX || end - begin >= UINT32_MAX || z->count >= 0xffff;
    record r = { .size = 0 };
    if (large) {
        put(&r, 0x06064b50, 4);
        put(&r, 44, 8); // bytes that follow
        put(&r, UNIX | VERSION_64, 2);
        put(&r, VERSION_64, 2);
        put(&r, 0, 8); // disks
        put(&r, z->count, 8);
        put(&r, z->count, 8);
        put(&r, end - begin, 8);
        put(&r, begin, 8);
        put(&r, 0x07064b50, 4); // where that is
        put(&r, 0, 4);
        ATL_TRY(emit(z, r.bytes, r.size));
        r.size = 0;
        put(&r, end, 8);
        put(&r, 1, 4);
    }
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4); // disks
    put(&r, large ? 0xffff : z->count, 2);
    put(&r, large ? 0xffff : z->count, 2);
    put(&r, large ? UINT32_MAX : end - begin, 4);
    put(&r, large ? UINT32_MAX : begin, 4);
    put(&r, 0, 2); // no comment
    return emit(z, r.bytes, r.size);
}

static void destroy(atl_zip_writer **zip) {
    atl_zip_writer *z = *zip;
    atl_arena_clear(&z->names);
    atl_free(z->ctx, z->list);
    atl_free(z->ctx, z);
    *zip = NULL;
}

atl_status atl_zip_writer_commit(atl_zip_writer **zip) {
    atl_status status = put_directory(*zip);
    if (status == ATL_OK)
        status = atl_writer_commit(&(*zip)->out);
    else
        atl_writer_abort(&(*zip)->out);
    destroy(zip);
    return status;
}

void atl_zip_writer_abort(atl_zip_writer **zip) {
    if (!zip || !*zip)
        return;
    atl_writer_abort(&(*zip)->out);
    destroy(zip);
}
