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
// The same of a PixelCNN: draw_pixels.c.  What the two share: choose_code.c.
atl_status atl_draw_pixels(atl_programs *programs, const atl_sample_options *options, const double *shares,
                           int32_t *codes);

enum { ATL_MAP_SIDE_MOST = 4096 };

typedef struct atl_code_choice {
    float p; // a logit, then a share
    int32_t code;
} atl_code_choice;

// The code that `share`, a number in [0, 1), falls on; room is for n choices.
int32_t atl_choose_code(const atl_sample_options *o, const float *logits, int n, double share,
                        atl_code_choice *room);
// Whether options are in range; and codes.
atl_status atl_check_sampling(atl_ctx *ctx, const atl_sample_options *o);
atl_status atl_check_codes(atl_ctx *ctx, const char *what, const int32_t *codes, size_t count, int most);

#endif
