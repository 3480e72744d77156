// SPDX-License-Identifier: Apache-2.0
// The parts of a projection, for the files named project_*.
#ifndef APP_PROJECT_PARTS_H
#define APP_PROJECT_PARTS_H

#include <stdio.h>
#include "project.h"

// ---- project_targets.c

// Files and folders to targets, each with a folder for its results.
app_status app_project_list(app_project *p, app_error *e);

// The pictures, masks and labels of the batch in work, and target.png of each.
app_status app_project_load(app_project *p, app_error *e);

// Into the folder of a target.
app_status app_project_write_picture(app_project *p, const app_target *t, const char *name,
                                     const atl_image *image, app_error *e);

// Where the batch's search starts.
app_status app_project_start_ws(app_project *p, const float **ws, app_error *e);

// ---- project_files.c

// DIR/state-B.safetensors and the like; in `path`.
void app_project_state_path(const app_project *p, const char *ending, char path[APP_DETECTOR_PATH]);

app_status app_project_save(app_project *p, app_error *e);
// *restored: there was a state, and the search goes on from it.
app_status app_project_restore(app_project *p, int *restored, app_error *e);
void app_project_forget(const app_project *p); // the state of a finished batch
int app_project_is_done(const app_project *p); // the batch in work was finished before

// A new project.jsonl for each target, or the first `steps` lines of the old one.
app_status app_project_log_open(app_project *p, int steps, app_error *e);
app_status app_project_log(app_project *p, app_error *e); // the newest step

// projected_w.npz, proj.png, proj.mp4, and the last line of the log.
app_status app_project_finish(app_project *p, app_error *e);
// projected_w.npz alone.
app_status app_project_write_ws(app_project *p, app_error *e);

#endif
