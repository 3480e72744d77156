// SPDX-License-Identifier: Apache-2.0
// atelier encode-codes, decode-codes, sample and complete: pictures as codes, and networks that draw them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/codes.h>
#include "app/classes.h"
#include "app/codes.h"
#include "app/condition.h"
#include "app/files.h"
#include "app/grid.h"
#include "app/memory.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { PICTURES = 4096, ASSUME = 1024 };

typedef struct codes {
    cli_common common;
    const char *network, *bottom, *decoder, *net, *output, *outdir, *seeds_text, *class_text, *names_text, *size_text,
        *grid_text, *condition_source;
    const char *files[PICTURES];
    int count, rows, columns, kept, window; // of codes
    double temperature, top_p;
    int top_k;
    app_seeds seeds;
    app_classes classes;
    atl_ctx *ctx;
    app_codec codec;
    atl_model *transformer, *lower; // lower: of the bottom map, where there are two
    app_codes maps, condition; // condition.items NULL: there is none but a class
    int across, down; // pictures of the grid; 0: there is none
    app_grid grid;
    size_t cells; // of it that are filled
    cli_progress progress;
} codes;

static atl_model_options options_of(const codes *c) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.ignore_unused = c->common.ignore_unused;
    o.assume = c->common.assume;
    o.net = c->net;
    return o;
}

static int begin(codes *c, const char *command) {
    if (!c->network)
        return cli_usage_error(command, "expected --network FILE");
    cli_catch_interrupt();
    return cli_open(&c->common, &c->ctx);
}

static int end(codes *c, int status) {
    app_codec_close(&c->codec);
    atl_model_close(&c->transformer);
    atl_model_close(&c->lower);
    app_codes_clear(&c->maps);
    app_codes_clear(&c->condition);
    app_grid_clear(&c->grid);
    app_seeds_clear(&c->seeds);
    app_classes_clear(&c->classes);
    atl_ctx_close(&c->ctx);
    return status;
}

// ---- results

// Room for so many maps of the opened network's size.
static app_status make_maps(codes *c, size_t count) {
    app_error *e = &c->common.error;
    c->maps.count = count;
    c->maps.items = app_array(count, app_codec_count(&c->codec), 1, sizeof *c->maps.items, e);
    c->maps.rows = c->codec.height / c->codec.step;
    c->maps.columns = c->codec.width / c->codec.step;
    c->maps.depth = c->codec.depth;
    c->maps.levels = c->codec.levels;
    return c->maps.items ? APP_OK : APP_FAILED;
}

// A picture into the next cell of the grid, where there is one.
static app_status put_in_grid(codes *c, const atl_image *image) {
    app_error *e = &c->common.error;
    if (!c->across)
        return APP_OK;
    if (!c->cells && app_grid_open(&c->grid, c->ctx, c->across, c->down, image->channels, image->height,
                                   image->width, e) != APP_OK)
        return APP_FAILED;
    app_grid_put_image(&c->grid, c->cells++, image);
    return APP_OK;
}

static app_status write_grid(codes *c) {
    app_error *e = &c->common.error;
    if (!c->across)
        return APP_OK;
    char *path = app_join(c->outdir, "grid.png", e);
    app_status status = path ? app_grid_save(&c->grid, path, e) : APP_FAILED;
    free(path);
    return status;
}

// The picture of map i to DIR/NAME.png.
static app_status write_picture(codes *c, size_t i, const char *name) {
    app_error *e = &c->common.error;
    atl_image image;
    char *path = app_join(c->outdir, name, e);
    app_status status =
        path ? app_codec_decode(&c->codec, c->maps.items + i * app_codec_count(&c->codec), &image, e)
             : APP_FAILED;
    if (path && status == APP_OK && atl_image_write(c->ctx, path, "png", &image, 0, NULL, 0) != ATL_OK)
        status = app_fail_ctx(e, c->ctx);
    if (path && status == APP_OK)
        status = put_in_grid(c, &image);
    if (path)
        atl_image_clear(c->ctx, &image);
    free(path);
    return status;
}

