// SPDX-License-Identifier: Apache-2.0
// Landmarks of faces out of files: the list that comes with FFHQ, JSON like it, or lines of numbers.
#include <atelier/align.h>

#include <math.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/file.h"
#include "io/json_scan.h"

enum { NUMBERS = 2 * ATL_LANDMARKS };
static const double FARTHEST = 1e6; // of a landmark, in pixels: beyond any picture that can be read

struct atl_faces {
    atl_ctx *ctx;
    atl_arena names;
    atl_face *list; // [room]
    size_t count, room;
};

// ---- faces

static atl_status add(atl_faces *f, const double numbers[NUMBERS]) {
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 16;
        atl_face *list = atl_grow(f->ctx, f->list, f->count, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        f->list = list;
        f->room = room;
    }
    atl_face *face = &f->list[f->count++];
    face->photo = NULL;
    for (int i = 0; i < ATL_LANDMARKS; i++)
        face->landmarks[i] = (atl_point){ numbers[2 * i], numbers[2 * i + 1] };
    return ATL_OK;
}

static atl_status name(atl_faces *f, size_t face, const char *text, size_t length) {
    char *copy = atl_arena_string(&f->names, text, length);
    f->list[face].photo = copy;
    return copy ? ATL_OK : ATL_NO_MEMORY;
}

// ---- JSON

// What an object may say in either order: its landmarks, and the photo that they are of.
typedef struct object {
    size_t face; // index + 1; 0: none yet
    char *photo; // in the arena; NULL: none yet
    bool passed; // "image" of FFHQ's list: the same face in a crop, not in the photo
} object;

typedef struct json_reader {
    atl_faces *faces;
    const char *path;
    atl_json_scan scan;
    object open[ATL_JSON_DEPTH + 1];
    int depth;
} json_reader;

static atl_status bad(json_reader *r, const char *what) {
    return atl_fail(r->faces->ctx, ATL_BAD_FILE, "%s:%zu: %s", r->path, r->scan.line, what);
}

// [[x, y], ...], 68 of them.
static atl_status read_landmarks(json_reader *r, double numbers[NUMBERS]) {
    static const char wrong[] = "face_landmarks must be a list of 68 pairs of numbers";
    if (atl_json_next(&r->scan) != ATL_JSON_LIST)
        return bad(r, wrong);
    for (int i = 0; i < ATL_LANDMARKS; i++) {
        if (atl_json_next(&r->scan) != ATL_JSON_LIST)
            return bad(r, wrong);
        for (int k = 0; k < 2; k++) {
            if (atl_json_next(&r->scan) != ATL_JSON_NUMBER || !(fabs(r->scan.number) <= FARTHEST))
                return bad(r, wrong);
            numbers[2 * i + k] = r->scan.number;
        }
        if (atl_json_next(&r->scan) != ATL_JSON_LIST_END)
            return bad(r, wrong);
    }
    return atl_json_next(&r->scan) == ATL_JSON_LIST_END ? ATL_OK : bad(r, wrong);
}

static atl_status open_object(json_reader *r, bool passed) {
    r->open[++r->depth] = (object){ .passed = passed }; // the scan allows no more than there is room for
    return ATL_OK;
}

static atl_status close_object(json_reader *r) {
    object *o = &r->open[r->depth--];
    if (o->face)
        r->faces->list[o->face - 1].photo = o->photo;
    return ATL_OK;
}

static atl_status take_landmarks(json_reader *r, object *o) {
    double numbers[NUMBERS];
    ATL_TRY(read_landmarks(r, numbers));
    if (o->passed || o->face)
        return ATL_OK;
    ATL_TRY(add(r->faces, numbers));
    o->face = r->faces->count;
    return ATL_OK;
}

