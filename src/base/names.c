// SPDX-License-Identifier: Apache-2.0
// Lists of names in messages, added one by one.
#include "base/names.h"

#include <stdio.h>
#include <string.h>

void atl_names_add(char *text, size_t size, const char *name) {
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s%s", at ? ", " : "", name);
}
