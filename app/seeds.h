// SPDX-License-Identifier: Apache-2.0
// Lists of numbers as people write them: "0,3,5-9".
#ifndef APP_SEEDS_H
#define APP_SEEDS_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

typedef struct app_seeds {
    uint32_t *items; // by malloc; app_seeds_clear() frees it
    size_t count;
    const char *text; // as they were written; borrowed
} app_seeds;

// Reads `text`, which must outlive the list.  After a failure the list is empty.
app_status app_seeds_parse(const char *text, app_seeds *seeds, app_error *e);
void app_seeds_clear(app_seeds *seeds);

#endif
