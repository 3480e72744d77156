// SPDX-License-Identifier: Apache-2.0
// The inside of a measurement: what has to be done, in turn, for the metrics that were asked for.
//
// Pictures are made, or read, once and handed to collectors, each of which keeps what some metrics need of
// them: features, sums, patches.  Metrics that sample in ways of their own (paths, moved pictures) are tasks
// of their own. In the end each metric makes its numbers of what was collected.
#ifndef ATL_METRICS_MEASURE_H
#define ATL_METRICS_MEASURE_H

#include <atelier/metrics.h>
#include "metrics/content.h"
#include "metrics/detector.h"
#include "metrics/features.h"
#include "metrics/fid.h"
#include "metrics/generator.h"
#include "metrics/names.h"
#include "metrics/reader.h"
#include "metrics/swd.h"

// ---- collectors

typedef struct atl_collector atl_collector;

enum { ATL_COLLECTOR_ARRAYS = 12 };

typedef struct atl_collector_kind {
    const char *name;
    atl_status (*open)(atl_collector *c);
    // Pictures first to first + n - 1, rgb [n, 3, height, width]; they come in order, and the first of a call
    // is a multiple of `batch` of the measurement.
    atl_status (*add)(atl_collector *c, int64_t first, int n, const uint8_t *rgb);
    void (*close)(atl_collector *c);
    // All that it has collected, as arrays [ATL_COLLECTOR_ARRAYS] in place, for saving and restoring; how
    // many, or -1: memory is missing.
    int (*arrays)(atl_collector *c, atl_array *list);
    atl_status (*restored)(atl_collector *c); // they have been read; may be NULL
    atl_status (*whole)(atl_collector *c);    // all pictures have come; may be NULL
} atl_collector_kind;

enum { ATL_COLLECTOR_MARKS = 8 };

struct atl_collector {
    atl_metrics *m;
    atl_ctx *ctx;
    const atl_collector_kind *kind;
    bool real;         // of the data's pictures
    int height, width; // of pictures
    int64_t count;     // pictures that it takes
    uint32_t seed;
    const char *detector, *use;         // role and use of what makes features; NULL: none
    bool rows, half;                    // features: each picture's are kept, not only sums; as half floats
    int64_t marks[ATL_COLLECTOR_MARKS]; // features: numbers of pictures whose mean and covariance are wanted
    int n_marks;
    int64_t others;      // distances of patches: pictures that a set has to have
    atl_collector *twin; // the same of the other side, which was opened before; NULL: none
    bool filled;         // all is there: no picture has to be looked at
    void *state;         // the kind's own
};

extern const atl_collector_kind atl_collect_swd, atl_collect_msssim, atl_collect_features;

atl_swd *atl_collected_swd(const atl_collector *c);         // with the pictures of both sides
const double *atl_collected_msssim(const atl_collector *c); // of each pair
const atl_detector *atl_collected_detector(const atl_collector *c);
const float *atl_collected_rows(const atl_collector *c);                  // [count, width]
const uint16_t *atl_collected_halves(const atl_collector *c);             // the same as half floats
atl_gaussian atl_collected_moments(const atl_collector *c, int64_t mark); // of the first so many pictures
int64_t atl_collected_width(const atl_collector *c);

// ---- detectors: each is opened once for pictures of one size

enum { ATL_DETECTORS_MOST = 48 };

typedef struct atl_opened_detector {
    const char *role, *use;
    int height, width;
    atl_detector *detector;
} atl_opened_detector;

typedef struct atl_opened_network {
    const char *role;
    atl_network net;
} atl_opened_network;

// The detector of a role, which the caller of the measurement finds.  Valid until the measurement is closed.
atl_status atl_metrics_detector(atl_metrics *m, const char *role, const char *use, int height, int width,
                                atl_detector **detector);
void atl_metrics_close_detectors(atl_metrics *m);

// ---- tasks: what is done step by step

