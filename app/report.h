// SPDX-License-Identifier: Apache-2.0
// report.html of a run folder: one file that needs nothing else, no network and no server.  It is made from
// what lies there: training_options.json, stats.jsonl, metric-*.jsonl, reals.png, fakes*.png, log.txt; ours
// or the official PyTorch trainers'.  What is missing is left out.  Small copies of the grids are kept in
// the folder .report, so that writing the report again after each tick is cheap.
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include <atelier/ctx.h>
#include "error.h"

typedef enum app_report_state {
    APP_REPORT_UNKNOWN, // told from the files: finished when all is trained, running when the last tick is
                     // recent
    APP_REPORT_RUNNING, // the page reloads itself every minute
    APP_REPORT_FINISHED,
    APP_REPORT_STOPPED
} app_report_state;

// Zero means: find out from the files.
typedef struct app_report_info {
    app_report_state state;
    const char *reason; // why it stopped: "by Ctrl-C", "a number is not finite"
    double total_kimg;
    double ada_target; // line among the signs of real scores
} app_report_info;

// Writes run_dir/report.html beside itself and renames.  `info` may be NULL.  Pictures that can't be read
// and broken lines are left out with a warning.
app_status app_report_write(atl_ctx *ctx, const char *run_dir, const app_report_info *info, app_error *e);

#endif
