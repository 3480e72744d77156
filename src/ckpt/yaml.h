// SPDX-License-Identifier: Apache-2.0
// The YAML that taming-transformers and enhancing-transformers keep beside a checkpoint: what its tensors do
// not say.
#ifndef ATL_CKPT_YAML_H
#define ATL_CKPT_YAML_H

#include "ckpt/layout.h"

// Reads the file's YAML into ckpt->description: FILE.yaml, FILE with .yaml in place of its ending, model.yaml
// in its folder, or the one that is assumed (config=PATH).  There may be none; one that can't be read is an
// error.
atl_status atl_yaml_open(atl_ckpt *ckpt);

// A number of the network `key` ("vqgan", "cond_vqgan", "transformer"), or `otherwise`.
json_int_t atl_yaml_int(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t otherwise);

// The same for what is "true" or "False".
bool atl_yaml_bool(const atl_ckpt *ckpt, const char *key, const char *name, bool otherwise);

// Whether the numbers of a config, which follow from the tensors, are those that the YAML gives by the same
// names.
atl_status atl_yaml_check(const atl_ckpt *ckpt, const char *key, const json_t *config);

#endif
