// SPDX-License-Identifier: Apache-2.0
// atelier spectra stats|calc|heatmap|slices: average power spectra of networks and data sets, and figures of
// them.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "app/spectra.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { FILES_MOST = 8, PATH_MOST = 4096 };

typedef struct spectra {
    cli_common common;
    app_spectra_source source;
    app_spectra_options options;
    int num, seed;
    cli_progress progress;
    int started;
} spectra;

// ---- from pictures

// Rows for a table of options.
#define SOURCE_OPTIONS(s)                                                                                    \
    CLI_OPTION_TEXT("source", &(s)->source.path, "PATH",                                                     \
                    "checkpoint, or folder, .zip or other set of pictures", NULL),                           \
        CLI_OPTION_INT("num", &(s)->num, "N", "pictures; a network needs to be told", "all of a set", 1,     \
                       1 << 30),                                                                             \
        CLI_OPTION_INT("seed", &(s)->seed, "N", "first seed of a network; chooses among a set's pictures",   \
                       "0", 0, 2147483647),                                                                  \
        CLI_OPTION_REAL("trunc", &(s)->source.psi, "PSI", "truncation of a network",                         \
                        "what its makers use: mostly 1", -100, 100),                                         \
        CLI_OPTION_INT("class", &(s)->source.class_index, "N", "class of a conditional network", NULL, 0,    \
                       1 << 30),                                                                             \
        CLI_OPTION_TEXT("net", &(s)->source.net, "NAME", "network of the file: G_ema or G",                  \
                        "G_ema, else G"),                                                                    \
        CLI_DELTAS_OPTION(&(s)->common), CLI_NETWORK_OPTIONS(&(s)->common), CLI_COMMON_OPTIONS(&(s)->common)

#define SPECTRA_INIT                                                                                         \
    {                                                                                                        \
        .source = APP_SPECTRA_SOURCE_INIT, .options = { NAN, NAN, 8, 4, NULL }                               \
    }

static int on_progress(void *user, size_t done, size_t total) {
    spectra *s = user;
    if (!s->started) {
        cli_progress_start_bar(&s->progress, total, s->common.quiet);
        s->started = 1;
    }
    (void)done;
    cli_progress_step(&s->progress, "");
    return cli_interrupted();
}

static int begin(spectra *s, const char *command, atl_ctx **ctx) {
    if (!s->source.path)
        return cli_usage_error(command, "--source PATH is missing");
    s->source.num = (size_t)s->num;
    s->source.seed = (uint32_t)s->seed;
    s->source.ignore_unused = s->common.ignore_unused;
    s->source.assume = s->common.assume;
    s->source.deltas = s->common.deltas;
    s->source.progress = on_progress;
    s->source.user = s;
    int status = cli_open(&s->common, ctx);
    cli_catch_interrupt();
    return status == CLI_SUCCESS ? CLI_PROCEED : status;
}

static int end(spectra *s, app_status status, atl_ctx **ctx) {
    if (s->started)
        cli_progress_end(&s->progress);
    atl_ctx_close(ctx);
    return cli_told(&s->common, status);
}

static int stats(int argc, char **argv) {
    spectra s = SPECTRA_INIT;
    const cli_option options[] = { SOURCE_OPTIONS(&s) };
    const cli_spec spec = {
        .command = "spectra stats",
        .arguments = "--source PATH",
        .about = "Print the mean and the deviation of a source's pictures, as 'spectra calc' takes them.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    atl_ctx *ctx = NULL;
    app_spectra_stats result;
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status == CLI_PROCEED)
        status = begin(&s, "spectra stats", &ctx);
    if (status != CLI_PROCEED)
        return status;
    status = end(&s, app_spectra_measure(ctx, &s.source, &result, &s.common.error), &ctx);
    if (status == CLI_SUCCESS)
        printf("--mean=%.6g --std=%.6g\n", result.mean, result.deviation);
    return status;
}

