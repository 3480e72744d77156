// SPDX-License-Identifier: Apache-2.0
// Options of atelier train.  A run that goes on takes those that were not given from its snapshot.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "train.h"

typedef struct rows {
    cli_option list[CLI_TRAIN_GIVEN];
    size_t count;
} rows;

// Rows of the library's table that are of a command: encoders have a group of their own, and leave out what
// only the competition of two networks has.
static int is_of(const cli_train *t, const atl_train_field *f) {
    static const char *const both[] = { "Pictures", "Length", "Steps" },
                             *const without[] = { "cond", "ema-rampup", "ema-start", "d-steps", "cross-replica" };
    if (!t->encoder)
        return f->group && strcmp(f->group, "Encoders") != 0;
    if (!strcmp(f->name, "gamma") || !strcmp(f->name, "resolution"))
        return 1;
    int shared = 0;
    for (size_t i = 0; f->group && i < sizeof both / sizeof *both; i++)
        shared |= !strcmp(f->group, both[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        shared &= strcmp(f->name, without[i]) != 0;
    return shared || (f->group && !strcmp(f->group, "Encoders"));
}

// "psp" and what follows it are encoders.
static const char *cfgs_of(cli_train *t, const char *words) {
    const char *encoders = strstr(words, "|psp");
    if (!encoders)
        return words;
    int length = t->encoder ? (int)strlen(encoders + 1) : (int)(encoders - words);
    snprintf(t->cfgs, sizeof t->cfgs, "%.*s", length, t->encoder ? encoders + 1 : words);
    return t->cfgs;
}

static cli_option row_of(const atl_train_field *f, atl_train_options *o) {
    static const cli_kind kinds[] = { [ATL_TRAIN_FLAG] = CLI_FLAG,
                                      [ATL_TRAIN_INT] = CLI_INT,
                                      [ATL_TRAIN_REAL] = CLI_REAL,
                                      [ATL_TRAIN_TEXT] = CLI_TEXT,
                                      [ATL_TRAIN_CHOICE] = CLI_CHOICE };
    return (cli_option){ .name = f->name,
                         .kind = kinds[f->kind],
                         .target = (char *)o + f->offset,
                         .value = f->words ? f->words : f->value,
                         .help = f->help,
                         .standard = f->standard,
                         .low = f->low,
                         .high = f->high };
}

// What belongs to the program comes first, then the library's table, then the options of every command.
static rows rows_of(cli_train *t) {
    const cli_option first[] = {
        CLI_OPTION_TEXT("outdir", &t->outdir, "DIR", "where to make the run's folder", NULL),
        CLI_OPTION_TEXT("resume", &t->resume, "PATH",
                        "a run's folder or snapshot to go on with, or any checkpoint to start from", NULL),
        CLI_OPTION_FLAG("new-run", &t->new_run,
                        "start a new run from the networks of --resume, whatever it records"),
        CLI_OPTION_TEXT("desc", &t->desc, "TEXT", "end of the folder's name", NULL),
        CLI_OPTION_TEXT("metrics", &t->metrics, "LIST",
                        "measure snapshots: fid5k_full,swd4k; see 'atelier metrics'", "none"),
        CLI_OPTION_INT("metrics-every", &t->metrics_every, "N",
                       "measure every so many snapshots, and the last", "1", 1, 1000000),
        CLI_OPTION_TEXT("detectors", &t->detectors, "DIR", "folder of the networks that metrics look with",
                        "see 'atelier detectors'"),
        CLI_OPTION_FLAG("dry-run", &t->dry_run, "print what the run will cost and end"),
    };
    const cli_option last[] = { CLI_COMMON_OPTIONS(&t->common) };
    enum { FIRST = sizeof first / sizeof *first, LAST = sizeof last / sizeof *last };
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    rows r = { .count = 0 };
    for (size_t i = 0; i < FIRST; i++) // snapshots of encoders have a generator that nobody trains
        if (!t->encoder || (strncmp(first[i].name, "metrics", 7) != 0 && strcmp(first[i].name, "detectors") != 0))
            r.list[r.count++] = first[i];
    for (size_t i = 0; i < count && r.count + LAST < CLI_TRAIN_GIVEN; i++)
        if (is_of(t, &fields[i])) {
            r.list[r.count] = row_of(&fields[i], &t->options);
            if (!strcmp(fields[i].name, "cfg")) {
                r.list[r.count].value = cfgs_of(t, fields[i].words);
                r.list[r.count].standard = t->encoder ? "e4e" : fields[i].standard;
            }
            r.count++;
        }
    memcpy(r.list + r.count, last, sizeof last);
    r.count += LAST;
    for (size_t i = 0; i < r.count; i++)
        r.list[i].given = &t->given[i];
    return r;
}

// Whether an option was given: then what a snapshot records doesn't count.
int cli_train_is_given(void *user, const char *name) {
    cli_train *t = user;
    rows r = rows_of(t);
    for (size_t i = 0; i < r.count; i++)
        if (!strcmp(r.list[i].name, name))
            return t->given[i];
    return 0;
}

// The official scripts refuse the first, too.
static int check_augmentation(cli_train *t) {
    if (t->options.aug != ATL_AUG_FIXED && cli_train_is_given(t, "p"))
        return cli_usage_error("train", "--p belongs to --aug fixed");
    if (t->options.aug != ATL_AUG_ADA && t->options.aug != ATL_AUG_AUTO && cli_train_is_given(t, "initial-p"))
        return cli_usage_error("train", "--initial-p belongs to --aug ada");
    return CLI_PROCEED;
}

static int parse_train(cli_train *t, rows *r, int argc, char **argv) {
    cli_option unlisted[CLI_TRAIN_UNLISTED];
    const cli_spec spec = {
        .command = "train",
        .arguments = "",
        .about =
            "Train StyleGAN2 with adaptive augmentation (StyleGAN2-ADA), StyleGAN3, StyleGAN or ProGAN on a\n"
            "set of pictures.  Prints what it will cost, then a line per tick; Ctrl-C ends it with a\n"
            "snapshot, and --resume FOLDER goes on.  Several processes share the work under\n"
            "'mpirun -np K atelier train ...'.  Options of the official scripts that mean nothing here (-n,\n"
            "--gpus, --fp32, --nobench) are understood.",
        .options = r->list,
        .count = r->count,
        .unlisted = unlisted,
        .unlisted_count = cli_train_unlisted(t, unlisted),
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    return status == CLI_PROCEED ? cli_train_check_habits(t) : status;
}

static int parse_encoder(cli_train *t, rows *r, int argc, char **argv) {
    const cli_spec spec = {
        .command = "train-encoder",
        .arguments = "",
        .about =
            "Train an encoder (pSp, e4e, ReStyle, HyperStyle) for a generator, on pictures or, without "
            "--data,\n"
            "on those that the generator makes itself.  Prints what it will cost, then a line per tick;\n"
            "Ctrl-C ends it with a snapshot, and --resume FOLDER goes on.  A snapshot holds the generator,\n"
            "too, and opens with 'atelier encode --encoder'.  Networks that losses look with may be left "
            "out.",
        .options = r->list,
        .count = r->count,
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status != CLI_PROCEED || t->resume || strstr(t->cfgs, t->options.cfg))
        return status;
    return cli_usage_error("train-encoder", "--cfg %s: expected one of %s", t->options.cfg, t->cfgs);
}

static int check_needed(const cli_train *t) {
    const atl_train_options *o = &t->options;
    if (t->resume)
        return CLI_PROCEED;
    if (t->encoder && !o->network)
        return cli_usage_error(t->command,
                               "--network FILE is missing: the generator that the encoder is for");
    if (!t->encoder && !o->data)
        return cli_usage_error(t->command, "--data PATH is missing");
    if (!t->outdir && !t->dry_run)
        return cli_usage_error(t->command, "--outdir DIR is missing");
    return CLI_PROCEED;
}

int cli_train_parse(cli_train *t, int encoder, int argc, char **argv) {
    *t =
        (cli_train){ .metrics_every = 1, .encoder = encoder, .command = encoder ? "train-encoder" : "train" };
    atl_train_options_init(&t->options, sizeof t->options);
    if (encoder)
        t->options.cfg = "e4e";
    rows r = rows_of(t);
    int status = encoder ? parse_encoder(t, &r, argc, argv) : parse_train(t, &r, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    const char *threads = getenv("ATELIER_THREADS"); // which cli_open() checks
    t->options.threads = t->common.threads ? t->common.threads : threads ? atoi(threads) : 0;
    if (t->new_run && !t->resume)
        return cli_usage_error(t->command, "--new-run belongs to --resume");
    status = t->resume || encoder ? CLI_PROCEED : check_augmentation(t);
    return status == CLI_PROCEED ? check_needed(t) : status;
}

// ---- going on

// The pictures are not those of the run.  A new run must be meant: it is where it has a place of its own and
// other pictures were named.
static int check_pictures(const cli_train *t) {
    const app_resume *r = &t->from;
    if (!r->differs || (t->outdir && !r->same_place))
        return CLI_SUCCESS;
    return cli_error(
        "%s can't be gone on with: its pictures have changed. %s %s. Give it back what it had (--data PATH, "
        "wherever that lies), or start a new run from its networks: --new-run --data %s --outdir DIR",
        r->snapshot, t->options.data, r->differs, t->options.data);
}

int cli_train_resume(cli_train *t, atl_ctx *ctx) {
    if (!t->resume)
        return CLI_SUCCESS;
    const app_resume_choice choice = { t->new_run, cli_train_is_given, t };
    int status = cli_told(&t->common,
                          app_resume_open(&t->from, ctx, t->resume, &t->options, &choice, &t->common.error));
    if (status == CLI_SUCCESS)
        status = check_pictures(t);
    if (status != CLI_SUCCESS)
        return status;
    if (!t->options.data && !t->encoder)
        return cli_usage_error(t->command, "--data PATH is missing: %s records no run to go on with",
                               t->from.snapshot);
    if (t->encoder && !t->options.network)
        return cli_usage_error(t->command, "--network FILE is missing: %s records no run to go on with",
                               t->from.snapshot);
    if (!t->from.folder && !t->outdir && !t->dry_run)
        return cli_usage_error(t->command, "--outdir DIR is missing");
    if (t->from.folder && t->outdir)
        cli_note(&t->common,
                 "--outdir is passed over: the run goes on in %s; --new-run starts one of its own",
                 t->from.folder);
    if (t->from.folder && t->desc)
        cli_note(&t->common, "--desc is passed over: the run goes on in %s", t->from.folder);
    status = check_augmentation(t);
    return status == CLI_PROCEED ? CLI_SUCCESS : status;
}
