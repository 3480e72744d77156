// SPDX-License-Identifier: Apache-2.0
// Loops over spans of parameters: sums of gradients, moving averages, Adam.  They are bound by memory, so
// plain C is as fast as anything.
#ifndef ATL_CPU_SPAN_H
#define ATL_CPU_SPAN_H

#include "base/team.h"
#include "graph/backend.h"

void atl_cpu_accumulate(float *to, const float *x, size_t count, float scale,
                        atl_team *team); // to += scale x
void atl_cpu_average(float *to, const float *x, size_t count, float beta,
                     atl_team *team); // atl_backend.average
void atl_cpu_adam(const atl_adam_span *s, atl_team *team);

#endif
