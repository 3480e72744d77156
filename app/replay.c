// SPDX-License-Identifier: Apache-2.0
// From the record of a picture to its image; see replay.h.
#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "render.h"

static app_status refuse_grid(const char *picture, const app_recipe *r, app_error *e) {
    if (r->command)
        return app_fail(
            e,
            "%s: was made by 'atelier %s', which replay does not follow; this command does, where its files "
            "still lie: %s",
            picture, r->grid, r->command);
    return app_fail(e, "%s: is a grid of several images; replay takes single ones", picture);
}

static int is_video(const char *path) {
    static const char *const endings[] = { ".mp4", ".webm", ".gif", ".apng", ".y4m", ".mkv", ".mov", ".avi" };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(dot, endings[i]))
            return 1;
    return 0;
}

app_status app_replay_read(atl_ctx *ctx, const char *picture, app_recipe *recipe, json_t **owner,
                           app_error *e) {
    char *text = NULL;
    *owner = NULL;
    if (is_video(picture))
        return app_fail(
            e,
            "%s: is a video, and those hold no record; what 'atelier edit' and 'atelier drag' write "
            "beside theirs (grid.png, drag.png) names the command that makes it again",
            picture);
    if (atl_image_text(ctx, picture, APP_RECIPE_KEY, &text) != ATL_OK)
        return app_fail_ctx(e, ctx);
    if (!text)
        return app_fail(e, "%s: holds no record of how it was made; only pictures by atelier, unchanged, do",
                        picture);
    app_status status = app_recipe_read(picture, text, recipe, owner, e);
    atl_text_free(ctx, text);
    return status == APP_OK && recipe->grid ? refuse_grid(picture, recipe, e) : status;
}

// What is recorded and can't be with this network.
static app_status check(const atl_model_info *info, const char *picture, app_recipe *r, app_error *e) {
    if (info->fingerprint != r->fingerprint)
        app_warn(e, "%s has fingerprint %016" PRIx64 ", the picture was made with %016" PRIx64, r->network,
                 info->fingerprint, r->fingerprint);
    if (r->cutoff > info->num_ws)
        r->cutoff = info->num_ws;
    if (isnan(r->psi) && !info->truncates_z)
        return app_fail(e, "%s: records no truncation, which %s needs", picture, r->network);
    if (info->c_dim && (r->has_seed || r->has_at) && r->class_index < 0 && !r->labels)
        return app_fail(e, "%s: records no class, but %s is conditional", picture, r->network);
    int class_index = r->class_index > r->col_class ? r->class_index : r->col_class;
    if (class_index >= 0 && class_index >= info->c_dim)
        return app_fail(e, "%s: records class %d, which %s does not have", picture, class_index, r->network);
    return APP_OK;
}

// The styles of the column's source to `render`.
static app_status column(app_render *render, const char *picture, app_error *e) {
    const app_recipe *r = &render->recipe;
    app_latents_close(&render->latents);
    if (!r->col_latents)
        app_latents_from_seeds(render->info, &r->col, 1, &render->latents);
    else if (app_latents_open(render->ctx, render->info, r->col_latents, 1, &render->latents, e) != APP_OK)
        return APP_FAILED;
    size_t row = r->col_latents ? r->col : 0;
    if (row >= render->latents.count)
        return app_fail(e, "%s: row %zu of %s is recorded, but the file has %zu", picture, row,
                        r->col_latents, render->latents.count);
    if (r->col_class >= 0)
        render->labels.class_index = r->col_class;
    return app_render_ws(render, row, 1, e);
}

// Copies the styles of the column's source over those of the row's; render->ws holds the row's.
static app_status mix_styles(app_render *render, const char *picture, app_error *e) {
    const app_recipe *r = &render->recipe;
    const uint32_t noise = render->noise_seeds[0];
    app_seeds styles;
    app_error wrong = { 0 };
    if (app_seeds_parse(r->styles, &styles, &wrong) != APP_OK)
        return app_fail(e, "%s: recorded styles %s", picture, wrong.text);
    float *row = app_array(1, render->row_ws, 1, sizeof(float), e);
    app_status status = row ? APP_OK : APP_FAILED;
    if (status == APP_OK && !app_layers_fit(&styles, render->info))
        status = app_fail(e, "%s: recorded styles %s, but the network has %d layers", picture, r->styles,
                          render->info->num_ws);
    if (status == APP_OK) {
        memcpy(row, render->ws, render->row_ws * sizeof *row);
        status = column(render, picture, e);
    }
    if (status == APP_OK) {
        app_layers_copy(&styles, render->info, render->ws, row);
        memcpy(render->ws, row, render->row_ws * sizeof *row);
        render->noise_seeds[0] = noise;
    }
    free(row);
    app_seeds_clear(&styles);
    return status;
}

static app_status make(app_render *render, const char *picture, atl_image *image, app_error *e) {
    const app_recipe *r = &render->recipe;
    if (!r->has_seed && !r->has_at && r->row >= render->latents.count)
        return app_fail(e, "%s: row %zu is recorded, but the file has %zu", r->latents, r->row,
                        render->latents.count);
    app_status status = app_render_picture(render, image, e);
    if (status == APP_OK)
        status = app_render_ws(render, r->has_seed || r->has_at ? 0 : r->row, 1, e);
    if (status == APP_OK && r->styles)
        status = mix_styles(render, picture, e);
    if (status == APP_OK)
        status = app_render_img(render, 1, render->ws, e);
    if (status == APP_OK)
        atl_image_from_float(render->img, image);
    return status;
}

app_status app_replay_make(atl_ctx *ctx, atl_model *model, const char *picture, app_recipe *recipe,
                           atl_image *image, app_error *e) {
    app_render render = { 0 };
    app_status status = check(atl_model_get_info(model), picture, recipe, e);
    const app_render_source source = { .seeds = recipe->has_seed ? &recipe->seed : NULL,
                                       .count = 1,
                                       .replay = recipe->has_seed || recipe->has_at,
                                       .batch = 1,
                                       .maps = !recipe->styles,
                                       .styles = !recipe->styles };
    *image = (atl_image){ 0 };
    if (status == APP_OK)
        status = app_render_open(&render, ctx, model, recipe, &source, e);
    if (status == APP_OK)
        status = make(&render, picture, image, e);
    if (status == APP_OK)
        recipe->fingerprint = render.recipe.fingerprint;
    app_render_close(&render);
    return status;
}
