// SPDX-License-Identifier: Apache-2.0
// How strongly the trainer of a file augmented when it wrote it: the buffer "p" of the official
// "augment_pipe", "augment_p" in StyleGAN-XL's "progress", or "ada_aug_p" of the port.
#include <math.h>

#include "ckpt/layout.h"

static atl_status number_of(const atl_ckpt *ckpt, const atl_object *o, double *x) {
    float value;
    if (atl_object_number(o, x))
        return ATL_OK;
    if (!o || o->type != ATL_OBJECT_TENSOR || o->u.tensor->rank != 0 || atl_tensor_dtype(o->u.tensor) < 0)
        return ATL_OK;
    ATL_TRY(atl_tensor_read_f32(ckpt->objects, o->u.tensor, &value));
    *x = (double)value;
    return ATL_OK;
}

atl_status atl_ckpt_augment_p(const atl_ckpt *ckpt, double *p) {
    const atl_object *root = ckpt->objects ? atl_torch_root(ckpt->objects) : NULL;
    double x = NAN;
    *p = -1.0;
    if (!root || root->type != ATL_OBJECT_DICT)
        return ATL_OK;
    const atl_object *pipe = atl_object_get(root, "augment_pipe");
    if (pipe && pipe->type == ATL_OBJECT_INSTANCE)
        ATL_TRY(number_of(ckpt, atl_object_get(atl_object_get(pipe, "_buffers"), "p"), &x));
    if (x == 1.0) // what a pipe is made with, before a trainer sets it
        x = NAN;
    if (isnan(x))
        ATL_TRY(number_of(ckpt, atl_object_get(atl_object_get(root, "progress"), "augment_p"), &x));
    if (isnan(x))
        ATL_TRY(number_of(ckpt, atl_object_get(root, "ada_aug_p"), &x));
    if (x >= 0.0) // official ones have no bound above
        *p = x < 1.0 ? x : 1.0;
    return ATL_OK;
}
