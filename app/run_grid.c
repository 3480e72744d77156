// SPDX-License-Identifier: Apache-2.0
// The pictures of a run: reals.png, and the fakes of the same seeds and labels again and again.
#include <stdlib.h>
#include <atelier/rng.h>
#include "files.h"
#include "memory.h"
#include "run_parts.h"

static app_status open_sheet(const app_run *r, app_grid *grid, app_error *e) {
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    return app_grid_open(grid, r->ctx, r->across, r->down, s->channels, s->height, s->width, e);
}

// A picture in [-1, 1], [channels, height, width].
static void put_planes(const atl_image *image, float *out) {
    size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    for (size_t i = 0; i < pixels * channels; i++)
        out[i % channels * pixels + i / channels] = (float)image->pixels[i] / 127.5f - 1.0f;
}

// Numbers that an encoder is shown of a picture.
static size_t input_size(const app_run *r) {
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    return (size_t)atl_trainer_input_channels(r->trainer) * (size_t)s->width * (size_t)s->height;
}

// Their labels are those of the generated ones, or they themselves are what is made again.
static app_status read_reals(app_run *r, const uint32_t *which, app_error *e) {
    size_t count = (size_t)r->across * (size_t)r->down;
    size_t label_size = (size_t)atl_trainer_get_set(r->trainer)->label_size;
    atl_dataset *set = atl_trainer_get_data(r->trainer);
    for (size_t i = 0; i < count; i++) {
        atl_image image;
        if (atl_dataset_read(set, which[i], &image) != ATL_OK) {
            r->state.bad_picture = 1;
            return app_fail_ctx(e, r->ctx);
        }
        app_grid_put_image(&r->reals, i, &image);
        if (atl_trainer_reconstructs(r->trainer))
            put_planes(&image, r->z + i * (size_t)atl_trainer_z_dim(r->trainer));
        atl_image_clear(r->ctx, &image);
        if (r->inputs && atl_trainer_input(r->trainer, which[i], r->inputs + i * input_size(r)) != ATL_OK)
            return app_fail_ctx(e, r->ctx);
        if (label_size)
            atl_dataset_label(set, which[i], r->labels + i * label_size);
    }
    return APP_OK;
}

