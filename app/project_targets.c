// SPDX-License-Identifier: Apache-2.0
// What is projected: files and folders, cut to the network's size, with mask, label and start.
#define _XOPEN_SOURCE 700 // strdup
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"
#include "latents.h"
#include "memory.h"
#include "photos.h"
#include "project_parts.h"

enum { TARGETS_MOST = 100000 };

// ---- listing

static app_status add(app_project *p, char *path, size_t *room, app_error *e) {
    if (p->count == *room) {
        size_t wanted = *room ? *room * 2 : 16;
        app_target *grown = wanted > TARGETS_MOST ? NULL : realloc(p->targets, wanted * sizeof *grown);
        if (!grown) {
            free(path);
            return app_fail(e, "more than %d targets are not possible in one run", TARGETS_MOST);
        }
        p->targets = grown;
        *room = wanted;
    }
    p->targets[p->count++] = (app_target){ .path = path };
    return APP_OK;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const app_target *)a)->path, ((const app_target *)b)->path);
}

static app_status add_folder(app_project *p, const char *folder, size_t *room, app_error *e) {
    DIR *dir = opendir(folder);
    size_t before = p->count;
    app_status status = APP_OK;
    if (!dir)
        return app_fail(e, "%s: the folder can't be read", folder);
    for (struct dirent *entry; status == APP_OK && (entry = readdir(dir)) != NULL;)
        if (*entry->d_name != '.' && app_photo_ends(entry->d_name)) {
            char *path = app_join(folder, entry->d_name, e);
            status = path ? add(p, path, room, e) : APP_FAILED;
        }
    closedir(dir);
    if (status == APP_OK && p->count == before)
        return app_fail(e, "%s: there is no picture in this folder", folder);
    if (status == APP_OK)
        qsort(p->targets + before, p->count - before, sizeof *p->targets, by_path);
    return status;
}

// The name of a target's folder: that of its file, with a number behind it when another one has it.
static app_status name_folder(app_project *p, size_t at, app_error *e) {
    const char *name = app_file_name(p->targets[at].path);
    int length = (int)app_stem_length(name);
    for (int number = 1;; number++) {
        char text[600];
        size_t i = 0;
        snprintf(text, sizeof text, number > 1 ? "%.*s-%d" : "%.*s", length < 500 ? length : 500, name,
                 number);
        char *folder = app_join(p->o.folder, text, e);
        if (!folder)
            return APP_FAILED;
        while (i < at && strcmp(p->targets[i].folder, folder) != 0)
            i++;
        if (i == at) {
            p->targets[at].folder = folder;
            return APP_OK;
        }
        free(folder);
    }
}

app_status app_project_list(app_project *p, app_error *e) {
    size_t room = 0;
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < p->o.count; i++) {
        struct stat info;
        const char *path = p->o.targets[i];
        char *copy;
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            status = add_folder(p, path, &room, e);
        else
            status = (copy = app_copy(path, e)) ? add(p, copy, &room, e) : APP_FAILED;
    }
    if (status == APP_OK && p->count == 0)
        status = app_fail(e, "there is no target: give pictures or folders of them");
    for (size_t i = 0; status == APP_OK && p->count > 1 && i < p->count; i++)
        status = name_folder(p, i, e);
    if (status == APP_OK && p->count == 1 && !(p->targets[0].folder = app_copy(p->o.folder, e)))
        status = APP_FAILED;
    return status;
}

// ---- loading

app_status app_project_write_picture(app_project *p, const app_target *t, const char *name,
                                     const atl_image *image, app_error *e) {
    char *path = app_join(t->folder, name, e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_image_write(p->ctx, path, "png", image, 0, NULL, 0) != ATL_OK)
        status = app_fail_ctx(e, p->ctx);
    free(path);
    return status;
}

static app_status load_target(app_project *p, size_t at, atl_image *picture, app_error *e) {
    const app_target *t = &p->targets[p->first + at];
    atl_image shown = { 0 };
    if (atl_image_read(p->ctx, t->path, picture) != ATL_OK ||
        atl_project_target(p->model, picture, p->pictures + at * p->row_img, &shown) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    app_status status = app_folder_make(t->folder, e);
    if (status == APP_OK)
        status = app_project_write_picture(p, t, "target.png", &shown, e);
    atl_image_clear(p->ctx, &shown);
    return status;
}

// The mask goes the way of its target, or has the network's size already.
static app_status load_mask(app_project *p, const atl_image *target, app_error *e) {
    const atl_model_info *i = p->info;
    atl_image mask = { 0 };
    if (!p->o.mask)
        return APP_OK;
    if (atl_image_read(p->ctx, p->o.mask, &mask) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    int as_target = mask.width == target->width && mask.height == target->height;
    app_status status = APP_OK;
    if (!as_target && (mask.width != i->width || mask.height != i->height))
        status =
            app_fail(e,
                     "--mask %s: %dx%d pixels; a mask has the size of its target, %dx%d, or that of the "
                     "network's pictures, %dx%d",
                     p->o.mask, mask.width, mask.height, target->width, target->height, i->width, i->height);
    float *values = status == APP_OK ? app_array(p->row_img, 1, 1, sizeof *values, e) : NULL;
    if (values && atl_project_target(p->model, &mask, values, NULL) != ATL_OK)
        status = app_fail_ctx(e, p->ctx);
    for (size_t k = 0; values && status == APP_OK && k < (size_t)i->width * (size_t)i->height; k++)
        p->mask[k] = 0.5f * (values[k] + 1.0f); // the first channel
    free(values);
    atl_image_clear(p->ctx, &mask);
    return status == APP_OK && !values ? APP_FAILED : status;
}

static void load_labels(app_project *p) {
    const app_seeds *k = p->o.classes;
    size_t c_dim = (size_t)p->info->c_dim;
    memset(p->c, 0, p->batch * c_dim * sizeof *p->c);
    for (size_t i = 0; c_dim && i < p->now; i++)
        p->c[i * c_dim + k->items[k->count > 1 ? p->first + i : 0]] = 1.0f;
}

app_status app_project_load(app_project *p, app_error *e) {
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < p->now; i++) {
        atl_image picture = { 0 };
        status = load_target(p, i, &picture, e);
        if (status == APP_OK)
            status = load_mask(p, &picture, e);
        atl_image_clear(p->ctx, &picture);
    }
    load_labels(p);
    return status;
}

// ---- starts

app_status app_project_start_ws(app_project *p, const float **ws, app_error *e) {
    app_latents l;
    *ws = NULL;
    if (!p->o.init || p->best_of || !strcmp(p->o.init, "mean"))
        return APP_OK;
    if (app_latents_open(p->ctx, p->info, p->o.init, 1, &l, e) != APP_OK)
        return APP_FAILED;
    app_status status = app_latents_need_plain(&l, p->o.init, e);
    if (status == APP_OK && (l.space == APP_Z || (l.count != 1 && l.count != p->count)))
        status = app_fail(e, "--init %s: %zu rows of %s; give one w, or one for each of the %zu targets",
                          p->o.init, l.count, l.space == APP_Z ? "z" : "w", p->count);
    for (size_t i = 0; status == APP_OK && i < p->now; i++)
        app_latents_ws(&l, l.count > 1 ? p->first + i : 0, p->row_ws, p->ws + i * p->row_ws);
    app_latents_close(&l);
    *ws = p->ws;
    return status;
}
