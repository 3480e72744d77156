// SPDX-License-Identifier: Apache-2.0
// Whole gzip files in memory, over zlib.  Deflate makes at most 1032 bytes of one, and the arena has a
// cap: a small file can't claim much.
#include "data/data.h"

#include <string.h>
#include <zlib.h>

enum { FIRST_ROOM = 1 << 16 };

// Inflates until the last member of the file ends; *out grows by doubling.
static atl_status inflate_all(z_stream *z, atl_ctx *ctx, const char *path, size_t cap, uint8_t **out,
                              size_t *used, size_t left) {
    size_t room = FIRST_ROOM;
    for (int code = Z_OK;;) {
        if (code == Z_STREAM_END && z->avail_in + left == 0)
            return ATL_OK;
        if (code == Z_STREAM_END && inflateReset(z) != Z_OK)
            return atl_fail(ctx, ATL_INTERNAL, "%s: zlib can't go on", path);
        if (z->avail_in == 0) { // zlib counts in 32 bits
            z->avail_in = (uInt)(left < (1u << 30) ? left : (1u << 30));
            left -= z->avail_in;
        }
        if (*used == room) {
            if (room > cap / 2)
                return atl_fail(ctx, ATL_NO_MEMORY, "%s: unpacks to more than %zu bytes", path, cap);
            uint8_t *larger = atl_grow(ctx, *out, *used, room * 2, 1);
            if (!larger)
                return ATL_NO_MEMORY;
            *out = larger;
            room *= 2;
        }
        size_t free_room = room - *used < (1u << 30) ? room - *used : (1u << 30);
        z->next_out = *out + *used;
        z->avail_out = (uInt)free_room;
        code = inflate(z, Z_NO_FLUSH);
        *used += free_room - z->avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            return atl_fail(ctx, ATL_BAD_FILE, "%s: damaged or cut gzip file", path);
    }
}

atl_status atl_gunzip(atl_arena *arena, const char *path, const uint8_t *data, size_t size,
                      const uint8_t **out, size_t *out_size) {
    *out = data;
    *out_size = size;
    if (size < 2 || data[0] != 0x1f || data[1] != 0x8b)
        return ATL_OK;
    atl_ctx *ctx = arena->ctx;
    z_stream z;
    memset(&z, 0, sizeof z);
    z.next_in = (Bytef *)data;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return atl_fail(ctx, ATL_NO_MEMORY, "%s: zlib can't start", path);
    size_t used = 0;
    uint8_t *unpacked = atl_alloc(ctx, FIRST_ROOM, 1);
    atl_status status =
        unpacked ? inflate_all(&z, ctx, path, arena->cap, &unpacked, &used, size) : ATL_NO_MEMORY;
    inflateEnd(&z);
    uint8_t *kept = status == ATL_OK ? atl_arena_alloc(arena, used + 1, 1) : NULL;
    if (status == ATL_OK && !kept)
        status = ATL_NO_MEMORY;
    if (kept)
        memcpy(kept, unpacked, used);
    atl_free(ctx, unpacked);
    *out = kept;
    *out_size = used;
    return status;
}
