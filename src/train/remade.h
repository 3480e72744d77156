// SPDX-License-Identifier: Apache-2.0
// What the recipes of autoencoders have in common that a discriminator judges: pictures made again, looked at by
// LPIPS, and the step from which D counts.  The trainer's `own` is the LPIPS network.
#ifndef ATL_TRAIN_REMADE_H
#define ATL_TRAIN_REMADE_H

#include "train/gan.h"

atl_status atl_remade_open(atl_trainer *t); // the LPIPS network of the options, where there is one
void atl_remade_close(atl_trainer *t);
const char *atl_remade_lacks(const atl_trainer *t, int index);

// The mean LPIPS of pictures, [1], reported; NULL: nothing looks.
atl_node *atl_remade_far(atl_phase_builder *b, atl_node *img, atl_node *real);
atl_node *atl_remade_begun(atl_phase_builder *b); // [1]: 0 before disc-start, then 1

// Of several processes: the codebook of a scope, whose vectors are columns or rows, follows what all of them have
// seen.
atl_status atl_remade_follow(atl_trainer *t, const char *scope, const char *vectors, bool columns);
// Codes that begin anew are for one process.
atl_status atl_remade_check_restart(const atl_trainer *t);

#endif