static app_status write_maps(codes *c) {
    app_error *e = &c->common.error;
    char *path = app_join(c->outdir, "codes.npz", e);
    app_status status = path ? app_codes_write(c->ctx, path, &c->maps, e) : APP_FAILED;
    free(path);
    return status;
}

// ---- encode-codes

static app_status encode(codes *c) {
    app_error *e = &c->common.error;
    atl_model_options o = options_of(c);
    app_status status = app_codec_open_for(&c->codec, c->ctx, c->network, &o, c->files[0], e);
    if (status == APP_OK)
        status = make_maps(c, (size_t)c->count);
    cli_progress_start(&c->progress, (size_t)c->count, c->common.quiet);
    for (int i = 0; status == APP_OK && i < c->count; i++) {
        status = app_codec_encode(&c->codec, c->files[i],
                                  c->maps.items + (size_t)i * app_codec_count(&c->codec), e);
        if (status == APP_OK)
            cli_progress_step(&c->progress, app_file_name(c->files[i]));
        if (status == APP_OK && cli_interrupted())
            status = app_stop(e, "interrupted after %d of %d pictures", i + 1, c->count);
    }
    cli_progress_end(&c->progress);
    return status == APP_OK ? app_codes_write(c->ctx, c->output, &c->maps, e) : status;
}

int cli_encode_codes(int argc, char **argv) {
    static codes c;
    c = (codes){ .output = "codes.npz" };
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &c.network, "FILE",
                        "checkpoint of a VQ-GAN or VQ-VAE, alone or with its transformer", NULL),
        CLI_OPTION_TEXT("net", &c.net, "NAME", "network of the file: vqgan or cond_vqgan", "vqgan"),
        CLI_OPTION_TEXT("output", &c.output, "FILE", "codes [N, rows, columns] as .npz; of two maps top and bottom",
                        "codes.npz"),
        CLI_NETWORK_OPTIONS(&c.common),
        CLI_COMMON_OPTIONS(&c.common),
    };
    const cli_spec spec = {
        .command = "encode-codes",
        .arguments = "PICTURE...",
        .about = "Make codes of pictures, which are all of one size.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = PICTURES,
    };
    int status = cli_options_parse(&spec, argc, argv, c.files);
    if (status != CLI_PROCEED)
        return status;
    while (c.count < PICTURES && c.files[c.count])
        c.count++;
    status = begin(&c, "encode-codes");
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, encode(&c));
    return end(&c, status);
}

// ---- decode-codes

static app_status decode(codes *c) {
    app_error *e = &c->common.error;
    atl_model_options o = options_of(c);
    app_status status = app_codes_read(c->ctx, c->files[0], &c->maps, e);
    if (status == APP_OK)
        status = app_codec_open(&c->codec, c->ctx, c->network, &o, c->maps.columns, c->maps.rows, e);
    if (status == APP_OK && c->maps.levels != c->codec.levels)
        status = app_fail(e, "%s: is of another network: it has %s of codes for each picture, where this one has %s",
                          c->files[0], c->maps.levels > 1 ? "two maps" : "one map",
                          c->codec.levels > 1 ? "two" : "one");
    if (status == APP_OK && c->maps.depth != c->codec.depth)
        status = app_fail(e, "%s: has %d codes for each position where the network has %d", c->files[0],
                          c->maps.depth, c->codec.depth);
    if (status == APP_OK)
        status = app_folder_make(c->outdir, e);
    cli_progress_start(&c->progress, c->maps.count, c->common.quiet);
    for (size_t i = 0; status == APP_OK && i < c->maps.count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%04zu.png", i);
        status = write_picture(c, i, name);
        if (status == APP_OK)
            cli_progress_step(&c->progress, name);
        if (status == APP_OK && cli_interrupted())
            status = app_stop(e, "interrupted after %zu of %zu pictures", i + 1, c->maps.count);
    }
    cli_progress_end(&c->progress);
    return status;
}

