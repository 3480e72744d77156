// SPDX-License-Identifier: Apache-2.0
// Tensors of a file, named as users name them: "FILE" or "FILE:TENSOR".  A file may hold many: a NAME also
// stands for every tensor NAME inside other names ("a.png.latent") and for all below it ("NAME.latent").
#ifndef APP_TENSOR_H
#define APP_TENSOR_H

#include <stddef.h>
#include <atelier/model.h>
#include "error.h"

typedef struct app_tensors {
    atl_arrays *set;
    const atl_array **items; // by malloc; borrowed from `set`
    size_t count;
    int guessed; // neither the user nor a usual name chose them: they are all that the file holds
} app_tensors;

// Without a TENSOR those with the first of the `usual` names (which ends in NULL) that the file has, else
// all. A failure leaves nothing to close; closing a zeroed struct is fine.
app_status app_tensors_open(atl_ctx *ctx, const char *source, const char *const *usual, app_tensors *tensors,
                            app_error *e);
void app_tensors_close(app_tensors *tensors);

// Whether the file is of that kind, as atl_arrays_metadata() calls it: "text", "numpy objects".
int app_tensors_are(const atl_arrays *set, const char *container);

// Whether there is such a file.
int app_tensor_exists(const char *source, app_error *e);

// app_tensors_open() where only one will do.
app_status app_tensor_open(atl_ctx *ctx, const char *source, const char *const *usual, atl_arrays **set,
                           const atl_array **array, app_error *e);

// Fails with what the file holds and how to name one of it.
app_status app_tensors_ask(const char *source, const atl_arrays *set, app_error *e);

// Whether the tensor is called `word`, whatever stands before it: "a.png.latent" is a "latent".
int app_tensor_is(const atl_array *array, const char *word);

// "[4, 512]"
enum { APP_SHAPE = 200 };
const char *app_tensor_shape(const atl_array *array, char text[APP_SHAPE]);

#endif
