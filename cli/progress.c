// SPDX-License-Identifier: Apache-2.0
// The progress bar: redrawn at most ten times a second, and always for the last step.
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_progress_start(cli_progress *p, size_t total, int quiet) {
    *p = (cli_progress){
        .total = total, .quiet = quiet, .terminal = isatty(STDERR_FILENO), .start = cli_seconds()
    };
}

static void draw(const cli_progress *p, const char *label, double elapsed) {
    enum { WIDTH = 24 };
    char bar[WIDTH + 1];
    size_t filled = p->total ? p->done * WIDTH / p->total : 0;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    bar[WIDTH] = '\0';
    double rate = elapsed > 0 ? (double)p->done / elapsed : 0;
    double left = rate > 0 ? (double)(p->total - p->done) / rate : 0;
    fprintf(stderr, "\r[%s] %zu/%zu  %.2f/s  %.0f s left  %s\033[K", bar, p->done, p->total, rate, left,
            label);
    fflush(stderr);
}

void cli_progress_step(cli_progress *p, const char *label) {
    p->done++;
    if (p->quiet)
        return;
    double now = cli_seconds();
    if (!p->terminal) {
        fprintf(stderr, "%s (%zu/%zu)\n", label, p->done, p->total);
    } else if (now - p->shown >= 0.1 || p->done == p->total) {
        draw(p, label, now - p->start);
        p->shown = now;
    }
}

void cli_progress_end(cli_progress *p) {
    if (!p->quiet && p->terminal && p->done)
        fprintf(stderr, "\n");
}
