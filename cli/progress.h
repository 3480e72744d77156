// SPDX-License-Identifier: Apache-2.0
// Progress on stderr: a bar with rate and time left on a terminal, a line per step otherwise.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stddef.h>

typedef struct cli_progress {
    size_t total, done;
    int terminal, quiet;
    double start, shown;  // seconds of the monotonic clock
} cli_progress;

// Of a search of so many steps, the total to start with: all on a terminal, else at most twenty lines; and
// whether the step that was made is one of them.
size_t cli_progress_total(int steps);
int cli_progress_due(const cli_progress *progress, int step, int steps);

void cli_progress_start(cli_progress *progress, size_t total, int quiet);
// On a terminal only: thousands of lines in a log help nobody.
void cli_progress_start_bar(cli_progress *progress, size_t total, int quiet);
void cli_progress_step(cli_progress *progress, const char *label); // one more is done: `label`
// So many are done; of a log each twentieth of the total has a line.
void cli_progress_reach(cli_progress *progress, size_t done, const char *label);
void cli_progress_end(cli_progress *progress);

#endif
