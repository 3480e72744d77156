// SPDX-License-Identifier: Apache-2.0
// The record inside a picture, to and from JSON.
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/ctx.h>
#include "json.h"

const char *const app_noise_names[] = { "const", "random", "none", "sg2", NULL };

// object[key] = value, which it takes over; NULL counts as missing memory.
static void put(json_t *o, const char *key, json_t *value, int *bad) {
    *bad |= json_object_set_new(o, key, value) != 0;
}

// File names need not be UTF-8.
static void put_text(json_t *o, const char *key, const char *text, int *bad) {
    if (text)
        put(o, key, app_json_text(text, strlen(text)), bad);
}

static void put_source(json_t *o, const app_recipe *r, int *bad) {
    if (r->grid) {
        put_text(o, "grid", r->grid, bad);
        if (r->command)
            put_text(o, "command", r->command, bad);
        put_text(o, "seeds", r->seeds, bad);
        put_text(o, "classes", r->classes, bad);
    }
    if (r->has_at)
        put(o, "at", json_pack("[f,f]", r->at[0], r->at[1]), bad);
    else if (r->has_seed)
        put(o, "seed", json_integer(r->seed), bad);
    if (r->latents) {
        put_text(o, "latents", r->latents, bad);
        put(o, "projected_w", json_boolean(r->projected), bad);
    }
    if (!r->grid && (r->latents || r->labels))
        put(o, "row", json_integer((json_int_t)r->row), bad);
    if (r->styles) {
        put_text(o, "col_latents", r->col_latents, bad);
        put(o, "col", json_integer(r->col), bad);
        put_text(o, "styles", r->styles, bad);
    }
}

char *app_recipe_write(const app_recipe *r) {
    int bad = 0;
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, r->fingerprint);
    json_t *o = json_object();
    put_text(o, "network", r->network, &bad);
    put_text(o, "net", r->net, &bad);
    if (r->deltas)
        put_text(o, "deltas", r->deltas, &bad);
    put_text(o, "fingerprint", fingerprint, &bad);
    put_source(o, r, &bad);
    put(o, "psi", isnan(r->psi) ? json_null() : json_real(r->psi), &bad);
    put(o, "cutoff", json_integer(r->cutoff), &bad);
    if (r->standing)
        put(o, "standing_stats", json_integer(r->standing), &bad);
    put(o, "class", r->class_index < 0 ? json_null() : json_integer(r->class_index), &bad);
    if (r->col_class >= 0)
        put(o, "col_class", json_integer(r->col_class), &bad);
    put_text(o, "labels", r->labels, &bad);
    put_text(o, "centroids", r->centroids, &bad);
    if (r->translate[0] != 0 || r->translate[1] != 0)
        put(o, "translate", json_pack("[f,f]", r->translate[0], r->translate[1]), &bad);
    if (r->rotate != 0)
        put(o, "rotate", json_real(r->rotate), &bad);
    put_text(o, "noise", app_noise_names[r->noise], &bad);
    if (r->has_noise_seed)
        put(o, "noise_seed", json_integer(r->noise_seed), &bad);
    put(o, "direct", json_boolean(r->direct), &bad);
    put_text(o, "version", atl_version(), &bad);
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    json_decref(o);
    return text;
}

static const char *string_of(const json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key)); // NULL when absent or not a string
}

static int integer_of(const json_t *o, const char *key, json_int_t low, json_int_t high, json_int_t *value) {
    const json_t *v = json_object_get(o, key);
    *value = json_integer_value(v);
    return json_is_integer(v) && *value >= low && *value <= high;
}

static int read_noise(const json_t *o, app_recipe *r) {
    const char *name = string_of(o, "noise");
    for (int i = 0; name && app_noise_names[i]; i++)
        if (!strcmp(name, app_noise_names[i])) {
            r->noise = (atl_noise_mode)i;
            return 1;
        }
    return 0;
}

static int read_source(const json_t *o, app_recipe *r) {
    json_int_t v;
    if (integer_of(o, "seed", 0, UINT32_MAX, &v)) {
        r->has_seed = 1;
        r->seed = (uint32_t)v;
    }
    int has_col = integer_of(o, "col", 0, UINT32_MAX, &v);
    r->col = has_col ? (uint32_t)v : 0;
    r->col_latents = string_of(o, "col_latents");
    if (integer_of(o, "row", 0, INT32_MAX, &v))
        r->row = (size_t)v;
    r->latents = string_of(o, "latents");
    r->projected = json_is_true(json_object_get(o, "projected_w"));
    r->styles = string_of(o, "styles");
    r->grid = string_of(o, "grid");
    r->command = r->grid ? string_of(o, "command") : NULL;
    r->labels = string_of(o, "labels");
    r->centroids = string_of(o, "centroids");
    const json_t *at = json_object_get(o, "at");
    r->has_at = json_array_size(at) == 2;
    for (size_t i = 0; i < 2; i++)
        r->at[i] = json_number_value(json_array_get(at, i));
    const json_t *translate = json_object_get(o, "translate"); // missing numbers are 0
    for (size_t i = 0; i < 2; i++)
        r->translate[i] = json_number_value(json_array_get(translate, i));
    r->rotate = json_number_value(json_object_get(o, "rotate"));
    return (r->has_seed || r->has_at || r->latents || r->grid) && has_col == (r->styles != NULL);
}

static int read_fields(const json_t *o, app_recipe *r) {
    json_int_t v;
    r->network = string_of(o, "network");
    r->net = string_of(o, "net");
    r->deltas = string_of(o, "deltas");
    const char *fingerprint = string_of(o, "fingerprint");
    const json_t *psi = json_object_get(o, "psi");
    if (!r->network || !r->net || !fingerprint || !(json_is_number(psi) || json_is_null(psi)) ||
        !read_source(o, r) || !read_noise(o, r))
        return 0;
    char *end;
    r->fingerprint = strtoull(fingerprint, &end, 16);
    r->psi = json_is_null(psi) ? NAN : json_number_value(psi);
    r->cutoff = integer_of(o, "cutoff", 0, 4096, &v) ? (int)v : 0;
    r->standing = integer_of(o, "standing_stats", 1, APP_STANDING_MOST, &v) ? (int)v : 0;
    r->class_index = integer_of(o, "class", 0, INT32_MAX, &v) ? (int)v : -1;
    r->col_class = integer_of(o, "col_class", 0, INT32_MAX, &v) ? (int)v : -1;
    r->has_noise_seed = integer_of(o, "noise_seed", 0, UINT32_MAX, &v);
    r->noise_seed = r->has_noise_seed ? (uint32_t)v : 0;
    r->direct = json_is_true(json_object_get(o, "direct"));
    return *end == '\0' && strlen(fingerprint) == 16;
}

app_status app_recipe_read(const char *path, const char *text, app_recipe *recipe, json_t **owner,
                           app_error *e) {
    *recipe = (app_recipe){ 0 };
    *owner = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(*owner) && read_fields(*owner, recipe))
        return APP_OK;
    json_decref(*owner);
    *owner = NULL;
    return app_fail(e, "%s: its record is damaged, so the image can't be made again", path);
}
