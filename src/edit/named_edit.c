// SPDX-License-Identifier: Apache-2.0
// Named edits of GANSpace's window: a pickled dict with one component, its deviation, the layers it is for
// (the end not among them), and a name.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "edit/directions.h"
#include "io/torch.h"

static bool is_pickle(const uint8_t *data, size_t bytes) {
    return bytes > 2 && data[0] == 0x80 && data[1] <= 5; // the protocol
}

// A number, or an array of one.
static bool number_of(atl_torch *torch, const atl_object *o, double *value) {
    float x;
    if (o && o->type == ATL_OBJECT_TENSOR && atl_tensor_count(o->u.tensor) == 1 &&
        atl_tensor_dtype(o->u.tensor) >= 0 && atl_tensor_read_f32(torch, o->u.tensor, &x) == ATL_OK) {
        *value = (double)x;
        return true;
    }
    return o && atl_object_number(o, value);
}

static uint64_t layers_of(const atl_object *root) {
    int64_t first, end;
    uint64_t layers = 0;
    if (!atl_object_get(root, "edit_start") || !atl_object_int(atl_object_get(root, "edit_start"), &first) ||
        !atl_object_get(root, "edit_end") || !atl_object_int(atl_object_get(root, "edit_end"), &end) ||
        first < 0)
        return 0;
    for (int64_t i = first; i < end && i < 64; i++)
        layers |= (uint64_t)1 << i;
    return layers;
}

static atl_status read_edit(atl_ctx *ctx, const char *path, atl_torch *torch, const atl_object *root,
                            const atl_tensor *t, atl_directions **set) {
    float *values;
    double scale;
    int64_t width = atl_tensor_count(t);
    const atl_object *name = atl_object_get(root, "name"), *space = atl_object_get(root, "latent_space");
    if (width < 2 || width > 1 << 16 || atl_tensor_dtype(t) < 0)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: its lat_comp is no direction", path);
    ATL_TRY(atl_directions_new(ctx, 1, atl_object_equals(space, "Z") ? ATL_DIRECTION_Z : ATL_DIRECTION_W, 1,
                               width, "ganspace", set, &values));
    ATL_TRY(atl_tensor_read_f32(torch, t, values));
    atl_direction *d = &(*set)->list[0];
    d->layers = layers_of(root);
    if (number_of(torch, atl_object_get(root, "lat_stdev"), &scale) && isfinite(scale) && scale != 0)
        d->scale = (float)scale;
    const char *text = name ? atl_object_text(name, &(*set)->arena) : NULL;
    d->name = text ? text : "";
    return atl_directions_check(*set, path);
}

atl_status atl_named_edit_read(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                               atl_directions **set) {
    atl_torch *torch;
    *set = NULL;
    if (!is_pickle(data, bytes))
        return ATL_OK;
    ATL_TRY(atl_torch_open_memory(ctx, path, data, bytes, true, &torch));
    const atl_object *root = atl_torch_root(torch), *comp = atl_object_get(root, "lat_comp");
    atl_status status = ATL_OK;
    if (comp && comp->type == ATL_OBJECT_TENSOR && atl_object_get(root, "edit_start"))
        status = read_edit(ctx, path, torch, root, comp->u.tensor, set);
    if (status != ATL_OK)
        atl_directions_close(set);
    atl_torch_close(&torch);
    return status;
}
