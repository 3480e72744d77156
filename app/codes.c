// SPDX-License-Identifier: Apache-2.0
// Codes; see codes.h.  A network for other sizes than its own is opened a second time, told the size.
#include "codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/network.h>
#include "memory.h"
#include "tensor.h"

enum { SIDE_MOST = 8192, ASSUME = 1024, DEPTH_MOST = 64 };

// ---- opening

// What the ports say: sizes of pictures and of maps.
static app_status look(app_codec *c, const char *path, app_error *e) {
    const atl_port_info *ports;
    size_t count;
    int64_t codes = 0;
    if (atl_model_ports(c->model, "decode", &ports, &count) != ATL_OK)
        return app_fail_ctx(e, c->ctx);
    const atl_model_info *info = atl_model_get_info(c->model);
    c->width = info->width;
    c->height = info->height;
    c->channels = info->channels;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ports[i].name, "codes")) {
            codes = ports[i].dims[1];
            c->depth = ports[i].rank > 2 ? (int)ports[i].dims[2] : 1;
        }
    for (c->step = 1; c->step < c->width && (int64_t)(c->width / c->step) * (c->height / c->step) > codes;
         c->step *= 2)
        ;
    int64_t map = (int64_t)(c->width / c->step) * (c->height / c->step);
    c->levels = map == codes ? 1 : 2;
    c->codes = info->codes;
    if (!c->codes || !codes || (c->levels == 2 && map + map / 4 != codes))
        return app_fail(e, "%s: has no codes that are known", path);
    return APP_OK;
}

// "vqgan", or the average of a training run's snapshot.
static app_status open_usual(app_codec *c, const char *path, atl_model_options o, app_error *e) {
    const atl_port_info *ports;
    char why[sizeof e->text];
    size_t count;
    o.net = "vqgan";
    if (atl_model_open(c->ctx, path, &o, &c->model) == ATL_OK)
        return look(c, path, e);
    snprintf(why, sizeof why, "%s", atl_message(c->ctx));
    atl_message_clear(c->ctx);
    o.net = "G_ema";
    if (atl_model_open(c->ctx, path, &o, &c->model) == ATL_OK &&
        atl_model_ports(c->model, "decode", &ports, &count) == ATL_OK)
        return look(c, path, e);
    atl_message_clear(c->ctx);
    atl_model_close(&c->model);
    return app_fail(e, "%s", why);
}

static app_status open_as(app_codec *c, const char *path, const atl_model_options *given, int width,
                          int height, app_error *e) {
    atl_model_options o = *given;
    char assume[ASSUME];
    int used = snprintf(assume, sizeof assume, "%s%sheight=%d,width=%d", given->assume ? given->assume : "",
                        given->assume ? "," : "", height, width);
    if (used < 0 || (size_t)used >= sizeof assume)
        return app_fail(e, "--assume is too long");
    if (width)
        o.assume = assume;
    if (!o.net)
        return open_usual(c, path, o, e);
    return atl_model_open(c->ctx, path, &o, &c->model) == ATL_OK ? look(c, path, e) : app_fail_ctx(e, c->ctx);
}

app_status app_codec_open(app_codec *c, atl_ctx *ctx, const char *path, const atl_model_options *o,
                          int columns, int rows, app_error *e) {
    *c = (app_codec){ .ctx = ctx };
    app_status status = open_as(c, path, o, 0, 0, e);
    if (status != APP_OK || !columns || (columns * c->step == c->width && rows * c->step == c->height))
        return status;
    if (columns > SIDE_MOST / c->step || rows > SIDE_MOST / c->step)
        return app_fail(e, "a map of %d x %d codes makes a picture larger than %d pixels", rows, columns,
                        SIDE_MOST);
    atl_model_close(&c->model);
    return open_as(c, path, o, columns * c->step, rows * c->step, e);
}

