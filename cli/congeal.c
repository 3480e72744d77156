// SPDX-License-Identifier: Apache-2.0
// atelier congeal apply|points|propagate|train: pictures of a class brought into one place by a spatial transformer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/congeal.h"
#include "app/files.h"
#include "command.h"
#include "common.h"
#include "congeal.h"
#include "progress.h"

app_aligner_options cli_aligner_options(const cli_aligner *a, const cli_common *common) {
    app_aligner_options o = a->o;
    o.congeal.padding = (atl_padding)a->padding;
    o.congeal.flip = !a->flip;
    o.ignore_unused = common->ignore_unused;
    o.assume = common->assume;
    return o;
}

typedef struct congeal {
    cli_common common;
    app_congeal_options options;
    const char *input, *inputs[CLI_INPUTS + 1], *cluster;
    cli_aligner aligner;
    app_congeal work;
    cli_progress progress;
} congeal;

static int parse(congeal *c, int argc, char **argv) {
    app_congeal_options *o = &c->options;
    const cli_option options[] = {
        CLI_ALIGNER_OPTIONS(&c->aligner),
        CLI_OPTION_TEXT("input", &c->input, "FILE|FOLDER", "picture, or folder of them; more may follow",
                        NULL),
        CLI_OPTION_TEXT("outdir", &o->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_INT("size", &c->aligner.o.congeal.side, "N", "pixels of an aligned picture", "those of the flow", 1,
                       4096),
        CLI_OPTION_TEXT("cluster", &c->cluster, "K|auto|all",
                        "cluster of the pictures; auto: as the file's classifier says, or else that of the smoothest "
                        "flow, all: each of them, in folders cluster0, cluster1, ...",
                        "0"),
        CLI_OPTION_REAL("keep", &o->keep, "SHARE",
                        "keep this share of the pictures, those with the best scores", "1", 0.0, 1.0),
        CLI_OPTION_REAL("outside", &o->outside, "SHARE", "drop pictures of which a larger share lies outside",
                        "1", 0.0, 1.0),
        CLI_OPTION_INT("batch", &o->batch, "N", "pictures that are worked on together", "4", 1, 256),
        CLI_OPTION_FLAG("save-warps", &o->save_warps, "also the warps of all pictures: warps.npz"),
        CLI_NETWORK_OPTIONS(&c->common),
        CLI_COMMON_OPTIONS(&c->common),
    };
    const cli_spec spec = {
        .command = "congeal apply",
        .arguments = "--network FILE --input FILE|FOLDER [FILE|FOLDER...]",
        .about = "Bring pictures of a class into one place with a spatial transformer.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = CLI_INPUTS,
    };
    return cli_options_parse(&spec, argc, argv, c->inputs + 1);
}

static int several(const congeal *c) {
    return c->cluster && (!strcmp(c->cluster, "auto") || !strcmp(c->cluster, "all"));
}

static int check(congeal *c) {
    app_congeal_options *o = &c->options;
    if (!c->aligner.o.network)
        return cli_usage_error("congeal apply",
                               "expected --network FILE, a checkpoint of a spatial transformer");
    if (!c->input)
        return cli_usage_error("congeal apply", "expected --input FILE, a picture or a folder of pictures");
    o->count = cli_inputs(c->inputs, c->input);
    o->inputs = c->inputs;
    char *end = NULL;
    long cluster = c->cluster && !several(c) ? strtol(c->cluster, &end, 10) : 0;
    if (end && (!*c->cluster || *end || cluster < 0 || cluster > 63))
        return cli_usage_error("congeal apply", "--cluster %s: expected 0 to 63, auto or all", c->cluster);
    o->cluster = (int)cluster;
    o->sorted = c->cluster && !strcmp(c->cluster, "auto");
    o->aligner = cli_aligner_options(&c->aligner, &c->common);
    return CLI_SUCCESS;
}

static app_status use(void *user, const app_photo *photo, app_error *e) {
    congeal *c = user;
    (void)e;
    cli_progress_step(&c->progress, photo->stem);
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status run(congeal *c, atl_ctx *ctx) {
    app_error *e = &c->common.error;
    app_status status = app_congeal_open(&c->work, ctx, &c->options, e);
    if (status != APP_OK)
        return status;
    if (c->options.sorted && !c->options.cluster)
        printf("clusters are told apart by %s\n",
               c->work.aligner.classifier ? "the file's classifier" : "the smoothest flow");
    cli_progress_start(&c->progress, c->work.photos.count, c->common.quiet);
    status = app_congeal_run(&c->work, use, c, e);
    cli_progress_end(&c->progress);
    if (status == APP_OK && c->work.sharper > 0.0 && c->work.used > 1)
        printf("gradient energy of the average: %.2f times that of the unaligned mean\n", c->work.sharper);
    return status;
}

// Each cluster in a folder of its own.
static app_status run_all(congeal *c, atl_ctx *ctx) {
    app_error *e = &c->common.error;
    const char *outdir = c->options.outdir;
    app_status status = APP_OK;
    for (int heads = 1; status == APP_OK && c->options.cluster < heads; c->options.cluster++) {
        char name[32];
        snprintf(name, sizeof name, "cluster%d", c->options.cluster);
        char *folder = app_join(outdir, name, e);
        c->options.outdir = folder;
        status = folder ? run(c, ctx) : APP_FAILED;
        if (status == APP_OK) {
            heads = c->work.aligner.info->heads;
            printf("%s: %zu of %zu pictures\n", name, c->work.used, c->work.photos.count);
        }
        app_congeal_close(&c->work);
        free(folder);
    }
    return status;
}

static int apply(int argc, char **argv) {
    const atl_congeal_options defaults = ATL_CONGEAL_OPTIONS_INIT;
    congeal *c = calloc(1, sizeof *c);
    atl_ctx *ctx = NULL;
    if (!c)
        return cli_error("out of memory");
    c->aligner.o.congeal = defaults;
    c->options = (app_congeal_options){ .outdir = "out", .batch = 4, .keep = 1.0, .outside = 1.0 };
    int status = parse(c, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(c);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open(&c->common, &ctx);
        if (status == CLI_SUCCESS)
            status = cli_told(&c->common, several(c) ? run_all(c, ctx) : run(c, ctx));
    }
    app_congeal_close(&c->work);
    atl_ctx_close(&ctx);
    free(c);
    return status;
}

int cli_congeal(int argc, char **argv) {
    static const cli_part parts[] = { { "apply", apply },
                                      { "points", cli_congeal_points },
                                      { "propagate", cli_congeal_propagate },
                                      { "train", cli_congeal_train } };
    const cli_spec spec = {
        .command = "congeal",
        .arguments = "apply|points|propagate|train",
        .about = "Pictures of a class brought into one place by a spatial transformer:\n"
                 "  apply      align a folder of them, and their average\n"
                 "  points     look for key points of each picture in the others: PCK\n"
                 "  propagate  carry what was drawn once to all of them\n"
                 "  train      learn to align, from a generator of such pictures\n"
                 "'atelier congeal apply --help' lists the options of one.",
        .arguments_min = 1,
        .arguments_max = 1,
    };
    return cli_part_run(&spec, parts, sizeof parts / sizeof *parts, argc, argv);
}