// Without a set: what the generator makes of the seeds.
static app_status sample_reals(app_run *r, app_error *e) {
    size_t count = (size_t)r->across * (size_t)r->down;
    if (atl_trainer_generate(r->trainer, (int)count, r->z, NULL, r->inputs) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    app_grid_put(&r->reals, 0, count, r->inputs);
    return APP_OK;
}

// Encoders and transformers show few pictures, since each costs a pass of theirs, or one for each code.
static app_status open_inputs(app_run *r, app_error *e) {
    enum { ACROSS = 8, DOWN = 8 };
    int encoder = atl_trainer_is_encoder(r->trainer);
    if (encoder || atl_trainer_draws_codes(r->trainer)) {
        r->across = ACROSS;
        r->down = DOWN;
    }
    if (!encoder)
        return APP_OK;
    r->inputs = app_array(ACROSS * DOWN, input_size(r), 1, sizeof *r->inputs, e);
    return r->inputs ? APP_OK : APP_FAILED;
}

app_status app_run_grid_open(app_run *r, app_error *e) {
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    size_t z_dim = (size_t)atl_trainer_z_dim(r->trainer);
    app_grid_size(s->width, s->height, &r->across, &r->down);
    if (open_inputs(r, e) != APP_OK)
        return APP_FAILED;
    size_t count = (size_t)r->across * (size_t)r->down;
    r->z = app_array(count, z_dim, 1, sizeof *r->z, e);
    r->labels = app_array(count, (size_t)(s->label_size ? s->label_size : 1), 1, sizeof *r->labels, e);
    uint32_t *which = app_array(count, 1, 1, sizeof *which, e);
    app_status status = r->z && r->labels && which ? APP_OK : APP_FAILED;
    int reconstructs = atl_trainer_reconstructs(r->trainer);
    for (size_t i = 0; i < count && status == APP_OK && !reconstructs; i++) // picture i is seed i
        atl_seed_to_z((uint32_t)i, z_dim, r->z + i * z_dim);
    atl_dataset *set = atl_trainer_get_data(r->trainer);
    if (status == APP_OK && set)
        status = app_grid_choose(set, r->across, r->down, which, e);
    if (status == APP_OK)
        status = open_sheet(r, &r->reals, e);
    if (status == APP_OK)
        status = set ? read_reals(r, which, e) : sample_reals(r, e);
    free(which);
    return status;
}

// The sheet to FOLDER/NAME, and how varied it is to the statistics.
static app_status save(app_run *r, const app_grid *grid, const char *name, const char *spread, app_error *e) {
    char *path = app_join(r->folder, name, e);
    app_status status = path ? app_grid_save(grid, path, e) : APP_FAILED;
    if (status == APP_OK)
        app_stats_add(&r->stats, spread, app_grid_spread(grid));
    if (status == APP_OK && r->events.file)
        r->events.file(r->events.user, path);
    free(path);
    return status;
}

app_status app_run_write_reals(app_run *r, app_error *e) {
    app_status status = save(r, &r->reals, "reals.png", APP_STAT_REAL_SPREAD, e);
    app_grid_clear(&r->reals);
    return status;
}

// A level of red, green or blue that tells labels apart, by their bits.
static float label_level(size_t label, size_t c) {
    unsigned level = 0;
    for (unsigned k = 0; k < 3; k++)
        level |= (unsigned)(label >> (3 * k + c) & 1) << (7 - k);
    return (float)level / 127.5f - 1.0f;
}

// What an encoder is shown, as a picture: gray as it is, labels in colours.
static void show_input(const app_run *r, const float *input, float *picture) {
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    size_t pixels = (size_t)s->width * (size_t)s->height, channels = (size_t)atl_trainer_input_channels(r->trainer);
    for (size_t i = 0; i < pixels; i++) {
        size_t label = 0;
        while (channels != 3 && label + 1 < channels && input[label * pixels + i] == 0.0f)
            label++;
        for (size_t c = 0; c < (size_t)s->channels; c++)
            picture[c * pixels + i] = channels == (size_t)s->channels ? input[c * pixels + i]
                                      : channels == 1                  ? 2.0f * input[i] - 1.0f
                                                                       : label_level(label, c);
    }
}

// Of an encoder: each picture, and right of it what the generator makes of its codes.
static app_status write_couples(app_run *r, const char *name, app_error *e) {
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    size_t count = (size_t)r->across * (size_t)r->down;
    size_t pixels = (size_t)s->channels * (size_t)s->width * (size_t)s->height;
    float *made = app_array(count + 1, pixels, 1, sizeof *made, e), *shown = made ? made + count * pixels : NULL;
    app_grid grid = { 0 };
    app_status status = made ? APP_OK : APP_FAILED;
    if (status == APP_OK)
        status = app_grid_open(&grid, r->ctx, 2 * r->across, r->down, s->channels, s->height, s->width, e);
    if (status == APP_OK && atl_trainer_reconstruct(r->trainer, (int)count, r->inputs, made) != ATL_OK)
        status = app_fail_ctx(e, r->ctx);
    for (size_t i = 0; i < count && status == APP_OK; i++) {
        show_input(r, r->inputs + i * input_size(r), shown);
        app_grid_put(&grid, 2 * i, 1, shown);
        app_grid_put(&grid, 2 * i + 1, 1, made + i * pixels);
    }
    if (status == APP_OK)
        status = save(r, &grid, name, APP_STAT_FAKE_SPREAD, e);
    app_grid_clear(&grid);
    free(made);
    return status;
}

app_status app_run_write_fakes(app_run *r, const char *name, app_error *e) {
    enum { PART = 64 };
    if (r->inputs)
        return write_couples(r, name, e);
    const atl_train_set *s = atl_trainer_get_set(r->trainer);
    size_t count = (size_t)r->across * (size_t)r->down, z_dim = (size_t)atl_trainer_z_dim(r->trainer);
    size_t pixels = (size_t)s->channels * (size_t)s->width * (size_t)s->height;
    float *images = app_array(PART, pixels, 1, sizeof *images, e);
    app_grid grid = { 0 };
    app_status status = images ? open_sheet(r, &grid, e) : APP_FAILED;
    for (size_t first = 0; status == APP_OK && first < count; first += PART) {
        size_t n = count - first < PART ? count - first : PART;
        if (atl_trainer_generate(r->trainer, (int)n, r->z + first * z_dim,
                                 r->labels + first * (size_t)s->label_size, images) != ATL_OK)
            status = app_fail_ctx(e, r->ctx);
        else
            app_grid_put(&grid, first, n, images);
    }
    if (status == APP_OK)
        status = save(r, &grid, name, APP_STAT_FAKE_SPREAD, e);
    app_grid_clear(&grid);
    free(images);
    return status;
}
