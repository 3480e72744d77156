// SPDX-License-Identifier: Apache-2.0
// atelier mix: style mixing (Karras et al. 2019, section 3.1).  The image in row r and column c has the
// styles of seed r, except the chosen layers, which come from seed c.  Writes R-C.png for every pair and
// for the sources, and grid.png with the sources in its first row and column.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "common.h"
#include "progress.h"
#include "app/recipe.h"
#include "app/render.h"
#include "app/seeds.h"

typedef struct mix {
    cli_common common;
    const char *network, *net, *outdir, *rows_text, *cols_text, *styles_text;
    double psi;
    int cutoff;
    int class_index, class_given, noise;
    app_seeds rows, cols, styles, all; // all: rows, then cols
    atl_ctx *ctx;
    atl_model *model;
    app_latents latents; // of `all`
    app_labels labels;
    app_render render;
    float *sources; // ws of `all` [all.count, num_ws, w_dim]
    float *mixed;   // [num_ws, w_dim]
    atl_image tile, sheet;
    cli_progress progress;
} mix;

static int parse(mix *m, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &m->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("rows", &m->rows_text, "LIST", "seeds of the rows, such as 85,100,75", NULL),
        CLI_OPTION_TEXT("cols", &m->cols_text, "LIST", "seeds of the columns", NULL),
        CLI_OPTION_TEXT("styles", &m->styles_text, "LIST", "layers whose styles come from the column", "0-6"),
        CLI_OPTION_TEXT("outdir", &m->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_REAL("trunc", &m->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT_GIVEN("class", &m->class_index, "K", "class of a conditional network, from 0", NULL, 0,
                             1e9, &m->class_given),
        CLI_OPTION_CHOICE("noise-mode", &m->noise, APP_NOISE_WORDS,
                          "noise: stored, new for each row, none, or as StyleGAN2's TensorFlow scripts",
                          "const"),
        CLI_OPTION_TEXT("net", &m->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_COMMON_OPTIONS(&m->common),
    };
    const cli_spec spec = {
        .command = "mix",
        .arguments = "--rows LIST --cols LIST",
        .about = "Mix the styles of pairs of seeds.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

static int check(mix *m) {
    if (!m->rows_text || !m->cols_text)
        return cli_usage_error("mix", "expected --rows LIST and --cols LIST");
    if (app_seeds_parse(m->rows_text, &m->rows, &m->common.error) != APP_OK)
        return cli_usage_error("mix", "--rows %s", m->common.error.text);
    if (app_seeds_parse(m->cols_text, &m->cols, &m->common.error) != APP_OK)
        return cli_usage_error("mix", "--cols %s", m->common.error.text);
    if (app_seeds_parse(m->styles_text, &m->styles, &m->common.error) != APP_OK)
        return cli_usage_error("mix", "--styles %s", m->common.error.text);
    m->all.count = m->rows.count + m->cols.count;
    m->all.items = cli_array(m->all.count, 1, 1, sizeof *m->all.items);
    if (!m->all.items)
        return CLI_FAILURE;
    memcpy(m->all.items, m->rows.items, m->rows.count * sizeof *m->all.items);
    memcpy(m->all.items + m->rows.count, m->cols.items, m->cols.count * sizeof *m->all.items);
    return CLI_SUCCESS;
}

static int check_network(mix *m) {
    const atl_model_info *info = atl_model_get_info(m->model);
    if (info->c_dim && !m->class_given)
        return cli_error("%s is conditional: choose a class with --class K, 0 to %d", m->network,
                         info->c_dim - 1);
    if (info->c_dim && m->class_index >= info->c_dim)
        return cli_error("--class %d: %s has classes 0 to %d", m->class_index, m->network, info->c_dim - 1);
    if (!info->c_dim && m->class_given)
        cli_warn(&m->common, "--class is ignored: the network is not conditional");
    for (size_t i = 0; i < m->styles.count; i++)
        if (m->styles.items[i] >= (uint32_t)info->num_ws)
            return cli_error("--styles %s: the network has layers 0 to %d", m->styles_text, info->num_ws - 1);
    return CLI_SUCCESS;
}

static int open_all(mix *m) {
    int status = cli_open(&m->common, &m->ctx);
    m->network = cli_network(&m->common, m->network);
    if (status == CLI_SUCCESS)
        status = cli_open_generator(m->ctx, m->network, m->net, &m->model);
    if (status == CLI_SUCCESS)
        status = check_network(m);
    if (status != CLI_SUCCESS)
        return status;
    const atl_model_info *info = atl_model_get_info(m->model);
    app_render_truncation(info, &m->psi, &m->cutoff);
    app_latents_from_seeds(info, m->all.items, m->all.count, &m->latents);
    m->labels = (app_labels){ .width = (size_t)info->c_dim, .class_index = m->class_index };
    m->render = (app_render){ .ctx = m->ctx,
                              .model = m->model,
                              .info = info,
                              .latents = &m->latents,
                              .labels = &m->labels,
                              .psi = (float)m->psi,
                              .cutoff = m->cutoff,
                              .noise = (atl_noise_mode)m->noise };
    if (cli_make_folder(m->outdir) != CLI_SUCCESS ||
        cli_told(&m->common, app_render_open(&m->render, 1, &m->common.error)) != CLI_SUCCESS ||
        cli_told(&m->common, app_render_picture(&m->render, &m->tile, &m->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    m->sources = cli_array(m->all.count, m->render.row_ws, 1, sizeof(float));
    m->mixed = cli_array(1, m->render.row_ws, 1, sizeof(float));
    if (!m->sources || !m->mixed)
        return CLI_FAILURE;
    size_t across = m->cols.count + 1, down = m->rows.count + 1;
    if (across > 32768 / (size_t)info->width || down > 32768 / (size_t)info->height)
        return cli_error("grid.png would be over 32768 pixels wide or high; choose fewer rows or columns");
    if (atl_image_init(m->ctx, (int)across * info->width, (int)down * info->height, info->channels,
                       &m->sheet))
        return cli_fail(m->ctx);
    return CLI_SUCCESS;
}

static int write_one(mix *m, const char *name, const atl_image *image, const app_recipe *recipe) {
    char *path = cli_join(m->outdir, name), *json = app_recipe_write(recipe);
    int status = CLI_FAILURE;
    if (path && json) {
        atl_pair text = { APP_RECIPE_KEY, json };
        status = CLI_SUCCESS;
        if (atl_image_write(m->ctx, path, "png", image, 0, &text, 1) != ATL_OK)
            status = cli_fail(m->ctx);
    }
    free(path);
    free(json);
    return status;
}

static app_recipe recipe_of(const mix *m) {
    const atl_model_info *info = m->render.info;
    return (app_recipe){ .network = m->network,
                         .net = info->net,
                         .fingerprint = info->fingerprint,
                         .psi = m->psi,
                         .cutoff = m->cutoff,
                         .class_index = info->c_dim ? m->class_index : -1,
                         .noise = (atl_noise_mode)m->noise,
                         .direct = m->common.direct };
}

// Synthesizes `ws` to the tile, writes it as ROW-COL.png and pastes it at the place (x, y) of the grid.
static int picture(mix *m, const float *ws, uint32_t row, uint32_t col, int styled, size_t x, size_t y) {
    char name[64];
    app_recipe recipe = recipe_of(m);
    recipe.has_seed = 1;
    recipe.seed = row;
    recipe.has_col = styled;
    recipe.col = col;
    recipe.styles = m->styles_text;
    m->render.noise_seeds[0] = row;
    if (cli_told(&m->common, app_render_img(&m->render, 1, ws, &m->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    atl_image_from_float(m->render.img, &m->tile);
    atl_image_paste(&m->sheet, &m->tile, (int)x * m->tile.width, (int)y * m->tile.height);
    snprintf(name, sizeof name, "%lu-%lu.png", (unsigned long)row, (unsigned long)col);
    int status = write_one(m, name, &m->tile, &recipe);
    if (status == CLI_SUCCESS)
        cli_progress_step(&m->progress, name);
    return cli_interrupted() && status == CLI_SUCCESS ? cli_error("interrupted") : status;
}

static int make_sources(mix *m) {
    size_t size = m->render.row_ws;
    for (size_t i = 0; i < m->all.count; i++) {
        if (cli_told(&m->common, app_render_ws(&m->render, i, 1, &m->common.error)) != CLI_SUCCESS)
            return CLI_FAILURE;
        memcpy(m->sources + i * size, m->render.ws, size * sizeof(float));
    }
    for (size_t i = 0; i < m->all.count; i++) {
        int is_row = i < m->rows.count;
        size_t x = is_row ? 0 : i - m->rows.count + 1, y = is_row ? i + 1 : 0;
        if (picture(m, m->sources + i * size, m->all.items[i], m->all.items[i], 0, x, y) != CLI_SUCCESS)
            return CLI_FAILURE;
    }
    return CLI_SUCCESS;
}

static int make_pairs(mix *m) {
    size_t size = m->render.row_ws, w = (size_t)m->render.info->w_dim;
    for (size_t r = 0; r < m->rows.count; r++) {
        for (size_t c = 0; c < m->cols.count; c++) {
            const float *from = m->sources + (m->rows.count + c) * size;
            memcpy(m->mixed, m->sources + r * size, size * sizeof(float));
            for (size_t s = 0; s < m->styles.count; s++)
                memcpy(m->mixed + m->styles.items[s] * w, from + m->styles.items[s] * w, w * sizeof(float));
            if (picture(m, m->mixed, m->rows.items[r], m->cols.items[c], 1, c + 1, r + 1) != CLI_SUCCESS)
                return CLI_FAILURE;
        }
    }
    return CLI_SUCCESS;
}

static int run(mix *m) {
    cli_progress_start(&m->progress, m->all.count + m->rows.count * m->cols.count, m->common.quiet);
    int status = make_sources(m);
    if (status == CLI_SUCCESS)
        status = make_pairs(m);
    cli_progress_end(&m->progress);
    if (status != CLI_SUCCESS)
        return status;
    app_recipe recipe = recipe_of(m);
    recipe.grid = "mix";
    return write_one(m, "grid.png", &m->sheet, &recipe);
}

static void release(mix *m) {
    if (m->ctx) {
        atl_image_clear(m->ctx, &m->tile);
        atl_image_clear(m->ctx, &m->sheet);
    }
    app_render_close(&m->render);
    app_seeds_clear(&m->rows);
    app_seeds_clear(&m->cols);
    app_seeds_clear(&m->styles);
    app_seeds_clear(&m->all);
    free(m->sources);
    free(m->mixed);
    atl_model_close(&m->model);
    atl_ctx_close(&m->ctx);
}

int cli_mix(int argc, char **argv) {
    mix m = { .outdir = "out", .styles_text = "0-6", .psi = NAN, .class_index = -1 };
    int status = parse(&m, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    cli_catch_interrupt();
    status = check(&m);
    if (status == CLI_SUCCESS)
        status = open_all(&m);
    if (status == CLI_SUCCESS)
        status = run(&m);
    release(&m);
    return status;
}
