// SPDX-License-Identifier: Apache-2.0
// JSON to states; see serve_state.h.
#include "serve_state.h"

#include <string.h>
#include <atelier/path.h>
#include "atlas.h"
#include "classes.h"
#include "words.h"

// ---- Values

static app_status real(const json_t *v, const char *key, double low, double high, double *to, app_error *e) {
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= low && x <= high))
        return app_fail(e, "%s: expected a number from %g to %g", key, low, high);
    *to = x;
    return APP_OK;
}

static app_status whole(const json_t *v, const char *key, json_int_t low, json_int_t high, json_int_t *to,
                        app_error *e) {
    if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high)
        return app_fail(e, "%s: expected a whole number from %lld to %lld", key, (long long)low,
                        (long long)high);
    *to = json_integer_value(v);
    return APP_OK;
}

static app_status text(const json_t *v, const char *key, const char **to, app_error *e) {
    enum { TEXT_MOST = 1024 };
    *to = json_string_value(v);
    if (!*to || json_string_length(v) > TEXT_MOST || strlen(*to) != json_string_length(v))
        return app_fail(e, "%s: expected a text", key);
    return APP_OK;
}

static app_status pair(const json_t *v, const char *key, double most, double to[2], app_error *e) {
    if (!json_is_array(v) || json_array_size(v) != 2)
        return app_fail(e, "%s: expected two numbers", key);
    app_status status = real(json_array_get(v, 0), key, -most, most, &to[0], e);
    return status == APP_OK ? real(json_array_get(v, 1), key, -most, most, &to[1], e) : status;
}

static app_status word(const json_t *v, const char *key, const char *words, int *to, app_error *e) {
    const char *chosen = json_string_value(v);
    *to = chosen ? app_word_index(words, chosen) : -1;
    return *to >= 0 ? APP_OK : app_fail(e, "%s: expected one of %s", key, words);
}

// ---- Latents

int app_spot_is_seed(const app_spot *spot) {
    return spot->kind == APP_SPOT_SEED ||
           (spot->kind == APP_SPOT_AT && app_atlas_seed(spot->x, spot->y, NULL));
}

uint32_t app_spot_seed(const app_spot *spot) {
    uint32_t seed = spot->seed;
    if (spot->kind == APP_SPOT_AT)
        app_atlas_seed(spot->x, spot->y, &seed);
    return seed;
}

app_status app_spot_read(const json_t *json, app_spot *spot, app_error *e) {
    const json_t *seed = json_object_get(json, "seed"), *at = json_object_get(json, "at"),
                 *pin = json_object_get(json, "pin");
    json_int_t n = 0;
    double xy[2] = { 0, 0 };
    *spot = (app_spot){ .kind = at ? APP_SPOT_AT : pin ? APP_SPOT_PIN : APP_SPOT_SEED };
    if (!json_is_object(json) || json_object_size(json) != 1 || (!seed && !at && !pin))
        return app_fail(e, "latent: expected {\"seed\": N}, {\"at\": [X, Y]} or {\"pin\": NAME}");
    app_status status = APP_OK;
    if (seed)
        status = whole(seed, "seed", 0, UINT32_MAX, &n, e);
    else if (at)
        status = pair(at, "at", 1e6, xy, e);
    else
        status = text(pin, "pin", &spot->pin, e);
    spot->seed = (uint32_t)n;
    spot->x = xy[0];
    spot->y = xy[1];
    return status;
}

static app_status read_path(const json_t *json, app_state *s, app_error *e) {
    const json_t *path = json_object_get(json, "path"), *ease = json_object_get(json, "ease"),
                 *position = json_object_get(json, "position");
    size_t count = json_array_size(path);
    if (json_object_size(json) != 1u + (ease != NULL) + (position != NULL))
        return app_fail(e, "latent: a path has the keys path, position and ease");
    if (count < 2 || count > APP_SPOTS)
        return app_fail(e, "path: expected 2 to %d latents", APP_SPOTS);
    s->is_path = 1;
    s->spots_count = count;
    app_status status = position ? real(position, "position", -1e6, 1e6, &s->position, e) : APP_OK;
    if (status == APP_OK && ease)
        status = word(ease, "ease", "cubic|linear|smooth", &s->ease, e);
    for (size_t i = 0; i < count && status == APP_OK; i++)
        status = app_spot_read(json_array_get(path, i), &s->spots[i], e);
    return status;
}

static app_status read_latent(const json_t *v, app_state *s, app_error *e) {
    if (json_object_get(v, "path"))
        return read_path(v, s, e);
    s->spots_count = 1;
    return app_spot_read(v, &s->spots[0], e);
}

// ---- The parts of a state, by key

static app_status read_blend(const json_t *v, app_state *s, app_error *e) {
    app_status status = text(json_object_get(v, "network"), "blend.network", &s->other, e);
    return status == APP_OK ? real(json_object_get(v, "alpha"), "blend.alpha", 0, 1, &s->alpha, e) : status;
}

static app_status read_mix(const json_t *v, app_state *s, app_error *e) {
    s->mixes = 1;
    app_status status = text(json_object_get(v, "styles"), "mix.styles", &s->styles, e);
    return status == APP_OK ? app_spot_read(json_object_get(v, "latent"), &s->column, e) : status;
}

