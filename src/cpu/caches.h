// SPDX-License-Identifier: Apache-2.0
// How large the caches of this machine are.  Kernels cut their work by them: what a plan decides from a size,
// it reads here.
//
// Where a cut changes the order of a sum (the slices of direct.c, the blocks of reduce.c) sizes are constants
// there, so that machines agree.
#ifndef ATL_CPU_CACHES_H
#define ATL_CPU_CACHES_H

#include <stddef.h>

typedef struct atl_cpu_caches {
    double l1, l2; // bytes of data that one thread may count on, when all of a core's threads are at work
    double l3;     // bytes in all of the last level, whoever shares it
} atl_cpu_caches;

// As the system describes them; of what it doesn't say, a usual size.
atl_cpu_caches atl_cpu_caches_find(void);

// The same by files as Linux has them in /sys/devices/system/cpu/cpu0/cache.
atl_cpu_caches atl_cpu_caches_read(const char *folder);

#endif
