// SPDX-License-Identifier: Apache-2.0
// What is inside of a network: its layers with shapes and times, and what a layer gives for a picture:
// channels as pictures, numbers about them, and their spectrum.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/network.h>
#include <atelier/spectra.h>
#include "canvas.h"
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "serve_parts.h"

// ---- POST layers

// Steps of a plan are called after the layer that they compute, or after a part of it.
static double ms_of(const atl_profile *p, const char *layer) {
    double ms = 0;
    for (size_t i = 0; i < p->layer_count; i++) {
        const char *step = p->layers[i].name;
        size_t size = strlen(layer);
        if (!strncmp(step, layer, size) && (!step[size] || !strncmp(step + size, ".weight", 7)))
            ms += p->layers[i].ms;
    }
    return ms;
}

static json_t *layer_rows(const json_t *layers, const atl_profile *p) {
    json_t *rows = json_array();
    size_t i;
    json_t *layer;
    json_array_foreach((json_t *)layers, i, layer) {
        const char *name = json_string_value(json_object_get(layer, "name"));
        json_t *shape = json_object_get(layer, "shape");
        if (name && shape)
            json_array_append_new(
                rows, json_pack("{s:s, s:O, s:f}", "name", name, "shape", shape, "ms", ms_of(p, name)));
    }
    return rows;
}

// The layers of the network `net` in what a file holds.
static const json_t *layers_of(const json_t *all, const char *net) {
    size_t i;
    json_t *network;
    json_array_foreach(json_object_get(all, "networks"), i, network) {
        const char *name = json_string_value(json_object_get(network, "name"));
        if (name && !strcmp(name, net))
            return json_object_get(network, "layers");
    }
    return NULL;
}

int app_serve_layers(app_serve *s, app_job *job) {
    enum { RUNS = 3 };
    app_room *room = app_room_named(s, json_string_value(json_object_get(job->body, "network")));
    char *text = NULL;
    atl_profile profile = { 0 };
    if (room && (atl_inspect(s->ctx, room->path, &text) != ATL_OK ||
                 atl_model_profile(room->model, NULL, 1, 1, RUNS, 1, &profile) != ATL_OK)) {
        app_fail_ctx(&s->error, s->ctx);
        room = NULL;
    }
    json_t *all = room ? json_loads(text, 0, NULL) : NULL;
    const json_t *layers = room ? layers_of(all, atl_model_get_info(room->model)->net) : NULL;
    if (room)
        app_reply_json(job,
                       json_pack("{s:o, s:f}", "layers", layer_rows(layers, &profile), "ms", profile.ms));
    else
        app_reply_error(s, job);
    json_decref(all);
    atl_profile_clear(s->ctx, &profile);
    atl_text_free(s->ctx, text);
    return 0;
}

// ---- POST layer

typedef struct view {
    const char *layer;
    int channel; // one alone; negative: many side by side from `first` on
    int first;
    int spectrum;  // of the channels in place of them
    double gain;   // that values are multiplied by
    int normalize; // by the largest value first
} view;

typedef struct numbers {
    double mean, deviation, most;
} numbers;

enum { TILES = 64, SHEET_MOST = 1024 };

static app_status read_view(const json_t *body, view *v, app_error *e) {
    const json_t *channel = json_object_get(body, "channel"), *db = json_object_get(body, "scale");
    *v = (view){ .layer = json_string_value(json_object_get(body, "layer")),
                 .channel = json_is_integer(channel) ? (int)json_integer_value(channel) : -1,
                 .first = (int)json_integer_value(json_object_get(body, "first")),
                 .spectrum = json_is_true(json_object_get(body, "spectrum")),
                 .normalize = !json_is_false(json_object_get(body, "normalize")),
                 .gain = pow(10, json_number_value(db) / 20) };
    if (!v->layer || strpbrk(v->layer, "*?[\\"))
        return app_fail(e, "layer: expected the name of a layer");
    if (v->first < 0 || fabs(json_number_value(db)) > 100)
        return app_fail(e, "first and scale: out of range");
    return APP_OK;
}

static numbers measure(const float *x, size_t n) {
    numbers m = { 0 };
    for (size_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        m.most = fabs((double)x[i]) > m.most ? fabs((double)x[i]) : m.most;
    }
    for (size_t i = 0; i < n; i++)
        m.deviation += ((double)x[i] - m.mean) * ((double)x[i] - m.mean) / (double)n;
    m.deviation = sqrt(m.deviation);
    return m;
}

