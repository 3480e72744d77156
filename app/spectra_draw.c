// SPDX-License-Identifier: Apache-2.0
// Figures of spectra: a heat map of all frequencies, and curves along two directions.  Both are in decibels,
// to which white noise of the pictures' deviation is 0.
#include <stdio.h>
#include <stdlib.h>
#include "canvas.h"
#include "files.h"
#include "memory.h"
#include "spectra.h"

enum { SIDE_MOST = 32768, CURVES = 8 };

static const app_colour BLACK = { 0, 0, 0 }, GRAY = { 210, 210, 210 };

// ---- reading

typedef struct table {
    int n, side; // frequencies in a row; the pictures' size
    float *db;   // [n, n], zero in the middle (n / 2)
} table;

static app_status read_side(const atl_arrays *set, const char *path, int n, int *side, app_error *e) {
    const atl_array *a = atl_arrays_find(set, "image_size");
    float x;
    if (!a || atl_array_count(a) != 1)
        return app_fail(e, "%s: has no number image_size: is it a file of 'atelier spectra calc'?", path);
    atl_array_read_f32(a, 0, 1, &x);
    if (!(x >= 1) || x > (float)n || n % (int)x)
        return app_fail(e, "%s: image_size %g does not go with a spectrum of %d", path, (double)x, n);
    *side = (int)x;
    return APP_OK;
}

// Powers become decibels, and the frequency zero comes from the corner to the middle.
static app_status to_decibels(table *t, const atl_array *a, const char *path, app_error *e) {
    size_t n = (size_t)t->n, half = n / 2;
    float *row = app_array(n, 1, 1, sizeof *row, e);
    if (!row)
        return APP_FAILED;
    for (size_t y = 0; y < n; y++) {
        atl_array_read_f32(a, (int64_t)(y * n), (int64_t)n, row);
        for (size_t x = 0; x < n; x++) {
            if (!isfinite(row[x]) || row[x] < 0) {
                free(row);
                return app_fail(e, "%s: holds powers that are no numbers, or negative", path);
            }
            t->db[(y + half) % n * n + (x + half) % n] = 10 * log10f(fmaxf(row[x], 1e-30f));
        }
    }
    free(row);
    return APP_OK;
}

static app_status take(table *t, const atl_arrays *set, const char *path, app_error *e) {
    const atl_array *a = atl_arrays_find(set, "spectrum");
    if (!a || a->rank != 2 || a->dims[0] != a->dims[1] || a->dims[0] < 4 || a->dims[0] > SIDE_MOST)
        return app_fail(e, "%s: has no square array spectrum: is it a file of 'atelier spectra calc'?", path);
    t->n = (int)a->dims[0];
    if (read_side(set, path, t->n, &t->side, e) != APP_OK)
        return APP_FAILED;
    t->db = app_array((size_t)t->n, (size_t)t->n, 1, sizeof *t->db, e);
    return t->db ? to_decibels(t, a, path, e) : APP_FAILED;
}

static void table_clear(table *t) {
    free(t->db);
    *t = (table){ 0 };
}

// ---- smoothing: a Gaussian on the torus that frequencies are

static void smooth_line(const float *in, float *out, size_t n, size_t step, const float *weights, int reach) {
    for (size_t i = 0; i < n; i++) {
        float sum = weights[0] * in[i * step];
        for (int k = 1; k <= reach; k++)
            sum += weights[k] * (in[(i + (size_t)k) % n * step] + in[(i + n - (size_t)k) % n * step]);
        out[i] = sum;
    }
}