app_status app_codec_open_for(app_codec *c, atl_ctx *ctx, const char *path, const atl_model_options *o,
                              const char *picture, app_error *e) {
    atl_image image = { 0 };
    *c = (app_codec){ .ctx = ctx };
    if (atl_image_read(ctx, picture, &image) != ATL_OK)
        return app_fail_ctx(e, ctx);
    int width = image.width, height = image.height;
    atl_image_clear(ctx, &image);
    app_status status = open_as(c, path, o, 0, 0, e);
    if (status != APP_OK || (width == c->width && height == c->height))
        return status;
    atl_model_close(&c->model);
    return open_as(c, path, o, width, height, e);
}

void app_codec_close(app_codec *c) {
    atl_model_close(&c->model);
    *c = (app_codec){ 0 };
}

size_t app_codec_count(const app_codec *c) {
    size_t map = (size_t)(c->width / c->step) * (size_t)(c->height / c->step) * (size_t)c->depth;
    return c->levels == 2 ? map + map / 4 : map;
}

// ---- pictures

// Gray as the eye weighs colours (ITU-R BT.601).
static float gray_of(const uint8_t *p, int channels) {
    return channels < 3 ? (float)p[0] : 0.299f * (float)p[0] + 0.587f * (float)p[1] + 0.114f * (float)p[2];
}

// The pixels [channels, height, width]: colours and gray in [-1, 1], of gray pictures repeated; of labels a 1
// in the channel of each pixel's own.  Transparency is dropped.
static app_status to_float(const app_codec *c, const char *path, const atl_image *image, float *out, app_error *e) {
    size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels,
           wanted = (size_t)c->channels;
    if (wanted != 3 && wanted != 1 && channels > 2)
        return app_fail(e, "%s: is in colours, and the network takes labels 0 to %d, a gray level each", path,
                        c->channels - 1);
    memset(out, 0, wanted * pixels * sizeof *out);
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = image->pixels + i * channels;
        if (wanted == 1)
            out[i] = gray_of(p, image->channels) / 127.5f - 1.0f;
        else if (wanted == 3)
            for (size_t k = 0; k < 3; k++)
                out[k * pixels + i] = (float)p[channels < 3 ? 0 : k] / 127.5f - 1.0f;
        else if (p[0] >= wanted)
            return app_fail(e, "%s: has the label %d, and the network takes 0 to %d", path, p[0], c->channels - 1);
        else
            out[p[0] * pixels + i] = 1.0f;
    }
    return APP_OK;
}

// What the network made: colours, gray, or the most probable label of each pixel.
static void from_float(const app_codec *c, const float *img, atl_image *image) {
    size_t pixels = (size_t)c->width * (size_t)c->height;
    if (c->channels == 3 || c->channels == 1) {
        atl_image_from_float(img, image);
        return;
    }
    for (size_t i = 0; i < pixels; i++) {
        size_t best = 0;
        for (size_t k = 1; k < (size_t)c->channels && k < 256; k++)
            best = img[k * pixels + i] > img[best * pixels + i] ? k : best;
        image->pixels[i] = (uint8_t)best;
    }
}

// The result `name` of a function of one array.
static app_status run(app_codec *c, const char *function, const atl_array *in, const char *name, float *out,
                      size_t count, app_error *e) {
    atl_arrays *results;
    if (atl_model_run(c->model, function, in, 1, NULL, &results) != ATL_OK)
        return app_fail_ctx(e, c->ctx);
    const atl_array *a = atl_arrays_find(results, name);
    int there = a && (size_t)atl_array_count(a) == count;
    if (there)
        atl_array_read_f32(a, 0, (int64_t)count, out);
    atl_arrays_close(&results);
    return there ? APP_OK : app_fail(e, "%s: gave no %s", function, name);
}

