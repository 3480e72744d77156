// SPDX-License-Identifier: Apache-2.0
// The machine's multiply-add throughput, against which times are judged.
#ifndef ATL_CPU_PEAK_H
#define ATL_CPU_PEAK_H

#include <stddef.h>
#include "base/cpu.h"

// Does `rounds` rounds of independent multiply-adds on registers, adds something that depends on all of
// them to *sink, and returns the number of floating-point operations.
typedef double atl_cpu_peak_fn(size_t rounds, float *sink);

atl_cpu_peak_fn *atl_cpu_peak_of(atl_cpu_set set); // the fastest of a set
double atl_cpu_peak_ref(size_t rounds, float *sink);
double atl_cpu_peak_avx2(size_t rounds, float *sink);
double atl_cpu_peak_avx512(size_t rounds, float *sink);
double atl_cpu_peak_neon(size_t rounds, float *sink);

#endif