static app_status smooth(table *t, double width, app_error *e) {
    double sigma = width * t->n / t->side, sum = 0;
    size_t n = (size_t)t->n;
    int reach = (int)fmin(ceil(4 * sigma), t->n / 2 - 1);
    if (!(sigma > 0))
        return APP_OK;
    float *weights = app_array((size_t)reach + 1, 1, 1, sizeof *weights, e);
    float *line = weights ? app_array(n, 1, 1, sizeof *line, e) : NULL;
    for (int k = 0; line && k <= reach; k++) {
        double w = exp(-0.5 * k * k / (sigma * sigma));
        weights[k] = (float)w;
        sum += k ? 2 * w : w;
    }
    for (int k = 0; line && k <= reach; k++)
        weights[k] = (float)(weights[k] / sum);
    for (size_t i = 0; line && i < 2 * n; i++) { // rows, then columns
        float *first = i < n ? t->db + i * n : t->db + (i - n);
        size_t step = i < n ? 1 : n;
        smooth_line(first, line, n, step, weights, reach);
        for (size_t k = 0; k < n; k++)
            first[k * step] = line[k];
    }
    app_status status = line ? APP_OK : APP_FAILED;
    free(weights);
    free(line);
    return status;
}

static app_status table_open(atl_ctx *ctx, const char *path, double width, table *t, app_error *e) {
    atl_arrays *set;
    *t = (table){ 0 };
    if (atl_arrays_open(ctx, path, &set) != ATL_OK)
        return app_fail_ctx(e, ctx);
    app_status status = take(t, set, path, e);
    atl_arrays_close(&set);
    if (status == APP_OK)
        status = smooth(t, width, e);
    if (status != APP_OK)
        table_clear(t);
    return status;
}

// ---- axes

typedef struct range {
    double low, high, step; // in decibels, all whole tens or more
} range;

static range range_of(double low, double high) {
    range r = { floor(low / 10) * 10, ceil(high / 10) * 10, 10 };
    if (r.high - r.low < 10)
        r.high = r.low + 10;
    r.low = fmax(r.low, r.high - 100); // what lies below is the floor of rounding
    if (r.high - r.low > 60) {
        r.step = 20;
        r.low = floor(r.low / 20) * 20; // so that 0 is among the numbers
    }
    return r;
}

static void number_at(app_canvas *c, int x, int y, int anchor, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.0f", value);
    app_canvas_text(c, x, y - app_canvas_text_height(c) / 2, anchor, text, BLACK);
}

// Frequencies below and left of a box: from -pi or 0 to pi.
static void frequency_axis(app_canvas *c, int x, int y, int width, int negative) {
    static const char *const words[] = { "-pi", "-pi/2", "0", "pi/2", "pi" };
    int first = negative ? 0 : 2, steps = 4 - first;
    for (int i = 0; i <= steps; i++)
        app_canvas_text(c, x + width * i / steps, y + 3 * c->dot, 1, words[first + i], BLACK);
}

// ---- the heat map

// Between the four frequencies around.
static double value_at(const table *t, double x, double y) {
    int n = t->n, i = (int)floor(x), j = (int)floor(y);
    double a = x - i, b = y - j;
    const float *r0 = t->db + (size_t)((j % n + n) % n) * (size_t)n,
                *r1 = t->db + (size_t)((j + 1) % n) * (size_t)n;
    int i0 = (i % n + n) % n, i1 = (i + 1) % n;
    return (1 - b) * ((1 - a) * (double)r0[i0] + a * (double)r0[i1]) +
           b * ((1 - a) * (double)r1[i0] + a * (double)r1[i1]);
}

static void draw_map(app_canvas *c, const table *t, range r, int left, int top, int size) {
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            double v = value_at(t, (x + 0.5) * t->n / size, t->n - (y + 0.5) * t->n / size); // up is positive
            app_canvas_pixel(c, left + x, top + y, app_colour_map((v - r.low) / (r.high - r.low)));
        }
    app_canvas_frame(c, left, top, size, size, BLACK);
    frequency_axis(c, left, top + size, size, 1);
    for (int i = 0; i <= 4; i++) {
        static const char *const words[] = { "pi", "pi/2", "0", "-pi/2", "-pi" };
        app_canvas_text(c, left - 4 * c->dot, top + size * i / 4 - app_canvas_text_height(c) / 2, 2, words[i],
                        BLACK);
    }
}

