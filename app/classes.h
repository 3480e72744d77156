// SPDX-License-Identifier: Apache-2.0
// Classes as people write them: numbers and ranges, names from a list, and mixtures "tench:0.3,5:0.7".
#ifndef APP_CLASSES_H
#define APP_CLASSES_H

#include <stddef.h>
#include "error.h"
#include "seeds.h"

// What is written before the parts of a mixture where labels are asked for: "mix:0:0.3,5:0.7".
#define APP_MIXTURE "mix:"

typedef struct app_classes {
    app_seeds list; // a class for each image, or one for all; empty: `mixture`
    char *mixture;  // APP_MIXTURE and numbers with their shares, for app_labels_open(); NULL: `list`
} app_classes;

// `names`: a file with the name of a class on each line, from 0 on; a line may begin with the class's number
// and a colon, or with the identifier of a WordNet set, and may have several names, separated by commas.
// NULL: numbers only.  `text` must outlive the classes; after a failure they are empty.
app_status app_classes_parse(const char *text, const char *names, app_classes *classes, app_error *e);
void app_classes_clear(app_classes *classes);

// The shares of an APP_MIXTURE as a row of `width` numbers.
app_status app_mixture_read(const char *text, size_t width, float *row, app_error *e);

#endif
