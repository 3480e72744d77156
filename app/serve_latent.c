// SPDX-License-Identifier: Apache-2.0
// From what a state says of its latents to styles: a seed, a place between seeds, a pin, or a path through
// some of these; then layers of another one, then directions.
#include <stdlib.h>
#include <string.h>
#include <atelier/path.h>
#include "memory.h"
#include "serve_parts.h"

// The first spot opens it: its seed is the noise's, its file the noise maps'.
static app_status begin(app_serve *s, app_shot *shot) {
    const app_state *state = &shot->state;
    const app_spot *spot = &state->spots[0];
    app_render *r = &shot->render;
    app_recipe recipe = state->recipe;
    app_render_source source = {
        .count = 1, .batch = 1, .draw_classes = 1, .maps = !state->mixes, .styles = !state->mixes
    };
    recipe.network = shot->room->path;
    recipe.has_at = spot->kind == APP_SPOT_AT && !app_spot_is_seed(spot);
    recipe.at[0] = spot->x;
    recipe.at[1] = spot->y;
    shot->seed = app_spot_is_seed(spot) ? app_spot_seed(spot) : 0;
    source.seeds = spot->kind == APP_SPOT_PIN ? NULL : &shot->seed;
    if (spot->kind == APP_SPOT_PIN) {
        recipe.latents = shot->pin = app_out_find(s, "pin", spot->pin, ".npz");
        recipe.projected = 1;
        if (!recipe.latents)
            return APP_FAILED;
    }
    app_status status = app_render_open(r, s->ctx, shot->room->model, &recipe, &source, &s->error);
    if (status == APP_OK && r->latents.count < 1)
        status = app_fail(&s->error, "%s: there is nothing in this pin", spot->pin);
    if (status == APP_OK)
        status = app_render_truncation(r, &s->error);
    return status == APP_OK ? app_render_ws(r, 0, 1, &s->error) : status;
}

app_status app_shot_open(app_serve *s, const json_t *json, app_shot *shot) {
    *shot = (app_shot){ 0 };
    app_status status = app_state_read(json, &shot->state, &s->error);
    if (status == APP_OK)
        status = (shot->room = app_room_open(s, &shot->state)) ? APP_OK : APP_FAILED;
    if (status == APP_OK)
        status = begin(s, shot);
    if (status == APP_OK)
        shot->ws = app_array(shot->render.row_ws, 1, 1, sizeof *shot->ws, &s->error);
    return shot->ws ? APP_OK : APP_FAILED;
}

void app_shot_close(app_shot *shot) {
    app_render_close(&shot->render);
    free(shot->ws);
    free(shot->pin);
    *shot = (app_shot){ 0 };
}

app_status app_spot_ws(app_serve *s, app_room *room, const app_state *state, const app_spot *spot,
                       float *ws) {
    app_shot one = { .state = { .recipe = state->recipe, .spots = { *spot }, .spots_count = 1 },
                     .room = room };
    app_status status = begin(s, &one);
    if (status == APP_OK)
        memcpy(ws, one.render.ws, one.render.row_ws * sizeof *ws);
    app_shot_close(&one);
    return status;
}

static app_status path_ws(app_serve *s, app_room *room, const app_state *state, size_t row, float *ws) {
    float *keys = app_array(state->spots_count, row, 1, sizeof *keys, &s->error);
    app_status status = keys ? APP_OK : APP_FAILED;
    for (size_t i = 0; i < state->spots_count && status == APP_OK; i++)
        status = app_spot_ws(s, room, state, &state->spots[i], keys + i * row);
    atl_path *path = NULL;
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.ease = (atl_path_ease)state->ease;
    if (status == APP_OK && atl_path_open(s->ctx, state->spots_count, row, keys, &o, &path) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    if (status == APP_OK)
        atl_path_at(path, state->position, ws);
    atl_path_close(&path);
    free(keys);
    return status;
}

static app_status mix(app_serve *s, app_room *room, const app_state *state, size_t row, float *ws) {
    const atl_model_info *info = atl_model_get_info(room->model);
    app_seeds layers;
    if (app_seeds_parse(state->styles, &layers, &s->error) != APP_OK)
        return APP_FAILED;
    float *other = app_array(row, 1, 1, sizeof *other, &s->error);
    app_status status = other ? app_spot_ws(s, room, state, &state->column, other) : APP_FAILED;
    if (status == APP_OK && !app_layers_fit(&layers, info))
        status =
            app_fail(&s->error, "styles %s: the network has layers 0 to %d", state->styles, info->num_ws - 1);
    if (status == APP_OK)
        app_layers_copy(&layers, info, other, ws);
    free(other);
    app_seeds_clear(&layers);
    return status;
}

app_status app_shot_ws(app_serve *s, app_shot *shot) {
    const app_state *state = &shot->state;
    size_t row = shot->render.row_ws;
    app_status status = APP_OK;
    if (state->is_path)
        status = path_ws(s, shot->room, state, row, shot->ws);
    else
        memcpy(shot->ws, shot->render.ws, row * sizeof *shot->ws);
    if (status == APP_OK && state->mixes)
        status = mix(s, shot->room, state, row, shot->ws);
    return status == APP_OK && state->changes_count ? app_shot_move(s, shot) : status;
}
