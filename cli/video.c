// SPDX-License-Identifier: Apache-2.0
// atelier video: a closed walk through keyframes as a video file.  The defaults are those of the official
// video script: 120 frames from one keyframe to the next on a cubic spline through w, 60 per second.
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/rng.h>
#include <atelier/video.h>
#include "command.h"
#include "common.h"
#include "progress.h"
#include "app/recipe.h"
#include "app/seeds.h"
#include "app/walk.h"

typedef struct video {
    // options
    cli_common common;
    const char *network, *net, *output, *seeds_text, *latents_text, *grid_text, *class_text, *fixed_text,
        *format, *codec;
    double psi, megabits;
    int cutoff, noise, batch, shuffle_seed, shuffle, num_keyframes, w_frames, ease, in_z, fps, quality;
    // what they stand for
    app_seeds seeds, classes, fixed; // fixed: layers whose styles come from fixed_seed
    uint32_t fixed_seed;
    size_t columns, lines;           // of the grid
    uint32_t *rows;                  // [columns * lines, keyframes]
    atl_ctx *ctx;
    atl_model *model;
    app_latents latents;
    app_labels labels;
    app_render render;
    app_walk walk;
    // results
    float *ws, *fixed_ws;            // [batch, num_ws, w_dim], [num_ws, w_dim]
    atl_image tile, sheet;           // one image; a frame
    atl_video *file;
    cli_progress progress;
    int by_keyframe;                 // progress counts keyframes: lines of a log, not a bar
} video;

