// SPDX-License-Identifier: Apache-2.0
// Files of pickled objects: torch.save's zip, its older stream, and plain pickles.  The file is mapped and
// parsed at once; the values of tensors stay where they are until they are read.
#ifndef ATL_IO_TORCH_H
#define ATL_IO_TORCH_H

#include "io/file.h"
#include "io/object.h"

typedef struct atl_torch atl_torch;

// Opens a file of torch.save, or with `plain` also a plain pickle.  On failure *torch is NULL.
atl_status atl_torch_open(atl_ctx *ctx, const char *path, bool plain, atl_torch **torch);

// The same of a mapped file, which is taken over, also on failure: *file is empty afterwards.
atl_status atl_torch_open_file(atl_ctx *ctx, const char *path, atl_file *file, bool plain, atl_torch **torch);

// The same over bytes in memory, which must outlive the object.  `path` is for messages.
atl_status atl_torch_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                 bool plain, atl_torch **torch);
void atl_torch_close(atl_torch **torch);

// Whether it is a program of TorchScript: its attributes, weights among them, are read as objects; its code
// isn't.
bool atl_torch_is_script(const atl_torch *torch);

const atl_object *atl_torch_root(const atl_torch *torch); // borrowed, like all that hangs on it

// The element type of a tensor, or -1 for an array without values.
int atl_tensor_dtype(const atl_tensor *tensor);

// Copies a tensor's elements in C order: in their own type, or converted to float.
atl_status atl_tensor_read(atl_torch *torch, const atl_tensor *tensor, void *out);
atl_status atl_tensor_read_f32(atl_torch *torch, const atl_tensor *tensor, float *out);

#endif
