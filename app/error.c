// SPDX-License-Identifier: Apache-2.0
// Sentences of failures and warnings; see error.h.
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

size_t app_control(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) // 128 to 159 as UTF-8
        return 2;
    return (p[0] && p[0] < 32) || p[0] == 127;
}

// Names come from files and may hold anything: a sentence is one line that no terminal obeys.
static void make_printable(char *text) {
    for (; *text; text++)
        for (size_t n = app_control(text); n > 0; n--)
            text[n - 1] = '?';
}

static void say(app_error *e, const char *format, va_list args) {
    if (!e || *e->text)
        return;
    vsnprintf(e->text, sizeof e->text, format, args);
    make_printable(e->text);
}

app_status app_fail(app_error *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(e, format, args);
    va_end(args);
    return APP_FAILED;
}

app_status app_stop(app_error *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(e, format, args);
    va_end(args);
    return APP_STOPPED;
}

app_status app_fail_ctx(app_error *e, atl_ctx *ctx) {
    const char *sentence = atl_message(ctx);
    app_fail(e, "%s", *sentence ? sentence : "failed without a message");
    atl_message_clear(ctx);
    return APP_FAILED;
}

void app_warn(app_error *e, const char *format, ...) {
    char sentence[APP_SENTENCE];
    va_list args;
    if (!e || !e->warn)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    make_printable(sentence);
    e->warn(e->user, sentence);
}

void app_error_clear(app_error *e) {
    if (e)
        e->text[0] = '\0';
}

void app_excuse(app_error *e) {
    if (e && *e->text)
        app_warn(e, "%s", e->text);
    app_error_clear(e);
}
