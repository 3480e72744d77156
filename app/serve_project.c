// SPDX-License-Identifier: Apache-2.0
// Photos found again in a network, and networks tuned around them: tasks, with the picture of the moment.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "align.h"
#include "files.h"
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "project.h"
#include "serve_check.h"
#include "serve_task.h"
#include "tune.h"

typedef struct search {
    app_serve *s;
    app_task *task;
    app_room *room;
    float *img; // [channels, height, width]
    atl_image frame;
    double shown; // when
} search;

static app_status open_room(search *w, app_serve *s, app_task *t) {
    *w = (search){ .s = s, .task = t };
    w->room = app_room_named(s, json_string_value(json_object_get(t->options, "network")));
    if (!w->room)
        return APP_FAILED;
    w->room->users++;
    const atl_model_info *i = atl_model_get_info(w->room->model);
    w->img = app_array((size_t)i->channels, (size_t)i->height, (size_t)i->width, sizeof *w->img, &s->error);
    if (w->img && atl_image_init(s->ctx, i->width, i->height, i->channels, &w->frame) != ATL_OK)
        return app_fail_ctx(&s->error, s->ctx);
    return w->img ? APP_OK : APP_FAILED;
}

static void close_room(search *w) {
    if (w->room)
        w->room->users--;
    atl_image_clear(w->s->ctx, &w->frame);
    free(w->img);
}

// A few pictures in a second are enough to watch.
static int is_time(search *w, int last) {
    double now = app_seconds();
    if (!last && now - w->shown < 0.25)
        return 0;
    w->shown = now;
    return 1;
}

static int option(const app_task *t, const char *key, int low, int high, int standard) {
    const json_t *v = json_object_get(t->options, key);
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : standard;
    return (int)(n < low ? low : n > high ? high : n);
}

// ---- Faces cut out of photos

static app_status on_aligned(void *user, const app_aligned *photo, app_error *e) {
    size_t *crops = user;
    (void)e;
    *crops += photo->crops;
    return APP_OK;
}

// The largest face of *photo, or its middle; *photo becomes the crop, by malloc.
static app_status align(app_serve *s, app_task *t, app_line *command, char **photo) {
    char stem[48], name[64];
    app_stem_of(*photo, stem);
    snprintf(name, sizeof name, "%s.png", stem);
    char *crop = app_out_path(s, "faces", name), *folder = app_join(s->o.outdir, "faces", &s->error);
    const char *paths[] = { *photo };
    app_align a = { 0 };
    app_align_options o = { .crop = ATL_ALIGN_OPTIONS_INIT, .outdir = folder, .no_face = APP_NO_FACE_FAIL };
    size_t crops = 0;
    app_status status = crop && folder ? APP_OK : APP_FAILED;
    snprintf(t->note, sizeof t->note, "align");
    if (status == APP_OK)
        status = app_align_open(&a, s->ctx, &o, paths, 1, &s->error);
    if (status == APP_OK)
        status = app_align_run(&a, on_aligned, &crops, &s->error);
    app_align_close(&a);
    if (status == APP_FAILED) { // no face, or nothing that finds one: the middle of the photo
        app_error_clear(&s->error);
        o.no_face = APP_NO_FACE_CROP;
        status = app_align_open(&a, s->ctx, &o, paths, 1, &s->error);
        if (status == APP_OK)
            status = app_align_run(&a, on_aligned, &crops, &s->error);
        app_align_close(&a);
    }
    app_line_add(command, "atelier align ");
    app_line_quote(command, *photo);
    app_line_add(command, o.no_face == APP_NO_FACE_CROP ? " --no-face crop" : "");
    app_line_option(command, "--outdir", folder ? folder : "");
    app_line_add(command, "\n");
    free(folder);
    if (status != APP_OK) {
        free(crop);
        return status;
    }
    free(*photo);
    *photo = crop;
    return APP_OK;
}

// ---- Projection

static app_status on_step(void *user, const app_project *p, app_error *e) {
    search *w = user;
    int steps = p->o.search.steps;
    (void)e;
    snprintf(w->task->note, sizeof w->task->note, "%.4f", p->distance);
    if (is_time(w, p->step == steps) && atl_projector_look(p->search, w->img, NULL) == ATL_OK) {
        atl_image_from_float(w->img, &w->frame);
        app_task_show(w->s, w->task, &w->frame);
    }
    return app_task_step(w->s, w->task, p->step, steps);
}

// The result as a pin: a copy of projected_w.npz, noise maps and all.
static app_status keep(app_serve *s, app_task *t, const char *folder) {
    char name[64], *from = app_join(folder, "projected_w.npz", &s->error), *to = NULL;
    size_t size;
    char *bytes = from ? app_file_read(from, (size_t)1 << 30, &size, &s->error) : NULL;
    app_status status = bytes && (to = app_pin_new(s, "photo", name)) ? APP_OK : APP_FAILED;
    if (status == APP_OK)
        status = app_file_write(to, bytes, size, &s->error);
    if (status == APP_OK)
        t->result = json_pack("{s:s, s:s}", "pin", name, "projection", app_file_name(folder));
    free(to);
    free(bytes);
    free(from);
    return status;
}

