// SPDX-License-Identifier: Apache-2.0
// Projection with opened models.
#include <atelier/project.h>

#include "api/model_api.h"
#include "base/options.h"
#include "edit/project.h"
#include "edit/target.h"
#include "edit/tune.h"
#include "metrics/detector.h"

atl_status atl_lpips_open(atl_ctx *ctx, const char *path, const char *heads, atl_model **lpips) {
    atl_network net;
    *lpips = NULL;
    atl_status status = atl_detector_network(ctx, "lpips", path, heads, &net);
    return atl_model_new(ctx, &net, status, lpips);
}

atl_status atl_project_target(atl_model *generator, const atl_image *picture, float *target,
                              atl_image *shown) {
    atl_image made;
    if (shown)
        *shown = (atl_image){ 0 };
    ATL_TRY(atl_model_need(generator, "generator", "synthesize"));
    ATL_TRY(atl_target_picture(&generator->net, picture, &made));
    atl_target_values(&made, target);
    if (shown)
        *shown = made;
    else
        atl_image_clear(generator->ctx, &made);
    return ATL_OK;
}

atl_status atl_projector_open(atl_model *generator, const atl_project_options *options,
                              atl_projector **projector) {
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    atl_likeness likeness;
    *projector = NULL;
    ATL_TRY(atl_options_read(generator->ctx, "atl_project_options", &o, sizeof o, options));
    if (!o.space || !o.loss)
        return atl_fail(generator->ctx, ATL_BAD_ARGUMENT,
                        "a projection needs the names of a space and of a loss");
    ATL_TRY(atl_likeness_find(generator->ctx, o.loss, o.features ? &o.features->net : NULL, o.mse_weight,
                              &likeness));
    return atl_projector_make(&generator->net, generator->backend, &likeness, &o, projector);
}

atl_status atl_tuner_open(atl_model *generator, const atl_tune_options *options, atl_tuner **tuner) {
    atl_tune_options o = ATL_TUNE_OPTIONS_INIT;
    atl_likeness likeness;
    *tuner = NULL;
    ATL_TRY(atl_options_read(generator->ctx, "atl_tune_options", &o, sizeof o, options));
    if (!o.loss)
        return atl_fail(generator->ctx, ATL_BAD_ARGUMENT, "a tuning needs the name of a loss");
    ATL_TRY(atl_likeness_find(generator->ctx, o.loss, o.features ? &o.features->net : NULL, o.mse_weight,
                              &likeness));
    return atl_tuner_make(&generator->net, generator->backend, &likeness, &o, tuner);
}
