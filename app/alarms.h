// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a run, told from its scalars: pure functions of a history, so that the trainer warns
// and the report of any old run shows the same.  Thresholds and their reasons are in alarms.c.
#ifndef APP_ALARMS_H
#define APP_ALARMS_H

#include "history.h"

// The most urgent first.
typedef enum app_alarm_kind {
    APP_ALARM_NOT_FINITE,   // NaN or infinity among losses and scores
    APP_ALARM_COLLAPSE,     // fakes have become alike
    APP_ALARM_D_WON,        // the discriminator is always right and G learns nothing
    APP_ALARM_G_GRADIENT,   // the generator's gradient vanishes
    APP_ALARM_D_STALLED,    // the discriminator tells nothing apart
    APP_ALARM_AUGMENTATION, // p runs away
    APP_ALARM_OVERFITTING   // the discriminator knows the set by heart
} app_alarm_kind;
enum { APP_ALARM_KINDS = APP_ALARM_OVERFITTING + 1 };

typedef struct app_alarm {
    app_alarm_kind kind;
    int fatal;      // 1: going on is pointless
    char text[480]; // what is seen, and what to do about it
} app_alarm;

// Short names for logs and files: "not-finite", "collapse", ...
const char *app_alarm_name(app_alarm_kind kind);

// Whether an alarm that rings at this tick is one that rang before, which may have been silent for a few
// ticks; takes note of the tick.  Ticks come in turn; the struct is zeros at first.
typedef struct app_ringing {
    int known;
    size_t tick; // when it rang last
} app_ringing;
int app_alarm_goes_on(app_ringing *ringing, size_t tick);

// The alarms after tick `tick` of the history (usually ticks - 1); later ticks are not looked at.  At most
// one of a kind, the most urgent first.  Returns how many.
int app_alarms_check(const app_history *history, size_t tick, app_alarm alarms[APP_ALARM_KINDS]);

#endif
