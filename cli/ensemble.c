// SPDX-License-Identifier: Apache-2.0
// atelier ensemble: pictures classified together with generated views of them.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/ensemble.h"
#include "command.h"
#include "common.h"
#include "app/network.h"
#include "progress.h"

typedef struct ensemble {
    cli_common common;
    app_ensemble_options options;
    const char *input, *inputs[CLI_INPUTS + 1];
    int colours, seed, loss, loss_given;
    app_ensemble work;
    cli_progress progress;
    const char *what; // is being counted
    size_t done;
} ensemble;

static const char *const LOSSES[] = { "lpips", "lpips+mse", "mse", "vgg-image2stylegan" };
static const char *const COLOURS[] = { NULL, "unit", "imagenet", "cifar10" };

static int parse(ensemble *c, int argc, char **argv) {
    app_ensemble_options *o = &c->options;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &o->network, "FILE", "generator that makes the views",
                        "the one in the file of --encoder, or the one that comes with Atelier"),
        CLI_OPTION_TEXT("classifier", &o->classifier, "FILE",
                        "network that classifies: an attribute of CelebA, a ResNet", NULL),
        CLI_OPTION_TEXT("input", &c->input, "FILE|FOLDER", "picture, or folder of them; more may follow",
                        NULL),
        CLI_OPTION_TEXT("latents", &o->latents, "FILE", "w of the pictures, in the order of their names",
                        "an encoder's or a search's"),
        CLI_OPTION_TEXT("encoder", &o->encoder, "FILE", "encoder that finds the w of the pictures",
                        "a search finds them"),
        CLI_OPTION_TEXT("labels", &o->labels, "FILE",
                        "classes of the pictures: lines \"NAME K\", or a dataset.json", NULL),
        CLI_OPTION_TEXT("perturb", &o->kinds, "LIST", "how views differ: isotropic, pca, stylemix",
                        "stylemix"),
        CLI_OPTION_TEXT("layers", &o->layers, "LIST",
                        "layers in which they do: fine, coarse, all, or numbers such as 8-11", "fine"),
        CLI_OPTION_TEXT("strength", &o->strengths, "LIST", "how much, of isotropic and pca",
                        "0.1,0.2,0.3 and 1,2,3"),
        CLI_OPTION_INT("views", &o->views, "N", "views of each picture, beside its reconstruction", "31", 1,
                       1024),
        CLI_OPTION_TEXT("components", &o->components, "FILE", "principal directions of w, for pca",
                        "found anew"),
        CLI_OPTION_REAL("weight", &o->weight, "X", "of the views in the average, 0 to 1",
                        "the one of 0, 0.05, .. 1 that does best on a part of the pictures", 0, 1),
        CLI_OPTION_REAL("validation", &o->validation, "X", "that part of the pictures with labels", "0.5", 0,
                        1),
        CLI_OPTION_INT("size", &o->classify.resize, "N",
                       "pixels of the shorter side before the classifier's crop",
                       "8/7 of the crop; what its network was trained with", 1, 16384),
        CLI_OPTION_INT("crop", &o->classify.crop, "N", "side of the square that the classifier sees",
                       "224, or that of its network", 1, 16384),
        CLI_OPTION_CHOICE("colours", &c->colours, "auto|unit|imagenet|cifar10",
                          "how colours are standardised for it", "auto"),
        CLI_OPTION_INT("crops", &o->crops, "N", "random crops of each view in place of the middle",
                       "1: the middle", 1, 256),
        CLI_OPTION_INT("image-crops", &o->image_crops, "N", "the same of the picture itself", "1: the middle",
                       1, 256),
        CLI_OPTION_INT("num-steps", &o->steps, "N", "steps of the search", "500", 1, 1000000),
        { "loss", CLI_CHOICE, &c->loss, "lpips|lpips+mse|mse|vgg-image2stylegan",
          "what the search compares by", "lpips; mse where it is not here", 0, 0, &c->loss_given },
        CLI_OPTION_TEXT("detectors", &o->detectors, "DIR", "folder with the networks of losses",
                        "see detectors"),
        CLI_OPTION_INT("seed", &c->seed, "N", "of all that is random", "0", 0, INT_MAX),
        CLI_OPTION_INT("batch", &o->batch, "N", "views that are made together", "8", 1, 256),
        CLI_OPTION_TEXT("outdir", &o->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_FLAG("resume", &o->resume, "go on with what was stopped in --outdir"),
        CLI_OPTION_TEXT("net", &o->net, "NAME", "network of the generator's file: G_ema or G",
                        "G_ema, else G"),
        CLI_NETWORK_OPTIONS(&c->common),
        CLI_COMMON_OPTIONS(&c->common),
    };
    const cli_spec spec = {
        .command = "ensemble",
        .arguments = "--classifier FILE --input FILE|FOLDER [FILE|FOLDER...]",
        .about = "Classify pictures together with generated views of them.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = CLI_INPUTS,
    };
    return cli_options_parse(&spec, argc, argv, c->inputs + 1);
}

