// SPDX-License-Identifier: Apache-2.0
// Photos and masks that are sent here: kept in OUTDIR/photos under names of our own, once they have been read
// as pictures.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/align.h>
#include "files.h"
#include "serve_parts.h"

// The ending by the first bytes; NULL: no picture.
static const char *ending_of(const char *data, size_t size) {
    static const struct {
        const char *head;
        size_t size;
        const char *ending;
    } heads[] = { { "\x89PNG", 4, ".png" }, { "\xff\xd8\xff", 3, ".jpg" }, { "RIFF", 4, ".webp" },
                  { "GIF8", 4, ".gif" },    { "II*\0", 4, ".tif" },        { "MM\0*", 4, ".tif" },
                  { "BM", 2, ".bmp" } };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (size > 16 && !memcmp(data, heads[i].head, heads[i].size))
            return heads[i].ending;
    return NULL;
}

int app_serve_photo(app_serve *s, app_job *job) {
    const char *ending = job->data ? ending_of(job->data, job->size) : NULL;
    char *path = NULL;
    atl_image image = { 0 };
    app_status status =
        ending ? APP_OK : app_fail(&s->error, "this is no PNG, JPEG, WebP, GIF, TIFF or BMP picture");
    if (status == APP_OK) {
        path = app_out_new(s, "photos", "photo", ending);
        status = path ? app_file_write(path, job->data, job->size, &s->error) : APP_FAILED;
    }
    if (status == APP_OK && atl_align_photo(s->ctx, path, &image) != ATL_OK) {
        status = app_fail_ctx(&s->error, s->ctx);
        unlink(path); // what can't be read is not kept
    }
    if (status == APP_OK)
        app_reply_json(job, json_pack("{s:s, s:i, s:i}", "photo", app_file_name(path), "width", image.width,
                                      "height", image.height));
    else
        app_reply_error(s, job);
    atl_image_clear(s->ctx, &image);
    free(path);
    return 0;
}
