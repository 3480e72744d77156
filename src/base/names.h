// SPDX-License-Identifier: Apache-2.0
// Lists of names in messages.
#ifndef ATL_BASE_NAMES_H
#define ATL_BASE_NAMES_H

#include <stddef.h>

// Appends a name to "a, b" in `text` of `size` bytes, which is "" at first.  What doesn't fit is cut.
void atl_names_add(char *text, size_t size, const char *name);

#endif
