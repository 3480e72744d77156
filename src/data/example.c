// SPDX-License-Identifier: Apache-2.0
// A reader of protocol buffers that is as small as Example is: four levels of messages, no recursion on
// the file's wish.
#include "data/example.h"

#include <string.h>

typedef struct span {
    const uint8_t *at, *end;
} span;

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static bool get_varint(span *s, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

// The next field: its number, its wire type, and its value (VARINT) or its bytes.
static bool get_field(span *s, uint64_t *number, int *type, uint64_t *value, span *bytes) {
    uint64_t tag, length = 0;
    if (!get_varint(s, &tag))
        return false;
    *number = tag >> 3;
    *type = (int)(tag & 7);
    *value = 0;
    *bytes = (span){ s->at, s->at };
    switch (*type) {
    case VARINT: return get_varint(s, value);
    case FIXED64: length = 8; break;
    case FIXED32: length = 4; break;
    case BYTES:
        if (!get_varint(s, &length))
            return false;
        break;
    default: return false; // groups: nobody writes them
    }
    if (length > (uint64_t)(s->end - s->at))
        return false;
    *bytes = (span){ s->at, s->at + length };
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
    while (list.at < list.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&list, &number, &type, &value, &bytes))
            return false;
        if (number == 1 && type == VARINT)
            add_dimension(e, value);
        while (number == 1 && type == BYTES && bytes.at < bytes.end) {
            if (!get_varint(&bytes, &value))
                return false;
            add_dimension(e, value);
        }
    }
    return true;
}

// BytesList: the first value counts
static bool parse_data(span list, atl_example *e) {
    while (list.at < list.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&list, &number, &type, &value, &bytes))
            return false;
        if (number == 1 && type == BYTES && !e->data) {
            e->data = bytes.at;
            e->size = (size_t)(bytes.end - bytes.at);
        }
    }
    return true;
}

// Feature: one of bytes_list (1), float_list (2), int64_list (3)
static bool parse_feature(span feature, span key, atl_example *e) {
    size_t length = (size_t)(key.end - key.at);
    bool shape = length == 5 && !memcmp(key.at, "shape", 5);
    bool data = length == 4 && !memcmp(key.at, "data", 4);
    while (feature.at < feature.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&feature, &number, &type, &value, &bytes))
            return false;
        if (shape && number == 3 && type == BYTES && !parse_shape(bytes, e))
            return false;
        if (data && number == 1 && type == BYTES && !parse_data(bytes, e))
            return false;
    }
    return true;
}

// One entry of the map: key (1) and feature (2), in any order
static bool parse_entry(span entry, atl_example *e) {
    span key = { entry.at, entry.at }, feature = key;
    while (entry.at < entry.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&entry, &number, &type, &value, &bytes))
            return false;
        if (type == BYTES && number == 1)
            key = bytes;
        if (type == BYTES && number == 2)
            feature = bytes;
    }
    return parse_feature(feature, key, e);
}

// Features: entries of the map, each field 1
static bool parse_features(span features, atl_example *e) {
    while (features.at < features.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&features, &number, &type, &value, &bytes))
            return false;
        if (number == 1 && type == BYTES && !parse_entry(bytes, e))
            return false;
    }
    return true;
}

bool atl_example_parse(const uint8_t *data, size_t size, atl_example *example) {
    *example = (atl_example){ .rank = 0 };
    span top = { data, data + size };
    while (top.at < top.end) {
        uint64_t number, value;
        int type;
        span bytes;
        if (!get_field(&top, &number, &type, &value, &bytes))
            return false;
        if (number == 1 && type == BYTES && !parse_features(bytes, example))
            return false;
    }
    return true;
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