static json_t *told(const numbers *m) {
    return json_pack("{s:f, s:f, s:f}", "mean", m->mean, "deviation", m->deviation, "max", m->most);
}

// A map of values to a place of the sheet, 0 in the middle of the colours.
static void draw_map(app_canvas *c, int left, int top, int h, int w, const float *x, double gain) {
    for (int i = 0; i < h * w; i++) {
        double t = 0.5 + 0.5 * (double)x[i] * gain;
        app_canvas_pixel(c, left + i % w, top + i / w, app_colour_map(t < 0 ? 0 : t > 1 ? 1 : t));
    }
}

// Channels of [c, h, w] side by side, a gap of a pixel between them.
static app_status draw_channels(app_serve *s, const view *v, const int64_t *d, const float *x,
                                app_canvas *canvas, json_t *facts) {
    int c = (int)d[1], h = (int)d[2], w = (int)d[3], only = v->channel >= 0;
    int first = only ? v->channel : v->first, shown = only ? 1 : c - first < TILES ? c - first : TILES;
    if (first >= c)
        return app_fail(&s->error, "channel %d: the layer has %d", first, c);
    int across = (int)ceil(sqrt((double)shown));
    while (across > 1 && across * (w + 1) - 1 > SHEET_MOST)
        across--;
    int down = (shown + across - 1) / across;
    while (down > 1 && down * (h + 1) - 1 > SHEET_MOST) // the rest is asked for by `first`
        down--;
    shown = shown < across * down ? shown : across * down;
    size_t area = (size_t)h * (size_t)w;
    numbers all = measure(x, (size_t)c * area),
            part = measure(x + (size_t)first * area, (size_t)shown * area);
    double gain = v->gain / (v->normalize && part.most > 0 ? part.most : 1);
    if (app_canvas_open(canvas, s->ctx, across * (w + 1) - 1, down * (h + 1) - 1, 1, &s->error) != APP_OK)
        return APP_FAILED;
    for (int i = 0; i < shown; i++)
        draw_map(canvas, i % across * (w + 1), i / across * (h + 1), h, w, x + (size_t)(first + i) * area,
                 gain);
    json_object_set_new(facts, "all", told(&all));
    json_object_set_new(facts, "part", told(&part));
    json_object_set_new(facts, "first", json_integer(first));
    json_object_set_new(facts, "shown", json_integer(shown));
    json_object_set_new(facts, "across", json_integer(across));
    return APP_OK;
}

// Levels of 0 to 255 from a channel: the spectrum takes pictures.
static void to_levels(const float *x, double most, atl_image *level) {
    for (int i = 0; i < level->width * level->height; i++)
        level->pixels[i] = (uint8_t)lrint(127.5 + 127.5 * (most > 0 ? (double)x[i] / most : 0));
}

static app_status add_channels(app_serve *s, const view *v, const int64_t *d, const float *x,
                               atl_spectrum *spectrum) {
    int c = (int)d[1], side = (int)d[2], only = v->channel >= 0;
    size_t area = (size_t)side * (size_t)side;
    numbers all = measure(x, (size_t)c * area);
    atl_image level = { 0 };
    atl_status status = atl_image_init(s->ctx, side, side, 1, &level);
    for (int i = only ? v->channel : 0; i < (only ? v->channel + 1 : c) && status == ATL_OK; i++) {
        to_levels(x + (size_t)i * area, all.most, &level);
        status = atl_spectrum_add(spectrum, &level);
    }
    atl_image_clear(s->ctx, &level);
    return status == ATL_OK ? APP_OK : app_fail_ctx(&s->error, s->ctx);
}

// Power in decibels, zero in the middle, over the highest 50 of them.
static void draw_power(app_canvas *c, int n, const double *power) {
    enum { RANGE_DB = 50 };
    double most = -INFINITY;
    for (int i = 0; i < n * n; i++)
        most = 10 * log10(power[i] + 1e-20) > most ? 10 * log10(power[i] + 1e-20) : most;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            double db = 10 * log10(power[(y + n / 2) % n * n + (x + n / 2) % n] + 1e-20);
            double t = 1 + (db - most) / RANGE_DB;
            app_canvas_pixel(c, x, y, app_colour_map(t < 0 ? 0 : t));
        }
}

