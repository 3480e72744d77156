// SPDX-License-Identifier: Apache-2.0
// The networks that losses look at pictures with.
#include <string.h>
#include "project.h"

static app_status open_lpips(atl_ctx *ctx, const app_detector_place *place, atl_model **features,
                             app_error *e) {
    if (atl_lpips_open(ctx, place->path, *place->heads ? place->heads : NULL, features) != ATL_OK)
        return app_fail_ctx(e, ctx);
    return APP_OK;
}

static app_status open_vgg(atl_ctx *ctx, const app_detector_place *place, atl_model **features,
                           app_error *e) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = "vgg16";
    return atl_model_open(ctx, place->path, &o, features) == ATL_OK ? APP_OK : app_fail_ctx(e, ctx);
}

const char *app_features_open(atl_ctx *ctx, const char *loss, const char *detectors, atl_model **features,
                              app_error *e) {
    app_detector_place place;
    int vgg = loss && !strncmp(loss, "vgg", 3);
    *features = NULL;
    if (loss && !strcmp(loss, "mse"))
        return loss;
    if (!loss) {
        int has = app_detector_has("lpips-vgg", detectors, e);
        if (has < 0)
            return NULL;
        if (!has) {
            app_warn(
                e,
                "LPIPS is not here, so pictures are compared by pixels and slopes, which finds colours and "
                "shapes but less of textures; 'atelier detectors --fetch vgg16' gets it (--loss mse says "
                "that "
                "this is meant)");
            return "mse";
        }
        loss = "lpips";
    }
    if (app_detector_find(vgg ? "vgg16" : "lpips-vgg", detectors, &place, e) != APP_OK)
        return NULL;
    return (vgg ? open_vgg : open_lpips)(ctx, &place, features, e) == APP_OK ? loss : NULL;
}
