// SPDX-License-Identifier: Apache-2.0
// Bands of a PNG.  A sync flush ends each but the last, so that they can be put one behind the other; the
// check sums of bands are combined.  Rows are filtered by the row above, in a band's first row too, so bands
// cost a few bytes and not their independence.
#include "io/png_bands.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/team.h"

enum {
    BAND = 256 << 10, // bytes of pixels
    MOST = 64 << 20,  // of a picture; beyond it what bands take together is worth sparing
    HEAD = 2,         // bytes of zlib's header, in front of the first band
    TAIL = 4,         // of its check sum, behind the last
    STATE = 300 << 10 // of a deflate state: 2 x 128 KB by its documentation, and some KB
};

// One thread's: zlib allocates from `state`, which goes back whole.
typedef struct lane {
    z_stream z;
    unsigned char *state, *line; // [STATE], [1 + row]
    size_t used;
} lane;

typedef struct band {
    size_t size, raw; // bytes compressed, and before that with a filter's number in front of each row
    uLong sum;
    int status;
} band;

struct atl_png_bands {
    const atl_image *image;
    size_t row, room; // bytes of a row of pixels, and that a band may take
    int rows, count, lanes;
    band *band;          // [count]
    lane *lane;          // [lanes]
    unsigned char *work; // the lanes' states and lines
    unsigned char *out;  // [count, room]
};

static voidpf take(voidpf opaque, uInt count, uInt size) {
    lane *l = opaque;
    size_t bytes = ((size_t)count * size + 63) & ~(size_t)63;
    if (bytes > STATE - l->used)
        return Z_NULL;
    l->used += bytes;
    return l->state + l->used - bytes;
}

static void give(voidpf opaque, voidpf memory) {
    (void)opaque;
    (void)memory;
}

// As png.c sets libpng up: run lengths and Huffman codes of differences to the row above.
static int start(lane *l) {
    l->z = (z_stream){ .zalloc = take, .zfree = give, .opaque = l };
    return deflateInit2(&l->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_RLE);
}

static void filter(const atl_png_bands *b, int y, unsigned char *line) {
    const unsigned char *x = b->image->pixels + (size_t)y * b->row, *above = x - b->row;
    line[0] = 2; // Up
    if (y == 0)
        memcpy(line + 1, x, b->row);
    else
        for (size_t i = 0; i < b->row; i++)
            line[1 + i] = (unsigned char)(x[i] - above[i]);
}

static void compress_band(const atl_png_bands *b, lane *l, int index) {
    int first = index * b->rows,
        end = first + b->rows < b->image->height ? first + b->rows : b->image->height;
    band *out = &b->band[index];
    unsigned char *to = b->out + (size_t)index * b->room + (index ? 0 : HEAD);
    size_t room = b->room - HEAD - TAIL;
    *out = (band){ .sum = adler32(0, Z_NULL, 0), .raw = (size_t)(end - first) * (1 + b->row) };
    out->status = deflateReset(&l->z);
    l->z.next_out = to;
    l->z.avail_out = (uInt)room;
    for (int y = first; y < end && out->status == Z_OK; y++) {
        filter(b, y, l->line);
        out->sum = adler32(out->sum, l->line, (uInt)(1 + b->row));
        l->z.next_in = l->line;
        l->z.avail_in = (uInt)(1 + b->row);
        int last = y + 1 == end, flush = !last                     ? Z_NO_FLUSH
                                         : end == b->image->height ? Z_FINISH
                                                                   : Z_SYNC_FLUSH;
        int s = deflate(&l->z, flush);
        out->status =
            (s == Z_OK || s == Z_STREAM_END) && !l->z.avail_in && l->z.avail_out ? Z_OK : Z_BUF_ERROR;
    }
    out->size = room - l->z.avail_out;
}

static void compress_some(void *job, int number, int64_t first, int64_t end) {
    atl_png_bands *b = job;
    for (int64_t i = first; i < end; i++)
        compress_band(b, &b->lane[number], (int)i);
}

