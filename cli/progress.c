// SPDX-License-Identifier: Apache-2.0
// The progress bar: redrawn at most ten times a second, and always for the last step.
#include "progress.h"

#include <stdio.h>
#include <unistd.h>
#include "app/progress.h"

void cli_progress_start(cli_progress *p, size_t total, int quiet) {
    *p = (cli_progress){
        .total = total, .quiet = quiet, .terminal = isatty(STDERR_FILENO), .start = app_seconds()
    };
}

void cli_progress_start_bar(cli_progress *p, size_t total, int quiet) {
    cli_progress_start(p, total, quiet);
    p->quiet |= !p->terminal;
}

enum { LINES = 20 }; // of a log

size_t cli_progress_total(int steps) {
    return (size_t)(isatty(STDERR_FILENO) || steps < LINES ? steps : LINES);
}

int cli_progress_due(const cli_progress *p, int step, int steps) {
    int lines = steps < LINES ? steps : LINES;
    return p->terminal || step * lines / steps > (step - 1) * lines / steps;
}

static void draw(const cli_progress *p, const char *label, double elapsed) {
    enum { WIDTH = 24 };
    char bar[WIDTH + 1];
    size_t filled = p->total ? p->done * WIDTH / p->total : 0;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    bar[WIDTH] = '\0';
    const app_pace pace = app_pace_of((double)p->done, (double)p->total, elapsed);
    fprintf(stderr, "\r[%s] %zu/%zu  ", bar, p->done, p->total);
    if (pace.rate > 0)
        fprintf(stderr, "%.2f/s  %.0f s left  ", pace.rate, pace.left);
    fprintf(stderr, "%s\033[K", label);
    fflush(stderr);
}

// What is done by now, with a line of a log where one is due.
static void tell(cli_progress *p, const char *label, int due) {
    if (p->quiet)
        return;
    double now = app_seconds();
    if (!p->terminal) {
        if (due)
            fprintf(stderr, "%s (%zu/%zu)\n", label, p->done, p->total);
    } else if (now - p->shown >= 0.1 || p->done == p->total) {
        draw(p, label, now - p->start);
        p->shown = now;
    }
}

void cli_progress_step(cli_progress *p, const char *label) {
    p->done++;
    p->total = p->done > p->total ? p->done : p->total; // a video may have more than it says
    tell(p, label, 1);
}

void cli_progress_reach(cli_progress *p, size_t done, const char *label) {
    size_t before = p->done;
    p->done = done;
    tell(p, label, done * LINES / p->total > before * LINES / p->total);
}

void cli_progress_end(cli_progress *p) {
    if (!p->quiet && p->terminal && p->done)
        fprintf(stderr, "\n");
}
