// SPDX-License-Identifier: Apache-2.0
// A picture of a seed or of latents, dragged: handles go to targets, and a folder shows what came of it:
//
//     dragged_w.npz     ws as "w" [1, layers, w], for every command that takes latents; the noise maps, where
//     the
//                       latents came with some
//     start.png         the picture as it was
//     drag.png          and as it became
//     drag.mp4          the way there, with handles and targets
//     drag.jsonl        a line for each step: loss, distance, where the handles are
#ifndef APP_DRAG_H
#define APP_DRAG_H

#include <atelier/drag.h>
#include <atelier/video.h>
#include "files.h"
#include "picture.h"
#include "render.h"

enum { APP_DRAG_POINTS = 64 };

typedef struct app_drag_options {
    app_recipe recipe;        // all that determines the picture, but for seed and class
    const uint32_t *seed;     // NULL: row recipe.row of recipe.latents
    const app_seeds *classes; // of a conditional network: one; may be empty
    atl_drag_options drag;    // its mask is the one below
    const char *mask; // a picture of the network's size, white where the picture may change; NULL: none
    atl_drag_point points[APP_DRAG_POINTS];
    size_t count;
    int steps; // at most
    const char *folder;
    int fps; // of the video; 0: none
    atl_video_options video; // how it is written: codec, quality and rate
    const char *command;     // for the records of the pictures; NULL: they have none
} app_drag_options;

typedef struct app_drag {
    atl_ctx *ctx;
    app_drag_options o;
    app_render render;
    atl_drag *drag;
    uint8_t *mask;
    float *ws;                // [num_ws, w_dim]
    atl_image picture, frame; // of the network's size; of the video
    int scale;                // pixels of the video for one of the picture
    atl_video *video;
    app_file log;
} app_drag;

// Adds "x,y>x,y", also with ':' in the middle, and several between blanks or semicolons.
app_status app_drag_points(app_drag_options *o, const char *text, app_error *e);

// Opens what must be there before anything is computed.  Texts are borrowed.  A zeroed struct and one after a
// failure may be closed.
app_status app_drag_open(app_drag *d, atl_ctx *ctx, atl_model *model, const app_drag_options *o,
                         app_error *e);
void app_drag_close(app_drag *d);

// After each step; APP_STOPPED keeps what was reached and ends.
typedef app_status app_drag_use(void *user, const atl_drag_state *state, app_error *e);
app_status app_drag_run(app_drag *d, app_drag_use *use, void *user, app_error *e);

#endif
