// SPDX-License-Identifier: Apache-2.0
// Scripts that complete command lines, made from the tables of options.
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "command.h"
#include "options.h"

// atelier completion SHELL: prints the script; returns an exit status.
int cli_completion(const cli_command *commands, size_t count, int argc, char **argv);

// The part of one subcommand; returns an exit status.
int cli_completion_table(const cli_spec *spec, const char *shell);

#endif