static atl_status take_photo(json_reader *r, object *o) {
    if (atl_json_next(&r->scan) != ATL_JSON_TEXT || !r->scan.length)
        return bad(r, "file_path must be the name of a photo");
    if (o->passed)
        return ATL_OK;
    o->photo = atl_arena_string(&r->faces->names, r->scan.text, r->scan.length);
    return o->photo ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status read_json(atl_faces *f, const char *path, const atl_file *file) {
    json_reader *r = atl_calloc(f->ctx, 1, sizeof *r); // too large for a stack
    bool passed = false;
    atl_status status = r ? ATL_OK : ATL_NO_MEMORY;
    if (!r)
        return status;
    r->faces = f;
    r->path = path;
    atl_json_scan_init(&r->scan, file->data, file->bytes);
    for (atl_json_token t; status == ATL_OK && (t = atl_json_next(&r->scan)) != ATL_JSON_END;) {
        bool image = t == ATL_JSON_KEY && atl_json_is(&r->scan, "image");
        if (t == ATL_JSON_BAD)
            status = bad(r, r->scan.error);
        else if (t == ATL_JSON_OBJECT)
            status = open_object(r, passed);
        else if (t == ATL_JSON_OBJECT_END)
            status = close_object(r);
        else if (t == ATL_JSON_KEY && atl_json_is(&r->scan, "face_landmarks"))
            status = take_landmarks(r, &r->open[r->depth]);
        else if (t == ATL_JSON_KEY && atl_json_is(&r->scan, "file_path"))
            status = take_photo(r, &r->open[r->depth]);
        passed = image;
    }
    atl_free(f->ctx, r);
    return status;
}

// ---- lines

static bool separates(uint8_t c) {
    return c == ' ' || c == '\t' || c == ',' || c == '\r';
}

static atl_status read_line(atl_faces *f, const char *path, size_t number, const uint8_t *at,
                            const uint8_t *end) {
    double numbers[NUMBERS];
    const uint8_t *photo = NULL;
    size_t photo_length = 0;
    int count = 0;
    for (int word = 0; at < end; at++, word++) {
        const uint8_t *first = at;
        while (at < end && !separates(*at))
            at++;
        if (at == first) { // nothing between two separators
            word--;
            continue;
        }
        double v;
        bool known = atl_decimal(first, (size_t)(at - first), &v) && fabs(v) <= FARTHEST;
        if (!known && word == 0) {
            photo = first;
            photo_length = (size_t)(at - first);
        } else if (!known || count == NUMBERS) {
            return atl_fail(f->ctx, ATL_BAD_FILE,
                            "%s:%zu: %s; a line is 68 pairs of numbers, the photo's name before them", path,
                            number, known ? "more than 136 numbers" : "a word that is no coordinate");
        } else {
            numbers[count++] = v;
        }
    }
    if (!count && !photo)
        return ATL_OK;
    if (count != NUMBERS)
        return atl_fail(f->ctx, ATL_BAD_FILE, "%s:%zu: %d numbers; a face has 68 pairs of them", path, number,
                        count);
    ATL_TRY(add(f, numbers));
    return photo ? name(f, f->count - 1, (const char *)photo, photo_length) : ATL_OK;
}

static atl_status read_lines(atl_faces *f, const char *path, const uint8_t *at, const uint8_t *end) {
    for (size_t number = 1; at < end; number++) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (*at != '#')
            ATL_TRY(read_line(f, path, number, at, stop));
        at = stop < end ? stop + 1 : end;
    }
    return ATL_OK;
}

// ---- files

static atl_status read_file(atl_faces *f, const char *path, const atl_file *file) {
    const uint8_t *at = file->data, *end = at + file->bytes;
    at += atl_utf8_mark(at, file->bytes);
    const uint8_t *first = at;
    while (first < end && (separates(*first) || *first == '\n'))
        first++;
    ATL_TRY(first < end && (*first == '{' || *first == '[') ? read_json(f, path, file)
                                                            : read_lines(f, path, at, end));
    return f->count
               ? ATL_OK
               : atl_fail(f->ctx, ATL_BAD_FILE,
                          "%s: no landmarks in it; it must be JSON like FFHQ's or have 68 pairs per line",
                          path);
}

atl_status atl_faces_open(atl_ctx *ctx, const char *path, atl_faces **faces) {
    atl_file file;
    *faces = NULL;
    ATL_TRY(atl_file_map(ctx, path, &file));
    atl_faces *f = atl_calloc(ctx, 1, sizeof *f);
    atl_status status = f ? ATL_OK : ATL_NO_MEMORY;
    if (f) {
        f->ctx = ctx;
        atl_arena_init(&f->names, ctx, 0);
        status = read_file(f, path, &file);
    }
    atl_file_unmap(&file);
    if (status != ATL_OK)
        atl_faces_close(&f);
    *faces = f;
    return status;
}

void atl_faces_close(atl_faces **faces) {
    if (!faces || !*faces)
        return;
    atl_faces *f = *faces;
    atl_arena_clear(&f->names);
    atl_free(f->ctx, f->list);
    atl_free(f->ctx, f);
    *faces = NULL;
}

size_t atl_faces_size(const atl_faces *faces) {
    return faces->count;
}

const atl_face *atl_faces_get(const atl_faces *faces, size_t index) {
    return index < faces->count ? &faces->list[index] : NULL;
}
