// SPDX-License-Identifier: Apache-2.0
// New networks, by the name that a user gives their configuration.
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"

// The row of a cfg: a family, or one of its variants, which the row's init() tells apart.
static const atl_model_row *row_of_cfg(const char *cfg) {
    static const struct { const char *cfg, *family;
    } variants[] = {
        { "stylegan3-t", "stylegan3" },
        { "stylegan3-r", "stylegan3" },
        { "stylegan-xl-t", "stylegan-xl" },
        { "stylegan-xl-r", "stylegan-xl" },
        { "lpips-vgg", "lpips" },
        { "lpips-alex", "lpips" },
        { "lpips-squeeze", "lpips" },
        { "biggan-deep", "biggan" },
        { "sagan", "biggan" },
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (!strcmp(cfg, variants[i].cfg))
            cfg = variants[i].family;
    const atl_model_row *row = atl_model_row_for(cfg, "generator");
    row = row ? row : atl_model_row_for(cfg, "features");
    row = row ? row : atl_model_row_for(cfg, "autoencoder");
    return row ? row : atl_model_row_for(cfg, "transformer");
}

// As the files of its makers are read: what is trained alone is called as its family is.
static const char *name_of(const atl_model_row *row) {
    static const struct {
        const char *role, *name;
    } names[] = { { "generator", "G_ema" }, { "autoencoder", "vqgan" }, { "transformer", "transformer" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(row->role, names[i].role))
            return names[i].name;
    return row->family;
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
            "stylegan-xl, stylegan1, progan, biggan, biggan-deep, sagan, vqgan, vit-vqgan, vqvae, vqvae2, "
            "transformer, vit-transformer, rq-transformer, pixelcnn, vgg16, alexnet, squeezenet, resnet, lpips-vgg, "
            "lpips-alex, lpips-squeeze and inception can",
            o.cfg ? o.cfg : "");
    json_t *json;
    atl_network net;
    ATL_TRY(row->init(ctx, &o, &json));
    const char *name = name_of(row);
    return atl_model_new(ctx, &net, atl_network_make(ctx, row, name, json, o.seed, &net), model);
}
