// SPDX-License-Identifier: Apache-2.0
// Encoding with opened models.
#include "edit/encode.h"

#include "api/model_api.h"
#include "base/options.h"

atl_status atl_encoder_open(atl_model *encoder, atl_model *generator, const atl_encode_options *options,
                            atl_encoder **e) {
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    *e = NULL;
    ATL_TRY(atl_options_read(encoder->ctx, "atl_encode_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(encoder, "encoder", "encode"));
    ATL_TRY(atl_model_need(generator, "generator", "synthesize"));
    if (o.hypernet)
        ATL_TRY(atl_model_need(o.hypernet, "hypernetwork", "tune"));
    return atl_encoder_make(&encoder->programs, &generator->programs,
                            o.hypernet ? &o.hypernet->programs : NULL, &generator->mean, &o, e);
}
