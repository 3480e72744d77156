// SPDX-License-Identifier: Apache-2.0
// The opcodes of a pickle that carry a value: numbers, text and bytes, binary and as text.
#include "io/pickle_machine.h"

#include <string.h>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/utf8.h"

// Letters in protocol 0: of an integer, which takes time by their square; of a float.
enum { DIGITS_MOST = 512, FLOAT_TEXT_MOST = 63 };

// ---- numbers

// Little endian two's complement of any size.
static atl_object *integer_from(atl_machine *m, atl_view v) {
    if (v.size > 8)
        return atl_machine_text(m, ATL_OBJECT_BIG, (const char *)v.data, v.size);
    uint64_t bits = v.size && v.data[v.size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = v.size; i-- > 0;)
        bits = bits << 8 | v.data[i];
    return atl_machine_int(m, (int64_t)bits);
}

atl_status atl_op_unsigned(atl_machine *m, int width) {
    uint64_t value;
    ATL_TRY(atl_machine_take_number(m, width, &value));
    return atl_machine_push(m, atl_machine_int(m, (int64_t)value));
}

atl_status atl_op_signed(atl_machine *m, int width) {
    atl_view v;
    ATL_TRY(atl_machine_take(m, (size_t)width, &v));
    return atl_machine_push(m, integer_from(m, v));
}

atl_status atl_op_long(atl_machine *m, int width) {
    atl_view v;
    ATL_TRY(atl_machine_take_counted(m, width, &v));
    return atl_machine_push(m, integer_from(m, v));
}

