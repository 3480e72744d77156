// SPDX-License-Identifier: Apache-2.0
// Latents from seeds and files; the shapes decide what a tensor means.
#include "latents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "files.h"
#include "memory.h"
#include "styles.h"

// What programs call codes: z, then what is w wherever it is found, then what can be either.
static const char *const names[] = { "z",       "w",     "ws",      "latent",   "w_plus",    "wplus",
                                     "w_pivot", "pivot", "dlatent", "dlatents", "latent_in", "latent_w",
                                     "latents", "codes", "code",    NULL };
enum { FIRST_W = 1, LAST_W = 11 };

typedef struct reading {
    app_space space;
    size_t count;
    int doubtful; // [num_ws, w_dim] could be rows of w or z, and [18, w_dim] the layers of another network
} reading;

void app_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            app_latents *latents) {
    *latents = (app_latents){ .space = APP_Z, .count = count, .width = (size_t)info->z_dim, .seeds = seeds };
}

static int is_called_w(const atl_array *a) {
    for (int i = FIRST_W; i <= LAST_W; i++)
        if (app_tensor_is(a, names[i]))
            return 1;
    return 0;
}

// The product of `rank` dimensions of which one at the most is not 1; 0: there are more, or nothing.
static size_t rows_of(const int64_t *dims, int rank) {
    size_t rows = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 1)
            continue;
        if (rows != 1 || dims[i] < 1)
            return 0;
        rows = (size_t)dims[i];
    }
    return rows;
}

// One w for each layer.
static int fits_ws(const atl_model_info *info, const atl_array *a, reading *r) {
    int rank = a->rank, one = rank == 3 && a->dims[0] == info->num_ws && a->dims[1] == 1; // a list of [1, w]
    if (rank < 2 || (a->dims[rank - 2] != info->num_ws && !one))
        return 0;
    r->space = APP_WS;
    r->count = one ? 1 : rows_of(a->dims, rank - 2);
    r->doubtful = info->num_ws > 1 && (one || rank == 2);
    return r->count > 0;
}

static int is_called_ws(const atl_array *a) {
    return app_tensor_is(a, "ws") || app_tensor_is(a, "w_plus") || app_tensor_is(a, "wplus");
}

// Rows of z or w.  [1, N, w_dim] are not: these are the layers of a code for another network.
static int fits_rows(const atl_array *a, reading *r) {
    r->count = rows_of(a->dims, a->rank - 1);
    if (a->rank > 2 && (int64_t)r->count != a->dims[0])
        return 0;
    r->doubtful = a->rank == 2 && r->space == APP_W && r->count >= 8 && r->count <= 18 && r->count % 2 == 0;
    return r->count > 0;
}

static int fits(const atl_model_info *info, const atl_array *a, int projected, reading *r) {
    int64_t last = a->rank ? a->dims[a->rank - 1] : 0;
    int is_z = last == info->z_dim && !projected, is_w = last == info->w_dim;
    *r = (reading){ 0 };
    if (is_w && !(is_z && app_tensor_is(a, "z")) && fits_ws(info, a, r))
        return 1;
    if ((!is_z && !is_w) || is_called_ws(a))
        return 0;
    r->space = is_w && (!is_z || is_called_w(a)) ? APP_W : APP_Z;
    return fits_rows(a, r);
}

static app_status refuse(const atl_model_info *info, const char *source, const atl_array *a, app_error *e) {
    char shape[APP_SHAPE], layers[100] = "";
    int64_t have = a->rank > 1 && a->dims[a->rank - 1] == info->w_dim ? a->dims[a->rank - 2] : 0;
    if (have > 1 && a->rank == 3 && a->dims[0] >= 1)
        snprintf(layers, sizeof layers, " (%lld layers are those of a network of another size)",
                 (long long)have);
    return app_fail(
        e, "%s: latents%s%s%s of shape %s; this network takes z [N, %d], w [N, %d] or ws [N, %d, %d]%s",
        source, *a->name ? " \"" : "", a->name, *a->name ? "\"" : "", app_tensor_shape(a, shape), info->z_dim,
        info->w_dim, info->num_ws, info->w_dim, layers);
}

// The user must know what was not certain.
static void tell(const atl_model_info *info, const char *source, const app_latents *l, const reading *r,
                 int projected, app_error *e) {
    char shape[APP_SHAPE];
    const atl_array *a = l->tensors.items[0];
    size_t left = atl_arrays_size(l->tensors.set) - l->tensors.count;
    app_tensor_shape(a, shape);
    if (r->doubtful && r->space == APP_WS)
        app_warn(e, "%s: %s is read as one code with a w for each of the %d layers%s", source, shape,
                 info->num_ws,
                 !projected && info->z_dim == info->w_dim
                     ? "; in a file where the tensor is called z it is latents"
                     : "");
    else if (r->doubtful)
        app_warn(e, "%s: %s is read as %zu w; a code with a w for each layer has %d of them in this network",
                 source, shape, r->count, info->num_ws);
    for (size_t i = 0; left && i < atl_arrays_size(l->tensors.set); i++)
        if (strstr(atl_arrays_get(l->tensors.set, i)->name, ".noise")) {
            app_warn(
                e,
                "%s: its noise maps are not used, so that the image is not quite the one that was projected",
                source);
            return;
        }
}

