// SPDX-License-Identifier: Apache-2.0
// The layers of a generator that read styles.
#ifndef ATL_EDIT_STYLES_H
#define ATL_EDIT_STYLES_H

#include <atelier/directions.h>
#include "run/program.h"

// In the order in which the network runs them; list and names are in the arena.
atl_status atl_styles_list(const atl_network *network, atl_arena *arena, atl_style_info **list, int *count);

// Directions from the weights that read w.
atl_status atl_sefa(const atl_network *network, const atl_sefa_options *o, atl_directions **set);

// The inside of <atelier/directions.h>'s editor.  network and backend outlive it.
atl_status atl_editor_make(const atl_network *network, atl_backend *backend, const atl_editor_options *o,
                           atl_editor **editor);

#endif
