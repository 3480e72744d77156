// SPDX-License-Identifier: Apache-2.0
// A clock that only goes forward.
#ifndef ATL_BASE_CLOCK_H
#define ATL_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t atl_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
