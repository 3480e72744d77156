// SPDX-License-Identifier: Apache-2.0
// Tests of app/ ask for the sentence of a failure.
#ifndef TEST_APP_SAYS_H
#define TEST_APP_SAYS_H

#include <string.h>
#include "app/error.h"

// `call` fails, and its sentence holds `words`.
#define assert_says(call, e, words)                                                                          \
    do {                                                                                                     \
        app_error_clear(e);                                                                                  \
        assert_int_equal(call, APP_FAILED);                                                                  \
        if (!strstr((e)->text, words))                                                                       \
            fail_msg("said: %s\nnot: %s", (e)->text, words);                                                 \
        app_error_clear(e);                                                                                  \
    } while (0)

#endif