// A decimal number of a text protocol.  One beyond 64 bits becomes a BIG.
atl_status atl_parse_decimal(atl_machine *m, atl_view v, atl_object **out) {
    bool negative = v.size && v.data[0] == '-';
    size_t at = negative, used = 0;
    if (v.size && v.data[v.size - 1] == 'L')
        v.size--;
    if (at >= v.size || v.size > DIGITS_MOST)
        return MACHINE_FAIL(m, "the pickle holds a number of %zu digits; the file is damaged", v.size);
    uint8_t *big = atl_arena_alloc(m->arena, v.size + 9, 1); // a decimal digit needs less than a byte
    if (!big)
        return ATL_NO_MEMORY;
    while (at < v.size) { // in base 256, some digits at a time
        uint64_t carry = 0, scale = 1;
        for (int k = 0; k < 12 && at < v.size; k++, at++) {
            if (v.data[at] < '0' || v.data[at] > '9')
                return MACHINE_FAIL(m, "the pickle holds a number that is none; the file is damaged");
            carry = carry * 10 + (v.data[at] - '0');
            scale *= 10;
        }
        for (size_t i = 0; i < used || carry; i++) {
            carry += big[i] * scale;
            big[i] = (uint8_t)carry;
            carry >>= 8;
            used = i + 1 > used ? i + 1 : used;
        }
    }
    used++; // room for the sign
    unsigned carry = 1;
    for (size_t i = 0; negative && i < used; i++) {
        carry += (uint8_t)~big[i];
        big[i] = (uint8_t)carry;
        carry >>= 8;
    }
    while (used > 8 && big[used - 1] == (big[used - 2] & 0x80 ? 0xff : 0))
        used--;
    *out = integer_from(m, (atl_view){ big, used });
    return *out ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_op_decimal(atl_machine *m, int plain) {
    atl_view v;
    ATL_TRY(atl_machine_take_line(m, &v));
    if (plain && v.size == 2 && v.data[0] == '0' && (v.data[1] == '0' || v.data[1] == '1'))
        return atl_machine_push(m, v.data[1] == '1' ? m->yes : m->no); // how protocol 0 writes booleans
    atl_object *o;
    ATL_TRY(atl_parse_decimal(m, v, &o));
    return atl_machine_push(m, o);
}

atl_status atl_op_float_text(atl_machine *m, int unused) {
    (void)unused;
    atl_view v;
    double value;
    ATL_TRY(atl_machine_take_line(m, &v));
    if (v.size == 0 || v.size > FLOAT_TEXT_MOST)
        return MACHINE_FAIL(m, "the pickle holds a number of %zu letters; the file is damaged", v.size);
    if (!atl_decimal(v.data, v.size, &value))
        return MACHINE_FAIL(m, "the pickle holds a number that is none; the file is damaged");
    return atl_machine_push(m, atl_machine_float(m, value));
}

atl_status atl_op_float(atl_machine *m, int unused) {
    (void)unused;
    atl_view v;
    ATL_TRY(atl_machine_take(m, 8, &v));
    uint64_t bits = atl_big(v.data, 8); // the only big-endian number of the format
    double value;
    memcpy(&value, &bits, sizeof value);
    return atl_machine_push(m, atl_machine_float(m, value));
}

atl_status atl_op_constant(atl_machine *m, int which) {
    atl_object *constants[] = { m->none, m->yes, m->no, m->empty };
    return atl_machine_push(m, constants[which]);
}

// ---- text and bytes

atl_status atl_op_text(atl_machine *m, int width) {
    atl_view v;
    ATL_TRY(atl_machine_take_counted(m, width, &v));
    return atl_machine_push(m, atl_machine_text(m, ATL_OBJECT_STRING, (const char *)v.data, v.size));
}

atl_status atl_op_bytes(atl_machine *m, int width) {
    atl_view v;
    ATL_TRY(atl_machine_take_counted(m, width, &v));
    return atl_machine_push(m, atl_machine_text(m, ATL_OBJECT_BYTES, (const char *)v.data, v.size));
}

// Python 2's 8-bit text: whether it was text or bytes, only the reader of the value can tell.
static atl_status push_raw(atl_machine *m, const uint8_t *data, size_t size) {
    atl_object *o = atl_machine_text(m, ATL_OBJECT_STRING, (const char *)data, size);
    if (o)
        o->raw = true;
    return atl_machine_push(m, o);
}

atl_status atl_op_raw_text(atl_machine *m, int width) {
    atl_view v;
    ATL_TRY(atl_machine_take_counted(m, width, &v));
    return push_raw(m, v.data, v.size);
}

// One escaped character after a backslash at v.data[at - 1].  Returns how many input bytes it took, 0
// when it is no escape that protocol 0 writes.
static size_t unescape(atl_view v, size_t at, bool unicode, uint8_t *out, size_t *written) {
    static const char from[] = "\\'\"nrt", to[] = "\\'\"\n\r\t";
    if (at >= v.size)
        return 0;
    uint8_t c = v.data[at];
    size_t digits = unicode ? (c == 'u' ? 4 : c == 'U' ? 8 : 0) : (c == 'x' ? 2 : 0);
    if (digits) {
        int64_t value = atl_hexadecimal(v.data + at + 1, v.size - at - 1, digits);
        if (value < 0 || value > 0x10ffff)
            return 0;
        *written = unicode ? atl_utf8_put(out, (uint32_t)value) : (out[0] = (uint8_t)value, (size_t)1);
        return 1 + digits;
    }
    const char *known = unicode || !c ? NULL : strchr(from, c);
    if (!known)
        return 0;
    out[0] = (uint8_t)to[known - from];
    *written = 1;
    return 1;
}

// The text protocol's strings: 'quoted' with \x escapes, or latin-1 with \u escapes.
atl_status atl_op_escaped(atl_machine *m, int unicode) {
    atl_view v;
    ATL_TRY(atl_machine_take_line(m, &v));
    if (!unicode) {
        if (v.size < 2 || (v.data[0] != '\'' && v.data[0] != '"') || v.data[v.size - 1] != v.data[0])
            return MACHINE_FAIL(m, "the pickle holds text without quotes; the file is damaged");
        v = (atl_view){ v.data + 1, v.size - 2 };
    }
    uint8_t *out = atl_arena_alloc(m->arena, v.size + 4, 2); // latin-1 grows to at most two bytes
    if (!out)
        return ATL_NO_MEMORY;
    size_t size = 0;
    for (size_t i = 0; i < v.size;) {
        size_t written = 1, used;
        uint8_t c = v.data[i++];
        if (c == '\\' && (used = unescape(v, i, unicode, out + size, &written)) != 0)
            i += used;
        else if (unicode)
            written = atl_utf8_put(out + size, c);
        else
            out[size] = c;
        size += written;
    }
    if (!unicode)
        return push_raw(m, out, size);
    return atl_machine_push(m, atl_machine_text(m, ATL_OBJECT_STRING, (const char *)out, size));
}
