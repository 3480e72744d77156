// SPDX-License-Identifier: Apache-2.0
// atelier congeal propagate: what was drawn once, on all pictures of a class, or on all frames of a video.
#include <stdio.h>
#include <stdlib.h>
#include "app/files.h"
#include "app/propagate.h"
#include "command.h"
#include "common.h"
#include "congeal.h"
#include "progress.h"

typedef struct propagate {
    cli_common common;
    cli_aligner aligner;
    app_propagate_options options;
    const char *input, *inputs[CLI_INPUTS + 1], *outdir, *output;
    cli_encoding encoding;
    int fps;
    atl_ctx *ctx;
    app_propagate work;
    atl_video *video;
    int width, height; // of the video
    cli_progress progress;
} propagate;

static int parse(propagate *p, int argc, char **argv) {
    app_propagate_options *o = &p->options;
    const cli_option options[] = {
        CLI_ALIGNER_OPTIONS(&p->aligner),
        CLI_OPTION_TEXT("overlay", &o->overlay, "FILE", "what was drawn: a picture with transparent parts", NULL),
        CLI_OPTION_TEXT("on", &o->on, "FILE", "picture that it was drawn over, as large",
                        "the average of aligned pictures, in any size"),
        CLI_OPTION_TEXT("input", &p->input, "FILE|FOLDER",
                        "picture, or folder of pictures, of which more may follow, or a video", NULL),
        CLI_OPTION_TEXT("outdir", &p->outdir, "DIR", "folder for the results; made when missing",
                        "out, unless there is --output"),
        CLI_OPTION_TEXT("output", &p->output, "FILE",
                        "video of them, in the order of names: .mp4, .webm, .gif, .apng, .webp or .y4m", NULL),
        CLI_OPTION_INT("fps", &p->fps, "N", "its frames per second", "those of the video, else 30", 1, 1000),
        CLI_ENCODING_OPTIONS(&p->encoding),
        CLI_OPTION_REAL("opacity", &o->opacity, "SHARE", "how much of the overlay is seen", "1", 0.0, 1.0),
        CLI_OPTION_INT("resolution", &o->resolution, "N",
                       "with --on: points of the overlay along a side of the aligned place", "512", 1, 4096),
        CLI_OPTION_INT("cluster", &o->cluster, "K", "cluster of the pictures", "0", 0, 63),
        CLI_NETWORK_OPTIONS(&p->common),
        CLI_COMMON_OPTIONS(&p->common),
    };
    const cli_spec spec = {
        .command = "congeal propagate",
        .arguments = "--network FILE --overlay FILE --input FILE|FOLDER [FILE|FOLDER...]",
        .about = "Carry what was drawn once to all pictures of a class, or to all frames of a video.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = CLI_INPUTS,
    };
    return cli_options_parse(&spec, argc, argv, p->inputs + 1);
}

static int check(propagate *p) {
    app_propagate_options *o = &p->options;
    if (!p->aligner.o.network)
        return cli_usage_error("congeal propagate",
                               "expected --network FILE, a checkpoint of a spatial transformer");
    if (!o->overlay)
        return cli_usage_error("congeal propagate",
                               "expected --overlay FILE, a picture with transparent parts");
    if (!p->input)
        return cli_usage_error("congeal propagate",
                               "expected --input FILE, a picture, a folder of pictures or a video");
    o->count = cli_inputs(p->inputs, p->input);
    o->inputs = p->inputs;
    o->aligner = cli_aligner_options(&p->aligner, &p->common);
    p->outdir = p->outdir || p->output ? p->outdir : "out";
    return CLI_SUCCESS;
}

// Of the video that is read, to the nearest whole number.
static int usual_rate(const propagate *p) {
    double fps = p->work.video ? atl_video_reader_get_info(p->work.video)->fps : 0.0;
    return fps >= 0.5 && fps < 1000.5 ? (int)(fps + 0.5) : 30;
}

// The first frame says how large the video is.
static app_status add_frame(propagate *p, const char *name, const atl_image *picture, app_error *e) {
    if (!p->video) {
        atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
        o.width = p->width = picture->width;
        o.height = p->height = picture->height;
        o.fps = p->fps ? p->fps : usual_rate(p);
        cli_encode(&p->encoding, &o);
        if (atl_video_open(p->ctx, p->output, &o, &p->video) != ATL_OK)
            return app_fail_ctx(e, p->ctx);
    }
    if (picture->width != p->width || picture->height != p->height)
        return app_fail(e,
                        "%s: has %dx%d pixels, and the video's first frame %dx%d: frames must be of one size; "
                        "--outdir takes pictures of any",
                        name, picture->width, picture->height, p->width, p->height);
    return atl_video_write(p->video, picture) == ATL_OK ? APP_OK : app_fail_ctx(e, p->ctx);
}

static app_status use(void *user, const char *name, const atl_image *picture, app_error *e) {
    propagate *p = user;
    app_status status = APP_OK;
    if (p->outdir)
        status = app_aligned_write(p->ctx, p->outdir, name, picture, e);
    if (status == APP_OK && p->output)
        status = add_frame(p, name, picture, e);
    if (status != APP_OK)
        return status;
    cli_progress_step(&p->progress, name);
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status run(propagate *p) {
    app_error *e = &p->common.error;
    app_status status = app_propagate_open(&p->work, p->ctx, &p->options, e);
    if (status == APP_OK && p->outdir)
        status = app_folder_make(p->outdir, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&p->progress, app_propagate_count(&p->work), p->common.quiet);
    status = app_propagate_run(&p->work, use, p, e);
    cli_progress_end(&p->progress);
    if (status == APP_OK && p->video && atl_video_finish(&p->video) != ATL_OK)
        status = app_fail_ctx(e, p->ctx);
    return status;
}

int cli_congeal_propagate(int argc, char **argv) {
    const atl_congeal_options defaults = ATL_CONGEAL_OPTIONS_INIT;
    propagate *p = calloc(1, sizeof *p);
    if (!p)
        return cli_error("out of memory");
    p->aligner.o.congeal = defaults;
    p->options = (app_propagate_options){ .resolution = 512, .opacity = 1.0 };
    int status = parse(p, argc, argv);
    if (status == CLI_PROCEED) {
        status = check(p);
        cli_catch_interrupt();
        if (status == CLI_SUCCESS)
            status = cli_open(&p->common, &p->ctx);
        if (status == CLI_SUCCESS)
            status = cli_told(&p->common, run(p));
    }
    atl_video_abort(&p->video);
    app_propagate_close(&p->work);
    atl_ctx_close(&p->ctx);
    free(p);
    return status;
}
