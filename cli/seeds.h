// SPDX-License-Identifier: Apache-2.0
// Lists of numbers as people write them: "0,3,5-9".
#ifndef CLI_SEEDS_H
#define CLI_SEEDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct cli_seeds {
    uint32_t *items;      // by malloc; cli_seeds_clear() frees it
    size_t count;
} cli_seeds;

// Reads `text`.  On failure the list is empty and `message` (room bytes) says what is wrong.
// Returns 1 on success.
int cli_seeds_parse(const char *text, cli_seeds *seeds, char *message, size_t room);
void cli_seeds_clear(cli_seeds *seeds);

#endif