int cli_decode_codes(int argc, char **argv) {
    static codes c;
    c = (codes){ .outdir = "out" };
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &c.network, "FILE",
                        "checkpoint of a VQ-GAN or VQ-VAE, alone or with its transformer", NULL),
        CLI_OPTION_TEXT("net", &c.net, "NAME", "network of the file: vqgan or cond_vqgan", "vqgan"),
        CLI_OPTION_TEXT("outdir", &c.outdir, "DIR", "folder for the pictures; made when missing", "out"),
        CLI_NETWORK_OPTIONS(&c.common),
        CLI_COMMON_OPTIONS(&c.common),
    };
    const cli_spec spec = {
        .command = "decode-codes",
        .arguments = "CODES.npz[:TENSOR]",
        .about = "Make pictures of codes.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, c.files);
    if (status != CLI_PROCEED)
        return status;
    status = begin(&c, "decode-codes");
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, decode(&c));
    return end(&c, status);
}

// ---- sample and complete

#define SAMPLING_OPTIONS(c)                                                                                  \
    CLI_OPTION_TEXT("network", &(c).network, "FILE",                                                         \
                    "checkpoint of a transformer or PixelCNN, with its VQ-GAN or without", NULL),            \
        CLI_OPTION_TEXT("bottom", &(c).bottom, "FILE",                                                       \
                        "checkpoint of what draws the bottom map of VQ-VAE-2", "none"),                      \
        CLI_OPTION_TEXT("decoder", &(c).decoder, "FILE", "checkpoint of the VQ-GAN or VQ-VAE",               \
                        "the same file"),                                                                    \
        CLI_OPTION_TEXT("seeds", &(c).seeds_text, "LIST", "a picture for each seed, such as 0,3,5-9", "0"),  \
        CLI_OPTION_TEXT("class", &(c).class_text, "LIST", "class: one, or one for each seed", "none"),       \
        CLI_OPTION_TEXT("class-names", &(c).names_text, "FILE",                                              \
                        "names of the classes, one on a line, that --class may use", NULL),                  \
        CLI_OPTION_TEXT("condition", &(c).condition_source, "FILE",                                          \
                        "picture (depth, labels) whose codes stand first, or .npz of them", NULL),           \
        CLI_OPTION_REAL("temperature", &(c).temperature, "T", "below 1 less varied", "1", 1e-3, 1e3),        \
        CLI_OPTION_INT("top-k", &(c).top_k, "K", "draw among the K most probable codes", "all", 0, 1 << 22), \
        CLI_OPTION_REAL("top-p", &(c).top_p, "P", "among the fewest whose probabilities reach P", "1", 0,    \
                        1),                                                                                  \
        CLI_OPTION_INT("window", &(c).window, "N",                                                           \
                       "side of the square that codes of larger maps are drawn in", "16", 2, 4096),          \
        CLI_OPTION_TEXT("grid", &(c).grid_text, "CxR",                                                       \
                        "all of them in one picture grid.png, too, of C columns and R rows", NULL),          \
        CLI_OPTION_TEXT("outdir", &(c).outdir, "DIR",                                                        \
                        "folder for pictures and codes.npz; made when missing", "out"),                      \
        CLI_NETWORK_OPTIONS(&(c).common), CLI_COMMON_OPTIONS(&(c).common)

static int told(void *user, size_t done, size_t all) {
    (void)user;
    (void)done;
    (void)all;
    return cli_interrupted() != 0;
}

// One map of a seed, of which the first `o->given_count` codes are in place already.
static app_status draw_map(codes *c, atl_model *m, size_t i, atl_sample_options *o, int32_t *map) {
    o->seed = c->seeds.items[i];
    o->temperature = (float)c->temperature;
    o->top_k = c->top_k;
    o->top_p = (float)c->top_p;
    o->window = c->window;
    o->told = told;
    if (atl_codes_sample(m, o, map) != ATL_OK)
        return app_fail_ctx(&c->common.error, c->ctx);
    return cli_interrupted() ? app_stop(&c->common.error, "interrupted after %zu of %zu pictures", i,
                                        c->seeds.count)
                             : APP_OK;
}

