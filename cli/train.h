// SPDX-License-Identifier: Apache-2.0
// What the files of `atelier train` share.
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include <stdio.h>
#include <jansson.h>
#include <atelier/train.h>
#include "common.h"
#include "app/grid.h"
#include "app/stats.h"

enum { CLI_TRAIN_GIVEN = 64 };

typedef struct cli_train {
    cli_common common;
    atl_train_options options;
    const char *outdir, *resume, *desc;
    int dry_run;
    int given[CLI_TRAIN_GIVEN]; // by row of the table of options
    char *snapshot;             // file to go on from or to transfer from, by malloc; NULL: none
    char *recorded;             // options of that file as JSON: go on; NULL: transfer
    char *folder;               // of the run that goes on, by malloc; NULL: a new one
    json_t *kept;               // recorded texts that options point to
} cli_train;

// ---- train_options.c
// CLI_PROCEED, or an exit status.
int cli_train_parse(cli_train *t, int argc, char **argv);
// Finds out what --resume means and takes recorded options where none was given.  0, or an exit status.
int cli_train_resume(cli_train *t, atl_ctx *ctx);
void cli_train_clear(cli_train *t, atl_ctx *ctx);

// ---- train_plan.c
void cli_train_print_plan(FILE *out, const atl_trainer *trainer);
// 0, or an exit status after a table of what needs how much.
int cli_train_check_memory(const atl_trainer *trainer);
// "3h 05m", "12m 40s", "8.2s"
const char *cli_train_time(double seconds, char text[32]);

// ---- run.c: the folder of a run
typedef struct cli_run {
    atl_ctx *ctx;
    atl_trainer *trainer;
    cli_train *train;
    char *folder;
    FILE *log;
    app_stats stats;
    app_history history;
    int alarms;    // bits of kinds that were told
    char *kept[2]; // the newest snapshots, newest last
    app_grid reals;
    int across, down;  // of grids
    float *z, *labels; // of the grid's pictures
    double began;      // seconds of the monotonic clock
} cli_run;

// Makes the folder (or goes on in it), log.txt, training_options.json, reals.png and fakes_init.png.  0, or
// an exit status after printing why not; cli_run_close() is fine then too.
int cli_run_open(cli_run *run, atl_ctx *ctx, atl_trainer *trainer, cli_train *train);
void cli_run_close(cli_run *run);

// A line on stdout and in log.txt.
void cli_run_say(cli_run *run, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

int cli_run_grid(cli_run *run, const char *name); // of the average of G
int cli_run_snapshot(cli_run *run);
// Ends a tick: stats.jsonl, alarms, report.html.  *fatal: an alarm says that going on is pointless.
int cli_run_tick(cli_run *run, int *fatal);
int cli_run_report(cli_run *run, int finished, const char *reason);

#endif
