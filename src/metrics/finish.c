// SPDX-License-Identifier: Apache-2.0
// What each metric asks for, and what it makes of it.
#include "metrics/measure.h"

#include <stdio.h>

// ---- which pictures

static int64_t real_pictures(const atl_metrics *m, const atl_metric *metric) {
    bool given = metric->row->detector && m->given;
    int64_t have = given ? m->given->count : (int64_t)atl_dataset_info_get(m->data)->count;
    bool limited = metric->row->real_most == 0; // as many as generated, and flipped ones are others
    int64_t most = limited ? metric->count : metric->row->real_most;
    have *= limited && m->o.mirror && !given ? 2 : 1;
    return have < most || given ? have : most;
}

atl_collector atl_collect_fakes(atl_metrics *m, const atl_metric_job *job, const atl_collector_kind *kind) {
    return (atl_collector){ .m = m,
                            .ctx = m->ctx,
                            .kind = kind,
                            .height = m->height,
                            .width = m->width,
                            .count = job->metric.count,
                            .seed = m->o.seed };
}

atl_collector atl_collect_reals(atl_metrics *m, atl_metric_job *job, const atl_collector_kind *kind) {
    const atl_dataset_info *info = m->data ? atl_dataset_info_get(m->data) : NULL;
    job->reals = real_pictures(m, &job->metric);
    return (atl_collector){ .m = m,
                            .ctx = m->ctx,
                            .kind = kind,
                            .real = true,
                            .height = info ? info->height : 0,
                            .width = info ? info->width : 0,
                            .count = job->reals,
                            .seed = m->o.seed };
}

// ---- sliced Wasserstein distance

static atl_status plan_swd(atl_metrics *m, atl_metric_job *job) {
    atl_collector fake = atl_collect_fakes(m, job, &atl_collect_swd);
    atl_collector real = atl_collect_reals(m, job, &atl_collect_swd);
    fake.others = real.others = job->metric.count;
    ATL_TRY(atl_metrics_collect(m, &fake, &job->fake));
    real.twin = job->fake;
    return atl_metrics_collect(m, &real, &job->real);
}

static atl_status finish_swd(atl_metrics *m, atl_metric_job *job) {
    atl_swd *swd = atl_collected_swd(job->fake);
    atl_estimate levels[ATL_SWD_LEVELS], mean;
    ATL_TRY(atl_swd_finish(swd, &m->watch, levels, &mean));
    job->result.method = mean.method;
    atl_metric_put(job, "", mean.value, mean.error);
    for (int i = 0; i < atl_swd_levels(swd); i++) {
        char tail[16];
        snprintf(tail, sizeof tail, "_%d", job->fake->width >> i);
        atl_metric_put(job, tail, levels[i].value, levels[i].error);
    }
    return ATL_OK;
}

// ---- similarity

static atl_status plan_msssim(atl_metrics *m, atl_metric_job *job) {
    atl_collector fake = atl_collect_fakes(m, job, &atl_collect_msssim);
    if (fake.count < 2)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is of pairs of pictures: two are needed", job->metric.name);
    return atl_metrics_collect(m, &fake, &job->fake);
}

static atl_status finish_msssim(atl_metrics *m, atl_metric_job *job) {
    atl_estimate e = atl_estimate_mean(atl_collected_msssim(job->fake), job->metric.count / 2);
    (void)m;
    job->result.method = e.method;
    atl_metric_put(job, "", e.value, e.error);
    return ATL_OK;
}

// ---- the table

static const atl_metric_way ways[] = {
    { ATL_METRIC_FID, atl_fid_plan, atl_fid_finish },
    { ATL_METRIC_KID, atl_kid_plan, atl_kid_finish },
    { ATL_METRIC_IS, atl_inception_score_plan, atl_inception_score_finish },
    { ATL_METRIC_PR, atl_precision_recall_plan, atl_precision_recall_finish },
    { ATL_METRIC_PPL, atl_paths_plan, atl_paths_finish },
    { ATL_METRIC_EQT, atl_equivariance_plan, atl_equivariance_finish },
    { ATL_METRIC_EQR, atl_equivariance_plan, atl_equivariance_finish },
    { ATL_METRIC_LS, atl_separability_plan, atl_separability_finish },
    { ATL_METRIC_SWD, plan_swd, finish_swd },
    { ATL_METRIC_MSSSIM, plan_msssim, finish_msssim },
};

const atl_metric_way *atl_metric_way_of(atl_metric_kind kind) {
    return &ways[kind];
}
