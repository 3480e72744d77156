// SPDX-License-Identifier: Apache-2.0
// atelier replay: reads the record inside a picture, makes the image again, writes it, and says whether
// the pixels are the same.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "common.h"
#include "app/move.h"
#include "app/recipe.h"
#include "app/render.h"
#include "app/seeds.h"

typedef struct replay {
    cli_common common;
    const char *picture, *network, *outdir, *output;
    atl_ctx *ctx;
    char *text;
    json_t *json;
    app_recipe recipe;
    atl_model *model;
    app_latents latents, other; // other: the column of a style mix
    app_labels labels;
    app_render render;
    app_move move;
    float *centroids;
    int centroid_count;
    atl_image image, original;
} replay;

static int parse(replay *r, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &r->network, "FILE", "checkpoint to use", "the recorded one"),
        CLI_OPTION_TEXT("output", &r->output, "FILE", "picture to write: .png, .jpg or .webp",
                        "DIR/name of the picture"),
        CLI_OPTION_TEXT("outdir", &r->outdir, "DIR", "folder for the result; made when missing", "out"),
        CLI_COMMON_OPTIONS(&r->common),
    };
    const cli_spec spec = {
        .command = "replay",
        .arguments = "IMAGE",
        .about = "Make an image again from the record inside it.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    return cli_options_parse(&spec, argc, argv, &r->picture);
}

static int read_record(replay *r) {
    if (atl_image_text(r->ctx, r->picture, APP_RECIPE_KEY, &r->text) != ATL_OK)
        return cli_fail(r->ctx);
    if (!r->text)
        return cli_error("%s: holds no record of how it was made; only pictures by atelier, unchanged, do",
                         r->picture);
    int status =
        cli_told(&r->common, app_recipe_read(r->picture, r->text, &r->recipe, &r->json, &r->common.error));
    if (status == CLI_SUCCESS && r->recipe.grid)
        return cli_error("%s: is a grid of several images; replay takes single ones", r->picture);
    return status;
}

static int open_latents(replay *r) {
    const atl_model_info *info = atl_model_get_info(r->model);
    const app_recipe *p = &r->recipe;
    int status = CLI_SUCCESS;
    if (p->has_seed)
        app_latents_from_seeds(info, &p->seed, 1, &r->latents);
    else
        status = cli_told(&r->common, app_latents_open(r->ctx, info, p->latents, p->projected, &r->latents,
                                                       &r->common.error));
    if (status != CLI_SUCCESS)
        return status;
    if (!p->has_seed && p->row >= r->latents.count)
        return cli_error("%s: row %zu is recorded, but the file has %zu", p->latents, p->row,
                         r->latents.count);
    if (info->c_dim && r->latents.space == APP_Z && p->class_index < 0 && !p->labels)
        return cli_error("%s: records no class, but %s is conditional", r->picture, p->network);
    if (p->class_index >= 0 && p->class_index >= info->c_dim)
        return cli_error("%s: records class %d, which %s does not have", r->picture, p->class_index,
                         p->network);
    return CLI_SUCCESS;
}

// Convolution as it was then: that is a matter of the context.
static int follow_direct(replay *r) {
    if (r->common.direct || !r->recipe.direct) {
        r->recipe.direct = r->common.direct;
        return CLI_SUCCESS;
    }
    atl_text_free(r->ctx, r->text);
    r->text = NULL;
    atl_ctx_close(&r->ctx);
    r->common.direct = 1;
    return cli_open(&r->common, &r->ctx);
}

static int open_network(replay *r) {
    if (r->network)
        r->recipe.network = r->network;
    int status = cli_open_generator(r->ctx, r->recipe.network, r->recipe.net, &r->model);
    if (status != CLI_SUCCESS)
        return status;
    const atl_model_info *info = atl_model_get_info(r->model);
    if (info->fingerprint != r->recipe.fingerprint)
        cli_warn(&r->common, "%s has fingerprint %016" PRIx64 ", the picture was made with %016" PRIx64,
                 r->recipe.network, info->fingerprint, r->recipe.fingerprint);
    if (r->recipe.cutoff > info->num_ws)
        r->recipe.cutoff = info->num_ws;
    return open_latents(r);
}

// Copies the styles of the column's seed over those of the row's; render.ws holds the row's.
static int mix_styles(replay *r) {
    app_seeds styles;
    const atl_model_info *info = r->render.info;
    size_t w = (size_t)info->w_dim;
    if (app_seeds_parse(r->recipe.styles, &styles, &r->common.error) != APP_OK)
        return cli_error("%s: recorded styles %s", r->picture, r->common.error.text);
    float *row = cli_array(1, r->render.row_ws, 1, sizeof(float));
    int status = row ? CLI_SUCCESS : CLI_FAILURE;
    if (row)
        memcpy(row, r->render.ws, r->render.row_ws * sizeof(float));
    app_latents_from_seeds(info, &r->recipe.col, 1, &r->other);
    r->render.latents = &r->other;
    if (status == CLI_SUCCESS)
        status = cli_told(&r->common, app_render_ws(&r->render, 0, 1, &r->common.error));
    for (size_t i = 0; status == CLI_SUCCESS && i < styles.count; i++) {
        if (styles.items[i] >= (uint32_t)info->num_ws)
            status = cli_error("%s: recorded styles %s, but the network has %d layers", r->picture,
                               r->recipe.styles, info->num_ws);
        else
            memcpy(row + styles.items[i] * w, r->render.ws + styles.items[i] * w, w * sizeof(float));
    }
    if (status == CLI_SUCCESS)
        memcpy(r->render.ws, row, r->render.row_ws * sizeof(float));
    r->render.noise_seeds[0] = r->recipe.seed;
    free(row);
    app_seeds_clear(&styles);
    return status;
}

