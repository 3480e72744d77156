// SPDX-License-Identifier: Apache-2.0
// Walks over the table of training options, atl_train_fields().
#ifndef ATL_TRAIN_FIELDS_H
#define ATL_TRAIN_FIELDS_H

#include <stdbool.h>
#include <atelier/train.h>
#include "base/mem.h"

const atl_train_field *atl_train_field_find(const char *name); // NULL: there is no such option

// The value of a text; of any other kind.
const char *atl_train_field_text(const atl_train_field *f, const atl_train_options *o);
double atl_train_field_number(const atl_train_field *f, const atl_train_options *o);
// Word number `index` of f->words; false: there is none.
bool atl_train_field_word(const atl_train_field *f, int index, char *word, size_t room);
int atl_train_field_index(const atl_train_field *f, const char *word); // the number of that word, or -1

// Each number within its range (or the one that stands for a default), each text one of its words.
atl_status atl_train_fields_check(atl_ctx *ctx, const atl_train_options *o);

// Moves all texts into the arena, with the standard ones in place of NULL; false: no memory.
bool atl_train_fields_keep(atl_arena *arena, atl_train_options *o);

// The bit of a row whose value is a number, in masks of such rows; 0: it is a text.
uint64_t atl_train_field_bit(const atl_train_field *f);

// Bits of the rows whose number was the one that stands for a default in `given` and is another one now.
uint64_t atl_train_fields_filled(const atl_train_options *given, const atl_train_options *now);

// A hash of an option's value.
uint64_t atl_train_field_hash(const atl_train_field *f, const atl_train_options *o);

#endif