static int check(ensemble *c) {
    app_ensemble_options *o = &c->options;
    if (!o->classifier)
        return cli_usage_error("ensemble", "expected --classifier FILE, a network that classifies");
    if (!c->input)
        return cli_usage_error("ensemble", "expected --input FILE, a picture or a folder of pictures");
    if (o->latents && o->encoder)
        return cli_usage_error("ensemble", "--latents and --encoder: codes come from one of them");
    if (!o->network && !o->encoder) {
        if (!app_network_shipped(c->common.network, sizeof c->common.network))
            return cli_usage_error("ensemble", "--network FILE is missing");
        cli_note(&c->common, "no --network given: using %s, which comes with Atelier", c->common.network);
        o->network = c->common.network;
    }
    o->count = cli_inputs(c->inputs, c->input);
    o->inputs = c->inputs;
    o->classify.colours = COLOURS[c->colours];
    o->loss = c->loss_given ? LOSSES[c->loss] : NULL;
    o->seed = (uint32_t)c->seed;
    o->ignore_unused = c->common.ignore_unused;
    o->assume = c->common.assume;
    return CLI_SUCCESS;
}

// Encoding, searching and looking follow each other, each with a bar of its own.
static int on_progress(void *user, const char *what, size_t done, size_t total) {
    ensemble *c = user;
    if (!c->what || strcmp(c->what, what) != 0) {
        if (c->what)
            cli_progress_end(&c->progress);
        c->what = what;
        c->done = 0;
        cli_progress_start_bar(&c->progress, total, c->common.quiet);
    }
    for (; c->done < done; c->done++)
        cli_progress_step(&c->progress, what);
    return cli_interrupted();
}

static app_status run(ensemble *c, atl_ctx *ctx) {
    app_error *e = &c->common.error;
    app_status status = app_ensemble_open(&c->work, ctx, &c->options, e);
    if (status == APP_OK)
        status = app_ensemble_run(&c->work, e);
    if (c->what)
        cli_progress_end(&c->progress);
    if (status != APP_OK)
        return status;
    char line[APP_ENSEMBLE_LINE];
    for (size_t i = 0; c->work.o.labels && app_ensemble_line(&c->work, i, line); i++)
        printf("%s\n", line);
    return APP_OK;
}

int cli_ensemble(int argc, char **argv) {
    const atl_classifier_options standard = ATL_CLASSIFIER_OPTIONS_INIT;
    ensemble *c = calloc(1, sizeof *c);
    atl_ctx *ctx = NULL;
    if (!c)
        return cli_error("out of memory");
    c->options = (app_ensemble_options){ .classify = standard,
                                         .kinds = "stylemix",
                                         .layers = "fine",
                                         .views = 31,
                                         .weight = -1,
                                         .validation = 0.5,
                                         .crops = 1,
                                         .image_crops = 1,
                                         .steps = 500,
                                         .batch = 8,
                                         .outdir = "out",
                                         .progress = on_progress,
                                         .user = c };
    int status = parse(c, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(c);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open(&c->common, &ctx);
        if (status == CLI_SUCCESS)
            status = cli_told(&c->common, run(c, ctx));
    }
    app_ensemble_close(&c->work);
    atl_ctx_close(&ctx);
    free(c);
    return status;
}