// The stream's head and its check sum, most significant byte first.
static void finish(atl_png_bands *b) {
    uLong sum = b->band[0].sum;
    for (int i = 1; i < b->count; i++)
        sum = adler32_combine(sum, b->band[i].sum, (z_off_t)b->band[i].raw);
    b->out[0] = 0x78; // deflate, a window of 32 KB
    b->out[1] = 0x01; // fast; makes the first two bytes a multiple of 31
    b->band[0].size += HEAD;
    band *last = &b->band[b->count - 1];
    unsigned char *tail = b->out + (size_t)(b->count - 1) * b->room + last->size;
    for (int i = 0; i < TAIL; i++)
        tail[i] = (unsigned char)(sum >> (24 - 8 * i));
    last->size += TAIL;
}

static atl_status prepare(atl_ctx *ctx, atl_png_bands *b, size_t row) {
    size_t each = (STATE + 1 + row + 63) & ~(size_t)63, raw = (size_t)b->rows * (1 + row);
    b->room =
        (raw + raw / 64 + 1024 + HEAD + TAIL + 63) & ~(size_t)63; // deflateBound's worst case and a flush
    b->band = atl_calloc(ctx, (size_t)b->count, sizeof *b->band);
    b->lane = atl_calloc(ctx, (size_t)b->lanes, sizeof *b->lane);
    b->work = atl_alloc(ctx, (size_t)b->lanes, each);
    b->out = atl_alloc(ctx, (size_t)b->count, b->room);
    if (!b->band || !b->lane || !b->work || !b->out)
        return ATL_NO_MEMORY;
    for (int i = 0; i < b->lanes; i++) {
        b->lane[i].state = b->work + (size_t)i * each;
        b->lane[i].line = b->lane[i].state + STATE;
        if (start(&b->lane[i]) != Z_OK)
            return atl_fail(ctx, ATL_INTERNAL, "zlib can't start");
    }
    return ATL_OK;
}

static atl_status compress_all(atl_ctx *ctx, atl_png_bands *b, atl_team *team) {
    atl_team_run(team, b->count, 1, compress_some, b);
    for (int i = 0; i < b->count; i++)
        if (b->band[i].status != Z_OK)
            return atl_fail(ctx, ATL_INTERNAL, "zlib could not compress a picture (status %d)",
                            b->band[i].status);
    finish(b);
    return ATL_OK;
}

atl_status atl_png_bands_make(atl_ctx *ctx, const atl_image *image, atl_png_bands **bands) {
    size_t row = (size_t)image->width * (size_t)image->channels, all = row * (size_t)image->height;
    *bands = NULL;
    if (all < 2 * BAND || all > MOST)
        return ATL_OK;
    atl_team *team;
    ATL_TRY(atl_team_open(ctx, ctx->threads, &team));
    atl_png_bands *b = atl_calloc(ctx, 1, sizeof *b);
    atl_status status = b ? ATL_OK : ATL_NO_MEMORY;
    if (b) {
        int rows = row < BAND ? (int)(BAND / row) : 1;
        *b = (atl_png_bands){ .image = image, .row = row, .rows = rows, .lanes = atl_team_lanes(team) };
        b->count = (image->height + rows - 1) / rows;
        status = prepare(ctx, b, row);
    }
    if (status == ATL_OK)
        status = compress_all(ctx, b, team);
    atl_team_close(&team);
    if (status != ATL_OK)
        atl_png_bands_free(ctx, &b);
    *bands = b;
    return status;
}

void atl_png_bands_free(atl_ctx *ctx, atl_png_bands **bands) {
    atl_png_bands *b = *bands;
    if (!b)
        return;
    atl_free(ctx, b->band);
    atl_free(ctx, b->lane);
    atl_free(ctx, b->work);
    atl_free(ctx, b->out);
    atl_free(ctx, b);
    *bands = NULL;
}

const unsigned char *atl_png_bands_get(const atl_png_bands *b, int index, size_t *size) {
    if (index >= b->count)
        return NULL;
    *size = b->band[index].size;
    return b->out + (size_t)index * b->room;
}
