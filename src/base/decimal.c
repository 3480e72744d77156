// SPDX-License-Identifier: Apache-2.0
// strtod() over a copy that has the locale's point; see decimal.h.
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
