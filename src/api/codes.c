// SPDX-License-Identifier: Apache-2.0
// Drawing codes from an open transformer; see atelier/codes.h.
#include "api/model_api.h"
#include "base/options.h"
#include "run/draw_codes.h"

atl_status atl_codes_sample(atl_model *m, const atl_sample_options *options, int32_t *codes) {
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_sample_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(m, "transformer", "predict"));
    return atl_draw_codes(&m->programs, &o, NULL, codes);
}
