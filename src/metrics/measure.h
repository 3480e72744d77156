// SPDX-License-Identifier: Apache-2.0
// The inside of a measurement: what has to be done, in turn, for the metrics that were asked for.
//
// Pictures are made, or read, once and handed to collectors, each of which keeps what some metrics need of
// them: features, sums, patches.  Metrics that sample in ways of their own (paths, moved pictures) are tasks
// of their own. In the end each metric makes its numbers of what was collected.
//
// Several processes take runs of samples in turn (share.c).  What comes of them goes to the first process,
// which alone keeps it, in the order of samples, and makes the numbers: they are those of one process.
#ifndef ATL_METRICS_MEASURE_H
#define ATL_METRICS_MEASURE_H

#include <atelier/metrics.h>
#include "io/json.h"
#include "metrics/content.h"
#include "metrics/detector.h"
#include "metrics/features.h"
#include "metrics/fid.h"
#include "metrics/generator.h"
#include "metrics/names.h"
#include "metrics/reader.h"
#include "metrics/swd.h"
#include "run/ranks.h"

// ---- collectors

typedef struct atl_collector atl_collector;

enum { ATL_COLLECTOR_ARRAYS = 12 };

typedef struct atl_collector_kind {
    const char *name;
    atl_status (*open)(atl_collector *c); // also says how many bytes go from `look` to `keep`: c->each
    void (*close)(atl_collector *c);
    // What there is to keep of n pictures rgb [n, 3, height, width]: seen [n, each], in the process that has
    // them; NULL: the pictures themselves.  In the first process `keep` then takes them, in order; the first
    // of a call is a multiple of `batch` of the measurement.
    atl_status (*look)(atl_collector *c, int n, const uint8_t *rgb, void *seen);
    atl_status (*keep)(atl_collector *c, int64_t first, int n, const void *seen);
    // All that it has collected, as arrays [ATL_COLLECTOR_ARRAYS] in place, for saving and restoring; how
    // many, or -1: memory is missing.
    int (*arrays)(atl_collector *c, atl_array *list);
    atl_status (*restored)(atl_collector *c); // they have been read; may be NULL
    atl_status (*fill)(atl_collector *c);     // of real pictures: sets c->filled where it can; may be NULL
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
    atl_collector *base; // features of which its own are made, of the same pictures; NULL: none
    bool filled;         // all is there: no picture has to be looked at
    int64_t from;        // pictures before this one are there
    size_t each;         // bytes that are seen of a picture
    void *seen;          // [batch, each] of a step; NULL: the pictures themselves
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
    const char *role, *path;
    atl_network net;
} atl_opened_network;

// The network of a role, which the caller of the measurement finds.  Roles of one file share it.
atl_status atl_metrics_network(atl_metrics *m, const char *role, const atl_network **net);

// A detector is valid until the measurement is closed.
atl_status atl_metrics_detector(atl_metrics *m, const char *role, const char *use, int height, int width,
                                atl_detector **detector);
void atl_metrics_close_detectors(atl_metrics *m);

// ---- tasks: what is done step by step

typedef struct atl_task atl_task;
struct atl_task {
    const char *what;
    int64_t done, total; // samples
    int run;             // samples that a process takes at once
    // Does some in the first process, and adds it to `done`; others wait.  NULL: it is shared.
    atl_status (*step)(atl_metrics *m, atl_task *t);
    // Samples first to first + n - 1, of one run, in this process.
    atl_status (*make)(atl_metrics *m, atl_task *t, int64_t first, int n);
    // What process `from` made of them goes to the first one by atl_metrics_bring(), which keeps it.  Called
    // by all, in the order of samples.
    atl_status (*join)(atl_metrics *m, atl_task *t, int from, int64_t first, int n);
    void (*close)(atl_metrics *m, atl_task *t); // NULL: nothing to release
    // As of a collector: what is kept of the work so far; NULL: nothing.
    int (*arrays)(atl_task *t, atl_array *list);
    int job;     // the metric that it is of; -1: several
    bool real;   // of a pass over pictures
    void *state; // the task's own
    double seconds;
};

// ---- several processes: share.c

bool atl_metrics_leads(const atl_metrics *m); // this process is the first one
// Room in which the first process gets what others made, for calls of atl_metrics_bring() with as many bytes.
atl_status atl_metrics_reserve(atl_metrics *m, size_t bytes);
// `made`, of which each process has its own, comes from process `from` to the first; *got: where it is there,
// NULL elsewhere.
atl_status atl_metrics_bring(atl_metrics *m, int from, void *made, size_t bytes, const void **got);
// The next run of a task in each process.
atl_status atl_metrics_share(atl_metrics *m, atl_task *t);
// The next step of a task of the first process, which the others wait for.
atl_status atl_metrics_lead(atl_metrics *m, atl_task *t);
atl_status atl_metrics_finish(atl_metrics *m, atl_task *t); // such a step: the arithmetic of t->job
// The first process works, and others wait for it.  The work asks m->watch now and then, so that the others
// see that it goes on, and any process may stop it.
atl_status atl_metrics_alone(atl_metrics *m, atl_status (*work)(atl_metrics *m, void *user), void *user);

// ---- passes over pictures: pass.c

void atl_metrics_pass(atl_metrics *m, bool real, atl_task *pass); // total 0: there is nothing to do

// ---- metrics

enum { ATL_COLLECTORS_MOST = 2 * ATL_METRICS_MOST, ATL_TASKS_MOST = 2 + 2 * ATL_METRICS_MOST };

typedef struct atl_metric_job {
    atl_metric metric;
    atl_collector *fake, *real; // NULL: it has none
    int64_t reals;              // pictures of the data that it takes
    atl_task own;               // sampling of its own; own.total 0: it has none
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
    void *room; // what other processes made
    size_t room_bytes;
    atl_watch watch; // asks the caller, and other processes, whether to go on
    int64_t asked;   // when it last did, on the clock
    uint64_t steps;
    uint64_t classifiers; // a hash of those that are opened one at a time
    json_t *identity;     // all that decides the numbers; NULL: not made yet
    atl_metrics_state state;
};

// The collector of that kind and those pictures, made where there is none; NULL: memory is missing.  One that
// is there takes as many pictures as the one who wants most.
atl_status atl_metrics_collect(atl_metrics *m, const atl_collector *wanted, atl_collector **collector);

// Jobs with all that they ask for, and later, when it is known what need not be computed, the tasks in order.
atl_status atl_metrics_plan(atl_metrics *m);
void atl_metrics_order(atl_metrics *m);

// All that decides the numbers, by the names that a sentence gives them; made once.
atl_status atl_metrics_identity(atl_metrics *m, const json_t **identity);

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