// The codes of seed i, of which the first rows are given: `kept` of the one map or of the bottom one.
static app_status draw_one(codes *c, size_t i, const int32_t *given, size_t kept) {
    const app_seeds *k = &c->classes.list;
    int32_t condition = k->count ? (int32_t)k->items[k->count == 1 ? 0 : i] : 0;
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    o.height = c->maps.rows;
    o.width = c->maps.columns;
    o.condition = c->condition.items ? app_condition_row(&c->condition, i) : &condition;
    o.condition_count = c->condition.items ? app_codes_row(&c->condition) : k->count ? 1 : 0;
    o.depth = c->codec.depth;
    o.given = given;
    o.given_count = kept * (size_t)c->maps.columns * (size_t)c->maps.depth;
    return draw_map(c, c->transformer, i, &o, c->maps.items + i * app_codes_row(&c->maps));
}

// Of two maps: the top one, then the bottom one, whose condition is the class and the whole top map.
static app_status draw_two(codes *c, size_t i, const int32_t *given, size_t kept) {
    const app_seeds *k = &c->classes.list;
    size_t classes = k->count ? 1 : 0, rows = (size_t)c->maps.rows, columns = (size_t)c->maps.columns,
           upper = rows * columns / 4;
    int32_t *map = c->maps.items + i * app_codes_row(&c->maps);
    int32_t *condition = app_array(classes + upper, 1, 1, sizeof *condition, &c->common.error);
    atl_sample_options o = ATL_SAMPLE_OPTIONS_INIT;
    if (!condition)
        return APP_FAILED;
    condition[0] = classes ? (int32_t)k->items[k->count == 1 ? 0 : i] : 0;
    o.condition = condition;
    o.condition_count = classes;
    o.height = (int)rows / 2;
    o.width = (int)columns / 2;
    o.given = given;
    o.given_count = kept / 2 * (columns / 2);
    app_status status = draw_map(c, c->transformer, i, &o, map);
    if (status == APP_OK) {
        memcpy(condition + classes, map, upper * sizeof *map);
        o.condition_count = classes + upper;
        o.height = (int)rows;
        o.width = (int)columns;
        o.given = given ? given + upper : NULL;
        o.given_count = kept * columns;
        status = draw_map(c, c->lower, i, &o, map + upper);
    }
    free(condition);
    return status;
}

static app_status open_as(codes *c, const char *path, const char *assume, atl_model **m) {
    atl_model_options o = options_of(c);
    o.net = "transformer";
    o.assume = assume;
    if (atl_model_open(c->ctx, path, &o, m) == ATL_OK)
        return APP_OK;
    return app_fail_ctx(&c->common.error, c->ctx);
}

// What draws maps of so many rows and columns.  A PixelCNN is opened again, told of them.
static app_status open_prior(codes *c, const char *path, int rows, int columns, atl_model **m) {
    char assume[ASSUME];
    const char *given = c->common.assume;
    app_status status = open_as(c, path, given, m);
    if (status != APP_OK || strcmp(atl_model_get_info(*m)->kind, "pixelcnn") != 0)
        return status;
    int used = snprintf(assume, sizeof assume, "%s%srows=%d,columns=%d", given ? given : "", given ? "," : "",
                        rows, columns);
    if (used < 0 || (size_t)used >= sizeof assume)
        return app_fail(&c->common.error, "--assume is too long");
    atl_model_close(m);
    return open_as(c, path, assume, m);
}

