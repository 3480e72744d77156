// SPDX-License-Identifier: Apache-2.0
// BMP, which has no library of its own: Windows' headers from 1990 on and OS/2's, 1 to 32 bits for a pixel,
// run lengths, masks.  Numbers are rounded as Pillow does, and as there the fourth byte of plain 32 bits is
// no alpha.
//
//     file    "BM" | 4 size | 4 | 4 offset of the pixels
//     header  4 size | 4 width | 4 height, negative: from the top | 2 planes | 2 bits | 4 compression | 4
//     size |
//             8 resolution | 4 colours | 4; then masks; in OS/2's of 12 bytes sides have 16 bits
//     colours blue, green, red and, but in OS/2's, a byte of nothing
#include "io/image_format.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum { FILE_HEAD = 14, CORE = 12, WINDOWS = 40 };
enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, MASKS = 3, ALPHA_MASKS = 6 };

typedef struct bmp_work {
    atl_ctx *ctx;
    const atl_image_source *source;
    uint32_t header; // bytes of the header
    uint32_t width, height;
    int from_top;
    unsigned bits; // of a pixel
    uint32_t compression;
    size_t pixels;     // offset of the pixels
    uint32_t masks[4]; // red, green, blue, alpha
    uint8_t colors[256][3];
    size_t color_count;
    uint8_t *indices; // [height, width], of run lengths
    atl_image image;
} bmp_work;

static uint32_t little(const uint8_t *p, size_t bytes) {
    return (uint32_t)atl_little(p, bytes);
}

static int probe(const uint8_t *head, size_t size) {
    static const uint8_t headers[] = { CORE, WINDOWS, 52, 56, 64, 108, 124 };
    uint32_t header =
        size >= FILE_HEAD + CORE && head[0] == 'B' && head[1] == 'M' ? little(head + FILE_HEAD, 4) : 0;
    return header && header < 256 && memchr(headers, (int)header, sizeof headers) != NULL;
}

static atl_status refuse(const bmp_work *w, const char *what) {
    return atl_fail(w->ctx, ATL_BAD_FILE, "%s: damaged BMP: %s", w->source->path, what);
}

static atl_status read_header(bmp_work *w) {
    const uint8_t *head = w->source->data + FILE_HEAD;
    if (!probe(w->source->data, w->source->size) || w->source->size - FILE_HEAD < w->header)
        return refuse(w, "it ends within its header");
    w->pixels = little(w->source->data + 10, 4);
    if (w->header == CORE) {
        w->width = little(head + 4, 2);
        w->height = little(head + 6, 2);
        w->bits = little(head + 10, 2);
        return ATL_OK;
    }
    w->width = little(head + 4, 4);
    w->height = little(head + 8, 4);
    w->from_top = w->height >> 31;
    w->height = w->from_top ? 0 - w->height : w->height;
    w->bits = little(head + 14, 2);
    w->compression = little(head + 16, 4);
    return ATL_OK;
}

static atl_status check_kind(const bmp_work *w) {
    unsigned b = w->bits, c = w->compression;
    if (w->header == 64 && c > RLE4)
        return atl_fail(w->ctx, ATL_UNSUPPORTED,
                        "%s: a BMP of OS/2 with its compression %u; convert it to PNG", w->source->path, c);
    bool known = (c == PLAIN && (b == 1 || b == 2 || b == 4 || b == 8 || b == 16 || b == 24 || b == 32)) ||
                 (c == RLE8 && b == 8) || (c == RLE4 && b == 4) ||
                 ((c == MASKS || c == ALPHA_MASKS) && (b == 16 || b == 32));
    return known ? ATL_OK
                 : atl_fail(w->ctx, ATL_UNSUPPORTED,
                            "%s: a BMP of %u bits with compression %u; convert it to PNG", w->source->path, b,
                            c);
}

