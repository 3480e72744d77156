// SPDX-License-Identifier: Apache-2.0
// atelier align: squares of photos as pictures for a network, each with a record of where it lies; and with
// --paste the way back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/align.h"
#include "app/mask.h"
#include "app/onto.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { PATHS_MOST = 4096 };

typedef struct align {
    cli_common common;
    app_align_options o;
    const char *box_text, *face_text;
    double box[3];
    int no_face;
    const char *paste, *record, *onto, *mask, *out; // the way back
    double border;
    app_align work;
    cli_progress progress;
    const char *paths[PATHS_MOST];
} align;

static int parse(align *a, int argc, char **argv) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("outdir", &a->o.outdir, "DIR",
                        "folder for the crops and their records; made when missing", "out"),
        CLI_OPTION_INT("size", &a->o.crop.pixels, "N", "pixels of a side of the crops", "1024", 1, 4096),
        CLI_OPTION_TEXT("landmarks", &a->o.landmarks, "FILE",
                        "landmarks of the faces: FFHQ's json, or 68 pairs per line", "dlib finds them"),
        CLI_OPTION_TEXT("landmark-model", &a->o.model, "FILE", "dlib's model of 68 landmarks",
                        "that of Debian's libdlib-data"),
        CLI_OPTION_TEXT(
            "face", &a->face_text, "all|one|N",
            "faces of a photo: each, the only one there may be, or one by number, 0 being the largest",
            "all"),
        CLI_OPTION_CHOICE(
            "no-face", &a->no_face, "fail|skip|crop",
            "photos without a face: an error at the end, or only a warning; crop: don't look for faces, "
            "cut the middle or --box",
            "fail"),
        CLI_OPTION_TEXT("box", &a->box_text, "X,Y,SIDE", "the square that --no-face crop cuts out",
                        "the largest in the middle"),
        CLI_OPTION_FLAG("exact", &a->o.crop.exact, "read at the crop's own size, as scripts of encoders do"),
        CLI_OPTION_FLAG("bare", &a->o.crop.bare,
                        "black outside of the photo, in place of mirroring and blur"),
        CLI_OPTION_TEXT("paste", &a->paste, "FILE", "an edited crop to put back; then:", NULL),
        CLI_OPTION_TEXT("record", &a->record, "FILE", "record of the crop", "the .json beside --paste"),
        CLI_OPTION_TEXT("onto", &a->onto, "FILE", "the photo", "the one that the record names"),
        CLI_OPTION_REAL("border", &a->border, "X", "part of the crop's side over which it fades out", "0.1",
                        0, 0.5),
        CLI_OPTION_TEXT("mask", &a->mask, "FILE", "picture as large as the crop: what is white is pasted",
                        "all white"),
        CLI_OPTION_TEXT("out", &a->out, "FILE", "the photo with the crop in it: .png, .jpg or .webp", NULL),
        CLI_COMMON_OPTIONS(&a->common),
    };
    // 'atelier edit --photo' calls this command, and has options of its own
    const cli_option habits[] = { CLI_OPTION_TEXT("remedy", &a->o.remedy, "TEXT", NULL, NULL) };
    const cli_spec spec = {
        .command = "align",
        .arguments = "PHOTO...",
        .about = "Cut faces, or other squares, out of photos as networks want them; or put edited ones back.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = PATHS_MOST,
        .unlisted = habits,
        .unlisted_count = sizeof habits / sizeof *habits,
    };
    return cli_options_parse(&spec, argc, argv, a->paths);
}

// ---- there

static int parse_box(align *a) {
    int end = 0;
    if (!a->box_text)
        return CLI_SUCCESS;
    if (sscanf(a->box_text, "%lf,%lf,%lf%n", &a->box[0], &a->box[1], &a->box[2], &end) != 3 ||
        a->box_text[end] || !(a->box[2] >= 1))
        return cli_usage_error("align", "--box %s: expected X,Y,SIDE in pixels, such as 120,40,512",
                               a->box_text);
    a->o.box = a->box;
    return CLI_SUCCESS;
}

static int parse_face(align *a) {
    char *end;
    if (!strcmp(a->face_text, "all") || !strcmp(a->face_text, "one")) {
        a->o.face = !strcmp(a->face_text, "all") ? APP_FACES_ALL : APP_FACES_ONE;
        return CLI_SUCCESS;
    }
    long n = strtol(a->face_text, &end, 10);
    if (end == a->face_text || *end || n < 0 || n >= APP_FACES_MOST)
        return cli_usage_error("align", "--face %s: all, one, or a number from 0 to %d", a->face_text,
                               APP_FACES_MOST - 1);
    a->o.face = (int)n;
    return CLI_SUCCESS;
}

