// SPDX-License-Identifier: Apache-2.0
// The pictures of the report: grids made small, kept as JPEG in the folder .report of the run, as data:
// addresses.
#include <dirent.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <atelier/image.h>
#include "files.h"
#include "grid.h"
#include "json.h"
#include "memory.h"
#include "report_parts.h"

enum { WIDEST = 1000, SHOWN = 16, FILES_MOST = 20000, QUALITY = 80, JPEG_MOST = 4 << 20 };

// ---- Smaller pictures

// A rectangle of a picture.
typedef struct part {
    int width, height; // from its top left corner
} part;

// One row of the source, squeezed: out[x][c] += weight * mean over the pixels that fall into x.  The source
// has `from` channels per pixel, of which the first `channels` are used.
static void squeeze_row(const uint8_t *row, int from, int channels, int source, int width, double weight,
                        float *out) {
    for (int x = 0; x < width; x++) {
        double left = (double)x * source / width, right = (double)(x + 1) * source / width;
        int last = (int)ceil(right) < source ? (int)ceil(right) : source;
        for (int i = (int)left; i < last; i++) {
            double low = i > left ? i : left, high = i + 1 < right ? i + 1 : right;
            float w = (float)((high - low) / (right - left) * weight);
            for (int c = 0; c < channels; c++)
                out[x * channels + c] += w * row[i * from + c];
        }
    }
}

// `p` of `from` to the size of `to`, which is no larger: each pixel the mean of the area it covers.
static app_status squeeze(const atl_image *from, part p, atl_image *to, app_error *e) {
    size_t numbers = (size_t)to->width * (size_t)to->channels;
    float *row = app_array(numbers, 1, 1, sizeof *row, e);
    if (!row)
        return APP_FAILED;
    for (int y = 0; y < to->height; y++) {
        double top = (double)y * p.height / to->height, bottom = (double)(y + 1) * p.height / to->height;
        int last = (int)ceil(bottom) < p.height ? (int)ceil(bottom) : p.height;
        memset(row, 0, numbers * sizeof *row);
        for (int i = (int)top; i < last; i++) {
            double low = i > top ? i : top, high = i + 1 < bottom ? i + 1 : bottom;
            squeeze_row(from->pixels + (size_t)i * (size_t)from->width * (size_t)from->channels,
                        from->channels, to->channels, p.width, to->width, (high - low) / (bottom - top), row);
        }
        for (size_t x = 0; x < numbers; x++)
            to->pixels[(size_t)y * numbers + x] = (uint8_t)(row[x] + 0.5f < 255 ? row[x] + 0.5f : 255);
    }
    free(row);
    return APP_OK;
}

// Writes a part of a picture as a JPEG at most WIDEST wide.
static app_status write_small(app_report *r, const atl_image *image, part p, const char *path) {
    int width = p.width < WIDEST ? p.width : WIDEST;
    int height = (int)lround((double)p.height * width / p.width);
    atl_image small;
    int channels = image->channels < 3 ? 1 : 3; // JPEG has no transparency
    if (atl_image_init(r->ctx, width, height > 0 ? height : 1, channels, &small) != ATL_OK)
        return app_fail_ctx(r->e, r->ctx);
    app_status status = squeeze(image, p, &small, r->e);
    if (status == APP_OK && atl_image_write(r->ctx, path, "jpg", &small, QUALITY, NULL, 0) != ATL_OK)
        status = app_fail_ctx(r->e, r->ctx);
    atl_image_clear(r->ctx, &small);
    return status;
}

// Width and height of one picture, where the grid has the number of pictures that such ones get; else a
// guess.
static part tile_of(const atl_image *image) {
    part tile = { WIDEST / 8, WIDEST / 8 };
    for (int n = 1; n <= image->width || n <= image->height; n++) {
        int across, down;
        app_grid_size(n, n, &across, &down);
        if (image->width == across * n)
            tile.width = n;
        if (image->height == down * n)
            tile.height = n;
    }
    return tile;
}

