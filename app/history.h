// SPDX-License-Identifier: Apache-2.0
// The scalars of a run, tick after tick: stats.jsonl in memory, as the alarms and the report read it.
#ifndef APP_HISTORY_H
#define APP_HISTORY_H

#include <stddef.h>
#include <jansson.h>
#include "error.h"

// One scalar.  A value is a mean over its tick; NAN: not measured in that tick; INFINITY: it was measured
// and is no finite number (null in the file, or NaN and Infinity as Python writes them).
typedef struct app_series {
    char *name;     // "Loss/G/loss"
    double *values; // [ticks]
} app_series;

typedef struct app_history {
    size_t ticks, room;
    double *kimg, *times; // [ticks]: Progress/kimg, which grows strictly, and timestamps in seconds
    app_series *series;
    size_t count, series_room;
} app_history;

// Reads a stats.jsonl of ours or of the official PyTorch trainers into a zeroed struct.  A line that is no
// JSON object with Progress/kimg is named in a warning and skipped; where kimg goes back, as in a run
// that was resumed, the older lines count no more.
app_status app_history_read(app_history *history, const char *path, app_error *e);
void app_history_clear(app_history *history);

// Progress/kimg of a line, or NAN when it has none.
double app_history_line_kimg(const json_t *line);

// Begins a tick; then its values.
app_status app_history_tick(app_history *history, double kimg, double time, app_error *e);
app_status app_history_set(app_history *history, const char *name, double value, app_error *e);

// values [ticks] of a scalar, borrowed until the history changes; NULL when it was never measured.
const double *app_history_get(const app_history *history, const char *name);

// The last finite value of a scalar; NAN when there is none.
double app_history_last(const app_history *history, const char *name);

// What a scalar that counts seconds came to, over all times that it began anew at zero.
double app_history_elapsed(const app_history *history, const char *name);

#endif