typedef struct atl_task atl_task;
struct atl_task {
    const char *what;
    int64_t done, total;
    atl_status (*step)(atl_metrics *m, atl_task *t); // does some and adds it to `done`
    void (*close)(atl_metrics *m, atl_task *t);      // NULL: nothing to release
    // As of a collector: what is kept of the work so far; NULL: nothing.
    int (*arrays)(atl_task *t, atl_array *list);
    int job;     // the metric that it is of; -1: several
    bool real;   // of a pass over pictures
    void *state; // the task's own
    double seconds;
};

// ---- metrics

enum { ATL_COLLECTORS_MOST = 2 * ATL_METRICS_MOST, ATL_TASKS_MOST = 2 + 2 * ATL_METRICS_MOST };

typedef struct atl_metric_job {
    atl_metric metric;
    atl_collector *fake, *real; // NULL: it has none
    int64_t reals;              // pictures of the data that it takes
    atl_task own;               // sampling of its own; own.step NULL: it has none
    atl_metric_value values[ATL_METRIC_VALUES];
    char names[ATL_METRIC_VALUES][2 * ATL_METRIC_NAME];
    char how[160];
    atl_metric_result result;
    bool finished;
} atl_metric_job;

struct atl_metrics {
    atl_ctx *ctx;
    atl_arena arena; // texts
    atl_metrics_options o;
    atl_backend *backend; // of all networks, whatever the threads
    atl_network net;      // net.ctx NULL: pictures take its place
    atl_generator generator;
    atl_dataset *data, *fakes;                       // NULL: none
    atl_features *given;                             // features in place of the data's; NULL: none
    char content[ATL_CONTENT];                       // hash of the first `content_of` pictures of the data
    int64_t content_of;                              // 0: not made yet
    int height, width;                               // of generated pictures
    atl_opened_network networks[ATL_DETECTORS_MOST]; // of detectors
    int n_networks;
    atl_opened_detector detectors[ATL_DETECTORS_MOST];
    int n_detectors;
    atl_collector collectors[ATL_COLLECTORS_MOST];
    int n_collectors;
    atl_task tasks[ATL_TASKS_MOST];
    int n_tasks;
    atl_reader *reader;   // of the pass that goes on
    uint8_t *pictures;    // [batch, 3, height, width] of it
    atl_metric_job *jobs; // [n_jobs]
    int n_jobs;
    atl_metric_result *results; // [n_jobs], those that are there
    int n_results;
    atl_metrics_state state;
};

// The collector of that kind and those pictures, made where there is none; NULL: memory is missing.  One that
// is there takes as many pictures as the one who wants most.
atl_status atl_metrics_collect(atl_metrics *m, const atl_collector *wanted, atl_collector **collector);

// After tasks and jobs were changed from outside of a step.
void atl_metrics_show_state(atl_metrics *m);
void atl_metrics_list_results(atl_metrics *m);

// ---- what metrics do

typedef struct atl_metric_way {
    atl_metric_kind kind;
    // Asks for collectors and tasks; refuses what can't be measured.
    atl_status (*plan)(atl_metrics *m, atl_metric_job *job);
    // Makes job->values with atl_metric_put().
    atl_status (*finish)(atl_metrics *m, atl_metric_job *job);
} atl_metric_way;
const atl_metric_way *atl_metric_way_of(atl_metric_kind kind);

// A value of the metric: its name is the metric's with `tail` behind it.
void atl_metric_put(atl_metric_job *job, const char *tail, double value, double error);

// A collector of the pictures that a metric takes; its other members are zeros.  The second one sets
// job->reals.
atl_collector atl_collect_fakes(atl_metrics *m, const atl_metric_job *job, const atl_collector_kind *kind);
atl_collector atl_collect_reals(atl_metrics *m, atl_metric_job *job, const atl_collector_kind *kind);

// ---- by metric, each in the file of its name or in finish_features.c

atl_status atl_equivariance_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_equivariance_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_fid_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_fid_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_kid_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_kid_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_inception_score_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_inception_score_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_precision_recall_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_precision_recall_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_paths_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_paths_finish(atl_metrics *m, atl_metric_job *job);
atl_status atl_separability_plan(atl_metrics *m, atl_metric_job *job);
atl_status atl_separability_finish(atl_metrics *m, atl_metric_job *job);

#endif
