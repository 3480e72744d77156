// SPDX-License-Identifier: Apache-2.0
// What a tuned network has that is not its base's: a file with the tensors that differ, whole, as a
// checkpoint of our own whose record says by fingerprint of which network they are.  It is small where a few
// layers were tuned, and of no use without the base.
#ifndef ATL_RUN_DELTAS_H
#define ATL_RUN_DELTAS_H

#include "run/network.h"

// `changed` is of the config of `base`.  dtype: F32 or F16.
atl_status atl_deltas_write(const atl_network *base, const atl_network *changed, const char *path,
                            atl_dtype dtype);

// Puts the tensors of a file in the place of the network's own.  Those of another network are refused.
atl_status atl_deltas_apply(const char *path, atl_network *network);

// The fingerprint of the network that a checkpoint is the deltas of; NULL: it is whole.
const char *atl_deltas_base(const atl_ckpt *ckpt);
// The sentence for a checkpoint that should be whole, and is not.
atl_status atl_deltas_refuse(atl_ctx *ctx, const atl_ckpt *ckpt);

#endif
