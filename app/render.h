// SPDX-License-Identifier: Apache-2.0
// From a recipe and seeds (or latents of a file) to float images, a batch at a time.  What `generate`, `mix`,
// `video` and `replay` do alike is here, once: which latents, which labels, which truncation, what is
// refused.
//
//     app_render r = { 0 };
//     app_recipe recipe = APP_RECIPE_INIT;
//     app_render_source source = { .seeds = seeds, .count = 8, .batch = 2 };
//     app_render_open(&r, ctx, model, &recipe, &source, &e);
//     app_render_truncation(&r, &e);
//     app_render_ws(&r, 0, 2, &e);                            // rows 0 and 1 to r.ws
//     app_render_img(&r, 2, r.ws, &e);                        // to r.img
#ifndef APP_RENDER_H
#define APP_RENDER_H

#include <stddef.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include "atlas.h"
#include "labels.h"
#include "latents.h"
#include "maps.h"
#include "move.h"
#include "recipe.h"
#include "seeds.h"
#include "styles.h"

// Which rows; borrowed.
typedef struct app_render_source {
    const uint32_t *seeds;    // NULL: the rows of recipe.latents
    size_t count;             // of seeds
    const app_seeds *classes; // one, or one for each row; NULL or empty: recipe.class_index or recipe.labels
    int walk;                 // makes more images than rows and says itself which label they have
    int draw_classes;         // networks of StyleGAN-XL draw a class by each seed where none is chosen
    int replay;               // one image, whose label is row recipe.row of a file
    size_t batch;             // images at once
    int maps;                 // the rows are the images: noise maps beside latents are theirs, where noise is const
    int styles;               // and moves of styles, which others refuse
} app_render_source;

typedef struct app_render {
    atl_ctx *ctx;
    atl_model *model;
    const atl_model_info *info;
    app_recipe recipe; // of all images; its texts are borrowed
    app_latents latents;
    app_atlas atlas; // of a recipe with a place between seeds, which are one row then; else none
    app_labels labels;
    float *centroids; // [centroid_count, w_dim] to truncate toward; NULL: the average
    int centroid_count;
    app_move move;
    const float *transform;         // [9]; NULL: none
    const char *dump, *dump_folder; // set by the caller after opening; NULL: no step mode
    size_t batch, row_ws, row_img;  // images at once; numbers of an image in `ws` and `img`
    float *latent, *c, *ws, *img;   // [batch, ...]
    uint32_t *noise_seeds;          // [batch]
    app_maps maps;                  // of the file of latents
    app_styles styles;              // the same
    atl_editor *editor;             // for styles; NULL: none
} app_render;

// Refuses what the network can't do: latents of another shape, a missing or unknown class.  A zeroed struct
// and one after a failure may be closed.
app_status app_render_open(app_render *render, atl_ctx *ctx, atl_model *model, const app_recipe *recipe,
                           const app_render_source *source, app_error *e);
void app_render_close(app_render *render);

// Where recipe.psi was not chosen (NAN): what the network's makers use, and none for w of a file.
// Refuses a cutoff beyond the layers.
app_status app_render_truncation(app_render *render, app_error *e);

// Whether images of these latents need a label.
int app_render_is_labelled(const app_render *render);

// z of a seed, truncated where the network wants that; a row of the latents.
void app_render_seed(const app_render *render, uint32_t seed, float *z);
void app_render_latent(const app_render *render, size_t row, float *out);

// Rows [first, first + n) to render->ws, n <= batch.  Numbers that are none are refused.
app_status app_render_ws(app_render *render, size_t first, size_t n, app_error *e);

// The record of that row's image.
app_recipe app_render_record(const app_render *render, size_t row);

// z [n, z_dim] and labels c [n, c_dim] (or NULL) to ws [n, num_ws, w_dim], truncated as the recipe says.
app_status app_render_map(const app_render *render, size_t n, const float *z, const float *c, float *ws,
                          app_error *e);

// ws [n, num_ws, w_dim] to render->img [n, channels, height, width]; warns of images with numbers that are
// none.
app_status app_render_img(app_render *render, size_t n, const float *ws, app_error *e);

// The noise of image `image` of the batch, where it is random: by this seed, or by the recipe's.
void app_render_noise(app_render *render, size_t image, uint32_t seed);

// A picture with the network's shape; fails when it has no picture's number of channels.
app_status app_render_picture(const app_render *render, atl_image *picture, app_error *e);

// ---- Layers of styles, as in "0-6"

// False when the network has fewer.
int app_layers_fit(const app_seeds *layers, const atl_model_info *info);

// Copies the chosen layers; from and to [num_ws, w_dim].
void app_layers_copy(const app_seeds *layers, const atl_model_info *info, const float *from, float *to);

#endif
