// SPDX-License-Identifier: Apache-2.0
// atelier detectors: the networks that metrics look at pictures with, which of them are here, and --fetch,
// which downloads one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include "app/detectors_fetch.h"
#include "app/progress.h"
#include "command.h"
#include "common.h"

static const double MIB = 1024 * 1024;

static void size_text(int64_t bytes, char text[24]) {
    if (!bytes)
        strcpy(text, "?");
    else if (bytes < 1024 * 1024)
        snprintf(text, 24, "%.1f KiB", (double)bytes / 1024);
    else
        snprintf(text, 24, "%.1f MiB", (double)bytes / MIB);
}

// ---- the list

static int64_t size_of(const app_detector *d, const char *path) {
    struct stat info;
    return path && stat(path, &info) == 0 ? (int64_t)info.st_size : d->bytes;
}

static void print_row(const app_detector *d, const app_detector_folders *folders) {
    char path[APP_DETECTOR_PATH], size[24];
    int here = app_detector_present(d, folders, path);
    size_text(size_of(d, here ? path : NULL), size);
    printf("%-21s %10s  for %s\n", d->name, size, d->use);
    if (here) {
        printf("    here: ");
        cli_print_safe(stdout, path);
        printf("\n");
    }
    printf("    %s %s\n", here ? "from:" : "not here; from", d->url);
}

static int is_classifier(const app_detector *d) {
    return !strncmp(d->roles, "classifier-", 11);
}

// Forty rows of one kind are one for people.
static void print_classifiers(const app_detector *first, size_t index, const app_detector_folders *folders) {
    char path[APP_DETECTOR_PATH];
    int here = 0;
    for (const app_detector *d; (d = app_detector_row(index)); index++)
        here += app_detector_present(d, folders, path);
    printf("%-21s %10s  for %s; also one by one, %s to classifier-39-%s\n", "classifiers", "?", first->use,
           first->name, app_classifier_name(APP_CLASSIFIERS - 1));
    printf("    %d of %d here; from %.*s\n", here, APP_CLASSIFIERS,
           (int)(strrchr(first->url, '/') + 1 - first->url), first->url);
}

static void print_list(const app_detector_folders *folders) {
    const app_detector *d;
    for (size_t i = 0; (d = app_detector_row(i)); i++) {
        if (is_classifier(d)) {
            print_classifiers(d, i, folders);
            break;
        }
        print_row(d, folders);
    }
    printf("\nLooked for in:\n");
    for (int i = 0; i < folders->count; i++) {
        printf("    ");
        cli_print_safe(stdout, folders->at[i].path);
        printf(" (%s)\n", folders->at[i].why);
    }
}

static json_t *row_json(const app_detector *d, const app_detector_folders *folders) {
    char path[APP_DETECTOR_PATH];
    int here = app_detector_present(d, folders, path);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:b}", "name", d->name, "file", d->file, "roles",
                            d->roles, "for", d->use, "url", d->url, "sha256", d->sha256, "present", here);
    int64_t bytes = size_of(d, here ? path : NULL);
    json_object_set_new(row, "bytes", bytes ? json_integer(bytes) : json_null());
    json_t *at = here ? json_string(path) : NULL;
    json_object_set_new(row, "path", at ? at : json_null()); // a name that is no UTF-8 can't be told
    return row;
}

static int print_json(const app_detector_folders *folders) {
    json_t *list = json_array();
    const app_detector *d;
    for (size_t i = 0; (d = app_detector_row(i)); i++)
        json_array_append_new(list, row_json(d, folders));
    char *text = json_dumps(list, JSON_INDENT(2));
    int status = text && puts(text) >= 0 ? CLI_SUCCESS : CLI_FAILURE;
    free(text);
    json_decref(list);
    return status;
}

// ---- downloading

typedef struct bar {
    const char *name;
    int shows;
    double start, shown; // seconds
    int64_t first;       // bytes that an earlier try left
} bar;

