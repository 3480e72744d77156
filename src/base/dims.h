// SPDX-License-Identifier: Apache-2.0
// Dimensions of tensors as messages write them.
#ifndef ATL_BASE_DIMS_H
#define ATL_BASE_DIMS_H

#include <stdint.h>

enum { ATL_DIMS_TEXT = 128 }; // longer texts are cut

// "[64, 32, 3, 3]".  Writes to and returns `text`.
const char *atl_dims_text(int rank, const int64_t *dims, char text[ATL_DIMS_TEXT]);

#endif
