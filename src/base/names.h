// SPDX-License-Identifier: Apache-2.0
// Names: how they end, and lists of them in messages.
#ifndef ATL_BASE_NAMES_H
#define ATL_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

// Upper and lower case differ, other than in atl_name_ends() of files.
bool atl_ends_in(const char *name, const char *end);

// Appends a name to "a, b" in `text` of `size` bytes, which is "" at first.  What doesn't fit is cut.
void atl_names_add(char *text, size_t size, const char *name);

#endif
