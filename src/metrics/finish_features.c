// SPDX-License-Identifier: Apache-2.0
// Metrics of features: what each asks a detector for, and what it makes of the rows.
#include <math.h>
#include <stdio.h>

#include "metrics/inception_score.h"
#include "metrics/kid.h"
#include "metrics/measure.h"
#include "metrics/precision_recall.h"

// ---- Frechet distances

// Rows of the generated pictures; sums, or rows, of the data's.
static atl_status collect_both(atl_metrics *m, atl_metric_job *job, bool rows, bool half) {
    const atl_metric_row *row = job->metric.row;
    atl_collector fake = atl_collect_fakes(m, job, &atl_collect_features);
    fake.detector = row->detector;
    fake.use = row->use;
    fake.rows = true;
    fake.half = half;
    ATL_TRY(atl_metrics_collect(m, &fake, &job->fake));
    if (!row->real)
        return ATL_OK;
    atl_collector real = atl_collect_reals(m, job, &atl_collect_features);
    real.detector = row->detector;
    real.use = row->use;
    real.rows = rows;
    real.half = half;
    real.n_marks = rows ? 0 : 1;
    real.marks[0] = job->reals;
    real.twin = job->fake;
    return atl_metrics_collect(m, &real, &job->real);
}

static void say_how(atl_metrics *m, atl_metric_job *job) {
    const char *resize = atl_detector_resize(atl_collected_detector(job->fake));
    (void)m;
    snprintf(job->how, sizeof job->how, "%s%s%s", job->metric.row->detector, *resize ? ", resize " : "",
             resize);
}

atl_status atl_fid_plan(atl_metrics *m, atl_metric_job *job) {
    return collect_both(m, job, false, false);
}

static void warn_of_few(atl_metrics *m, const atl_metric_job *job, int64_t width) {
    int64_t n = job->metric.count < job->reals ? job->metric.count : job->reals;
    if (n < width)
        atl_log(m->ctx, ATL_LOG_WARNING,
                "%s: %lld pictures are fewer than the %lld features of each: the distance is far too large, "
                "by how much "
                "depends on the number; compare equal numbers only, or take kid",
                job->metric.name, (long long)n, (long long)width);
}

atl_status atl_fid_finish(atl_metrics *m, atl_metric_job *job) {
    atl_gaussian real = atl_collected_moments(job->real, job->reals);
    atl_fid_result result;
    warn_of_few(m, job, real.width);
    ATL_TRY(atl_fid_estimate(m->ctx, &real, atl_collected_rows(job->fake), job->metric.count, m->o.seed,
                             &m->watch, &result));
    say_how(m, job);
    job->result.method = result.fid.method;
    atl_metric_put(job, "", result.fid.value, result.fid.error);
    atl_metric_put(job, "_inf", result.infinite.value, result.infinite.error);
    return ATL_OK;
}

// ---- kernel distance

atl_status atl_kid_plan(atl_metrics *m, atl_metric_job *job) {
    return collect_both(m, job, true, false);
}

atl_status atl_kid_finish(atl_metrics *m, atl_metric_job *job) {
    const atl_kid_options o = { .subsets = 100, .subset_size = 1000, .seed = m->o.seed };
    atl_estimate kid;
    ATL_TRY(atl_kid(m->ctx, atl_collected_rows(job->fake), job->metric.count, atl_collected_rows(job->real),
                    job->reals, atl_collected_width(job->fake), &o, &m->watch, &kid));
    say_how(m, job);
    job->result.method = kid.method;
    atl_metric_put(job, "", kid.value, kid.error);
    return ATL_OK;
}

// ---- Inception score

enum { SPLITS = 10 };

atl_status atl_inception_score_plan(atl_metrics *m, atl_metric_job *job) {
    if (job->metric.count < SPLITS)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: %d pictures are needed at least", job->metric.name,
                        SPLITS);
    return collect_both(m, job, false, false);
}

atl_status atl_inception_score_finish(atl_metrics *m, atl_metric_job *job) {
    atl_estimate score;
    double deviation;
    ATL_TRY(atl_inception_score(m->ctx, atl_collected_rows(job->fake), job->metric.count,
                                atl_collected_width(job->fake), SPLITS, &score, &deviation));
    say_how(m, job);
    job->result.method = score.method;
    atl_metric_put(job, "_mean", score.value, score.error);
    atl_metric_put(job, "_std", deviation, NAN);
    return ATL_OK;
}

// ---- precision and recall

enum { NEIGHBOURS = 3 };

atl_status atl_precision_recall_plan(atl_metrics *m, atl_metric_job *job) {
    ATL_TRY(collect_both(m, job, true, true));
    if (job->metric.count <= NEIGHBOURS || job->reals <= NEIGHBOURS)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: more than %d pictures of each kind are needed",
                        job->metric.name, NEIGHBOURS);
    return ATL_OK;
}

atl_status atl_precision_recall_finish(atl_metrics *m, atl_metric_job *job) {
    atl_pr_result r;
    ATL_TRY(atl_precision_recall(m->ctx, atl_collected_halves(job->real), job->reals,
                                 atl_collected_halves(job->fake), job->metric.count,
                                 atl_collected_width(job->fake), NEIGHBOURS, &m->watch, &r));
    say_how(m, job);
    job->result.method = r.precision.method;
    atl_metric_put(job, "_precision", r.precision.value, r.precision.error);
    atl_metric_put(job, "_recall", r.recall.value, r.recall.error);
    return ATL_OK;
}
