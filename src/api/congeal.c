// SPDX-License-Identifier: Apache-2.0
// Alignment with an opened transformer.
#include "edit/learn.h"

#include "api/model_api.h"
#include "base/options.h"

atl_status atl_congealer_open(atl_model *transformer, const atl_congeal_options *options, atl_congealer **c) {
    atl_congeal_options o = ATL_CONGEAL_OPTIONS_INIT;
    *c = NULL;
    ATL_TRY(atl_options_read(transformer->ctx, "atl_congeal_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(transformer, "aligner", "similarity"));
    return atl_congealer_make(&transformer->programs, &o, c);
}

atl_status atl_congealer_classify(atl_congealer *c, atl_model *classifier, int n, const float *inputs, int *head,
                                  int *flipped) {
    ATL_TRY(atl_model_need(classifier, "classifier", "classify"));
    return atl_congealer_sort(c, &classifier->net, n, inputs, head, flipped);
}

atl_status atl_congeal_trainer_open(atl_model *generator, const atl_congeal_train_options *options,
                                    atl_congeal_trainer **t) {
    atl_congeal_train_options o = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
    *t = NULL;
    ATL_TRY(atl_options_read(generator->ctx, "atl_congeal_train_options", &o, sizeof o, options));
    ATL_TRY(atl_model_need(generator, "generator", "synthesize"));
    return atl_congeal_trainer_make(&generator->programs, o.lpips ? &o.lpips->net : NULL, &o, t);
}