static void add_command(app_serve *s, app_line *l, const search *w, const app_project_options *o) {
    app_line_add(l, "atelier project");
    app_line_network(l, s, w->room);
    app_line_option(l, "--target", o->targets[0]);
    app_line_add(l, " --space %s --steps %d", o->search.space, o->search.steps);
    if (o->loss)
        app_line_option(l, "--loss", o->loss);
    app_line_add(l, " --save-video 0");
    app_line_option(l, "--outdir", o->folder);
}

static app_status project(app_serve *s, app_task *t, search *w, const char *target, const char *folder,
                          app_line *line) {
    const char *space = json_string_value(json_object_get(t->options, "space"));
    app_project p = { 0 };
    app_project_options o = {
        .search = ATL_PROJECT_OPTIONS_INIT, .targets = &target, .count = 1, .folder = folder
    };
    o.search.space = space && !strcmp(space, "w+") ? "w+" : "w";
    o.search.steps = option(t, "steps", 1, 10000, 300);
    o.search.noise_maps = !json_is_false(json_object_get(t->options, "noise"));
    o.loss = json_string_value(json_object_get(t->options, "loss"));
    add_command(s, line, w, &o);
    t->command = app_line_end(line);
    t->total = o.search.steps;
    app_status status = app_project_open(&p, s->ctx, w->room->model, &o, &s->error);
    if (status == APP_OK)
        status = app_project_run(&p, on_step, w, &s->error);
    if (status == APP_OK || status == APP_STOPPED) {
        app_error_clear(&s->error);
        if (keep(s, t, folder) != APP_OK)
            status = APP_FAILED;
    }
    app_project_close(&p);
    return status;
}

static app_status run_project(app_serve *s, app_task *t) {
    search w;
    app_line line = { 0 };
    char stem[48], *target = NULL, *folder = NULL;
    app_status status = open_room(&w, s, t);
    const char *photo = json_string_value(json_object_get(t->options, "photo"));
    if (status == APP_OK)
        status = (target = app_out_find(s, "photo", photo ? photo : "", "")) ? APP_OK : APP_FAILED;
    if (status == APP_OK && json_is_true(json_object_get(t->options, "align")))
        status = align(s, t, &line, &target);
    if (status == APP_OK) {
        app_stem_of(target, stem);
        status = (folder = app_out_new(s, "projects", stem, "")) ? APP_OK : APP_FAILED;
    }
    if (status == APP_OK)
        status = project(s, t, &w, target, folder, &line);
    free(app_line_end(&line));
    free(target);
    free(folder);
    close_room(&w);
    return status;
}

int app_serve_project(app_serve *s, app_job *job) {
    return app_task_start(s, job, "project", run_project);
}

// ---- Tuning

typedef struct tuning {
    search w;
    app_tune tune;
} tuning;

static app_status on_tune(void *user, const atl_tune_state *state, app_error *e) {
    tuning *u = user;
    (void)e;
    snprintf(u->w.task->note, sizeof u->w.task->note, "%.4f", state->loss);
    if (is_time(&u->w, state->finished) && atl_tuner_look(u->tune.search, 0, u->w.img, NULL) == ATL_OK) {
        atl_image_from_float(u->w.img, &u->w.frame);
        app_task_show(u->w.s, u->w.task, &u->w.frame);
    }
    return app_task_step(u->w.s, u->w.task, state->step, state->steps);
}

static app_status tune(app_serve *s, app_task *t, tuning *u, const char *folder, const char *output) {
    app_tune_options o = {
        .search = ATL_TUNE_OPTIONS_INIT, .folders = &folder, .count = 1, .output = output
    };
    app_line line = { 0 };
    o.search.steps = option(t, "steps", 1, 10000, 350);
    o.loss = json_string_value(json_object_get(t->options, "loss"));
    t->total = o.search.steps;
    app_line_add(&line, "atelier tune");
    app_line_network(&line, s, u->w.room);
    app_line_add(&line, " ");
    app_line_quote(&line, folder);
    app_line_add(&line, " --steps %d", o.search.steps);
    if (o.loss)
        app_line_option(&line, "--loss", o.loss);
    app_line_option(&line, "--output", output);
    t->command = app_line_end(&line);
    app_status status = app_tune_open(&u->tune, s->ctx, u->w.room->model, &o, &s->error);
    if (status == APP_OK)
        status = app_tune_run(&u->tune, on_tune, u, &s->error);
    app_tune_close(&u->tune);
    if (status == APP_OK || status == APP_STOPPED) {
        app_error_clear(&s->error);
        const app_listed *file = app_listed_at(s, output);
        if (file)
            t->result = json_pack("{s:o}", "network", app_json_text(file->name, strlen(file->name)));
    }
    return status;
}

static app_status run_tune(app_serve *s, app_task *t) {
    tuning u = { 0 };
    char name[160];
    const char *projection = json_string_value(json_object_get(t->options, "projection"));
    char *folder = NULL, *output = NULL;
    app_status status = open_room(&u.w, s, t);
    if (status == APP_OK && (!projection || !app_name_is_plain(projection)))
        status = app_fail(&s->error, "projection: expected the name of one");
    if (status == APP_OK) {
        snprintf(name, sizeof name, "tuned-%s.safetensors", projection);
        folder = app_out_path(s, "projects", projection);
        output = folder ? app_out_path(s, "networks", name) : NULL;
        status = output ? tune(s, t, &u, folder, output) : APP_FAILED;
    }
    free(folder);
    free(output);
    close_room(&u.w);
    return status;
}

int app_serve_tune(app_serve *s, app_job *job) {
    return app_task_start(s, job, "tune", run_tune);
}
