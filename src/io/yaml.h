// SPDX-License-Identifier: Apache-2.0
// YAML, by libyaml, as far as configs of networks are written in it: numbers and words in maps within maps.
#ifndef ATL_IO_YAML_H
#define ATL_IO_YAML_H

#include <stddef.h>
#include <jansson.h>
#include "base/ctx.h"

// The first document of a text as an object of texts by the paths of their keys, "model.params.n_embed".
// Lists and long texts are passed over.  So are aliases, which are never followed: what a text makes us keep
// is no more than itself.  `name` is what sentences call it.
atl_status atl_yaml_read(atl_ctx *ctx, const char *name, const char *text, size_t size, json_t **values);

#endif