static app_status understand(const atl_model_info *info, const char *source, int projected, app_latents *l,
                             app_error *e) {
    reading first = { 0 }, r;
    int several = l->tensors.count > 1;
    l->ends = app_array(l->tensors.count, 1, 1, sizeof *l->ends, e);
    if (!l->ends)
        return APP_FAILED;
    for (size_t i = 0; i < l->tensors.count; i++) {
        const atl_array *a = l->tensors.items[i];
        int fine = fits(info, a, projected, &r);
        // what nobody named are the pictures' codes only when each is one code
        if (several && (!fine || (l->tensors.guessed && r.count != 1) || (i && r.space != first.space)))
            return app_tensors_ask(source, l->tensors.set, e);
        if (!fine)
            return refuse(info, source, a, e);
        if (i == 0)
            first = r;
        l->count += r.count;
        l->ends[i] = l->count;
    }
    l->space = first.space;
    l->width = l->space == APP_Z ? (size_t)info->z_dim
                                 : (size_t)info->w_dim * (l->space == APP_WS ? (size_t)info->num_ws : 1);
    tell(info, source, l, &first, projected, e);
    return APP_OK;
}

// A pickled dict inside a .npy is of no common form: its keys are pictures, steps, or anything.
static int must_be_named(const app_tensors *t) {
    return t->guessed && app_tensors_are(t->set, "numpy objects") && *t->items[0]->name;
}

// Whether a source is FILE:TENSOR.
static int is_named(const char *source) {
    app_error e = { 0 };
    const char *name = NULL;
    free(app_file_split(source, &name, &e));
    return name != NULL;
}

app_status app_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                            app_latents *latents, app_error *e) {
    *latents = (app_latents){ 0 };
    app_status status =
        app_tensors_open(ctx, source, names + (projected ? FIRST_W : 0), &latents->tensors, e);
    if (status == APP_OK && must_be_named(&latents->tensors))
        status = app_tensors_ask(source, latents->tensors.set, e);
    if (status == APP_OK)
        status = understand(info, source, projected, latents, e);
    if (status != APP_OK)
        app_latents_close(latents);
    latents->styled = app_styles_are_in(latents->tensors.set) && !is_named(source);
    return status;
}

app_status app_latents_need_plain(const app_latents *l, const char *source, app_error *e) {
    if (!l->styled)
        return APP_OK;
    return app_fail(
        e,
        "%s: holds moves of styles (space s), which only generate and edit go along with; %s:w is "
        "the w below them",
        source, source);
}

void app_latents_close(app_latents *latents) {
    app_tensors_close(&latents->tensors);
    free(latents->ends);
    *latents = (app_latents){ 0 };
}

void app_latents_row(const app_latents *l, size_t row, float *out) {
    if (l->seeds) {
        atl_seed_to_z(l->seeds[row], l->width, out);
        return;
    }
    size_t low = 0, high = l->tensors.count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row < l->ends[middle])
            high = middle;
        else
            low = middle + 1;
    }
    row -= low ? l->ends[low - 1] : 0;
    atl_array_read_f32(l->tensors.items[low], (int64_t)(row * l->width), (int64_t)l->width, out);
}

void app_latents_ws(const app_latents *l, size_t row, size_t count, float *ws) {
    app_latents_row(l, row, ws);
    for (size_t k = l->width; k < count; k++)
        ws[k] = ws[k - l->width];
}

app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e) {
    enum { MOST = 1 << 20 };
    static const char *const usual[] = { "centroids", "w", NULL };
    atl_arrays *set = NULL;
    const atl_array *a = NULL;
    char shape[APP_SHAPE];
    app_status status = app_tensor_open(ctx, source, usual, &set, &a, e);
    if (status == APP_OK &&
        (a->rank != 2 || a->dims[0] < 1 || a->dims[0] > MOST || a->dims[1] != info->w_dim)) {
        status = app_fail(e, "%s: centroids of shape %s; expected [N, %d]", source,
                          app_tensor_shape(a, shape), info->w_dim);
    }
    if (status == APP_OK) {
        *count = (int)a->dims[0];
        *rows = app_array((size_t)a->dims[0], (size_t)a->dims[1], 1, sizeof(float), e);
        status = *rows ? APP_OK : APP_FAILED;
    }
    if (status == APP_OK)
        atl_array_read_f32(a, 0, a->dims[0] * a->dims[1], *rows);
    atl_arrays_close(&set);
    return status;
}
