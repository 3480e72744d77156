// SPDX-License-Identifier: Apache-2.0
// A white sheet to draw figures on: rectangles, lines with smooth edges, and text in letters of dots.
#ifndef APP_CANVAS_H
#define APP_CANVAS_H

#include <stdint.h>
#include <atelier/image.h>
#include "error.h"

typedef struct app_colour {
    uint8_t r, g, b;
} app_colour;

typedef struct app_canvas {
    atl_ctx *ctx;
    atl_image image;
    int dot; // pixels of a letter's dot, and of a thin line
} app_canvas;

app_status app_canvas_open(app_canvas *c, atl_ctx *ctx, int width, int height, int dot, app_error *e);
app_status app_canvas_save(const app_canvas *c, const char *path, app_error *e); // PNG
void app_canvas_close(app_canvas *c);                                            // a zeroed struct is fine

// What lies outside of the sheet is left out, in all of them.
void app_canvas_pixel(app_canvas *c, int x, int y, app_colour colour);
void app_canvas_box(app_canvas *c, int x, int y, int width, int height, app_colour colour);
void app_canvas_frame(app_canvas *c, int x, int y, int width, int height,
                      app_colour colour); // its inside is kept
void app_canvas_line(app_canvas *c, double x0, double y0, double x1, double y1, double width,
                     app_colour colour);

// The least width and the height of a line of text.
int app_canvas_text_width(const app_canvas *c, const char *text);
int app_canvas_text_height(const app_canvas *c);

// Anchor: 0 the text begins at x, 1 it is in the middle of it, 2 it ends there.  y: its top.  Bytes that are
// no ASCII letter, digit or sign are drawn as '?'.
void app_canvas_text(app_canvas *c, int x, int y, int anchor, const char *text, app_colour colour);

// From dark blue (0) to yellow (1), evenly bright: the colour map viridis of van der Walt and Smith (CC0).
app_colour app_colour_map(double t);

#endif
