// SPDX-License-Identifier: Apache-2.0
// The YAML that taming-transformers keeps beside a checkpoint: what its tensors do not say.
#ifndef ATL_CKPT_YAML_H
#define ATL_CKPT_YAML_H

#include "ckpt/layout.h"

// Reads the file's YAML into ckpt->description: FILE.yaml, FILE with .yaml in place of its ending, model.yaml
// in its folder, or the one that is assumed (config=PATH).  There may be none; one that can't be read is an
// error.
atl_status atl_yaml_open(atl_ckpt *ckpt);

// Text as an object of texts by the paths of their keys: "model.params.n_embed".
atl_status atl_yaml_parse(atl_ctx *ctx, const char *text, size_t size, json_t **values);

// A number of the network `key` ("vqgan", "cond_vqgan", "transformer"), or `otherwise`.
json_int_t atl_yaml_int(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t otherwise);

// Whether the numbers of a config, which follow from the tensors, are those that the YAML gives by the same
// names.
atl_status atl_yaml_check(const atl_ckpt *ckpt, const char *key, const json_t *config);

#endif
