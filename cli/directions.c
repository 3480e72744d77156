// SPDX-License-Identifier: Apache-2.0
// atelier directions sefa|ganspace|boundary|lstsq|condition|show: directions in latent space, found and
// listed.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "app/fit.h"
#include "command.h"
#include "common.h"
#include "progress.h"

enum { OTHERS_MOST = 16 };

// What all ways to find directions share.
typedef struct finding {
    cli_common common;
    const char *network, *net, *out, *layers_text, *explore, *look_text, *strength_text;
    const char *seeds_text, *projected_text, *name;
    int steps, shown, class_given, class_index;
    uint64_t layers;
    double from, to;
    app_seeds seeds, look;
    app_fit_options fit;
    atl_ctx *ctx;
    atl_model *model;
    atl_directions *set;
    cli_progress progress;
    const char *what; // that progress is about
} finding;

#define FINDING_INIT                                                                                         \
    {                                                                                                        \
        .look_text = "0-3", .strength_text = "-3..3", .steps = 7, .shown = 10, .fit = {                      \
            .fit = ATL_FIT_OPTIONS_INIT,                                                                     \
            .recipe = APP_RECIPE_INIT                                                                        \
        }                                                                                                    \
    }

// Rows for a table of options.
#define FINDING_OPTIONS(f)                                                                                   \
    CLI_OPTION_TEXT("network", &(f)->network, "FILE", "checkpoint: official .pkl or .safetensors",           \
                    "the portraits that come with Atelier"),                                                 \
        CLI_OPTION_TEXT("out", &(f)->out, "FILE", "safetensors file to write", NULL),                        \
        CLI_OPTION_TEXT("layers", &(f)->layers_text, "LIST", "layers, such as 0-3,7", "all"),                \
        CLI_OPTION_TEXT("explore", &(f)->explore, "DIR", "also a page of strips, DIR/index.html", NULL),     \
        CLI_OPTION_TEXT("explore-seeds", &(f)->look_text, "LIST", "seeds of its strips", "0-3"),             \
        CLI_OPTION_TEXT("explore-strength", &(f)->strength_text, "A..B", "strengths of its strips",          \
                        "-3..3"),                                                                            \
        CLI_OPTION_INT("explore-steps", &(f)->steps, "N", "pictures in a line of a strip", "7", 1, 100),     \
        CLI_OPTION_INT("explore-count", &(f)->shown, "N", "directions of the page", "10", 1, 10000),         \
        { "class", CLI_INT, &(f)->class_index, "K", "class of a conditional network", NULL,                  \
          0,       1 << 30, &(f)->class_given },                                                             \
        CLI_OPTION_TEXT("net", &(f)->net, "NAME", "network of the file: G_ema or G", "G_ema, else G"),       \
        CLI_DELTAS_OPTION(&(f)->common), CLI_NETWORK_OPTIONS(&(f)->common), CLI_COMMON_OPTIONS(&(f)->common)

static int on_progress(void *user, const char *what, size_t done, size_t total) {
    finding *f = user;
    if (f->what != what) {
        if (f->what)
            cli_progress_end(&f->progress);
        cli_progress_start_bar(&f->progress, total, f->common.quiet);
        f->progress.done = done - 1;
        f->what = what;
    }
    f->progress.done = done - 1;
    cli_progress_step(&f->progress, what);
    return cli_interrupted();
}

// Whether directions may be written under that name.
static int check_name(const char *command, const char *path) {
    static const char *const others[] = { ".pkl", ".pt", ".npy", ".npz", ".txt", ".json", ".csv", NULL };
    const char *dot = cli_ending(path, others);
    if (dot)
        return cli_usage_error(command, "%s: directions are written as safetensors; call it %.*s.safetensors",
                               path, (int)(dot - path), path);
    return CLI_PROCEED;
}

