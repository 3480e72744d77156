// SPDX-License-Identifier: Apache-2.0
// Scalars collected during a tick, and stats.jsonl: a line per tick in the form of the official trainers,
//
//     {"Loss/G/loss": {"num": 64, "mean": 1.2, "std": 0.3}, ..., "timestamp": 1690000000.0}
//
//     app_stats_open(&stats, "run/stats.jsonl", &e);
//     app_stats_add(&stats, "Loss/G/loss", loss);          // as often as measured
//     app_stats_add(&stats, "Progress/kimg", kimg);        // once per tick
//     app_stats_write(&stats, now, &history, &e);          // the tick ends
#ifndef APP_STATS_H
#define APP_STATS_H

#include <stddef.h>
#include "history.h"

// The names that the report and the alarms know; others are kept and drawn too.
#define APP_STAT_KIMG             "Progress/kimg" // every line has it
#define APP_STAT_TICK             "Progress/tick"
#define APP_STAT_AUGMENT          "Progress/augment" // p of adaptive augmentation
#define APP_STAT_G_LOSS           "Loss/G/loss"
#define APP_STAT_D_LOSS           "Loss/D/loss"
#define APP_STAT_GRADIENT_LENGTH  "Loss/gradient_length"
#define APP_STAT_REAL_SCORES      "Loss/scores/real"
#define APP_STAT_FAKE_SCORES      "Loss/scores/fake"
#define APP_STAT_REAL_SIGNS       "Loss/signs/real" // r_t of Karras et al. 2020a, section 3
#define APP_STAT_FAKE_SIGNS       "Loss/signs/fake"
#define APP_STAT_R1               "Loss/r1_penalty"
#define APP_STAT_PATH_LENGTH      "Loss/pl_penalty"
#define APP_STAT_CROSS_ENTROPY    "Loss/cross_entropy" // of transformers over codes
#define APP_STAT_HELD_OUT         "Loss/held_out"      // of pictures that they are not trained on
#define APP_STAT_TOTAL_SECONDS    "Timing/total_sec"
#define APP_STAT_SECONDS_PER_KIMG "Timing/sec_per_kimg"
// Not in official files: see app_grid_spread(), measured whenever a grid of fakes is made; norm of the
// gradient of G's loss.
#define APP_STAT_FAKE_SPREAD "Spread/fake"
#define APP_STAT_REAL_SPREAD "Spread/real"
#define APP_STAT_G_GRADIENT  "Gradient/G"

typedef struct app_stat {
    char *name;
    double num, sum, squares; // of this tick
} app_stat;

typedef struct app_stats {
    char *path;
    int file;
    app_stat *items; // in the order in which their names came first
    size_t count, room;
    int lost; // 1: memory was missing for a name; the next write says so
    char *last; // the line of the last tick; NULL: there is none
} app_stats;

// Opens stats.jsonl to append; a last line that was cut short gets an end, so that it spoils no other.
// app_stats_close() is fine after a failure, too.
app_status app_stats_open(app_stats *stats, const char *path, app_error *e);
void app_stats_close(app_stats *stats); // what was not written is dropped

void app_stats_add(app_stats *stats, const char *name, double value);
void app_stats_add_many(app_stats *stats, const char *name, double num, double sum, double squares);

// Mean of what was added in this tick; NAN when that is nothing.
double app_stats_mean(const app_stats *stats, const char *name);

// Ends the tick: appends its line with one write(), so that a killed process leaves whole lines, adds it to
// `history` (may be NULL) and begins anew.  Names with nothing added are left out; means that are no finite
// numbers are written as null.  A line that the disk refused is taken back.  `time`: seconds since 1970.
app_status app_stats_write(app_stats *stats, double time, app_history *history, app_error *e);

// What was added since goes into the line of the last tick, which is written again, and into `history` (may be
// NULL).  Nothing happens where nothing was added, or there is no such line.
app_status app_stats_amend(app_stats *stats, app_history *history, app_error *e);

// For a run that goes on from `kimg`: keeps the lines up to there, and no broken ones.  Writes beside and
// renames; a missing file is fine.  Not while the file is open in an app_stats.
app_status app_stats_truncate(const char *path, double kimg, app_error *e);

#endif
