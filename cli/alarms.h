// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a run, told from its scalars: pure functions of a history, so that the trainer warns
// and the report of any old run shows the same.  Thresholds and their reasons are in alarms.c.
#ifndef CLI_ALARMS_H
#define CLI_ALARMS_H

#include "history.h"

// The most urgent first.
typedef enum cli_alarm_kind {
    CLI_ALARM_NOT_FINITE,   // NaN or infinity among losses and scores
    CLI_ALARM_COLLAPSE,     // fakes have become alike
    CLI_ALARM_D_WON,        // the discriminator is always right and G learns nothing
    CLI_ALARM_G_GRADIENT,   // the generator's gradient vanishes
    CLI_ALARM_D_STALLED,    // the discriminator tells nothing apart
    CLI_ALARM_AUGMENTATION, // p runs away
    CLI_ALARM_OVERFITTING   // the discriminator knows the set by heart
} cli_alarm_kind;
enum { CLI_ALARM_KINDS = CLI_ALARM_OVERFITTING + 1 };

typedef struct cli_alarm {
    cli_alarm_kind kind;
    int fatal;      // 1: going on is pointless
    char text[480]; // what is seen, and what to do about it
} cli_alarm;

// Short names for logs and files: "not-finite", "collapse", ...
const char *cli_alarm_name(cli_alarm_kind kind);

// The alarms after tick `tick` of the history (usually ticks - 1); later ticks are not looked at.  At most one
// of a kind, the most urgent first.  Returns how many.
int cli_alarms_check(const cli_history *history, size_t tick, cli_alarm alarms[CLI_ALARM_KINDS]);

#endif
