// SPDX-License-Identifier: Apache-2.0
// Sets of directions in memory: made, copied, asked; and gone along.
#include "edit/directions.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

// ---- making

const char *atl_directions_keep(atl_directions *set, const char *text) {
    return atl_arena_string(&set->arena, text ? text : "", text ? strlen(text) : 0);
}

static atl_status fill(atl_directions *set, size_t count, const atl_direction *shape, const char *method,
                       float **values) {
    size_t row = (size_t)shape->rows * (size_t)shape->width;
    set->list = atl_arena_alloc(&set->arena, count ? count : 1, sizeof *set->list);
    *values = count <= SIZE_MAX / row ? atl_arena_alloc(&set->arena, count ? count * row : 1, sizeof **values)
                                      : NULL;
    set->method = atl_directions_keep(set, method);
    set->source = "";
    if (!set->list || !*values || !set->method)
        return ATL_NO_MEMORY;
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->list[i] = *shape;
        set->list[i].values = *values + i * row;
    }
    return ATL_OK;
}

atl_status atl_directions_new(atl_ctx *ctx, size_t count, atl_direction_space space, int rows, int64_t width,
                              const char *method, atl_directions **out, float **values) {
    *out = NULL;
    if (count > ATL_DIRECTIONS_MOST || rows < 1 || rows > 4096 || width < 1 ||
        width > ATL_DIRECTION_WIDTH_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%zu directions of %d times %lld numbers are not possible",
                        count, rows, (long long)width);
    atl_directions *set = atl_calloc(ctx, 1, sizeof *set);
    if (!set)
        return ATL_NO_MEMORY;
    set->ctx = ctx;
    atl_arena_init(&set->arena, ctx, 0);
    const atl_direction shape = {
        .name = "", .space = space, .rows = rows, .width = width, .scale = 1.0f, .value = (double)NAN
    };
    atl_status status = fill(set, count, &shape, method, values);
    if (status != ATL_OK)
        atl_directions_close(&set);
    *out = set;
    return status;
}

void atl_directions_close(atl_directions **set) {
    if (!set || !*set)
        return;
    atl_ctx *ctx = (*set)->ctx;
    atl_arena_clear(&(*set)->arena);
    atl_free(ctx, *set);
    *set = NULL;
}

static void *copied(atl_directions *set, const void *from, size_t count, size_t size) {
    void *to = atl_arena_alloc(&set->arena, count ? count : 1, size);
    if (to && count)
        memcpy(to, from, count * size);
    return to;
}

// All that a direction has beside its numbers.
static atl_status copy_about(atl_directions *set, const atl_direction *from, atl_direction *to) {
    const float *values = to->values;
    *to = *from;
    to->values = values;
    to->name = atl_directions_keep(set, from->name);
    if (from->styles)
        to->styles = copied(set, from->styles, (size_t)from->width, 2 * sizeof *from->styles);
    if (from->mean)
        to->mean = copied(set, from->mean, (size_t)from->width, sizeof *from->mean);
    return to->name && !from->styles == !to->styles && !from->mean == !to->mean ? ATL_OK : ATL_NO_MEMORY;
}

static bool same_shape(const atl_direction *a, const atl_direction *b) {
    return a->space == b->space && a->rows == b->rows && a->width == b->width;
}

static atl_status copy_all(atl_directions *set, const atl_direction *list, float *values) {
    size_t row = (size_t)list->rows * (size_t)list->width;
    for (size_t i = 0; i < set->count; i++) {
        if (!same_shape(&list[i], list) || (list[i].space == ATL_DIRECTION_S) != (list[i].styles != NULL))
            return atl_fail(set->ctx, ATL_BAD_ARGUMENT,
                            "direction %zu has another space or shape than the first; a set has one", i);
        memcpy(values + i * row, list[i].values, row * sizeof *values);
        ATL_TRY(copy_about(set, &list[i], &set->list[i]));
    }
    return atl_directions_check(set, NULL);
}

atl_status atl_directions_make(atl_ctx *ctx, const atl_direction *list, size_t count, const char *method,
                               const char *source, atl_directions **set) {
    float *values;
    *set = NULL;
    if (!count)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a set of directions needs one at least");
    ATL_TRY(atl_directions_new(ctx, count, list->space, list->rows, list->width, method, set, &values));
    (*set)->source = atl_directions_keep(*set, source);
    atl_status status = (*set)->source ? copy_all(*set, list, values) : ATL_NO_MEMORY;
    if (status != ATL_OK)
        atl_directions_close(set);
    return status;
}

