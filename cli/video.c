// SPDX-License-Identifier: Apache-2.0
// atelier video: a closed walk through keyframes as a video file.  The defaults are those of the official
// video script: 120 frames from one keyframe to the next on a cubic spline through w, 60 per second.
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <atelier/video.h>
#include "app/classes.h"
#include "app/film.h"
#include "command.h"
#include "common.h"
#include "progress.h"

typedef struct video {
    cli_common common;
    const char *network, *net, *output, *seeds_text, *projected_text, *grid_text, *class_text, *names_text,
        *fixed_text, *noise_seed_text, *format;
    cli_encoding encoding;
    int noise, batch, shuffle_seed, num_keyframes, w_frames, ease, fps;
    app_seeds seeds, fixed;
    app_classes classes;
    app_film_options options;
    app_film film;
    atl_ctx *ctx;
    atl_video *file;
    cli_progress progress;
    int by_keyframe; // progress counts keyframes: lines of a log, not a bar
} video;

static int parse(video *v, int argc, char **argv) {
    app_recipe *p = &v->options.recipe;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &v->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("seeds", &v->seeds_text, "LIST", "seeds of the keyframes, such as 0,3,5-9", NULL),
        CLI_OPTION_TEXT("latents", &p->latents, "FILE[:TENSOR]",
                        "keyframes from a file: z [N, z], w [N, w] or ws [N, layers, w]", NULL),
        CLI_OPTION_TEXT("projected-w", &v->projected_text, "FILE[:TENSOR]",
                        "like --latents, but two dimensions mean w", NULL),
        CLI_OPTION_TEXT("output", &v->output, "FILE",
                        ".mp4, .webm, .gif, .apng, .webp or .y4m; - for standard output", NULL),
        CLI_OPTION_INT_GIVEN("shuffle-seed", &v->shuffle_seed, "N", "shuffle the keyframes", "in order", 0,
                             INT_MAX, &v->options.shuffle),
        CLI_OPTION_TEXT("grid", &v->grid_text, "WxH", "several walks side by side", "1x1"),
        CLI_OPTION_INT("num-keyframes", &v->num_keyframes, "N",
                       "keyframes of each walk; seeds are used again", "seeds / (W * H)", 1, 1000000),
        CLI_OPTION_INT("w-frames", &v->w_frames, "N", "frames from each keyframe to the next", "120", 1,
                       1000000),
        CLI_OPTION_INT("fps", &v->fps, "N", "frames per second", "60, as the official script; gif 50", 1,
                       1000),
        CLI_OPTION_CHOICE("ease", &v->ease, "cubic|linear|smooth",
                          "between keyframes: spline, constant speed, or a rest at each", "cubic"),
        CLI_OPTION_CHOICE("space", &v->options.in_z, "w|z", "interpolate styles, or latents on their sphere",
                          "w"),
        CLI_OPTION_REAL("trunc", &p->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT("trunc-cutoff", &p->cutoff, "N", "truncate only the first N layers", "all", 0, 4096),
        CLI_OPTION_TEXT(
            "class", &v->class_text, "LIST",
            "class of a conditional network: one, one for each keyframe, or a mixture 3:0.3,7:0.7", NULL),
        CLI_OPTION_TEXT("class-names", &v->names_text, "FILE",
                        "names of the classes, one on a line, that --class may use", NULL),
        CLI_OPTION_TEXT("labels", &p->labels, "FILE[:TENSOR]",
                        "label of each keyframe: [N, classes], or [N] class numbers, also as text", NULL),
        CLI_OPTION_TEXT("fixed-styles", &v->fixed_text, "SEED:LAYERS",
                        "these layers keep the styles of a seed, such as 85:8-13", NULL),
        CLI_OPTION_CHOICE("noise-mode", &v->noise, APP_NOISE_WORDS,
                          "noise: stored, new for each frame, none, or as StyleGAN2's TensorFlow scripts",
                          "const"),
        CLI_NOISE_SEED_OPTION(&v->noise_seed_text),
        CLI_OPTION_TEXT("format", &v->format, "NAME",
                        "mp4, webm, gif, apng, webp, y4m, or png: PNG after PNG",
                        "by the name of the file; y4m for -"),
        CLI_ENCODING_OPTIONS(&v->encoding),
        CLI_OPTION_INT("batch", &v->batch, "N", "images computed at once", "1", 1, 1024),
        CLI_OPTION_TEXT("net", &v->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_DELTAS_OPTION(&v->common),
        CLI_NETWORK_OPTIONS(&v->common),
        CLI_COMMON_OPTIONS(&v->common),
    };
    const cli_spec spec = {
        .command = "video",
        .arguments = "--seeds LIST --output FILE",
        .about = "Make a video that walks through keyframes and ends where it began.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

// ---- what options mean together, before any file is opened

static int parse_grid(video *v) {
    int w = 0, h = 0, used = 0;
    v->options.columns = v->options.lines = 1;
    if (!v->grid_text)
        return CLI_SUCCESS;
    if (sscanf(v->grid_text, "%4dx%4d%n", &w, &h, &used) != 2 &&
        sscanf(v->grid_text, "%4d,%4d%n", &w, &h, &used) != 2)
        used = 0;
    if (!used || v->grid_text[used] || w < 1 || h < 1)
        return cli_usage_error("video", "--grid %s: expected columns x rows, such as 4x2", v->grid_text);
    v->options.columns = (size_t)w;
    v->options.lines = (size_t)h;
    return CLI_SUCCESS;
}

// "SEED:LAYERS"
static int parse_fixed(video *v) {
    char seed[32];
    app_seeds one;
    const char *colon = v->fixed_text ? strchr(v->fixed_text, ':') : NULL;
    if (!v->fixed_text)
        return CLI_SUCCESS;
    if (!colon || colon - v->fixed_text >= (ptrdiff_t)sizeof seed)
        return cli_usage_error("video", "--fixed-styles %s: expected SEED:LAYERS, such as 85:8-13", v->fixed_text);
    snprintf(seed, sizeof seed, "%.*s", (int)(colon - v->fixed_text), v->fixed_text);
    if (app_seeds_parse(seed, &one, &v->common.error) != APP_OK)
        return cli_usage_error("video", "--fixed-styles %s", v->common.error.text);
    size_t count = one.count;
    v->options.fixed_seed = one.items[0];
    app_seeds_clear(&one);
    if (count != 1)
        return cli_usage_error("video", "--fixed-styles %s: expected one seed before the colon", v->fixed_text);
    if (app_seeds_parse(colon + 1, &v->fixed, &v->common.error) != APP_OK)
        return cli_usage_error("video", "--fixed-styles %s", v->common.error.text);
    return CLI_SUCCESS;
}

static void take_options(video *v) {
    app_film_options *o = &v->options;
    o->recipe.noise = (atl_noise_mode)v->noise;
    o->seeds = v->seeds_text ? &v->seeds : NULL;
    o->classes = &v->classes.list;
    o->fixed = &v->fixed;
    o->keyframes = (size_t)v->num_keyframes;
    o->between = (size_t)v->w_frames;
    o->shuffle_seed = (uint32_t)v->shuffle_seed;
    o->ease = (atl_path_ease)v->ease;
    o->batch = (size_t)v->batch;
}

static int check(video *v) {
    app_error *e = &v->common.error;
    app_recipe *p = &v->options.recipe;
    if ((v->seeds_text != NULL) + (p->latents != NULL) + (v->projected_text != NULL) != 1)
        return cli_usage_error("video",
                               "expected one of --seeds LIST, --latents FILE and --projected-w FILE");
    if (v->class_text && p->labels)
        return cli_usage_error("video", "--class and --labels exclude each other");
    if (v->projected_text) {
        p->latents = v->projected_text;
        p->projected = 1;
    }
    if (!v->output)
        return cli_usage_error("video", "expected --output FILE, such as walk.mp4, or - for standard output");
    if (!strcmp(v->output, "-") && isatty(STDOUT_FILENO))
        return cli_usage_error("video", "--output -: standard output is a terminal; send it to a program or a file");
    if (v->seeds_text && app_seeds_parse(v->seeds_text, &v->seeds, e) != APP_OK)
        return cli_usage_error("video", "--seeds %s", e->text);
    if (v->class_text && app_classes_parse(v->class_text, v->names_text, &v->classes, e) != APP_OK)
        return cli_usage_error("video", "--class %s", e->text);
    if (v->classes.mixture)
        p->labels = v->classes.mixture;
    int status = parse_grid(v);
    if (status == CLI_SUCCESS)
        status = parse_fixed(v);
    take_options(v);
    return status == CLI_SUCCESS ? cli_noise_seed("video", v->noise_seed_text, p) : status;
}

// The file is opened before anything is computed: what can't be written is known at once.
static app_status open_file(video *v, app_error *e) {
    const atl_image *frame = &v->film.sheet.whole;
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    o.width = frame->width;
    o.height = frame->height;
    o.fps = v->fps;
    o.format = v->format;
    cli_encode(&v->encoding, &o);
    o.alpha = frame->channels == 2 || frame->channels == 4;
    return atl_video_open(v->ctx, v->output, &o, &v->file) == ATL_OK ? APP_OK : app_fail_ctx(e, v->ctx);
}

static app_status use(void *user, size_t frame, const atl_image *picture, app_error *e) {
    video *v = user;
    if (atl_video_write(v->file, picture) != ATL_OK)
        return app_fail_ctx(e, v->ctx);
    if (!v->by_keyframe) {
        cli_progress_step(&v->progress, "frames");
    } else if ((frame + 1) % v->options.between == 0) {
        char label[64];
        snprintf(label, sizeof label, "frame %zu", frame + 1);
        cli_progress_step(&v->progress, label);
    }
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

// Ctrl-C ends the video after the frame in work: what has been made is a whole file.
static app_status end_early(video *v, app_error *e) {
    app_error_clear(e);
    if (v->film.done == 0)
        return app_stop(e, "interrupted before the first frame; nothing is written");
    if (atl_video_finish(&v->file) != ATL_OK)
        return app_fail_ctx(e, v->ctx);
    return app_stop(e, "interrupted after %zu of %zu frames; %s holds these", v->film.done, v->film.frames,
                    strcmp(v->output, "-") ? v->output : "standard output");
}

static app_status make(video *v, atl_model *model) {
    app_error *e = &v->common.error;
    app_status status = app_film_open(&v->film, v->ctx, model, &v->options, e);
    if (status == APP_OK)
        status = open_file(v, e);
    if (status != APP_OK)
        return status;
    v->by_keyframe = !isatty(STDERR_FILENO);
    cli_progress_start(&v->progress, v->by_keyframe ? v->film.walk.keys : v->film.frames, v->common.quiet);
    status = cli_interrupted() ? APP_STOPPED : app_film_run(&v->film, use, v, e);
    cli_progress_end(&v->progress);
    if (status == APP_STOPPED)
        return end_early(v, e);
    if (status == APP_OK && atl_video_finish(&v->file) != ATL_OK)
        status = app_fail_ctx(e, v->ctx);
    return status;
}

int cli_video(int argc, char **argv) {
    video v = { .options.recipe = APP_RECIPE_INIT, .batch = 1, .w_frames = 120 };
    atl_model *model = NULL;
    int status = parse(&v, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    status = check(&v);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS)
        status = cli_open_network(&v.common, v.network, v.net, &v.ctx, &model, &v.options.recipe.network);
    if (status == CLI_SUCCESS)
        status = cli_told(&v.common, make(&v, model));
    atl_video_abort(&v.file);
    app_film_close(&v.film);
    app_seeds_clear(&v.seeds);
    app_classes_clear(&v.classes);
    app_seeds_clear(&v.fixed);
    atl_model_close(&model);
    atl_ctx_close(&v.ctx);
    return status;
}
