// SPDX-License-Identifier: Apache-2.0
// atelier congeal points: how well key points are found in other pictures.
#include "app/congeal_points.h"
#include <stdio.h>
#include "command.h"
#include "common.h"
#include "congeal.h"

typedef struct pointing {
    cli_common common;
    const char *network, *net;
    atl_congeal_options congeal;
    app_points_options points;
    int padding, flip, seed;
    atl_ctx *ctx;
    atl_model *model;
    atl_congealer *congealer;
} pointing;

static int parse(pointing *p, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &p->network, "FILE", "spatial transformer: .pt or .safetensors", NULL),
        CLI_OPTION_TEXT("net", &p->net, "NAME", "network of the file: T_ema or T", "T_ema"),
        CLI_OPTION_TEXT("points", &p->points.points, "FILE",
                        "lines of a picture's path and x y of each point", NULL),
        CLI_OPTION_INT("pairs", &p->points.pairs, "N", "pairs of pictures, by chance", "all, both ways", 1,
                       100000000),
        CLI_OPTION_INT("seed", &p->seed, "N", "seed of the pairs", "0", 0, 0x7fffffff),
        CLI_OPTION_INT("iters", &p->congeal.iterations, "N",
                       "times that the similarity is found, each on the last", "what the file says, or 1", 1,
                       100),
        CLI_OPTION_CHOICE("padding", &p->padding, "file|border|reflection|zeros",
                          "what lies outside of a picture", "file"),
        CLI_OPTION_CHOICE("flip", &p->flip, "auto|never", "auto: the mirror image where its flow is smoother",
                          "auto"),
        CLI_NETWORK_OPTIONS(&p->common),
        CLI_COMMON_OPTIONS(&p->common),
    };
    const cli_spec spec = {
        .command = "congeal points",
        .arguments = "--network FILE --points FILE",
        .about = "Look for key points of each picture in the others: PCK.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

static int run(pointing *p) {
    app_points_result r;
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    m.net = p->net ? p->net : "T_ema";
    m.ignore_unused = p->common.ignore_unused;
    m.assume = p->common.assume;
    p->congeal.padding = (atl_padding)p->padding;
    p->congeal.flip = !p->flip;
    p->points.seed = (unsigned)p->seed;
    int status = cli_open(&p->common, &p->ctx);
    if (status != CLI_SUCCESS)
        return status;
    if (atl_model_open(p->ctx, p->network, &m, &p->model) != ATL_OK ||
        atl_congealer_open(p->model, &p->congeal, &p->congealer) != ATL_OK)
        return cli_fail(p->ctx);
    app_status done = app_congeal_points(p->ctx, p->congealer, &p->points, &r, &p->common.error);
    if (done != APP_OK)
        return cli_told(&p->common, done);
    printf("pictures  %zu\npairs     %zu\npoints    %zu\n", r.pictures, r.pairs, r.points);
    for (int k = 0; k < APP_ALPHAS; k++)
        printf("PCK@%-5g %.2f %%\n", app_alphas[k], 100.0 * r.pck[k]);
    return CLI_SUCCESS;
}

int cli_congeal_points(int argc, char **argv) {
    const atl_congeal_options defaults = ATL_CONGEAL_OPTIONS_INIT;
    pointing p = { .congeal = defaults };
    int status = parse(&p, argc, argv);
    if (status == CLI_PROCEED) {
        if (!p.network || !p.points.points)
            status = cli_usage_error("congeal points", "expected --network FILE and --points FILE");
        else
            status = run(&p);
    }
    atl_congealer_close(&p.congealer);
    atl_model_close(&p.model);
    atl_ctx_close(&p.ctx);
    return status;
}
