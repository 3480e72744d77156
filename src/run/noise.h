// SPDX-License-Identifier: Apache-2.0
// Where the noise of layers comes from when it is not the network's own.
#ifndef ATL_RUN_NOISE_H
#define ATL_RUN_NOISE_H

#include "run/program.h"

// Writes the noise maps of images first ... first + rows of a call by their mode.  z_dim: numbers of an
// image's z, which the mode sg2 passes over.
atl_status atl_noise_write(atl_program *p, int first, int rows, int z_dim, const atl_synthesis_options *o);

#endif