static void draw(bar *b, int64_t done, int64_t total) {
    enum { WIDTH = 24 };
    char line[WIDTH + 1], size[24], all[24] = "?";
    int filled = total ? (int)(done * WIDTH / total) : 0;
    for (int i = 0; i < WIDTH; i++)
        line[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    line[WIDTH] = '\0';
    const app_pace pace =
        app_pace_of((double)(done - b->first), total ? (double)(total - b->first) : 0, b->shown - b->start);
    size_text(done, size);
    if (total)
        size_text(total, all);
    fprintf(stderr, "\r[%s] %s / %s  ", line, size, all);
    if (pace.rate > 0)
        fprintf(stderr, "%.1f MiB/s  ", pace.rate / MIB);
    if (pace.rate > 0 && total)
        fprintf(stderr, "%.0f s left  ", pace.left);
    fprintf(stderr, "%s\033[K", b->name);
    fflush(stderr);
}

static int on_progress(void *user, int64_t done, int64_t total) {
    bar *b = user;
    double now = app_seconds();
    if (b->first < 0)
        b->first = done;
    if (b->shows && (now - b->shown >= 0.1 || done == total)) {
        b->shown = now;
        draw(b, done, total);
    }
    return cli_interrupted();
}

static void tell(const cli_common *common, const app_detector *d, const app_fetched *f) {
    char size[24], kept[24];
    size_text(f->download.bytes, size);
    size_text(f->download.kept, kept);
    if (common->quiet)
        return;
    cli_print_safe(stdout, f->path);
    if (f->there)
        printf(": is there already");
    else if (f->download.kept)
        printf(": %s, of which %s were there", size, kept);
    else
        printf(": %s", size);
    printf(f->compared ? "; its fingerprint is right\n" : "\n");
    if (!f->compared)
        cli_warn(common,
                 "%s: no fingerprint is published, so nothing tells whether this is the right file; its "
                 "SHA-256 is %s",
                 d->name, f->download.sha256);
}

static int fetch_one(cli_common *common, atl_ctx *ctx, const app_detector *d, app_fetch_options *o) {
    app_fetched done;
    bar b = { .name = d->name, .start = app_seconds(), .first = -1 };
    b.shows = !common->quiet && isatty(STDERR_FILENO);
    o->progress = on_progress;
    o->user = &b;
    cli_note(common, "%s from %s", d->name, o->url ? o->url : d->url);
    app_status status = app_detector_fetch(ctx, d, o, &done, &common->error);
    if (b.shows && b.shown > 0)
        fprintf(stderr, "\n");
    if (status != APP_OK)
        return cli_told(common, status);
    tell(common, d, &done);
    return CLI_SUCCESS;
}

// One name of the list, which may be "classifiers".
static int fetch_name(cli_common *common, atl_ctx *ctx, const char *name, app_fetch_options *o) {
    const app_detector *d;
    int status = CLI_SUCCESS;
    if (!strcmp(name, "classifiers")) {
        for (size_t i = 0; status == CLI_SUCCESS && (d = app_detector_row(i)); i++)
            if (is_classifier(d))
                status = fetch_one(common, ctx, d, o);
        return status;
    }
    d = app_detector_named(name, &common->error);
    return d ? fetch_one(common, ctx, d, o) : cli_told(common, APP_FAILED);
}

static int fetch(cli_common *common, const char *names, app_fetch_options *o) {
    char one[128];
    atl_ctx *ctx = NULL;
    int status = cli_open(common, &ctx);
    cli_catch_interrupt();
    for (size_t length; status == CLI_SUCCESS && *names; names += length + (names[length] == ',')) {
        length = strcspn(names, ",");
        snprintf(one, sizeof one, "%.*s", (int)(length < sizeof one ? length : sizeof one - 1), names);
        status = fetch_name(common, ctx, one, o);
    }
    atl_ctx_close(&ctx);
    return status;
}

static int is_hash(const char *text) {
    return strlen(text) == APP_SHA256_TEXT - 1 &&
           strspn(text, "0123456789abcdefABCDEF") == APP_SHA256_TEXT - 1;
}

static int check_usage(const char *names, const app_fetch_options *o) {
    if (!names && (o->url || o->sha256))
        return cli_usage_error("detectors", "--%s says more about --fetch NAME, which is missing",
                               o->url ? "url" : "sha256");
    if (names && (o->url || o->sha256) && (strchr(names, ',') || !strcmp(names, "classifiers")))
        return cli_usage_error("detectors", "--%s is for one file: --fetch one NAME with it",
                               o->url ? "url" : "sha256");
    if (o->sha256 && !is_hash(o->sha256))
        return cli_usage_error("detectors", "--sha256 %s: expected 64 hexadecimal digits", o->sha256);
    return CLI_PROCEED;
}

int cli_detectors(int argc, char **argv) {
    cli_common common = { 0 };
    app_fetch_options o = { 0 };
    const char *names = NULL;
    int as_json = 0;
    const cli_option options[] = {
        CLI_OPTION_TEXT("detectors", &o.folder, "DIR", "folder to look in first, and to download to",
                        "ATELIER_DETECTORS, then $XDG_DATA_HOME/atelier/detectors"),
        CLI_OPTION_TEXT("fetch", &names, "NAME,..", "download these; 'classifiers' are all forty",
                        "only list"),
        CLI_OPTION_TEXT("url", &o.url, "URL", "where a copy of the file is", "where it is published"),
        CLI_OPTION_TEXT("sha256", &o.sha256, "HEX", "fingerprint that the file must have",
                        "the published one"),
        CLI_OPTION_FLAG("json", &as_json, "list as JSON"),
        CLI_OPTION_FLAG("quiet", &common.quiet, "no progress and no warnings"),
    };
    const cli_spec spec = {
        .command = "detectors",
        .arguments = "",
        .about = "List the networks that metrics look at pictures with: what for, whether they are here, and "
                 "where\n"
                 "they are published; or download some.  Nothing is ever downloaded without --fetch.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status == CLI_PROCEED)
        status = check_usage(names, &o);
    if (status != CLI_PROCEED)
        return status;
    if (names)
        return fetch(&common, names, &o);
    app_detector_folders folders;
    if (app_detector_folders_get(o.folder, 0, &folders, &common.error) != APP_OK)
        return cli_told(&common, APP_FAILED);
    if (as_json)
        return print_json(&folders);
    print_list(&folders);
    return CLI_SUCCESS;
}
