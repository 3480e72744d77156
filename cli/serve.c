// SPDX-License-Identifier: Apache-2.0
// atelier serve: the studio, a page in the browser.
#define _DEFAULT_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "app/serve.h"
#include "command.h"
#include "common.h"

extern char **environ;

enum { PLACES_MOST = 64 };

typedef struct serve {
    cli_common common;
    const char *network, *places[PLACES_MOST + 1];
    int open;
    app_serve_options o;
} serve;

static int parse(serve *v, int argc, char **argv, const char **plain) {
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &v->network, "FILE|FOLDER",
                        "a network, or a folder of some, like the plain arguments",
                        "the portraits that come with Atelier"),
        CLI_OPTION_INT("port", &v->o.port, "N", "where the page is; 0: any that is free", "8650", 0, 65535),
        CLI_OPTION_TEXT("listen", &v->o.listen, "ADDRESS",
                        "other machines reach it at this one; needs --token",
                        "127.0.0.1, this machine alone"),
        CLI_OPTION_TEXT("token", &v->o.token, "WORD", "that whoever opens the page must know", "none"),
        CLI_OPTION_TEXT("outdir", &v->o.outdir, "DIR",
                        "folder for pins, photos, videos, runs; made when needed", "studio"),
        CLI_OPTION_FLAG("open", &v->open, "open the page in a browser"),
        CLI_COMMON_OPTIONS(&v->common),
    };
    const cli_spec spec = {
        .command = "serve",
        .arguments = "[FILE|FOLDER...]",
        .about =
            "Open the studio: a page in the browser on which networks are explored, edited and trained.\n"
            "It shows networks, directions, sets and runs of these files and folders, and no others.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = PLACES_MOST,
    };
    return cli_options_parse(&spec, argc, argv, plain);
}

// A connection each for as many as may come, and as many files.
static void raise_files(void) {
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < 4096) {
        r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static void open_page(const serve *v, const char *address) {
    char program[] = "xdg-open", copy[512];
    snprintf(copy, sizeof copy, "%s", address);
    char *const arguments[] = { program, copy, NULL };
    pid_t pid;
    if (posix_spawnp(&pid, program, NULL, NULL, arguments, environ) != 0)
        cli_warn(&v->common, "--open: there is no xdg-open; open the address by hand");
}

static void on_line(void *user, const char *line) {
    const serve *v = user;
    cli_warn(&v->common, "%s", line);
}

static int wait_for_end(serve *v, const app_serve *studio) {
    const char *host = v->o.listen ? v->o.listen : "127.0.0.1";
    int six = strchr(host, ':') != NULL;
    char address[512];
    snprintf(address, sizeof address, "http://%s%s%s:%d/%s%s", six ? "[" : "", host, six ? "]" : "",
             app_serve_port(studio), v->o.token ? "?token=" : "", v->o.token ? v->o.token : "");
    printf("The studio is open at %s\n", address);
    fflush(stdout);
    cli_note(&v->common, "Ctrl-C closes it");
    if (v->open)
        open_page(v, address);
    while (!cli_interrupted())
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    return CLI_SUCCESS;
}

int cli_serve(int argc, char **argv) {
    serve v = { .o = { .port = 8650, .outdir = "studio", .program = "/proc/self/exe", .log = on_line } };
    atl_ctx *ctx = NULL;
    app_serve *studio = NULL;
    const char *plain[PLACES_MOST + 1] = { NULL };
    int status = parse(&v, argc, argv, plain);
    if (status != CLI_PROCEED)
        return status;
    if (v.network)
        v.places[v.o.count++] = v.network;
    for (int i = 0; i < PLACES_MOST && plain[i] && v.o.count < PLACES_MOST; i++)
        v.places[v.o.count++] = plain[i];
    v.o.places = v.places;
    v.o.user = &v;
    cli_catch_interrupt();
    raise_files();
    status = cli_open(&v.common, &ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&v.common, app_serve_open(&studio, ctx, &v.o, &v.common.error));
    if (status == CLI_SUCCESS)
        status = wait_for_end(&v, studio);
    app_serve_close(&studio);
    atl_ctx_close(&ctx);
    return status;
}