static app_status open_priors(codes *c) {
    app_error *e = &c->common.error;
    if (c->condition.items && c->codec.levels == 2)
        return app_fail(e, "--condition %s: pictures of two maps have none but a class; leave it out",
                        c->condition_source);
    int two = c->codec.levels == 2, rows = c->maps.rows, columns = c->maps.columns;
    const char *decoder = c->decoder ? c->decoder : c->network;
    if (two && !c->bottom)
        return app_fail(e, "%s: has two maps of codes; expected --bottom FILE, which draws the second", decoder);
    if (!two && c->bottom)
        return app_fail(e, "--bottom %s: %s has one map of codes; leave it out", c->bottom, decoder);
    app_status status = open_prior(c, c->network, two ? rows / 2 : rows, two ? columns / 2 : columns,
                                   &c->transformer);
    return status == APP_OK && two ? open_prior(c, c->bottom, rows, columns, &c->lower) : status;
}

// All seeds, once the codec is open.  The first rows of codes may be given.
static app_status draw_all(codes *c, const int32_t *given, size_t kept) {
    app_error *e = &c->common.error;
    app_status status = make_maps(c, c->seeds.count);
    if (status == APP_OK)
        status = open_priors(c);
    if (status == APP_OK)
        status = app_folder_make(c->outdir, e);
    cli_progress_start(&c->progress, c->seeds.count, c->common.quiet);
    for (size_t i = 0; status == APP_OK && i < c->seeds.count; i++) {
        char name[40];
        snprintf(name, sizeof name, "seed%04lu.png", (unsigned long)c->seeds.items[i]);
        status = c->codec.levels == 2 ? draw_two(c, i, given, kept) : draw_one(c, i, given, kept);
        if (status == APP_OK)
            status = write_picture(c, i, name);
        if (status == APP_OK)
            cli_progress_step(&c->progress, name);
    }
    cli_progress_end(&c->progress);
    if (status == APP_OK)
        status = write_grid(c);
    return status == APP_OK ? write_maps(c) : status;
}

// `more` cells stand before those of the seeds.
static int take_grid(codes *c, const char *command, size_t more) {
    int used = 0;
    if (!c->grid_text)
        return CLI_SUCCESS;
    if (sscanf(c->grid_text, "%4dx%4d%n", &c->across, &c->down, &used) != 2 || c->grid_text[used] ||
        c->across < 1 || c->down < 1)
        return cli_usage_error(command, "--grid %s: expected columns x rows, such as 4x2", c->grid_text);
    if ((size_t)c->across * (size_t)c->down != c->seeds.count + more)
        return cli_usage_error(command, "--grid %s: has not as many places as there are pictures, %zu",
                               c->grid_text, c->seeds.count + more);
    return CLI_SUCCESS;
}

static int take_lists(codes *c, const char *command) {
    app_error *e = &c->common.error;
    if (app_seeds_parse(c->seeds_text, &c->seeds, e) != APP_OK)
        return cli_usage_error(command, "--seeds %s", e->text);
    if (c->class_text && app_classes_parse(c->class_text, c->names_text, &c->classes, e) != APP_OK)
        return cli_usage_error(command, "--class %s", e->text);
    if (c->class_text && c->condition_source)
        return cli_usage_error(command, "--class %s: the codes of --condition stand in its place; give one of both",
                               c->class_text);
    if (c->classes.mixture)
        return cli_usage_error(command, "--class %s: codes have one class, not a mixture", c->class_text);
    if (c->classes.list.count > 1 && c->classes.list.count != c->seeds.count)
        return cli_usage_error(command, "--class %s: give one, or one for each of the %zu seeds",
                               c->class_text, c->seeds.count);
    return CLI_SUCCESS;
}

static app_status open_condition(codes *c) {
    atl_model_options o = options_of(c);
    return c->condition_source ? app_condition_open(c->ctx, c->network, &o, c->condition_source, c->seeds.count,
                                                    &c->condition, &c->common.error)
                               : APP_OK;
}

// A picture that is drawn by another has a code for each of its codes, where nothing else is said.
static app_status sample(codes *c) {
    atl_model_options o = options_of(c);
    app_status status = open_condition(c);
    if (!c->size_text) {
        c->rows = c->condition.rows;
        c->columns = c->condition.columns;
    }
    if (status == APP_OK)
        status = app_codec_open(&c->codec, c->ctx, c->decoder ? c->decoder : c->network, &o, c->columns, c->rows,
                                &c->common.error);
    return status == APP_OK ? draw_all(c, NULL, 0) : status;
}

