// SPDX-License-Identifier: Apache-2.0
// atelier mix: styles of pairs of seeds, or of codes in files.  Writes R-C.png for every pair and for the
// sources, and grid.png with the sources in its first row and column.
#include <stdio.h>
#include <stdlib.h>
#include "app/files.h"
#include "app/mix.h"
#include "app/picture.h"
#include "command.h"
#include "common.h"
#include "progress.h"

typedef struct mix {
    cli_common common;
    const char *network, *net, *outdir, *rows_text, *cols_text, *styles_text, *class_text, *noise_seed_text;
    int noise, no_record;
    app_mix_side rows, cols;
    app_seeds classes, styles;
    app_mix_options options;
    app_mix images;
    app_sheet sheet;
    cli_progress progress;
} mix;

static int parse(mix *m, int argc, char **argv) {
    app_recipe *p = &m->options.recipe;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &m->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("rows", &m->rows_text, "LIST|FILE",
                        "seeds of the rows, such as 85,100,75, or w or ws of a file", NULL),
        CLI_OPTION_TEXT("cols", &m->cols_text, "LIST|FILE", "the same of the columns", NULL),
        CLI_OPTION_TEXT("styles", &m->styles_text, "LIST", "layers whose styles come from the column", "0-6"),
        CLI_OPTION_TEXT("outdir", &m->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_REAL("trunc", &p->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_TEXT("class", &m->class_text, "LIST",
                        "class of a conditional network, from 0: one, or one for each seed, rows first",
                        NULL),
        CLI_OPTION_CHOICE("noise-mode", &m->noise, APP_NOISE_WORDS,
                          "noise: stored, new for each row, none, or as StyleGAN2's TensorFlow scripts",
                          "const"),
        CLI_NOISE_SEED_OPTION(&m->noise_seed_text),
        CLI_OPTION_TEXT("net", &m->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_FLAG("no-record", &m->no_record, "leave out of the pictures how they were made"),
        CLI_DELTAS_OPTION(&m->common),
        CLI_NETWORK_OPTIONS(&m->common),
        CLI_COMMON_OPTIONS(&m->common),
    };
    const cli_spec spec = {
        .command = "mix",
        .arguments = "--rows LIST --cols LIST",
        .about = "Mix the styles of pairs of seeds, or of codes in files.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

// A list of seeds, or else a file.
static int take_side(mix *m, const char *option, const char *text, app_mix_side *side) {
    app_error *e = &m->common.error;
    if (app_seeds_parse(text, &side->seeds, e) == APP_OK)
        return CLI_SUCCESS;
    if (!app_tensor_exists(text, NULL))
        return cli_usage_error("mix", "--%s %s; or a file of latents, which must exist", option, e->text);
    app_error_clear(e);
    side->file = text;
    return CLI_SUCCESS;
}

static int check(mix *m) {
    app_error *e = &m->common.error;
    if (!m->rows_text || !m->cols_text)
        return cli_usage_error("mix", "expected --rows LIST and --cols LIST");
    int status = take_side(m, "rows", m->rows_text, &m->rows);
    if (status == CLI_SUCCESS)
        status = take_side(m, "cols", m->cols_text, &m->cols);
    if (status != CLI_SUCCESS)
        return status;
    if (app_seeds_parse(m->styles_text, &m->styles, e) != APP_OK)
        return cli_usage_error("mix", "--styles %s", e->text);
    if (m->class_text && app_seeds_parse(m->class_text, &m->classes, e) != APP_OK)
        return cli_usage_error("mix", "--class %s", e->text);
    m->options.recipe.noise = (atl_noise_mode)m->noise;
    m->options.recipe.direct = m->common.direct;
    m->options.recipe.deltas = m->common.deltas;
    m->options.rows = &m->rows;
    m->options.cols = &m->cols;
    m->options.styles = &m->styles;
    m->options.classes = &m->classes;
    return cli_noise_seed("mix", m->noise_seed_text, &m->options.recipe);
}

static app_status write_one(mix *m, const char *stem, const atl_image *image, const app_recipe *recipe,
                            app_error *e) {
    char name[80];
    snprintf(name, sizeof name, "%s.png", stem);
    char *path = app_join(m->outdir, name, e);
    app_status status =
        path ? app_picture_write(m->sheet.ctx, path, "png", image, 0, m->no_record ? NULL : recipe, e)
             : APP_FAILED;
    free(path);
    if (status == APP_OK && !recipe->grid)
        cli_progress_step(&m->progress, name);
    return status;
}

static app_status use(void *user, const app_mixed *image, app_error *e) {
    mix *m = user;
    app_sheet_put(&m->sheet, image->row * m->sheet.columns + image->column, image->img);
    app_status status = write_one(m, image->name, &m->sheet.tile, &image->recipe, e);
    return status == APP_OK && cli_interrupted() ? APP_STOPPED : status;
}

static app_status make(mix *m, atl_ctx *ctx, atl_model *model) {
    app_error *e = &m->common.error;
    app_status status = app_mix_open(&m->images, ctx, model, &m->options, e);
    size_t columns = m->images.cols.latents.count + 1, lines = m->images.render.latents.count + 1;
    if (status == APP_OK)
        status = app_folder_make(m->outdir, e);
    if (status == APP_OK && !app_sheet_fits(m->images.render.info, columns, lines, 32768))
        status =
            app_fail(e, "grid.png would be over 32768 pixels wide or high; choose fewer rows or columns");
    if (status == APP_OK)
        status = app_sheet_open(&m->sheet, &m->images.render, columns, lines, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&m->progress, m->images.count, m->common.quiet);
    status = app_mix_run(&m->images, use, m, e);
    cli_progress_end(&m->progress);
    app_recipe recipe = m->images.render.recipe;
    recipe.grid = "mix";
    return status == APP_OK ? write_one(m, "grid", &m->sheet.whole, &recipe, e) : status;
}

int cli_mix(int argc, char **argv) {
    mix m = { .outdir = "out", .styles_text = "0-6", .options.recipe = APP_RECIPE_INIT };
    atl_ctx *ctx = NULL;
    atl_model *model = NULL;
    int status = parse(&m, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    cli_catch_interrupt();
    status = check(&m);
    if (status == CLI_SUCCESS)
        status = cli_open_network(&m.common, m.network, m.net, &ctx, &model, &m.options.recipe.network);
    if (status == CLI_SUCCESS)
        status = cli_told(&m.common, make(&m, ctx, model));
    app_sheet_close(&m.sheet);
    app_mix_close(&m.images);
    app_seeds_clear(&m.rows.seeds);
    app_seeds_clear(&m.cols.seeds);
    app_seeds_clear(&m.classes);
    app_seeds_clear(&m.styles);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status;
}
