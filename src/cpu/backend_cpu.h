// SPDX-License-Identifier: Apache-2.0
// What the files backend*.c share.
#ifndef ATL_CPU_BACKEND_CPU_H
#define ATL_CPU_BACKEND_CPU_H

#include "base/team.h"
#include "cpu/backend.h"
#include "cpu/kernels.h"

typedef struct atl_cpu {
    atl_backend base; // first: a backend is cast to this
    atl_cpu_kernels kernels;
    atl_team *team;
    struct atl_cpu *alone; // the same without a team, for small steps
} atl_cpu;

atl_status atl_cpu_prepare_fir(atl_cpu *b, atl_step *step);
atl_status atl_cpu_prepare_flrelu(atl_cpu *b, atl_step *step);
atl_status atl_cpu_prepare_flrelu_t(atl_cpu *b, atl_step *step);
atl_status atl_cpu_prepare_style(atl_cpu *b, atl_step *step);
atl_status atl_cpu_run_style(atl_cpu *b, const atl_step *step, const atl_run *run);
atl_status atl_cpu_run_pick(atl_cpu *b, const atl_step *step, const atl_run *run);
atl_status atl_cpu_run_gather(atl_cpu *b, const atl_step *step, const atl_run *run);
atl_status atl_cpu_prepare_matmul(atl_cpu *b, atl_step *step);
atl_status atl_cpu_prepare_epilogue(atl_cpu *b, atl_step *step);
atl_status atl_cpu_prepare_conv(atl_cpu *b, atl_step *step);
atl_status atl_cpu_run_state(atl_cpu *b, const atl_step *step, const atl_run *run);
void atl_cpu_discard_state(atl_cpu *b, atl_step *step);

bool atl_cpu_fuses(const atl_backend *b, const atl_node *n);
// The filter of a node with up_fir, for Winograd: a convolution's of [4, 4] with padding 1, gain included.
void atl_cpu_four_taps(const atl_fir_attr *a, float fir[16]);

#endif
