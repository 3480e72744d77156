// SPDX-License-Identifier: Apache-2.0
// Where a detector goes and what it is compared with; see detectors_fetch.h.
#include "detectors_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <jansson.h>
#include "files.h"
#include "http.h"

// ---- what nobody has published a fingerprint of must at least be a network

typedef struct opened {
    atl_ctx *ctx;
    const app_detector *detector;
    const app_fetch_options *o;
} opened;

// Whether a network is one that the file should hold: the role "lpips-vgg" wants the family "lpips";
// classifiers of faces are discriminators of ProGAN.
static int has_role(const char *family, const char *kind, const char *roles) {
    char stem[32];
    int has = !strncmp(roles, "classifier-", 11) && !strcmp(kind, "progan_discriminator");
    for (size_t length; *roles && !has; roles += length, roles += strspn(roles, " ")) {
        length = strcspn(roles, " ");
        snprintf(stem, sizeof stem, "%.*s", (int)strcspn(roles, "- "), roles);
        has = !strcmp(family, stem);
    }
    return has;
}

static app_status check_opens(void *user, const char *part, app_error *e) {
    opened *to = user;
    char *text = NULL;
    size_t i, good = 0;
    json_t *network, *top = NULL;
    if (atl_inspect(to->ctx, part, &text) != ATL_OK)
        return app_fail_ctx(e, to->ctx);
    top = json_loads(text, 0, NULL);
    atl_text_free(to->ctx, text);
    json_array_foreach(json_object_get(top, "networks"), i, network) {
        const char *family = json_string_value(json_object_get(network, "family"));
        const char *kind = json_string_value(json_object_get(network, "kind"));
        good += !json_is_string(json_object_get(network, "problem")) && family && kind &&
                has_role(family, kind, to->detector->roles);
    }
    json_decref(top);
    return good ? APP_OK
                : app_fail(e, "%s: holds no network for %s; it was thrown away", part, to->detector->use);
}

static int on_progress(void *user, int64_t done, int64_t total) {
    const opened *to = user;
    return to->o->progress && to->o->progress(to->o->user, done, total);
}

// ---- a file that is there

static app_status sum_of(const char *path, char text[APP_SHA256_TEXT], app_error *e) {
    static const size_t PIECE = 65536;
    FILE *in = fopen(path, "rb");
    char *piece = in ? malloc(PIECE) : NULL;
    app_sha256 sum;
    app_sha256_init(&sum);
    for (size_t n; piece && (n = fread(piece, 1, PIECE, in)) > 0;)
        app_sha256_add(&sum, piece, n);
    int bad = !piece || ferror(in);
    app_sha256_end(&sum, text);
    free(piece);
    if (in)
        fclose(in);
    return bad ? app_fail(e, "%s: can't be read", path) : APP_OK;
}

static app_status compare(const char *sha256, app_fetched *done, app_error *e) {
    done->there = 1;
    done->compared = sha256 != NULL;
    if (sum_of(done->path, done->download.sha256, e) != APP_OK)
        return APP_FAILED;
    if (sha256 && strcasecmp(sha256, done->download.sha256))
        return app_fail(e, "%s: its SHA-256 is %s in place of %s: delete it and fetch it again", done->path,
                        done->download.sha256, sha256);
    return APP_OK;
}

app_status app_detector_fetch(atl_ctx *ctx, const app_detector *d, const app_fetch_options *o,
                              app_fetched *done, app_error *e) {
    app_detector_folders folders;
    struct stat info;
    opened to = { ctx, d, o };
    const char *sha256 = o->sha256 ? o->sha256 : d->sha256, *url = o->url ? o->url : d->url;
    *done = (app_fetched){ 0 };
    if (app_detector_folders_get(o->folder, 1, &folders, e) != APP_OK)
        return APP_FAILED;
    if (!folders.count)
        return app_fail(e, "%s: where shall it go? Give --detectors DIR, or set HOME", d->name);
    int length = snprintf(done->path, sizeof done->path, "%s/%s", folders.at[0].path, d->file);
    if (length >= (int)sizeof done->path)
        return app_fail(e, "%s: the name of its folder is too long", d->name);
    if (stat(done->path, &info) == 0)
        return compare(sha256, done, e);
    if (!app_http_able())
        return app_fail(e, "this build has no libcurl: download %s by other means and put it into %s", url,
                        folders.at[0].path);
    if (app_folder_make(folders.at[0].path, e) != APP_OK)
        return APP_FAILED;
    app_download download = {
        .url = url, .path = done->path, .sha256 = sha256, .progress = on_progress, .user = &to
    };
    download.bytes = o->sha256 ? 0 : d->bytes; // another fingerprint is another file
    download.check = sha256 ? NULL : check_opens;
    done->compared = sha256 != NULL;
    return app_download_run(&download, &done->download, e);
}
