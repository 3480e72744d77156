// SPDX-License-Identifier: Apache-2.0
// atelier generate: images from seeds, or from latents in a file, as pictures, one grid, or raw floats.
#include <math.h>
#include <stdio.h>
#include "app/classes.h"
#include "app/results.h"
#include "command.h"
#include "common.h"
#include "progress.h"

typedef struct generate {
    cli_common common;
    const char *network, *net, *at_text, *seeds_text, *projected_text, *grid_text, *translate_text, *class_text,
        *names_text, *noise_seed_text;
    int noise, format, batch;
    app_seeds seeds;
    app_classes classes;
    app_generate_options options;
    app_results_options wanted;
    app_generate images;
    app_results results;
    cli_progress progress;
} generate;

static int parse(generate *g, int argc, char **argv) {
    app_recipe *p = &g->options.recipe;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &g->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("seeds", &g->seeds_text, "LIST", "seeds, such as 0,3,5-9", NULL),
        CLI_OPTION_TEXT("at", &g->at_text, "X,Y",
                        "one image from the map of seeds: X + 100 Y lies at X,Y, and blends of four between",
                        NULL),
        CLI_OPTION_TEXT("latents", &p->latents, "FILE[:TENSOR]",
                        "z [N, z], w [N, w] or ws [N, layers, w] of a .npy, .npz, .pt or .safetensors", NULL),
        CLI_OPTION_TEXT("projected-w", &g->projected_text, "FILE[:TENSOR]",
                        "like --latents, but two dimensions mean w", NULL),
        CLI_OPTION_TEXT("outdir", &g->wanted.folder, "DIR", "folder for the results; made when missing",
                        "out"),
        CLI_OPTION_REAL("trunc", &p->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT("trunc-cutoff", &p->cutoff, "N", "truncate only the first N layers", "all", 0, 4096),
        CLI_OPTION_INT("standing-stats", &p->standing, "N",
                       "BigGAN: statistics of N batches of 32 pictures, in place of the file's", NULL, 1,
                       65536),
        CLI_OPTION_TEXT("centroids", &p->centroids, "FILE[:TENSOR]",
                        "truncate toward the nearest of these w [N, w]", "the average of w"),
        CLI_OPTION_TEXT(
            "class", &g->class_text, "LIST",
            "class of a conditional network, from 0: one, one for each image, or a mixture 3:0.3,7:0.7",
            "none; StyleGAN-XL: random, by the seed"),
        CLI_OPTION_TEXT("class-names", &g->names_text, "FILE",
                        "names of the classes, one on a line, that --class may use", NULL),
        CLI_OPTION_TEXT("labels", &p->labels, "FILE[:TENSOR]",
                        "label of each image: [N, classes], or [N] class numbers, also as text", NULL),
        CLI_OPTION_CHOICE("noise-mode", &g->noise, APP_NOISE_WORDS,
                          "noise: stored, by seed, none, or as in StyleGAN2's TensorFlow scripts", "const"),
        CLI_NOISE_SEED_OPTION(&g->noise_seed_text),
        CLI_OPTION_TEXT("translate", &g->translate_text, "X,Y",
                        "StyleGAN3: move the image, in fractions of it", "0,0"),
        CLI_OPTION_REAL("rotate", &p->rotate, "DEGREES", "StyleGAN3: turn the image", "0", -1e6, 1e6),
        CLI_OPTION_TEXT("net", &g->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_INT("batch", &g->batch, "N", "images computed at once", "1", 1, 1024),
        CLI_OPTION_CHOICE("format", &g->format, APP_FORMAT_WORDS,
                          "the last two: raw float images of all seeds in one file", "png"),
        CLI_OPTION_INT("quality", &g->wanted.quality, "Q",
                       "of jpg and webp, 1 to 100; webp at 100 is lossless", "95", 1, 100),
        CLI_OPTION_TEXT("grid", &g->grid_text, "CxR", "one picture grid.png of C columns and R rows", NULL),
        CLI_OPTION_FLAG("save-ws", &g->wanted.save_ws,
                        "also write the styles: ws.npy, or ws in images.safetensors"),
        CLI_OPTION_FLAG("no-record", &g->wanted.no_record, "leave out of the files how they were made"),
        CLI_OPTION_TEXT("dump", &g->options.dump, "PATTERN",
                        "step mode: write each value whose name matches to DIR/dump/NAME.npy", NULL),
        CLI_DELTAS_OPTION(&g->common),
        CLI_NETWORK_OPTIONS(&g->common),
        CLI_COMMON_OPTIONS(&g->common),
    };
    const cli_spec spec = {
        .command = "generate",
        .arguments = "--seeds LIST",
        .about = "Make images from seeds, or from latents in a file.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

static int check_grid(generate *g) {
    int columns = 0, rows = 0, used = 0;
    if (sscanf(g->grid_text, "%4dx%4d%n", &columns, &rows, &used) != 2 || g->grid_text[used] || columns < 1 ||
        rows < 1)
        return cli_usage_error("generate", "--grid %s: expected columns x rows, such as 4x2", g->grid_text);
    if (g->format == APP_NPY || g->format == APP_SAFETENSORS)
        return cli_usage_error("generate", "--grid makes a picture; choose --format png, jpg or webp");
    g->wanted.columns = (size_t)columns;
    g->wanted.lines = (size_t)rows;
    return CLI_SUCCESS;
}

// What options mean together, before any file is opened.
static int check(generate *g) {
    const char *const me = "generate";
    app_recipe *p = &g->options.recipe;
    int sources = (g->at_text != NULL) + (g->seeds_text != NULL) + (p->latents != NULL) + (g->projected_text != NULL);
    if (sources != 1)
        return cli_usage_error(me, "expected one of --seeds LIST, --at X,Y, --latents FILE and --projected-w FILE");
    if (g->at_text && (!app_move_parse(g->at_text, p->at) || fabs(p->at[0]) > 1e6 || fabs(p->at[1]) > 1e6))
        return cli_usage_error(me, "--at %s: expected X,Y, such as 85.5,0.25", g->at_text);
    p->has_at = g->at_text != NULL;
    if (g->class_text && p->labels)
        return cli_usage_error(me, "--class and --labels exclude each other");
    if (g->seeds_text && app_seeds_parse(g->seeds_text, &g->seeds, &g->common.error) != APP_OK)
        return cli_usage_error(me, "--seeds %s", g->common.error.text);
    if (g->class_text &&
        app_classes_parse(g->class_text, g->names_text, &g->classes, &g->common.error) != APP_OK)
        return cli_usage_error(me, "--class %s", g->common.error.text);
    if (g->classes.mixture)
        p->labels = g->classes.mixture;
    if (g->translate_text && !app_move_parse(g->translate_text, p->translate))
        return cli_usage_error(me, "--translate %s: expected X,Y, such as 0.25,-0.1", g->translate_text);
    if (g->projected_text) {
        p->latents = g->projected_text;
        p->projected = 1;
    }
    p->noise = (atl_noise_mode)g->noise;
    p->direct = g->common.direct;
    p->deltas = g->common.deltas;
    g->options.seeds = g->seeds_text ? g->seeds.items : NULL;
    g->options.count = g->seeds.count;
    g->options.classes = &g->classes.list;
    g->options.batch = (size_t)g->batch;
    g->options.folder = g->wanted.folder;
    g->wanted.format = (app_format)g->format;
    g->wanted.seeds_text = g->seeds_text;
    g->wanted.class_text = g->class_text;
    int status = cli_noise_seed(me, g->noise_seed_text, p);
    return status == CLI_SUCCESS && g->grid_text ? check_grid(g) : status;
}

static app_status use(void *user, const app_generated *image, app_error *e) {
    generate *g = user;
    app_status status = app_results_put(&g->results, image, e);
    if (status == APP_OK)
        cli_progress_step(&g->progress, image->name);
    return status == APP_OK && cli_interrupted() ? APP_STOPPED : status;
}

static app_status make(generate *g, atl_ctx *ctx, atl_model *model) {
    app_error *e = &g->common.error;
    app_status status = app_generate_open(&g->images, ctx, model, &g->options, e);
    if (status == APP_OK)
        status = app_results_open(&g->results, &g->images, &g->wanted, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&g->progress, g->images.count, g->common.quiet);
    status = app_generate_run(&g->images, use, g, e);
    cli_progress_end(&g->progress);
    return status == APP_OK ? app_results_finish(&g->results, e) : status;
}

int cli_generate(int argc, char **argv) {
    generate g = { .wanted.folder = "out", .options.recipe = APP_RECIPE_INIT, .batch = 1 };
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    int status = parse(&g, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    status = check(&g);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS)
        status = cli_open_network(&g.common, g.network, g.net, &ctx, &model, &g.options.recipe.network);
    if (status == CLI_SUCCESS)
        status = cli_told(&g.common, make(&g, ctx, model));
    app_results_close(&g.results);
    app_generate_close(&g.images);
    app_seeds_clear(&g.seeds);
    app_classes_clear(&g.classes);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status;
}
