// SPDX-License-Identifier: Apache-2.0
// Shared helpers of the subcommands; see common.h.
#include "common.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/files.h"
#include "app/memory.h"

static void print_line(int quiet, const char *start, const char *format, va_list args) {
    if (quiet)
        return;
    fprintf(stderr, "atelier: %s", start);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
}

int cli_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(0, "", format, args);
    va_end(args);
    return CLI_FAILURE;
}

int cli_fail(const atl_ctx *ctx) {
    const char *sentence = atl_message(ctx);
    return cli_error("%s", *sentence ? sentence : "failed without a message");
}

void cli_warn(const cli_common *common, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(common->quiet, "warning: ", format, args);
    va_end(args);
}

void cli_note(const cli_common *common, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(common->quiet, "", format, args);
    va_end(args);
}

static void on_log(void *user, atl_log_level level, const char *line) {
    (void)user;
    if (level <= ATL_LOG_WARNING)
        fprintf(stderr, "atelier: %s%s\n", level == ATL_LOG_WARNING ? "warning: " : "", line);
}

static void on_warning(void *user, const char *sentence) {
    (void)user;
    fprintf(stderr, "atelier: warning: %s\n", sentence);
}

int cli_told(cli_common *common, app_status status) {
    if (status == APP_OK)
        return CLI_SUCCESS;
    cli_error("%s", *common->error.text ? common->error.text : "failed without a message");
    app_error_clear(&common->error);
    return status == APP_STOPPED ? CLI_INTERRUPTED : CLI_FAILURE;
}

int cli_open(cli_common *common, atl_ctx **ctx) {
    common->error.warn = common->quiet ? NULL : on_warning;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = common->threads;
    options.direct = common->direct;
    options.cpu = common->cpu;
    options.log = common->quiet ? NULL : on_log;
    atl_status status = atl_ctx_open(ctx, &options);
    if (status == ATL_OK)
        return CLI_SUCCESS;
    if (status == ATL_NO_MEMORY)
        return cli_error("out of memory");
    cli_error("wrong --cpu or ATELIER_CPU (baseline, avx2, avx512), or ATELIER_THREADS (1 to 4096)");
    return CLI_USAGE;
}

int cli_open_generator(atl_ctx *ctx, const char *path, const char *net, atl_model **model) {
    *model = NULL;
    if (!path) {
        cli_error("--network FILE is missing: name an official StyleGAN .pkl or an Atelier .safetensors;\n"
                  "  'atelier init --cfg stylegan2 --resolution 256 new.safetensors' makes an untrained one");
        return CLI_USAGE;
    }
    atl_model_options options = ATL_MODEL_OPTIONS_INIT;
    options.net = net;
    if (atl_model_open(ctx, path, &options, model) != ATL_OK)
        return cli_fail(ctx);
    const atl_model_info *info = atl_model_get_info(*model);
    if (!strcmp(info->role, "generator"))
        return CLI_SUCCESS;
    cli_error("%s: %s is a %s; choose a generator with --net G_ema", path, info->net, info->role);
    atl_model_close(model);
    return CLI_FAILURE;
}

char *cli_join(const char *folder, const char *name) {
    app_error e = { 0 };
    char *path = app_join(folder, name, &e);
    if (!path)
        cli_error("%s", e.text);
    return path;
}

int cli_make_folder(const char *path) {
    app_error e = { 0 };
    return app_folder_make(path, &e) == APP_OK ? CLI_SUCCESS : cli_error("%s", e.text);
}

void *cli_array(size_t count, size_t a, size_t b, size_t size) {
    app_error e = { 0 };
    void *memory = app_array(count, a, b, size, &e);
    if (!memory)
        cli_error("%s", e.text);
    return memory;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

void cli_catch_interrupt(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESETHAND; // a second Ctrl-C ends the program at once
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cli_interrupted(void) {
    return interrupted;
}
