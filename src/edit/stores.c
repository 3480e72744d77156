// SPDX-License-Identifier: Apache-2.0
// Adding, allocating, naming; see stores.h.
#include "edit/stores.h"

#include <stdio.h>
#include <string.h>

#include "graph/resident.h"

atl_status atl_store_add(atl_params *store, const char *name, atl_shape s) {
    return atl_params_add(store, name, s.rank, s.d, false, NULL);
}

atl_status atl_store_add_terms(atl_params *store, const char *prefix, const atl_terms *terms) {
    for (int i = 0; i < terms->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%d", prefix, i);
        ATL_TRY(atl_store_add(store, name, terms->list[i].node->shape));
    }
    return ATL_OK;
}

atl_status atl_store_allocate(atl_params *store, atl_backend *backend) {
    ATL_TRY(atl_params_allocate(store));
    memset(store->data, 0, store->total * sizeof *store->data);
    return atl_resident_take(backend, store->data, store->total, store->version, NULL);
}

void atl_store_clear(atl_params *store, atl_backend *backend) {
    atl_resident_drop(backend, store->data);
    atl_params_clear(store);
}

atl_node *atl_store_node(const atl_params *store, size_t at, atl_graph *g) {
    const atl_param *p = &store->list[at];
    return atl_parameter(g, p->name, atl_shape_make(p->rank, p->dims), atl_param_data(store, p),
                         &store->version);
}