atl_status atl_directions_check(const atl_directions *set, const char *path) {
    for (size_t i = 0; i < set->count; i++) {
        const atl_direction *d = &set->list[i];
        double squares = 0;
        for (int64_t k = 0; k < d->rows * d->width; k++)
            squares += (double)d->values[k] * (double)d->values[k];
        bool mean = true;
        for (int64_t k = 0; d->mean && k < d->width; k++)
            mean &= isfinite(d->mean[k]) != 0;
        if (!isfinite(squares) || !(squares > 0) || !mean || !isfinite(d->scale) || !isfinite(d->offset))
            return atl_fail(set->ctx, ATL_BAD_FILE, "%s%sdirection %zu %s", path ? path : "",
                            path ? ": " : "", i,
                            squares > 0 || !isfinite(squares) ? "has NaN or infinity among its numbers"
                                                              : "is zero everywhere");
    }
    return ATL_OK;
}

atl_status atl_directions_relabel(const atl_directions *from, const atl_relabel_options *options,
                                  atl_directions **set) {
    atl_relabel_options o = ATL_RELABEL_OPTIONS_INIT;
    *set = NULL;
    ATL_TRY(atl_options_read(from->ctx, "atl_relabel_options", &o, sizeof o, options));
    if (o.space >= 0 && ((o.space != ATL_DIRECTION_Z && o.space != ATL_DIRECTION_W) ||
                         from->list[0].rows > 1 || from->list[0].styles))
        return atl_fail(from->ctx, ATL_BAD_ARGUMENT,
                        "only directions of one row can be called those of z or w; these have %d",
                        from->list[0].rows);
    ATL_TRY(atl_directions_make(from->ctx, from->list, from->count, from->method,
                                o.source ? o.source : from->source, set));
    for (size_t i = 0; o.space >= 0 && i < from->count; i++)
        (*set)->list[i].space = (atl_direction_space)o.space;
    if (o.name)
        (*set)->list[0].name = atl_directions_keep(*set, o.name);
    if ((*set)->list[0].name)
        return ATL_OK;
    atl_directions_close(set);
    return ATL_NO_MEMORY;
}

// ---- asking

size_t atl_directions_size(const atl_directions *set) {
    return set->count;
}

const atl_direction *atl_directions_get(const atl_directions *set, size_t index) {
    return index < set->count ? &set->list[index] : NULL;
}

const atl_direction *atl_directions_find(const atl_directions *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (*name && !strcmp(set->list[i].name, name))
            return &set->list[i];
    return NULL;
}

const char *atl_directions_method(const atl_directions *set) {
    return set->method;
}

const char *atl_directions_source(const atl_directions *set) {
    return set->source;
}

// ---- layers as text

const char *atl_layers_text(uint64_t layers, char text[ATL_LAYERS_TEXT]) {
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < 64 && used < ATL_LAYERS_TEXT; i++) {
        int end = i;
        if (!(layers >> i & 1))
            continue;
        while (end < 63 && (layers >> (end + 1) & 1))
            end++;
        const char *comma = used ? "," : "";
        used += (size_t)(end > i ? snprintf(text + used, ATL_LAYERS_TEXT - used, "%s%d-%d", comma, i, end)
                                 : snprintf(text + used, ATL_LAYERS_TEXT - used, "%s%d", comma, i));
        i = end;
    }
    return text;
}

bool atl_layers_parse(const char *text, uint64_t *layers) {
    *layers = 0;
    while (*text) {
        char *end;
        if (!isdigit((unsigned char)*text))
            return false;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-' && isdigit((unsigned char)end[1]))
            last = strtoul(end + 1, &end, 10);
        if (last > 63 || last < first || (*end && *end != ',') || (*end == ',' && !end[1]))
            return false;
        for (unsigned long i = first; i <= last; i++)
            *layers |= (uint64_t)1 << i;
        text = *end ? end + 1 : end;
    }
    return true;
}

// ---- what a direction has of others is taken away

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// x without what it has of the rows of `q`, which are of length 1 at right angles: twice, for rounding.
static void take_away(double *x, const double *q, size_t count, int64_t n) {
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            double along = dot(x, q + i * (size_t)n, n);
            for (int64_t k = 0; k < n; k++)
                x[k] -= along * q[i * (size_t)n + (size_t)k];
        }
}

