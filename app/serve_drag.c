// SPDX-License-Identifier: Apache-2.0
// Drags: handles of a picture go to targets, some steps with each request, so that whoever drags decides how
// far.  A drag remembers where it has been, and goes back there.
#include <stdlib.h>
#include <string.h>
#include <atelier/drag.h>
#include "drag.h"
#include "files.h"
#include "json.h"
#include "mask.h"
#include "memory.h"
#include "progress.h"
#include "serve_parts.h"

enum { DRAGS = 4, PAST_MOST = 256, STEPS_MOST = 20 };

typedef struct place { // where a drag has been
    float *ws;         // [num_ws, w_dim], by malloc
    atl_drag_point points[APP_DRAG_POINTS];
    int step;
} place;

typedef struct one_drag {
    long id; // 0: free
    uint64_t used;
    json_t *body; // that its texts are borrowed from
    app_shot shot;
    atl_drag_options o;
    uint8_t *mask;
    atl_drag *drag;
    size_t count; // of points
    place past[PAST_MOST];
    int places; // that are remembered, the first one included
    int before; // steps that were made before the drag was opened again
} one_drag;

struct app_drags {
    one_drag list[DRAGS];
    long last;
};

static void leave(one_drag *d) {
    atl_drag_close(&d->drag);
    for (int i = 0; i < d->places; i++)
        free(d->past[i].ws);
    if (d->shot.room)
        d->shot.room->users--;
    app_shot_close(&d->shot);
    free(d->mask);
    json_decref(d->body);
    *d = (one_drag){ 0 };
}

void app_drags_close(app_serve *s) {
    for (int i = 0; s->drags && i < DRAGS; i++)
        leave(&s->drags->list[i]);
    free(s->drags);
    s->drags = NULL;
}

// Room for another one: the one that was used the longest ago makes it.
static one_drag *make_room(app_serve *s) {
    if (!s->drags && !(s->drags = app_array(1, 1, 1, sizeof *s->drags, &s->error)))
        return NULL;
    one_drag *oldest = &s->drags->list[0];
    for (int i = 1; i < DRAGS; i++)
        if (s->drags->list[i].used < oldest->used)
            oldest = &s->drags->list[i];
    leave(oldest);
    oldest->id = ++s->drags->last;
    oldest->used = ++s->uses;
    return oldest;
}

static one_drag *find(app_serve *s, const app_job *job) {
    json_int_t id = json_integer_value(json_object_get(job->body, "drag"));
    for (int i = 0; s->drags && i < DRAGS; i++)
        if (id > 0 && s->drags->list[i].id == id) {
            s->drags->list[i].used = ++s->uses;
            return &s->drags->list[i];
        }
    app_fail(&s->error, "there is no such drag any more: begin again");
    return NULL;
}

// ---- Opening

static app_status read_points(const json_t *list, atl_drag_point *points, size_t *count, app_error *e) {
    *count = json_array_size(list);
    if (*count < 1 || *count > APP_DRAG_POINTS)
        return app_fail(e, "points: expected 1 to %d of [X, Y, TO_X, TO_Y]", APP_DRAG_POINTS);
    for (size_t i = 0; i < *count; i++) {
        const json_t *p = json_array_get(list, i);
        double *to[] = { &points[i].x, &points[i].y, &points[i].to_x, &points[i].to_y };
        for (size_t k = 0; k < 4; k++) {
            if (json_array_size(p) != 4 || !json_is_number(json_array_get(p, k)))
                return app_fail(e, "points: expected [X, Y, TO_X, TO_Y] in pixels");
            *to[k] = json_number_value(json_array_get(p, k));
        }
    }
    return APP_OK;
}

static app_status read_mask(app_serve *s, one_drag *d) {
    const atl_model_info *info = d->shot.render.info;
    const char *name = json_string_value(json_object_get(d->body, "mask"));
    char *path = name ? app_out_find(s, "photo", name, "") : NULL;
    atl_image mask;
    if (!name)
        return APP_OK;
    if (!path || app_mask_read(s->ctx, path, &mask, &s->error) != APP_OK) {
        free(path);
        return APP_FAILED;
    }
    free(path);
    size_t area = (size_t)mask.width * (size_t)mask.height;
    app_status status = APP_OK;
    if (mask.width != info->width || mask.height != info->height)
        status = app_fail(&s->error, "a mask of %dx%d pixels; the pictures have %dx%d", mask.width,
                          mask.height, info->width, info->height);
    else if (!(d->mask = app_array(area, 1, 1, 1, &s->error)))
        status = APP_FAILED;
    for (size_t i = 0; i < area && status == APP_OK; i++)
        d->mask[i] = mask.pixels[i] > 127;
    d->o.mask = d->mask;
    atl_image_clear(s->ctx, &mask);
    return status;
}

