// SPDX-License-Identifier: Apache-2.0
// "FILE:NAME" to a direction; see direction.h.
#include "direction.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "memory.h"
#include "seeds.h"

static app_status relabel(atl_ctx *ctx, const char *path, int space, app_direction *d, app_error *e) {
    atl_relabel_options o = ATL_RELABEL_OPTIONS_INIT;
    atl_directions *set;
    o.space = space >= 0 ? space : ATL_DIRECTION_W;
    if (space < 0)
        app_warn(
            e,
            "%s does not say whether its directions are of z or of w: they are taken as those of w, unless "
            "--space z is given",
            path);
    if (atl_directions_relabel(d->set, &o, &set) != ATL_OK)
        return app_fail_ctx(e, ctx);
    atl_directions_close(&d->set);
    d->set = set;
    return APP_OK;
}

static int is_number(const char *text) {
    size_t digits = 0;
    while (isdigit((unsigned char)text[digits]))
        digits++;
    return digits > 0 && digits < 9 && !text[digits];
}

static app_status choose(const char *path, const char *name, app_direction *d, app_error *e) {
    size_t count = atl_directions_size(d->set);
    d->index = name && is_number(name) ? strtoul(name, NULL, 10) : 0;
    for (size_t i = 0; name && i < count; i++)
        if (!strcmp(atl_directions_get(d->set, i)->name, name))
            d->index = i;
    d->at = atl_directions_get(d->set, d->index);
    if (name && d->at && !is_number(name) && strcmp(d->at->name, name) != 0)
        d->at = NULL;
    return d->at ? APP_OK
                 : app_fail(e, "%s: has no direction \"%s\"; 'atelier directions show %s' lists its %zu",
                            path, name, path, count);
}

static app_status open_named(atl_ctx *ctx, const char *path, const char *name, int space, app_direction *d,
                             app_error *e) {
    int unsure;
    atl_status status = atl_directions_open(ctx, path, NULL, &unsure, &d->set);
    if (status != ATL_OK && name) { // the name may be that of an array
        atl_message_clear(ctx);
        status = atl_directions_open(ctx, path, name, &unsure, &d->set);
        name = NULL;
    }
    if (status != ATL_OK)
        return app_fail_ctx(e, ctx);
    if (unsure && relabel(ctx, path, space, d, e) != APP_OK)
        return APP_FAILED;
    return choose(path, name, d, e);
}

app_status app_direction_open(atl_ctx *ctx, const char *source, int space, app_direction *d, app_error *e) {
    *d = (app_direction){ 0 };
    const char *name;
    char *path = app_file_split(source, &name, e);
    if (!path)
        return APP_FAILED;
    app_status status = open_named(ctx, path, name, space, d, e);
    free(path);
    if (status != APP_OK)
        app_direction_close(d);
    return status;
}

void app_direction_close(app_direction *d) {
    atl_directions_close(&d->set);
    *d = (app_direction){ 0 };
}

size_t app_directions_count(const char *sources) {
    size_t count = 1;
    for (; *sources; sources++)
        count += *sources == ',';
    return count;
}

app_status app_directions_open(atl_ctx *ctx, const char *sources, int space, app_direction *list,
                               app_error *e) {
    char *copy = app_copy(sources, e);
    app_status status = copy ? APP_OK : APP_FAILED;
    for (char *at = copy, *next; at && status == APP_OK; at = next) {
        next = strchr(at, ',');
        if (next)
            *next++ = '\0';
        status = app_direction_open(ctx, at, space, list++, e);
    }
    free(copy);
    return status;
}

app_status app_layers_parse(const char *text, uint64_t *layers, app_error *e) {
    app_seeds list;
    *layers = 0;
    if (app_seeds_parse(text, &list, e) != APP_OK)
        return APP_FAILED;
    app_status status = APP_OK;
    for (size_t i = 0; i < list.count && status == APP_OK; i++) {
        if (list.items[i] > 63)
            status = app_fail(e, "%s: layers are counted from 0 to 63", text);
        else
            *layers |= (uint64_t)1 << list.items[i];
    }
    app_seeds_clear(&list);
    return status;
}

// The number of `length` letters: of "3..5" strtod() would take the first dot, too.
static int number(const char *text, size_t length, double *value) {
    char copy[64], *end;
    snprintf(copy, sizeof copy, "%.*s", (int)(length < sizeof copy ? length : 0), text);
    *value = strtod(copy, &end);
    return *copy && !*end && isfinite(*value);
}

int app_range_parse(const char **text, double *from, double *to) {
    size_t length = strcspn(*text, ",");
    const char *dots = strstr(*text, "..");
    size_t first = dots && (size_t)(dots - *text) < length ? (size_t)(dots - *text) : length;
    int good = number(*text, first, from);
    *to = *from;
    if (good && first < length)
        good = number(*text + first + 2, length - first - 2, to);
    *text += length;
    if (**text == ',' && !*++*text)
        good = 0;
    return good;
}

const char *app_direction_name(const app_direction *d, char text[64]) {
    if (*d->at->name)
        snprintf(text, 64, "%s", d->at->name);
    else
        snprintf(text, 64, "%zu", d->index);
    return text;
}
