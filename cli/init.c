// SPDX-License-Identifier: Apache-2.0
// atelier init: a freshly initialised network, written as safetensors.
#include <stdint.h>
#include "command.h"
#include "common.h"

int cli_init(int argc, char **argv) {
    cli_common common = { 0 };
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    const char *path;
    int seed = 0;
    const cli_option options[] = {
        CLI_OPTION_TEXT("cfg", &o.cfg, "NAME", "architecture: see 'atelier formats'", "stylegan2"),
        CLI_OPTION_INT("resolution", &o.resolution, "R", "pixels per side, a power of two", "256", 4, 4096),
        CLI_OPTION_INT("cbase", &o.channel_base, "N", "channels times resolution; of biggan and vqgan ch",
                       "that of cfg: 32768 or 8192", 1, 1 << 24),
        CLI_OPTION_INT("cmax", &o.channel_max, "N", "most channels of a layer; codes of vqgan", "512", 1,
                       65536),
        CLI_OPTION_INT("cond", &o.c_dim, "N", "classes of a conditional network", "none", 0, 1 << 20),
        CLI_OPTION_INT("channels", &o.img_channels, "N", "of the images: 1 gray, 3 RGB, 4 RGBA", "3", 1, 64),
        CLI_OPTION_INT("map-depth", &o.map_depth, "N", "layers of the mapping network, or of a transformer",
                       "that of cfg: 8 or 2", 1, 64),
        CLI_OPTION_INT("heads", &o.heads, "N", "of a transformer's layers", "a head for each 64 channels", 1, 1024),
        CLI_OPTION_INT("patch", &o.patch, "N", "of vit-vqgan: pixels of a patch's side", "8", 1, 256),
        CLI_OPTION_INT("quantizers", &o.quantizers, "N", "of vit-vqgan: codes of a patch", "1; of rq-transformer 4",
                       1, 64),
        CLI_OPTION_INT("seed", &seed, "S", "of the random weights", "0", 0, INT32_MAX),
        CLI_COMMON_OPTIONS(&common),
    };
    const cli_spec spec = {
        .command = "init",
        .arguments = "OUT.safetensors",
        .about = "Make a fresh, untrained network.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, &path);
    if (status == CLI_PROCEED)
        status = cli_network_name("init", path);
    if (status != CLI_PROCEED)
        return status;
    o.seed = (uint64_t)seed;
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    status = cli_open(&common, &ctx);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS &&
        (atl_model_init(ctx, &o, &model) != ATL_OK || atl_model_save(model, path, ATL_F32) != ATL_OK))
        status = cli_fail(ctx);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return cli_written(status, path);
}
