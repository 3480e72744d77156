// SPDX-License-Identifier: Apache-2.0
// POST frame: a picture of a state.
#include <stdlib.h>
#include "picture.h"
#include "progress.h"
#include "serve_parts.h"

// The record of the picture, where one can hold how it was made.
static const app_recipe *record_of(const app_state *state, const app_render *r, app_recipe *record) {
    int plain =
        !state->is_path && !state->changes_count && !state->other &&
        (!state->mixes || (state->spots[0].kind != APP_SPOT_PIN && state->column.kind == APP_SPOT_SEED));
    *record = app_render_record(r, 0);
    plain &= !(state->mixes && record->has_at);
    if (state->mixes) {
        record->styles = state->styles;
        record->col = state->column.seed;
    }
    return plain ? record : NULL;
}

// The picture in one of at most `side` pixels: means of whole numbers of pixels, as small ones of a list
// need.
static app_status shrink(app_serve *s, int side, atl_image *picture) {
    int longer = picture->width > picture->height ? picture->width : picture->height;
    int by = side > 0 ? (longer + side - 1) / side : 1, channels = picture->channels;
    atl_image small;
    if (by < 2 || picture->width / by < 1 || picture->height / by < 1)
        return APP_OK;
    if (atl_image_init(s->ctx, picture->width / by, picture->height / by, channels, &small) != ATL_OK)
        return app_fail_ctx(&s->error, s->ctx);
    for (int y = 0; y < small.height; y++)
        for (int i = 0; i < small.width * channels; i++) {
            int x = i / channels * by, c = i % channels, sum = 0;
            for (int k = 0; k < by * by; k++)
                sum += picture->pixels[((y * by + k / by) * picture->width + x + k % by) * channels + c];
            small.pixels[y * small.width * channels + i] = (uint8_t)((sum + by * by / 2) / (by * by));
        }
    atl_image_clear(s->ctx, picture);
    *picture = small;
    return APP_OK;
}

static app_status draw(app_serve *s, app_job *job, app_shot *shot) {
    app_render *r = &shot->render;
    app_recipe record;
    atl_image picture = { 0 };
    double began = app_seconds();
    app_status status = app_shot_ws(s, shot);
    if (status == APP_OK)
        status = app_shot_img(s, shot);
    if (status == APP_OK)
        status = app_render_picture(r, &picture, &s->error);
    if (status == APP_OK) {
        atl_image_from_float(r->img, &picture);
        status = shrink(s, shot->state.side, &picture);
    }
    if (status == APP_OK) {
        const app_recipe *kept = record_of(&shot->state, r, &record);
        char *command = app_shot_command(s, shot);
        json_t *facts = json_pack("{s:s*, s:f, s:f, s:i, s:i, s:b}", "command", command, "ms",
                                  (app_seconds() - began) * 1e3, "psi", r->recipe.psi, "width", picture.width,
                                  "height", picture.height, "replay", kept != NULL);
        free(command);
        status = app_reply_picture(s, job, &picture, &shot->state, shot->state.record ? kept : NULL, facts);
    }
    atl_image_clear(s->ctx, &picture);
    return status;
}

int app_serve_frame(app_serve *s, app_job *job) {
    app_shot shot;
    app_status status = app_shot_open(s, job->body, &shot);
    if (status == APP_OK)
        status = draw(s, job, &shot);
    if (status != APP_OK)
        app_reply_error(s, job);
    app_shot_close(&shot);
    return 0;
}
