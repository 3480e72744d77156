// SPDX-License-Identifier: Apache-2.0
// Dragging with opened models.
#include <atelier/drag.h>

#include "api/model_api.h"
#include "base/options.h"
#include "edit/drag.h"

atl_status atl_drag_open(atl_model *generator, const float *ws, const atl_drag_point *points, size_t count,
                         const atl_drag_options *options, atl_drag **drag) {
    atl_drag_options o = ATL_DRAG_OPTIONS_INIT;
    *drag = NULL;
    ATL_TRY(atl_options_read(generator->ctx, "atl_drag_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(generator, "generator", "synthesize"));
    return atl_drag_make(&generator->net, generator->backend, ws, points, count, &o, drag);
}
