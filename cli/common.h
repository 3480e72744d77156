// SPDX-License-Identifier: Apache-2.0
// What all subcommands share: opening a context and a network, failing with a sentence, interruption by the
// user.
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <stddef.h>
#include <stdio.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include <atelier/video.h>
#include "app/error.h"
#include "app/recipe.h"
#include "options.h"

typedef struct cli_common {
    int threads, direct, quiet;
    const char *cpu;
    int ignore_unused; // options of files, see CLI_NETWORK_OPTIONS
    const char *assume, *deltas;
    char network[4096]; // see cli_open_network()
    app_error error;    // for the functions of app/; cli_open() lets it print warnings, unless quiet
} cli_common;

// Rows for a table of options.
#define CLI_COMMON_OPTIONS(c)                                                                        \
    CLI_OPTION_INT("threads", &(c)->threads, "N", "threads to compute with", "all processors", 1, 4096), \
    CLI_OPTION_FLAG("direct", &(c)->direct, "no Winograd convolution: slower, a little more exact"), \
    CLI_OPTION_TEXT("cpu", &(c)->cpu, "SET", "highest kernel set: baseline, avx2 or avx512",         \
                    "what the processor has"),                                                       \
    CLI_OPTION_FLAG("quiet", &(c)->quiet, "no progress and no warnings")

// And for commands that open other people's networks.
#define CLI_NETWORK_OPTIONS(c)                                                                               \
    CLI_OPTION_FLAG("ignore-unused", &(c)->ignore_unused, "go on without what nothing in the network uses"), \
        CLI_OPTION_TEXT("assume", &(c)->assume, "K=V,..", "what a file without a config does not say",       \
                        "nothing")

// And for those that take one of them.
#define CLI_DELTAS_OPTION(c)                                                                                 \
    CLI_OPTION_TEXT("deltas", &(c)->deltas, "FILE",                                                          \
                    "what a tuned network has changed: 'tune --only-changed 1'", "none")

// How a video is written: what `atelier video` and commands with a video beside their pictures have in
// common.
typedef struct cli_encoding {
    const char *codec;
    int quality;
    double megabits;
} cli_encoding;
#define CLI_ENCODING_OPTIONS(v)                                                                              \
    CLI_OPTION_TEXT("codec", &(v)->codec, "NAME", "of mp4: h264, h265, av1, mpeg4; of webm: vp9, av1",       \
                    "the first that FFmpeg has"),                                                            \
        CLI_OPTION_INT("quality", &(v)->quality, "Q", "1 to 100; webp at 100 is lossless", "80", 1, 100),    \
        CLI_OPTION_REAL("bitrate", &(v)->megabits, "MBIT",                                                   \
                        "Mbit/s in place of quality; the official script has 12", NULL, 0.001, 2000)
void cli_encode(const cli_encoding *encoding, atl_video_options *o);

// "atelier edit --seeds 1 ..." as a shell takes it, by malloc; NULL: memory is missing.
char *cli_command_line(int argc, char **argv);

// Where noise is random, one seed for it in place of the images' own.
#define CLI_NOISE_SEED_OPTION(text)                                                                          \
    CLI_OPTION_TEXT("noise-seed", text, "N", "seed of random and sg2 noise, for every image",                \
                    "the image's own")

// Reads it to the recipe, whose noise mode is set; 0, or an exit status after printing why not.
int cli_noise_seed(const char *command, const char *text, app_recipe *recipe);

// Prints "atelier: sentence" on stderr; returns CLI_FAILURE.
int cli_error(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

// The same with the context's sentence.
int cli_fail(const atl_ctx *ctx);

// Where one of these endings of names, the last of them NULL, begins in a path, whatever their case; or NULL.
const char *cli_ending(const char *path, const char *const *endings);

// Whether networks may be written under that name: CLI_PROCEED, or an exit status after a sentence.
int cli_network_name(const char *command, const char *path);

// For commands that write one file in one go: a signal that came meanwhile leaves it whole and ends with
// CLI_INTERRUPTED.
int cli_written(int status, const char *path);

// The exit status for a status of app/, after printing its sentence.
int cli_told(cli_common *common, app_status status);

// Files and folders of an option and of the arguments that follow it, which were parsed to inputs + 1: the
// option's before the others.  Returns how many there are.
enum { CLI_INPUTS = 4096 };
size_t cli_inputs(const char *inputs[CLI_INPUTS + 1], const char *first);

// Prints "atelier: warning: sentence" unless quiet.
void cli_warn(const cli_common *common, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

// The same without "warning".
void cli_note(const cli_common *common, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

// Opens a context; 0, or an exit status after printing why not.
int cli_open(cli_common *common, atl_ctx **ctx);

// Opens the generator `net` of `path`; 0, or an exit status after printing why not.
int cli_open_generator(cli_common *common, atl_ctx *ctx, const char *path, const char *net,
                       atl_model **model);

// Opens a context and the generator `net` of the file `given`, or of the one that comes with Atelier, which
// is told; *path is the one that was opened.  0, or an exit status after printing why not.
int cli_open_network(cli_common *common, const char *given, const char *net, atl_ctx **ctx, atl_model **model,
                     const char **path);

// File names and names from files may hold anything: keep the terminal safe.
void cli_print_safe(FILE *out, const char *text);

// From now on Ctrl-C, SIGTERM and the end of a terminal only set a flag: the step in progress ends, so that
// no half file is left.
void cli_catch_interrupt(void);
int cli_interrupted(void); // 0, or the signal's number

#endif
