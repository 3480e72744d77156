// SPDX-License-Identifier: Apache-2.0
// How the functions of this folder tell what is wrong.  They print nothing and end nothing: a failure is a
// status and one sentence (the file or the setting, the value, the remedy), and what is only worth a warning
// goes to whoever listens.  So the program prints both, and a server can answer with them.
//
//     app_error e = { 0 };
//     if (app_latents_open(ctx, info, "z.npy", 0, &latents, &e) != APP_OK)
//         show(e.text);
#ifndef APP_ERROR_H
#define APP_ERROR_H

#include <atelier/ctx.h>

typedef enum app_status {
    APP_OK,
    APP_FAILED,
    APP_STOPPED // the caller's own wish, told by a callback
} app_status;

enum { APP_SENTENCE = 5120 }; // a path of 4096 bytes, and what is said about it

typedef struct app_error {
    void (*warn)(void *user, const char *sentence); // NULL: nobody listens
    void *user;
    char text[APP_SENTENCE]; // of the oldest failure: a cause outlives its consequences; "": there is none
} app_error;

#if defined(__GNUC__)
#define APP_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define APP_PRINTF
#endif

// How many bytes the character has that `text` begins with, where it is one that terminals obey; else 0.
size_t app_control(const char *text);

// In all of them `e` may be NULL: nobody wants to know.
app_status app_fail(app_error *e, const char *format, ...) APP_PRINTF; // APP_FAILED
app_status app_stop(app_error *e, const char *format, ...) APP_PRINTF; // APP_STOPPED
app_status app_fail_ctx(app_error *e, atl_ctx *ctx);                   // with the sentence of the context
void app_warn(app_error *e, const char *format, ...) APP_PRINTF;
void app_error_clear(app_error *e); // the failure has been dealt with
void app_excuse(app_error *e);      // what failed can be done without: its sentence becomes a warning

#endif
