// SPDX-License-Identifier: Apache-2.0
// atelier convert: the networks of a checkpoint as a safetensors file.
#include <stddef.h>
#include "command.h"
#include "common.h"

// One network with what a tuned one has changed, whole again.
static int join(cli_common *common, atl_ctx *ctx, const char *const *files, const atl_convert_options *o) {
    atl_model *model;
    int status = cli_open_generator(common, ctx, files[0], o->net, &model);
    if (status == CLI_SUCCESS && atl_model_save(model, files[1], o->dtype) != ATL_OK)
        status = cli_fail(ctx);
    atl_model_close(&model);
    return status;
}

int cli_convert(int argc, char **argv) {
    cli_common common = { 0 };
    atl_convert_options conversion = ATL_CONVERT_OPTIONS_INIT;
    const char *files[2];
    int dtype = 0;
    const cli_option options[] = {
        CLI_OPTION_CHOICE("dtype", &dtype, "f32|f16", "number format of the weights", "f32"),
        CLI_OPTION_TEXT("net", &conversion.net, "NAME", "only this network: G_ema, G or D", "all"),
        CLI_OPTION_TEXT("heads", &conversion.heads, "FILE",
                        "of LPIPS, to be joined with their backbone, FROM", NULL),
        CLI_DELTAS_OPTION(&common),
        CLI_NETWORK_OPTIONS(&common),
        CLI_COMMON_OPTIONS(&common),
    };
    const cli_spec spec = {
        .command = "convert",
        .arguments = "FROM TO",
        .about = "Write the networks of a checkpoint as safetensors.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 2,
        .arguments_max = 2,
    };
    int status = cli_options_parse(&spec, argc, argv, files);
    if (status == CLI_PROCEED)
        status = cli_network_name("convert", files[1]);
    if (status != CLI_PROCEED)
        return status;
    conversion.ignore_unused = common.ignore_unused;
    conversion.assume = common.assume;
    conversion.dtype = dtype ? ATL_F16 : ATL_F32;
    atl_ctx *ctx = NULL;
    status = cli_open(&common, &ctx);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS && common.deltas)
        status = join(&common, ctx, files, &conversion);
    else if (status == CLI_SUCCESS && atl_convert(ctx, files[0], files[1], &conversion) != ATL_OK)
        status = cli_fail(ctx);
    atl_ctx_close(&ctx);
    return cli_written(status, files[1]);
}
