// SPDX-License-Identifier: Apache-2.0
// atelier generate: images from seeds, or from latents in a file, as pictures, one grid, or raw floats.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "common.h"
#include "app/move.h"
#include "progress.h"
#include "app/recipe.h"
#include "app/render.h"
#include "app/seeds.h"

enum { PNG, JPG, WEBP, NPY, SAFETENSORS };
static const char *const format_names[] = { "png", "jpg", "webp", "npy", "safetensors" };

typedef struct generate {
    // options
    cli_common common;
    const char *network, *net, *outdir, *seeds_text, *labels_text, *latents_text, *projected_text, *grid_text,
        *dump, *centroids_text, *translate_text;
    double psi;
    int cutoff, class_index, class_given, noise, batch, format, quality, save_ws;
    // what they stand for
    app_seeds seeds;
    app_move move;
    float *centroids;
    int centroid_count;
    int columns, rows; // of the grid, 0: none
    atl_ctx *ctx;
    atl_model *model;
    app_latents latents;
    app_labels labels;
    app_render render;
    // results
    atl_image tile, sheet;   // one image; the grid
    float *all_img, *all_ws; // [count, ...], for --format npy and safetensors, and --save-ws
} generate;

static int parse(generate *g, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &g->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("seeds", &g->seeds_text, "LIST", "seeds, such as 0,3,5-9", NULL),
        CLI_OPTION_TEXT("latents", &g->latents_text, "FILE[:TENSOR]",
                        "z [N, z], w [N, w] or ws [N, layers, w] of a .npy, .npz or .safetensors", NULL),
        CLI_OPTION_TEXT("projected-w", &g->projected_text, "FILE[:TENSOR]",
                        "like --latents, but two dimensions mean w", NULL),
        CLI_OPTION_TEXT("outdir", &g->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_REAL("trunc", &g->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT("trunc-cutoff", &g->cutoff, "N", "truncate only the first N layers", "all", 0, 4096),
        CLI_OPTION_TEXT("centroids", &g->centroids_text, "FILE[:TENSOR]",
                        "truncate toward the nearest of these w [N, w]", "the average of w"),
        CLI_OPTION_INT_GIVEN("class", &g->class_index, "K", "class of a conditional network, from 0",
                             "none; StyleGAN-XL: random, by the seed", 0, 1e9, &g->class_given),
        CLI_OPTION_TEXT("labels", &g->labels_text, "FILE[:TENSOR]",
                        "label of each image: [N, classes], or [N] class numbers", NULL),
        CLI_OPTION_CHOICE("noise-mode", &g->noise, APP_NOISE_WORDS,
                          "noise: stored, by seed, none, or as in StyleGAN2's TensorFlow scripts", "const"),
        CLI_OPTION_TEXT("translate", &g->translate_text, "X,Y",
                        "StyleGAN3: move the image, in fractions of it", "0,0"),
        CLI_OPTION_REAL("rotate", &g->move.degrees, "DEGREES", "StyleGAN3: turn the image", "0", -1e6, 1e6),
        CLI_OPTION_TEXT("net", &g->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_INT("batch", &g->batch, "N", "images computed at once", "1", 1, 1024),
        CLI_OPTION_CHOICE("format", &g->format, "png|jpg|webp|npy|safetensors",
                          "the last two: raw float images of all seeds in one file", "png"),
        CLI_OPTION_INT("quality", &g->quality, "Q", "of jpg and webp, 1 to 100; webp at 100 is lossless",
                       "95", 1, 100),
        CLI_OPTION_TEXT("grid", &g->grid_text, "CxR", "one picture grid.png of C columns and R rows", NULL),
        CLI_OPTION_FLAG("save-ws", &g->save_ws, "also write the styles: ws.npy, or ws in images.safetensors"),
        CLI_OPTION_TEXT("dump", &g->dump, "PATTERN",
                        "step mode: write each value whose name matches to DIR/dump/NAME.npy", NULL),
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

// What options mean together, before any file is opened.
static int check(generate *g) {
    const char *const me = "generate";
    int sources = (g->seeds_text != NULL) + (g->latents_text != NULL) + (g->projected_text != NULL);
    if (sources != 1)
        return cli_usage_error(me, "expected one of --seeds LIST, --latents FILE and --projected-w FILE");
    if (g->class_given && g->labels_text)
        return cli_usage_error(me, "--class and --labels exclude each other");
    if (g->seeds_text && app_seeds_parse(g->seeds_text, &g->seeds, &g->common.error) != APP_OK)
        return cli_usage_error(me, "--seeds %s", g->common.error.text);
    if (g->translate_text && !app_move_parse(g->translate_text, &g->move))
        return cli_usage_error(me, "--translate %s: expected X,Y, such as 0.25,-0.1", g->translate_text);
    if (!g->grid_text)
        return CLI_SUCCESS;
    int used = 0;
    if (sscanf(g->grid_text, "%4dx%4d%n", &g->columns, &g->rows, &used) != 2 || g->grid_text[used] ||
        g->columns < 1 || g->rows < 1)
        return cli_usage_error(me, "--grid %s: expected columns x rows, such as 4x2", g->grid_text);
    if (g->format == NPY || g->format == SAFETENSORS)
        return cli_usage_error(me, "--grid makes a picture; choose --format png, jpg or webp");
    return CLI_SUCCESS;
}

// StyleGAN-XL draws a class for each seed when none is chosen.
static int draws_classes(const generate *g, const atl_model_info *info) {
    return info->c_dim && !strcmp(info->kind, "stylegan-xl") && g->latents.seeds && !g->class_given &&
           !g->labels_text;
}

// As the official scripts have it: a class is required by other conditional networks, ignored by the rest.
static int check_class(const generate *g, const atl_model_info *info) {
    int needed = info->c_dim && g->latents.space == APP_Z;
    if (needed && !g->class_given && !g->labels_text && !draws_classes(g, info))
        return cli_error("%s is conditional: choose a class with --class K, 0 to %d", g->network,
                         info->c_dim - 1);
    if (needed && g->class_given && g->class_index >= info->c_dim)
        return cli_error("--class %d: %s has classes 0 to %d", g->class_index, g->network, info->c_dim - 1);
    if (!needed && (g->class_given || g->labels_text))
        cli_warn(&g->common, "--%s is ignored: %s", g->class_given ? "class" : "labels",
                 info->c_dim ? "styles from a file have their class in them"
                             : "the network is not conditional");
    return CLI_SUCCESS;
}

static int open_sources(generate *g) {
    int status = cli_open(&g->common, &g->ctx);
    g->network = cli_network(&g->common, g->network);
    if (status == CLI_SUCCESS)
        status = cli_open_generator(g->ctx, g->network, g->net, &g->model);
    if (status != CLI_SUCCESS)
        return status;
    const atl_model_info *info = atl_model_get_info(g->model);
    const char *file = g->latents_text ? g->latents_text : g->projected_text;
    if (file)
        status = cli_told(&g->common, app_latents_open(g->ctx, info, file, g->projected_text != NULL,
                                                       &g->latents, &g->common.error));
    else
        app_latents_from_seeds(info, g->seeds.items, g->seeds.count, &g->latents);
    if (status == CLI_SUCCESS)
        status = check_class(g, info);
    if (status == CLI_SUCCESS)
        status = cli_told(&g->common, app_labels_open(g->ctx, info, g->labels_text, g->class_index,
                                                      g->latents.count, &g->labels, &g->common.error));
    if (status == CLI_SUCCESS && draws_classes(g, info))
        g->labels.seeds = g->latents.seeds;
    if (status == CLI_SUCCESS && g->centroids_text)
        status = cli_told(&g->common, app_centroids_read(g->ctx, info, g->centroids_text, &g->centroids,
                                                         &g->centroid_count, &g->common.error));
    if (status == CLI_SUCCESS && g->latents.space == APP_WS && (!isnan(g->psi) || g->cutoff))
        cli_warn(&g->common, "--trunc and --trunc-cutoff are ignored: ws from a file are used as they are");
    app_render_truncation(info, &g->psi, &g->cutoff);
    if (status == CLI_SUCCESS && g->cutoff > info->num_ws)
        status = cli_error("--trunc-cutoff %d: the network has %d layers", g->cutoff, info->num_ws);
    return status;
}

static int is_picture(const generate *g) {
    return g->format <= WEBP;
}

static int open_results(generate *g) {
    const atl_model_info *info = atl_model_get_info(g->model);
    size_t count = g->latents.count, batch = (size_t)g->batch < count ? (size_t)g->batch : count;
    g->render = (app_render){ .ctx = g->ctx,
                              .model = g->model,
                              .info = info,
                              .latents = &g->latents,
                              .labels = &g->labels,
                              .psi = (float)g->psi,
                              .cutoff = g->cutoff,
                              .noise = (atl_noise_mode)g->noise,
                              .centroids = g->centroids,
                              .centroid_count = g->centroid_count,
                              .transform = app_move_matrix(&g->move),
                              .dump = g->dump };
    if (cli_make_folder(g->outdir) != CLI_SUCCESS ||
        cli_told(&g->common, app_render_open(&g->render, batch, &g->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (is_picture(g) &&
        cli_told(&g->common, app_render_picture(&g->render, &g->tile, &g->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (!is_picture(g) && !(g->all_img = cli_array(count, g->render.row_img, 1, sizeof(float))))
        return CLI_FAILURE;
    if (g->save_ws && !(g->all_ws = cli_array(count, g->render.row_ws, 1, sizeof(float))))
        return CLI_FAILURE;
    if (!g->columns)
        return CLI_SUCCESS;
    if (count > (size_t)g->columns * (size_t)g->rows)
        return cli_error("--grid %s has room for %d images, but %zu are asked for", g->grid_text,
                         g->columns * g->rows, count);
    if (info->width > 32768 / g->columns || info->height > 32768 / g->rows)
        return cli_error("--grid %s: the picture would be over 32768 pixels wide or high", g->grid_text);
    if (atl_image_init(g->ctx, info->width * g->columns, info->height * g->rows, info->channels, &g->sheet) !=
        ATL_OK)
        return cli_fail(g->ctx);
    return CLI_SUCCESS;
}

static char *record(const generate *g, size_t row) {
    const atl_model_info *info = g->render.info;
    app_recipe r = { .network = g->network,
                     .net = info->net,
                     .fingerprint = info->fingerprint,
                     .latents = g->latents_text ? g->latents_text : g->projected_text,
                     .row = row,
                     .projected = g->projected_text != NULL,
                     .psi = g->psi,
                     .cutoff = g->cutoff,
                     .class_index = g->class_given && info->c_dim ? g->class_index : -1,
                     .labels = info->c_dim ? g->labels_text : NULL,
                     .centroids = g->centroids_text,
                     .translate = { g->move.x, g->move.y },
                     .rotate = g->move.degrees,
                     .noise = (atl_noise_mode)g->noise,
                     .direct = g->common.direct };
    if (g->columns || !is_picture(g)) {
        r.grid = g->columns ? g->grid_text : "raw";
        r.seeds = g->seeds_text;
    } else if (g->latents.seeds) {
        r.has_seed = 1;
        r.seed = g->latents.seeds[row];
        if (g->labels.seeds)
            r.class_index = app_class_of_seed(r.seed, g->labels.width);
    }
    return app_recipe_write(&r);
}

static void item_name(const generate *g, size_t row, char *name, size_t room) {
    if (g->latents.seeds)
        snprintf(name, room, "seed%04lu", (unsigned long)g->latents.seeds[row]);
    else
        snprintf(name, room, "proj%02zu", row);
}

static int write_picture(generate *g, const char *stem, const atl_image *image, size_t row) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s", stem, format_names[g->format]);
    char *path = cli_join(g->outdir, name), *json = record(g, row);
    int status = CLI_FAILURE;
    if (path && json) {
        atl_pair text = { APP_RECIPE_KEY, json };
        status = CLI_SUCCESS;
        if (atl_image_write(g->ctx, path, format_names[g->format], image, g->quality, &text, 1) != ATL_OK)
            status = cli_fail(g->ctx);
    }
    free(path);
    free(json);
    return status;
}

// One finished image [channels, height, width].
static int emit(generate *g, size_t row, const float *img) {
    char stem[32];
    if (!is_picture(g)) {
        memcpy(g->all_img + row * g->render.row_img, img, g->render.row_img * sizeof *img);
        return CLI_SUCCESS;
    }
    atl_image_from_float(img, &g->tile);
    if (g->columns) {
        int column = (int)(row % (size_t)g->columns), line = (int)(row / (size_t)g->columns);
        atl_image_paste(&g->sheet, &g->tile, column * g->tile.width, line * g->tile.height);
        return CLI_SUCCESS;
    }
    item_name(g, row, stem, sizeof stem);
    return write_picture(g, stem, &g->tile, row);
}

// Step mode writes one file per node: a folder for each batch, when there are several.
static int set_dump_folder(generate *g, size_t first, char **folder) {
    char name[64], stem[32];
    item_name(g, first, stem, sizeof stem);
    snprintf(name, sizeof name, g->latents.count > g->render.batch ? "dump/%s" : "dump", stem);
    free(*folder);
    *folder = cli_join(g->outdir, name);
    g->render.dump_folder = *folder;
    return *folder ? cli_make_folder(*folder) : CLI_FAILURE;
}

static int render_batch(generate *g, size_t first, size_t n, cli_progress *progress) {
    app_render *r = &g->render;
    if (cli_told(&g->common, app_render_ws(r, first, n, &g->common.error)) != CLI_SUCCESS ||
        cli_told(&g->common, app_render_img(r, n, r->ws, &g->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (g->all_ws)
        memcpy(g->all_ws + first * r->row_ws, r->ws, n * r->row_ws * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        char stem[32];
        if (emit(g, first + i, r->img + i * r->row_img) != CLI_SUCCESS)
            return CLI_FAILURE;
        item_name(g, first + i, stem, sizeof stem);
        cli_progress_step(progress, stem);
    }
    return CLI_SUCCESS;
}

static int render_all(generate *g) {
    cli_progress progress;
    char *folder = NULL;
    int status = CLI_SUCCESS;
    size_t count = g->latents.count;
    cli_progress_start(&progress, count, g->common.quiet);
    for (size_t first = 0; first < count && status == CLI_SUCCESS; first += g->render.batch) {
        size_t n = count - first < g->render.batch ? count - first : g->render.batch;
        if (g->dump)
            status = set_dump_folder(g, first, &folder);
        if (status == CLI_SUCCESS)
            status = render_batch(g, first, n, &progress);
        if (status == CLI_SUCCESS && cli_interrupted() && first + n < count)
            status = CLI_FAILURE;
    }
    cli_progress_end(&progress);
    free(folder);
    if (cli_interrupted() && progress.done < count)
        return cli_error("interrupted after %zu of %zu images", progress.done, count);
    return status;
}

static int write_npy(generate *g, const char *name, const atl_array *array) {
    char *path = cli_join(g->outdir, name);
    if (!path)
        return CLI_FAILURE;
    atl_status status = atl_npy_write(g->ctx, path, array);
    free(path);
    return status == ATL_OK ? CLI_SUCCESS : cli_fail(g->ctx);
}

static int write_safetensors(generate *g, const atl_array *arrays, size_t count) {
    char *path = cli_join(g->outdir, "images.safetensors"), *json = record(g, 0);
    int status = CLI_FAILURE;
    if (path && json) {
        atl_pair metadata = { APP_RECIPE_KEY, json };
        status = CLI_SUCCESS;
        if (atl_safetensors_write(g->ctx, path, arrays, count, &metadata, 1) != ATL_OK)
            status = cli_fail(g->ctx);
    }
    free(path);
    free(json);
    return status;
}

static int finish(generate *g) {
    const atl_model_info *info = g->render.info;
    int64_t n = (int64_t)g->latents.count;
    atl_array arrays[2] = {
        { "img", ATL_F32, 4, { n, info->channels, info->height, info->width }, g->all_img },
        { "ws", ATL_F32, 3, { n, info->num_ws, info->w_dim }, g->all_ws },
    };
    if (g->format == SAFETENSORS)
        return write_safetensors(g, arrays, g->all_ws ? 2 : 1);
    int status = CLI_SUCCESS;
    if (g->format == NPY)
        status = write_npy(g, "images.npy", &arrays[0]);
    else if (g->columns)
        status = write_picture(g, "grid", &g->sheet, 0);
    if (status == CLI_SUCCESS && g->all_ws)
        status = write_npy(g, "ws.npy", &arrays[1]);
    return status;
}

static void release(generate *g) {
    if (g->ctx) {
        atl_image_clear(g->ctx, &g->tile);
        atl_image_clear(g->ctx, &g->sheet);
    }
    app_render_close(&g->render);
    app_latents_close(&g->latents);
    app_labels_close(&g->labels);
    app_seeds_clear(&g->seeds);
    free(g->centroids);
    free(g->all_img);
    free(g->all_ws);
    atl_model_close(&g->model);
    atl_ctx_close(&g->ctx);
}

int cli_generate(int argc, char **argv) {
    generate g = { .outdir = "out", .psi = NAN, .class_index = -1, .batch = 1 };
    int status = parse(&g, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    status = check(&g);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS)
        status = open_sources(&g);
    if (status == CLI_SUCCESS)
        status = open_results(&g);
    if (status == CLI_SUCCESS)
        status = render_all(&g);
    if (status == CLI_SUCCESS)
        status = finish(&g);
    release(&g);
    return status;
}
