// SPDX-License-Identifier: Apache-2.0
// Shared helpers of the subcommands; see common.h.
#include "common.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

int cli_open(const cli_common *common, atl_ctx **ctx) {
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

static int make_one(const char *path) {
    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    struct stat info;
    return stat(path, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

int cli_make_folder(const char *path) {
    size_t length = strlen(path);
    char *copy = malloc(length + 1);
    if (!copy)
        return cli_error("out of memory");
    memcpy(copy, path, length + 1);
    int error = 0;
    for (size_t i = 1; i <= length && !error; i++) {
        if (copy[i] != '/' && copy[i] != '\0')
            continue;
        char kept = copy[i];
        copy[i] = '\0';
        error = make_one(copy);
        copy[i] = kept;
    }
    free(copy);
    return error ? cli_error("%s: the folder can't be made: %s", path, strerror(error)) : CLI_SUCCESS;
}

char *cli_join(const char *folder, const char *name) {
    size_t a = strlen(folder), b = strlen(name);
    int slash = a > 0 && folder[a - 1] != '/';
    char *path = malloc(a + b + 2);
    if (path)
        snprintf(path, a + b + 2, "%s%s%s", folder, slash ? "/" : "", name);
    else
        cli_error("out of memory");
    return path;
}

void *cli_array(size_t count, size_t a, size_t b, size_t size) {
    size_t total = size;
    void *memory = NULL;
    size_t factors[3] = { count, a, b };
    int fits = 1;
    for (int i = 0; i < 3; i++) {
        fits = fits && (factors[i] == 0 || total <= SIZE_MAX / 4 / factors[i]);
        total = fits ? total * factors[i] : 0;
    }
    if (fits)
        memory = calloc(total ? total : 1, 1);
    if (!memory)
        cli_error("out of memory: %zu numbers do not fit; ask for fewer images at once", count);
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
