// SPDX-License-Identifier: Apache-2.0
// Stores of a search: what it moves, and what stays while it does (targets, masks, their terms), as if they
// were the parameters of a network.  Plans read them where they lie.
#ifndef ATL_EDIT_STORES_H
#define ATL_EDIT_STORES_H

#include "edit/likeness.h"
#include "graph/backend.h"
#include "nn/params.h"

atl_status atl_store_add(atl_params *store, const char *name, atl_shape shape);
// Named "PREFIX.0", ...
atl_status atl_store_add_terms(atl_params *store, const char *prefix, const atl_terms *terms);

// After all were added: zeros, with a copy on the device.
atl_status atl_store_allocate(atl_params *store, atl_backend *backend);
void atl_store_clear(atl_params *store, atl_backend *backend);

// What was added as number `at`: its values, and its node of a graph.
static inline float *atl_store_at(const atl_params *store, size_t at) {
    return atl_param_data(store, &store->list[at]);
}
atl_node *atl_store_node(const atl_params *store, size_t at, atl_graph *g);

#endif
