// SPDX-License-Identifier: Apache-2.0
// Folders of pictures through an encoder; see encode.h.
#include "encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/project.h>
#include "files.h"
#include "memory.h"
#include "network.h"

enum { BATCH_MOST = 256, ALIGN_FACTOR = 1 };

// ---- opening

static app_status open_models(app_encode *a, app_error *e) {
    const app_encode_options *o = &a->o;
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    m.ignore_unused = o->ignore_unused;
    m.assume = o->assume;
    m.net = "encoder";
    if (atl_model_open(a->ctx, o->encoder, &m, &a->encoder_model) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    m.net = "hypernet";
    if (o->hypernet && atl_model_open(a->ctx, o->hypernet, &m, &a->hypernet) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    m.net = NULL;
    if (o->network) { // what is assumed is said of the encoder
        m.assume = NULL;
        return app_network_open(a->ctx, o->network, &m, &a->generator, e);
    }
    m.net = "G_ema";
    if (atl_model_open(a->ctx, o->hypernet ? o->hypernet : o->encoder, &m, &a->generator) == ATL_OK)
        return APP_OK;
    return app_fail(e, "%s; the generator that decodes may be another file: --network FILE",
                    atl_message(a->ctx));
}

static app_status pass_over(void *user, const app_aligned *photo, app_error *e) {
    (void)user;
    (void)photo;
    (void)e;
    return APP_OK;
}

// Whether a crop "party" or "party-1" is of one of these photos.
static int is_of(const char *crop, const app_photos *photos) {
    for (size_t i = 0; i < photos->count; i++) {
        const char *stem = photos->list[i].stem;
        size_t length = strlen(stem);
        const char *behind = crop + length;
        if (strncmp(crop, stem, length) != 0)
            continue;
        if (!*behind ||
            (*behind == '-' && behind[1] && strspn(behind + 1, "0123456789") == strlen(behind + 1)))
            return 1;
    }
    return 0;
}

// Crops that an earlier call has left are not asked for.
static void keep_own(app_photos *crops, const app_photos *photos) {
    size_t kept = 0;
    for (size_t i = 0; i < crops->count; i++) {
        app_photo crop = crops->list[i];
        if (is_of(crop.stem, photos)) {
            crops->list[i] = crops->list[kept];
            crops->list[kept++] = crop;
        }
    }
    for (size_t i = kept; i < crops->count; i++) {
        free(crops->list[i].path);
        free(crops->list[i].stem);
    }
    crops->count = kept;
}

// Crops of the faces, as the scripts of encoders cut them, are what is encoded.
static app_status cut_faces(app_encode *a, app_error *e) {
    const app_encode_options *o = &a->o;
    app_align_options align = { .crop = ATL_ALIGN_OPTIONS_INIT,
                                .landmarks = o->landmarks,
                                .model = o->landmark_model,
                                .no_face = o->no_face,
                                .face = APP_FACES_ALL };
    app_align work = { 0 };
    char *folder = app_join(o->outdir, "aligned", e);
    if (!folder)
        return APP_FAILED;
    align.outdir = folder;
    align.crop.pixels = ALIGN_FACTOR * a->info->width;
    align.crop.exact = 1;
    app_status status = app_align_open(&work, a->ctx, &align, o->inputs, o->count, e);
    if (status == APP_OK)
        status = app_align_run(&work, pass_over, NULL, e);
    if (status == APP_OK)
        status = app_photos_open(&a->photos, (const char *const[]){ folder }, 1, e);
    if (status == APP_OK)
        keep_own(&a->photos, &work.photos);
    app_align_close(&work);
    if (status == APP_OK && !a->photos.count)
        status = app_fail(e, "no face was found in any of the photos");
    free(folder);
    return status;
}

static app_status open_buffers(app_encode *a, app_error *e) {
    const atl_model_info *g = a->made;
    size_t n = (size_t)a->o.batch, steps = (size_t)a->info->steps;
    a->row_ws = (size_t)g->num_ws * (size_t)g->w_dim;
    a->row_img = (size_t)g->channels * (size_t)g->height * (size_t)g->width;
    a->row_input = (size_t)a->info->channels * (size_t)a->info->height * (size_t)a->info->width;
    a->inputs = app_array(n, a->row_input, 1, sizeof(float), e);
    a->ws = a->inputs ? app_array(n, steps, a->row_ws, sizeof(float), e) : NULL;
    a->img = a->ws ? app_array(n, steps, a->row_img, sizeof(float), e) : NULL;
    a->all = a->img ? app_array(a->photos.count, a->row_ws, 1, sizeof(float), e) : NULL;
    return a->all ? APP_OK : APP_FAILED;
}

app_status app_encode_open(app_encode *a, atl_ctx *ctx, const app_encode_options *o, app_error *e) {
    *a = (app_encode){ .ctx = ctx, .o = *o };
    if (o->batch < 1 || o->batch > BATCH_MOST)
        return app_fail(e, "--batch %d: 1 to %d are possible", o->batch, BATCH_MOST);
    if (o->hypernet && o->batch > 1)
        return app_fail(e, "--batch %d: a hypernetwork tunes the generator to one picture after the other",
                        o->batch);
    app_status status = open_models(a, e);
    a->o.encode.hypernet = a->hypernet;
    if (status == APP_OK &&
        atl_encoder_open(a->encoder_model, a->generator, &a->o.encode, &a->encoder) != ATL_OK)
        status = app_fail(e, "%s: %s%s", o->encoder, atl_message(ctx),
                          strstr(atl_message(ctx), "latent_avg") ? " (--average generator)" : "");
    if (status != APP_OK)
        return status;
    a->info = atl_encoder_get_info(a->encoder);
    a->made = atl_model_get_info(a->generator);
    if (o->align && a->info->channels != 3)
        return app_fail(
            e, "--align: the encoder takes pictures of %d channels, in which faces aren't looked for",
            a->info->channels);
    status = app_folder_make(o->outdir, e);
    if (status == APP_OK)
        status = o->align ? cut_faces(a, e) : app_photos_open(&a->photos, o->inputs, o->count, e);
    return status == APP_OK ? open_buffers(a, e) : status;
}

void app_encode_close(app_encode *a) {
    atl_encoder_close(&a->encoder);
    atl_model_close(&a->encoder_model);
    atl_model_close(&a->generator);
    atl_model_close(&a->hypernet);
    app_photos_close(&a->photos);
    free(a->inputs);
    free(a->ws);
    free(a->img);
    free(a->all);
    *a = (app_encode){ 0 };
}

// ---- pictures

// A photo upright and in colours; a map of labels as it is.
static app_status read_picture(app_encode *a, const app_photo *photo, atl_image *picture, app_error *e) {
    int labels = a->info->channels != 1 && a->info->channels != 3;
    atl_status status =
        labels ? atl_image_read(a->ctx, photo->path, picture) : atl_align_photo(a->ctx, photo->path, picture);
    return status == ATL_OK ? APP_OK : app_fail_ctx(e, a->ctx);
}

static app_status read_batch(app_encode *a, size_t n, app_error *e) {
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < n; i++) {
        const app_photo *photo = &a->photos.list[a->done + i];
        atl_image picture = { 0 };
        status = read_picture(a, photo, &picture, e);
        if (status == APP_OK &&
            atl_encoder_input(a->encoder, &picture, a->inputs + i * a->row_input) != ATL_OK)
            status = app_fail(e, "%s: %s", photo->path, atl_message(a->ctx));
        atl_image_clear(a->ctx, &picture);
    }
    return status;
}

// "OUTDIR/STEM" and an ending, by malloc; the folder is made.
static char *path_of(const app_encode *a, const app_photo *photo, int step, const char *ending,
                     app_error *e) {
    size_t room = strlen(photo->stem) + 32;
    char *name = app_array(room, 1, 1, 1, e), *path = NULL;
    if (!name)
        return NULL;
    if (step)
        snprintf(name, room, "%s-%d.%s", photo->stem, step, ending);
    else
        snprintf(name, room, "%s.%s", photo->stem, ending);
    path = app_join(a->o.outdir, name, e);
    free(name);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash) {
        *slash = '\0';
        if (app_folder_make(path, e) != APP_OK) {
            free(path);
            return NULL;
        }
        *slash = '/';
    }
    return path;
}

