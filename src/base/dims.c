// SPDX-License-Identifier: Apache-2.0
// Dimensions as text: see the header.
#include "base/dims.h"

#include <inttypes.h>
#include <stdio.h>

const char *atl_dims_text(int rank, const int64_t *dims, char text[ATL_DIMS_TEXT]) {
    size_t at = (size_t)snprintf(text, ATL_DIMS_TEXT, "[");
    for (int i = 0; i < rank && at < ATL_DIMS_TEXT; i++)
        at += (size_t)snprintf(text + at, ATL_DIMS_TEXT - at, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (at < ATL_DIMS_TEXT)
        snprintf(text + at, ATL_DIMS_TEXT - at, "]");
    return text;
}
