// SPDX-License-Identifier: Apache-2.0
// atelier tune: pivotal tuning.  The defaults are those of Roich et al. 2021.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/tune.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { FOLDERS_MOST = 1024 };

typedef struct tune {
    cli_common common;
    const char *network, *net;
    const char *folders[FOLDERS_MOST];
    int loss, noise_maps, seed;
    app_tune_options options;
    app_tune work;
    cli_progress progress;
} tune;

static const char *const LOSSES[] = { "lpips", "lpips+mse", "mse", "vgg-image2stylegan" };

static int parse(tune *t, int argc, char **argv) {
    app_tune_options *o = &t->options;
    int loss_given = 0;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &t->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("target", &o->target, "FILE", "in place of projections: a picture ...", NULL),
        CLI_OPTION_TEXT("latents", &o->latents, "FILE[:TENSOR]", "... and its w or ws", NULL),
        CLI_OPTION_TEXT("output", &o->output, "FILE", "the tuned network, .safetensors", "tuned.safetensors"),
        CLI_OPTION_TEXT("outdir", &o->outdir, "DIR", "folder for pictures of the pivots before and after",
                        NULL),
        CLI_OPTION_INT("num-steps", &o->search.steps, "N", "steps at most that see each pivot", "350", 1,
                       1000000),
        CLI_OPTION_REAL("threshold", &o->search.threshold, "X", "LPIPS of all pivots at which it ends",
                        "0.06; with mse none", 0, 1e6),
        CLI_OPTION_REAL("lr", &o->search.lr, "X", "learning rate", "0.0003", 1e-12, 1e3),
        { "loss", CLI_CHOICE, &t->loss, "lpips|lpips+mse|mse|vgg-image2stylegan",
          "what pictures are compared by", "lpips+mse; mse where LPIPS is not here", 0, 0, &loss_given },
        CLI_OPTION_REAL("locality", &o->search.locality, "X",
                        "weight of what may change near a pivot; 0: anything", "0.1", 0, 1e6),
        CLI_OPTION_REAL("alpha", &o->search.alpha, "X", "how far from a pivot that is", "30", 1e-6, 1e6),
        CLI_OPTION_TEXT("layers", &o->search.layers, "PATTERN", "parameters that may change: 'synthesis.b6*'",
                        "all"),
        CLI_OPTION_CHOICE("noise-maps", &t->noise_maps, "0|1", "maps of one pivot become the network's own",
                          "1"),
        CLI_OPTION_INT("batch", &o->search.batch, "N", "pivots that a step sees", "1", 1, 64),
        CLI_OPTION_INT("seed", &t->seed, "N", "seed of the places near pivots", "0", 0, INT_MAX),
        CLI_OPTION_FLAG("half", &o->half, "write weights as float16"),
        CLI_OPTION_CHOICE("only-changed", &o->only_changed, "0|1",
                          "write only what changed: a small file, for --deltas beside the given network",
                          "0"),
        CLI_OPTION_FLAG("resume", &o->resume, "go on with what was stopped, from the state beside --output"),
        CLI_OPTION_TEXT("detectors", &o->detectors, "DIR", "folder with the networks of losses",
                        "see detectors"),
        CLI_OPTION_TEXT("net", &t->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_DELTAS_OPTION(&t->common),
        CLI_NETWORK_OPTIONS(&t->common),
        CLI_COMMON_OPTIONS(&t->common),
    };
    const cli_spec spec = {
        .command = "tune",
        .arguments = "PROJECTION...",
        .about = "Tune a network until it makes pictures that were projected: folders of 'atelier project'.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = FOLDERS_MOST,
    };
    int status = cli_options_parse(&spec, argc, argv, t->folders);
    o->loss = loss_given ? LOSSES[t->loss] : NULL;
    return status;
}

static int check(tune *t) {
    app_tune_options *o = &t->options;
    while (o->count < FOLDERS_MOST && t->folders[o->count])
        o->count++;
    o->folders = t->folders;
    o->noise_maps = t->noise_maps;
    o->search.seed = (uint32_t)t->seed;
    if ((o->target != NULL) != (o->latents != NULL))
        return cli_usage_error("tune", "--target FILE and --latents FILE go together");
    if (!o->count && !o->target)
        return cli_usage_error("tune",
                               "expected a folder of 'atelier project', or --target FILE --latents FILE");
    return cli_network_name("tune", o->output);
}

static app_status use(void *user, const atl_tune_state *s, app_error *e) {
    tune *t = user;
    char label[200];
    (void)e;
    if (!s->enough && cli_progress_due(&t->progress, s->step, s->steps)) {
        snprintf(label, sizeof label, "step %d of %d, loss %.4g", s->step, s->steps, s->loss);
        cli_progress_step(&t->progress, label);
    }
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status run(tune *t) {
    const atl_tune_state *s = atl_tuner_get_state(t->work.search);
    cli_progress_start(&t->progress, cli_progress_total(s->steps), t->common.quiet);
    app_status status = app_tune_run(&t->work, use, t, &t->common.error);
    cli_progress_end(&t->progress);
    if (status == APP_OK && s->enough)
        cli_note(&t->common, "after %d steps every pivot is within %g", s->step, t->options.search.threshold);
    return status;
}

int cli_tune(int argc, char **argv) {
    const atl_tune_options defaults = ATL_TUNE_OPTIONS_INIT;
    tune *t = calloc(1, sizeof *t);
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    if (!t)
        return cli_error("out of memory");
    t->options = (app_tune_options){ .output = "tuned.safetensors", .search = defaults };
    t->noise_maps = 1;
    int status = parse(t, argc, argv);
    if (status == CLI_PROCEED) {
        const char *path;
        status = check(t);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS || status == CLI_PROCEED)
            status = cli_open_network(&t->common, t->network, t->net, &ctx, &model, &path);
        if (status == CLI_SUCCESS) {
            app_status done = app_tune_open(&t->work, ctx, model, &t->options, &t->common.error);
            status = cli_told(&t->common, done == APP_OK ? run(t) : done);
        }
    }
    app_tune_close(&t->work);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    free(t);
    return status;
}
