// SPDX-License-Identifier: Apache-2.0
// The context: options to decisions, and the one place where a failure leaves its sentence.
#include "base/ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "base/team.h"
#include "base/version.h"

static void *default_alloc(void *user, size_t bytes) {
    (void)user;
    size_t rounded = (bytes + 63) & ~(size_t)63;
    return aligned_alloc(64, rounded);
}

static void default_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static int threads_from(const atl_ctx_options *o) {
    if (o->threads)
        return o->threads;
    const char *text = getenv("ATELIER_THREADS");
    if (text && *text) {
        char *end;
        long n = strtol(text, &end, 10);
        return *end || n < 1 || n > 4096 ? -1 : (int)n;
    }
    return atl_cpu_count();
}

static int cpu_from(const atl_ctx_options *o) {
    const char *name = o->cpu ? o->cpu : getenv("ATELIER_CPU");
    atl_cpu_set have = atl_cpu_detect();
    if (!name || !*name)
        return (int)have;
    int asked = atl_cpu_by_name(name);
    return asked > (int)have ? (int)have : asked; // a ceiling, not a promise
}

atl_status atl_ctx_open(atl_ctx **ctx, const atl_ctx_options *options) {
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    *ctx = NULL;
    ATL_TRY(atl_options_read(NULL, "atl_ctx_options", &o, sizeof o, options));
    int threads = threads_from(&o), cpu = cpu_from(&o);
    if (threads < 1 || threads > 4096 || cpu < 0 || (o.device && strlen(o.device) >= sizeof(*ctx)->device))
        return ATL_BAD_ARGUMENT;
    atl_allocator a = o.allocator;
    if (!a.alloc)
        a = (atl_allocator){ default_alloc, default_release, NULL };
    atl_ctx *c = a.alloc(a.user, sizeof *c);
    if (!c)
        return ATL_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->threads = threads;
    if (o.device)
        strcpy(c->device, o.device);
    c->cpu = (atl_cpu_set)cpu;
    c->direct = o.direct;
    c->memory_cap = o.memory_cap ? o.memory_cap : (size_t)16 << 30;
    c->log = o.log;
    c->log_user = o.log_user;
    c->allocator = a;
    c->fail_after = -1;
    *ctx = c;
    return ATL_OK;
}

void atl_ctx_close(atl_ctx **ctx) {
    if (!ctx || !*ctx)
        return;
    if ((*ctx)->backend)
        (*ctx)->close_backend((*ctx)->backend);
    atl_team_close_shared(*ctx);
    atl_allocator a = (*ctx)->allocator;
    a.release(a.user, *ctx);
    *ctx = NULL;
}

const char *atl_message(const atl_ctx *ctx) {
    return ctx->message;
}

void atl_message_clear(atl_ctx *ctx) {
    ctx->message[0] = '\0';
    ctx->status = ATL_OK;
}

int atl_ctx_threads(const atl_ctx *ctx) {
    return ctx->threads;
}

const char *atl_ctx_cpu(const atl_ctx *ctx) {
    return atl_cpu_name(ctx->cpu);
}

const char *atl_version(void) {
    return ATL_VERSION;
}

// Names come from files: a sentence is one line, and no terminal obeys it.  Among what terminals obey are the
// characters 128 to 159, in UTF-8 two bytes.
static void make_printable(char *text) {
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?';
        else if (*p < 32 || *p == 127)
            *p = '?';
    }
}

atl_status atl_name_file(atl_ctx *ctx, atl_status status, const char *path) {
    char sentence[ATL_MESSAGE_MAX], named[ATL_MESSAGE_MAX]; // how a sentence about it begins
    snprintf(named, sizeof named, "%s", path);
    make_printable(named);
    if (status == ATL_OK || !strncmp(ctx->message, named, strlen(named)))
        return status;
    memcpy(sentence, ctx->message, sizeof sentence);
    atl_message_clear(ctx);
    return atl_fail(ctx, status, "%s: %.900s", path, sentence);
}

atl_status atl_fail(atl_ctx *ctx, atl_status status, const char *format, ...) {
    if (ctx->status != ATL_OK)
        return status; // the oldest failure explains the others
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    ctx->status = status;
    make_printable(ctx->message);
    return status;
}

void atl_log(atl_ctx *ctx, atl_log_level level, const char *format, ...) {
    if (!ctx->log)
        return;
    char line[ATL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    make_printable(line);
    ctx->log(ctx->log_user, level, line);
}
