// SPDX-License-Identifier: Apache-2.0
// The record of a crop: a small JSON file that says where in which photo it was cut out, so that it can be
// put back.
//
//     { "format": "atelier alignment 1", "photo": "party.jpg", "photo_size": [4032, 3024], "source": "dlib",
//       "face": 0, "faces": 2, "size": 1024, "quad": [[x, y], [x, y], [x, y], [x, y]] }
#include <atelier/align.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "edit/align.h"
#include "io/file.h"
#include "io/json.h"
#include "io/json_scan.h"

static const char FORMAT[] = "atelier alignment 1";
enum { BYTES_MOST = 1 << 16, SIDE_MOST = 1 << 20 };

static json_t *pair(atl_json *b, json_t *x, json_t *y) {
    json_t *list = atl_json_list(b);
    atl_json_add(b, list, x);
    atl_json_add(b, list, y);
    return list;
}

atl_status atl_alignment_write(atl_ctx *ctx, const char *path, const atl_alignment *a) {
    atl_json b = { .ctx = ctx };
    json_t *top = atl_json_object(&b), *quad = atl_json_list(&b);
    char *text;
    for (int i = 0; i < 4; i++)
        atl_json_add(
            &b, quad,
            pair(&b, atl_json_number(&b, a->quad.corner[i].x), atl_json_number(&b, a->quad.corner[i].y)));
    atl_json_set(&b, top, "format", json_string(FORMAT));
    atl_json_set(&b, top, "photo", atl_json_string(&b, a->photo));
    atl_json_set(&b, top, "photo_size", pair(&b, json_integer(a->width), json_integer(a->height)));
    atl_json_set(&b, top, "source", atl_json_string(&b, a->source));
    atl_json_set(&b, top, "face", json_integer(a->face));
    atl_json_set(&b, top, "faces", json_integer(a->faces));
    atl_json_set(&b, top, "size", json_integer(a->pixels));
    atl_json_set(&b, top, "quad", quad);
    ATL_TRY(atl_json_text(&b, top, 0, "the record of a crop", &text));
    atl_status status = atl_file_write(ctx, path, text, strlen(text));
    atl_free(ctx, text);
    return status;
}

// ---- reading

typedef struct reader {
    atl_ctx *ctx;
    atl_json_scan scan;
    atl_alignment *to;
    bool format, size, photo_size, quad; // what was seen
} reader;

// A list of `count` numbers; lists within it are passed through, so that pairs are two numbers.
static bool numbers(reader *r, double *out, int count) {
    int depth = 0, got = 0;
    do {
        atl_json_token t = atl_json_next(&r->scan);
        if (t == ATL_JSON_LIST)
            depth++;
        else if (t == ATL_JSON_LIST_END)
            depth--;
        else if (t != ATL_JSON_NUMBER || got == count || !depth)
            return false;
        else
            out[got++] = r->scan.number;
    } while (depth > 0);
    return got == count;
}

static bool whole(reader *r, int low, int high, int *out) {
    if (atl_json_next(&r->scan) != ATL_JSON_NUMBER || r->scan.number != floor(r->scan.number) ||
        r->scan.number < low || r->scan.number > high)
        return false;
    *out = (int)r->scan.number;
    return true;
}

// Text or null; of two the last counts.
static atl_status text(reader *r, bool *good, char **out) {
    atl_json_token t = atl_json_next(&r->scan);
    *good = t == ATL_JSON_TEXT || t == ATL_JSON_NULL;
    if (t != ATL_JSON_TEXT)
        return ATL_OK;
    char *copy = atl_calloc(r->ctx, r->scan.length + 1, 1);
    if (!copy)
        return ATL_NO_MEMORY;
    memcpy(copy, r->scan.text, r->scan.length);
    atl_free(r->ctx, *out);
    *out = copy;
    return ATL_OK;
}

static bool read_quad(reader *r) {
    double v[8];
    r->quad = numbers(r, v, 8);
    for (int i = 0; r->quad && i < 4; i++)
        r->to->quad.corner[i] = (atl_point){ v[2 * i], v[2 * i + 1] };
    return r->quad;
}

static bool read_photo_size(reader *r) {
    double v[2];
    r->photo_size = numbers(r, v, 2) && v[0] >= 1 && v[1] >= 1 && v[0] <= SIDE_MOST && v[1] <= SIDE_MOST;
    r->to->width = r->photo_size ? (int)v[0] : 0;
    r->to->height = r->photo_size ? (int)v[1] : 0;
    return r->photo_size;
}

// The value of a key; *good is false when it is not what the key wants.
static atl_status value(reader *r, bool *good) {
    if (atl_json_is(&r->scan, "photo"))
        return text(r, good, &r->to->photo);
    if (atl_json_is(&r->scan, "source"))
        return text(r, good, &r->to->source);
    if (atl_json_is(&r->scan, "format"))
        *good = r->format = atl_json_next(&r->scan) == ATL_JSON_TEXT && atl_json_is(&r->scan, FORMAT);
    else if (atl_json_is(&r->scan, "quad"))
        *good = read_quad(r);
    else if (atl_json_is(&r->scan, "photo_size"))
        *good = read_photo_size(r);
    else if (atl_json_is(&r->scan, "size"))
        *good = r->size = whole(r, 1, ATL_ALIGN_PIXELS_MAX, &r->to->pixels);
    else if (atl_json_is(&r->scan, "face"))
        *good = whole(r, 0, SIDE_MOST, &r->to->face);
    else if (atl_json_is(&r->scan, "faces"))
        *good = whole(r, 0, SIDE_MOST, &r->to->faces);
    else
        *good = atl_json_skip(&r->scan, atl_json_next(&r->scan));
    return ATL_OK;
}

static atl_status read_all(reader *r, const char *path) {
    bool good = atl_json_next(&r->scan) == ATL_JSON_OBJECT;
    atl_json_token t = ATL_JSON_BAD;
    while (good && (t = atl_json_next(&r->scan)) == ATL_JSON_KEY)
        ATL_TRY(value(r, &good));
    if (!good || t != ATL_JSON_OBJECT_END || !r->format || !r->size || !r->photo_size || !r->quad)
        return atl_fail(r->ctx, ATL_BAD_FILE,
                        "%s: no record of a crop, as alignment writes beside each of them, or damaged", path);
    return atl_name_file(r->ctx, atl_quad_check(r->ctx, &r->to->quad, r->to->width, r->to->height), path);
}

atl_status atl_alignment_read(atl_ctx *ctx, const char *path, atl_alignment *alignment) {
    atl_file file;
    *alignment = (atl_alignment){ 0 };
    ATL_TRY(atl_file_map(ctx, path, &file));
    reader r = { .ctx = ctx, .to = alignment };
    atl_status status = ATL_OK;
    if (file.bytes > BYTES_MOST)
        status = atl_fail(ctx, ATL_BAD_FILE, "%s: %zu bytes; the record of a crop has a few hundred", path,
                          file.bytes);
    atl_json_scan_init(&r.scan, file.data, file.bytes);
    if (status == ATL_OK)
        status = read_all(&r, path);
    atl_file_unmap(&file);
    if (status != ATL_OK)
        atl_alignment_clear(ctx, alignment);
    return status;
}

void atl_alignment_clear(atl_ctx *ctx, atl_alignment *alignment) {
    atl_free(ctx, alignment->photo);
    atl_free(ctx, alignment->source);
    *alignment = (atl_alignment){ 0 };
}
