// SPDX-License-Identifier: Apache-2.0
// Tests of app/ that listen to warnings: the last one stays.
#ifndef TEST_APP_WARNED_H
#define TEST_APP_WARNED_H

#include <stdio.h>
#include "app/error.h"

static char warned[APP_SENTENCE];

static inline void on_warning(void *user, const char *sentence) {
    (void)user;
    snprintf(warned, sizeof warned, "%s", sentence);
}

#endif
