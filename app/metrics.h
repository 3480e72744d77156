// SPDX-License-Identifier: Apache-2.0
// Measuring networks one after the other, or pictures: what `atelier metrics` does.  Results become lines of
// metric-NAME.jsonl in the form of the official codes, and a page, metrics.html.
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include <stddef.h>
#include <atelier/metrics.h>
#include "error.h"

typedef struct app_metrics {
    const char *const *networks; // [count] files; count 0: options.fakes
    size_t count;
    atl_metrics_options options; // `network` is set for each, and where detectors are found
    const char *outdir;    // NULL: the folder of a network, when it is that of a training run; else results
                           // are told and nothing is written
    const char *detectors; // folder of --detectors; NULL: the usual ones
    const char
        *interpolate; // file with codes of pictures: what lies between them is measured; NULL: random latents
    int no_cache;          // features of the data are not kept for the next time
    int resume;            // go on where an earlier call was stopped
    // From time to time; not 0 stops, and what was measured so far is kept for --resume.  May be NULL.
    int (*progress)(void *user, const char *subject, const atl_metrics_state *state);
    // A number is there.  `subject` is the network's file, or the pictures.
    void (*result)(void *user, const char *subject, const atl_metric_result *result);
    void (*file)(void *user, const char *path); // was written or added to
    void *user;
} app_metrics;

// Of several processes (options.ranks) all make this call; the first one tells and writes.  A failure of
// another one may come without a sentence.
app_status app_metrics_run(atl_ctx *ctx, const app_metrics *a, app_error *e);

// The folder that a network's results go to when none is chosen, by malloc: where it lies, if
// training_options.json lies there, too.  NULL: there is none.
char *app_metrics_folder(const char *network);

// One line {"results": {"fid50k_full": 3.2}, "metric": .., "snapshot_pkl": .., "errors": {..}, ..} to
// FOLDER/metric-NAME.jsonl; processes: that shared the work; settings (borrowed, may be NULL): all else that
// decides the numbers.
struct json_t;
app_status app_metrics_append(const char *folder, const char *subject, const atl_metric_result *result,
                              int processes, const struct json_t *settings, double now, app_error *e);

// FOLDER/metrics.html: a table of all metric-*.jsonl of the folder, a row for each network, and a curve for
// each metric of several.
app_status app_metrics_page(const char *folder, app_error *e);

#endif
