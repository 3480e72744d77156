// SPDX-License-Identifier: Apache-2.0
// One tensor of a file, named as users name it: "FILE" or "FILE:TENSOR".
#ifndef APP_TENSOR_H
#define APP_TENSOR_H

#include <stddef.h>
#include <atelier/model.h>
#include "error.h"

// *array is borrowed from *set, which atl_arrays_close() releases, after a failure, too.
app_status app_tensor_open(atl_ctx *ctx, const char *source, atl_arrays **set, const atl_array **array,
                           app_error *e);

// "[4, 512]"
enum { APP_SHAPE = 200 };
const char *app_tensor_shape(const atl_array *array, char text[APP_SHAPE]);

#endif
