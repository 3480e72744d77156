// SPDX-License-Identifier: Apache-2.0
// An image again, from the record inside a picture.
#ifndef APP_REPLAY_H
#define APP_REPLAY_H

#include <atelier/image.h>
#include "recipe.h"

// The record of a picture of one image; its texts are borrowed from *owner, which json_decref() releases.
app_status app_replay_read(atl_ctx *ctx, const char *picture, app_recipe *recipe, json_t **owner,
                           app_error *e);

// Makes the image with the network, warning when it is another one.  The context must be as recipe->direct
// says.  The fingerprint in the recipe becomes that of the network.  atl_image_clear() releases *image.
app_status app_replay_make(atl_ctx *ctx, atl_model *model, const char *picture, app_recipe *recipe,
                           atl_image *image, app_error *e);

#endif