// The corner of a grid in which its pictures can be looked at: 3 to 8 whole ones in a row, as many as WIDEST
// holds, and rows in the grid's proportions; all of it when it is hardly larger.
static part detail_of(const atl_image *image) {
    const part whole = { image->width, image->height }, tile = tile_of(image);
    if (image->width < WIDEST)
        return whole;
    int across = WIDEST / tile.width < 3 ? 3 : WIDEST / tile.width > 8 ? 8 : WIDEST / tile.width;
    int width = across * tile.width;
    int down = (int)lround((double)width * image->height / image->width / tile.height);
    if (width >= image->width || down < 1 || down * tile.height > image->height)
        return whole;
    return (part){ width, down * tile.height };
}

// ---- Copies that are kept

// "FOLDER/.report/fakes000200-detail.jpg" for "fakes000200.png", or NULL.
static char *copy_path(const app_report *r, const char *name, const char *suffix) {
    size_t stem = strlen(name) - strlen(".png"), room = stem + strlen(suffix) + 20;
    char *inner = malloc(room), *path = NULL;
    if (inner) {
        snprintf(inner, room, ".report/%.*s%s.jpg", (int)stem, name, suffix);
        path = app_join(r->folder, inner, r->e);
    }
    free(inner);
    return path;
}

static int older(const struct stat *a, const struct stat *b) {
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

// Makes the copies unless they are there and newer than the picture.  A picture without a detail has an empty
// file in its place.
static app_status make_copies(app_report *r, const char *path, const char *small, const char *detail) {
    struct stat source, copy;
    atl_image image;
    if (stat(path, &source) == 0 && stat(detail, &copy) == 0 && !older(&copy, &source) &&
        stat(small, &copy) == 0 && !older(&copy, &source))
        return APP_OK;
    if (atl_image_read(r->ctx, path, &image) != ATL_OK) {
        app_warn(r->e, "%s; it is left out", atl_message(r->ctx));
        atl_message_clear(r->ctx);
        return APP_FAILED;
    }
    part p = detail_of(&image);
    app_status status = write_small(r, &image, (part){ image.width, image.height }, small);
    app_file file = { 0 };
    if (status == APP_OK && p.width < image.width)
        status = write_small(r, &image, p, detail);
    else if (status == APP_OK && (status = app_file_open(&file, detail, r->e)) == APP_OK)
        status = app_file_commit(&file, r->e);
    atl_image_clear(r->ctx, &image);
    return status;
}

// ---- As text

static json_t *data_address(const char *path, app_error *e) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char head[] = "data:image/jpeg;base64,";
    size_t size, at = sizeof head - 1;
    uint8_t *bytes = (uint8_t *)app_file_read(path, JPEG_MOST, &size, e);
    if (!bytes || size == 0) {
        free(bytes);
        return json_null();
    }
    char *text = malloc(sizeof head + (size + 2) / 3 * 4);
    json_t *value = NULL;
    if (text) {
        memcpy(text, head, at);
        for (size_t i = 0; i < size; i += 3) {
            size_t n = size - i < 3 ? size - i : 3; // bytes, in n + 1 digits
            uint32_t v = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (n > 2 ? bytes[i + 2] : 0);
            for (size_t d = 0; d < 4; d++)
                text[at++] = d <= n ? digits[v >> (18 - 6 * d) & 63] : '=';
        }
        value = json_stringn(text, at);
    }
    free(text);
    free(bytes);
    return value;
}

