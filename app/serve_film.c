// SPDX-License-Identifier: Apache-2.0
// Videos of walks through keyframes: a task that writes OUTDIR/videos/walk-N.mp4.
#include <stdio.h>
#include <stdlib.h>
#include <atelier/array.h>
#include <atelier/video.h>
#include "film.h"
#include "json.h"
#include "memory.h"
#include "serve_task.h"
#include "words.h"

typedef struct walk {
    app_serve *s;
    app_task *task;
    app_state state;
    app_room *room;
    app_seeds seeds, classes, none;
    char *latents; // file of keyframes that are no seeds
    app_film_options o;
    app_film film;
    atl_video *video;
    int fps;
    const char *format;
} walk;

// ---- Keyframes

static int all_seeds(const app_state *state) {
    for (size_t i = 0; i < state->spots_count; i++)
        if (!app_spot_is_seed(&state->spots[i]))
            return 0;
    return 1;
}

// Pins and places between seeds: their styles in a file, as the command line takes them.
static app_status write_keys(walk *w) {
    app_serve *s = w->s;
    const atl_model_info *info = atl_model_get_info(w->room->model);
    size_t row = (size_t)info->num_ws * (size_t)info->w_dim, n = w->state.spots_count;
    float *ws = app_array(n, row, 1, sizeof *ws, &s->error);
    app_status status = ws ? APP_OK : APP_FAILED;
    for (size_t i = 0; i < n && status == APP_OK; i++)
        status = app_spot_ws(s, w->room, &w->state, &w->state.spots[i], ws + i * row);
    const atl_array array = { "w", ATL_F32, 3, { (int64_t)n, info->num_ws, info->w_dim }, ws };
    if (status == APP_OK)
        status = (w->latents = app_out_new(s, "walks", "keys", ".npz")) ? APP_OK : APP_FAILED;
    if (status == APP_OK && atl_npz_write(s->ctx, w->latents, &array, 1) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    free(ws);
    return status;
}

static app_status choose_keys(walk *w) {
    w->o.recipe = w->state.recipe;
    w->o.recipe.network = w->room->path;
    if (!all_seeds(&w->state)) {
        app_status status = write_keys(w);
        w->o.recipe.latents = w->latents;
        w->o.recipe.projected = 1;
        return status;
    }
    w->seeds.count = w->state.spots_count;
    w->seeds.items = app_array(w->seeds.count, 1, 1, sizeof *w->seeds.items, &w->s->error);
    for (size_t i = 0; w->seeds.items && i < w->seeds.count; i++)
        w->seeds.items[i] = app_spot_seed(&w->state.spots[i]);
    w->o.seeds = &w->seeds;
    return w->seeds.items ? APP_OK : APP_FAILED;
}

// ---- The task

static app_status read_options(walk *w, app_error *e) {
    const json_t *o = w->task->options, *between = json_object_get(o, "between"),
                 *fps = json_object_get(o, "fps");
    const char *format = json_string_value(json_object_get(o, "format"));
    json_int_t frames = json_is_integer(between) ? json_integer_value(between) : 60,
               rate = json_is_integer(fps) ? json_integer_value(fps) : 30;
    w->format = format ? format : "mp4";
    if (app_word_index("mp4|webm|gif|webp|apng|y4m", w->format) < 0 || frames < 1 || frames > 10000 ||
        rate < 1 || rate > 120)
        return app_fail(e, "format, between or fps: out of range");
    app_status status = app_state_read(json_object_get(o, "state"), &w->state, e);
    if (status == APP_OK && !w->state.is_path)
        status = app_fail(e, "a video has a path of keyframes: two of them at least");
    w->fps = (int)rate;
    w->o = (app_film_options){ .classes = &w->classes,
                               .fixed = &w->none,
                               .columns = 1,
                               .lines = 1,
                               .between = (size_t)frames,
                               .ease = (atl_path_ease)w->state.ease,
                               .batch = 1 };
    return status;
}

static char *command_of(walk *w, const char *output) {
    static const char *const eases[] = { "cubic", "linear", "smooth" };
    app_line l = { 0 };
    app_line_add(&l, "atelier video");
    app_line_network(&l, w->s, w->room);
    if (w->latents)
        app_line_option(&l, "--projected-w", w->latents);
    for (size_t i = 0; i < w->seeds.count; i++)
        app_line_add(&l, "%s%lu", i ? "," : " --seeds ", (unsigned long)w->seeds.items[i]);
    app_line_recipe(&l, &w->film.render.recipe, w->latents != NULL);
    app_line_add(&l, " --w-frames %zu --fps %d --ease %s", w->o.between, w->fps, eases[w->o.ease]);
    app_line_option(&l, "--output", output);
    return app_line_end(&l);
}

static app_status on_frame(void *user, size_t frame, const atl_image *picture, app_error *e) {
    walk *w = user;
    if (atl_video_write(w->video, picture) != ATL_OK)
        return app_fail_ctx(e, w->s->ctx);
    if (frame % 5 == 0)
        app_task_show(w->s, w->task, picture);
    return app_task_step(w->s, w->task, (double)frame + 1, (double)w->film.frames);
}

static app_status make(walk *w, char **output) {
    app_serve *s = w->s;
    atl_video_options v = ATL_VIDEO_OPTIONS_INIT;
    char ending[8];
    snprintf(ending, sizeof ending, ".%s", w->format);
    app_status status = app_film_open(&w->film, s->ctx, w->room->model, &w->o, &s->error);
    if (status == APP_OK)
        status = (*output = app_out_new(s, "videos", "walk", ending)) ? APP_OK : APP_FAILED;
    if (status != APP_OK)
        return status;
    v.width = w->film.sheet.whole.width;
    v.height = w->film.sheet.whole.height;
    v.fps = w->fps;
    v.format = w->format;
    w->task->command = command_of(w, *output);
    if (atl_video_open(s->ctx, *output, &v, &w->video) != ATL_OK)
        return app_fail_ctx(&s->error, s->ctx);
    status = app_film_run(&w->film, on_frame, w, &s->error);
    if (status == APP_OK && atl_video_finish(&w->video) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    return status;
}

static app_status run(app_serve *s, app_task *t) {
    walk w = { .s = s, .task = t };
    char *output = NULL;
    app_status status = read_options(&w, &s->error);
    if (status == APP_OK)
        status = (w.room = app_room_open(s, &w.state)) ? APP_OK : APP_FAILED;
    if (w.room)
        w.room->users++;
    if (status == APP_OK)
        status = choose_keys(&w);
    if (status == APP_OK)
        status = make(&w, &output);
    atl_video_abort(&w.video); // of one that was stopped nothing is left
    app_film_close(&w.film);
    app_seeds_clear(&w.seeds);
    free(w.latents);
    if (w.room)
        w.room->users--;
    if (status == APP_OK)
        t->file = output;
    else
        free(output);
    return status;
}

int app_serve_video(app_serve *s, app_job *job) {
    return app_task_start(s, job, "video", run);
}
