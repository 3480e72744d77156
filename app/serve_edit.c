// SPDX-License-Identifier: Apache-2.0
// Pictures along directions of files and along single channels of styles; what is in a file of directions;
// SeFa of a network, written to one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "direction.h"
#include "files.h"
#include "json.h"
#include "memory.h"
#include "serve_parts.h"

// ---- Directions that stay open

struct app_opened {
    char *source; // "FILE:NAME", by malloc; NULL: free
    app_direction d;
    uint64_t used;
};

void app_opened_close(app_serve *s) {
    for (int i = 0; s->opened && i < APP_OPENED; i++) {
        app_direction_close(&s->opened[i].d);
        free(s->opened[i].source);
    }
    free(s->opened);
    s->opened = NULL;
}

// `source` is opened, or found open; NULL and s->error: it can't be.
static const app_direction *open_source(app_serve *s, const char *source) {
    if (!s->opened && !(s->opened = app_array(APP_OPENED, 1, 1, sizeof *s->opened, &s->error)))
        return NULL;
    struct app_opened *oldest = &s->opened[0];
    for (int i = 0; i < APP_OPENED; i++) {
        struct app_opened *o = &s->opened[i];
        if (o->source && !strcmp(o->source, source)) {
            o->used = ++s->uses;
            return &o->d;
        }
        if (!o->source || (oldest->source && o->used < oldest->used))
            oldest = o;
    }
    app_direction_close(&oldest->d);
    free(oldest->source);
    *oldest = (struct app_opened){ 0 };
    if (app_direction_open(s->ctx, source, -1, &oldest->d, &s->error) != APP_OK)
        return NULL;
    oldest->source = app_copy(source, &s->error);
    oldest->used = ++s->uses;
    return oldest->source ? &oldest->d : NULL;
}

static const app_listed *find_file(app_serve *s, const char *name) {
    const app_listed *file = app_work_find(s, name, APP_IS_DIRECTIONS);
    if (!file)
        app_fail(&s->error, "%.200s: no such file of directions among those that the studio was started with",
                 name ? name : "");
    return file;
}

// The direction of a change; *own and `pair` are room for one of styles.
static const atl_direction *direction_of(app_serve *s, const app_change *c, atl_direction *own,
                                         int32_t pair[2]) {
    static const float one = 1;
    char source[4400];
    if (!c->file) {
        pair[0] = c->layer;
        pair[1] = c->channel;
        *own = (atl_direction){ .name = "",
                                .space = ATL_DIRECTION_S,
                                .rows = 1,
                                .width = 1,
                                .values = &one,
                                .styles = pair,
                                .scale = 1 };
        return own;
    }
    const app_listed *file = find_file(s, c->file);
    if (!file)
        return NULL;
    snprintf(source, sizeof source, "%s%s%s", file->path, *c->name ? ":" : "", c->name);
    const app_direction *d = open_source(s, source);
    return d ? d->at : NULL;
}

// *any: whether a change is along a direction of this space.
static app_status moves_in(app_serve *s, const app_state *state, atl_direction_space space, int *any) {
    *any = 0;
    for (size_t i = 0; i < state->changes_count; i++) {
        atl_direction own;
        int32_t pair[2];
        const atl_direction *d = direction_of(s, &state->changes[i], &own, pair);
        if (!d)
            return APP_FAILED;
        *any |= d->space == space;
    }
    return APP_OK;
}

// ---- Moving

static app_status move(app_serve *s, const atl_model_info *info, const app_change *c, const atl_direction *d,
                       int rows, int64_t width, float *x) {
    atl_move_options o = ATL_MOVE_OPTIONS_INIT;
    if (c->layers && app_layers_parse(c->layers, &o.layers, &s->error) != APP_OK)
        return APP_FAILED;
    o.layers &= info->num_ws < 64 ? ((uint64_t)1 << info->num_ws) - 1 : ~(uint64_t)0;
    return atl_direction_move(s->ctx, d, &o, c->strength, rows, width, x) == ATL_OK
               ? APP_OK
               : app_fail_ctx(&s->error, s->ctx);
}