static int render(replay *r) {
    const app_recipe *p = &r->recipe;
    size_t row = p->has_seed ? 0 : p->row;
    r->move = (app_move){ .x = p->translate[0], .y = p->translate[1], .degrees = p->rotate };
    if (p->centroids &&
        cli_told(&r->common, app_centroids_read(r->ctx, atl_model_get_info(r->model), p->centroids,
                                                &r->centroids, &r->centroid_count, &r->common.error)) !=
            CLI_SUCCESS)
        return CLI_FAILURE;
    r->render = (app_render){ .ctx = r->ctx,
                              .model = r->model,
                              .info = atl_model_get_info(r->model),
                              .latents = &r->latents,
                              .labels = &r->labels,
                              .psi = (float)p->psi,
                              .cutoff = p->cutoff,
                              .noise = p->noise,
                              .centroids = r->centroids,
                              .centroid_count = r->centroid_count,
                              .transform = app_move_matrix(&r->move) };
    if (cli_told(&r->common, app_labels_open(r->ctx, r->render.info, p->labels, p->class_index, p->row + 1,
                                             &r->labels, &r->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (cli_told(&r->common, app_render_open(&r->render, 1, &r->common.error)) != CLI_SUCCESS ||
        cli_told(&r->common, app_render_picture(&r->render, &r->image, &r->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (cli_told(&r->common, app_render_ws(&r->render, row, 1, &r->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (p->has_col && mix_styles(r) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (cli_told(&r->common, app_render_img(&r->render, 1, r->render.ws, &r->common.error)) != CLI_SUCCESS)
        return CLI_FAILURE;
    atl_image_from_float(r->render.img, &r->image);
    return CLI_SUCCESS;
}

static void compare(const replay *r, const char *path) {
    const atl_image *a = &r->image, *b = &r->original;
    if (a->width != b->width || a->height != b->height || a->channels != b->channels) {
        printf("%s: has another shape than %s\n", path, r->picture);
        return;
    }
    size_t count = (size_t)a->width * (size_t)a->height * (size_t)a->channels, different = 0;
    int worst = 0;
    for (size_t i = 0; i < count; i++) {
        int d = abs(a->pixels[i] - b->pixels[i]);
        different += d > 0;
        worst = d > worst ? d : worst;
    }
    if (different)
        printf("%s: %zu of %zu values differ from %s, by at most %d\n", path, different, count, r->picture,
               worst);
    else
        printf("%s: the same pixels as %s\n", path, r->picture);
}

static const char *format_of(const char *path) {
    const char *dot = strrchr(path, '.');
    if (dot && (!strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg")))
        return "jpg";
    return dot && !strcmp(dot, ".webp") ? "webp" : "png";
}

static int write_result(replay *r) {
    const char *slash = strrchr(r->picture, '/');
    char *path = r->output ? cli_join("", r->output) : cli_join(r->outdir, slash ? slash + 1 : r->picture);
    if (!path)
        return CLI_FAILURE;
    int status = r->output ? CLI_SUCCESS : cli_make_folder(r->outdir);
    // before writing: the result may replace the picture
    if (status == CLI_SUCCESS && atl_image_read(r->ctx, r->picture, &r->original) != ATL_OK)
        status = cli_fail(r->ctx);
    char *json = app_recipe_write(&r->recipe);
    atl_pair text = { APP_RECIPE_KEY, json };
    if (status == CLI_SUCCESS &&
        atl_image_write(r->ctx, path, format_of(path), &r->image, 0, &text, json ? 1 : 0) != ATL_OK)
        status = cli_fail(r->ctx);
    if (status == CLI_SUCCESS)
        compare(r, path);
    free(json);
    free(path);
    return status;
}

static void release(replay *r) {
    if (r->ctx) {
        atl_image_clear(r->ctx, &r->image);
        atl_image_clear(r->ctx, &r->original);
        atl_text_free(r->ctx, r->text);
    }
    json_decref(r->json);
    free(r->centroids);
    app_render_close(&r->render);
    app_latents_close(&r->latents);
    app_labels_close(&r->labels);
    atl_model_close(&r->model);
    atl_ctx_close(&r->ctx);
}

int cli_replay(int argc, char **argv) {
    replay r = { .outdir = "out" };
    int status = parse(&r, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    cli_catch_interrupt();
    status = cli_open(&r.common, &r.ctx);
    if (status == CLI_SUCCESS)
        status = read_record(&r);
    if (status == CLI_SUCCESS)
        status = follow_direct(&r);
    if (status == CLI_SUCCESS)
        status = open_network(&r);
    if (status == CLI_SUCCESS)
        status = render(&r);
    if (status == CLI_SUCCESS)
        status = write_result(&r);
    release(&r);
    return status;
}
