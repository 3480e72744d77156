// SPDX-License-Identifier: Apache-2.0
// A training run as an object: an open trainer, and the folder that remembers what it does,
//
//     training_options.json  log.txt  stats.jsonl  report.html  reals.png  fakes_init.png  fakes000200.png
//     network-snapshot-000200.safetensors
//
// The two newest snapshots hold all that is needed to go on; from older ones only the networks are kept.
//
//     app_status status = app_run_open(&run, ctx, trainer, &options, &events, &e);
//     while (status == APP_OK && !run.state.ended)
//         status = app_run_step(&run, &e);
//     app_run_finish(&run, reason, &e);
//     app_run_close(&run);
//
// Whoever drives it sees numbers in run.state and lines, ticks, alarms and files through callbacks.  Of several
// processes all call it; the first writes.
#ifndef APP_RUN_H
#define APP_RUN_H

#include <stdio.h>
#include <atelier/train.h>
#include "alarms.h"
#include "grid.h"
#include "stats.h"

// Texts are borrowed.
typedef struct app_run_options {
    const char *outdir, *desc; // where the folder is made; the end of its name, or NULL
    const char *folder;        // of a run that goes on; NULL: a new one
    const char *snapshot;      // in that folder, from which it goes on; NULL: not from there
    long long stamp;           // app_resume_stamp() of before it was read; 0: nobody knows
    const char *metrics;       // names with commas, to measure snapshots by; NULL: none
    int metrics_every;         // that many snapshots, and the last one
    const char *detectors;     // folder of --detectors, or NULL
} app_run_options;

// Any may be NULL.
typedef struct app_run_events {
    void *user;
    int (*stop)(void *user);                                  // asked after each step; not 0: end here
    void (*plan)(void *user, FILE *log, const atl_trainer *); // what goes to the head of log.txt
    void (*codes)(void *user, size_t done, size_t total);     // pictures that are encoded, before the first step
    void (*line)(void *user, const char *line);               // what has gone to log.txt
    void (*tick)(void *user, const app_stats *stats);         // a tick ends with these numbers
    void (*alarm)(void *user, const app_alarm *alarm);        // one that did not ring before
    void (*file)(void *user, const char *path);               // a grid or a snapshot has been written
} app_run_events;

typedef struct app_run_state {
    int tick;                 // ticks ended, also before the run went on
    double kimg, total_kimg;  // shown so far, of the whole run; and wanted
    double seconds, rate,
        left;                 // trained so far, likewise; images per second; seconds to the end, 0: not known
    int ended;                // all is trained
    int fatal;                // the numbers or an alarm said that going on is pointless
    int bad_picture;          // what failed was a picture of the set
} app_run_state;

typedef struct app_run {
    atl_ctx *ctx;
    atl_trainer *trainer;
    app_run_options o;
    app_run_events events;
    app_run_state state;
    int leader;            // this process writes; all below is its own
    char *folder, *kept[2]; // the newest snapshots, newest last
    FILE *log;
    app_stats stats;
    app_history history;
    app_ringing ringing[APP_ALARM_KINDS];
    app_grid reals;
    int across, down;  // of grids
    float *z, *labels; // of the grid's pictures
    float *inputs;     // of an encoder: those pictures [across * down, channels, height, width]; else NULL
    uint64_t first, tick_images; // pictures when it was opened, and at the tick's begin
    uint64_t saved; // pictures at the last snapshot
    int prepared;   // steps can begin
    int owed;       // a snapshot that was due could not be written
    double began, ready, tick_began, maintenance; // ready: steps began
    double before; // seconds that were trained before it was opened
} app_run;

// Makes the folder (or goes on in it), log.txt, training_options.json, reals.png and fakes_init.png.  A failure
// of another process is one without a sentence.  app_run_close() is fine after any of them.
app_status app_run_open(app_run *run, atl_ctx *ctx, atl_trainer *trainer, const app_run_options *o,
                        const app_run_events *events, app_error *e);
void app_run_close(app_run *run);

// Whether a folder can be made in `outdir`, which is made when missing: to be known before anything is
// measured.
app_status app_run_check_outdir(const char *outdir, app_error *e);

// Whether there are such metrics, and what they need: to be known before anything is trained.
app_status app_run_check_metrics(const char *names, const char *detectors, app_error *e);

// One step of training, and what is due after it; before the first one, what it stands on (codes of a set).
// APP_STOPPED: as `stop` wished; a snapshot has been written.  A
// step that fails, as by a picture that can't be read, ends with a snapshot of what was before; what can't be
// written in the middle of a run is told and tried again with the next tick.
app_status app_run_step(app_run *run, app_error *e);

// The last report, with the reason why it ended early, or NULL.
app_status app_run_finish(app_run *run, const char *reason, app_error *e);

// A line of log.txt; events.line sees it, too.
void app_run_say(app_run *run, const char *format, ...) APP_PRINTF;

#endif
