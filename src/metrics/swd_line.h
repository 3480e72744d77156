// SPDX-License-Identifier: Apache-2.0
// The distance of two sets of numbers on a line: the mean difference when both are in order.
#ifndef ATL_METRICS_SWD_LINE_H
#define ATL_METRICS_SWD_LINE_H

#include <stddef.h>
#include <stdint.h>

enum { ATL_SWD_LINE_GROUPS = 8 };

// A number and its group in one word that sorts as the number does.  The three lowest bits of a float, which
// the group takes, are below the rounding of what is measured.
uint32_t atl_swd_word(float x, int group);

// Sorts.  scratch: [n]
void atl_swd_sort(uint32_t *words, size_t n, uint32_t *scratch);

// Of two sorted sets of as many words.
double atl_swd_line(const uint32_t *a, const uint32_t *b, size_t n);

// The same without a group, of which both have as many.
double atl_swd_line_without(const uint32_t *a, const uint32_t *b, size_t n, int group);

#endif
