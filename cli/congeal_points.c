// SPDX-License-Identifier: Apache-2.0
// atelier congeal points: how well key points are found in other pictures.
#include "app/congeal_points.h"
#include <stdio.h>
#include "command.h"
#include "common.h"
#include "congeal.h"

typedef struct pointing {
    cli_common common;
    cli_aligner options;
    app_points_options points;
    int seed;
    atl_ctx *ctx;
    app_aligner aligner;
} pointing;

static int parse(pointing *p, int argc, char **argv) {
    const cli_option options[] = {
        CLI_ALIGNER_OPTIONS(&p->options),
        CLI_OPTION_TEXT("points", &p->points.points, "FILE",
                        "key points: lines of a picture's path and x y of each, CSV, or JSON", NULL),
        CLI_OPTION_INT("pairs", &p->points.pairs, "N", "pairs of pictures, by chance", "all, both ways", 1,
                       100000000),
        CLI_OPTION_FLAG("transfer-both-ways", &p->points.both_ways,
                        "with --pairs: each of them there and back"),
        CLI_OPTION_TEXT("permutation", &p->points.permutation, "LIST",
                        "what each point is in a mirror image, such as 1,0,2: looked for where one of two pictures was "
                        "mirrored",
                        "what it was"),
        CLI_OPTION_INT("cluster", &p->points.cluster, "K", "cluster of the pictures", "0", 0, 63),
        CLI_OPTION_INT("seed", &p->seed, "N", "seed of the pairs", "0", 0, 0x7fffffff),
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
    app_error *e = &p->common.error;
    p->points.seed = (unsigned)p->seed;
    int status = cli_open(&p->common, &p->ctx);
    if (status != CLI_SUCCESS)
        return status;
    const app_aligner_options o = cli_aligner_options(&p->options, &p->common);
    app_status done = app_aligner_open(&p->aligner, p->ctx, &o, e);
    if (done == APP_OK)
        done = app_congeal_points(&p->aligner, &p->points, &r, e);
    if (done != APP_OK)
        return cli_told(&p->common, done);
    printf("pictures  %zu\npairs     %zu\npoints    %zu\n", r.pictures, r.pairs, r.points);
    if (r.boxes)
        printf("          picture      box\n");
    for (int k = 0; k < APP_ALPHAS && r.boxes; k++)
        printf("PCK@%-5g %6.2f %% %6.2f %%\n", app_alphas[k], 100.0 * r.by_picture[k], 100.0 * r.by_box[k]);
    for (int k = 0; k < APP_ALPHAS && !r.boxes; k++)
        printf("PCK@%-5g %.2f %%\n", app_alphas[k], 100.0 * r.by_picture[k]);
    return CLI_SUCCESS;
}

int cli_congeal_points(int argc, char **argv) {
    const atl_congeal_options defaults = ATL_CONGEAL_OPTIONS_INIT;
    pointing p = { .options.o.congeal = defaults };
    int status = parse(&p, argc, argv);
    if (status == CLI_PROCEED) {
        if (!p.options.o.network || !p.points.points)
            status = cli_usage_error("congeal points", "expected --network FILE and --points FILE");
        else
            status = run(&p);
    }
    app_aligner_close(&p.aligner);
    atl_ctx_close(&p.ctx);
    return status;
}
