// SPDX-License-Identifier: Apache-2.0
// JSON of options, for snapshots and records.
#ifndef ATL_TRAIN_DESCRIBE_H
#define ATL_TRAIN_DESCRIBE_H

#include "io/json.h"
#include "train/trainer.h"

json_t *atl_train_options_json(atl_json *b, const atl_train_options *o);

#endif
