// SPDX-License-Identifier: Apache-2.0
// atelier edit: pictures along directions: a strip for each, a grid of all, the moved latents, and a video.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/align.h>
#include <atelier/array.h>
#include <atelier/video.h>
#include "app/edit.h"
#include "app/files.h"
#include "app/memory.h"
#include "app/picture.h"
#include "command.h"
#include "common.h"
#include "photo.h"
#include "progress.h"

enum { PARTS_MOST = 16 };

typedef struct edit {
    cli_common common;
    const char *network, *net, *outdir, *seeds_text, *projected_text, *directions_text, *strength_text,
        *layers_text, *class_text, *noise_seed_text, *video, *onto;
    int noise, space, steps, batch, mask_in, pictures, no_record, frames, fps;
    cli_encoding encoding; // of the video
    char *command;         // for records, by malloc
    cli_photo photo;
    app_seeds seeds, classes;
    app_direction directions[PARTS_MOST];
    app_edit_part parts[PARTS_MOST];
    app_edit_options options;
    app_edit edit;
    app_sheet sheet, strip; // of all, of one row of latents
    float *ws, *moves;      // [count * steps, num_ws, w_dim]; [count * steps, channels of all styles] or NULL
    size_t columns;
    atl_ctx *ctx;
    atl_model *model;
    atl_alignment place; // of the crop within the photo that edits are pasted onto
    atl_image keep;      // [height, width], gray: the mask, of which pastes are made; empty: none
    cli_progress progress;
} edit;

static int parse(edit *d, int argc, char **argv) {
    app_recipe *p = &d->options.recipe;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &d->network, "FILE", "checkpoint: official .pkl or .safetensors",
                        "the portraits that come with Atelier"),
        CLI_OPTION_TEXT("seeds", &d->seeds_text, "LIST", "seeds, such as 0,3,5-9", NULL),
        CLI_OPTION_TEXT("latents", &p->latents, "FILE[:TENSOR]",
                        "latents of a file: z [N, z], w [N, w] or ws [N, layers, w]", NULL),
        CLI_OPTION_TEXT("projected-w", &d->projected_text, "FILE[:TENSOR]",
                        "like --latents, but two dimensions mean w", NULL),
        CLI_PHOTO_OPTIONS(&d->photo),
        CLI_OPTION_TEXT("direction", &d->directions_text, "FILE[:NAME|K],..",
                        "directions to go along, all at once: by name or number", "the first of the file"),
        CLI_OPTION_TEXT("strength", &d->strength_text, "A..B,..",
                        "from the first picture to the last; for each direction, or one for all", "-3..3"),
        CLI_OPTION_TEXT("layers", &d->layers_text, "LIST/..",
                        "layers that w is moved in, such as 4-7; for each direction, or one for all",
                        "those of the direction"),
        CLI_OPTION_INT("steps", &d->steps, "N", "pictures of each strip", "7", 1, 1000),
        CLI_OPTION_CHOICE("space", &d->space, "auto|z|w", "what a file moves that does not say so",
                          "auto: w"),
        CLI_OPTION_FLAG("distance", &d->options.distance,
                        "strengths are distances from the boundary, not steps from where a latent lies"),
        CLI_OPTION_TEXT("mask", &d->options.mask, "FILE", "picture: white is edited, black is kept",
                        "all is edited"),
        CLI_OPTION_CHOICE("mask-in", &d->mask_in, "picture|features",
                          "the mask holds in the finished picture, or in every layer", "picture"),
        CLI_OPTION_TEXT("outdir", &d->outdir, "DIR", "folder for the results; made when missing", "out"),
        CLI_OPTION_TEXT("onto", &d->onto, "FILE",
                        "also paste each picture into the photo of this record of 'atelier align'", NULL),
        CLI_OPTION_FLAG("pictures", &d->pictures, "also write each picture by itself"),
        CLI_OPTION_TEXT("video", &d->video, "FILE", "also a video there and back: .mp4, .webm, .gif, ...",
                        NULL),
        CLI_OPTION_INT("frames", &d->frames, "N", "of the video", "120", 2, 100000),
        CLI_OPTION_INT("fps", &d->fps, "N", "frames per second of the video", "30", 1, 1000),
        CLI_ENCODING_OPTIONS(&d->encoding),
        CLI_OPTION_REAL("trunc", &p->psi, "PSI", "truncation: below 1 less varied",
                        "what its makers use: mostly 1", -100, 100),
        CLI_OPTION_INT("trunc-cutoff", &p->cutoff, "N", "truncate only the first N layers", "all", 0, 4096),
        CLI_OPTION_TEXT("class", &d->class_text, "LIST",
                        "class of a conditional network, from 0: one, or one for each latent", NULL),
        CLI_OPTION_CHOICE("noise-mode", &d->noise, APP_NOISE_WORDS,
                          "noise: stored, new for each latent, none, or as StyleGAN2's TensorFlow scripts",
                          "const"),
        CLI_NOISE_SEED_OPTION(&d->noise_seed_text),
        CLI_OPTION_INT("batch", &d->batch, "N", "pictures computed at once", "1", 1, 1024),
        CLI_OPTION_TEXT("net", &d->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),
        CLI_OPTION_FLAG("no-record", &d->no_record, "leave out of the pictures how they were made"),
        CLI_DELTAS_OPTION(&d->common),
        CLI_NETWORK_OPTIONS(&d->common),
        CLI_COMMON_OPTIONS(&d->common),
    };
    const cli_spec spec = {
        .command = "edit",
        .arguments = "--seeds LIST|--latents FILE|--photo FILE --direction FILE[:NAME|K]",
        .about = "Change pictures along directions in latent space, and see them change.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    return cli_options_parse(&spec, argc, argv, NULL);
}

