// SPDX-License-Identifier: Apache-2.0
// strtod() over a copy that has the locale's point, and hexadecimal digits; see decimal.h.
#include "base/decimal.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { POINT_MOST = 16 }; // bytes of a locale's point, which may be none of ASCII

bool atl_decimal(const void *text, size_t length, double *value) {
    char copy[ATL_DECIMAL_MOST + POINT_MOST + 1], *end;
    const char *from = text, *point = localeconv()->decimal_point;
    size_t wide = strlen(point);
    if (length == 0 || length > ATL_DECIMAL_MOST || wide > POINT_MOST)
        return false;
    const char *dot = memchr(from, '.', length);
    size_t head = dot ? (size_t)(dot - from) : length, at = head;
    memcpy(copy, from, head);
    if (dot) {
        memcpy(copy + at, point, wide);
        at += wide;
        memcpy(copy + at, dot + 1, length - head - 1);
        at += length - head - 1;
    }
    copy[at] = '\0';
    *value = strtod(copy, &end);
    return *end == '\0';
}

void atl_decimal_point(char *text) {
    const char *point = localeconv()->decimal_point;
    size_t wide = strlen(point);
    char *at = wide ? strstr(text, point) : NULL;
    if (!at)
        return;
    *at = '.';
    memmove(at + 1, at + wide, strlen(at + wide) + 1);
}

static int digit_of(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

int64_t atl_hexadecimal(const uint8_t *text, size_t left, size_t digits) {
    int64_t value = 0;
    if (left < digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}
