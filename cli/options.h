// SPDX-License-Identifier: Apache-2.0
// Command line options from a table: "--name VALUE", "--name=VALUE", "--flag", and plain arguments
// anywhere between them; "--" ends the options.  The table is also the text of --help.  Where a command has
// no plain arguments, a flag may be followed by its value, too: "--mirror 1".
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stddef.h>

// 130 is what the shell reports for a program that Ctrl-C ended.
enum { CLI_SUCCESS = 0, CLI_FAILURE = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130, CLI_PROCEED = -1 };

typedef enum cli_kind {
    CLI_FLAG,  // int: 1 when given, or --flag=1, --flag=False
    CLI_INT,   // int, between low and high
    CLI_REAL,  // double, between low and high
    CLI_TEXT,  // const char *, borrowed from argv
    CLI_CHOICE // int: index of the word within `words`
} cli_kind;

typedef struct cli_option {
    const char *name;        // without the dashes
    cli_kind kind;
    void *target;            // holds the default before parsing
    const char *value;       // how help calls the value: "FILE"; for CLI_CHOICE the words, "a|b|c"
    const char *help;
    const char *standard;    // the default as help shows it; NULL: none worth a word
    double low, high;
    int *given;              // set to 1 when the option occurs; may be NULL
} cli_option;

// Rows of a table.  `standard` may be NULL.
#define CLI_OPTION_FLAG(name, target, help) { name, CLI_FLAG, target, NULL, help, NULL, 0, 0, NULL }
#define CLI_OPTION_TEXT(name, target, value, help, standard) \
    { name, CLI_TEXT, target, value, help, standard, 0, 0, NULL }
#define CLI_OPTION_CHOICE(name, target, words, help, standard) \
    { name, CLI_CHOICE, target, words, help, standard, 0, 0, NULL }
#define CLI_OPTION_REAL(name, target, value, help, standard, low, high) \
    { name, CLI_REAL, target, value, help, standard, low, high, NULL }
#define CLI_OPTION_INT(name, target, value, help, standard, low, high) \
    { name, CLI_INT, target, value, help, standard, low, high, NULL }
#define CLI_OPTION_INT_GIVEN(name, target, value, help, standard, low, high, given) \
    { name, CLI_INT, target, value, help, standard, low, high, given }

typedef struct cli_spec {
    const char *command;     // "generate"
    const char *arguments;   // after "atelier generate [options]": "FROM TO"
    const char *about;       // a sentence or two
    const cli_option *options;
    size_t count;
    int arguments_min, arguments_max;
    const cli_option
        *unlisted; // understood and not shown: habits of other scripts; a name of one letter is "-n"
    size_t unlisted_count;
} cli_spec;

// Fills the targets and moves the plain arguments to `plain` (room for arguments_max; may be NULL when
// that is 0), the unused ones NULL.  Returns CLI_PROCEED, or the exit status to end with: after --help
// (text on stdout) or a mistake (sentence on stderr).
int cli_options_parse(const cli_spec *spec, int argc, char **argv, const char **plain);

// A command of a command: "atelier spectra calc".
typedef struct cli_part {
    const char *name;
    int (*run)(int argc, char **argv);
} cli_part;

// Runs the part that the first argument names.  Of a command that takes nothing else: arguments_min and
// arguments_max of `spec` are 1.  Returns the exit status.
int cli_part_run(const cli_spec *spec, const cli_part *parts, size_t count, int argc, char **argv);

// Prints "atelier COMMAND: sentence" and where help is found; returns CLI_USAGE.
int cli_usage_error(const char *command, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

// The word of `words` (count of them, each at `stride` bytes) nearest to `text`, or NULL when none is near.
const char *cli_nearest(const char *text, const void *words, size_t count, size_t stride);

#endif
