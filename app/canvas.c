// SPDX-License-Identifier: Apache-2.0
// Drawing into a picture of RGB; see canvas.h.
#include "canvas.h"

#include <math.h>
#include <string.h>
#include "font.h"

app_status app_canvas_open(app_canvas *c, atl_ctx *ctx, int width, int height, int dot, app_error *e) {
    *c = (app_canvas){ .ctx = ctx, .dot = dot };
    if (atl_image_init(ctx, width, height, 3, &c->image) != ATL_OK)
        return app_fail_ctx(e, ctx);
    memset(c->image.pixels, 255, (size_t)width * (size_t)height * 3);
    return APP_OK;
}

app_status app_canvas_save(const app_canvas *c, const char *path, app_error *e) {
    if (atl_image_write(c->ctx, path, "png", &c->image, 0, NULL, 0) != ATL_OK)
        return app_fail_ctx(e, c->ctx);
    return APP_OK;
}

void app_canvas_close(app_canvas *c) {
    if (c->ctx)
        atl_image_clear(c->ctx, &c->image);
    *c = (app_canvas){ 0 };
}

static uint8_t *at(app_canvas *c, int x, int y) {
    if (x < 0 || y < 0 || x >= c->image.width || y >= c->image.height)
        return NULL;
    return c->image.pixels + ((size_t)y * (size_t)c->image.width + (size_t)x) * 3;
}

// A part of the colour over what is there.
static void blend(app_canvas *c, int x, int y, double part, app_colour colour) {
    const uint8_t own[3] = { colour.r, colour.g, colour.b };
    uint8_t *p = at(c, x, y);
    for (int i = 0; p && i < 3; i++)
        p[i] = (uint8_t)lrint(p[i] + part * (own[i] - p[i]));
}

void app_canvas_pixel(app_canvas *c, int x, int y, app_colour colour) {
    blend(c, x, y, 1, colour);
}

void app_canvas_box(app_canvas *c, int x, int y, int width, int height, app_colour colour) {
    for (int j = y; j < y + height; j++)
        for (int i = x; i < x + width; i++)
            blend(c, i, j, 1, colour);
}

void app_canvas_frame(app_canvas *c, int x, int y, int width, int height, app_colour colour) {
    int d = c->dot;
    app_canvas_box(c, x - d, y - d, width + 2 * d, d, colour);
    app_canvas_box(c, x - d, y + height, width + 2 * d, d, colour);
    app_canvas_box(c, x - d, y, d, height, colour);
    app_canvas_box(c, x + width, y, d, height, colour);
}

// A pixel is covered by as much as its middle lies inside of the line's edge.
void app_canvas_line(app_canvas *c, double x0, double y0, double x1, double y1, double width,
                     app_colour colour) {
    double dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy, r = width / 2;
    int left = (int)floor(fmin(x0, x1) - r - 1), right = (int)ceil(fmax(x0, x1) + r + 1);
    int top = (int)floor(fmin(y0, y1) - r - 1), bottom = (int)ceil(fmax(y0, y1) + r + 1);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            double px = x + 0.5 - x0, py = y + 0.5 - y0;
            double t = length > 0 ? fmin(1, fmax(0, (px * dx + py * dy) / length)) : 0;
            double part = r + 0.5 - hypot(px - t * dx, py - t * dy);
            if (part > 0)
                blend(c, x, y, fmin(1, part), colour);
        }
}

int app_canvas_text_width(const app_canvas *c, const char *text) {
    size_t count = strlen(text);
    return count ? ((int)count * (APP_FONT_WIDTH + 1) - 1) * c->dot : 0;
}

int app_canvas_text_height(const app_canvas *c) {
    return APP_FONT_HEIGHT * c->dot;
}

void app_canvas_text(app_canvas *c, int x, int y, int anchor, const char *text, app_colour colour) {
    int d = c->dot;
    x -= anchor * app_canvas_text_width(c, text) / 2;
    for (; *text; text++, x += (APP_FONT_WIDTH + 1) * d) {
        const uint8_t *rows = app_font_glyph(*text);
        for (int j = 0; j < APP_FONT_HEIGHT; j++)
            for (int i = 0; i < APP_FONT_WIDTH; i++)
                if (rows[j] >> (APP_FONT_WIDTH - 1 - i) & 1)
                    app_canvas_box(c, x + i * d, y + j * d, d, d, colour);
    }
}

app_colour app_colour_map(double t) {
    static const uint8_t stops[][3] = { { 68, 1, 84 },    { 71, 44, 122 },  { 59, 81, 139 },
                                        { 44, 113, 142 }, { 33, 144, 141 }, { 39, 173, 129 },
                                        { 92, 200, 99 },  { 170, 220, 50 }, { 253, 231, 37 } };
    enum { LAST = sizeof stops / sizeof *stops - 1 };
    double at = t > 0 ? fmin(t, 1) * LAST : 0; // NaN is 0
    int i = (int)fmin(at, LAST - 1);
    uint8_t out[3];
    for (int k = 0; k < 3; k++)
        out[k] = (uint8_t)lrint(stops[i][k] + (at - i) * (stops[i + 1][k] - stops[i][k]));
    return (app_colour){ out[0], out[1], out[2] };
}