static app_status draw_spectrum(app_serve *s, const view *v, const int64_t *d, const float *x,
                                app_canvas *canvas) {
    int side = (int)d[2], n = side * 2;
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    atl_spectrum *spectrum = NULL;
    if (d[2] != d[3] || side < 4 || side > SHEET_MOST / 2)
        return app_fail(&s->error, "a spectrum is of squares of 4 to %d pixels", SHEET_MOST / 2);
    if (v->channel >= (int)d[1])
        return app_fail(&s->error, "channel %d: the layer has %d", v->channel, (int)d[1]);
    o.side = side;
    o.interp = 2;
    o.mean = 127.5;
    o.deviation = 64;
    double *power = app_array((size_t)n, (size_t)n, 1, sizeof *power, &s->error);
    app_status status = power ? APP_OK : APP_FAILED;
    if (status == APP_OK && atl_spectrum_open(s->ctx, &o, &spectrum) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    if (status == APP_OK)
        status = add_channels(s, v, d, x, spectrum);
    if (status == APP_OK && atl_spectrum_read(spectrum, power) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    if (status == APP_OK)
        status = app_canvas_open(canvas, s->ctx, n, n, 1, &s->error);
    if (status == APP_OK)
        draw_power(canvas, n, power);
    atl_spectrum_close(&spectrum);
    free(power);
    return status;
}

// The layer's values for the state's picture: one array of *set.
static app_status run_layer(app_serve *s, app_shot *shot, const char *layer, atl_arrays **set,
                            const atl_array **array) {
    const app_render *r = &shot->render;
    app_status status = app_shot_ws(s, shot);
    const atl_array in[] = {
        { "ws", ATL_F32, 3, { 1, r->info->num_ws, r->info->w_dim }, shot->ws },
        { "transform", ATL_F32, 2, { 3, 3 }, r->transform },
    };
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    o.noise_mode = r->recipe.noise;
    o.noise_seeds = r->noise_seeds;
    o.features = layer;
    if (status == APP_OK &&
        atl_model_run(shot->room->model, "synthesize", in, r->transform ? 2 : 1, &o, set) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    if (status == APP_OK && !(*array = atl_arrays_find(*set, layer)))
        status = app_fail(&s->error, "%s: the synthesis has no such layer", layer);
    return status;
}

static app_status draw_layer(app_serve *s, app_job *job, const app_shot *shot, const view *v,
                             const atl_array *a, double began) {
    int64_t d[4] = { 1, a->rank > 1 ? a->dims[1] : 1, a->rank > 2 ? a->dims[2] : 1,
                     a->rank > 3 ? a->dims[3] : 1 };
    app_canvas canvas = { 0 };
    json_t *facts = json_pack("{s:[I,I,I,I]}", "shape", (json_int_t)1, (json_int_t)d[1], (json_int_t)d[2],
                              (json_int_t)d[3]);
    float *x = app_array((size_t)atl_array_count(a), 1, 1, sizeof *x, &s->error);
    app_status status = x && facts ? APP_OK : APP_FAILED;
    if (status == APP_OK)
        atl_array_read_f32(a, 0, atl_array_count(a), x);
    if (status == APP_OK && a->rank == 2) { // styles: a row of numbers as a strip
        d[3] = d[1];
        d[1] = 1;
        d[2] = 1;
    }
    if (status == APP_OK)
        status = v->spectrum ? draw_spectrum(s, v, d, x, &canvas) : draw_channels(s, v, d, x, &canvas, facts);
    if (status == APP_OK) {
        app_line line = { 0 };
        char *command = app_shot_command(s, shot);
        app_line_add(&line, "%s", command ? command : "");
        app_line_option(&line, "--dump", v->layer);
        free(command);
        command = app_line_end(&line);
        json_object_set_new(facts, "command", json_string(command ? command : ""));
        free(command);
        json_object_set_new(facts, "ms", json_real((app_seconds() - began) * 1e3));
        status = app_reply_picture(s, job, &canvas.image, &shot->state, NULL, facts);
    } else
        json_decref(facts);
    app_canvas_close(&canvas);
    free(x);
    return status;
}

int app_serve_layer(app_serve *s, app_job *job) {
    app_shot shot = { 0 };
    view v;
    atl_arrays *set = NULL;
    const atl_array *array = NULL;
    app_status status = read_view(job->body, &v, &s->error);
    if (status == APP_OK)
        status = app_shot_open(s, json_object_get(job->body, "state"), &shot);
    double began = app_seconds();
    if (status == APP_OK)
        status = run_layer(s, &shot, v.layer, &set, &array);
    if (status == APP_OK) {
        shot.state.format = "png"; // of maps, every value counts
        status = draw_layer(s, job, &shot, &v, array, began);
    }
    if (status != APP_OK)
        app_reply_error(s, job);
    atl_arrays_close(&set);
    app_shot_close(&shot);
    return 0;
}