static void draw_scale(app_canvas *c, range r, int left, int top, int width, int height) {
    for (int y = 0; y < height; y++) {
        app_colour colour = app_colour_map(1 - (y + 0.5) / height);
        app_canvas_box(c, left, top + y, width, 1, colour);
    }
    app_canvas_frame(c, left, top, width, height, BLACK);
    for (double v = r.low; v <= r.high; v += r.step)
        number_at(c, left + width + 4 * c->dot, top + (int)lrint(height * (r.high - v) / (r.high - r.low)), 0,
                  v);
    app_canvas_text(c, left + width / 2, top + height + 3 * c->dot, 1, "dB", BLACK);
}

static int dots_of(int dpi) {
    return dpi < 120 ? 1 : (dpi + 40) / 80;
}

static app_status draw_heatmap(atl_ctx *ctx, const table *t, const app_spectra_figure *f, app_error *e) {
    int width = 6 * f->dpi, height = 5 * f->dpi, size = 43 * f->dpi / 10, left = 7 * f->dpi / 10,
        top = 3 * f->dpi / 10;
    double low = INFINITY, high = -INFINITY;
    app_canvas c;
    for (size_t i = 0; i < (size_t)t->n * (size_t)t->n; i++) {
        low = fmin(low, t->db[i]);
        high = fmax(high, t->db[i]);
    }
    if (app_canvas_open(&c, ctx, width, height, dots_of(f->dpi), e) != APP_OK)
        return APP_FAILED;
    range r = range_of(low, high);
    draw_map(&c, t, r, left, top, size);
    draw_scale(&c, r, left + size + f->dpi / 5, top, f->dpi / 5, size);
    app_status status = app_canvas_save(&c, f->dest, e);
    app_canvas_close(&c);
    return status;
}

app_status app_spectra_heatmap(atl_ctx *ctx, const char *path, const app_spectra_figure *f, app_error *e) {
    table t;
    if (table_open(ctx, path, f->smooth, &t, e) != APP_OK)
        return APP_FAILED;
    app_status status = draw_heatmap(ctx, &t, f, e);
    table_clear(&t);
    return status;
}

// ---- slices

typedef struct curve {
    int n, count;    // frequencies of the spectrum; of them 0 to n / 2
    float *along[2]; // in decibels: (f, 0) and (f, f)
    const char *name;
} curve;

typedef struct figure {
    app_canvas canvas;
    const curve *curves;
    size_t count;
    range range;
    int left, top, width, height; // of the box at hand
} figure;

static app_status curve_open(atl_ctx *ctx, const char *path, double width, curve *c, app_error *e) {
    table t;
    if (table_open(ctx, path, width, &t, e) != APP_OK)
        return APP_FAILED;
    int count = t.n / 2 + 1;
    size_t n = (size_t)t.n, at = n / 2;
    for (int k = 0; k < 2; k++)
        c->along[k] = app_array((size_t)count, 1, 1, sizeof(float), e);
    c->n = t.n;
    c->count = count;
    c->name = app_file_name(path);
    for (size_t i = 0; c->along[0] && c->along[1] && i < (size_t)count; i++) {
        size_t there = (at + i) % n; // pi is -pi
        c->along[0][i] = t.db[at * n + there];
        c->along[1][i] = t.db[there * n + there];
    }
    table_clear(&t);
    return c->along[0] && c->along[1] ? APP_OK : APP_FAILED;
}

static double height_of(const figure *f, double db) {
    double t = (f->range.high - db) / (f->range.high - f->range.low);
    return f->top + f->height * fmin(1, fmax(0, t));
}

static void draw_curve(figure *f, const curve *c, int which, app_colour colour) {
    const float *db = c->along[which];
    double step = 2.0 * f->width / c->n, width = 1.5 * f->canvas.dot;
    for (int i = 0; i + 1 < c->count; i++)
        app_canvas_line(&f->canvas, f->left + step * i, height_of(f, db[i]), f->left + step * (i + 1),
                        height_of(f, db[i + 1]), width, colour);
}

