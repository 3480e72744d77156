// SPDX-License-Identifier: Apache-2.0
// The subcommands: one function per file, listed in main.c.  argv[0] is the subcommand's name.
// Each returns the exit status: 0 success, 1 failure, 2 wrong usage.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

typedef struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} cli_command;

int cli_generate(int argc, char **argv);
int cli_mix(int argc, char **argv);
int cli_video(int argc, char **argv);
int cli_encode_codes(int argc, char **argv);
int cli_decode_codes(int argc, char **argv);
int cli_sample(int argc, char **argv);
int cli_complete(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_formats(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_dataset(int argc, char **argv);
int cli_metrics(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_init(int argc, char **argv);
int cli_blend(int argc, char **argv);
int cli_project(int argc, char **argv);
int cli_tune(int argc, char **argv);
int cli_directions(int argc, char **argv);
int cli_edit(int argc, char **argv);
int cli_encode_run(int argc, char **argv);
int cli_ensemble(int argc, char **argv);
int cli_congeal(int argc, char **argv);
int cli_spectra(int argc, char **argv);
int cli_align(int argc, char **argv);
int cli_drag(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_detectors(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_train_run(int argc, char **argv);
int cli_train_encoder(int argc, char **argv);

#endif
