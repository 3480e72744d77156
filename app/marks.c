// SPDX-License-Identifier: Apache-2.0
// Reading key points from lines, CSV and JSON; see marks.h.
#include "marks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "json.h"
#include "memory.h"

enum { BYTES_MOST = 1 << 26, POINTS_MOST = 1024, PICTURES_MOST = 1 << 16, BOX = 4 };

static const char BLANKS[] = " \t\r,";

typedef struct reading {
    app_marks *marks;
    const char *file;
    char *folder;
    size_t room;
    int boxed; // lines have a box before their points
} reading;

// What one picture has: up to POINTS_MOST points, NAN where they can't be seen, and the longer side of its box.
typedef struct found {
    const char *path;
    float points[2 * POINTS_MOST];
    int count;
    double box;
} found;

// Takes it; `number` says where it stood.  An entry that is not right has a count of 0.
static app_status add(reading *r, const found *f, const char *what, size_t number, app_error *e) {
    app_marks *m = r->marks;
    if (f->count < 1 || (m->size && (size_t)f->count != m->count) || m->size == PICTURES_MOST)
        return app_fail(e,
                        "%s: %s %zu: expected a picture's path%s and x y of each point, the same number in each %s",
                        r->file, what, number, r->boxed ? ", x y width height of its box" : "", what);
    if (m->size == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        app_mark *list = realloc(m->list, room * sizeof *list);
        if (!list)
            return app_fail(e, "out of memory");
        m->list = list;
        r->room = room;
    }
    m->count = (size_t)f->count;
    m->boxes = (m->boxes || !m->size) && f->box > 0.0;
    app_mark *to = &m->list[m->size++];
    *to = (app_mark){ .box = f->box };
    to->path = *f->path == '/' ? app_copy(f->path, e) : app_join(r->folder, f->path, e);
    to->points = to->path ? app_array(m->count, 2, 1, sizeof(float), e) : NULL;
    if (!to->points)
        return APP_FAILED;
    memcpy(to->points, f->points, 2 * m->count * sizeof(float));
    for (size_t i = 0; i < m->count; i++)
        if (isnan(to->points[2 * i + 1])) // half a point is none
            to->points[2 * i] = NAN;
    return APP_OK;
}

// The longer side of a box; 0 where it is none.
static double side_of(const double *box) {
    return isfinite(box[2]) && isfinite(box[3]) && box[2] > 0.0 && box[3] > 0.0 ? fmax(box[2], box[3]) : 0.0;
}

// ---- lines

// The numbers behind the path on a line, those of the box first.  A count of 0: they are not right.
static void read_line(char *text, int boxed, found *f) {
    int count = -BOX * boxed;
    double box[BOX] = { 0 };
    char *save = NULL;
    for (char *word = strtok_r(text, BLANKS, &save); word; word = strtok_r(NULL, BLANKS, &save)) {
        char *end = word + 1;
        double value = strcmp(word, "-") ? strtod(word, &end) : NAN;
        if (count == 2 * POINTS_MOST || *end || (!isfinite((float)value) && strcmp(word, "-")))
            return;
        if (count < 0)
            box[count + BOX] = value;
        else
            f->points[count] = (float)value;
        count++;
    }
    f->box = side_of(box);
    f->count = count > 0 && count % 2 == 0 && (!boxed || f->box > 0.0) ? count / 2 : 0;
}

static app_status read_lines(reading *r, char *text, app_error *e) {
    app_status status = APP_OK;
    size_t number = 0;
    for (char *line = text, *next; status == APP_OK && line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        char *rest = line + strcspn(line, BLANKS);
        if (!*line || *line == '#' || *line == '\r')
            continue;
        if (!r->marks->size && rest - line == 4 && !strncmp(line, "path", 4)) {
            r->boxed = !strncmp(rest, ",box_x,", 7);
            continue;
        }
        if (*rest)
            *rest++ = '\0';
        found f = { .path = line };
        read_line(rest, r->boxed, &f);
        status = add(r, &f, "line", number, e);
    }
    return status;
}

// ---- JSON

// Numbers of a list of `count` of them; 0 where it is none.
static int read_numbers(const json_t *list, size_t count, double *to) {
    int right = json_array_size(list) == count;
    for (size_t i = 0; right && i < count; i++) {
        right = json_is_number(json_array_get(list, i));
        to[i] = json_number_value(json_array_get(list, i));
    }
    return right;
}

static void read_entry(const json_t *entry, found *f) {
    const json_t *points = json_object_get(entry, "points"), *box = json_object_get(entry, "box");
    double at[BOX];
    size_t count = json_array_size(points);
    f->path = json_string_value(json_object_get(entry, "path"));
    if (!f->path || count > POINTS_MOST || (box && !json_is_null(box) && !read_numbers(box, BOX, at)))
        return;
    f->box = json_is_array(box) ? side_of(at) : 0.0;
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(points, i);
        if (json_is_null(point))
            at[0] = at[1] = NAN;
        else if (!read_numbers(point, 2, at) || !isfinite((float)at[0]) || !isfinite((float)at[1]))
            return;
        f->points[2 * i] = (float)at[0];
        f->points[2 * i + 1] = (float)at[1];
    }
    f->count = (int)count;
}

static app_status read_json(reading *r, char *text, size_t size, app_error *e) {
    json_t *list = app_json_parse(text, size);
    app_status status = APP_OK;
    if (!json_is_array(list))
        status = app_fail(e, "%s: is no list in JSON", r->file);
    for (size_t i = 0; status == APP_OK && i < json_array_size(list); i++) {
        found f = { .path = NULL };
        read_entry(json_array_get(list, i), &f);
        status = add(r, &f, "entry", i + 1, e);
    }
    json_decref(list);
    return status;
}

// ---- files

app_status app_marks_open(app_marks *m, const char *file, app_error *e) {
    reading r = { .marks = m, .file = file };
    size_t size = 0;
    *m = (app_marks){ 0 };
    char *text = app_file_read(file, BYTES_MOST, &size, e);
    r.folder = text ? app_copy(file, e) : NULL;
    app_status status = r.folder ? APP_OK : APP_FAILED;
    if (status == APP_OK) {
        char *slash = strrchr(r.folder, '/');
        strcpy(slash ? slash : r.folder, slash ? "" : ".");
        status = text[strspn(text, " \t\r\n")] == '[' ? read_json(&r, text, size, e) : read_lines(&r, text, e);
    }
    free(r.folder);
    free(text);
    if (status == APP_OK && m->size < 2)
        status = app_fail(e, "%s: has the points of %zu pictures, and two are needed", file, m->size);
    return status;
}

void app_marks_close(app_marks *m) {
    for (size_t i = 0; i < m->size; i++) {
        free(m->list[i].path);
        free(m->list[i].points);
    }
    free(m->list);
    *m = (app_marks){ 0 };
}
