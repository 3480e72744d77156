// SPDX-License-Identifier: Apache-2.0
// atelier project: the latents and noise maps of pictures.  The defaults are those of the official projector
// of StyleGAN2-ADA.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/project.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { TARGETS_MOST = 4096 };

typedef struct project {
    cli_common common;
    const char *network, *net, *target, *class_text;
    const char *targets[TARGETS_MOST + 1];
    int space, loss, noise_maps, save_video, seed, batch;
    app_seeds classes;
    app_project_options options;
    app_project work;
    cli_progress progress;
} project;

static const char *const SPACES[] = { "w", "w+", "z", "s" };
static const char *const LOSSES[] = { "lpips", "lpips+mse", "mse", "vgg-image2stylegan" };

static int parse(project *p, int argc, char **argv) {
    app_project_options *o = &p->options;
    int loss_given = 0;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &p->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("target", &p->target, "FILE|FOLDER", "picture, or folder of them; more may follow",
                        NULL),
        CLI_OPTION_TEXT("outdir", &o->folder, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_INT("num-steps", &o->search.steps, "N", "steps of the search", "1000", 1, 1000000),
        CLI_OPTION_INT("seed", &p->seed, "N", "seed of noise", "303", 0, INT_MAX),
        CLI_OPTION_CHOICE("space", &p->space, "w|w+|z|s",
                          "one w for all layers, one for each, z, or the styles of all layers", "w"),
        { "loss", CLI_CHOICE, &p->loss, "lpips|lpips+mse|mse|vgg-image2stylegan",
          "what pictures are compared by; mse: pixels and slopes in several sizes",
          "lpips; mse where it is not here", 0, 0, &loss_given },
        CLI_OPTION_CHOICE("noise-maps", &p->noise_maps, "0|1", "find the noise maps, too", "1"),
        CLI_OPTION_TEXT("mask", &o->mask, "FILE", "picture: what is black in it does not count", NULL),
        CLI_OPTION_TEXT("init", &o->init, "mean|best-of-N|FILE",
                        "start from the mean of w, the nearest of N random ones, or w of a file", "mean"),
        CLI_OPTION_REAL("lr", &o->search.lr, "X", "learning rate", "0.1; with vgg-image2stylegan 0.01", 1e-9,
                        1e3),
        CLI_OPTION_CHOICE("save-video", &p->save_video, "0|1|false|true|False|True",
                          "proj.mp4: the way there, beside the target", "1"),
        CLI_OPTION_INT("batch", &p->batch, "N", "targets that are worked on together", "1", 1, 256),
        CLI_OPTION_TEXT("class", &p->class_text, "LIST",
                        "class of a conditional network: one, or one for each target", NULL),
        CLI_OPTION_FLAG("resume", &o->resume, "go on with what was stopped in --outdir"),
        CLI_OPTION_TEXT("detectors", &o->detectors, "DIR", "folder with the networks of losses",
                        "see detectors"),
        CLI_OPTION_TEXT("net", &p->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_DELTAS_OPTION(&p->common),
        CLI_NETWORK_OPTIONS(&p->common),
        CLI_COMMON_OPTIONS(&p->common),
    };
    const cli_spec spec = {
        .command = "project",
        .arguments = "--target FILE|FOLDER [FILE|FOLDER...]",
        .about = "Find the latents and the noise maps with which a network makes given pictures.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = TARGETS_MOST,
    };
    int status = cli_options_parse(&spec, argc, argv, p->targets + 1);
    o->loss = loss_given ? LOSSES[p->loss] : NULL;
    return status;
}

static int check(project *p) {
    app_project_options *o = &p->options;
    if (!p->target)
        return cli_usage_error("project", "expected --target FILE, a picture or a folder of pictures");
    p->targets[0] = p->target;
    o->targets = p->targets;
    for (o->count = 1; o->count <= TARGETS_MOST && p->targets[o->count]; o->count++) {
    }
    if (p->class_text && app_seeds_parse(p->class_text, &p->classes, &p->common.error) != APP_OK)
        return cli_usage_error("project", "--class %s", p->common.error.text);
    o->classes = &p->classes;
    o->search.seed = (uint32_t)p->seed;
    o->search.space = SPACES[p->space];
    o->search.noise_maps = p->noise_maps;
    o->search.batch = p->batch;
    o->video = p->save_video % 2 ? 25 : 0;
    return CLI_SUCCESS;
}

static app_status use(void *user, const app_project *w, app_error *e) {
    project *p = user;
    int steps = w->o.search.steps;
    char label[200];
    (void)e;
    if (cli_progress_due(&p->progress, w->step, steps)) {
        snprintf(label, sizeof label, "step %d of %d, distance %.4g", w->step, steps, w->distance);
        cli_progress_step(&p->progress, label);
    }
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

// Steps that an earlier run made aren't counted.
static app_status run(project *p) {
    app_project *w = &p->work;
    cli_progress_start(&p->progress, w->batches * cli_progress_total(w->o.search.steps), p->common.quiet);
    app_status status = app_project_run(w, use, p, &p->common.error);
    cli_progress_end(&p->progress);
    return status;
}

int cli_project(int argc, char **argv) {
    const atl_project_options defaults = ATL_PROJECT_OPTIONS_INIT;
    project *p = calloc(1, sizeof *p);
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    if (!p)
        return cli_error("out of memory");
    p->options = (app_project_options){ .folder = "out", .search = defaults };
    p->noise_maps = p->save_video = p->batch = 1;
    p->seed = (int)defaults.seed;
    int status = parse(p, argc, argv);
    if (status == CLI_PROCEED) {
        const char *path;
        status = check(p);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open_network(&p->common, p->network, p->net, &ctx, &model, &path);
        if (status == CLI_SUCCESS) {
            app_status done = app_project_open(&p->work, ctx, model, &p->options, &p->common.error);
            status = cli_told(&p->common, done == APP_OK ? run(p) : done);
        }
    }
    app_project_close(&p->work);
    app_seeds_clear(&p->classes);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    free(p);
    return status;
}
