// SPDX-License-Identifier: Apache-2.0
// The inside of ensembles, shared by their files.
#ifndef APP_ENSEMBLE_PARTS_H
#define APP_ENSEMBLE_PARTS_H

#include "ensemble.h"

int app_ensemble_told(const app_ensemble *a, const char *what, size_t done, size_t total); // not 0 stops

// ensemble_codes.c: opens the generator; and the codes of all pictures.
app_status app_ensemble_open_generator(app_ensemble *a, app_error *e);
app_status app_ensemble_find_codes(app_ensemble *a, app_error *e);
app_status app_ensemble_find_components(app_ensemble *a, app_error *e); // where a row needs them

// ensemble_labels.c: the kinds of views; labels, and which pictures the weight is chosen on.
app_status app_ensemble_list_rows(app_ensemble *a, app_error *e);
app_status app_ensemble_read_labels(app_ensemble *a, app_error *e);

// ensemble_files.c: what is kept of work that was stopped, and results.
app_status app_ensemble_keep(app_ensemble *a, app_error *e);
app_status app_ensemble_restore(app_ensemble *a, app_error *e); // done is raised
app_status app_ensemble_write(app_ensemble *a, app_error *e);
// What of one kind of views goes beside the picture: means over the reconstruction and the views -> deep.
void app_ensemble_average(const app_ensemble *a, const app_ensemble_row *row, size_t photo, float *deep);

#endif
