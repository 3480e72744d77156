// SPDX-License-Identifier: Apache-2.0
// The record inside a picture, to and from JSON.
#include "recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/ctx.h>
#include "common.h"

const char *const cli_noise_names[] = { "const", "random", "none", "sg2", NULL };

// File names need not be UTF-8, JSON must be: bytes outside ASCII become '?' where they are not.
static json_t *text_value(const char *text) {
    json_t *value = json_string(text);
    size_t length = strlen(text);
    char *copy = value ? NULL : malloc(length + 1);
    if (!copy)
        return value;
    for (size_t i = 0; i <= length; i++)
        copy[i] = (char)((unsigned char)text[i] < 128 ? text[i] : '?');
    value = json_string(copy);
    free(copy);
    return value;
}

static void add_source(json_t *o, const cli_recipe *r) {
    if (r->grid) {
        json_object_set_new(o, "grid", json_string(r->grid));
        if (r->seeds)
            json_object_set_new(o, "seeds", text_value(r->seeds));
    }
    if (r->has_seed)
        json_object_set_new(o, "seed", json_integer(r->seed));
    if (r->latents) {
        json_object_set_new(o, "latents", text_value(r->latents));
        json_object_set_new(o, "projected_w", json_boolean(r->projected));
    }
    if (!r->grid && (r->latents || r->labels))
        json_object_set_new(o, "row", json_integer((json_int_t)r->row));
    if (r->has_col) {
        json_object_set_new(o, "col", json_integer(r->col));
        json_object_set_new(o, "styles", json_string(r->styles));
    }
}

char *cli_recipe_write(const cli_recipe *r) {
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, r->fingerprint);
    json_t *o = json_object();
    json_object_set_new(o, "network", text_value(r->network));
    json_object_set_new(o, "net", text_value(r->net));
    json_object_set_new(o, "fingerprint", json_string(fingerprint));
    add_source(o, r);
    json_object_set_new(o, "psi", json_real(r->psi));
    json_object_set_new(o, "cutoff", json_integer(r->cutoff));
    json_object_set_new(o, "class", r->class_index < 0 ? json_null() : json_integer(r->class_index));
    if (r->labels)
        json_object_set_new(o, "labels", text_value(r->labels));
    if (r->centroids)
        json_object_set_new(o, "centroids", text_value(r->centroids));
    if (r->translate[0] != 0 || r->translate[1] != 0)
        json_object_set_new(o, "translate", json_pack("[f,f]", r->translate[0], r->translate[1]));
    if (r->rotate != 0)
        json_object_set_new(o, "rotate", json_real(r->rotate));
    json_object_set_new(o, "noise", json_string(cli_noise_names[r->noise]));
    json_object_set_new(o, "direct", json_boolean(r->direct));
    json_object_set_new(o, "version", json_string(atl_version()));
    char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
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

static int read_noise(const json_t *o, cli_recipe *r) {
    const char *name = string_of(o, "noise");
    for (int i = 0; name && cli_noise_names[i]; i++)
        if (!strcmp(name, cli_noise_names[i])) {
            r->noise = (atl_noise_mode)i;
            return 1;
        }
    return 0;
}

static int read_source(const json_t *o, cli_recipe *r) {
    json_int_t v;
    if (integer_of(o, "seed", 0, UINT32_MAX, &v)) {
        r->has_seed = 1;
        r->seed = (uint32_t)v;
    }
    if (integer_of(o, "col", 0, UINT32_MAX, &v)) {
        r->has_col = 1;
        r->col = (uint32_t)v;
    }
    if (integer_of(o, "row", 0, INT32_MAX, &v))
        r->row = (size_t)v;
    r->latents = string_of(o, "latents");
    r->projected = json_is_true(json_object_get(o, "projected_w"));
    r->styles = string_of(o, "styles");
    r->grid = string_of(o, "grid");
    r->labels = string_of(o, "labels");
    r->centroids = string_of(o, "centroids");
    const json_t *translate = json_object_get(o, "translate"); // missing numbers are 0
    for (size_t i = 0; i < 2; i++)
        r->translate[i] = json_number_value(json_array_get(translate, i));
    r->rotate = json_number_value(json_object_get(o, "rotate"));
    return (r->has_seed || r->latents || r->grid) && (!r->has_col || (r->has_seed && r->styles));
}

static int read_fields(const json_t *o, cli_recipe *r) {
    json_int_t v;
    r->network = string_of(o, "network");
    r->net = string_of(o, "net");
    const char *fingerprint = string_of(o, "fingerprint");
    const json_t *psi = json_object_get(o, "psi");
    if (!r->network || !r->net || !fingerprint || !json_is_number(psi) || !read_source(o, r) ||
        !read_noise(o, r))
        return 0;
    char *end;
    r->fingerprint = strtoull(fingerprint, &end, 16);
    r->psi = json_number_value(psi);
    r->cutoff = integer_of(o, "cutoff", 0, 4096, &v) ? (int)v : 0;
    r->class_index = integer_of(o, "class", 0, INT32_MAX, &v) ? (int)v : -1;
    r->direct = json_is_true(json_object_get(o, "direct"));
    return *end == '\0' && strlen(fingerprint) == 16;
}

int cli_recipe_read(const char *path, const char *text, cli_recipe *recipe, json_t **owner) {
    *recipe = (cli_recipe){ 0 };
    *owner = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(*owner) && read_fields(*owner, recipe))
        return CLI_SUCCESS;
    json_decref(*owner);
    *owner = NULL;
    return cli_error("%s: its record is damaged, so the image can't be made again", path);
}
