// SPDX-License-Identifier: Apache-2.0
// Which instruction sets the processor has, as a ladder: each rung contains the ones below it.
#ifndef ATL_BASE_CPU_H
#define ATL_BASE_CPU_H

typedef enum atl_cpu_set {
    ATL_CPU_BASELINE, // plain C, for every processor of the architecture
#if defined(__aarch64__)
    ATL_CPU_NEON, // part of the architecture: every processor has it
#else
    ATL_CPU_AVX2,   // AVX2, FMA, F16C
    ATL_CPU_AVX512, // AVX-512 F, BW, DQ, VL
#endif
    ATL_CPU_SETS
} atl_cpu_set;

atl_cpu_set atl_cpu_detect(void);
const char *atl_cpu_name(atl_cpu_set set);

// The set named `name`, or -1.
int atl_cpu_by_name(const char *name);

// Processors that this process may run on, at least 1.
int atl_cpu_count(void);

#endif
