// SPDX-License-Identifier: Apache-2.0
// Codes drawn from a transformer, for those above who have one at work: the public face, which says what the
// options mean, is <atelier/codes.h>.
#ifndef ATL_RUN_DRAW_CODES_H
#define ATL_RUN_DRAW_CODES_H

#include <atelier/codes.h>
#include "run/program.h"

// The programs are those of the transformer.  shares: a number in [0, 1) for each code, which chooses it in
// place of the seed's; NULL: those of the seed.
atl_status atl_draw_codes(atl_programs *programs, const atl_sample_options *options, const double *shares,
                          int32_t *codes);

#endif
