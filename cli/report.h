// SPDX-License-Identifier: Apache-2.0
// report.html of a run folder: one file that needs nothing else, no network and no server.  It is made from
// what lies there: training_options.json, stats.jsonl, metric-*.jsonl, reals.png, fakes*.png, log.txt; ours
// or the official PyTorch trainers'.  What is missing is left out.  Small copies of the grids are kept in
// the folder .report, so that writing the report again after each tick is cheap.
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <atelier/ctx.h>

typedef enum cli_run_state {
    CLI_RUN_UNKNOWN, // told from the files: finished when all is trained, running when the last tick is recent
    CLI_RUN_RUNNING, // the page reloads itself every minute
    CLI_RUN_FINISHED,
    CLI_RUN_STOPPED
} cli_run_state;

// Zero means: find out from the files.
typedef struct cli_report_info {
    cli_run_state state;
    const char *reason; // why it stopped: "by Ctrl-C", "a number is not finite"
    double total_kimg;
    double ada_target;  // line among the signs of real scores
    int quiet;          // no warnings about files that can't be used
} cli_report_info;

// Writes run_dir/report.html beside itself and renames.  `info` may be NULL.  Pictures that can't be read
// and broken lines are left out with a warning.  0, or an exit status after printing why not.
int cli_report_write(atl_ctx *ctx, const char *run_dir, const cli_report_info *info);

#endif