// ---- what options mean, before any file is opened

static int parse_strengths(edit *d, size_t parts) {
    const char *text = d->strength_text;
    size_t count = 0;
    for (; *text && count < PARTS_MOST; count++)
        if (!app_range_parse(&text, &d->parts[count].from, &d->parts[count].to))
            return cli_usage_error("edit", "--strength %s: expected FROM..TO, such as -3..3",
                                   d->strength_text);
    if (count != 1 && count != parts)
        return cli_usage_error("edit",
                               "--strength %s: %zu ranges for %zu directions; give one, or one for each",
                               d->strength_text, count, parts);
    for (size_t i = 1; i < parts && count == 1; i++)
        d->parts[i].from = d->parts[0].from, d->parts[i].to = d->parts[0].to;
    return CLI_SUCCESS;
}

static int parse_layers(edit *d, size_t parts) {
    size_t count = 0;
    char *copy = d->layers_text ? app_copy(d->layers_text, &d->common.error) : NULL, *next;
    if (!d->layers_text)
        return CLI_SUCCESS;
    int status = copy ? CLI_SUCCESS : cli_error("%s", d->common.error.text);
    for (char *at = copy; at && status == CLI_SUCCESS; at = next, count++) {
        next = strchr(at, '/');
        if (next)
            *next++ = '\0';
        if (count == PARTS_MOST || (*at && app_layers_parse(at, &d->parts[count].layers, &d->common.error) != APP_OK))
            status = cli_usage_error("edit", "--layers %s", d->common.error.text);
    }
    free(copy);
    if (status == CLI_SUCCESS && count != 1 && count != parts)
        status =
            cli_usage_error("edit", "--layers %s: %zu lists for %zu directions; give one, or one for each",
                            d->layers_text, count, parts);
    for (size_t i = 1; i < parts && count == 1 && status == CLI_SUCCESS; i++)
        d->parts[i].layers = d->parts[0].layers;
    return status;
}

