// SPDX-License-Identifier: Apache-2.0
// Scalars collected during a tick, and stats.jsonl: a line per tick in the form of the official trainers,
//
//     {"Loss/G/loss": {"num": 64, "mean": 1.2, "std": 0.3}, ..., "timestamp": 1690000000.0}
//
//     cli_stats_open(&stats, "run/stats.jsonl");
//     cli_stats_add(&stats, "Loss/G/loss", loss);          // as often as measured
//     cli_stats_add(&stats, "Progress/kimg", kimg);        // once per tick
//     cli_stats_write(&stats, now, &history);              // the tick ends
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include <stddef.h>
#include "history.h"

// The names that the report and the alarms know; others are kept and drawn too.
#define CLI_STAT_KIMG "Progress/kimg"               // every line has it
#define CLI_STAT_TICK "Progress/tick"
#define CLI_STAT_AUGMENT "Progress/augment"         // p of adaptive augmentation
#define CLI_STAT_G_LOSS "Loss/G/loss"
#define CLI_STAT_D_LOSS "Loss/D/loss"
#define CLI_STAT_REAL_SCORES "Loss/scores/real"
#define CLI_STAT_FAKE_SCORES "Loss/scores/fake"
#define CLI_STAT_REAL_SIGNS "Loss/signs/real"       // r_t of Karras et al. 2020a, section 3
#define CLI_STAT_FAKE_SIGNS "Loss/signs/fake"
#define CLI_STAT_R1 "Loss/r1_penalty"
#define CLI_STAT_PATH_LENGTH "Loss/pl_penalty"
#define CLI_STAT_TOTAL_SECONDS "Timing/total_sec"
#define CLI_STAT_SECONDS_PER_KIMG "Timing/sec_per_kimg"
// Not in official files: see cli_grid_spread(), measured whenever a grid of fakes is made; norm of the
// gradient of G's loss.
#define CLI_STAT_FAKE_SPREAD "Spread/fake"
#define CLI_STAT_REAL_SPREAD "Spread/real"
#define CLI_STAT_G_GRADIENT "Gradient/G"

typedef struct cli_stat {
    char *name;
    double num, sum, squares; // of this tick
} cli_stat;

typedef struct cli_stats {
    char *path;
    int file;
    cli_stat *items; // in the order in which their names came first
    size_t count, room;
    int lost;        // 1: memory was missing for a name; the next write says so
} cli_stats;

// Opens stats.jsonl to append; a last line that was cut short gets an end, so that it spoils no other.
// 0, or an exit status after printing why not; cli_stats_close() is fine then too.
int cli_stats_open(cli_stats *stats, const char *path);
void cli_stats_close(cli_stats *stats); // what was not written is dropped

void cli_stats_add(cli_stats *stats, const char *name, double value);
void cli_stats_add_many(cli_stats *stats, const char *name, double num, double sum, double squares);

// Mean of what was added in this tick; NAN when that is nothing.
double cli_stats_mean(const cli_stats *stats, const char *name);

// Ends the tick: appends its line with one write(), so that a killed process leaves whole lines, adds it to
// `history` (may be NULL) and begins anew.  Names with nothing added are left out; means that are no finite
// numbers are written as null.  A line that the disk refused is taken back.  `time`: seconds since 1970.
// 0, or an exit status after printing why not.
int cli_stats_write(cli_stats *stats, double time, cli_history *history);

// For a run that goes on from `kimg`: keeps the lines up to there, and no broken ones.  Writes beside and
// renames; a missing file is fine.  Not while the file is open in a cli_stats.
int cli_stats_truncate(const char *path, double kimg);

#endif
