// SPDX-License-Identifier: Apache-2.0
// The scalars of a run, tick after tick: stats.jsonl in memory, as the alarms and the report read it.
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <stddef.h>
#include <jansson.h>

// One scalar.  A value is a mean over its tick; NAN: not measured in that tick; INFINITY: it was measured
// and is no finite number (null in the file, or NaN and Infinity as Python writes them).
typedef struct cli_series {
    char *name;     // "Loss/G/loss"
    double *values; // [ticks]
} cli_series;

typedef struct cli_history {
    size_t ticks, room;
    double *kimg, *times; // [ticks]: Progress/kimg, which grows strictly, and timestamps in seconds
    cli_series *series;
    size_t count, series_room;
} cli_history;

// Reads a stats.jsonl of ours or of the official PyTorch trainers into a zeroed struct.  A line that is no
// JSON object with Progress/kimg is named in a warning (not when quiet) and skipped; where kimg goes back,
// as in a run that was resumed, the older lines count no more.  0, or an exit status after printing why not.
int cli_history_read(cli_history *history, const char *path, int quiet);
void cli_history_clear(cli_history *history);

// Progress/kimg of a line, or NAN when it has none.
double cli_history_line_kimg(const json_t *line);

// Begins a tick; then its values.  0, or an exit status when memory is missing, which is printed.
int cli_history_tick(cli_history *history, double kimg, double time);
int cli_history_set(cli_history *history, const char *name, double value);

// values [ticks] of a scalar, borrowed until the history changes; NULL when it was never measured.
const double *cli_history_get(const cli_history *history, const char *name);

// The last finite value of a scalar; NAN when there is none.
double cli_history_last(const cli_history *history, const char *name);

#endif
