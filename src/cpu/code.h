// SPDX-License-Identifier: Apache-2.0
// Whether there is memory left for machine code, for those who make some without looking.
#ifndef ATL_CPU_CODE_H
#define ATL_CPU_CODE_H

#include <stddef.h>
#include <atelier/status.h>

// ATL_NO_MEMORY: so many bytes can't be had.  ATL_UNSUPPORTED: they can, but the system lets nothing in them
// run.
atl_status atl_cpu_code_room(size_t bytes);

#endif