static int check(edit *d) {
    app_error *e = &d->common.error;
    app_recipe *p = &d->options.recipe;
    if ((d->seeds_text != NULL) + (p->latents != NULL) + (d->projected_text != NULL) +
            (d->photo.path != NULL) !=
        1)
        return cli_usage_error(
            "edit", "expected one of --seeds LIST, --latents FILE, --projected-w FILE and --photo FILE");
    if (!d->photo.path && (d->photo.landmarks || d->photo.box || d->photo.tune || d->photo.loss_given))
        return cli_usage_error(
            "edit", "--photo-landmarks, --photo-box, --photo-tune and --loss are about --photo FILE");
    if (d->photo.landmarks && d->photo.box)
        return cli_usage_error("edit", "--photo-landmarks and --photo-box: a face or a square, not both");
    if (d->photo.path && d->onto)
        return cli_usage_error("edit", "--onto: pictures of --photo go back into it by themselves");
    if (!d->directions_text)
        return cli_usage_error("edit", "expected --direction FILE[:NAME|K]; 'atelier directions' finds some");
    size_t parts = app_directions_count(d->directions_text);
    if (parts > PARTS_MOST)
        return cli_usage_error("edit", "--direction: %d at once are the most", PARTS_MOST);
    if (d->projected_text) {
        p->latents = d->projected_text;
        p->projected = 1;
    }
    if (d->seeds_text && app_seeds_parse(d->seeds_text, &d->seeds, e) != APP_OK)
        return cli_usage_error("edit", "--seeds %s", e->text);
    if (d->class_text && app_seeds_parse(d->class_text, &d->classes, e) != APP_OK)
        return cli_usage_error("edit", "--class %s", e->text);
    int status = parse_strengths(d, parts);
    if (status == CLI_SUCCESS)
        status = parse_layers(d, parts);
    if (status != CLI_SUCCESS)
        return status;
    if (d->mask_in && !d->options.mask)
        return cli_usage_error("edit", "--mask-in features needs --mask FILE");
    p->noise = (atl_noise_mode)d->noise;
    p->direct = d->common.direct;
    p->deltas = d->common.deltas;
    d->options.seeds = d->seeds_text ? d->seeds.items : NULL;
    d->options.count = d->seeds.count;
    d->options.classes = &d->classes;
    d->options.parts = d->parts;
    d->options.n_parts = parts;
    d->options.in_features = d->mask_in;
    d->options.batch = (size_t)d->batch;
    return cli_noise_seed("edit", d->noise_seed_text, p);
}

// ---- results

static app_status open_directions(edit *d, app_error *e) {
    app_status status = app_directions_open(d->ctx, d->directions_text, d->space - 1, d->directions, e);
    for (size_t i = 0; i < d->options.n_parts; i++)
        d->parts[i].direction = d->directions[i].at;
    return status;
}

static app_status open_results(edit *d, app_error *e) {
    const app_render *r = &d->edit.render;
    size_t steps = (size_t)d->steps, rows = d->edit.count;
    app_status status = app_folder_make(d->outdir, e);
    if (status == APP_OK && !app_sheet_fits(r->info, steps, rows, 32768))
        status =
            app_fail(e, "grid.png would be over 32768 pixels wide or high; choose fewer --steps or latents");
    if (status == APP_OK)
        status = app_sheet_open(&d->sheet, r, steps, rows, e);
    if (status == APP_OK)
        status = app_sheet_open(&d->strip, r, steps, 1, e);
    d->ws = status == APP_OK ? app_array(rows, steps, r->row_ws, sizeof *d->ws, e) : NULL;
    if (d->ws && d->edit.moves.count &&
        !(d->moves = app_array(rows, steps, d->edit.moves.width, sizeof *d->moves, e)))
        return APP_FAILED;
    return d->ws ? APP_OK : APP_FAILED;
}

static app_status write_png(edit *d, const char *stem, const atl_image *image, app_error *e) {
    char name[80];
    app_recipe recipe = d->edit.render.recipe;
    recipe.grid = "edit";
    recipe.seeds = d->seeds_text;
    recipe.command = d->command;
    snprintf(name, sizeof name, "%s.png", stem);
    char *path = app_join(d->outdir, name, e);
    app_status status =
        path ? app_picture_write(d->ctx, path, "png", image, 0, d->no_record ? NULL : &recipe, e)
             : APP_FAILED;
    free(path);
    return status;
}

// ---- back into the photo

// The mask as a picture, so that only what was edited is pasted.
static app_status open_keep(edit *d, app_error *e) {
    const atl_model_info *info = d->edit.render.info;
    if (!d->edit.mask)
        return APP_OK;
    if (atl_image_init(d->ctx, info->width, info->height, 1, &d->keep) != ATL_OK)
        return app_fail_ctx(e, d->ctx);
    for (int i = 0; i < info->width * info->height; i++)
        d->keep.pixels[i] = (uint8_t)(d->edit.mask[i] * 255 + 0.5f);
    return APP_OK;
}

static app_status open_photo(edit *d, app_error *e) {
    if (!d->onto)
        return APP_OK;
    if (d->edit.render.info->channels != 3)
        return app_fail(e, "--onto: photos have colours, and the network's pictures have %d channels",
                        d->edit.render.info->channels);
    if (atl_alignment_read(d->ctx, d->onto, &d->place) != ATL_OK)
        return app_fail_ctx(e, d->ctx);
    if (!d->place.photo || !*d->place.photo)
        return app_fail(e, "%s: does not say of which photo it is", d->onto);
    return open_keep(d, e);
}

