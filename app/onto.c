// SPDX-License-Identifier: Apache-2.0
// Finding the record and its photo, and pasting; see onto.h.
#include "onto.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "files.h"
#include "memory.h"

// "DIR/crop.png" -> "DIR/crop.json"
static char *record_of(const char *path, app_error *e) {
    char *copy = app_array(strlen(path) + 6, 1, 1, 1, e);
    if (!copy)
        return NULL;
    strcpy(copy, path);
    char *dot = strrchr(copy, '.'), *slash = strrchr(copy, '/');
    if (!dot || dot < (slash ? slash : copy))
        dot = copy + strlen(copy);
    strcpy(dot, ".json");
    return copy;
}

// Where the photo of a record is now, by malloc.
static char *photo_of(const char *record, const char *photo, app_error *e) {
    const char *slash = strrchr(record, '/');
    if (access(photo, R_OK) == 0 || photo[0] == '/' || !slash)
        return app_copy(photo, e);
    char *folder = app_copy(record, e), *beside;
    if (!folder)
        return NULL;
    folder[slash - record] = '\0';
    beside = app_join(folder, photo, e);
    free(folder);
    return beside;
}

static app_status open_photo(app_onto *o, const char *record, const char *photo, app_error *e) {
    if (!photo && !o->record.photo)
        return app_fail(e, "%s: the record names no photo; give it", record);
    char *path = photo ? app_copy(photo, e) : photo_of(record, o->record.photo, e);
    if (!path)
        return APP_FAILED;
    app_status status = APP_OK;
    if (atl_align_photo(o->ctx, path, &o->photo) != ATL_OK)
        status = app_fail_ctx(e, o->ctx);
    else if (o->photo.width != o->record.width || o->photo.height != o->record.height)
        status = app_fail(e, "%s: %dx%d pixels; the record %s is of a photo of %dx%d", path, o->photo.width,
                          o->photo.height, record, o->record.width, o->record.height);
    free(path);
    return status;
}

app_status app_onto_open(app_onto *o, atl_ctx *ctx, const char *record, const char *photo, app_error *e) {
    *o = (app_onto){ .ctx = ctx };
    char *path = record_of(record, e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_alignment_read(ctx, path, &o->record) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    if (status == APP_OK)
        status = open_photo(o, path, photo, e);
    free(path);
    return status;
}

void app_onto_close(app_onto *o) {
    if (o->ctx) {
        atl_alignment_clear(o->ctx, &o->record);
        atl_image_clear(o->ctx, &o->photo);
    }
    *o = (app_onto){ 0 };
}

// [h, w, 1 to 4] -> [h, w, 3]
static atl_status to_rgb(atl_ctx *ctx, const atl_image *from, atl_image *to) {
    size_t c = (size_t)from->channels, area = (size_t)from->width * (size_t)from->height;
    atl_status status = atl_image_init(ctx, from->width, from->height, 3, to);
    for (size_t i = 0; status == ATL_OK && i < area; i++)
        for (size_t k = 0; k < 3; k++)
            to->pixels[3 * i + k] = from->pixels[i * c + (c > 2 ? k : 0)];
    return status;
}

app_status app_onto_paste(const app_onto *o, const atl_image *crop, const atl_paste_options *options,
                          atl_image *out, app_error *e) {
    atl_image rgb = { 0 };
    atl_status status = atl_image_init(o->ctx, o->photo.width, o->photo.height, 3, out);
    if (status == ATL_OK)
        status = to_rgb(o->ctx, crop, &rgb);
    if (status == ATL_OK) {
        memcpy(out->pixels, o->photo.pixels, (size_t)out->width * (size_t)out->height * 3);
        status = atl_align_paste(o->ctx, &rgb, &o->record.quad, options, out);
    }
    atl_image_clear(o->ctx, &rgb);
    if (status == ATL_OK)
        return APP_OK;
    atl_image_clear(o->ctx, out);
    return app_fail_ctx(e, o->ctx);
}
