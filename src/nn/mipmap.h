// SPDX-License-Identifier: Apache-2.0
// Sampling at a grid without aliases: where neighbours of the result lie far apart in the picture, a blurred
// copy of it is read.  As ops, so that the grid may be learnt (Peebles et al. 2022, section 3 and appendix).
#ifndef ATL_NN_MIPMAP_H
#define ATL_NN_MIPMAP_H

#include "nn/functions.h"

// Each side of x [n, h, w, c] smaller by `factor`, a power of 2 that divides both: a tent of 2 factor taps
// (1, 3,
// ..., 3, 1), the edges reflected.  Factor 1: x itself.
atl_node *atl_tent_downsample(atl_graph *g, atl_node *x, int factor);

// Samples of x [n, h, w, c] at grid [n, oh, ow, 2], in which (x, y) from -1 to 1 spans the picture's outer
// edges. The level at a place is log2 of the distance to the farthest of its four neighbours, in pixels, from
// 0 to levels - 1; levels between two copies are mixed of both.  -> [n, oh, ow, c]
enum { ATL_MIPMAP_MOST = 12 };
atl_node *atl_mipmap_sample(atl_graph *g, atl_node *x, atl_node *grid, float levels, atl_border border);

// The grid that leaves everything in place: [1, h, w, 2]; and those of maps [n, 2, 3] from (x, y, 1) of the
// result to the picture: [n, h, w, 2].
atl_node *atl_identity_grid(atl_graph *g, int64_t h, int64_t w);
// Each vector of a grid [1 or n, h, w, 2] through its sample's map [n, 2, 3].
atl_node *atl_grid_through(atl_graph *g, atl_node *grid, atl_node *map);

#endif