static app_status read_options(one_drag *d, app_error *e) {
    const json_t *lr = json_object_get(d->body, "lr"), *layers = json_object_get(d->body, "layers");
    const char *space = json_string_value(json_object_get(d->body, "space"));
    d->o = (atl_drag_options)ATL_DRAG_OPTIONS_INIT;
    d->o.space = space && !strcmp(space, "w") ? "w" : "w+";
    d->o.lr = json_is_number(lr) ? json_number_value(lr) : 0;
    d->o.layers = json_is_integer(layers) ? (int)json_integer_value(layers) : 0;
    if (d->o.lr < 0 || d->o.lr > 100 || d->o.layers < 0 || d->o.layers > 64)
        return app_fail(e, "lr and layers: out of range");
    if (d->shot.render.maps.count)
        d->o.noise_maps = (const float *const *)d->shot.render.maps.room;
    return APP_OK;
}

// Remembers the place of now.
static app_status remember(app_serve *s, one_drag *d, const float *ws, const atl_drag_point *points,
                           int step) {
    size_t size = d->shot.render.row_ws;
    float *copy = app_array(size, 1, 1, sizeof *copy, &s->error);
    if (!copy)
        return APP_FAILED;
    if (ws)
        memcpy(copy, ws, size * sizeof *copy);
    else
        atl_drag_read(d->drag, copy);
    if (d->places == PAST_MOST) { // the second one goes: the first is where it all began
        free(d->past[1].ws);
        memmove(&d->past[1], &d->past[2], (PAST_MOST - 2) * sizeof *d->past);
        d->places--;
    }
    place *p = &d->past[d->places++];
    p->ws = copy;
    p->step = step;
    memcpy(p->points, points, d->count * sizeof *points);
    return APP_OK;
}

static app_status open_at(app_serve *s, one_drag *d, const place *p) {
    atl_drag_close(&d->drag);
    d->before = p->step;
    return atl_drag_open(d->shot.room->model, p->ws, p->points, d->count, &d->o, &d->drag) == ATL_OK
               ? APP_OK
               : app_fail_ctx(&s->error, s->ctx);
}

static app_status open_drag(app_serve *s, one_drag *d) {
    atl_drag_point points[APP_DRAG_POINTS];
    app_status status = read_points(json_object_get(d->body, "points"), points, &d->count, &s->error);
    if (status == APP_OK)
        status = app_shot_open(s, json_object_get(d->body, "state"), &d->shot);
    if (d->shot.room)
        d->shot.room->users++;
    if (status == APP_OK)
        status = app_shot_ws(s, &d->shot);
    if (status == APP_OK)
        status = read_options(d, &s->error);
    if (status == APP_OK)
        status = read_mask(s, d);
    if (status == APP_OK)
        status = remember(s, d, d->shot.ws, points, 0);
    if (status == APP_OK)
        status = open_at(s, d, &d->past[0]);
    return status;
}

// ---- What it looks like

// NULL: no option of `atelier drag` leads to where this one began.
static char *command_of(app_serve *s, const one_drag *d, int steps) {
    app_line l = { 0 };
    const app_recipe *r = &d->shot.render.recipe;
    app_spot from = d->shot.state.spots[0];
    if (d->shot.state.mixes || d->shot.state.changes_count || d->shot.state.is_path)
        return NULL;
    int seed = app_spot_is_seed(&from) && !r->cutoff && !r->labels; // of which drag knows nothing
    if (!seed && from.kind != APP_SPOT_PIN) {
        char *before = app_shot_command(s, &d->shot);
        app_line_add(&l, "%s --save-ws --outdir spot\n", before ? before : "");
        free(before);
        from = (app_spot){ .kind = APP_SPOT_PIN, .pin = NULL };
    }
    app_line_add(&l, "atelier drag");
    app_line_network(&l, s, d->shot.room);
    app_line_spot(&l, s, &from, "--seed", "--latents");
    if (seed)
        app_line_add(&l, " --trunc %.6g", r->psi);
    if (seed && r->class_index >= 0)
        app_line_add(&l, " --class %d", r->class_index);
    app_line_add(&l, " --points \"");
    for (size_t i = 0; i < d->count; i++) {
        const atl_drag_point *p = &d->past[0].points[i];
        app_line_add(&l, "%s%.4g,%.4g>%.4g,%.4g", i ? " " : "", p->x, p->y, p->to_x, p->to_y);
    }
    app_line_add(&l, "\" --steps %d", steps);
    const char *mask = json_string_value(json_object_get(d->body, "mask"));
    if (mask) {
        app_line_option(&l, "--mask", s->o.outdir);
        app_line_add(&l, "/photos/%s", mask);
    }
    if (!strcmp(d->o.space, "w"))
        app_line_add(&l, " --space w");
    if (d->o.lr > 0)
        app_line_add(&l, " --lr %.6g", d->o.lr);
    if (d->o.layers)
        app_line_add(&l, " --layers %d", d->o.layers);
    return app_line_end(&l);
}