static app_status read_change(const json_t *v, app_change *c, app_error *e) {
    const json_t *file = json_object_get(v, "file"), *style = json_object_get(v, "style"),
                 *name = json_object_get(v, "name"), *layers = json_object_get(v, "layers");
    json_int_t layer = 0, channel = 0;
    *c = (app_change){ .name = "" };
    app_status status = real(json_object_get(v, "strength"), "strength", -1000, 1000, &c->strength, e);
    if (status == APP_OK && file)
        status = text(file, "file", &c->file, e);
    else if (status == APP_OK && json_array_size(style) == 2) {
        status = whole(json_array_get(style, 0), "style", 0, 1023, &layer, e);
        if (status == APP_OK)
            status = whole(json_array_get(style, 1), "style", 0, 65535, &channel, e);
    } else if (status == APP_OK)
        status = app_fail(e, "edits: each has \"file\", or \"style\": [LAYER, CHANNEL]");
    if (status == APP_OK && name)
        status = text(name, "name", &c->name, e);
    if (status == APP_OK && layers)
        status = text(layers, "layers", &c->layers, e);
    c->layer = (int)layer;
    c->channel = (int)channel;
    return status;
}

static app_status read_edits(const json_t *v, app_state *s, app_error *e) {
    size_t count = json_array_size(v);
    if (!json_is_array(v) || count > APP_CHANGES)
        return app_fail(e, "edits: expected an array of at most %d", APP_CHANGES);
    app_status status = APP_OK;
    for (size_t i = 0; i < count && status == APP_OK; i++)
        status = read_change(json_array_get(v, i), &s->changes[i], e);
    s->changes_count = count;
    return status;
}

static app_status read_noise(const json_t *v, app_state *s, app_error *e) {
    int index = 0;
    app_status status = word(v, "noise", APP_NOISE_WORDS, &index, e);
    s->recipe.noise = (atl_noise_mode)index;
    return status;
}

static app_status read_format(const json_t *v, app_state *s, app_error *e) {
    int index;
    app_status status = word(v, "format", "jpg|png|webp", &index, e);
    if (status == APP_OK)
        s->format = json_string_value(v);
    return status;
}

// A class, or a mixture of classes.  Labels of files are not for requests: what goes through says that it is none.
static app_status read_class(const json_t *v, app_state *s, app_error *e) {
    json_int_t n = 0;
    if (json_is_string(v) && !strncmp(json_string_value(v), APP_MIXTURE, strlen(APP_MIXTURE)))
        return text(v, "class", &s->recipe.labels, e);
    if (!json_is_integer(v))
        return app_fail(e, "class: expected a whole number or \"%sCLASS:SHARE,CLASS:SHARE\"", APP_MIXTURE);
    app_status status = whole(v, "class", 0, INT32_MAX, &n, e);
    s->recipe.class_index = (int)n;
    return status;
}

// Numbers of a recipe and of the picture.
static app_status read_number(const char *key, const json_t *v, app_state *s, app_error *e) {
    app_recipe *r = &s->recipe;
    const struct {
        const char *key;
        json_int_t high;
        int *to;
    } rows[] = { { "cutoff", 4096, &r->cutoff },
                 { "quality", 100, &s->quality },
                 { "side", 8192, &s->side } };
    json_int_t n = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(key, rows[i].key)) {
            app_status status = whole(v, key, 0, rows[i].high, &n, e);
            *rows[i].to = (int)n;
            return status;
        }
    if (strcmp(key, "noise_seed"))
        return app_fail(e, "\"%.40s\" is no key of a picture; docs/studio-api.md lists them", key);
    app_status status = whole(v, key, 0, UINT32_MAX, &n, e);
    r->has_noise_seed = 1;
    r->noise_seed = (uint32_t)n;
    return status;
}

static app_status read_part(const char *key, const json_t *v, app_state *s, app_error *e) {
    static const struct {
        const char *key;
        app_status (*read)(const json_t *v, app_state *s, app_error *e);
    } parts[] = { { "latent", read_latent }, { "blend", read_blend }, { "mix", read_mix },
                  { "edits", read_edits },   { "noise", read_noise }, { "format", read_format },
                  { "class", read_class } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(key, parts[i].key))
            return parts[i].read(v, s, e);
    if (!strcmp(key, "network"))
        return text(v, key, &s->network, e);
    if (!strcmp(key, "psi"))
        return real(v, key, -100, 100, &s->recipe.psi, e);
    if (!strcmp(key, "rotate"))
        return real(v, key, -1e6, 1e6, &s->recipe.rotate, e);
    if (!strcmp(key, "translate"))
        return pair(v, key, 1e3, s->recipe.translate, e);
    if (!strcmp(key, "record")) {
        s->record = json_is_true(v);
        return APP_OK;
    }
    return read_number(key, v, s, e);
}

app_status app_state_read(const json_t *json, app_state *s, app_error *e) {
    *s = (app_state){ .recipe = APP_RECIPE_INIT, .format = "jpg", .quality = 90, .spots_count = 1 };
    if (!json_is_object(json))
        return app_fail(e, "expected a JSON object");
    app_status status = APP_OK;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)json, key, v) {
        if (!strcmp(key, "client") || !strcmp(key, "panel")) // of the queue
            continue;
        status = read_part(key, v, s, e);
        if (status != APP_OK)
            break;
    }
    if (status == APP_OK && s->recipe.has_noise_seed && s->recipe.noise != ATL_NOISE_RANDOM &&
        s->recipe.noise != ATL_NOISE_SG2)
        s->recipe.has_noise_seed = 0;
    return status;
}