// Masks of 5 bits are what 16 bits mean without any.
static atl_status read_masks(bmp_work *w) {
    static const uint32_t plain16[4] = { 0x7c00, 0x3e0, 0x1f, 0 }, plain32[4] = { 0xff0000, 0xff00, 0xff, 0 };
    memcpy(w->masks, w->bits == 16 ? plain16 : plain32, sizeof w->masks);
    if (w->compression != MASKS && w->compression != ALPHA_MASKS)
        return ATL_OK;
    // behind a header of 40 bytes, or in a longer one at the same place
    int count = w->header >= 56 || w->compression == ALPHA_MASKS ? 4 : 3;
    if (w->source->size - FILE_HEAD < WINDOWS + 4 * (size_t)count)
        return refuse(w, "it ends within its header");
    for (int i = 0; i < count; i++)
        w->masks[i] = little(w->source->data + FILE_HEAD + WINDOWS + 4 * i, 4);
    return ATL_OK;
}

static atl_status read_colors(bmp_work *w) {
    if (w->bits > 8)
        return ATL_OK;
    size_t count = w->header == CORE ? 0 : little(w->source->data + FILE_HEAD + 32, 4),
           most = (size_t)1 << w->bits;
    size_t each = w->header == CORE ? 3 : 4, at = FILE_HEAD + (size_t)w->header;
    count = count == 0 || count > most ? most : count;
    if (w->pixels > at && count > (w->pixels - at) / each) // some files have fewer than they say
        count = (w->pixels - at) / each;
    if (count == 0 || count > (w->source->size - at) / each)
        return refuse(w, "it ends within its colours");
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            w->colors[i][c] = w->source->data[at + i * each + 2 - c];
    w->color_count = count;
    return ATL_OK;
}

// Grays from black to white in order are how BMP says gray.
static bool is_gray(const bmp_work *w) {
    bool gray = w->color_count > 0;
    for (size_t i = 0; i < w->color_count && gray; i++) {
        const uint8_t *c = w->colors[i];
        gray = c[0] == c[1] && c[1] == c[2] && c[0] == (w->color_count == 2 ? 255 * i : i);
    }
    return gray;
}

// ---- pixels

static uint8_t *row_of(const bmp_work *w, uint32_t y) { // y counts rows as the file has them
    size_t row = w->from_top ? y : w->height - 1 - y;
    return w->image.pixels + row * w->width * (size_t)w->image.channels;
}

static void put_color(const bmp_work *w, unsigned index, uint8_t *to) {
    static const uint8_t black[3];
    const uint8_t *color = index < w->color_count ? w->colors[index] : black;
    memcpy(to, color, (size_t)w->image.channels);
}

static void put_indexed(const bmp_work *w, const uint8_t *from, uint32_t y) {
    uint8_t *to = row_of(w, y);
    for (uint32_t x = 0; x < w->width; x++, to += w->image.channels) {
        size_t bit = (size_t)x * w->bits;
        put_color(w, from[bit / 8] >> (8 - w->bits - bit % 8) & ((1u << w->bits) - 1), to);
    }
}

// The bits of a mask as 0 to 255, rounded down.
static uint8_t masked(uint32_t pixel, uint32_t mask) {
    if (!mask)
        return 0;
    while (!(mask & 1)) {
        mask >>= 1;
        pixel >>= 1;
    }
    return (uint8_t)((uint64_t)(pixel & mask) * 255 / mask);
}

static void put_masked(const bmp_work *w, const uint8_t *from, uint32_t y) {
    uint8_t *to = row_of(w, y);
    size_t bytes = w->bits / 8;
    for (uint32_t x = 0; x < w->width; x++, from += bytes) {
        uint32_t pixel = little(from, bytes);
        for (int c = 0; c < w->image.channels; c++)
            *to++ = masked(pixel, w->masks[c]);
    }
}

static void put_bgr(const bmp_work *w, const uint8_t *from, uint32_t y) {
    uint8_t *to = row_of(w, y);
    for (uint32_t x = 0; x < w->width; x++, from += 3, to += 3) {
        to[0] = from[2];
        to[1] = from[1];
        to[2] = from[0];
    }
}

// Rows begin at multiples of four bytes.
static atl_status read_rows(const bmp_work *w) {
    size_t stride = ((size_t)w->width * w->bits + 31) / 32 * 4, size = w->source->size;
    if (w->pixels > size || (size - w->pixels) / stride < w->height)
        return refuse(w, "it ends within its pixels");
    for (uint32_t y = 0; y < w->height; y++) {
        const uint8_t *from = w->source->data + w->pixels + y * stride;
        if (w->bits <= 8)
            put_indexed(w, from, y);
        else if (w->bits == 24)
            put_bgr(w, from, y);
        else
            put_masked(w, from, y);
    }
    return ATL_OK;
}

