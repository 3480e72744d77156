// SPDX-License-Identifier: Apache-2.0
// atelier replay: reads the record inside a picture, makes the image again, writes it, and says whether
// the pixels are the same.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/files.h"
#include "app/memory.h"
#include "app/picture.h"
#include "app/replay.h"
#include "command.h"
#include "common.h"

typedef struct replay {
    cli_common common;
    const char *picture, *network, *outdir, *output;
    atl_ctx *ctx;
    json_t *owner; // of the recipe's texts
    app_recipe recipe;
    atl_image image, original;
} replay;

static int parse(replay *r, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &r->network, "FILE", "checkpoint to use", "the recorded one"),
        CLI_OPTION_TEXT("deltas", &r->common.deltas, "FILE", "what a tuned network has changed",
                        "the recorded one, unless --network is given"),
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

// Convolution as it was then: that is a matter of the context.
static int follow_direct(replay *r) {
    if (r->common.direct || !r->recipe.direct) {
        r->recipe.direct = r->common.direct;
        return CLI_SUCCESS;
    }
    atl_ctx_close(&r->ctx);
    r->common.direct = 1;
    return cli_open(&r->common, &r->ctx);
}

static int make(replay *r) {
    atl_model *model = NULL;
    if (r->network || r->common.deltas)
        r->recipe.deltas = r->common.deltas;
    if (r->network)
        r->recipe.network = r->network;
    r->common.deltas = r->recipe.deltas;
    int status = cli_open_generator(&r->common, r->ctx, r->recipe.network, r->recipe.net, &model);
    if (status == CLI_SUCCESS)
        status = cli_told(
            &r->common, app_replay_make(r->ctx, model, r->picture, &r->recipe, &r->image, &r->common.error));
    atl_model_close(&model);
    return status;
}

static void compare(const replay *r, const char *path) {
    const app_difference d = app_picture_compare(&r->image, &r->original);
    if (!d.same_shape)
        printf("%s: has another shape than %s\n", path, r->picture);
    else if (d.different)
        printf("%s: %zu of %zu values differ from %s, by at most %d\n", path, d.different, d.count,
               r->picture, d.worst);
    else
        printf("%s: the same pixels as %s\n", path, r->picture);
}

static const char *format_of(const char *path) {
    const char *dot = strrchr(path, '.');
    if (dot && (!strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg")))
        return "jpg";
    return dot && !strcmp(dot, ".webp") ? "webp" : "png";
}

static app_status write_result(replay *r, app_error *e) {
    const char *slash = strrchr(r->picture, '/');
    char *path = r->output ? app_copy(r->output, e) : app_join(r->outdir, slash ? slash + 1 : r->picture, e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (status == APP_OK && !r->output)
        status = app_folder_make(r->outdir, e);
    // before writing: the result may replace the picture
    if (status == APP_OK && atl_image_read(r->ctx, r->picture, &r->original) != ATL_OK)
        status = app_fail_ctx(e, r->ctx);
    if (status == APP_OK)
        status = app_picture_write(r->ctx, path, format_of(path), &r->image, 0, &r->recipe, e);
    if (status == APP_OK)
        compare(r, path);
    free(path);
    return status;
}

int cli_replay(int argc, char **argv) {
    replay r = { .outdir = "out" };
    int status = parse(&r, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    cli_catch_interrupt();
    app_error *e = &r.common.error;
    status = cli_open(&r.common, &r.ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&r.common, app_replay_read(r.ctx, r.picture, &r.recipe, &r.owner, e));
    if (status == CLI_SUCCESS)
        status = follow_direct(&r);
    if (status == CLI_SUCCESS)
        status = make(&r);
    if (status == CLI_SUCCESS)
        status = cli_told(&r.common, write_result(&r, e));
    if (r.ctx) {
        atl_image_clear(r.ctx, &r.image);
        atl_image_clear(r.ctx, &r.original);
    }
    json_decref(r.owner);
    atl_ctx_close(&r.ctx);
    return status;
}
