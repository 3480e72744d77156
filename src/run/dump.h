// SPDX-License-Identifier: Apache-2.0
// Layers as files, after a run in step mode.
#ifndef ATL_RUN_DUMP_H
#define ATL_RUN_DUMP_H

#include "run/program.h"

// Writes every named node that matches the shell pattern to dir/NAME.npy, images in N,C,H,W order.
atl_status atl_dump(const atl_program *p, const char *pattern, const char *dir);

#endif
