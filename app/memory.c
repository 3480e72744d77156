// SPDX-License-Identifier: Apache-2.0
// Arrays and copies; see memory.h.
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *app_array(size_t count, size_t a, size_t b, size_t size, app_error *e) {
    size_t total = size;
    void *memory = NULL;
    size_t factors[3] = { count, a, b };
    int fits = 1;
    for (int i = 0; i < 3; i++) {
        fits = fits && (factors[i] == 0 || total <= SIZE_MAX / 4 / factors[i]);
        total = fits ? total * factors[i] : 0;
    }
    if (fits)
        memory = calloc(total ? total : 1, 1);
    if (!memory)
        app_fail(e, "out of memory: %zu numbers do not fit; ask for fewer images at once", count);
    return memory;
}

char *app_copy(const char *text, app_error *e) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    else
        app_fail(e, "out of memory");
    return copy;
}
