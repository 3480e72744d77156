// SPDX-License-Identifier: Apache-2.0
// atelier encode: pictures to ws in one pass of an encoder, or in a few.
#include <stdio.h>
#include <stdlib.h>
#include "app/encode.h"
#include "command.h"
#include "common.h"
#include "progress.h"

typedef struct encode {
    cli_common common;
    app_encode_options options;
    const char *input, *inputs[CLI_INPUTS + 1];
    int average, noise, no_face;
    app_encode work;
    cli_progress progress;
} encode;

static int parse(encode *c, int argc, char **argv) {
    app_encode_options *o = &c->options;
    const cli_option options[] = {
        CLI_OPTION_TEXT("encoder", &o->encoder, "FILE", "encoder of pSp, e4e or ReStyle: .pt or .safetensors",
                        NULL),
        CLI_OPTION_TEXT("hypernet", &o->hypernet, "FILE",
                        "hypernetwork of HyperStyle, beside an encoder into W: tunes the generator", NULL),
        CLI_OPTION_TEXT("network", &o->network, "FILE", "generator that decodes",
                        "the one in the file of --hypernet or --encoder"),
        CLI_OPTION_TEXT("input", &c->input, "FILE|FOLDER", "picture, or folder of them; more may follow",
                        NULL),
        CLI_OPTION_TEXT("outdir", &o->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_INT("steps", &o->encode.steps, "N",
                       "steps of an encoder or hypernetwork that sees its result", "5; others have 1", 1,
                       1000),
        CLI_OPTION_FLAG("align", &o->align, "cut the faces out of photos first, to aligned/ in --outdir"),
        CLI_OPTION_TEXT("landmarks", &o->landmarks, "FILE", "landmarks of the faces, see align",
                        "dlib finds them"),
        CLI_OPTION_TEXT("landmark-model", &o->landmark_model, "FILE", "dlib's model of 68 landmarks",
                        "that of Debian's libdlib-data"),
        CLI_OPTION_CHOICE("no-face", &c->no_face, "fail|skip|crop",
                          "photos without a face: an error, or a warning; crop: the middle of every photo",
                          "fail"),
        CLI_OPTION_INT("factor", &o->encode.factor, "N",
                       "make pictures smaller by N first (super-resolution)", "1", 1, 256),
        CLI_OPTION_CHOICE("average", &c->average, "file|generator",
                          "what codes are added to: latent_avg of the file, or the generator's average w",
                          "file"),
        CLI_OPTION_CHOICE("noise-mode", &c->noise, "const|none", "noise of the generator", "const"),
        CLI_OPTION_INT("batch", &o->batch, "N", "pictures that are worked on together", "1", 1, 256),
        CLI_OPTION_FLAG("save-ws", &o->save_ws, "also the w of each picture: STEM.npz"),
        CLI_OPTION_FLAG("save-steps", &o->save_steps, "also the picture of each step: STEM-1.png, ..."),
        CLI_OPTION_FLAG("couple", &o->couple, "pictures and what was made of them side by side"),
        CLI_NETWORK_OPTIONS(&c->common),
        CLI_COMMON_OPTIONS(&c->common),
    };
    const cli_spec spec = {
        .command = "encode",
        .arguments = "--encoder FILE --input FILE|FOLDER [FILE|FOLDER...]",
        .about = "Find the w of pictures with an encoder.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = CLI_INPUTS,
    };
    return cli_options_parse(&spec, argc, argv, c->inputs + 1);
}

static int check(encode *c) {
    app_encode_options *o = &c->options;
    if (!o->encoder)
        return cli_usage_error("encode", "expected --encoder FILE, a checkpoint of an encoder");
    if (!c->input)
        return cli_usage_error("encode", "expected --input FILE, a picture or a folder of pictures");
    if (!o->align && (o->landmarks || o->landmark_model || c->no_face))
        return cli_usage_error("encode", "--landmarks, --landmark-model and --no-face need --align");
    o->count = cli_inputs(c->inputs, c->input);
    o->inputs = c->inputs;
    o->encode.average = (atl_encoder_average)c->average;
    o->encode.noise_mode = c->noise ? ATL_NOISE_NONE : ATL_NOISE_CONST;
    o->no_face = (app_no_face)c->no_face;
    o->ignore_unused = c->common.ignore_unused;
    o->assume = c->common.assume;
    return CLI_SUCCESS;
}

static app_status use(void *user, const app_photo *photo, app_error *e) {
    encode *c = user;
    (void)e;
    cli_progress_step(&c->progress, photo->stem);
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status run(encode *c, atl_ctx *ctx) {
    app_error *e = &c->common.error;
    app_status status = app_encode_open(&c->work, ctx, &c->options, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&c->progress, c->work.photos.count, c->common.quiet);
    status = app_encode_run(&c->work, use, c, e);
    cli_progress_end(&c->progress);
    return status;
}

int cli_encode_run(int argc, char **argv) {
    const atl_encode_options defaults = ATL_ENCODE_OPTIONS_INIT;
    encode *c = calloc(1, sizeof *c);
    atl_ctx *ctx = NULL;
    if (!c)
        return cli_error("out of memory");
    c->options = (app_encode_options){ .encode = defaults, .outdir = "out", .batch = 1 };
    int status = parse(c, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(c);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open(&c->common, &ctx);
        if (status == CLI_SUCCESS)
            status = cli_told(&c->common, run(c, ctx));
    }
    app_encode_close(&c->work);
    atl_ctx_close(&ctx);
    free(c);
    return status;
}
