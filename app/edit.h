// SPDX-License-Identifier: Apache-2.0
// Pictures along directions: latents of seeds or of a file, moved by one direction or several at once, in z,
// w, the layers of w or single channels of styles, everywhere or within a mask.
//
//     app_edit_open(&edit, ctx, model, &options, &e);
//     app_edit_make(&edit, row, 7, positions, &e);        // edit.img [7, ...], edit.ws [7, ...]
#ifndef APP_EDIT_H
#define APP_EDIT_H

#include "direction.h"
#include "render.h"

// One direction, gone along from strength `from` (position 0) to `to` (position 1).
typedef struct app_edit_part {
    const atl_direction *direction; // borrowed
    double from, to;
    uint64_t layers; // 0: those of the direction
} app_edit_part;

typedef struct app_edit_options {
    app_recipe recipe;        // all that determines the originals
    const uint32_t *seeds;    // NULL: the rows of recipe.latents
    size_t count;             // of seeds
    const app_seeds *classes; // of a conditional network; may be NULL
    const app_edit_part *parts;
    size_t n_parts;
    int distance;     // strengths are distances from the boundary, not steps from where a latent is
    const char *mask; // a picture: white is edited, black kept; NULL: all is edited
    int in_features;  // the mask holds in every layer
    size_t batch;     // pictures at once
} app_edit_options;

typedef struct app_edit {
    app_edit_options o;
    app_render render;
    atl_editor *editor; // for styles and masks; else NULL
    float *mask;        // [height, width]; NULL: none
    int in_z, in_s;     // some direction is of z, of styles
    size_t count;       // rows of latents
    float *z, *c;       // [batch, .]: moved latents and their labels
    float *original;    // [batch, num_ws, w_dim]
    float *ws, *img;    // [batch, ...]: results of app_edit_make()
    app_styles moves;   // the same: of styles, by latents and by directions; count 0: none are moved
} app_edit;

// Refuses directions of another network.  A zeroed struct and one after a failure may be closed.
app_status app_edit_open(app_edit *edit, atl_ctx *ctx, atl_model *model, const app_edit_options *o,
                         app_error *e);
void app_edit_close(app_edit *edit);

// n <= batch pictures of a row of the latents at these positions, mostly within 0 and 1.
app_status app_edit_make(app_edit *edit, size_t row, size_t n, const double *positions, app_error *e);

// "seed0085", or "row03" of a file.
const char *app_edit_name(const app_edit *edit, size_t row, char name[32]);

#endif
