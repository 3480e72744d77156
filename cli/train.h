// SPDX-License-Identifier: Apache-2.0
// What the files of `atelier train` share.
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include <stdio.h>
#include <atelier/train.h>
#include "app/resume.h"
#include "common.h"

enum { CLI_TRAIN_GIVEN = 96 };

// Of the official scripts: what is understood and not listed.
enum { CLI_TRAIN_UNLISTED = 6 };
typedef struct cli_train_habits {
    int gpus, fp32, tf32, nothing;
} cli_train_habits;

typedef struct cli_train {
    cli_common common;
    atl_train_options options;
    const char *outdir, *resume, *desc, *metrics, *detectors; // metrics NULL: none
    int metrics_every;
    int dry_run, new_run;
    int encoder;                // train-encoder: another part of the table
    const char *command;        // "train", "train-encoder"
    char cfgs[400];             // that the command offers, with | between them
    int given[CLI_TRAIN_GIVEN]; // by row of the table of options
    cli_train_habits habits;
    app_resume from;            // what --resume means
} cli_train;

// ---- train_options.c
// CLI_PROCEED, or an exit status.
int cli_train_parse(cli_train *t, int encoder, int argc, char **argv);
// Whether an option was given; app_resume_choice asks it, too.
int cli_train_is_given(void *train, const char *name);
// Finds out what --resume means and takes recorded options where none was given.  0, or an exit status.
int cli_train_resume(cli_train *t, atl_ctx *ctx);

// ---- train_habits.c
// Fills CLI_TRAIN_UNLISTED rows; returns how many.
size_t cli_train_unlisted(cli_train *t, cli_option *list);
// After parsing: CLI_PROCEED, or an exit status after a sentence.
int cli_train_check_habits(cli_train *t);

// ---- train_plan.c
void cli_train_print_plan(FILE *out, const atl_trainer *trainer);
// 0, or an exit status after a table of what needs how much.
int cli_train_check_memory(const atl_trainer *trainer);

#endif
