// SPDX-License-Identifier: Apache-2.0
// Status codes.  Every function of the library that can fail returns one; 0 is success.  The sentence
// that explains a failure (file, value, remedy) is kept in the context: see atl_message() in ctx.h.
#ifndef ATELIER_STATUS_H
#define ATELIER_STATUS_H

// What the library shows of itself: a name without it can't be linked from outside.
#if defined(__GNUC__)
#define ATL_API __attribute__((visibility("default")))
#else
#define ATL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum atl_status {
    ATL_OK = 0,
    ATL_NO_MEMORY = 1,   // the allocator, or the cap on what a file may claim, said no
    ATL_BAD_ARGUMENT = 2,// the caller's mistake: an option out of range, a shape that does not fit
    ATL_BAD_FILE = 3,    // the file is damaged, hostile, or not what its name promises
    ATL_IO = 4,          // the system said no: missing file, full disk, permissions
    ATL_UNSUPPORTED = 5, // understood, but this build or this version can't do it
    ATL_CANCELLED = 6,   // a callback asked to stop
    ATL_INTERNAL = 7     // a library below us failed, or our own mistake
} atl_status;

// A short name of a code, for logs: "bad file".  Static storage, never NULL.
ATL_API const char *atl_status_name(atl_status status);

#ifdef __cplusplus
}
#endif
#endif
