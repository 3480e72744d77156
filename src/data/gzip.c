// SPDX-License-Identifier: Apache-2.0
// Whole gzip files in memory, over zlib.  Deflate makes up to 1032 bytes of one, pictures and pickles of
// pictures never so many: what a file may become is bounded by its own size.
#include "data/data.h"

#include <string.h>
#include <zlib.h>

enum { FIRST_ROOM = 1 << 16, RATIO = 16 };

typedef struct inflation {
    atl_ctx *ctx;
    const char *path;
    z_stream z;
    size_t left; // bytes of the file that zlib has not seen
    uint8_t *out;
    size_t used, room, most;
} inflation;

// Doubles the room, up to what the file may become and one byte more, which tells that it is more.
static atl_status make_room(inflation *f) {
    if (f->room > f->most)
        return atl_fail(f->ctx, ATL_BAD_FILE, "%s: unpacks to more than %zu bytes, which no such file does",
                        f->path, f->most);
    size_t room = f->room > f->most / 2 ? f->most + 1 : f->room * 2;
    uint8_t *larger = atl_grow(f->ctx, f->out, f->used, room, 1);
    if (!larger)
        return ATL_NO_MEMORY;
    f->out = larger;
    f->room = room;
    return ATL_OK;
}

// Inflates until the last member of the file ends.
static atl_status inflate_all(inflation *f) {
    z_stream *z = &f->z;
    for (int code = Z_OK;;) {
        if (code == Z_STREAM_END && z->avail_in + f->left == 0)
            return ATL_OK;
        if (code == Z_STREAM_END && inflateReset(z) != Z_OK)
            return atl_fail(f->ctx, ATL_INTERNAL, "%s: zlib can't go on", f->path);
        if (z->avail_in == 0) { // zlib counts in 32 bits
            z->avail_in = (uInt)(f->left < (1u << 30) ? f->left : (1u << 30));
            f->left -= z->avail_in;
        }
        if (f->used == f->room)
            ATL_TRY(make_room(f));
        size_t free_room = f->room - f->used < (1u << 30) ? f->room - f->used : (1u << 30);
        z->next_out = f->out + f->used;
        z->avail_out = (uInt)free_room;
        code = inflate(z, Z_NO_FLUSH);
        f->used += free_room - z->avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            return atl_fail(f->ctx, ATL_BAD_FILE, "%s: damaged or cut gzip file", f->path);
    }
}

static atl_status unpack(atl_ctx *ctx, const char *path, atl_data_bytes *bytes) {
    inflation f = { .ctx = ctx, .path = path, .left = bytes->size, .room = FIRST_ROOM };
    size_t most = atl_file_most(bytes->size, RATIO);
    f.most = most < SIZE_MAX / 4 ? most : SIZE_MAX / 4;
    f.z.next_in = (Bytef *)bytes->data;
    if (inflateInit2(&f.z, 15 + 16) != Z_OK)
        return atl_fail(ctx, ATL_NO_MEMORY, "%s: zlib can't start", path);
    f.out = atl_alloc(ctx, FIRST_ROOM, 1);
    atl_status status = f.out ? inflate_all(&f) : ATL_NO_MEMORY;
    inflateEnd(&f.z);
    if (status != ATL_OK) {
        atl_free(ctx, f.out);
        return status;
    }
    atl_file_unmap(&bytes->file);
    *bytes = (atl_data_bytes){ .data = f.out, .size = f.used, .owned = f.out, .file.handle = -1 };
    return ATL_OK;
}

atl_status atl_data_unpack(atl_ctx *ctx, const char *path, atl_data_bytes *bytes) {
    *bytes = (atl_data_bytes){ .file.handle = -1 };
    ATL_TRY(atl_file_map(ctx, path, &bytes->file));
    bytes->data = bytes->file.data;
    bytes->size = bytes->file.bytes;
    bool packed = bytes->size >= 2 && bytes->data[0] == 0x1f && bytes->data[1] == 0x8b;
    atl_status status = packed ? unpack(ctx, path, bytes) : ATL_OK;
    if (status != ATL_OK)
        atl_data_bytes_clear(ctx, bytes);
    return status;
}
