// SPDX-License-Identifier: Apache-2.0
// atelier drag: handles on a generated picture go to targets, and the picture follows.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/drag.h"
#include "command.h"
#include "common.h"
#include "progress.h"

typedef struct drag {
    cli_common common;
    const char *network, *net, *points, *class_text;
    const char *more[APP_DRAG_POINTS];
    int seed, seed_given, row, space, video, no_record;
    cli_encoding encoding;
    char *command; // for records, by malloc
    uint32_t number;
    app_seeds classes;
    app_drag_options o;
    app_drag work;
    cli_progress progress;
} drag;

static const char *const SPACES[] = { "w+", "w" };

static int parse(drag *d, int argc, char **argv) {
    atl_drag_options *o = &d->o.drag;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &d->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_INT_GIVEN("seed", &d->seed, "N", "seed of the picture", "0", 0, INT_MAX, &d->seed_given),
        CLI_OPTION_TEXT("latents", &d->o.recipe.latents, "FILE",
                        "latents of the picture in place of a seed: w of a file", NULL),
        CLI_OPTION_INT("row", &d->row, "N", "which of the latents", "0", 0, INT_MAX),
        CLI_OPTION_TEXT("points", &d->points, "\"X,Y>X,Y ..\"",
                        "handles and their targets in pixels; more may follow, and ':' may stand for '>'",
                        NULL),
        CLI_OPTION_TEXT("mask", &d->o.mask, "FILE", "picture as large as the network's: white may change",
                        "all may"),
        CLI_OPTION_CHOICE("space", &d->space, "w+|w",
                          "one w for each of the first layers, or one for all of them", "w+"),
        CLI_OPTION_INT("steps", &d->o.steps, "N", "steps at most", "300", 0, 1000000),
        CLI_OPTION_REAL("lr", &o->lr, "X", "learning rate", "0.005; in w 0.002", 1e-9, 100),
        CLI_OPTION_INT("layers", &o->layers, "N", "how many of the first layers' w move", "6", 1, 100),
        CLI_OPTION_TEXT("layer", &o->layer, "NAME", "layer of the features, as inspect lists them",
                        "the last of half the size, at most 128"),
        CLI_OPTION_REAL("motion", &o->motion, "PIXELS", "radius of what is pushed", "3 of 512, at least 3",
                        0.5, 1024),
        CLI_OPTION_REAL("tracking", &o->tracking, "PIXELS", "how far a handle is looked for in each step",
                        "12 of 512, at least 3", 1, 1024),
        CLI_OPTION_REAL("distance", &o->distance, "PIXELS", "so near to its target a handle has arrived",
                        "2 of 512, at least 1", 0.1, 1024),
        CLI_OPTION_REAL("mask-weight", &o->mask_weight, "X", "of what changes outside of the mask", "20", 0,
                        1e9),
        CLI_OPTION_TEXT("outdir", &d->o.folder, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_CHOICE("save-video", &d->video, "0|1", "drag.mp4: the way there", "1"),
        CLI_ENCODING_OPTIONS(&d->encoding),
        CLI_OPTION_REAL("trunc", &d->o.recipe.psi, "PSI", "truncation of a seed",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_TEXT("class", &d->class_text, "N", "class of a conditional network, from 0", NULL),
        CLI_OPTION_TEXT("net", &d->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_FLAG("no-record", &d->no_record, "leave out of the pictures how they were made"),
        CLI_DELTAS_OPTION(&d->common),
        CLI_NETWORK_OPTIONS(&d->common),
        CLI_COMMON_OPTIONS(&d->common),
    };
    const cli_spec spec = {
        .command = "drag",
        .arguments = "--points \"X,Y>X,Y\" [\"X,Y>X,Y\"...]",
        .about = "Move points of a generated picture; the picture follows within what its network can make.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = APP_DRAG_POINTS,
    };
    return cli_options_parse(&spec, argc, argv, d->more);
}

static int check(drag *d) {
    app_error *e = &d->common.error;
    if (!d->points)
        return cli_usage_error("drag", "expected --points \"X,Y>X,Y\", a handle and its target");
    if (d->seed_given && d->o.recipe.latents)
        return cli_usage_error("drag", "--seed and --latents: take one of both");
    if (d->class_text && app_seeds_parse(d->class_text, &d->classes, e) != APP_OK)
        return cli_usage_error("drag", "--class %s", e->text);
    app_status status = app_drag_points(&d->o, d->points, e);
    for (int i = 0; i < APP_DRAG_POINTS && d->more[i] && status == APP_OK; i++)
        status = app_drag_points(&d->o, d->more[i], e);
    if (status != APP_OK)
        return cli_usage_error("drag", "%s", e->text);
    d->number = (uint32_t)d->seed;
    d->o.seed = d->o.recipe.latents ? NULL : &d->number;
    d->o.recipe.row = (size_t)d->row;
    d->o.recipe.projected = d->o.recipe.latents != NULL;
    d->o.recipe.direct = d->common.direct;
    d->o.recipe.deltas = d->common.deltas;
    d->o.drag.space = SPACES[d->space];
    d->o.classes = &d->classes;
    d->o.fps = d->video ? 25 : 0;
    d->o.command = d->no_record ? NULL : d->command;
    cli_encode(&d->encoding, &d->o.video);
    return CLI_SUCCESS;
}

static app_status use(void *user, const atl_drag_state *s, app_error *e) {
    drag *d = user;
    char label[120];
    (void)e;
    snprintf(label, sizeof label, "step %d, distance %.1f", s->step, s->distance);
    if (d->progress.terminal || s->arrived || s->step % 20 == 0)
        cli_progress_step(&d->progress, label);
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status run(drag *d, atl_ctx *ctx, atl_model *model) {
    app_error *e = &d->common.error;
    app_status status = app_drag_open(&d->work, ctx, model, &d->o, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&d->progress, (size_t)d->o.steps, d->common.quiet);
    if (!d->progress.terminal)
        d->progress.total = (size_t)d->o.steps / 20 + 1;
    status = app_drag_run(&d->work, use, d, e);
    cli_progress_end(&d->progress);
    const atl_drag_state *s = atl_drag_get_state(d->work.drag);
    if (status == APP_OK && !s->arrived)
        cli_warn(&d->common, "after %d steps a handle is %.1f pixels from its target", s->step, s->distance);
    else if (status == APP_OK)
        cli_note(&d->common, "arrived after %d steps", s->step);
    return status;
}

int cli_drag(int argc, char **argv) {
    drag *d = calloc(1, sizeof *d);
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    if (!d)
        return cli_error("out of memory");
    d->o.drag = (atl_drag_options)ATL_DRAG_OPTIONS_INIT;
    d->o.video = (atl_video_options)ATL_VIDEO_OPTIONS_INIT;
    d->command = cli_command_line(argc, argv);
    d->o.recipe = (app_recipe)APP_RECIPE_INIT;
    d->o.folder = "out";
    d->o.steps = 300;
    d->video = 1;
    int status = parse(d, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(d);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open_network(&d->common, d->network, d->net, &ctx, &model, &d->o.recipe.network);
        if (status == CLI_SUCCESS)
            status = cli_told(&d->common, run(d, ctx, model));
    }
    app_drag_close(&d->work);
    app_seeds_clear(&d->classes);
    free(d->command);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    free(d);
    return status;
}
