// SPDX-License-Identifier: Apache-2.0
// JSON of options, for snapshots and records.
#ifndef ATL_TRAIN_DESCRIBE_H
#define ATL_TRAIN_DESCRIBE_H

#include <jansson.h>
#include "train/trainer.h"

json_t *atl_train_options_json(const atl_train_options *o);
// Text in the context's memory; takes the reference.  NULL with a message: no memory.
char *atl_train_json_text(atl_ctx *ctx, json_t *json, size_t flags);

#endif