static int check(align *a, size_t count) {
    int status = parse_box(a);
    a->o.no_face = (app_no_face)a->no_face;
    if (status == CLI_SUCCESS)
        status = parse_face(a);
    if (status != CLI_SUCCESS)
        return status;
    if (!count)
        return cli_usage_error("align", "expected a photo or a folder of photos");
    if (a->o.box && a->o.no_face != APP_NO_FACE_CROP)
        return cli_usage_error("align", "--box needs --no-face crop");
    if (a->o.landmarks && a->o.no_face == APP_NO_FACE_CROP)
        return cli_usage_error("align", "--no-face crop looks for no faces: leave --landmarks out");
    return CLI_SUCCESS;
}

static app_status use(void *user, const app_aligned *photo, app_error *e) {
    align *a = user;
    char label[APP_SENTENCE];
    (void)e;
    snprintf(label, sizeof label, "%s: %zu crop%s", photo->photo->stem, photo->crops,
             photo->crops == 1 ? "" : "s");
    cli_progress_step(&a->progress, label);
    return cli_interrupted() ? APP_STOPPED : APP_OK;
}

static app_status cut_out(align *a, atl_ctx *ctx, size_t count) {
    app_error *e = &a->common.error;
    app_status status = app_align_open(&a->work, ctx, &a->o, a->paths, count, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&a->progress, a->work.photos.count, a->common.quiet);
    status = app_align_run(&a->work, use, a, e);
    cli_progress_end(&a->progress);
    return status;
}

// ---- and back

static const char *format_of(const char *path) {
    static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".webp", NULL };
    const char *dot = path ? cli_ending(path, endings) : NULL;
    return dot ? dot + 1 : NULL;
}

static app_status paste_into(align *a, atl_ctx *ctx, const app_onto *onto) {
    app_error *e = &a->common.error;
    atl_image crop = { 0 }, mask = { 0 }, out = { 0 };
    atl_paste_options o = ATL_PASTE_OPTIONS_INIT;
    app_status status = APP_OK;
    o.border = a->border;
    if (atl_image_read(ctx, a->paste, &crop) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    if (status == APP_OK && a->mask)
        status = app_mask_read(ctx, a->mask, &mask, e);
    o.mask = a->mask ? &mask : NULL;
    if (status == APP_OK)
        status = app_onto_paste(onto, &crop, &o, &out, e);
    if (status == APP_OK && atl_image_write(ctx, a->out, format_of(a->out), &out, 0, NULL, 0) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    atl_image_clear(ctx, &crop);
    atl_image_clear(ctx, &mask);
    atl_image_clear(ctx, &out);
    return status;
}

static app_status put_back(align *a, atl_ctx *ctx) {
    app_onto onto;
    app_status status =
        app_onto_open(&onto, ctx, a->record ? a->record : a->paste, a->onto, &a->common.error);
    if (status == APP_OK)
        status = paste_into(a, ctx, &onto);
    app_onto_close(&onto);
    return status;
}

static int run(align *a, size_t count) {
    atl_ctx *ctx = NULL;
    int status = a->paste ? CLI_SUCCESS : check(a, count);
    if (a->paste && (count || !format_of(a->out)))
        status =
            cli_usage_error("align", "--paste FILE takes --out FILE.png, .jpg or .webp, and no other photos");
    else if (!a->paste && (a->out || a->record || a->onto || a->mask))
        status = cli_usage_error("align", "--record, --onto, --mask and --out belong to --paste");
    if (status == CLI_SUCCESS)
        status = cli_open(&a->common, &ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&a->common, a->paste ? put_back(a, ctx) : cut_out(a, ctx, count));
    app_align_close(&a->work);
    atl_ctx_close(&ctx);
    return status;
}

int cli_align(int argc, char **argv) {
    align *a = calloc(1, sizeof *a);
    if (!a)
        return cli_error("out of memory");
    a->o.crop = (atl_align_options)ATL_ALIGN_OPTIONS_INIT;
    a->o.outdir = "out";
    a->face_text = "all";
    a->border = 0.1;
    int status = parse(a, argc, argv);
    if (status == CLI_PROCEED) {
        size_t count = 0;
        while (count < PATHS_MOST && a->paths[count])
            count++;
        cli_catch_interrupt();
        status = run(a, count);
    }
    free(a);
    return status;
}