// Directions of z move the seed's z, which is mapped anew.
static app_status move_z(app_serve *s, app_shot *shot) {
    const app_state *state = &shot->state;
    app_render *r = &shot->render;
    float *z = app_array((size_t)r->info->z_dim, 1, 1, sizeof *z, &s->error);
    app_status status = z ? APP_OK : APP_FAILED;
    if (status == APP_OK && (state->is_path || state->mixes || !app_spot_is_seed(&state->spots[0])))
        status = app_fail(&s->error, "a direction of z moves the picture of a seed, and no other");
    if (status == APP_OK)
        atl_seed_to_z(shot->seed, (size_t)r->info->z_dim, z);
    for (size_t i = 0; i < state->changes_count && status == APP_OK; i++) {
        atl_direction own;
        int32_t pair[2];
        const atl_direction *d = direction_of(s, &state->changes[i], &own, pair);
        if (d && d->space == ATL_DIRECTION_Z)
            status = move(s, r->info, &state->changes[i], d, 1, r->info->z_dim, z);
    }
    if (status == APP_OK)
        status = app_render_map(r, 1, z, r->info->c_dim ? r->c : NULL, shot->ws, &s->error);
    free(z);
    return status;
}

app_status app_shot_move(app_serve *s, app_shot *shot) {
    const app_state *state = &shot->state;
    const atl_model_info *info = shot->render.info;
    int in_z;
    app_status status = moves_in(s, state, ATL_DIRECTION_Z, &in_z);
    if (status == APP_OK && in_z)
        status = move_z(s, shot);
    for (size_t i = 0; i < state->changes_count && status == APP_OK; i++) {
        atl_direction own;
        int32_t pair[2];
        const atl_direction *d = direction_of(s, &state->changes[i], &own, pair);
        if (d->space == ATL_DIRECTION_W || d->space == ATL_DIRECTION_WS)
            status = move(s, info, &state->changes[i], d, info->num_ws, info->w_dim, shot->ws);
    }
    return status;
}

// An editor that moves styles, kept with its network.
static atl_editor *editor_of(app_serve *s, app_room *room, const app_render *r) {
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    o.styles = 1;
    o.noise_mode = r->maps.count ? ATL_NOISE_MAPS : r->recipe.noise;
    if (o.noise_mode == ATL_NOISE_RANDOM || o.noise_mode == ATL_NOISE_SG2 || r->transform) {
        app_fail(&s->error,
                 "channels of styles are moved with stored noise or none, and not in moved pictures");
        return NULL;
    }
    if (room->editor && room->noise != o.noise_mode)
        atl_editor_close(&room->editor);
    room->noise = o.noise_mode;
    if (!room->editor && atl_editor_open(room->model, &o, &room->editor) != ATL_OK)
        app_fail_ctx(&s->error, s->ctx);
    return room->editor;
}

static app_status style_all(app_serve *s, const app_state *state, const app_render *r, atl_editor *editor) {
    atl_editor_reset(editor);
    const atl_direction base = app_styles_direction(&r->styles, 0); // of a pin that has some
    if (base.width && atl_editor_base_style(editor, 0, &base, 1.0) != ATL_OK)
        return app_fail_ctx(&s->error, s->ctx);
    for (size_t i = 0; i < state->changes_count; i++) {
        atl_direction own;
        int32_t pair[2];
        const atl_direction *d = direction_of(s, &state->changes[i], &own, pair);
        if (d->space == ATL_DIRECTION_S &&
            atl_editor_style(editor, 0, d, state->changes[i].strength) != ATL_OK)
            return app_fail_ctx(&s->error, s->ctx);
    }
    return APP_OK;
}

app_status app_shot_img(app_serve *s, app_shot *shot) {
    const app_state *state = &shot->state;
    app_render *r = &shot->render;
    int in_s;
    if (moves_in(s, state, ATL_DIRECTION_S, &in_s) != APP_OK)
        return APP_FAILED;
    if (!in_s)
        return app_render_img(r, 1, shot->ws, &s->error);
    atl_editor *editor = editor_of(s, shot->room, r);
    if (!editor || style_all(s, state, r, editor) != APP_OK)
        return APP_FAILED;
    if ((r->maps.count && atl_editor_maps(editor, (const float *const *)r->maps.room) != ATL_OK) ||
        atl_editor_run(editor, 1, shot->ws, NULL, r->img) != ATL_OK)
        return app_fail_ctx(&s->error, s->ctx);
    return APP_OK;
}

// ---- POST directions, sefa, styles

