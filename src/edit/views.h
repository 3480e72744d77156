// SPDX-License-Identifier: Apache-2.0
// Codes near a code: what ensembles look at beside a picture.
#ifndef ATL_EDIT_VIEWS_H
#define ATL_EDIT_VIEWS_H

#include <atelier/ensemble.h>

// What views are made of.
typedef struct atl_views {
    const atl_view_options *o;
    const float *ws;    // [rows, w_dim]
    const float *mixed; // [n, rows, w_dim] of other latents, for STYLEMIX
    int n, rows, w_dim;
} atl_views;

// -> out [n, rows, w_dim]
void atl_views_fill(const atl_views *v, float *out);

#endif