app_status app_codec_encode(app_codec *c, const char *picture, int32_t *codes, app_error *e) {
    size_t count = app_codec_count(c), numbers = (size_t)c->channels * (size_t)c->width * (size_t)c->height;
    atl_image image = { 0 };
    if (atl_image_read(c->ctx, picture, &image) != ATL_OK)
        return app_fail_ctx(e, c->ctx);
    app_status status = APP_OK;
    if (image.width != c->width || image.height != c->height)
        status = app_fail(e, "%s: has %d x %d pixels where %d x %d are needed, as those of the first picture",
                          picture, image.width, image.height, c->width, c->height);
    float *img = status == APP_OK ? app_array(numbers, 1, 1, sizeof *img, e) : NULL;
    float *found = img ? app_array(count, 1, 1, sizeof *found, e) : NULL;
    if (!found)
        status = APP_FAILED;
    if (status == APP_OK)
        status = to_float(c, picture, &image, img, e);
    if (status == APP_OK) {
        const atl_array in = { "img", ATL_F32, 4, { 1, c->channels, c->height, c->width }, img };
        status = run(c, "encode", &in, "codes", found, count, e);
    }
    for (size_t i = 0; status == APP_OK && i < count; i++)
        codes[i] = (int32_t)found[i];
    atl_image_clear(c->ctx, &image);
    free(img);
    free(found);
    return status;
}

app_status app_codec_decode(app_codec *c, const int32_t *codes, atl_image *image, app_error *e) {
    size_t count = app_codec_count(c), numbers = (size_t)c->channels * (size_t)c->width * (size_t)c->height;
    *image = (atl_image){ 0 };
    for (size_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] >= c->codes)
            return app_fail(e, "code %ld is beyond the codebook, which has 0 to %d", (long)codes[i],
                            c->codes - 1);
    float *row = app_array(count, 1, 1, sizeof *row, e);
    float *img = row ? app_array(numbers, 1, 1, sizeof *img, e) : NULL;
    app_status status = img ? APP_OK : APP_FAILED;
    if (img) {
        for (size_t i = 0; i < count; i++)
            row[i] = (float)codes[i];
        const atl_array in = {
            "codes", ATL_F32, c->depth > 1 ? 3 : 2, { 1, (int64_t)count / c->depth, c->depth }, row
        };
        status = run(c, "decode", &in, "img", img, numbers, e);
    }
    if (status == APP_OK && atl_image_init(c->ctx, c->width, c->height, c->channels == 3 ? 3 : 1, image) != ATL_OK)
        status = app_fail_ctx(e, c->ctx);
    if (status == APP_OK)
        from_float(c, img, image);
    free(row);
    free(img);
    return status;
}

// ---- files

size_t app_codes_row(const app_codes *c) {
    size_t map = (size_t)c->rows * (size_t)c->columns * (size_t)c->depth;
    return c->levels == 2 ? map + map / 4 : map;
}

// Numbers of an array as codes, `row` of each picture from `at` on.
static app_status take(const char *source, const atl_array *a, size_t row, size_t at, app_codes *codes,
                       app_error *e) {
    size_t count = (size_t)atl_array_count(a), whole = app_codes_row(codes);
    float *numbers = app_array(count, 1, 1, sizeof *numbers, e);
    app_status status = numbers ? APP_OK : APP_FAILED;
    if (numbers)
        atl_array_read_f32(a, 0, (int64_t)count, numbers);
    for (size_t i = 0; status == APP_OK && i < count; i++) {
        if (!(numbers[i] >= 0 && numbers[i] < 16777216.0f) || numbers[i] != (float)(int32_t)numbers[i])
            status = app_fail(e, "%s: number %zu, %g, is no code", source, i, (double)numbers[i]);
        else
            codes->items[i / row * whole + at + i % row] = (int32_t)numbers[i];
    }
    free(numbers);
    return status;
}

// Of the map that stands alone, or of the bottom one.
static app_status read_sizes(const char *source, const atl_array *a, app_codes *codes, app_error *e) {
    char shape[APP_SHAPE];
    int first = a->rank > 2; // of rows and columns
    if (a->rank < 2 || a->rank > 4 || atl_array_count(a) < 1 || a->dims[first] > SIDE_MOST ||
        a->dims[first + 1] > SIDE_MOST || (a->rank == 4 && (a->dims[3] > DEPTH_MOST || codes->levels > 1)))
        return app_fail(e,
                        "%s: codes of shape %s; expected [N, rows, columns], [rows, columns] or "
                        "[N, rows, columns, codes of each]",
                        source, app_tensor_shape(a, shape));
    codes->rows = (int)a->dims[first];
    codes->columns = (int)a->dims[first + 1];
    codes->depth = a->rank == 4 ? (int)a->dims[3] : 1;
    codes->count =
        (size_t)atl_array_count(a) / ((size_t)codes->rows * (size_t)codes->columns * (size_t)codes->depth);
    return APP_OK;
}

