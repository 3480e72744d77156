// SPDX-License-Identifier: Apache-2.0
// A reader of protocol buffers that is as small as Example is: four levels of messages, no recursion on
// the file's wish.
#include "data/example.h"

#include <string.h>

#include "io/image_format.h"

// Bytes to read; damage empties them and stays.
typedef struct span {
    const uint8_t *at, *end;
    bool damaged;
} span;

typedef struct field {
    uint64_t number, value; // value: of VARINT
    int type;
    span bytes;             // of the other types
} field;

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static bool refuse(span *s) {
    *s = (span){ s->end, s->end, true };
    return false;
}

static bool get_varint(span *s, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return refuse(s);
}

// False at the end and where it is damaged.
static bool next(span *s, field *f) {
    uint64_t tag, length = 0;
    if (s->at == s->end || !get_varint(s, &tag))
        return false;
    *f = (field){ .number = tag >> 3, .type = (int)(tag & 7) };
    switch (f->type) {
    case VARINT: return get_varint(s, &f->value);
    case FIXED64: length = 8; break;
    case FIXED32: length = 4; break;
    case BYTES:
        if (!get_varint(s, &length))
            return false;
        break;
    default: return refuse(s); // groups: nobody writes them
    }
    if (length > (uint64_t)(s->end - s->at))
        return refuse(s);
    f->bytes = (span){ s->at, s->at + length, false };
    s->at += length;
    return true;
}

static void add_dimension(atl_example *e, uint64_t value) {
    if (e->rank < 0 || e->rank == ATL_EXAMPLE_RANK)
        e->rank = -1;
    else
        e->shape[e->rank++] = (int64_t)value;
}

// Int64List: numbers one by one, or packed
static bool parse_shape(span list, atl_example *e) {
    e->rank = 0;
    for (field f; next(&list, &f);) {
        if (f.number == 1 && f.type == VARINT)
            add_dimension(e, f.value);
        while (f.number == 1 && f.type == BYTES && f.bytes.at < f.bytes.end) {
            if (!get_varint(&f.bytes, &f.value))
                return false;
            add_dimension(e, f.value);
        }
    }
    return !list.damaged;
}

// BytesList: the first value counts.  Forks keep pictures encoded, as "img", "image/encoded" and under other
// names.
static bool parse_bytes(span list, bool data, atl_example *e) {
    for (field f; next(&list, &f);) {
        size_t size = (size_t)(f.bytes.end - f.bytes.at);
        if (f.number != 1 || f.type != BYTES)
            continue;
        if (data && !e->data) {
            e->data = f.bytes.at;
            e->size = size;
        }
        if (!e->encoded && atl_image_is_known(f.bytes.at, size)) {
            e->encoded = f.bytes.at;
            e->encoded_size = size;
        }
    }
    return !list.damaged;
}

// Feature: one of bytes_list (1), float_list (2), int64_list (3)
static bool parse_feature(span feature, span key, atl_example *e) {
    size_t length = (size_t)(key.end - key.at);
    bool shape = length == 5 && !memcmp(key.at, "shape", 5);
    bool data = length == 4 && !memcmp(key.at, "data", 4);
    for (field f; next(&feature, &f);) {
        if (shape && f.number == 3 && f.type == BYTES && !parse_shape(f.bytes, e))
            return false;
        if (f.number == 1 && f.type == BYTES && !parse_bytes(f.bytes, data, e))
            return false;
    }
    return !feature.damaged;
}

// One entry of the map: key (1) and feature (2), in any order
static bool parse_entry(span entry, atl_example *e) {
    span key = { entry.at, entry.at, false }, feature = key;
    for (field f; next(&entry, &f);) {
        if (f.type == BYTES && f.number == 1)
            key = f.bytes;
        if (f.type == BYTES && f.number == 2)
            feature = f.bytes;
    }
    return !entry.damaged && parse_feature(feature, key, e);
}

// Features: entries of the map, each field 1
static bool parse_features(span features, atl_example *e) {
    for (field f; next(&features, &f);)
        if (f.number == 1 && f.type == BYTES && !parse_entry(f.bytes, e))
            return false;
    return !features.damaged;
}

bool atl_example_parse(const uint8_t *data, size_t size, atl_example *example) {
    *example = (atl_example){ .rank = 0 };
    span top = { data, data + size, false };
    for (field f; next(&top, &f);)
        if (f.number == 1 && f.type == BYTES && !parse_features(f.bytes, example))
            return false;
    return !top.damaged;
}

void atl_crc32c_init(uint32_t *table) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
        table[i] = c;
    }
}

uint32_t atl_crc32c_masked(const uint32_t *table, const uint8_t *bytes, size_t size) {
    uint32_t c = ~0u;
    for (size_t i = 0; i < size; i++)
        c = table[(c ^ bytes[i]) & 0xff] ^ c >> 8;
    c = ~c;
    return (c >> 15 | c << 17) + 0xa282ead8u;
}