static int calc(int argc, char **argv) {
    spectra s = SPECTRA_INIT;
    const cli_option options[] = {
        CLI_OPTION_TEXT("dest", &s.options.dest, "FILE", "the .npz to write", NULL),
        CLI_OPTION_REAL("mean", &s.options.mean, "X", "mean, as 'spectra stats' prints it for the reals",
                        NULL, 0, 255),
        CLI_OPTION_REAL("std", &s.options.deviation, "X", "deviation, from there too", NULL, 1e-6, 255),
        CLI_OPTION_REAL("beta", &s.options.beta, "X", "of the Kaiser window", "8", 0, 50),
        CLI_OPTION_INT("interp", &s.options.interp, "N", "frequencies for each of a picture's", "4", 1, 16),
        SOURCE_OPTIONS(&s),
    };
    const cli_spec spec = {
        .command = "spectra calc",
        .arguments = "--source PATH --dest FILE --mean X --std X",
        .about = "Compute the average power spectrum of a source's pictures.\n"
                 "What shall be compared needs the same --mean and --std: those of the reals.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    atl_ctx *ctx = NULL;
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status != CLI_PROCEED)
        return status;
    if (!s.options.dest || isnan(s.options.mean) || isnan(s.options.deviation))
        return cli_usage_error("spectra calc", "--%s is missing",
                               !s.options.dest         ? "dest FILE.npz"
                               : isnan(s.options.mean) ? "mean X"
                                                       : "std X");
    status = begin(&s, "spectra calc", &ctx);
    if (status != CLI_PROCEED)
        return status;
    status = end(&s, app_spectra_compute(ctx, &s.source, &s.options, &s.common.error), &ctx);
    if (status == CLI_SUCCESS)
        cli_note(&s.common, "%s is written", s.options.dest);
    return status;
}

// ---- figures

typedef struct drawing {
    cli_common common;
    app_spectra_figure figure;
    char path[PATH_MOST]; // where --save does not say
} drawing;

#define FIGURE_OPTIONS(d, standard)                                                                          \
    CLI_OPTION_TEXT("save", &(d)->figure.dest, "FILE", "the .png to write", "beside the first NPZ"),         \
        CLI_OPTION_INT("dpi", &(d)->figure.dpi, "N", "size of the figure: pixels per inch", "100", 50,       \
                       1200),                                                                                \
        CLI_OPTION_REAL("smooth", &(d)->figure.smooth, "X",                                                  \
                        "deviation of the smoothing Gaussian, in frequencies of a picture; 0: none",         \
                        standard, 0, 100),                                                                   \
        CLI_OPTION_FLAG("quiet", &(d)->common.quiet, "no notes and no warnings")

static int draw(drawing *d, const char *const *files, size_t count, const char *what) {
    atl_ctx *ctx = NULL;
    if (!d->figure.dest) {
        size_t stem = strlen(files[0]);
        if (stem > 4 && !strcmp(files[0] + stem - 4, ".npz"))
            stem -= 4;
        snprintf(d->path, sizeof d->path, "%.*s-%s.png", (int)stem, files[0], what);
        d->figure.dest = d->path;
    }
    int status = cli_open(&d->common, &ctx);
    cli_catch_interrupt();
    if (status == CLI_SUCCESS)
        status =
            cli_told(&d->common, count ? app_spectra_slices(ctx, files, count, &d->figure, &d->common.error)
                                       : app_spectra_heatmap(ctx, files[0], &d->figure, &d->common.error));
    atl_ctx_close(&ctx);
    if (status == CLI_SUCCESS)
        cli_note(&d->common, "%s is written", d->figure.dest);
    return cli_written(status, d->figure.dest);
}

static int heatmap(int argc, char **argv) {
    drawing d = { .figure = { .dpi = 100, .smooth = 1.25 } };
    const char *file;
    const cli_option options[] = { FIGURE_OPTIONS(&d, "1.25") };
    const cli_spec spec = {
        .command = "spectra heatmap",
        .arguments = "NPZ",
        .about = "Draw a spectrum of 'spectra calc', zero in the middle, in decibels.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, &file);
    return status == CLI_PROCEED ? draw(&d, &file, 0, "heatmap") : status;
}

static int slices(int argc, char **argv) {
    drawing d = { .figure = { .dpi = 100 } };
    const char *files[FILES_MOST];
    const cli_option options[] = { FIGURE_OPTIONS(&d, "0") };
    const cli_spec spec = {
        .command = "spectra slices",
        .arguments = "NPZ...",
        .about = "Draw spectra along the horizontal and the diagonal, each file as a curve.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = FILES_MOST,
    };
    size_t count = 0;
    int status = cli_options_parse(&spec, argc, argv, files);
    if (status != CLI_PROCEED)
        return status;
    while (count < FILES_MOST && files[count])
        count++;
    return draw(&d, files, count, "slices");
}

int cli_spectra(int argc, char **argv) {
    static const cli_part parts[] = {
        { "stats", stats }, { "calc", calc }, { "heatmap", heatmap }, { "slices", slices }
    };
    const cli_spec spec = {
        .command = "spectra",
        .arguments = "stats|calc|heatmap|slices",
        .about = "Average power spectra of what a network makes, and of pictures:\n"
                 "  stats    print the mean and deviation of pictures\n"
                 "  calc     compute a spectrum\n"
                 "  heatmap  draw one\n"
                 "  slices   draw some along two directions\n"
                 "'atelier spectra calc --help' lists the options of one.",
        .arguments_min = 1,
        .arguments_max = 1,
    };
    return cli_part_run(&spec, parts, sizeof parts / sizeof *parts, argc, argv);
}
