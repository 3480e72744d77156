// SPDX-License-Identifier: Apache-2.0
// atelier dataset: a uniform set out of any source of pictures; atelier dataset check: what is wrong with
// one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <atelier/dataset.h>
#include "command.h"
#include "common.h"
#include "progress.h"

static const char label_words[] = "auto|json|folders|none"; // in the order of atl_labels

typedef struct report {
    cli_progress progress;
    int started, quiet;
    size_t lines;
} report;

static int on_progress(void *user, size_t done, size_t total, const char *name) {
    report *r = user;
    if (!r->started) {
        cli_progress_start_bar(&r->progress, total, r->quiet);
        r->started = 1;
    }
    (void)done;
    (void)name;
    cli_progress_step(&r->progress, "");
    return cli_interrupted();
}

static void begin_line(report *r) {
    if (r->started && !r->progress.quiet)
        fprintf(stderr, "\r\033[K");
    r->lines++;
}

static void on_bad(void *user, const char *name, const char *reason) {
    begin_line(user);
    cli_print_safe(stderr, name);
    fprintf(stderr, ": ");
    cli_print_safe(stderr, reason);
    fprintf(stderr, "\n");
}

static void on_found(void *user, const atl_finding *f) {
    (void)user;
    printf("%-7s %-9s ", f->fatal ? "error" : "note", atl_finding_name(f->kind));
    cli_print_safe(stdout, f->name);
    printf(": ");
    cli_print_safe(stdout, f->reason);
    printf("\n");
}

static int finish(atl_ctx *ctx, atl_status status, report *r) {
    if (r->started)
        cli_progress_end(&r->progress);
    if (status == ATL_OK)
        return CLI_SUCCESS;
    cli_fail(ctx);
    return cli_interrupted() ? CLI_INTERRUPTED : CLI_FAILURE;
}

// The command that would make a set to train on out of this one.
static void propose(const char *path, const atl_dataset_checked *c) {
    if (!c->side && !c->rgb && !c->ground && !c->orient && !c->skip_bad)
        return;
    const char *quote = strpbrk(path, " $&;()*?<>|\"\\") && !strchr(path, '\'') ? "'" : "";
    printf("To mend this: atelier dataset --source %s", quote);
    cli_print_safe(stdout, path);
    printf("%s --dest NEW.zip", quote);
    if (c->side)
        printf(" --transform center-crop --resolution %dx%d", c->side, c->side);
    printf("%s%s%s%s\n", c->rgb ? " --color rgb" : "", c->ground ? " --alpha white" : "",
           c->orient ? " --orient" : "", c->skip_bad ? " --skip-bad" : "");
}

static int check(cli_common *common, const char *path, int labels) {
    atl_ctx *ctx = NULL;
    int status = cli_open(common, &ctx);
    if (status != CLI_SUCCESS)
        return status;
    report r = { .quiet = common->quiet };
    atl_dataset_checked result;
    atl_dataset_check_options o = ATL_DATASET_CHECK_OPTIONS_INIT;
    o.labels = (atl_labels)labels;
    o.progress = on_progress;
    o.found = on_found;
    o.user = &r;
    cli_catch_interrupt();
    status = finish(ctx, atl_dataset_check(ctx, path, &o, &result), &r);
    if (status == CLI_SUCCESS) {
        printf("%zu pictures", result.count);
        if (result.channels)
            printf(", most %dx%d %s", result.width, result.height, result.channels == 1 ? "gray" : "RGB");
        printf("; %zu errors, %zu notes\n", result.fatal, result.notes);
        propose(path, &result);
        status = result.fatal || result.count == 0 ? CLI_FAILURE : CLI_SUCCESS;
    }
    atl_ctx_close(&ctx);
    return status;
}

static int cli_check(int argc, char **argv) {
    cli_common common = { 0 };
    const char *path;
    int labels = 0;
    const cli_option options[] = {
        CLI_OPTION_CHOICE("labels", &labels, label_words, "where labels come from", "auto"),
        CLI_OPTION_INT("threads", &common.threads, "N", "threads to read with", "all processors", 1, 4096),
        CLI_OPTION_FLAG("quiet", &common.quiet, "no progress and no warnings"),
    };
    const cli_spec spec = {
        .command = "dataset check",
        .arguments = "SOURCE",
        .about = "Read every picture of a folder, .zip or other source and list all that is wrong with any.\n"
                 "Ends with status 1 when something has to be mended before training.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, &path);
    return status == CLI_PROCEED ? check(&common, path, labels) : status;
}

// "256x256", "256,256" or "256"
static int parse_resolution(const char *text, atl_dataset_make_options *o) {
    char *end;
    long width = strtol(text, &end, 10), height = width;
    if (end != text && (*end == 'x' || *end == ',')) {
        const char *second = end + 1;
        height = strtol(second, &end, 10);
        end = end == second ? (char *)text : end;
    }
    if (end == text || *end || width < 4 || height < 4 || width > 32768 || height > 32768)
        return cli_usage_error("dataset", "--resolution %s: give WxH, each from 4 to 32768, like 256x256",
                               text);
    o->width = (int)width;
    o->height = (int)height;
    return CLI_PROCEED;
}

static int power_of_two(int n) {
    return n > 0 && (n & (n - 1)) == 0;
}

static void summarise(const cli_common *common, const char *dest, const atl_dataset_made *made) {
    if (common->quiet)
        return;
    printf("%s: %zu pictures of %dx%d %s", dest, made->written, made->width, made->height,
           made->channels == 1 ? "gray" : "RGB");
    if (made->label_size)
        printf(", labels of %d", made->label_size);
    if (made->small)
        printf("; %zu too small, left out", made->small);
    if (made->bad)
        printf("; %zu bad, left out", made->bad);
    printf("\n");
    if (made->lying)
        cli_warn(common, "%zu pictures ask by EXIF to be turned and were not; --orient turns them",
                 made->lying);
    if (made->width != made->height || !power_of_two(made->width))
        cli_warn(common, "stylegan2 and the official loaders need squares whose side is a power of two");
}

static int make(cli_common *common, const char *source, const char *dest, atl_dataset_make_options *o) {
    atl_ctx *ctx = NULL;
    int status = cli_open(common, &ctx);
    if (status != CLI_SUCCESS)
        return status;
    report r = { .quiet = common->quiet };
    atl_dataset_made made;
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); // a set may have many bad pictures, each a line
    o->progress = on_progress;
    o->bad = on_bad;
    o->user = &r;
    cli_catch_interrupt();
    status = finish(ctx, atl_dataset_make(ctx, source, dest, o, &made), &r);
    if (status == CLI_SUCCESS)
        summarise(common, dest, &made);
    atl_ctx_close(&ctx);
    return status;
}

