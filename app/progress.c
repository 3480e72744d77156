// SPDX-License-Identifier: Apache-2.0
// Clock, rate, time left; see progress.h.
#include "progress.h"

#include <stdio.h>
#include <time.h>

double app_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

app_pace app_pace_of(double done, double total, double seconds) {
    // the first steps of thousands are over within microseconds and say nothing of the rest
    static const double too_short = 0.1;
    app_pace p = { 0, 0 };
    if (done <= 0 || seconds < too_short)
        return p;
    p.rate = done / seconds;
    p.left = total > done ? (total - done) / p.rate : 0;
    return p;
}

const char *app_time_text(double s, char text[32]) {
    long m = (long)(s / 60), h = m / 60, d = h / 24;
    if (s < 60)
        snprintf(text, 32, "%.1fs", s);
    else if (h == 0)
        snprintf(text, 32, "%ldm %02lds", m, (long)s % 60);
    else if (d == 0)
        snprintf(text, 32, "%ldh %02ldm", h, m % 60);
    else
        snprintf(text, 32, "%ldd %02ldh", d, h % 24);
    return text;
}
