// SPDX-License-Identifier: Apache-2.0
// The inside of a context, and how a function fails.  Public face: <atelier/ctx.h>.
#ifndef ATL_BASE_CTX_H
#define ATL_BASE_CTX_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/ctx.h>
#include "base/cpu.h"

enum { ATL_MESSAGE_MAX = 1024 };

struct atl_ctx {
    atl_status status;               // of the oldest failure since the last clear
    char message[ATL_MESSAGE_MAX];   // its sentence
    int threads;
    char device[32];                 // name of the backend; empty: the caller did not choose
    atl_cpu_set cpu;                 // highest kernel set that may be used
    int direct;                      // no Winograd
    size_t memory_cap;
    void (*log)(void *user, atl_log_level level, const char *line);
    void *log_user;
    atl_allocator allocator;
    struct atl_pages *pages; // base/pages.h: the newest chunk first
    struct atl_team *team; // base/team.h: shared by all who ask for as many threads
    void *backend; // run/backend.h: opened when it is first asked for
    void (*close_backend)(void *backend);
    struct atl_budget *budget;       // base/budget.h: shared with contexts of other threads; NULL: none
    size_t reserved;                 // bytes taken from it
    long fail_after;                 // tests: the allocation with this number fails; negative: none
};

#if defined(__GNUC__)
#define ATL_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define ATL_PRINTF(a, b)
#endif

// Records a failure and returns `status`.  The oldest sentence wins: a cause outlives its
// consequences.  The sentence names the file or the option, the value, and the remedy.
atl_status atl_fail(atl_ctx *ctx, atl_status status, const char *format, ...) ATL_PRINTF(3, 4);

// After a failure puts the file's name in front of a sentence that is without it; returns `status`.
atl_status atl_name_file(atl_ctx *ctx, atl_status status, const char *path);

void atl_log(atl_ctx *ctx, atl_log_level level, const char *format, ...) ATL_PRINTF(3, 4);

// Forwards a failure when there is nothing to release.
#define ATL_TRY(expression)                          \
    do {                                             \
        atl_status atl_try_ = (expression);          \
        if (atl_try_ != ATL_OK) return atl_try_;     \
    } while (0)

#endif