typedef struct arguments {
    const char *source, *dest, *resolution;
    int max_images, width, height, transform, filter, labels, alpha, color, skip_bad, orient;
} arguments;

// A name that asks for another kind of file is refused, and so is a file that is there: it may be the source.
static int check_dest(const char *dest) {
    static const char *const others[] = { ".tar", ".gz",        ".tgz",  ".xz",   ".bz2",
                                          ".zst", ".7z",        ".rar",  ".lmdb", ".mdb",
                                          ".npz", ".tfrecords", ".hdf5", ".h5",   NULL };
    struct stat info;
    if (cli_ending(dest, others))
        return cli_usage_error("dataset", "--dest %s: sets are written as a folder or a .zip", dest);
    if (stat(dest, &info) == 0 && S_ISREG(info.st_mode))
        return cli_error("%s is there already: delete it first, or choose another name", dest);
    return CLI_PROCEED;
}

static int run(cli_common *common, const arguments *a) {
    atl_dataset_make_options o = ATL_DATASET_MAKE_OPTIONS_INIT;
    if (!a->source || !a->dest)
        return cli_usage_error("dataset", "--%s is missing", a->source ? "dest FILE.zip" : "source PATH");
    int free = check_dest(a->dest);
    if (free != CLI_PROCEED)
        return free;
    if (a->resolution && (a->width || a->height))
        return cli_usage_error("dataset", "--resolution says both sides: leave out --width and --height");
    o.width = a->width;
    o.height = a->height;
    if (a->resolution) {
        int status = parse_resolution(a->resolution, &o);
        if (status != CLI_PROCEED)
            return status;
    }
    o.labels = (atl_labels)a->labels;
    o.max_images = (size_t)a->max_images;
    o.crop = (atl_crop)a->transform;
    o.filter = (atl_resize)a->filter;
    o.alpha = (atl_alpha)a->alpha;
    o.color = (atl_color)a->color;
    o.skip_bad = a->skip_bad;
    o.orient = a->orient;
    return make(common, a->source, a->dest, &o);
}

int cli_dataset(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "check"))
        return cli_check(argc - 1, argv + 1);
    cli_common common = { 0 };
    arguments a = { 0 };
    const cli_option options[] = {
        CLI_OPTION_TEXT("source", &a.source, "PATH", "folder, .zip, .tfrecords, CIFAR-10, MNIST or LMDB",
                        NULL),
        CLI_OPTION_TEXT("dest", &a.dest, "PATH", "new .zip, or an empty or new folder", NULL),
        CLI_OPTION_INT("max-images", &a.max_images, "N", "only the first N pictures", "all", 1, 1 << 30),
        CLI_OPTION_CHOICE("transform", &a.transform, "none|center-crop|center-crop-wide", "how to crop",
                          "none"),
        CLI_OPTION_TEXT("resolution", &a.resolution, "WxH", "size of the new pictures", "as they are"),
        CLI_OPTION_INT("width", &a.width, "N", "the width alone", NULL, 4, 32768),
        CLI_OPTION_INT("height", &a.height, "N", "the height alone", NULL, 4, 32768),
        CLI_OPTION_CHOICE("resize-filter", &a.filter, "lanczos|box|area", "how to resize", "lanczos"),
        CLI_OPTION_CHOICE("labels", &a.labels, label_words, "where labels come from", "auto"),
        CLI_OPTION_CHOICE("alpha", &a.alpha, "refuse|white|black", "what lies behind transparency", "refuse"),
        CLI_OPTION_CHOICE("color", &a.color, "keep|rgb|gray", "colours of the new pictures", "keep"),
        CLI_OPTION_FLAG("orient", &a.orient, "turn pictures as their EXIF asks"),
        CLI_OPTION_FLAG("skip-bad", &a.skip_bad, "leave out what can't be used, in place of failing"),
        CLI_OPTION_INT("threads", &common.threads, "N", "threads to work with", "all processors", 1, 4096),
        CLI_OPTION_FLAG("quiet", &common.quiet, "no progress and no warnings"),
    };
    const cli_spec spec = {
        .command = "dataset",
        .arguments = "--source PATH --dest PATH",
        .about = "Make a uniform set for training out of a folder, archive or record file of pictures.\n"
                 "'atelier dataset check SOURCE' lists what is wrong with one.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    return status == CLI_PROCEED ? run(&common, &a) : status;
}
