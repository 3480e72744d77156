// SPDX-License-Identifier: Apache-2.0
// One photo after the other: its squares, their crops and records; see align.h.
#include "align.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "memory.h"

typedef struct squares {
    atl_quad list[APP_FACES_MOST];
    atl_point faces[APP_FACES_MOST][ATL_LANDMARKS];
    size_t count;
    const char *source;
} squares;

// ---- Landmarks of a file: by the photo's name without folders

static int by_name(const void *a, const void *b) {
    const atl_face *x = *(const atl_face *const *)a, *y = *(const atl_face *const *)b;
    int order = strcmp(app_file_name(x->photo), app_file_name(y->photo));
    return order ? order : (x > y) - (x < y); // faces of a photo stay as they come
}

static app_status open_list(app_align *a, app_error *e) {
    if (atl_faces_open(a->ctx, a->o.landmarks, &a->list) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    size_t count = atl_faces_size(a->list);
    a->by_name = app_array(count, 1, 1, sizeof *a->by_name, e);
    if (!a->by_name)
        return APP_FAILED;
    for (size_t i = 0; i < count; i++)
        if (atl_faces_get(a->list, i)->photo)
            a->by_name[a->named++] = atl_faces_get(a->list, i);
    if (a->named < count && a->photos.count > 1)
        return app_fail(e,
                        "%s: faces without the name of a photo, and %zu photos; name each, or take one photo",
                        a->o.landmarks, a->photos.count);
    qsort(a->by_name, a->named, sizeof *a->by_name, by_name);
    return APP_OK;
}

// The first of the list whose name is not before that of the photo.
static size_t first_of(const app_align *a, const char *name) {
    size_t low = 0, high = a->named;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(app_file_name(a->by_name[middle]->photo), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static app_status take(const app_photo *photo, const atl_point *landmarks, squares *s, app_error *e) {
    if (s->count == APP_FACES_MOST)
        return app_fail(e, "%s: over %d faces", photo->path, APP_FACES_MOST);
    memcpy(s->faces[s->count++], landmarks, sizeof *s->faces);
    return APP_OK;
}

static app_status listed(const app_align *a, const app_photo *photo, squares *s, app_error *e) {
    const char *name = app_file_name(photo->path);
    app_status status = APP_OK;
    s->source = "landmarks";
    for (size_t i = 0; !a->named && i < atl_faces_size(a->list) && status == APP_OK; i++)
        status = take(photo, atl_faces_get(a->list, i)->landmarks, s, e);
    for (size_t i = first_of(a, name); i < a->named && status == APP_OK; i++) {
        if (strcmp(app_file_name(a->by_name[i]->photo), name) != 0)
            break;
        if (app_photo_is(photo->path, a->by_name[i]->photo))
            status = take(photo, a->by_name[i]->landmarks, s, e);
    }
    return status;
}

// ---- Squares of a photo

static void middle(const app_align *a, const atl_image *image, squares *s) {
    const double *b = a->o.box;
    int side = image->width < image->height ? image->width : image->height;
    s->source = b ? "box" : "center";
    s->count = 1;
    if (b)
        atl_align_box(b[0], b[1], b[2], s->list);
    else
        atl_align_box((image->width - side) / 2, (image->height - side) / 2, side, s->list);
}

static app_status find(const app_align *a, const app_photo *photo, const atl_image *image, squares *s,
                       app_error *e) {
    s->count = 0;
    s->source = "dlib";
    if (a->o.no_face == APP_NO_FACE_CROP) {
        middle(a, image, s);
        return APP_OK;
    }
    app_status status =
        a->list ? listed(a, photo, s, e) : app_finder_find(a->finder, image, s->faces, &s->count, e);
    for (size_t i = 0; status == APP_OK && i < s->count; i++)
        if (atl_align_face(a->ctx, s->faces[i], &s->list[i]) != ATL_OK) {
            status = app_fail(e, "%s: face %zu: %s", photo->path, i, atl_message(a->ctx));
            atl_message_clear(a->ctx);
        }
    return status;
}

// ---- Crops

// "OUTDIR/STEM[-NUMBER].ENDING"
static char *name(const app_align *a, const app_photo *photo, const squares *s, size_t i, const char *ending,
                  app_error *e) {
    size_t room = strlen(photo->stem) + 32;
    char *stem = app_array(room, 1, 1, 1, e), *path;
    if (!stem)
        return NULL;
    if (s->count > 1 && a->o.face < 0)
        snprintf(stem, room, "%s-%zu.%s", photo->stem, i, ending);
    else
        snprintf(stem, room, "%s.%s", photo->stem, ending);
    path = app_join(a->o.outdir, stem, e);
    free(stem);
    return path;
}

static app_status make_folder_of(const char *path, app_error *e) {
    char *folder = app_copy(path, e), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = '\0';
    app_status status = !folder ? APP_FAILED : slash && slash > folder ? app_folder_make(folder, e) : APP_OK;
    free(folder);
    return status;
}

static app_status write(const app_align *a, const app_photo *photo, const atl_image *image, const squares *s,
                        size_t i, const atl_image *crop, app_error *e) {
    const atl_alignment record = { .quad = s->list[i],
                                   .pixels = crop->width,
                                   .width = image->width,
                                   .height = image->height,
                                   .face = (int)i,
                                   .faces = a->o.no_face == APP_NO_FACE_CROP ? 0 : (int)s->count,
                                   .photo = photo->path,
                                   .source = (char *)s->source };
    char *picture = name(a, photo, s, i, "png", e), *json = picture ? name(a, photo, s, i, "json", e) : NULL;
    app_status status = json ? make_folder_of(picture, e) : APP_FAILED;
    if (status == APP_OK && (atl_alignment_write(a->ctx, json, &record) != ATL_OK ||
                             atl_image_write(a->ctx, picture, "png", crop, 0, NULL, 0) != ATL_OK))
        status = app_fail_ctx(e, a->ctx);
    free(picture);
    free(json);
    return status;
}

static app_status crop(app_align *a, const app_photo *photo, const atl_image *image, const squares *s,
                       size_t i, app_error *e) {
    atl_image out;
    if (atl_align_crop(a->ctx, image, &s->list[i], &a->o.crop, &out) != ATL_OK) {
        app_status status = app_fail(e, "%s: %s", photo->path, atl_message(a->ctx));
        atl_message_clear(a->ctx);
        return status;
    }
    app_status status = write(a, photo, image, s, i, &out, e);
    atl_image_clear(a->ctx, &out);
    return status;
}

static app_status no_face(app_align *a, const app_photo *photo, app_error *e) {
    a->faceless++;
    const char *remedy = a->o.remedy ? a->o.remedy : "--no-face crop cuts the middle";
    app_warn(e, "%s: no face %s; %s", photo->path, a->list ? "in the landmarks of this name" : "was found",
             remedy);
    return APP_OK;
}

static app_status crop_all(app_align *a, const app_photo *photo, const atl_image *image, squares *s,
                           app_aligned *made, app_error *e) {
    app_status status = find(a, photo, image, s, e);
    if (status != APP_OK)
        return status;
    if (!s->count)
        return no_face(a, photo, e);
    if (a->o.face == APP_FACES_ONE && s->count > 1 && a->o.remedy)
        return app_fail(e, "%s: %zu faces where one is expected: %s", photo->path, s->count, a->o.remedy);
    if (a->o.face == APP_FACES_ONE && s->count > 1)
        return app_fail(
            e, "%s: %zu faces where one is expected; choose one with --face N (0 is the first), or all",
            photo->path, s->count);
    if (a->o.face >= (int)s->count)
        return app_fail(e, "%s: %zu faces; there is no face %d, counted from 0", photo->path, s->count,
                        a->o.face);
    for (size_t i = 0; i < s->count && status == APP_OK; i++)
        if (a->o.face < 0 || (size_t)a->o.face == i) {
            status = crop(a, photo, image, s, i, e);
            made->crops += status == APP_OK;
        }
    return status;
}

static app_status one(app_align *a, const app_photo *photo, squares *s, app_aligned *made, app_error *e) {
    atl_image image;
    if (atl_align_photo(a->ctx, photo->path, &image) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    app_status status = crop_all(a, photo, &image, s, made, e);
    atl_image_clear(a->ctx, &image);
    return status;
}

// ---- All of them

static const char REMEDY[] = "give --landmarks FILE, or cut the middle with --no-face crop";

app_status app_align_open(app_align *a, atl_ctx *ctx, const app_align_options *o, const char *const *paths,
                          size_t count, app_error *e) {
    *a = (app_align){ .o = *o, .ctx = ctx };
    app_status status = app_photos_open(&a->photos, paths, count, e);
    if (status == APP_OK && o->landmarks)
        status = open_list(a, e);
    else if (status == APP_OK && o->no_face != APP_NO_FACE_CROP)
        status = app_finder_open(o->model, o->remedy ? o->remedy : REMEDY, &a->finder, e);
    return status;
}

app_status app_align_run(app_align *a, app_align_use *use, void *user, app_error *e) {
    squares *s = app_array(1, 1, 1, sizeof *s, e);
    app_status status = s ? APP_OK : APP_FAILED;
    for (size_t i = 0; i < a->photos.count && status == APP_OK; i++) {
        app_aligned made = { &a->photos.list[i], 0 };
        status = one(a, made.photo, s, &made, e);
        if (status == APP_OK)
            status = use(user, &made, e);
    }
    free(s);
    if (status == APP_OK && a->faceless && a->o.no_face == APP_NO_FACE_FAIL)
        return app_fail(e, "no face in %zu of %zu photos; %s", a->faceless, a->photos.count,
                        a->o.remedy ? a->o.remedy : "--no-face skip passes over them");
    return status == APP_STOPPED ? app_stop(e, "interrupted") : status;
}

void app_align_close(app_align *a) {
    app_finder_close(&a->finder);
    atl_faces_close(&a->list);
    free(a->by_name);
    app_photos_close(&a->photos);
    *a = (app_align){ 0 };
}
