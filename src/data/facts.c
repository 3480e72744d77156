// SPDX-License-Identifier: Apache-2.0
// Short walks over the chunks of PNG and WebP, the markers of JPEG, the blocks of GIF and the directory of
// TIFF, which is EXIF's, too; every length is checked.
#include "data/facts.h"

#include <string.h>

#include "base/bytes.h"

enum {
    SHORT = 3,
    BITS = 258,
    PHOTOMETRIC = 262,
    ORIENTATION = 274,
    NEXT = -1
}; // tags; NEXT: the next directory

// The first number of an entry in the first directory of a TIFF file.
static uint64_t tiff_entry(const uint8_t *tiff, size_t size, int tag, uint64_t otherwise) {
    if (size < 8 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return otherwise;
    uint64_t (*number)(const uint8_t *, size_t) = tiff[0] == 'I' ? atl_little : atl_big;
    size_t at = number(tiff + 4, 4);
    if (at > size - 2)
        return otherwise;
    size_t entries = number(tiff + at, 2);
    for (at += 2; entries > 0 && size - at >= 12; at += 12, entries--) {
        if ((int)number(tiff + at, 2) != tag)
            continue;
        size_t bytes = number(tiff + at + 2, 2) == SHORT ? 2 : 4;
        size_t value = at + 8;
        if (number(tiff + at + 4, 4) > 4 / bytes) // they lie elsewhere
            value = number(tiff + at + 8, 4);
        return value <= size - 4 ? number(tiff + value, bytes) : otherwise;
    }
    return tag == NEXT && !entries && size - at >= 4 ? number(tiff + at, 4) : otherwise;
}

static int orientation_of(const uint8_t *tiff, size_t size) {
    uint64_t value = tiff_entry(tiff, size, ORIENTATION, 1);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

static int orientation_of_exif(const uint8_t *data, size_t size) {
    bool headed = size >= 6 && !memcmp(data, "Exif\0\0", 6);
    return headed ? orientation_of(data + 6, size - 6) : orientation_of(data, size);
}

static void find_png(const uint8_t *data, size_t size, atl_facts *f) {
    for (size_t at = 8; size - at >= 12;) {
        size_t length = atl_big(data + at, 4);
        const uint8_t *type = data + at + 4, *body = data + at + 8;
        if (length > size - at - 12)
            return;
        if (!memcmp(type, "IHDR", 4) && length >= 13) {
            f->deep = body[8] == 16;
            f->palette = body[9] == 3;
        }
        if (!memcmp(type, "acTL", 4) && length >= 8)
            f->animated = atl_big(body, 4) > 1;
        if (!memcmp(type, "eXIf", 4))
            f->orientation = orientation_of_exif(body, length);
        at += 12 + length;
    }
}

static bool is_frame(uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static void find_jpeg(const uint8_t *data, size_t size, atl_facts *f) {
    for (size_t at = 2; size - at >= 4 && data[at] == 0xff;) {
        uint8_t marker = data[at + 1];
        if (marker == 0xff) { // padding
            at++;
            continue;
        }
        size_t length = atl_big(data + at + 2, 2);
        if (marker == 0xda || marker == 0xd9 || length < 2 || length > size - at - 2)
            return;
        const uint8_t *body = data + at + 4;
        if (is_frame(marker) && length >= 8) {
            f->deep = body[0] > 8;
            f->cmyk = body[5] == 4;
        }
        if (marker == 0xe1 && length >= 8 && !memcmp(body, "Exif\0\0", 6))
            f->orientation = orientation_of_exif(body, length - 2);
        at += 2 + length;
    }
}

static void find_webp(const uint8_t *data, size_t size, atl_facts *f) {
    for (size_t at = 12; size - at >= 8;) {
        size_t length = atl_little(data + at + 4, 4);
        if (length > size - at - 8)
            return;
        if (!memcmp(data + at, "VP8X", 4) && length >= 1)
            f->animated = data[at + 8] & 2;
        if (!memcmp(data + at, "EXIF", 4))
            f->orientation = orientation_of_exif(data + at + 8, length);
        at += 8 + length;
        if (length & 1 && at < size)
            at++;
    }
}

static void find_tiff(const uint8_t *data, size_t size, atl_facts *f) {
    uint64_t photometric = tiff_entry(data, size, PHOTOMETRIC, 0);
    f->deep = tiff_entry(data, size, BITS, 1) > 8;
    f->palette = photometric == 3;
    f->cmyk = photometric == 5;
    f->animated = tiff_entry(data, size, NEXT, 0) != 0;
    f->orientation = orientation_of(data, size);
}

static size_t gif_table(uint8_t flags) { // bytes of a table of colours
    return flags & 0x80 ? 3u << ((flags & 7) + 1) : 0;
}

// Behind the blocks of one extension or frame; `size`: they do not end.
static size_t skip_blocks(const uint8_t *data, size_t size, size_t at) {
    while (at < size && data[at])
        at += data[at] + (size_t)1;
    return at < size ? at + 1 : size;
}

static void find_gif(const uint8_t *data, size_t size, atl_facts *f) {
    int frames = 0;
    f->palette = true;
    for (size_t at = 13 + gif_table(data[10]); at < size && frames < 2;) {
        if (data[at] == '!') {
            at = skip_blocks(data, size, at + 2);
        } else if (data[at] == ',' && size - at > 10) {
            frames++;
            at = skip_blocks(data, size, at + 11 + gif_table(data[at + 9]));
        } else {
            break;
        }
    }
    f->animated = frames > 1;
}

void atl_facts_find(const uint8_t *data, size_t size, atl_facts *f) {
    *f = (atl_facts){ .orientation = 1 };
    if (size >= 12 && !memcmp(data, "\211PNG\r\n\032\n", 8))
        find_png(data, size, f);
    else if (size >= 12 && data[0] == 0xff && data[1] == 0xd8)
        find_jpeg(data, size, f);
    else if (size >= 12 && !memcmp(data, "RIFF", 4) && !memcmp(data + 8, "WEBP", 4))
        find_webp(data, size, f);
    else if (size >= 13 && !memcmp(data, "GIF8", 4))
        find_gif(data, size, f);
    else
        find_tiff(data, size, f);
}