static json_t *describe(const atl_directions *set) {
    static const char *const spaces[] = { "z", "w", "ws", "s" }; // by atl_direction_space
    enum { LISTED_MOST = 512 };
    json_t *list = json_array();
    const atl_direction *d;
    for (size_t i = 0; i < LISTED_MOST && (d = atl_directions_get(set, i)); i++) {
        json_t *layers = json_array();
        for (int k = 0; d->layers && k < 64; k++)
            if (d->layers >> k & 1)
                json_array_append_new(layers, json_integer(k));
        json_array_append_new(list, json_pack("{s:o, s:s, s:f, s:o}", "name",
                                              app_json_text(d->name, strlen(d->name)), "space",
                                              spaces[d->space], "scale", (double)d->scale, "layers", layers));
    }
    const char *method = atl_directions_method(set);
    return json_pack("{s:o, s:o}", "method", app_json_text(method, strlen(method)), "directions", list);
}

int app_serve_directions(app_serve *s, app_job *job) {
    const app_listed *file = find_file(s, json_string_value(json_object_get(job->body, "file")));
    const app_direction *d = file ? open_source(s, file->path) : NULL;
    if (d)
        app_reply_json(job, describe(d->set));
    else
        app_reply_error(s, job);
    return 0;
}

const app_listed *app_listed_at(app_serve *s, const char *path) {
    s->looked = 0;
    const app_listing *l = app_work_files(s, 1);
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->items[i].path, path))
            return &l->items[i];
    app_fail(&s->error, "%s: is not among the files of the studio", path);
    return NULL;
}

// A file's name without its folders and its ending, letters that paths and shells like.
void app_stem_of(const char *path, char stem[48]) {
    snprintf(stem, 48, "%.40s", app_file_name(path));
    char *dot = strrchr(stem, '.');
    if (dot && dot > stem)
        *dot = '\0';
    for (char *c = stem; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            *c = '-';
}

int app_serve_sefa(app_serve *s, app_job *job) {
    enum { COUNT = 32 };
    app_room *room = app_room_named(s, json_string_value(json_object_get(job->body, "network")));
    const char *layers = json_string_value(json_object_get(job->body, "layers"));
    atl_sefa_options o = ATL_SEFA_OPTIONS_INIT;
    atl_directions *set = NULL;
    char name[160] = "", stem[48], *path = NULL;
    o.count = COUNT;
    app_status status = room ? APP_OK : APP_FAILED;
    if (status == APP_OK && layers)
        status = app_layers_parse(layers, &o.layers, &s->error);
    if (status == APP_OK) {
        app_stem_of(room->path, stem);
        snprintf(name, sizeof name, "sefa-%s%s%.40s.safetensors", stem, layers ? "-" : "",
                 layers ? layers : "");
        status = (path = app_out_path(s, "directions", name)) ? APP_OK : APP_FAILED;
    }
    if (status == APP_OK &&
        (atl_directions_sefa(room->model, &o, &set) != ATL_OK || atl_directions_write(set, path) != ATL_OK))
        status = app_fail_ctx(&s->error, s->ctx);
    const app_listed *file = status == APP_OK ? app_listed_at(s, path) : NULL;
    app_line line = { 0 };
    app_line_add(&line, "atelier directions sefa");
    if (room)
        app_line_network(&line, s, room);
    if (layers)
        app_line_option(&line, "--layers", layers);
    app_line_add(&line, " --count %d", COUNT);
    app_line_option(&line, "--out", path ? path : "");
    char *command = app_line_end(&line);
    if (file)
        app_reply_json(job, json_pack("{s:o, s:s*}", "file", app_json_text(file->name, strlen(file->name)),
                                      "command", command));
    else
        app_reply_error(s, job);
    atl_directions_close(&set);
    free(command);
    free(path);
    return 0;
}

int app_serve_styles(app_serve *s, app_job *job) {
    app_room *room = app_room_named(s, json_string_value(json_object_get(job->body, "network")));
    json_t *list = json_array();
    atl_style_info info;
    for (int i = 0; room && atl_model_style(room->model, i, &info); i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", info.name, "layer", info.layer,
                                              "channels", info.channels));
    if (room)
        app_reply_json(job, json_pack("{s:o}", "styles", list));
    else {
        json_decref(list);
        app_reply_error(s, job);
    }
    return 0;
}
