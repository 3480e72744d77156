// SPDX-License-Identifier: Apache-2.0
// How far something is and how long it will still take, as numbers: for a bar, a line of a log or a page.
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stddef.h>

double app_seconds(void); // of the monotonic clock

// What `done` of `total` steps in so many seconds mean.
typedef struct app_pace {
    double rate; // steps per second; 0: not known yet
    double left; // seconds; 0: not known, or nothing is left
} app_pace;

app_pace app_pace_of(double done, double total, double seconds);

// "3h 05m", "12m 40s", "8.2s"
const char *app_time_text(double seconds, char text[32]);

#endif