// The tile into the photo, as a picture of its own.
static app_status paste(edit *d, const char *stem, app_error *e) {
    atl_paste_options o = ATL_PASTE_OPTIONS_INIT;
    atl_image photo;
    char name[80];
    if (atl_align_photo(d->ctx, d->place.photo, &photo) != ATL_OK)
        return app_fail_ctx(e, d->ctx);
    o.mask = d->keep.pixels ? &d->keep : NULL;
    snprintf(name, sizeof name, "onto-%s", stem);
    app_status status = APP_OK;
    if (atl_align_paste(d->ctx, &d->strip.tile, &d->place.quad, &o, &photo) != ATL_OK)
        status = app_fail_ctx(e, d->ctx);
    if (status == APP_OK)
        status = write_png(d, name, &photo, e);
    atl_image_clear(d->ctx, &photo);
    return status;
}

static double position_of(const edit *d, size_t step) {
    return d->steps > 1 ? (double)step / (double)(d->steps - 1) : 0;
}

static app_status take(edit *d, size_t row, size_t first, size_t n, app_error *e) {
    const app_render *r = &d->edit.render;
    char name[32], stem[64];
    app_status status = APP_OK;
    for (size_t i = 0; i < n && status == APP_OK; i++) {
        size_t step = first + i, at = row * (size_t)d->steps + step;
        app_sheet_put(&d->sheet, at, d->edit.img + i * r->row_img);
        app_sheet_put(&d->strip, step, d->edit.img + i * r->row_img);
        memcpy(d->ws + at * r->row_ws, d->edit.ws + i * r->row_ws, r->row_ws * sizeof *d->ws);
        size_t width = d->edit.moves.width;
        if (d->moves)
            memcpy(d->moves + at * width, d->edit.moves.moves + i * width, width * sizeof *d->moves);
        snprintf(stem, sizeof stem, "%s-%02zu", app_edit_name(&d->edit, row, name), step);
        if (d->pictures)
            status = write_png(d, stem, &d->strip.tile, e);
        if (d->onto && status == APP_OK)
            status = paste(d, stem, e);
        cli_progress_step(&d->progress, stem);
    }
    return status;
}

static app_status make_row(edit *d, size_t row, app_error *e) {
    char name[32], stem[64];
    size_t steps = (size_t)d->steps, batch = d->options.batch;
    app_status status = APP_OK;
    for (size_t first = 0; first < steps && status == APP_OK; first += batch) {
        double positions[1024];
        size_t n = steps - first < batch ? steps - first : batch;
        for (size_t i = 0; i < n; i++)
            positions[i] = position_of(d, first + i);
        status = app_edit_make(&d->edit, row, n, positions, e);
        if (status == APP_OK)
            status = take(d, row, first, n, e);
    }
    snprintf(stem, sizeof stem, "edit-%s", app_edit_name(&d->edit, row, name));
    return status == APP_OK ? write_png(d, stem, &d->strip.whole, e) : status;
}

// The ws of all pictures in order, and what their styles gain; masks are not in them.
static app_status write_latents(edit *d, app_error *e) {
    const atl_model_info *info = d->edit.render.info;
    size_t rows = d->edit.count * (size_t)d->steps, count = d->edit.moves.count;
    atl_array list[1 + APP_STYLES] = {
        { .name = "w", .rank = 3, .dims = { (int64_t)rows, info->num_ws, info->w_dim }, .data = d->ws }
    };
    float *room = app_array(rows, d->edit.moves.width + 1, 1, sizeof *room, e);
    char *path = room ? app_join(d->outdir, "edited.npz", e) : NULL;
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && count)
        app_styles_split(&d->edit.moves, rows, d->moves, room, list + 1);
    if (path && atl_npz_write(d->ctx, path, list, 1 + count) != ATL_OK)
        status = app_fail_ctx(e, d->ctx);
    free(path);
    free(room);
    return status;
}

// ---- the video: all latents side by side, from one end to the other and back

static app_status open_video(edit *d, atl_video **video, app_error *e) {
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    d->columns = (size_t)ceil(sqrt((double)d->edit.count));
    size_t lines = (d->edit.count + d->columns - 1) / d->columns;
    app_sheet_close(&d->sheet);
    if (app_sheet_open(&d->sheet, &d->edit.render, d->columns, lines, e) != APP_OK)
        return APP_FAILED;
    o.width = d->sheet.whole.width;
    o.height = d->sheet.whole.height;
    o.fps = d->fps;
    cli_encode(&d->encoding, &o);
    return atl_video_open(d->ctx, d->video, &o, video) == ATL_OK ? APP_OK : app_fail_ctx(e, d->ctx);
}

