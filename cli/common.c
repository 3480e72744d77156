// SPDX-License-Identifier: Apache-2.0
// Shared helpers of the subcommands; see common.h.
#include "common.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "app/network.h"
#include "app/seeds.h"

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
    const cli_common *common = user; // which may have become quiet
    if (level <= ATL_LOG_WARNING && !(common && common->quiet))
        fprintf(stderr, "atelier: %s%s\n", level == ATL_LOG_WARNING ? "warning: " : "", line);
}

static void on_warning(void *user, const char *sentence) {
    on_log(user, ATL_LOG_WARNING, sentence);
}

size_t cli_inputs(const char *inputs[CLI_INPUTS + 1], const char *first) {
    size_t count = 1;
    inputs[0] = first;
    while (count <= CLI_INPUTS && inputs[count])
        count++;
    return count;
}

int cli_told(cli_common *common, app_status status) {
    if (status == APP_OK)
        return CLI_SUCCESS;
    cli_error("%s", *common->error.text ? common->error.text : "failed without a message");
    app_error_clear(&common->error);
    return status == APP_STOPPED ? CLI_INTERRUPTED : CLI_FAILURE;
}

// Which setting is wrong: the one without which a context opens.
static int wrong_setting(const cli_common *common, atl_ctx_options options) {
    const char *threads = getenv("ATELIER_THREADS"), *cpu = common->cpu ? common->cpu : getenv("ATELIER_CPU");
    atl_ctx *ctx;
    options.cpu = "baseline";
    if (atl_ctx_open(&ctx, &options) == ATL_OK)
        cli_error("%s%s: expected baseline, avx2 or avx512",
                  common->cpu ? "--cpu " : "ATELIER_CPU=", cpu ? cpu : "");
    else
        cli_error("ATELIER_THREADS=%s: expected a whole number from 1 to 4096", threads ? threads : "");
    atl_ctx_close(&ctx);
    return CLI_USAGE;
}

int cli_open(cli_common *common, atl_ctx **ctx) {
    common->error.warn = common->quiet ? NULL : on_warning;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = common->threads;
    options.direct = common->direct;
    options.cpu = common->cpu;
    options.log = common->quiet ? NULL : on_log;
    options.log_user = common;
    atl_status status = atl_ctx_open(ctx, &options);
    if (status == ATL_OK)
        return CLI_SUCCESS;
    if (status == ATL_NO_MEMORY)
        return cli_error("out of memory");
    return wrong_setting(common, options);
}

int cli_noise_seed(const char *command, const char *text, app_recipe *recipe) {
    app_error e = { 0 };
    app_seeds seeds = { 0 };
    if (!text)
        return CLI_SUCCESS;
    if (recipe->noise != ATL_NOISE_RANDOM && recipe->noise != ATL_NOISE_SG2)
        return cli_usage_error(command, "--noise-seed %s: choose --noise-mode random or sg2 with it", text);
    if (app_seeds_parse(text, &seeds, &e) != APP_OK || seeds.count != 1) {
        app_seeds_clear(&seeds);
        return cli_usage_error(command, "--noise-seed %s: expected one number from 0 to 4294967295", text);
    }
    recipe->has_noise_seed = 1;
    recipe->noise_seed = seeds.items[0];
    app_seeds_clear(&seeds);
    return CLI_SUCCESS;
}

int cli_open_generator(cli_common *common, atl_ctx *ctx, const char *path, const char *net,
                       atl_model **model) {
    atl_model_options options = ATL_MODEL_OPTIONS_INIT;
    options.net = net;
    options.ignore_unused = common->ignore_unused;
    options.assume = common->assume;
    options.deltas = common->deltas;
    return cli_told(common, app_network_open(ctx, path, &options, model, &common->error));
}

int cli_open_network(cli_common *common, const char *given, const char *net, atl_ctx **ctx, atl_model **model,
                     const char **path) {
    int status = cli_open(common, ctx);
    if (status != CLI_SUCCESS)
        return status;
    *path = given;
    if (!given && app_network_shipped(common->network, sizeof common->network)) {
        *path = common->network;
        cli_note(common, "no --network given: using %s, which comes with Atelier", *path);
    }
    if (*path)
        return cli_open_generator(common, *ctx, *path, net, model);
    cli_error("--network FILE is missing: name an official StyleGAN .pkl or an Atelier .safetensors;\n"
              "  'atelier init --cfg stylegan2 --resolution 256 new.safetensors' makes an untrained one");
    return CLI_USAGE;
}

void cli_encode(const cli_encoding *encoding, atl_video_options *o) {
    o->codec = encoding->codec;
    o->quality = encoding->quality;
    o->bitrate = (int64_t)(encoding->megabits * 1e6);
}

// Between quotes where it has more than letters that no shell looks at; a quote is '\\''.  Without `to` it
// only counts.
static size_t quote(const char *word, char *to) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%";
    int bare = *word && strspn(word, plain) == strlen(word);
    size_t used = 0;
    const char *const marks[] = { bare ? "" : "'", "'\\''" };
    for (const char *at = marks[0]; *at; at++, used++)
        if (to)
            to[used] = *at;
    for (; *word; word++) {
        char one[2] = { *word, 0 };
        for (const char *at = *word == '\'' ? marks[1] : one; *at; at++, used++)
            if (to)
                to[used] = *at;
    }
    for (const char *at = marks[0]; *at; at++, used++)
        if (to)
            to[used] = *at;
    return used;
}

char *cli_command_line(int argc, char **argv) {
    static const char program[] = "atelier";
    size_t size = sizeof program, used = sizeof program - 1;
    for (int i = 0; i < argc; i++)
        size += 1 + quote(argv[i], NULL);
    char *text = malloc(size);
    if (!text)
        return NULL;
    memcpy(text, program, used);
    for (int i = 0; i < argc; i++) {
        text[used++] = ' ';
        used += quote(argv[i], text + used);
    }
    text[used] = '\0';
    return text;
}

void cli_print_safe(FILE *out, const char *text) {
    while (*text) {
        size_t control = app_control(text);
        putc(control ? '?' : *text, out);
        text += control ? control : 1;
    }
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

void cli_catch_interrupt(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESETHAND; // a second Ctrl-C ends the program at once
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction old;
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN) // nohup stays as it is
        sigaction(SIGHUP, &action, NULL);
}

int cli_interrupted(void) {
    return interrupted;
}

const char *cli_ending(const char *path, const char *const *endings) {
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && endings[i]; i++)
        if (!strcasecmp(dot, endings[i]))
            return dot;
    return NULL;
}

int cli_network_name(const char *command, const char *path) {
    static const char *const others[] = { ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".npz", ".onnx", NULL };
    const char *dot = cli_ending(path, others);
    if (!strcmp(path, "-"))
        return cli_usage_error(command, "networks are not written to standard output; name a file");
    if (dot)
        return cli_usage_error(command, "%s: networks are written as safetensors; call it %.*s.safetensors",
                               path, (int)(dot - path), path);
    return CLI_PROCEED;
}

int cli_written(int status, const char *path) {
    if (status != CLI_SUCCESS || !cli_interrupted())
        return status;
    cli_error("interrupted; %s is whole", path);
    return CLI_INTERRUPTED;
}