// room [count + 1, n]; the rest of `d` is left in its last row.
static atl_status condition(atl_ctx *ctx, const atl_direction *d, const atl_direction *const *others,
                            size_t count, int64_t n, double *room) {
    size_t rank = 0;
    for (size_t i = 0; i <= count; i++) {
        const float *values = i < count ? others[i]->values : d->values;
        double *x = room + rank * (size_t)n;
        for (int64_t k = 0; k < n; k++)
            x[k] = (double)values[k];
        double before = sqrt(dot(x, x, n));
        take_away(x, room, rank, n);
        double length = sqrt(dot(x, x, n));
        bool left = length > 1e-6 * before; // what single precision leaves of a direction that is not there
        if (i == count && !left)
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "nothing is left of the direction without the others");
        for (int64_t k = 0; k < n && left; k++)
            x[k] /= length;
        rank += left && i < count;
        if (i == count)
            memmove(room + count * (size_t)n, x, (size_t)n * sizeof *x);
    }
    return ATL_OK;
}

atl_status atl_directions_condition(const atl_directions *from, size_t index,
                                    const atl_direction *const *others, size_t count, atl_directions **set) {
    atl_ctx *ctx = from->ctx;
    const atl_direction *d = atl_directions_get(from, index);
    *set = NULL;
    if (!d)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "there is no direction %zu; the set has %zu", index,
                        from->count);
    for (size_t i = 0; i < count; i++)
        if (!same_shape(d, others[i]) || d->styles)
            return atl_fail(
                ctx, ATL_BAD_ARGUMENT,
                "directions that one is kept apart from need its space and shape, of numbers for each "
                "layer or one for all: [%d, %lld]",
                d->rows, (long long)d->width);
    int64_t n = d->rows * d->width;
    double *room = atl_alloc(ctx, count + 1, (size_t)n * sizeof *room);
    atl_status status = room ? condition(ctx, d, others, count, n, room) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_directions_make(ctx, d, 1, from->method, from->source, set);
    for (int64_t k = 0; status == ATL_OK && k < n; k++)
        ((float *)(*set)->list[0].values)[k] = (float)room[count * (size_t)n + (size_t)k];
    if (status == ATL_OK)
        (*set)->list[0].offset = 0; // the plane went with what was taken away
    atl_free(ctx, room);
    return status;
}

// ---- moving

static void move_row(const atl_direction *d, const float *v, atl_move_how how, double strength, float *x) {
    double by = strength * (double)d->scale, along = 0, squares = 0;
    for (int64_t k = 0; how == ATL_MOVE_TO && k < d->width; k++) {
        along += ((double)x[k] - (d->mean ? (double)d->mean[k] : 0)) * (double)v[k];
        squares += (double)v[k] * (double)v[k];
    }
    if (squares > 0)
        by -= along / squares;
    for (int64_t k = 0; k < d->width; k++)
        x[k] = (float)((double)x[k] + by * (double)v[k]);
}

static atl_status check_move(atl_ctx *ctx, const atl_direction *d, uint64_t layers, int rows, int64_t width) {
    static const char *const words[] = { "z", "w", "ws", "styles" };
    if (d->space == ATL_DIRECTION_S)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "directions of styles move what a network makes of ws, not these");
    if (d->width != width || (d->rows > 1 && d->rows != rows))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "a direction of %s with %d times %lld numbers moves no latents of %d times %lld: it is of "
            "another network",
            words[d->space], d->rows, (long long)d->width, rows, (long long)width);
    if (rows > 1 && rows < 64 && layers >> rows)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a direction is meant for layers that are not there; these are 0 to %d", rows - 1);
    return ATL_OK;
}

atl_status atl_direction_move(atl_ctx *ctx, const atl_direction *d, const atl_move_options *options,
                              double strength, int rows, int64_t width, float *x) {
    atl_move_options o = ATL_MOVE_OPTIONS_INIT;
    ATL_TRY(atl_options_read(ctx, "atl_move_options", &o, sizeof o, options));
    uint64_t layers = o.layers ? o.layers : d->layers;
    ATL_TRY(check_move(ctx, d, layers, rows, width));
    if (!isfinite(strength))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a strength must be finite");
    for (int i = 0; i < rows; i++)
        if (rows == 1 || !layers || (i < 64 && layers >> i & 1))
            move_row(d, d->values + (d->rows > 1 ? i * width : 0), o.how, strength, x + i * width);
    return ATL_OK;
}
