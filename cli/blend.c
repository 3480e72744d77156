// SPDX-License-Identifier: Apache-2.0
// atelier blend: a generator out of two of one architecture.
#include <stddef.h>
#include "command.h"
#include "common.h"

typedef struct blend {
    cli_common common;
    const char *files[2], *out, *net;
    double width, alpha;
    int width_given, alpha_given;
    atl_blend_options options;
} blend;

static int parse(blend *b, int argc, char **argv) {
    atl_blend_options *o = &b->options;
    const cli_option options[] = {
        CLI_OPTION_TEXT("out", &b->out, "FILE", "safetensors file to write", NULL),
        CLI_OPTION_INT("swap-below", &o->swap_below, "R", "layers of a resolution below R come from B", NULL,
                       1, 65536),
        CLI_OPTION_INT("swap-above", &o->swap_above, "R", "layers of resolution R and above come from B",
                       NULL, 1, 65536),
        { "width", CLI_REAL, &b->width, "W", "smooth step instead of a swap: its width in doublings", "0", 0,
          100, &b->width_given },
        { "alpha", CLI_REAL, &b->alpha, "A", "share of B: all weights are A + alpha (B - A)",
          "1 in swapped layers", -100, 100, &b->alpha_given },
        CLI_OPTION_TEXT("net", &b->net, "NAME", "network of both files: G_ema or G", "G_ema, else G"),
        CLI_NETWORK_OPTIONS(&b->common),
        CLI_COMMON_OPTIONS(&b->common),
    };
    const cli_spec spec = {
        .command = "blend",
        .arguments = "A B --out FILE",
        .about = "Blend two generators of one architecture: swap layers, or interpolate the weights.\n"
                 "The mapping network is that of A, unless all weights are interpolated.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 2,
        .arguments_max = 2,
    };
    int status = cli_options_parse(&spec, argc, argv, b->files);
    if (status != CLI_PROCEED)
        return status;
    if (!b->out)
        return cli_usage_error("blend", "expected --out FILE");
    if (!o->swap_below && !o->swap_above && !b->alpha_given)
        return cli_usage_error("blend", "expected --swap-below R, --swap-above R or --alpha A");
    if (b->width_given && !o->swap_below && !o->swap_above)
        return cli_usage_error("blend", "--width needs --swap-below R or --swap-above R");
    o->width = (float)b->width;
    o->alpha = (float)b->alpha;
    return cli_network_name("blend", b->out);
}

int cli_blend(int argc, char **argv) {
    blend b = { .alpha = 1, .options = ATL_BLEND_OPTIONS_INIT };
    int status = parse(&b, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    atl_ctx *ctx = NULL;
    atl_model *sources[2] = { NULL, NULL }, *model = NULL;
    status = cli_open(&b.common, &ctx);
    cli_catch_interrupt();
    for (int i = 0; i < 2 && status == CLI_SUCCESS; i++)
        status = cli_open_generator(&b.common, ctx, b.files[i], b.net, &sources[i]);
    if (status == CLI_SUCCESS && (atl_model_blend(sources[0], sources[1], &b.options, &model) != ATL_OK ||
                                  atl_model_save(model, b.out, ATL_F32) != ATL_OK))
        status = cli_fail(ctx);
    atl_model_close(&model);
    atl_model_close(&sources[0]);
    atl_model_close(&sources[1]);
    atl_ctx_close(&ctx);
    return cli_written(status, b.out);
}