static int parse(video *v, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &v->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("seeds", &v->seeds_text, "LIST", "seeds of the keyframes, such as 0,3,5-9", NULL),
        CLI_OPTION_TEXT("latents", &v->latents_text, "FILE[:TENSOR]",
                        "keyframes from a file: z [N, z], w [N, w] or ws [N, layers, w]", NULL),
        CLI_OPTION_TEXT("output", &v->output, "FILE",
                        ".mp4, .webm, .gif, .apng, .webp or .y4m; - for standard output", NULL),
        CLI_OPTION_INT_GIVEN("shuffle-seed", &v->shuffle_seed, "N", "shuffle the keyframes", "in order", 0,
                             INT_MAX, &v->shuffle),
        CLI_OPTION_TEXT("grid", &v->grid_text, "WxH", "several walks side by side", "1x1"),
        CLI_OPTION_INT("num-keyframes", &v->num_keyframes, "N",
                       "keyframes of each walk; seeds are used again", "seeds / (W * H)", 1, 1000000),
        CLI_OPTION_INT("w-frames", &v->w_frames, "N", "frames from each keyframe to the next", "120", 1,
                       1000000),
        CLI_OPTION_INT("fps", &v->fps, "N", "frames per second", "60, as the official script; gif 50", 1,
                       1000),
        CLI_OPTION_CHOICE("ease", &v->ease, "cubic|linear|smooth",
                          "between keyframes: spline, constant speed, or a rest at each", "cubic"),
        CLI_OPTION_CHOICE("space", &v->in_z, "w|z", "interpolate styles, or latents on their sphere", "w"),
        CLI_OPTION_REAL("trunc", &v->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT("trunc-cutoff", &v->cutoff, "N", "truncate only the first N layers", "all", 0, 4096),
        CLI_OPTION_TEXT("class", &v->class_text, "LIST",
                        "class of a conditional network: one, or one for each keyframe", NULL),
        CLI_OPTION_TEXT("fixed-styles", &v->fixed_text, "SEED:LAYERS",
                        "these layers keep the styles of a seed, such as 85:8-13", NULL),
        CLI_OPTION_CHOICE("noise-mode", &v->noise, APP_NOISE_WORDS,
                          "noise: stored, new for each frame, none, or as StyleGAN2's TensorFlow scripts",
                          "const"),
        CLI_OPTION_TEXT("format", &v->format, "NAME",
                        "mp4, webm, gif, apng, webp, y4m, or png: PNG after PNG",
                        "by the name of the file; y4m for -"),
        CLI_OPTION_TEXT("codec", &v->codec, "NAME", "of mp4: h264, h265, av1, mpeg4; of webm: vp9, av1",
                        "the first that FFmpeg has"),
        CLI_OPTION_INT("quality", &v->quality, "Q", "1 to 100; webp at 100 is lossless", "80", 1, 100),
        CLI_OPTION_REAL("bitrate", &v->megabits, "MBIT",
                        "Mbit/s in place of quality; the official script has 12", NULL, 0.001, 2000),
        CLI_OPTION_INT("batch", &v->batch, "N", "images computed at once", "1", 1, 1024),
        CLI_OPTION_TEXT("net", &v->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
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
    v->columns = v->lines = 1;
    if (!v->grid_text)
        return CLI_SUCCESS;
    if (sscanf(v->grid_text, "%4dx%4d%n", &w, &h, &used) != 2 &&
        sscanf(v->grid_text, "%4d,%4d%n", &w, &h, &used) != 2)
        used = 0;
    if (!used || v->grid_text[used] || w < 1 || h < 1)
        return cli_usage_error("video", "--grid %s: expected columns x rows, such as 4x2", v->grid_text);
    v->columns = (size_t)w;
    v->lines = (size_t)h;
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
    v->fixed_seed = one.items[0];
    app_seeds_clear(&one);
    if (count != 1)
        return cli_usage_error("video", "--fixed-styles %s: expected one seed before the colon", v->fixed_text);
    if (app_seeds_parse(colon + 1, &v->fixed, &v->common.error) != APP_OK)
        return cli_usage_error("video", "--fixed-styles %s", v->common.error.text);
    return CLI_SUCCESS;
}

static int check(video *v) {
    if ((v->seeds_text != NULL) + (v->latents_text != NULL) != 1)
        return cli_usage_error("video", "expected one of --seeds LIST and --latents FILE");
    if (!v->output)
        return cli_usage_error("video", "expected --output FILE, such as walk.mp4, or - for standard output");
    if (!strcmp(v->output, "-") && isatty(STDOUT_FILENO))
        return cli_usage_error("video", "--output -: standard output is a terminal; send it to a program or a file");
    if (v->seeds_text && app_seeds_parse(v->seeds_text, &v->seeds, &v->common.error) != APP_OK)
        return cli_usage_error("video", "--seeds %s", v->common.error.text);
    if (v->class_text && app_seeds_parse(v->class_text, &v->classes, &v->common.error) != APP_OK)
        return cli_usage_error("video", "--class %s", v->common.error.text);
    int status = parse_grid(v);
    return status == CLI_SUCCESS ? parse_fixed(v) : status;
}

// ---- keyframes

// As the official script: rows cycled to fill all walks, one walk after the other, then shuffled.
static int choose_rows(video *v) {
    size_t cells = v->columns * v->lines, count = v->latents.count, keys = (size_t)v->num_keyframes;
    if (!v->num_keyframes && (count % cells || count > 1000000 * cells))
        return cli_error("%zu keyframes can't be shared by the %zu walks of --grid %s: give a multiple of that, "
                         "or --num-keyframes N",
                         count, cells, v->grid_text ? v->grid_text : "1x1");
    keys = keys ? keys : count / cells;
    size_t total = keys * cells;
    if (total > 10000000 || keys * (size_t)v->w_frames > (size_t)INT_MAX)
        return cli_error("%zu keyframes of %d frames are too many for one video", total, v->w_frames);
    v->rows = cli_array(total, 1, 1, sizeof *v->rows);
    if (!v->rows)
        return CLI_FAILURE;
    for (size_t i = 0; i < total; i++)
        v->rows[i] = (uint32_t)(i % count);
    if (v->shuffle) {
        atl_numpy_rng rng;
        atl_numpy_rng_init(&rng, (uint32_t)v->shuffle_seed);
        atl_numpy_rng_shuffle(&rng, v->rows, (uint32_t)total);
    }
    v->walk.keys = keys;
    v->walk.cells = cells;
    return CLI_SUCCESS;
}

static int check_class(video *v, const atl_model_info *info) {
    size_t n = v->classes.count;
    if (!info->c_dim || v->latents.space != APP_Z) {
        if (n)
            cli_warn(&v->common, "--class is ignored: %s",
                     info->c_dim ? "styles from a file have their class in them" : "the network is not conditional");
        app_seeds_clear(&v->classes);
        return CLI_SUCCESS;
    }
    if (!n)
        return cli_error("%s is conditional: choose classes with --class LIST, 0 to %d", v->network,
                         info->c_dim - 1);
    for (size_t i = 0; i < n; i++)
        if (v->classes.items[i] >= (uint32_t)info->c_dim)
            return cli_error("--class %lu: %s has classes 0 to %d", (unsigned long)v->classes.items[i], v->network,
                             info->c_dim - 1);
    if (n != 1 && n != v->walk.keys && n != v->walk.keys * v->walk.cells)
        return cli_error("--class %s: %zu classes; give one, or one for each of the %zu keyframes", v->class_text, n,
                         v->walk.keys);
    return CLI_SUCCESS;
}

static int check_network(video *v, const atl_model_info *info) {
    if (v->in_z && v->latents.space != APP_Z)
        return cli_error("--space z: %s holds styles, not latents", v->latents_text);
    if (v->cutoff > info->num_ws)
        return cli_error("--trunc-cutoff %d: the network has %d layers", v->cutoff, info->num_ws);
    if (v->latents.space == APP_WS && (!isnan(v->psi) || v->cutoff))
        cli_warn(&v->common, "--trunc and --trunc-cutoff are ignored: ws from a file are used as they are");
    app_render_truncation(info, &v->psi, &v->cutoff);
    for (size_t i = 0; i < v->fixed.count; i++)
        if (v->fixed.items[i] >= (uint32_t)info->num_ws)
            return cli_error("--fixed-styles %s: the network has layers 0 to %d", v->fixed_text, info->num_ws - 1);
    if (v->columns > 16384 / (size_t)info->width || v->lines > 16384 / (size_t)info->height)
        return cli_error("--grid %s: a frame would be over 16384 pixels wide or high", v->grid_text);
    int status = choose_rows(v);
    return status == CLI_SUCCESS ? check_class(v, info) : status;
}

// ---- opening

static int open_network(video *v) {
    int status = cli_open(&v->common, &v->ctx);
    v->network = cli_network(&v->common, v->network);
    if (status == CLI_SUCCESS)
        status = cli_open_generator(v->ctx, v->network, v->net, &v->model);
    if (status != CLI_SUCCESS)
        return status;
    const atl_model_info *info = atl_model_get_info(v->model);
    if (v->latents_text)
        status = cli_told(&v->common,
                          app_latents_open(v->ctx, info, v->latents_text, 0, &v->latents, &v->common.error));
    else
        app_latents_from_seeds(info, v->seeds.items, v->seeds.count, &v->latents);
    return status == CLI_SUCCESS ? check_network(v, info) : status;
}

// The file is opened before anything is computed: what can't be written is known at once.
static int open_file(video *v) {
    const atl_model_info *info = v->render.info;
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    o.width = (int)v->columns * info->width;
    o.height = (int)v->lines * info->height;
    o.fps = v->fps;
    o.format = v->format;
    o.codec = v->codec;
    o.quality = v->quality;
    o.bitrate = (int64_t)(v->megabits * 1e6);
    if (atl_video_open(v->ctx, v->output, &o, &v->file) != ATL_OK ||
        atl_image_init(v->ctx, o.width, o.height, info->channels, &v->sheet) != ATL_OK)
        return cli_fail(v->ctx);
    return CLI_SUCCESS;
}

static int open_walk(video *v) {
    v->walk.render = &v->render;
    v->walk.labels = &v->labels;
    v->walk.rows = v->rows;
    v->walk.classes = v->classes.items;
    v->walk.class_count = v->classes.count;
    v->walk.ease = (atl_path_ease)v->ease;
    v->walk.in_z = v->in_z;
    v->ws = cli_array(v->render.batch, v->render.row_ws, 1, sizeof(float));
    v->fixed_ws = v->ws ? cli_array(1, v->render.row_ws, 1, sizeof(float)) : NULL;
    if (!v->fixed_ws || cli_told(&v->common, app_walk_open(&v->walk, &v->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    return v->fixed.count
               ? cli_told(&v->common, app_walk_seed(&v->walk, v->fixed_seed, v->fixed_ws, &v->common.error))
               : CLI_SUCCESS;
}

static int open_all(video *v) {
    int status = open_network(v);
    if (status != CLI_SUCCESS)
        return status;
    const atl_model_info *info = atl_model_get_info(v->model);
    v->labels = (app_labels){ .width = (size_t)info->c_dim, .class_index = -1 };
    v->render = (app_render){ .ctx = v->ctx,
                              .model = v->model,
                              .info = info,
                              .latents = &v->latents,
                              .labels = &v->labels,
                              .psi = (float)v->psi,
                              .cutoff = v->cutoff,
                              .noise = (atl_noise_mode)v->noise };
    if (cli_told(&v->common, app_render_open(&v->render, (size_t)v->batch, &v->common.error)) !=
            CLI_SUCCESS ||
        cli_told(&v->common, app_render_picture(&v->render, &v->tile, &v->common.error)) != CLI_SUCCESS ||
        open_file(v) != CLI_SUCCESS)
        return CLI_FAILURE;
    return open_walk(v);
}

// ---- frames

static size_t frames_of(const video *v) {
    return v->walk.keys * (size_t)v->w_frames;
}

// Image `i` of the video: cell i % cells of frame i / cells.
static int styles_of(video *v, size_t i, float *ws) {
    size_t w = (size_t)v->render.info->w_dim, cell = i % v->walk.cells, frame = i / v->walk.cells;
    if (cli_told(&v->common, app_walk_at(&v->walk, cell, (double)frame / v->w_frames, ws,
                                         &v->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    for (size_t k = 0; k < v->fixed.count; k++)
        memcpy(ws + v->fixed.items[k] * w, v->fixed_ws + v->fixed.items[k] * w, w * sizeof *ws);
    return CLI_SUCCESS;
}

static int emit(video *v, size_t i, const float *img) {
    size_t cell = i % v->walk.cells, frame = i / v->walk.cells;
    atl_image_from_float(img, &v->tile);
    atl_image_paste(&v->sheet, &v->tile, (int)(cell % v->columns) * v->tile.width,
                    (int)(cell / v->columns) * v->tile.height);
    if (cell + 1 < v->walk.cells)
        return CLI_SUCCESS;
    if (atl_video_write(v->file, &v->sheet) != ATL_OK)
        return cli_fail(v->ctx);
    if (!v->by_keyframe) {
        cli_progress_step(&v->progress, "frames");
    } else if ((frame + 1) % (size_t)v->w_frames == 0) {
        char label[64];
        snprintf(label, sizeof label, "frame %zu", frame + 1);
        cli_progress_step(&v->progress, label);
    }
    return CLI_SUCCESS;
}

static int render_batch(video *v, size_t first, size_t n) {
    for (size_t i = 0; i < n; i++) {
        v->render.noise_seeds[i] = (uint32_t)(first + i);
        if (styles_of(v, first + i, v->ws + i * v->render.row_ws) != CLI_SUCCESS)
            return CLI_FAILURE;
    }
    if (cli_told(&v->common, app_render_img(&v->render, n, v->ws, &v->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    for (size_t i = 0; i < n; i++)
        if (emit(v, first + i, v->render.img + i * v->render.row_img) != CLI_SUCCESS)
            return CLI_FAILURE;
    return CLI_SUCCESS;
}

// Ctrl-C ends the video after the frame in work: what has been made is a whole file.
static int run(video *v) {
    size_t frames = frames_of(v), count = frames * v->walk.cells, first = 0;
    int status = CLI_SUCCESS;
    v->by_keyframe = !isatty(STDERR_FILENO);
    cli_progress_start(&v->progress, v->by_keyframe ? v->walk.keys : frames, v->common.quiet);
    while (first < count && status == CLI_SUCCESS && !cli_interrupted()) {
        size_t n = count - first < v->render.batch ? count - first : v->render.batch;
        status = render_batch(v, first, n);
        first += n;
    }
    cli_progress_end(&v->progress);
    size_t done = first / v->walk.cells;
    if (status != CLI_SUCCESS)
        return status;
    if (done == 0) {
        cli_error("interrupted before the first frame; nothing is written");
        return CLI_INTERRUPTED;
    }
    if (atl_video_finish(&v->file) != ATL_OK)
        return cli_fail(v->ctx);
    if (done == frames)
        return CLI_SUCCESS;
    cli_error("interrupted after %zu of %zu frames; %s holds these", done, frames,
              strcmp(v->output, "-") ? v->output : "standard output");
    return CLI_INTERRUPTED;
}

static void release(video *v) {
    atl_video_abort(&v->file);
    if (v->ctx) {
        atl_image_clear(v->ctx, &v->tile);
        atl_image_clear(v->ctx, &v->sheet);
    }
    app_walk_close(&v->walk);
    app_render_close(&v->render);
    app_latents_close(&v->latents);
    app_seeds_clear(&v->seeds);
    app_seeds_clear(&v->classes);
    app_seeds_clear(&v->fixed);
    free(v->rows);
    free(v->ws);
    free(v->fixed_ws);
    atl_model_close(&v->model);
    atl_ctx_close(&v->ctx);
}

int cli_video(int argc, char **argv) {
    video v = { .psi = NAN, .batch = 1, .w_frames = 120 };
    int status = parse(&v, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    status = check(&v);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS)
        status = open_all(&v);
    if (status == CLI_SUCCESS)
        status = run(&v);
    release(&v);
    return status;
}
