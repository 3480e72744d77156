// SPDX-License-Identifier: Apache-2.0
// Names: see names.h.
#include "base/names.h"

#include <stdio.h>
#include <string.h>

bool atl_ends_in(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && !strcmp(name + length - tail, end);
}

void atl_names_add(char *text, size_t size, const char *name) {
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s%s", at ? ", " : "", name);
}
