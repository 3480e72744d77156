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
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ports[i].name, "codes")) {
            codes = ports[i].dims[1];
            c->depth = ports[i].rank > 2 ? (int)ports[i].dims[2] : 1;
        }
    for (c->step = 1; c->step < c->width && (int64_t)(c->width / c->step) * (c->height / c->step) > codes;
         c->step *= 2)
        ;
    const atl_array *book = atl_model_tensor(c->model, "quantize.embedding.weight");
    book = book ? book : atl_model_tensor(c->model, "quantize.embed.weight");
    book = book ? book : atl_model_tensor(c->model, "quantizer.embedding.weight");
    if (!book || !codes || (int64_t)(c->width / c->step) * (c->height / c->step) != codes)
        return app_fail(e, "%s: has no codes that are known", path);
    c->codes = (int)book->dims[0];
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
    return (size_t)(c->width / c->step) * (size_t)(c->height / c->step) * (size_t)c->depth;
}

// ---- pictures

// The pixels in [-1, 1], [3, height, width]; gray is repeated, transparency dropped.
static void to_float(const atl_image *image, float *out) {
    size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            out[c * pixels + i] = (float)image->pixels[i * channels + (channels < 3 ? 0 : c)] / 127.5f - 1.0f;
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
    size_t count = app_codec_count(c), numbers = 3 * (size_t)c->width * (size_t)c->height;
    atl_image image = { 0 };
    if (atl_image_read(c->ctx, picture, &image) != ATL_OK)
        return app_fail_ctx(e, c->ctx);
    app_status status = APP_OK;
    if (image.width != c->width || image.height != c->height)
        status = app_fail(e, "%s: has %d x %d pixels where %d x %d are needed, as those of the first picture",
                          picture, image.width, image.height, c->width, c->height);
    float *img = status == APP_OK ? app_array(numbers, 1, 1, sizeof *img, e) : NULL;
    float *found = img ? app_array(count, 1, 1, sizeof *found, e) : NULL;
    if (found) {
        to_float(&image, img);
        const atl_array in = { "img", ATL_F32, 4, { 1, 3, c->height, c->width }, img };
        status = run(c, "encode", &in, "codes", found, count, e);
    } else {
        status = APP_FAILED;
    }
    for (size_t i = 0; status == APP_OK && i < count; i++)
        codes[i] = (int32_t)found[i];
    atl_image_clear(c->ctx, &image);
    free(img);
    free(found);
    return status;
}

app_status app_codec_decode(app_codec *c, const int32_t *codes, atl_image *image, app_error *e) {
    size_t count = app_codec_count(c), numbers = 3 * (size_t)c->width * (size_t)c->height;
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
    if (status == APP_OK && atl_image_init(c->ctx, c->width, c->height, 3, image) != ATL_OK)
        status = app_fail_ctx(e, c->ctx);
    if (status == APP_OK)
        atl_image_from_float(img, image);
    free(row);
    free(img);
    return status;
}

// ---- files

app_status app_codes_read(atl_ctx *ctx, const char *source, app_codes *codes, app_error *e) {
    static const char *const usual[] = { "codes", "indices", NULL };
    atl_arrays *set = NULL;
    const atl_array *a = NULL;
    char shape[APP_SHAPE];
    *codes = (app_codes){ 0 };
    if (app_tensor_open(ctx, source, usual, &set, &a, e) != APP_OK)
        return APP_FAILED;
    int first = a->rank > 2; // of rows and columns
    app_status status = APP_OK;
    if (a->rank < 2 || a->rank > 4 || atl_array_count(a) < 1 || a->dims[first] > SIDE_MOST ||
        a->dims[first + 1] > SIDE_MOST || (a->rank == 4 && a->dims[3] > DEPTH_MOST))
        status = app_fail(e,
                          "%s: codes of shape %s; expected [N, rows, columns], [rows, columns] or "
                          "[N, rows, columns, codes of each]",
                          source, app_tensor_shape(a, shape));
    size_t count = (size_t)atl_array_count(a);
    float *numbers = status == APP_OK ? app_array(count, 1, 1, sizeof *numbers, e) : NULL;
    codes->items = numbers ? app_array(count, 1, 1, sizeof *codes->items, e) : NULL;
    if (codes->items) {
        codes->rows = (int)a->dims[first];
        codes->columns = (int)a->dims[first + 1];
        codes->depth = a->rank == 4 ? (int)a->dims[3] : 1;
        codes->count = count / ((size_t)codes->rows * (size_t)codes->columns * (size_t)codes->depth);
        atl_array_read_f32(a, 0, (int64_t)count, numbers);
    } else {
        status = APP_FAILED;
    }
    for (size_t i = 0; status == APP_OK && i < count; i++) {
        if (!(numbers[i] >= 0 && numbers[i] < 16777216.0f) || numbers[i] != (float)(int32_t)numbers[i])
            status = app_fail(e, "%s: number %zu, %g, is no code", source, i, (double)numbers[i]);
        else
            codes->items[i] = (int32_t)numbers[i];
    }
    free(numbers);
    atl_arrays_close(&set);
    if (status != APP_OK)
        app_codes_clear(codes);
    return status;
}

app_status app_codes_write(atl_ctx *ctx, const char *path, const app_codes *codes, app_error *e) {
    const atl_array a = { "codes",
                          ATL_I32,
                          codes->depth > 1 ? 4 : 3,
                          { (int64_t)codes->count, codes->rows, codes->columns, codes->depth },
                          codes->items };
    return atl_npz_write(ctx, path, &a, 1) == ATL_OK ? APP_OK : app_fail_ctx(e, ctx);
}

void app_codes_clear(app_codes *codes) {
    free(codes->items);
    *codes = (app_codes){ 0 };
}