static json_t *facts_of(app_serve *s, const one_drag *d, double began) {
    const atl_drag_state *now = atl_drag_get_state(d->drag);
    json_t *points = json_array();
    for (size_t i = 0; i < now->count; i++)
        json_array_append_new(points, json_pack("[f,f,f,f]", now->points[i].x, now->points[i].y,
                                                now->points[i].to_x, now->points[i].to_y));
    int step = d->before + now->step;
    char *command = command_of(s, d, step);
    json_t *facts =
        json_pack("{s:I, s:i, s:b, s:f, s:f, s:o, s:s*, s:f, s:b}", "drag", (json_int_t)d->id, "step", step,
                  "arrived", now->arrived, "loss", now->loss, "distance", now->distance, "points", points,
                  "command", command, "ms", (app_seconds() - began) * 1e3, "undo", d->places > 1);
    free(command);
    return facts;
}

static app_status show(app_serve *s, app_job *job, one_drag *d, double began) {
    atl_image picture = { 0 };
    app_status status = app_render_img(&d->shot.render, 1, d->past[d->places - 1].ws, &s->error);
    if (status == APP_OK)
        status = app_render_picture(&d->shot.render, &picture, &s->error);
    if (status == APP_OK) {
        atl_image_from_float(d->shot.render.img, &picture);
        status = app_reply_picture(s, job, &picture, &d->shot.state, NULL, facts_of(s, d, began));
    }
    atl_image_clear(s->ctx, &picture);
    return status;
}

// ---- Requests

// The picture of the drag, or why there is none.
static app_status answer(app_serve *s, app_job *job, one_drag *d, app_status status, double began) {
    if (status == APP_OK)
        status = show(s, job, d, began);
    if (status != APP_OK)
        app_reply_error(s, job);
    return status;
}

int app_serve_drag(app_serve *s, app_job *job) {
    double began = app_seconds();
    one_drag *d = make_room(s);
    app_status status = APP_FAILED;
    if (d) {
        d->body = json_incref(job->body);
        status = open_drag(s, d);
    }
    if (answer(s, job, d, status, began) != APP_OK && d)
        leave(d);
    return 0;
}

int app_serve_drag_step(app_serve *s, app_job *job) {
    double began = app_seconds();
    one_drag *d = find(s, job);
    json_int_t steps = json_integer_value(json_object_get(job->body, "steps"));
    app_status status = d ? APP_OK : APP_FAILED;
    steps = steps < 1 ? 1 : steps > STEPS_MOST ? STEPS_MOST : steps;
    for (json_int_t i = 0; i < steps && status == APP_OK && !atl_drag_get_state(d->drag)->arrived; i++)
        if (atl_drag_step(d->drag) != ATL_OK)
            status = app_fail_ctx(&s->error, s->ctx);
    if (status == APP_OK) {
        const atl_drag_state *now = atl_drag_get_state(d->drag);
        status = remember(s, d, NULL, now->points, d->before + now->step);
    }
    answer(s, job, d, status, began);
    return 0;
}

int app_serve_drag_undo(app_serve *s, app_job *job) {
    double began = app_seconds();
    one_drag *d = find(s, job);
    if (d && d->places > 1)
        free(d->past[--d->places].ws);
    answer(s, job, d, d ? open_at(s, d, &d->past[d->places - 1]) : APP_FAILED, began);
    return 0;
}

int app_serve_drag_pin(app_serve *s, app_job *job) {
    char name[64];
    one_drag *d = find(s, job);
    if (d && app_pin_write(s, d->shot.render.info, "drag", d->past[d->places - 1].ws, name) == APP_OK)
        app_reply_json(job, json_pack("{s:s}", "pin", name));
    else
        app_reply_error(s, job);
    return 0;
}