static app_status check_top(const char *source, const atl_array *top, const app_codes *codes, app_error *e) {
    char shape[APP_SHAPE];
    int first = top ? top->rank > 2 : 0;
    if (!top)
        return app_fail(e, "%s: has a \"bottom\" map of codes and no \"top\" one", source);
    if (top->rank < 2 || top->rank > 3 || codes->rows % 2 || codes->columns % 2 ||
        top->dims[first] != codes->rows / 2 || top->dims[first + 1] != codes->columns / 2 ||
        (size_t)atl_array_count(top) * 4 != codes->count * (size_t)codes->rows * (size_t)codes->columns)
        return app_fail(e, "%s: \"top\" of shape %s, where the %zu bottom maps of %d x %d want half the sides",
                        source, app_tensor_shape(top, shape), codes->count, codes->rows, codes->columns);
    return APP_OK;
}

app_status app_codes_read(atl_ctx *ctx, const char *source, app_codes *codes, app_error *e) {
    static const char *const usual[] = { "codes", "indices", "bottom", NULL };
    atl_arrays *set = NULL;
    const atl_array *a = NULL, *top = NULL;
    *codes = (app_codes){ .levels = 1 };
    if (app_tensor_open(ctx, source, usual, &set, &a, e) != APP_OK)
        return APP_FAILED;
    if (!strcmp(a->name, "bottom")) {
        codes->levels = 2;
        top = atl_arrays_find(set, "top");
    }
    app_status status = read_sizes(source, a, codes, e);
    if (status == APP_OK && codes->levels == 2)
        status = check_top(source, top, codes, e);
    if (status == APP_OK)
        codes->items = app_array(codes->count, app_codes_row(codes), 1, sizeof *codes->items, e);
    status = codes->items ? status : APP_FAILED;
    size_t map = (size_t)codes->rows * (size_t)codes->columns * (size_t)codes->depth;
    if (status == APP_OK && top)
        status = take(source, top, map / 4, 0, codes, e);
    if (status == APP_OK)
        status = take(source, a, map, top ? map / 4 : 0, codes, e);
    atl_arrays_close(&set);
    if (status != APP_OK)
        app_codes_clear(codes);
    return status;
}

static app_status write_two(atl_ctx *ctx, const char *path, const app_codes *codes, app_error *e) {
    size_t n = codes->count, map = (size_t)codes->rows * (size_t)codes->columns, row = map + map / 4;
    int32_t *top = app_array(n, map / 4, 1, sizeof *top, e),
            *bottom = top ? app_array(n, map, 1, sizeof *bottom, e) : NULL;
    app_status status = bottom ? APP_OK : APP_FAILED;
    for (size_t i = 0; bottom && i < n; i++) {
        memcpy(top + i * (map / 4), codes->items + i * row, map / 4 * sizeof *top);
        memcpy(bottom + i * map, codes->items + i * row + map / 4, map * sizeof *bottom);
    }
    const atl_array list[] = { { "top", ATL_I32, 3, { (int64_t)n, codes->rows / 2, codes->columns / 2 }, top },
                               { "bottom", ATL_I32, 3, { (int64_t)n, codes->rows, codes->columns }, bottom } };
    if (status == APP_OK && atl_npz_write(ctx, path, list, 2) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    free(top);
    free(bottom);
    return status;
}

app_status app_codes_write(atl_ctx *ctx, const char *path, const app_codes *codes, app_error *e) {
    const atl_array a = { "codes",
                          ATL_I32,
                          codes->depth > 1 ? 4 : 3,
                          { (int64_t)codes->count, codes->rows, codes->columns, codes->depth },
                          codes->items };
    if (codes->levels == 2)
        return write_two(ctx, path, codes, e);
    return atl_npz_write(ctx, path, &a, 1) == ATL_OK ? APP_OK : app_fail_ctx(e, ctx);
}

void app_codes_clear(app_codes *codes) {
    free(codes->items);
    *codes = (app_codes){ 0 };
}
