// SPDX-License-Identifier: Apache-2.0
// The inside of dragging: a network's features as two plans, and the loop around them.
#ifndef ATL_EDIT_DRAG_H
#define ATL_EDIT_DRAG_H

#include <atelier/drag.h>
#include "graph/backend.h"
#include "run/network.h"

atl_status atl_drag_make(const atl_network *generator, atl_backend *backend, const float *ws,
                         const atl_drag_point *points, size_t count, const atl_drag_options *options,
                         atl_drag **drag);

#endif
