// SPDX-License-Identifier: Apache-2.0
// The files that requests may name: those that were named on the command line, and those in folders that
// were.  A list is made by looking; a name from outside is then compared with it, and never becomes part of a
// path.
#ifndef APP_SERVE_FILES_H
#define APP_SERVE_FILES_H

#include <stddef.h>
#include "error.h"

enum { // bits
    APP_IS_NETWORK = 1,
    APP_IS_DIRECTIONS = 2,
    APP_IS_RUN = 4,   // the folder of a training
    APP_IS_SET = 8,   // pictures to train with
    APP_IS_PHOTO = 16 // is counted, and not listed
};

typedef struct app_listed {
    char *name, *path; // by malloc: how requests call it; as the command line of a program would
    int kinds;
    long long bytes;
} app_listed;

typedef struct app_listing {
    app_listed *items;
    size_t count, room;
} app_listing;

enum { APP_LISTED_MOST = 4096, APP_LISTED_DEPTH = 4 };

// Adds a file, or what is in a folder.  Links within folders are passed over, since they may lead out of
// them.
app_status app_listing_add(app_listing *list, const char *place, app_error *e);
void app_listing_clear(app_listing *list);

// NULL: there is none of that name and kind.
const app_listed *app_listing_find(const app_listing *list, const char *name, int kind);

#endif
