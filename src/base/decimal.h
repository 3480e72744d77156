// SPDX-License-Identifier: Apache-2.0
// Numbers out of text that came from elsewhere.  strtod() alone reads the point of the host's locale.
#ifndef ATL_BASE_DECIMAL_H
#define ATL_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATL_DECIMAL_MOST = 127 }; // letters

// text: need not end with 0.  False: it is not one number as a whole, or too long.
bool atl_decimal(const void *text, size_t length, double *value);

// What printf() wrote of one number, with a point in the place of that of the host's locale.
void atl_decimal_point(char *text);

// The number of so many hexadecimal digits (at most 15) at the beginning of `left` bytes, or -1.
int64_t atl_hexadecimal(const uint8_t *text, size_t left, size_t digits);

#endif
