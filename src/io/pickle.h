// SPDX-License-Identifier: Apache-2.0
// A pickle machine that builds data and nothing else.  It knows protocols 0 to 5 and a list of names
// (classes and functions) whose meaning as data is understood; classes outside the list become inert
// objects, and functions outside it are errors that name them.  Nothing is imported, called or executed.
// How values are built: pickle_build.c.  The containers around pickles: torch.h.
#ifndef ATL_IO_PICKLE_H
#define ATL_IO_PICKLE_H

#include "io/object.h"

// What the machine needs from its caller.
typedef struct atl_pickle_reader {
    atl_arena *arena;  // owns everything that is built
    const char *path;  // for messages
    void *user;
    // Resolves a persistent id; NULL: such ids are errors.
    atl_status (*persistent)(void *user, const atl_object *id, atl_object **out);
    // Reads a torch stream that is held as bytes inside the pickle; NULL: that is an error.
    atl_status (*stream)(void *user, const atl_object *bytes, atl_object **out);
} atl_pickle_reader;

// Reads one pickle from the start of `data`.  *used (may be NULL) is its length; *out lives in the arena,
// and its text and bytes may point into `data`, which must outlive it.
atl_status atl_pickle_read(const atl_pickle_reader *reader, const uint8_t *data, size_t bytes, size_t *used,
                           atl_object **out);

#endif
