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
    char *differs;  // what is different about the pictures, behind the name of their set, so that it can't go
                    // on; NULL
    int same_place; // and those pictures lie where the run's lay
    long long stamp; // of the folder before anything of it was read
    json_t *record; // NULL: none; holds the texts that options point to
    char *data;     // and so does this
} app_resume;

// What the caller chose.
typedef struct app_resume_choice {
    int new_run;                                 // start from these networks, whatever is recorded
    int (*chosen)(void *user, const char *name); // whether an option was; NULL: none was
    void *user;
} app_resume_choice;

// Finds out what `path` means.  When it goes on, recorded values are taken into `options`, but for what was
// chosen, for what had been left open and follows from what was chosen (which is left open again), and for
// the shapes of networks.  options->data is the set that was chosen, or NULL: that of the record, wherever it
// lies now.  Either is compared with the run's pictures by what is in it.  In a folder a newest snapshot that
// is damaged gives way to the one before, with a warning.  A zeroed struct and one after a failure may be
// closed.
app_status app_resume_open(app_resume *resume, atl_ctx *ctx, const char *path, atl_train_options *options,
                           const app_resume_choice *choice, app_error *e);
void app_resume_close(app_resume *resume); // not before the options are done with

// Changes whenever a snapshot of a folder is written; 0: it has none.
long long app_resume_stamp(const char *folder);

// What of the recorded options is different now, as "gamma 0.8192 -> 2, threads 2 -> 1"; "": nothing is, or
// there is no record.  The text ends with "..." where it doesn't fit.
void app_resume_changes(const app_resume *resume, const atl_train_options *now, char *text, size_t room);

#endif
