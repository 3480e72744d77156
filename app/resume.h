// SPDX-License-Identifier: Apache-2.0
// What a training run goes on from: the folder of a run, one of its snapshots, or any checkpoint whose
// networks a new run starts with.
#ifndef APP_RESUME_H
#define APP_RESUME_H

#include <jansson.h>
#include <atelier/train.h>
#include "error.h"

typedef struct app_resume {
    char *snapshot; // the file
    int goes_on;  // it records a run on these pictures, so atl_trainer_restore(); else atl_trainer_transfer()
    char *folder; // of the run that goes on; NULL: it has none, or a new run begins
    json_t *record; // holds the texts that options point to
} app_resume;

// Finds out what `path` means, and takes recorded values into `options` unless `chosen` says that they were
// chosen (NULL: none was); options->data is the set that was chosen, or NULL.  In a folder a newest snapshot
// that is damaged gives way to the one before, with a warning.  A zeroed struct and one after a failure may
// be closed.
app_status app_resume_open(app_resume *resume, atl_ctx *ctx, const char *path, atl_train_options *options,
                           int (*chosen)(void *user, const char *name), void *user, app_error *e);
void app_resume_close(app_resume *resume); // not before the options are done with

#endif
