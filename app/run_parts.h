// SPDX-License-Identifier: Apache-2.0
// Inside of a run: what run.c, which drives it, asks of its folder.  Only of the process that writes.
#ifndef APP_RUN_PARTS_H
#define APP_RUN_PARTS_H

#include "report.h"
#include "run.h"

// ---- run_folder.c
app_status app_run_folder_open(app_run *run, app_error *e); // folder, log, options, stats
app_status app_run_snapshot(app_run *run, app_error *e);
app_status app_run_report(app_run *run, app_report_state state, const char *reason, app_error *e);

// ---- run_metrics.c
app_status app_run_measure(app_run *run, app_error *e); // the newest snapshot

// ---- run_grid.c
app_status app_run_grid_open(app_run *run, app_error *e);   // reads the real ones, before anything is written
app_status app_run_write_reals(app_run *run, app_error *e);
app_status app_run_write_fakes(app_run *run, const char *name, app_error *e); // by the average of G

#endif