static const app_colour colours[CURVES] = { { 31, 119, 180 },  { 255, 127, 14 },  { 44, 160, 44 },
                                            { 214, 39, 40 },   { 148, 103, 189 }, { 140, 86, 75 },
                                            { 227, 119, 194 }, { 90, 90, 90 } };

static void draw_box(figure *f, int which) {
    app_canvas *c = &f->canvas;
    for (double v = f->range.low; v <= f->range.high; v += f->range.step) {
        int y = (int)lrint(height_of(f, v));
        app_canvas_box(c, f->left, y, f->width, c->dot, GRAY);
        number_at(c, f->left - 4 * c->dot, y, 2, v);
    }
    app_canvas_box(c, f->left + f->width / 2, f->top, c->dot, f->height, GRAY);
    app_canvas_frame(c, f->left, f->top, f->width, f->height, BLACK);
    frequency_axis(c, f->left, f->top + f->height, f->width, 0);
    app_canvas_text(c, f->left + f->width / 2, f->top - app_canvas_text_height(c) - 3 * c->dot, 1,
                    which ? "45 degrees, dB" : "0 degrees, dB", BLACK);
    for (size_t i = 0; i < f->count; i++)
        draw_curve(f, &f->curves[i], which, colours[i]);
}

static void draw_names(figure *f, int left, int top) {
    app_canvas *c = &f->canvas;
    int step = app_canvas_text_height(c) + 3 * c->dot;
    for (size_t i = 0; i < f->count; i++) {
        app_canvas_box(c, left, top + step * (int)i + 3 * c->dot, 16 * c->dot, 2 * c->dot, colours[i]);
        app_canvas_text(c, left + 22 * c->dot, top + step * (int)i, 0, f->curves[i].name, BLACK);
    }
}

static app_status draw_slices(atl_ctx *ctx, const curve *curves, size_t count, const app_spectra_figure *o,
                              app_error *e) {
    figure f = { .curves = curves, .count = count };
    double low = INFINITY, high = -INFINITY;
    int d = dots_of(o->dpi), names = (int)count * (9 + 3) * d + o->dpi / 5;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 2 * curves[i].count; k++) {
            double v = (double)curves[i].along[k % 2][k / 2];
            low = fmin(low, v);
            high = fmax(high, v);
        }
    f.range = range_of(low, high);
    f.width = 37 * o->dpi / 10;
    f.height = 4 * o->dpi;
    f.top = 4 * o->dpi / 10;
    if (app_canvas_open(&f.canvas, ctx, 9 * o->dpi, 48 * o->dpi / 10 + names, d, e) != APP_OK)
        return APP_FAILED;
    for (int which = 0; which < 2; which++) {
        f.left = 6 * o->dpi / 10 + which * 44 * o->dpi / 10;
        draw_box(&f, which);
    }
    draw_names(&f, 6 * o->dpi / 10, 48 * o->dpi / 10);
    app_status status = app_canvas_save(&f.canvas, o->dest, e);
    app_canvas_close(&f.canvas);
    return status;
}

app_status app_spectra_slices(atl_ctx *ctx, const char *const *paths, size_t count,
                              const app_spectra_figure *f, app_error *e) {
    curve curves[CURVES] = { 0 };
    app_status status = APP_OK;
    if (count > CURVES)
        return app_fail(e, "%zu files: slices of at most %d are drawn in one figure", count, CURVES);
    for (size_t i = 0; i < count && status == APP_OK; i++)
        status = curve_open(ctx, paths[i], f->smooth, &curves[i], e);
    if (status == APP_OK)
        status = draw_slices(ctx, curves, count, f, e);
    for (size_t i = 0; i < count; i++) {
        free(curves[i].along[0]);
        free(curves[i].along[1]);
    }
    return status;
}
