// SPDX-License-Identifier: Apache-2.0
// atelier congeal train: a spatial transformer learnt from a generator.
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include "command.h"
#include "common.h"
#include "app/progress.h"
#include "congeal.h"
#include "progress.h"
#include <atelier/congeal.h>
#include <atelier/project.h>

enum { SEED_MOST = 0x7fffffff };

typedef struct training {
    cli_common common;
    atl_congeal_train_options options;
    const char *network, *net, *out, *lpips, *heads;
    int transforms, padding, seed, resume, clusters;
    double save;
    atl_ctx *ctx;
    atl_model *generator;
    atl_congeal_trainer *trainer;
} training;

static int parse(training *t, int argc, char **argv) {
    atl_congeal_train_options *o = &t->options;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &t->network, "FILE", "generator to learn from",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("net", &t->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_TEXT("out", &t->out, "FILE", "safetensors file to write", NULL),
        CLI_OPTION_FLAG("resume", &t->resume, "go on with --out, with the same options"),
        CLI_OPTION_INT("steps", &o->steps, "N", "steps, which the schedule is spread over", "800000", 1,
                       100000000),
        CLI_OPTION_INT("batch", &o->batch, "N", "pairs of pictures in a step", "8", 1, 256),
        CLI_OPTION_CHOICE("transforms", &t->transforms, "similarity,flow|similarity", "what is learnt",
                          "similarity,flow"),
        CLI_OPTION_INT("clusters", &o->heads, "K", "clusters, each with a transform and a target", "1", 1,
                       64),
        CLI_OPTION_FLAG("flips", &o->flips, "also try the mirror image of each picture; the better of both learns"),
        CLI_OPTION_INT("classifier-steps", &o->classifier_steps, "N",
                       "steps after all others in which a classifier learns to tell clusters apart", "0", 0,
                       100000000),
        CLI_OPTION_INT("directions", &o->directions, "N",
                       "principal directions of w the target is looked for in", "1", 1, 512),
        CLI_OPTION_INT("inject", &o->inject, "N", "first layers that the target is given to", "5", 1, 64),
        CLI_OPTION_INT("channels", &o->channels, "N", "channels of the transformer's coarse layers",
                       "512 for pictures of 128 pixels or more, else 64", 4, 4096),
        CLI_OPTION_INT("psi-steps", &o->psi_steps, "N", "steps in which the targets become one",
                       "3/16 of --steps", 1, 100000000),
        CLI_OPTION_INT("period", &o->period, "N", "first period of the rate after that", "3/64 of --steps", 1,
                       100000000),
        CLI_OPTION_REAL("lr", &o->lr, "RATE", "rate of the transformer", "0.001", 1e-12, 1e3),
        CLI_OPTION_REAL("target-lr", &o->target_lr, "RATE", "rate of the target; 0: it stays where it begins",
                        "0.01", 0.0, 1e3),
        CLI_OPTION_REAL("tv", &o->tv, "WEIGHT", "weight of the flow's total variation", "1000", 0.0, 1e9),
        CLI_OPTION_REAL("identity", &o->identity, "WEIGHT", "weight of the flow's mean square", "1", 0.0,
                        1e9),
        CLI_OPTION_REAL("jitter", &o->jitter, "SHARE",
                        "turn, scale and shift pictures by chance first, up to this share of half a turn, of "
                        "the size and "
                        "of half the side",
                        "0", 0.0, 1.0),
        CLI_OPTION_CHOICE("padding", &t->padding, "reflection|border|zeros", "what lies outside of a picture",
                          "reflection"),
        CLI_OPTION_TEXT("lpips", &t->lpips, "FILE", "LPIPS to compare pictures by",
                        "pixels and edges at several sizes"),
        CLI_OPTION_TEXT("heads", &t->heads, "FILE", "its heads, where they are a file of their own", NULL),
        CLI_OPTION_REAL("save", &t->save, "MINUTES", "write --out this often, and at the end", "10", 0.0,
                        1e6),
        CLI_OPTION_INT("seed", &t->seed, "N", "seed of the transformer and of the pairs", "0", 0, SEED_MOST),
        CLI_NETWORK_OPTIONS(&t->common),
        CLI_COMMON_OPTIONS(&t->common),
    };
    const cli_spec spec = {
        .command = "congeal train",
        .arguments = "--out FILE",
        .about = "Learn to bring pictures into one place, from a generator of them.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

static int check(training *t) {
    static const atl_padding paddings[] = { ATL_PADDING_REFLECTION, ATL_PADDING_BORDER, ATL_PADDING_ZEROS };
    struct stat s;
    if (!t->out)
        return cli_usage_error("congeal train", "expected --out FILE, the safetensors file to write");
    if (t->heads && !t->lpips)
        return cli_usage_error("congeal train", "--heads needs --lpips");
    if (!t->resume && stat(t->out, &s) == 0)
        return cli_usage_error("congeal train", "%s: is there already: --resume goes on with it", t->out);
    t->options.flow = !t->transforms;
    t->options.padding = paddings[t->padding];
    t->options.seed = (uint32_t)t->seed;
    return cli_network_name("congeal train", t->out);
}

static int open_all(training *t) {
    const char *path;
    int status = cli_open_network(&t->common, t->network, t->net, &t->ctx, &t->generator, &path);
    if (status != CLI_SUCCESS)
        return status;
    if (t->lpips && atl_lpips_open(t->ctx, t->lpips, t->heads, &t->options.lpips) != ATL_OK)
        return cli_fail(t->ctx);
    if (!t->lpips)
        cli_note(&t->common,
                 "without --lpips pictures are compared by their pixels and edges: parts that look "
                 "different and mean the same, such as eyes of another colour, are matched less well");
    if (atl_congeal_trainer_open(t->generator, &t->options, &t->trainer) != ATL_OK)
        return cli_fail(t->ctx);
    if (t->resume && atl_congeal_trainer_restore(t->trainer, t->out) != ATL_OK)
        return cli_fail(t->ctx);
    return CLI_SUCCESS;
}

static void tell(const training *t, const atl_congeal_train_state *s, char *label, size_t room) {
    if (s->step > s->steps - t->options.classifier_steps)
        snprintf(label, room, "classifier: cross entropy %.4f  right %.2f  rate %.2e", s->entropy, s->right, s->lr);
    else
        snprintf(label, room, "loss %.5f  likeness %.5f  tv %.2e  psi %.3f  rate %.2e", s->loss, s->likeness, s->tv,
                 s->psi, s->lr);
}

static int learn(training *t) {
    const atl_congeal_train_state *s = atl_congeal_trainer_get_state(t->trainer);
    cli_progress progress;
    double saved = app_seconds();
    cli_progress_start(&progress, cli_progress_total(s->steps), t->common.quiet);
    progress.done = cli_progress_total(s->steps) * (size_t)s->step / (size_t)s->steps;
    while (s->step < s->steps && !cli_interrupted()) {
        char label[160];
        if (atl_congeal_trainer_step(t->trainer) != ATL_OK)
            return cli_fail(t->ctx);
        tell(t, s, label, sizeof label);
        if (cli_progress_due(&progress, s->step, s->steps))
            cli_progress_step(&progress, label);
        if (app_seconds() - saved >= 60.0 * t->save && s->step < s->steps) {
            if (atl_congeal_trainer_save(t->trainer, t->out) != ATL_OK)
                return cli_fail(t->ctx);
            saved = app_seconds();
        }
    }
    cli_progress_end(&progress);
    int stopped = s->step < s->steps;
    if (atl_congeal_trainer_save(t->trainer, t->out) != ATL_OK)
        return cli_fail(t->ctx);
    if (stopped)
        cli_note(&t->common, "%s: stopped after %d of %d steps; --resume goes on", t->out, s->step, s->steps);
    return stopped ? CLI_INTERRUPTED : CLI_SUCCESS;
}

int cli_congeal_train(int argc, char **argv) {
    const atl_congeal_train_options defaults = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
    training t = { .options = defaults, .save = 10.0 };
    int status = parse(&t, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(&t);
        if (status == CLI_PROCEED) {
            cli_catch_interrupt();
            status = open_all(&t);
            if (status == CLI_SUCCESS)
                status = learn(&t);
        }
    }
    atl_congeal_trainer_close(&t.trainer);
    atl_model_close(&t.options.lpips);
    atl_model_close(&t.generator);
    atl_ctx_close(&t.ctx);
    return status;
}
