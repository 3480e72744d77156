// SPDX-License-Identifier: Apache-2.0
// The pictures that arguments name: files, and those in folders and the folders in them, in the order of
// names.
#ifndef APP_PHOTOS_H
#define APP_PHOTOS_H

#include <stddef.h>
#include "error.h"

typedef struct app_photo {
    char *path; // by malloc
    char *stem; // within its argument, without the ending: "summer/party"; unique.  By malloc.
} app_photo;

typedef struct app_photos {
    app_photo *list;
    size_t count, room;
} app_photos;

// A zeroed struct and one after a failure may be closed.
app_status app_photos_open(app_photos *photos, const char *const *paths, size_t count, app_error *e);
void app_photos_close(app_photos *photos);

// Whether a name ends as those of pictures do.
int app_photo_ends(const char *name);

// Whether two names may be of one file: the shorter one, in folders, is the end of the other.
int app_photo_is(const char *path, const char *name);

#endif