static int check(finding *f, const char *command) {
    app_error *e = &f->common.error;
    if (!f->out)
        return cli_usage_error(command, "expected --out FILE");
    int status = check_name(command, f->out);
    if (status != CLI_PROCEED)
        return status;
    if (f->layers_text && app_layers_parse(f->layers_text, &f->layers, e) != APP_OK)
        return cli_usage_error(command, "--layers %s", e->text);
    if (app_seeds_parse(f->look_text, &f->look, e) != APP_OK)
        return cli_usage_error(command, "--explore-seeds %s", e->text);
    const char *range = f->strength_text;
    if (!app_range_parse(&range, &f->from, &f->to) || *range)
        return cli_usage_error(command, "--explore-strength %s: expected FROM..TO, such as -3..3",
                               f->strength_text);
    if (f->seeds_text && app_seeds_parse(f->seeds_text, &f->seeds, e) != APP_OK)
        return cli_usage_error(command, "--seeds %s", e->text);
    f->fit.recipe.class_index = f->class_given ? f->class_index : -1;
    f->fit.fit.layers = f->layers;
    f->fit.progress = on_progress;
    f->fit.user = f;
    return CLI_PROCEED;
}

static int parse(finding *f, const cli_spec *spec, int argc, char **argv) {
    int status = cli_options_parse(spec, argc, argv, NULL);
    return status == CLI_PROCEED ? check(f, spec->command) : status;
}

static int open_network(finding *f) {
    cli_catch_interrupt();
    return cli_open_network(&f->common, f->network, f->net, &f->ctx, &f->model, &f->fit.recipe.network);
}

// The name that was asked for, and of which network they are, where that is not said yet.
static app_status relabel(finding *f, app_error *e) {
    atl_relabel_options o = ATL_RELABEL_OPTIONS_INIT;
    atl_directions *named;
    char source[32];
    snprintf(source, sizeof source, "%016llx", (unsigned long long)atl_model_get_info(f->model)->fingerprint);
    o.name = f->name;
    o.source = *atl_directions_source(f->set) ? NULL : source;
    if (atl_directions_relabel(f->set, &o, &named) != ATL_OK)
        return app_fail_ctx(e, f->ctx);
    atl_directions_close(&f->set);
    f->set = named;
    return APP_OK;
}

static app_status look(finding *f, app_error *e) {
    app_explore_options o = { .recipe = f->fit.recipe,
                              .seeds = f->look.items,
                              .count = f->look.count,
                              .directions = (size_t)f->shown,
                              .steps = (size_t)f->steps,
                              .from = f->from,
                              .to = f->to,
                              .folder = f->explore,
                              .progress = on_progress,
                              .user = f };
    o.recipe.latents = NULL; // strips are of seeds
    o.recipe.projected = 0;
    return f->explore ? app_explore(f->ctx, f->model, f->set, &o, e) : APP_OK;
}

// Writes what was found, and the page.
static int finish(finding *f, app_status status) {
    app_error *e = &f->common.error;
    if (status == APP_OK)
        status = relabel(f, e);
    if (status == APP_OK && atl_directions_write(f->set, f->out) != ATL_OK)
        status = app_fail_ctx(e, f->ctx);
    if (status == APP_OK)
        status = look(f, e);
    if (f->what)
        cli_progress_end(&f->progress);
    return cli_told(&f->common, status);
}

static int done(finding *f, int status) {
    if (status == CLI_SUCCESS && f->set)
        cli_note(&f->common, "%s holds %zu direction%s", f->out, atl_directions_size(f->set),
                 atl_directions_size(f->set) == 1 ? "" : "s");
    if (status == CLI_SUCCESS && f->set && f->explore)
        cli_note(&f->common, "%s/index.html shows them", f->explore);
    atl_directions_close(&f->set);
    atl_model_close(&f->model);
    atl_ctx_close(&f->ctx);
    app_seeds_clear(&f->seeds);
    app_seeds_clear(&f->look);
    return status;
}

// ---- sefa

