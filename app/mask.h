// SPDX-License-Identifier: Apache-2.0
// Masks: pictures of any colours, of which the brightness counts.
#ifndef APP_MASK_H
#define APP_MASK_H

#include <atelier/image.h>
#include "error.h"

// The picture in gray, transparency black.  Clear it with atl_image_clear().
app_status app_mask_read(atl_ctx *ctx, const char *path, atl_image *mask, app_error *e);

#endif
