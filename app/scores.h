// SPDX-License-Identifier: Apache-2.0
// Scores of samples, from where people have them: columns of a CSV file, pictures sorted into two folders, or
// a network that judges pictures.
#ifndef APP_SCORES_H
#define APP_SCORES_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>
#include "error.h"

typedef struct app_scores {
    size_t rows, columns;
    double *values; // [rows, columns], by malloc
    char **names;   // [columns], of the file's first line; NULL: it has no names
    // of columns that were called so, where the file has them
    uint32_t *seeds; // [rows]; NULL: rows follow the latents
} app_scores;

// "FILE", or "FILE:COLUMN" for one of its columns, by name or number.  Numbers are separated by commas,
// semicolons or blanks; a first line that is no numbers names the columns, of which "seed" says whose scores
// a line has.
app_status app_scores_read(const char *source, app_scores *scores, app_error *e);
void app_scores_close(app_scores *scores); // a zeroed struct is fine

// Pictures of seeds, sorted into a folder of good and one of bad examples: scores 1 and 0.  Whose picture it
// is, its record says, or its name, as in seed0085.png; a record of another network (`fingerprint`) is
// refused.
app_status app_scores_sorted(atl_ctx *ctx, const char *good, const char *bad, uint64_t fingerprint,
                             app_scores *scores, app_error *e);

#endif
