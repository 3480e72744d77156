// SPDX-License-Identifier: Apache-2.0
// The print of a set: what tells whether two sets hold the same pictures, wherever they lie.  Names and sizes
// of all pictures, the bytes of a sample, and the labels where they are used.  It costs the reading of the
// sample alone.
#ifndef ATL_DATA_PRINT_H
#define ATL_DATA_PRINT_H

#include <jansson.h>
#include "data/dataset.h"
#include "io/json.h"

typedef struct atl_set_print {
    size_t count;
    int width, height, channels, label_size;
    uint64_t names, sizes, sample, labels; // hashes
} atl_set_print;

// labels: whether they count.
atl_status atl_set_print_make(const atl_dataset *set, bool labels, atl_set_print *print);

// As JSON, and back from the records of strangers: false when that is no print.
json_t *atl_set_print_json(atl_json *b, const atl_set_print *print);
bool atl_set_print_parse(const json_t *json, atl_set_print *print);

// What is different about `now`, for people: "has 20 pictures, where it had 40"; false: nothing is.
bool atl_set_print_differs(const atl_set_print *before, const atl_set_print *now, char *text, size_t room);

#endif
