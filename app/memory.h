// SPDX-License-Identifier: Apache-2.0
// Memory by malloc with a sentence when it is missing; free() it.
#ifndef APP_MEMORY_H
#define APP_MEMORY_H

#include <stddef.h>
#include "error.h"

// count * a * b * size bytes of zeros, or NULL when that overflows or is missing.
void *app_array(size_t count, size_t a, size_t b, size_t size, app_error *e);

char *app_copy(const char *text, app_error *e); // or NULL

#endif
