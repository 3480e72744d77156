// SPDX-License-Identifier: Apache-2.0
// Sorting and comparing projections: see swd_line.h.
#include "metrics/swd_line.h"

#include <math.h>
#include <string.h>

enum { GROUP_BITS = ATL_SWD_LINE_GROUPS - 1 };

// The sign bit is turned, and negative numbers are turned whole: larger ones are larger words then.
uint32_t atl_swd_word(float x, int group) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits ^= bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31;
    return (bits & ~(uint32_t)GROUP_BITS) | (uint32_t)group;
}

static double number(uint32_t word) {
    word &= ~(uint32_t)GROUP_BITS;
    word ^= word >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    float x;
    memcpy(&x, &word, sizeof x);
    return (double)x;
}

// Radix sort, three times 11 bits.  Afterwards the words are in the other place, and are brought back.
void atl_swd_sort(uint32_t *words, size_t n, uint32_t *scratch) {
    enum { DIGITS = 3, BITS = 11, VALUES = 1 << BITS };
    uint32_t count[DIGITS][VALUES] = { { 0 } }, *from = words, *to = scratch;
    for (size_t i = 0; i < n; i++)
        for (int d = 0; d < DIGITS; d++)
            count[d][words[i] >> (BITS * d) & (VALUES - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        uint32_t at = 0;
        for (int v = 0; v < VALUES; v++) {
            uint32_t here = count[d][v];
            count[d][v] = at;
            at += here;
        }
        for (size_t i = 0; i < n; i++)
            to[count[d][from[i] >> (BITS * d) & (VALUES - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    memcpy(words, from, n * sizeof *words);
}

double atl_swd_line(const uint32_t *a, const uint32_t *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(number(a[i]) - number(b[i]));
    return sum / (double)n;
}

double atl_swd_line_without(const uint32_t *a, const uint32_t *b, size_t n, int group) {
    double sum = 0;
    size_t i = 0, j = 0, pairs = 0;
    for (;; i++, j++) {
        while (i < n && (a[i] & GROUP_BITS) == (uint32_t)group)
            i++;
        while (j < n && (b[j] & GROUP_BITS) == (uint32_t)group)
            j++;
        if (i >= n || j >= n)
            break;
        sum += fabs(number(a[i]) - number(b[j]));
        pairs++;
    }
    return pairs ? sum / (double)pairs : NAN;
}