int cli_sample(int argc, char **argv) {
    static codes c;
    c = (codes){ .outdir = "out", .seeds_text = "0", .temperature = 1, .top_p = 1, .window = 16 };
    const cli_option options[] = {
        CLI_OPTION_TEXT("size", &c.size_text, "RxC", "rows and columns of codes",
                        "those of the network's pictures"),
        SAMPLING_OPTIONS(c),
    };
    const cli_spec spec = {
        .command = "sample",
        .arguments = "",
        .about = "Draw pictures, code by code, with a transformer or PixelCNN.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int used = 0, status = cli_options_parse(&spec, argc, argv, NULL);
    if (status != CLI_PROCEED)
        return status;
    status = take_lists(&c, "sample");
    if (status == CLI_SUCCESS)
        status = take_grid(&c, "sample", 0);
    if (status == CLI_SUCCESS && c.size_text &&
        (sscanf(c.size_text, "%4dx%4d%n", &c.rows, &c.columns, &used) != 2 || c.size_text[used] ||
         c.rows < 1 || c.columns < 1))
        status = cli_usage_error("sample", "--size %s: expected rows x columns, such as 16x16", c.size_text);
    if (status == CLI_SUCCESS)
        status = begin(&c, "sample");
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, sample(&c));
    return end(&c, status);
}

// The picture stands first, as its codes have it.
static app_status begin_grid(codes *c, const int32_t *given) {
    atl_image image = { 0 };
    if (!c->across)
        return APP_OK;
    app_status status = app_codec_decode(&c->codec, given, &image, &c->common.error);
    if (status == APP_OK)
        status = put_in_grid(c, &image);
    atl_image_clear(c->ctx, &image);
    return status;
}

static app_status complete(codes *c) {
    app_error *e = &c->common.error;
    atl_model_options o = options_of(c);
    const char *path = c->decoder ? c->decoder : c->network;
    app_status status = app_codec_open_for(&c->codec, c->ctx, path, &o, c->files[0], e);
    size_t count = status == APP_OK ? app_codec_count(&c->codec) : 1;
    int rows = status == APP_OK ? c->codec.height / c->codec.step : 0,
        kept = c->kept < 0 ? rows / 2 : c->kept;
    int32_t *given = app_array(count, 1, 1, sizeof *given, e);
    if (status == APP_OK && kept > rows)
        status = app_fail(e, "--rows %d: %s has %d rows of codes", kept, c->files[0], rows);
    if (status == APP_OK)
        status = given ? app_codec_encode(&c->codec, c->files[0], given, e) : APP_FAILED;
    if (status == APP_OK)
        status = open_condition(c);
    if (status == APP_OK)
        status = begin_grid(c, given);
    if (status == APP_OK)
        status = draw_all(c, given, (size_t)kept);
    free(given);
    return status;
}

int cli_complete(int argc, char **argv) {
    static codes c;
    c = (codes){ .outdir = "out", .seeds_text = "0", .temperature = 1, .top_p = 1, .window = 16, .kept = -1 };
    const cli_option options[] = {
        CLI_OPTION_INT("rows", &c.kept, "N", "rows of codes that are kept", "the upper half", 0, 4096),
        SAMPLING_OPTIONS(c),
    };
    const cli_spec spec = {
        .command = "complete",
        .arguments = "PICTURE",
        .about = "Keep the upper part of a picture and draw the rest, code by code.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, c.files);
    if (status != CLI_PROCEED)
        return status;
    status = take_lists(&c, "complete");
    if (status == CLI_SUCCESS)
        status = take_grid(&c, "complete", 1);
    if (status == CLI_SUCCESS)
        status = begin(&c, "complete");
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, complete(&c));
    return end(&c, status);
}
