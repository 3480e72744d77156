// SPDX-License-Identifier: Apache-2.0
// Instruction sets by the processor's own word, and how many processors this process may use.
#define _GNU_SOURCE // sched_getaffinity
#include "base/cpu.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
static const char *const NAMES[ATL_CPU_SETS] = { "baseline", "neon" };
#else
static const char *const NAMES[ATL_CPU_SETS] = { "baseline", "avx2", "avx512" };
#endif

atl_cpu_set atl_cpu_detect(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")))
        return ATL_CPU_BASELINE;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")))
        return ATL_CPU_AVX2;
    return ATL_CPU_AVX512;
#elif defined(__aarch64__)
    return ATL_CPU_NEON;
#else
    return ATL_CPU_BASELINE;
#endif
}

const char *atl_cpu_name(atl_cpu_set set) {
    return NAMES[set];
}

int atl_cpu_by_name(const char *name) {
    for (int i = 0; i < ATL_CPU_SETS; i++)
        if (!strcmp(name, NAMES[i]))
            return i;
    return -1;
}

int atl_cpu_count(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
