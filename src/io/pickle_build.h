// SPDX-License-Identifier: Apache-2.0
// What the known names of a pickle mean: between pickle_names.c (which name), pickle_build.c (containers
// and objects) and pickle_tensor.c (torch tensors, numpy arrays).
#ifndef ATL_IO_PICKLE_BUILD_H
#define ATL_IO_PICKLE_BUILD_H

#include "io/pickle_machine.h"

typedef enum atl_action {
    ACT_REFUSED,
    ACT_INERT,
    ACT_DICT,
    ACT_LIST,
    ACT_TUPLE,
    ACT_SET,
    ACT_BYTES,
    ACT_ENCODE,
    ACT_RECONSTRUCT,
    ACT_NEW,
    ACT_LOAD_TYPE,
    ACT_NP_DTYPE,
    ACT_NP_ARRAY,
    ACT_NP_SCALAR,
    ACT_NP_RECONSTRUCT,
    ACT_NP_BUFFER,
    ACT_TENSOR,
    ACT_TENSOR_V3,
    ACT_PARAMETER,
    ACT_FROM_TYPE,
    ACT_LOAD_BYTES,
    ACT_PERSISTENT,
    ACT_FROM_ARRAY,
    ACT_ATTRIBUTE,
    ACT_PARTIAL
} atl_action;

// An object's argument number `index`, or NULL.
static inline atl_object *atl_build_arg(const atl_object *args, size_t index) {
    return index < args->size ? args->u.items[index] : NULL;
}

atl_status atl_build_tensor(atl_machine *m, const atl_object *args, bool v3, atl_object **out);
atl_status atl_build_np_dtype(atl_machine *m, const atl_object *args, atl_object **out);
atl_status atl_build_np_dtype_state(atl_machine *m, atl_object *dtype, const atl_object *state);
atl_status atl_build_np_scalar(atl_machine *m, const atl_object *args, atl_object **out);
atl_status atl_build_np_empty(atl_machine *m, atl_object **out);
atl_status atl_build_np_state(atl_machine *m, atl_object *array, const atl_object *state);
atl_status atl_build_np_buffer(atl_machine *m, const atl_object *args, atl_object **out);

#endif
