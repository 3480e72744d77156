// SPDX-License-Identifier: Apache-2.0
// Photos and masks that are sent here: kept in OUTDIR/photos under names of our own, once they have been read
// as pictures.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atelier/align.h>
#include "files.h"
#include "memory.h"
#include "serve_check.h"
#include "serve_parts.h"

char *app_photo_path(app_serve *s, const char *name) {
    struct stat st;
    char path[4300];
    if (!app_name_is_plain(name) ||
        snprintf(path, sizeof path, "%s/photos/%s", s->o.outdir, name) >= (int)sizeof path ||
        lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        app_fail(&s->error, "%.64s: there is no such photo", name);
        return NULL;
    }
    return app_copy(path, &s->error);
}

// The ending by the first bytes; NULL: no picture.
static const char *ending_of(const char *data, size_t size) {
    static const struct {
        const char *head;
        size_t size;
        const char *ending;
    } heads[] = { { "\x89PNG", 4, "png" }, { "\xff\xd8\xff", 3, "jpg" }, { "RIFF", 4, "webp" },
                  { "GIF8", 4, "gif" },    { "II*\0", 4, "tif" },        { "MM\0*", 4, "tif" },
                  { "BM", 2, "bmp" } };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (size > 16 && !memcmp(data, heads[i].head, heads[i].size))
            return heads[i].ending;
    return NULL;
}

static void free_name(app_serve *s, const char *ending, char name[64]) {
    struct stat st;
    for (int i = 1;; i++) {
        char path[4300];
        snprintf(name, 64, "photo-%d.%s", i, ending);
        snprintf(path, sizeof path, "%s/photos/%s", s->o.outdir, name);
        if (stat(path, &st) != 0)
            return;
    }
}

static app_status keep(const char *path, const app_job *job, app_error *e) {
    app_file file = { 0 };
    app_status status = app_file_open(&file, path, e);
    if (status == APP_OK && fwrite(job->data, 1, job->size, file.out) != job->size)
        status = app_fail(e, "%s: can't be written", path);
    if (status == APP_OK)
        return app_file_commit(&file, e);
    app_file_discard(&file);
    return status;
}

int app_serve_photo(app_serve *s, app_job *job) {
    const char *ending = job->data ? ending_of(job->data, job->size) : NULL;
    char name[64], *path = NULL;
    atl_image image = { 0 };
    app_status status =
        ending ? APP_OK : app_fail(&s->error, "this is no PNG, JPEG, WebP, GIF, TIFF or BMP picture");
    if (status == APP_OK) {
        free_name(s, ending, name);
        status = (path = app_out_path(s, "photos", name)) ? keep(path, job, &s->error) : APP_FAILED;
    }
    if (status == APP_OK && atl_align_photo(s->ctx, path, &image) != ATL_OK) {
        status = app_fail_ctx(&s->error, s->ctx);
        unlink(path); // what can't be read is not kept
    }
    if (status == APP_OK)
        app_reply_json(
            job, json_pack("{s:s, s:i, s:i}", "photo", name, "width", image.width, "height", image.height));
    else
        app_reply_error(s, job);
    atl_image_clear(s->ctx, &image);
    free(path);
    return 0;
}