// ---- run lengths: pairs of a count and an index; count 0: the end of a row (0), of all (1), a jump by two
// bytes (2), or so many indices one by one, padded to 16 bits

typedef struct pen {
    const uint8_t *at, *end;
    uint64_t x, y;
} pen;

static void draw(const bmp_work *w, pen *p, unsigned index) {
    if (p->x < w->width && p->y < w->height)
        w->indices[p->y * w->width + p->x] = (uint8_t)index;
    p->x++;
}

static bool draw_single(const bmp_work *w, pen *p, unsigned count) {
    size_t bytes = w->bits == 8 ? count : (count + 1) / 2, padded = (bytes + 1) / 2 * 2;
    if ((size_t)(p->end - p->at) < bytes)
        return false;
    for (unsigned i = 0; i < count; i++)
        draw(w, p, w->bits == 8 ? p->at[i] : p->at[i / 2] >> (i & 1 ? 0 : 4) & 15);
    p->at += padded < (size_t)(p->end - p->at) ? padded : (size_t)(p->end - p->at);
    return true;
}

// False when the data ends before it says so.
static bool draw_runs(const bmp_work *w, pen *p) {
    while (p->end - p->at >= 2) {
        unsigned count = p->at[0], value = p->at[1];
        p->at += 2;
        for (unsigned i = 0; i < count; i++)
            draw(w, p, w->bits == 8 ? value : value >> (i & 1 ? 0 : 4) & 15);
        if (count)
            continue;
        if (value == 1)
            return true;
        if (value == 0) {
            p->x = 0;
            p->y++;
        } else if (value == 2) {
            if (p->end - p->at < 2)
                return false;
            p->x += p->at[0];
            p->y += p->at[1];
            p->at += 2;
        } else if (!draw_single(w, p, value)) {
            return false;
        }
    }
    return p->y + 1 >= w->height && p->x >= w->width; // the mark of the end may be missing
}

static atl_status read_runs(bmp_work *w) {
    if (w->pixels > w->source->size)
        return refuse(w, "it ends within its pixels");
    w->indices = atl_calloc(w->ctx, (size_t)w->width * w->height, 1);
    if (!w->indices)
        return ATL_NO_MEMORY;
    pen p = { w->source->data + w->pixels, w->source->data + w->source->size, 0, 0 };
    if (!draw_runs(w, &p))
        return refuse(w, "it ends within its pixels");
    for (uint32_t y = 0; y < w->height; y++)
        for (uint32_t x = 0; x < w->width; x++)
            put_color(w, w->indices[(size_t)y * w->width + x],
                      row_of(w, y) + (size_t)x * (size_t)w->image.channels);
    return ATL_OK;
}

static atl_status read_all(bmp_work *w) {
    ATL_TRY(read_header(w));
    ATL_TRY(atl_image_check_claim(w->ctx, w->source, w->width, w->height));
    ATL_TRY(check_kind(w));
    ATL_TRY(read_masks(w));
    ATL_TRY(read_colors(w));
    int channels = w->bits <= 8 ? (is_gray(w) ? 1 : 3) : w->masks[3] ? 4 : 3;
    bool runs = w->compression == RLE8 || w->compression == RLE4;
    ATL_TRY(atl_image_reserve(w->ctx, w->source, w->width, w->height,
                              (uint64_t)w->width * w->height * (uint64_t)(channels + runs)));
    ATL_TRY(atl_image_init(w->ctx, (int)w->width, (int)w->height, channels, &w->image));
    return runs ? read_runs(w) : read_rows(w);
}

static atl_status bmp_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    bmp_work w = { .ctx = ctx, .source = source };
    w.header = source->size >= FILE_HEAD + CORE ? little(source->data + FILE_HEAD, 4) : 0;
    atl_status status = read_all(&w);
    atl_free(ctx, w.indices);
    if (status != ATL_OK)
        atl_image_clear(ctx, &w.image);
    *image = w.image;
    return status;
}

const atl_image_format atl_image_bmp = { "bmp", NULL, probe, bmp_read, NULL, NULL };