static app_status write_image(app_encode *a, const app_photo *photo, int step, const atl_image *image,
                              app_error *e) {
    char *path = path_of(a, photo, step, "png", e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_image_write(a->ctx, path, "png", image, 0, NULL, 0) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    free(path);
    return status;
}

// The picture as large as the generator's, beside what was made of it after each step.
static app_status write_couple(app_encode *a, const app_photo *photo, const float *img, size_t stride,
                               app_error *e) {
    const atl_model_info *g = a->made;
    int first = a->o.save_steps ? 0 : a->info->steps - 1, tiles = a->info->steps - first;
    atl_image picture = { 0 }, shown = { 0 }, tile = { 0 }, sheet = { 0 };
    float *values = app_array(a->row_img, 1, 1, sizeof *values, e);
    app_status status = values ? read_picture(a, photo, &picture, e) : APP_FAILED;
    if (status == APP_OK &&
        (atl_project_target(a->generator, &picture, values, &shown) != ATL_OK ||
         atl_image_init(a->ctx, g->width, g->height, g->channels, &tile) != ATL_OK ||
         atl_image_init(a->ctx, (tiles + 1) * g->width, g->height, g->channels, &sheet) != ATL_OK))
        status = app_fail_ctx(e, a->ctx);
    if (status == APP_OK)
        atl_image_paste(&sheet, &shown, 0, 0);
    for (int k = 0; status == APP_OK && k < tiles; k++) {
        atl_image_from_float(img + (size_t)(first + k) * stride, &tile);
        atl_image_paste(&sheet, &tile, (k + 1) * g->width, 0);
    }
    if (status == APP_OK)
        status = write_image(a, photo, 0, &sheet, e);
    atl_image_clear(a->ctx, &picture);
    atl_image_clear(a->ctx, &shown);
    atl_image_clear(a->ctx, &tile);
    atl_image_clear(a->ctx, &sheet);
    free(values);
    return status;
}

// img: after the first step; those of later steps are `stride` numbers further.
static app_status write_pictures(app_encode *a, const app_photo *photo, const float *img, size_t stride,
                                 app_error *e) {
    atl_image tile = { 0 };
    int steps = a->info->steps;
    if (a->o.couple)
        return write_couple(a, photo, img, stride, e);
    if (atl_image_init(a->ctx, a->made->width, a->made->height, a->made->channels, &tile) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    app_status status = APP_OK;
    for (int k = a->o.save_steps ? 0 : steps - 1; status == APP_OK && k < steps; k++) {
        atl_image_from_float(img + (size_t)k * stride, &tile);
        if (a->o.save_steps)
            status = write_image(a, photo, k + 1, &tile, e);
        if (status == APP_OK && k == steps - 1)
            status = write_image(a, photo, 0, &tile, e);
    }
    atl_image_clear(a->ctx, &tile);
    return status;
}

// ---- codes

static app_status write_ws(app_encode *a, const app_photo *photo, const float *ws, size_t stride,
                           app_error *e) {
    int64_t steps = a->info->steps, layers = a->made->num_ws, w_dim = a->made->w_dim;
    float *way = app_array((size_t)steps, a->row_ws, 1, sizeof *way, e);
    char *path = way ? path_of(a, photo, 0, "npz", e) : NULL;
    app_status status = path ? APP_OK : APP_FAILED;
    for (size_t k = 0; path && k < (size_t)steps; k++)
        memcpy(way + k * a->row_ws, ws + k * stride, a->row_ws * sizeof *way);
    if (path) {
        const atl_array list[] = {
            { "w", ATL_F32, 3, { 1, layers, w_dim }, way + (size_t)(steps - 1) * a->row_ws },
            { "steps", ATL_F32, 3, { steps, layers, w_dim }, way }
        };
        if (atl_npz_write(a->ctx, path, list, steps > 1 ? 2 : 1) != ATL_OK)
            status = app_fail_ctx(e, a->ctx);
    }
    free(path);
    free(way);
    return status;
}

static app_status write_deltas(app_encode *a, const app_photo *photo, app_error *e) {
    char *path = path_of(a, photo, 0, "deltas.safetensors", e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_encoder_save_deltas(a->encoder, path, ATL_F32) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    free(path);
    return status;
}

static app_status write_list(app_encode *a, app_error *e) {
    char *path = app_join(a->o.outdir, "latents.txt", e);
    app_file file = { 0 };
    app_status status = path ? app_file_open(&file, path, e) : APP_FAILED;
    if (status == APP_OK) {
        for (size_t i = 0; i < a->done; i++)
            fprintf(file.out, "%s\n", a->photos.list[i].path);
        status = app_file_commit(&file, e);
    }
    free(path);
    return status;
}

static app_status write_all(app_encode *a, app_error *e) {
    const atl_array list = { "w", ATL_F32, 3, { (int64_t)a->done, a->made->num_ws, a->made->w_dim }, a->all };
    char *path = app_join(a->o.outdir, "latents.npz", e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_npz_write(a->ctx, path, &list, 1) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    free(path);
    return status == APP_OK ? write_list(a, e) : status;
}

// ---- running

static app_status run_batch(app_encode *a, size_t n, app_encode_use *use, void *user, app_error *e) {
    size_t last = (size_t)a->info->steps - 1;
    app_status status = read_batch(a, n, e);
    if (status == APP_OK && atl_encoder_run(a->encoder, (int)n, a->inputs, a->ws, a->img) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    for (size_t i = 0; status == APP_OK && i < n; i++) {
        const app_photo *photo = &a->photos.list[a->done];
        const float *ws = a->ws + i * a->row_ws;
        memcpy(a->all + a->done * a->row_ws, ws + last * n * a->row_ws, a->row_ws * sizeof *ws);
        status = write_pictures(a, photo, a->img + i * a->row_img, n * a->row_img, e);
        if (status == APP_OK && a->o.save_ws)
            status = write_ws(a, photo, ws, n * a->row_ws, e);
        if (status == APP_OK && a->hypernet)
            status = write_deltas(a, photo, e);
        a->done += status == APP_OK;
        if (status == APP_OK)
            status = use(user, photo, e);
    }
    return status;
}

app_status app_encode_run(app_encode *a, app_encode_use *use, void *user, app_error *e) {
    app_status status = APP_OK;
    while (status == APP_OK && a->done < a->photos.count) {
        size_t left = a->photos.count - a->done, n = (size_t)a->o.batch;
        status = run_batch(a, left < n ? left : n, use, user, e);
    }
    if ((status == APP_OK || status == APP_STOPPED) && a->done) {
        app_status written = write_all(a, e);
        status = written == APP_OK ? status : written;
    }
    return status == APP_STOPPED ? app_stop(e, "stopped after %zu of %zu pictures", a->done, a->photos.count)
                                 : status;
}