static app_status make_frames(edit *d, atl_video *video, app_error *e) {
    for (int i = 0; i < d->frames; i++) {
        double at = 0.5 - 0.5 * cos(6.283185307179586 * i / d->frames); // rests at either end
        for (size_t row = 0; row < d->edit.count; row++) {
            if (app_edit_make(&d->edit, row, 1, &at, e) != APP_OK)
                return APP_FAILED;
            app_sheet_put(&d->sheet, row, d->edit.img);
        }
        if (atl_video_write(video, &d->sheet.whole) != ATL_OK)
            return app_fail_ctx(e, d->ctx);
        cli_progress_step(&d->progress, "frames");
        if (cli_interrupted())
            return app_stop(e, "interrupted after %d of %d frames; %s holds these", i + 1, d->frames,
                            d->video);
    }
    return APP_OK;
}

static app_status make_video(edit *d, app_error *e) {
    atl_video *video = NULL;
    app_status status = open_video(d, &video, e);
    if (status == APP_OK) {
        cli_progress_start_bar(&d->progress, (size_t)d->frames, d->common.quiet);
        status = make_frames(d, video, e);
        cli_progress_end(&d->progress);
    }
    if (status != APP_FAILED && atl_video_finish(&video) != ATL_OK)
        status = app_fail_ctx(e, d->ctx);
    atl_video_abort(&video);
    return status;
}

static app_status make(edit *d) {
    app_error *e = &d->common.error;
    app_status status = open_directions(d, e);
    if (status == APP_OK)
        status = app_edit_open(&d->edit, d->ctx, d->model, &d->options, e);
    if (status == APP_OK)
        status = open_photo(d, e);
    if (status == APP_OK)
        status = open_results(d, e);
    if (status != APP_OK)
        return status;
    cli_progress_start(&d->progress, d->edit.count * (size_t)d->steps, d->common.quiet);
    for (size_t row = 0; row < d->edit.count && status == APP_OK; row++) {
        status = make_row(d, row, e);
        if (status == APP_OK && cli_interrupted())
            status = app_stop(e, "interrupted after %zu of %zu latents", row + 1, d->edit.count);
    }
    cli_progress_end(&d->progress);
    if (status == APP_OK)
        status = write_png(d, "grid", &d->sheet.whole, e);
    if (status == APP_OK)
        status = write_latents(d, e);
    return status == APP_OK && d->video ? make_video(d, e) : status;
}

// What --photo leads to takes the place of latents, of a record to paste by, and of deltas.
static int find_photo(edit *d) {
    app_recipe *p = &d->options.recipe;
    if (!d->photo.path)
        return CLI_SUCCESS;
    int status = cli_photo_find(&d->photo, &d->common, d->network, d->net, d->class_text, d->outdir);
    p->latents = d->photo.latents;
    p->projected = 1;
    d->onto = d->photo.record;
    if (d->photo.tune)
        d->common.deltas = p->deltas = d->photo.deltas;
    return status;
}

int cli_edit(int argc, char **argv) {
    edit d = { .outdir = "out",
               .strength_text = "-3..3",
               .steps = 7,
               .batch = 1,
               .frames = 120,
               .fps = 30,
               .photo.steps = 1000,
               .options.recipe = APP_RECIPE_INIT };
    int status = parse(&d, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    cli_catch_interrupt();
    d.command = cli_command_line(argc, argv);
    status = check(&d);
    if (status == CLI_SUCCESS)
        status = find_photo(&d);
    if (status == CLI_SUCCESS)
        status = cli_open_network(&d.common, d.network, d.net, &d.ctx, &d.model, &d.options.recipe.network);
    if (status == CLI_SUCCESS)
        status = cli_told(&d.common, make(&d));
    if (d.ctx) {
        atl_alignment_clear(d.ctx, &d.place);
        atl_image_clear(d.ctx, &d.keep);
    }
    app_sheet_close(&d.sheet);
    app_sheet_close(&d.strip);
    app_edit_close(&d.edit);
    for (size_t i = 0; i < PARTS_MOST; i++)
        app_direction_close(&d.directions[i]);
    free(d.command);
    free(d.ws);
    free(d.moves);
    app_seeds_clear(&d.seeds);
    app_seeds_clear(&d.classes);
    atl_model_close(&d.model);
    atl_ctx_close(&d.ctx);
    return status;
}
