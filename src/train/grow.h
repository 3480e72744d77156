// SPDX-License-Identifier: Apache-2.0
// Progressive growing (Karras et al. 2018, section 2 and appendix A): the schedule by pictures shown, and how
// pictures of the set fade from one resolution to the next as the networks do.
//
//     lod
//      2 |----.
//        |     \                    training   at one resolution
//      1 |      '----.              transition in which the next one fades in
//        |            \             ... until full size, lod 0
//      0 |_____________'----------  pictures shown
#ifndef ATL_TRAIN_GROW_H
#define ATL_TRAIN_GROW_H

#include "train/recipe.h"

// What a table "4:128,8:64" has for a resolution; `other` where it has nothing.
double atl_grow_table(const char *table, int resolution, double other);

// The largest batch on the way to a resolution.
int atl_grow_largest(const atl_train_options *o, int resolution);

// Whether tables can be read, the schedule comes to full size, and each batch can be shared.
atl_status atl_grow_check(atl_ctx *ctx, const atl_train_set *set, int ranks, const atl_train_options *o);

// For the recipe: the stage of a step before which so many pictures were shown.
atl_stage atl_grow_stage(const atl_trainer *t, uint64_t images);
atl_stage atl_grow_stage_of(const atl_train_options *o, int resolution, int ranks, uint64_t images);

// For a phase: the pictures of the set [n, h, w, c], as the networks' level of detail shows them, at full
// size.
atl_node *atl_grow_real(atl_phase_builder *b);

#endif
