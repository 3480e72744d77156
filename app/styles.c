// SPDX-License-Identifier: Apache-2.0
// Moves of styles in files; see styles.h.
#include "styles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "tensor.h"

// How many of the file's tensors are moves.
static size_t count_in(const atl_arrays *set) {
    size_t count = 0;
    for (size_t i = 0; set && i < atl_arrays_size(set); i++)
        count += !strncmp(atl_arrays_get(set, i)->name, "style.", 6);
    return count;
}

int app_styles_are_in(const atl_arrays *set) {
    return count_in(set) > 0;
}

app_status app_styles_list(atl_model *model, size_t batch, app_styles *s, app_error *e) {
    atl_style_info info;
    *s = (app_styles){ 0 };
    for (; s->count < APP_STYLES && atl_model_style(model, (int)s->count, &info); s->count++) {
        snprintf(s->name[s->count], sizeof s->name[0], "style.%zu", s->count);
        s->channels[s->count] = info.channels;
        s->width += (size_t)info.channels;
    }
    s->pairs = app_array(s->width + 1, 2, 1, sizeof *s->pairs, e);
    s->moves = s->pairs ? app_array(batch, s->width + 1, 1, sizeof *s->moves, e) : NULL;
    if (!s->moves)
        return APP_FAILED;
    int32_t *pair = s->pairs;
    for (size_t k = 0; k < s->count; k++)
        for (int64_t c = 0; c < s->channels[k]; c++, pair += 2)
            pair[0] = (int32_t)k, pair[1] = (int32_t)c;
    return APP_OK;
}

void app_styles_close(app_styles *s) {
    free(s->pairs);
    free(s->moves);
    *s = (app_styles){ 0 };
}

app_status app_styles_open(atl_model *model, const atl_arrays *set, const char *source, size_t rows,
                           size_t batch, app_styles *s, app_error *e) {
    app_status status = app_styles_list(model, batch, s, e);
    for (size_t k = 0; status == APP_OK && k < s->count; k++) {
        char shape[APP_SHAPE] = "nothing";
        const atl_array *a = s->from[k] = atl_arrays_find(set, s->name[k]);
        if (a && a->rank == 2 && a->dims[0] == (int64_t)rows && a->dims[1] == s->channels[k])
            continue;
        status = app_fail(
            e, "%s: \"%s\" is %s, and this network needs [%zu, %lld]: these are the styles of another one",
            source, s->name[k], a ? app_tensor_shape(a, shape) : shape, rows, (long long)s->channels[k]);
    }
    if (status == APP_OK && count_in(set) != s->count)
        status = app_fail(e, "%s: has moves for %zu layers, and this network has %zu layers with styles",
                          source, count_in(set), s->count);
    return status;
}

void app_styles_row(app_styles *s, size_t row, size_t image) {
    float *to = s->moves + image * s->width;
    for (size_t k = 0; k < s->count; to += s->channels[k++])
        if (s->from[k])
            atl_array_read_f32(s->from[k], (int64_t)row * s->channels[k], s->channels[k], to);
}

void app_styles_add(app_styles *s, size_t image, const atl_direction *d, double strength) {
    for (int64_t i = 0; d->space == ATL_DIRECTION_S && i < d->width; i++) {
        int32_t layer = d->styles[2 * i], channel = d->styles[2 * i + 1];
        float *to = s->moves + image * s->width;
        if (layer < 0 || layer >= (int32_t)s->count || channel < 0 || channel >= s->channels[layer])
            continue;
        for (int32_t k = 0; k < layer; k++)
            to += s->channels[k];
        to[channel] += (float)(strength * (double)d->scale * (double)d->values[i]);
    }
}

atl_direction app_styles_direction(const app_styles *s, size_t image) {
    return (atl_direction){ .name = "",
                            .space = ATL_DIRECTION_S,
                            .rows = 1,
                            .width = (int64_t)s->width,
                            .values = s->moves + image * s->width,
                            .styles = s->pairs,
                            .scale = 1 };
}

void app_styles_split(const app_styles *s, size_t rows, const float *moves, float *room, atl_array *list) {
    size_t from = 0;
    for (size_t k = 0; k < s->count; k++) {
        size_t channels = (size_t)s->channels[k];
        list[k] = (atl_array){ s->name[k], ATL_F32, 2, { (int64_t)rows, s->channels[k] }, room };
        for (size_t i = 0; i < rows; i++, room += channels)
            memcpy(room, moves + i * s->width + from, channels * sizeof *room);
        from += channels;
    }
}
