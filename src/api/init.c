// SPDX-License-Identifier: Apache-2.0
// New networks: a config from options, parameters declared by building the network, initial values.
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include "models/network.h"

// The row of a cfg: a family, or one of its variants, which the row's init() tells apart.
static const atl_model_row *row_of_cfg(const char *cfg) {
    static const struct { const char *cfg, *family; } variants[] = {
        { "stylegan3-t", "stylegan3" }, { "stylegan3-r", "stylegan3" },
        { "stylegan-xl-t", "stylegan-xl" }, { "stylegan-xl-r", "stylegan-xl" },
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (!strcmp(cfg, variants[i].cfg))
            cfg = variants[i].family;
    return atl_model_row_for(cfg, "generator");
}

atl_status atl_model_init(atl_ctx *ctx, const atl_init_options *options, atl_model **model) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    *model = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_init_options", &o, sizeof o, options));
    const atl_model_row *row = row_of_cfg(o.cfg ? o.cfg : "");
    if (!row || !row->init)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "a network of the kind \"%s\" can't be initialised: stylegan2, stylegan3-t, stylegan3-r, "
            "stylegan-xl, stylegan1 and progan can",
            o.cfg ? o.cfg : "");
    ATL_TRY(atl_model_new(ctx, row, "G_ema", model));
    atl_model *m = *model;
    atl_status status = row->init(ctx, &o, &m->json);
    if (status == ATL_OK)
        status = row->parse(ctx, m->json, m->config);
    if (status == ATL_OK)
        status = row->dims(ctx, m->config, &m->params, &m->dims);
    if (status == ATL_OK)
        status = atl_network_declare(ctx, row, m->config, &m->dims, &m->params);
    if (status == ATL_OK)
        status = atl_params_allocate(&m->params);
    if (status == ATL_OK)
        atl_params_randomise(&m->params, o.seed);
    if (status == ATL_OK && row->finish)
        status = row->finish(ctx, m->config, &m->params, o.seed);
    if (status == ATL_OK) {
        status = row->dims(ctx, m->config, &m->params, &m->dims);
        atl_model_fill_info(m);
    }
    if (status != ATL_OK)
        atl_model_close(model);
    return status;
}