static int sefa(int argc, char **argv) {
    finding f = FINDING_INIT;
    atl_sefa_options o = ATL_SEFA_OPTIONS_INIT;
    o.count = 10;
    const cli_option options[] = {
        CLI_OPTION_INT("count", &o.count, "N", "directions; 0: all", "10", 0, 65536),
        CLI_OPTION_FLAG("as-stored", &o.as_stored,
                        "don't normalise weights: as closed_form_factorization.py"),
        FINDING_OPTIONS(&f),
    };
    const cli_spec spec = {
        .command = "directions sefa",
        .arguments = "--out FILE",
        .about =
            "Find the directions of w that change the styles of chosen layers the most, from weights alone\n"
            "(SeFa; Shen and Zhou 2021).",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = parse(&f, &spec, argc, argv);
    if (status != CLI_PROCEED)
        return done(&f, status);
    status = open_network(&f);
    if (status == CLI_SUCCESS) {
        o.layers = f.layers;
        app_status found = atl_directions_sefa(f.model, &o, &f.set) == ATL_OK
                               ? APP_OK
                               : app_fail_ctx(&f.common.error, f.ctx);
        status = finish(&f, found);
    }
    return done(&f, status);
}

// ---- ganspace

static int ganspace(int argc, char **argv) {
    finding f = FINDING_INIT;
    int samples = 0, block = 0, count = 20, blocks = 0, seed = 1, space = 0;
    const cli_option options[] = {
        CLI_OPTION_INT("count", &count, "N", "directions", "20", 1, 4096),
        CLI_OPTION_TEXT("layer", &f.fit.layer, "NAME",
                        "of what this layer of the synthesis makes of w, followed back to w", "of w itself"),
        CLI_OPTION_INT("num", &samples, "N", "latents that are looked at", "100000; with --layer 10000", 2,
                       100000000),
        CLI_OPTION_INT("block", &block, "N", "latents drawn at once",
                       "2000; with --layer 200, or more for many "
                       "directions",
                       2, 1000000),
        CLI_OPTION_FLAG("incremental", &blocks,
                        "keep only --count directions between blocks, as GANSpace does"),
        CLI_OPTION_INT("seed", &seed, "N", "of the latents", "1, as GANSpace", 0, 2147483647),
        CLI_OPTION_CHOICE("space", &space, "w|z", "latents that are looked at", "w"),
        FINDING_OPTIONS(&f),
    };
    const cli_spec spec = {
        .command = "directions ganspace",
        .arguments = "--out FILE",
        .about = "Find the principal directions of w: those in which random latents differ the most\n"
                 "(GANSpace; Harkonen et al. 2020).  Strength 1 is one standard deviation.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = parse(&f, &spec, argc, argv);
    if (status != CLI_PROCEED)
        return done(&f, status);
    if (f.fit.layer && space) {
        status = cli_usage_error("directions ganspace",
                                 "--layer: its directions are followed back to w, not to z");
        return done(&f, status);
    }
    if (!samples)
        samples = f.fit.layer ? 10000 : 100000;
    if (!block)
        block = !f.fit.layer ? 2000 : count > 40 ? 5 * count : 200;
    if (samples < block)
        block = samples;
    f.fit.fit.method = blocks ? ATL_FIT_IPCA : ATL_FIT_PCA;
    f.fit.fit.space = space ? ATL_DIRECTION_Z : ATL_DIRECTION_W;
    f.fit.fit.count = count;
    f.fit.samples = (size_t)samples;
    f.fit.block = (size_t)block;
    f.fit.seed = (uint32_t)seed;
    status = open_network(&f);
    if (status == CLI_SUCCESS)
        status = finish(&f, app_fit_samples(f.ctx, f.model, &f.fit, &f.set, &f.common.error));
    return done(&f, status);
}

// ---- boundary, lstsq

// Rows for a table of options.
#define SCORED_OPTIONS(f, space)                                                                             \
    CLI_OPTION_TEXT("seeds", &(f)->seeds_text, "LIST", "seeds that were scored, such as 0-999", NULL),       \
        CLI_OPTION_TEXT("latents", &(f)->fit.recipe.latents, "FILE[:TENSOR]",                                \
                        "latents that were scored: z [N, z], w [N, w] or ws [N, layers, w]", NULL),          \
        CLI_OPTION_TEXT("projected-w", &(f)->projected_text, "FILE[:TENSOR]",                                \
                        "like --latents, but two dimensions mean w", NULL),                                  \
        CLI_OPTION_CHOICE("space", space, "w|z|ws", "space of the directions", "w")

static int check_scored(finding *f, const char *command, int space) {
    static const atl_direction_space spaces[] = { ATL_DIRECTION_W, ATL_DIRECTION_Z, ATL_DIRECTION_WS };
    if ((f->seeds_text != NULL) + (f->fit.recipe.latents != NULL) + (f->projected_text != NULL) > 1)
        return cli_usage_error(command, "--seeds, --latents and --projected-w exclude each other");
    if (f->projected_text) {
        f->fit.recipe.latents = f->projected_text;
        f->fit.recipe.projected = 1;
    }
    f->fit.seeds = f->seeds_text ? f->seeds.items : NULL;
    f->fit.count = f->seeds.count;
    f->fit.fit.space = spaces[space];
    return CLI_PROCEED;
}

static int find_boundary(finding *f) {
    atl_boundary_check c = { 0 };
    int status = open_network(f);
    if (status == CLI_SUCCESS)
        status = finish(f, app_fit_scores(f->ctx, f->model, &f->fit, &c, &f->set, &f->common.error));
    if (status == CLI_SUCCESS && c.checked)
        cli_note(&f->common, "right about %lld of %lld that were kept apart, and %lld of %lld others",
                 (long long)c.right, (long long)c.checked, (long long)c.others_right, (long long)c.others);
    return done(f, status);
}

static int boundary(int argc, char **argv) {
    finding f = FINDING_INIT;
    int space = 0, seed = 0;
    double invalid = 0, *no = &invalid;
    app_fit_options *o = &f.fit;
    o->fit.chosen = 0.02;
    o->fit.training = 0.7;
    o->fit.penalty = 1;
    const cli_option options[] = {
        SCORED_OPTIONS(&f, &space),
        CLI_OPTION_TEXT("scores", &o->scores, "FILE[:COLUMN]", "a score for each: CSV", NULL),
        CLI_OPTION_TEXT("positive", &o->good, "DIR",
                        "pictures that have it: seed0085.png, or by their records", NULL),
        CLI_OPTION_TEXT("negative", &o->bad, "DIR", "pictures that don't", NULL),
        CLI_OPTION_TEXT("classifier", &o->classifier, "FILE[:OUTPUT]", "network that scores pictures", NULL),
        CLI_OPTION_REAL("chosen", &o->fit.chosen, "X",
                        "how many of the highest and of the lowest scores: a share, or above 1 a number",
                        "0.02", 1e-6, 1e6),
        CLI_OPTION_REAL("split", &o->fit.training, "X", "share of these that it is found with", "0.7", 0.01,
                        1),
        { "invalid", CLI_REAL, no, "X", "score of those that don't count", NULL, -1e30, 1e30, &o->fit.skip },
        CLI_OPTION_REAL("penalty", &o->fit.penalty, "C", "of the support vector machine", "1", 1e-9, 1e9),
        CLI_OPTION_INT("split-seed", &seed, "N", "of the choice of those that are kept apart", "0", 0,
                       2147483647),
        CLI_OPTION_TEXT("name", &f.name, "TEXT", "what it is called", NULL),
        FINDING_OPTIONS(&f),
    };
    const cli_spec spec = {
        .command = "directions boundary",
        .arguments = "--out FILE --scores FILE|--positive DIR --negative DIR|--classifier FILE",
        .about =
            "Find the boundary between latents of high and of low scores (InterFaceGAN; Shen et al. 2020).",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = parse(&f, &spec, argc, argv);
    if (status == CLI_PROCEED)
        status = check_scored(&f, spec.command, space);
    if (status == CLI_PROCEED &&
        ((o->scores != NULL) + (o->good && o->bad) + (o->classifier != NULL) != 1 || !o->good != !o->bad))
        status = cli_usage_error(spec.command,
                                 "expected one of --scores FILE, --positive DIR with --negative DIR, "
                                 "and --classifier FILE");
    if (status != CLI_PROCEED)
        return done(&f, status);
    o->fit.method = ATL_FIT_BOUNDARY;
    o->fit.invalid = invalid;
    o->fit.seed = (uint32_t)seed;
    if (o->good) // two scores: all of either
        o->fit.chosen = 1;
    return find_boundary(&f);
}

static int lstsq(int argc, char **argv) {
    finding f = FINDING_INIT;
    int space = 0, raw = 0;
    const cli_option options[] = {
        SCORED_OPTIONS(&f, &space),
        CLI_OPTION_TEXT("scores", &f.fit.scores, "FILE[:COLUMN]",
                        "scores of each: CSV, a direction for each column", NULL),
        CLI_OPTION_FLAG("raw", &raw, "don't take the means away first"),
        FINDING_OPTIONS(&f),
    };
    const cli_spec spec = {
        .command = "directions lstsq",
        .arguments = "--out FILE --scores FILE",
        .about = "Find a direction for each column of scores by least squares, all at once, so that each "
                 "leaves the\n"
                 "others alone.  Strength 1 is 1 of the score.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = parse(&f, &spec, argc, argv);
    if (status == CLI_PROCEED)
        status = check_scored(&f, spec.command, space);
    if (status == CLI_PROCEED && !f.fit.scores)
        status = cli_usage_error(spec.command, "expected --scores FILE");
    if (status != CLI_PROCEED)
        return done(&f, status);
    f.fit.fit.method = ATL_FIT_LSTSQ;
    f.fit.fit.centred = !raw;
    status = open_network(&f);
    if (status == CLI_SUCCESS)
        status = finish(&f, app_fit_scores(f.ctx, f.model, &f.fit, NULL, &f.set, &f.common.error));
    return done(&f, status);
}

// ---- condition, show

typedef struct changing {
    cli_common common;
    const char *file, *on_text, *out;
    int space;
} changing;

static app_status condition_on(atl_ctx *ctx, const changing *c, app_error *e) {
    app_direction from = { 0 }, others[OTHERS_MOST] = { { 0 } };
    const atl_direction *list[OTHERS_MOST];
    size_t count = app_directions_count(c->on_text);
    atl_directions *left = NULL;
    app_status status = app_direction_open(ctx, c->file, c->space - 1, &from, e);
    if (status == APP_OK && count > OTHERS_MOST)
        status = app_fail(e, "--on: %d directions are the most", OTHERS_MOST);
    if (status == APP_OK)
        status = app_directions_open(ctx, c->on_text, c->space - 1, others, e);
    for (size_t i = 0; status == APP_OK && i < count; i++)
        list[i] = others[i].at;
    if (status == APP_OK && (atl_directions_condition(from.set, from.index, list, count, &left) != ATL_OK ||
                             atl_directions_write(left, c->out) != ATL_OK))
        status = app_fail_ctx(e, ctx);
    atl_directions_close(&left);
    app_direction_close(&from);
    for (size_t i = 0; i < OTHERS_MOST; i++)
        app_direction_close(&others[i]);
    return status;
}

#define CHANGING_OPTIONS(c)                                                                                  \
    CLI_OPTION_CHOICE("space", &(c)->space, "auto|z|w", "what a file moves that does not say so",            \
                      "auto: w"),                                                                            \
        CLI_OPTION_FLAG("quiet", &(c)->common.quiet, "no notes and no warnings")

static int condition(int argc, char **argv) {
    changing c = { 0 };
    const cli_option options[] = {
        CLI_OPTION_TEXT("on", &c.on_text, "FILE[:NAME|K],..", "directions whose attributes are to stay",
                        NULL),
        CLI_OPTION_TEXT("out", &c.out, "FILE", "safetensors file to write", NULL),
        CHANGING_OPTIONS(&c),
    };
    const cli_spec spec = {
        .command = "directions condition",
        .arguments = "FILE[:NAME|K] --on FILE[:NAME|K],.. --out FILE",
        .about =
            "Take away from a direction what it has of others, so that it leaves their attributes alone.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    atl_ctx *ctx = NULL;
    int status = cli_options_parse(&spec, argc, argv, &c.file);
    if (status != CLI_PROCEED)
        return status;
    if (!c.on_text || !c.out || strlen(c.on_text) > 4000)
        return cli_usage_error(spec.command, "expected --on FILE and --out FILE");
    status = check_name(spec.command, c.out);
    if (status != CLI_PROCEED)
        return status;
    status = cli_open(&c.common, &ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, condition_on(ctx, &c, &c.common.error));
    atl_ctx_close(&ctx);
    return status;
}

static void print_layers(uint64_t layers) {
    for (int i = 0, first = 1; i < 64; i++) {
        int end = i;
        if (!(layers >> i & 1))
            continue;
        while (end < 63 && (layers >> (end + 1) & 1))
            end++;
        printf("%s%d", first ? ", layers " : ",", i);
        if (end > i)
            printf("-%d", end);
        first = 0;
        i = end;
    }
}

static void print_direction(const atl_direction *d, size_t index) {
    static const char *const words[] = { "z", "w", "ws", "styles" };
    printf("%3zu  ", index);
    cli_print_safe(stdout, *d->name ? d->name : "-");
    printf("  %s", words[d->space]);
    if (d->rows > 1)
        printf(" %d x %lld", d->rows, (long long)d->width);
    else
        printf(" %lld", (long long)d->width);
    print_layers(d->layers);
    if (d->scale != 1)
        printf(", scale %.6g", (double)d->scale);
    if (!isnan(d->value))
        printf(", value %.6g", d->value);
    printf("\n");
}

static int show(int argc, char **argv) {
    changing c = { 0 };
    const cli_option options[] = { CHANGING_OPTIONS(&c) };
    const cli_spec spec = {
        .command = "directions show",
        .arguments = "FILE",
        .about = "List the directions of a file, also of other programs' files.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    atl_ctx *ctx = NULL;
    app_direction d = { 0 };
    int status = cli_options_parse(&spec, argc, argv, &c.file);
    if (status != CLI_PROCEED)
        return status;
    status = cli_open(&c.common, &ctx);
    if (status == CLI_SUCCESS)
        status = cli_told(&c.common, app_direction_open(ctx, c.file, c.space - 1, &d, &c.common.error));
    if (status == CLI_SUCCESS) {
        const char *method = atl_directions_method(d.set), *source = atl_directions_source(d.set);
        cli_print_safe(stdout, *method ? method : "directions");
        if (*source)
            printf(" of "), cli_print_safe(stdout, source);
        printf("\n");
        for (size_t i = 0; i < atl_directions_size(d.set); i++)
            print_direction(atl_directions_get(d.set, i), i);
    }
    app_direction_close(&d);
    atl_ctx_close(&ctx);
    return status;
}

int cli_directions(int argc, char **argv) {
    static const cli_part parts[] = { { "sefa", sefa },           { "ganspace", ganspace },
                                      { "boundary", boundary },   { "lstsq", lstsq },
                                      { "condition", condition }, { "show", show } };
    const cli_spec spec = {
        .command = "directions",
        .arguments = "sefa|ganspace|boundary|lstsq|condition|show",
        .about =
            "Directions in latent space that change one thing in pictures; 'atelier edit' goes along them:\n"
            "  sefa       from the network's weights alone\n"
            "  ganspace   those in which random latents differ the most\n"
            "  boundary   between latents of high and low scores\n"
            "  lstsq      for scores, by least squares\n"
            "  condition  one without what it has of others\n"
            "  show       list those of a file\n"
            "'atelier directions sefa --help' lists the options of one.",
        .arguments_min = 1,
        .arguments_max = 1,
    };
    return cli_part_run(&spec, parts, sizeof parts / sizeof *parts, argc, argv);
}
