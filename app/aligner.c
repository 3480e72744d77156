// SPDX-License-Identifier: Apache-2.0
// Opening a transformer, and pictures on their way to it and from it; see aligner.h.
#include "aligner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/align.h>
#include <jansson.h>
#include "files.h"
#include "memory.h"

enum { COLOURS = 3 };

app_status app_aligner_open(app_aligner *a, atl_ctx *ctx, const app_aligner_options *o, app_error *e) {
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    m.ignore_unused = o->ignore_unused;
    m.assume = o->assume;
    m.net = o->net ? o->net : "T_ema";
    *a = (app_aligner){ .ctx = ctx };
    if (atl_model_open(ctx, o->network, &m, &a->model) != ATL_OK)
        return app_fail_ctx(e, ctx);
    if (atl_congealer_open(a->model, &o->congeal, &a->congealer) != ATL_OK)
        return app_fail(e, "%s: %s", o->network, atl_message(ctx));
    a->info = atl_congealer_get_info(a->congealer);
    return APP_OK;
}

// Whether the file has a network of that name.
static app_status look_for(atl_ctx *ctx, const char *path, const char *name, int *there, app_error *e) {
    const json_t *network;
    size_t i;
    char *text;
    *there = 0;
    if (atl_inspect(ctx, path, &text) != ATL_OK)
        return app_fail_ctx(e, ctx);
    json_t *all = json_loads(text, 0, NULL);
    json_array_foreach(json_object_get(all, "networks"), i, network) {
        const char *found = json_string_value(json_object_get(network, "name"));
        *there = *there || (found && !strcmp(found, name));
    }
    app_status status = all ? APP_OK : app_fail(e, "out of memory");
    json_decref(all);
    atl_text_free(ctx, text);
    return status;
}

app_status app_aligner_find_classifier(app_aligner *a, const app_aligner_options *o, app_error *e) {
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    int there;
    m.ignore_unused = o->ignore_unused;
    m.net = "classifier";
    app_status status = look_for(a->ctx, o->network, m.net, &there, e);
    if (status == APP_OK && there && atl_model_open(a->ctx, o->network, &m, &a->classifier) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    return status;
}

void app_aligner_close(app_aligner *a) {
    atl_congealer_close(&a->congealer);
    atl_model_close(&a->classifier);
    atl_model_close(&a->model);
    *a = (app_aligner){ 0 };
}

app_status app_aligner_check_cluster(const app_aligner *a, int cluster, app_error *e) {
    if (cluster < a->info->heads)
        return APP_OK;
    return app_fail(e, "--cluster %d: the transformer has clusters 0 to %d", cluster, a->info->heads - 1);
}

size_t app_aligner_input(const app_aligner *a) {
    return COLOURS * (size_t)a->info->input * (size_t)a->info->input;
}

app_status app_aligner_take(app_aligner *a, const atl_image *picture, float *input, app_error *e) {
    return atl_congealer_input(a->congealer, picture, input) == ATL_OK ? APP_OK : app_fail_ctx(e, a->ctx);
}

app_status app_aligner_read(app_aligner *a, const char *path, atl_image *picture, float *input, app_error *e) {
    atl_image own = { 0 };
    app_status status = APP_OK;
    if (atl_align_photo(a->ctx, path, &own) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    else
        status = app_aligner_take(a, &own, input, e);
    if (picture && status == APP_OK)
        *picture = own;
    else
        atl_image_clear(a->ctx, &own);
    return status;
}

// The folders of a path that lie in the folder of results.
static app_status make_folders(const char *path, app_error *e) {
    char *folder = app_copy(path, e);
    if (!folder)
        return APP_FAILED;
    *strrchr(folder, '/') = '\0';
    app_status status = app_folder_make(folder, e);
    free(folder);
    return status;
}

app_status app_aligned_write(atl_ctx *ctx, const char *folder, const char *name, const atl_image *picture,
                             app_error *e) {
    char *file = app_array(strlen(name) + 8, 1, 1, 1, e), *path = NULL;
    if (file) {
        sprintf(file, "%s.png", name);
        path = app_join(folder, file, e);
    }
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && strchr(name, '/'))
        status = make_folders(path, e);
    if (status == APP_OK && atl_image_write(ctx, path, "png", picture, 0, NULL, 0) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    free(path);
    free(file);
    return status;
}