// A picture of the run's folder, or NULL when it can't be read.
static json_t *picture(app_report *r, const char *name, double kimg) {
    char *path = app_join(r->folder, name, r->e), *small = copy_path(r, name, ""),
         *detail = copy_path(r, name, "-detail");
    json_t *o = NULL, *src = NULL;
    r->failed |= !path || !small || !detail;
    if (path && small && detail && make_copies(r, path, small, detail) == APP_OK)
        src = data_address(small, r->e);
    if (json_is_string(src)) {
        o = json_object();
        app_report_put(r, o, "file", app_json_text(name, strlen(name)));
        app_report_put(r, o, "kimg", isnan(kimg) ? json_null() : json_real(kimg));
        app_report_put(r, o, "src", json_incref(src));
        app_report_put(r, o, "detail", data_address(detail, r->e));
    }
    app_excuse(r->e); // a picture less
    json_decref(src);
    free(path);
    free(small);
    free(detail);
    return o;
}

// ---- Which ones

typedef struct grid_name {
    char name[32];
    double kimg; // -1: fakes_init.png
} grid_name;

static int parse_name(const char *name, grid_name *g) {
    static const char head[] = "fakes";
    size_t length = strlen(name);
    if (length >= sizeof g->name || strncmp(name, head, sizeof head - 1))
        return 0;
    const char *digits = name + sizeof head - 1;
    size_t n = strspn(digits, "0123456789");
    int first = !strcmp(digits, "_init.png");
    if (!first && (n == 0 || strcmp(digits + n, ".png")))
        return 0;
    memcpy(g->name, name, length + 1);
    g->kimg = first ? -1 : strtod(digits, NULL);
    return 1;
}

static int by_kimg(const void *a, const void *b) {
    const grid_name *x = a, *y = b;
    return x->kimg != y->kimg ? (x->kimg > y->kimg) - (x->kimg < y->kimg) : strcmp(x->name, y->name);
}

// names [FILES_MOST]; how many there are.
static size_t list_fakes(const app_report *r, grid_name *names) {
    DIR *folder = opendir(r->folder);
    const struct dirent *entry;
    size_t count = 0;
    while (folder && count < FILES_MOST && (entry = readdir(folder)) != NULL)
        count += (size_t)parse_name(entry->d_name, &names[count]);
    if (folder)
        closedir(folder);
    qsort(names, count, sizeof *names, by_kimg);
    return count;
}

// The first, the last and evenly between; a picture that can't be read leaves a gap.
static json_t *fakes(app_report *r, const grid_name *names, size_t count) {
    json_t *list = json_array();
    size_t shown = count < SHOWN ? count : SHOWN;
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown < 2 ? 0 : (i * (count - 1) * 2 + shown - 1) / (2 * (shown - 1)); // rounded
        json_t *one = picture(r, names[at].name, names[at].kimg < 0 ? NAN : names[at].kimg);
        if (one)
            r->failed |= json_array_append_new(list, one) != 0;
    }
    return list;
}

json_t *app_report_pictures(app_report *r) {
    struct stat info;
    json_t *o = json_object(), *reals = NULL;
    char *copies = app_join(r->folder, ".report", r->e), *path = app_join(r->folder, "reals.png", r->e);
    grid_name *names = app_array(FILES_MOST, 1, 1, sizeof *names, r->e);
    size_t count = names ? list_fakes(r, names) : 0;
    int there = path && stat(path, &info) == 0;
    r->failed |= !names || !copies || !path;
    if (copies && lstat(copies, &info) == 0 &&
        S_ISLNK(info.st_mode)) { // whoever made it chose where we would write
        app_warn(r->e, "%s: is a link, which is not followed; the report has no pictures", copies);
        count = (size_t)(there = 0);
    }
    if (!r->failed && (there || count > 0) && app_folder_make(copies, r->e) != APP_OK) {
        count = (size_t)(there = 0); // the page goes without pictures
        app_excuse(r->e);
    }
    if (there)
        reals = picture(r, "reals.png", NAN);
    app_report_put(r, o, "reals", reals ? reals : json_null());
    app_report_put(r, o, "fakes", fakes(r, names, count));
    app_report_put(r, o, "count", json_integer((json_int_t)count));
    free(names);
    free(copies);
    free(path);
    return o;
}
