// SPDX-License-Identifier: Apache-2.0
// atelier metrics: how good a generator, or a set of pictures, is beside real pictures.
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "common.h"
#include "app/metrics.h"
#include "app/network.h"
#include "app/pairs.h"
#include "app/progress.h"

enum { NETWORKS_MOST = 256 };

typedef struct measure {
    cli_common common;
    const char *network, *net, *trunc, *identity;
    const char *networks[NETWORKS_MOST];
    app_metrics a;
    atl_model_options model;
    int list, num, class_index, noise, resize, verbose, seed;
    double psi;
    int leads; // this process is the first one, or alone
    // What the bar shows.
    int terminal, drawn;
    const char *subject;
    int task;
    double begun, shown;
    int64_t from;
} measure;

// ---- progress

static void erase(measure *m) {
    if (m->drawn)
        fprintf(stderr, "\r\033[K");
    m->drawn = 0;
}

static void draw(measure *m, const atl_metrics_state *s, double now) {
    enum { WIDTH = 24 };
    char bar[WIDTH + 1], left[32];
    int filled = s->total ? (int)(s->done * WIDTH / s->total) : 0;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    bar[WIDTH] = '\0';
    app_pace pace = app_pace_of((double)(s->done - m->from), (double)(s->total - m->from), now - m->begun);
    fprintf(stderr, "\r[%s] %s %lld/%lld", bar, s->what, (long long)s->done, (long long)s->total);
    if (pace.rate > 0)
        fprintf(stderr, "  %.1f/s  %s left", pace.rate, app_time_text(pace.left, left));
    if (s->tasks)
        fprintf(stderr, "  (%d of %d)", s->task + 1, s->tasks);
    fprintf(stderr, "\033[K");
    fflush(stderr);
    m->drawn = 1;
}

// On a terminal a bar; else a line for each task.
static int on_progress(void *user, const char *subject, const atl_metrics_state *s) {
    measure *m = user;
    double now = app_seconds();
    int fresh = m->subject != subject || m->task != s->task;
    if (fresh) {
        m->subject = subject;
        m->task = s->task;
        m->begun = now;
        m->from = s->done;
        m->shown = 0;
    }
    if (!m->common.quiet && !s->finished) {
        if (m->terminal && (now - m->shown >= 0.1 || fresh)) {
            draw(m, s, now);
            m->shown = now;
        } else if (!m->terminal && fresh && m->verbose && s->total > 1) {
            fprintf(stderr, "%s: %lld\n", s->what, (long long)s->total);
        }
    }
    return cli_interrupted();
}

// ---- results

static void print_value(const char *name, const atl_metric_value *v, int width) {
    printf("%s%-*s %.5g", name ? "" : "  ", name ? width : 0, name ? name : v->name, v->value);
    if (isfinite(v->error))
        printf(" \302\261 %.2g", v->error);
}

// One line: the name, values with their errors, and what they are of.
static void on_result(void *user, const char *subject, const atl_metric_result *r) {
    measure *m = user;
    erase(m);
    if (m->a.count > 1) {
        const char *slash = strrchr(subject, '/');
        cli_print_safe(stdout, slash ? slash + 1 : subject);
        printf("  ");
    }
    for (int i = 0; i < r->count; i++)
        if (i == 0 || isfinite(r->values[i].value)) // fewer samples than an extrapolation takes
            print_value(i ? NULL : r->values[i].name, &r->values[i], 14);
    printf("  (%lld", (long long)r->fakes);
    if (r->reals)
        printf(" against %lld", (long long)r->reals);
    printf(" pictures");
    if (*r->how)
        printf("; %s", r->how);
    if (*r->method && m->verbose)
        printf("; \302\261: %s", r->method);
    printf(")\n");
    fflush(stdout);
}

static void on_file(void *user, const char *path) {
    measure *m = user;
    if (m->common.quiet)
        return;
    erase(m);
    cli_print_safe(stdout, path);
    printf("\n");
}

// ---- options

// "fid50k_full" of ADA, "tick-last" and such: what scripts of the official code say, and means nothing here.
static int parse(measure *m, int argc, char **argv) {
    atl_metrics_options *o = &m->a.options;
    int gpus = 1;
    const cli_option options[] = {
        CLI_OPTION_TEXT("network", &m->network, "FILE", "network to measure; more may follow as plain names",
                        "the one that comes with Atelier"),
        CLI_OPTION_TEXT("net", &m->net, "NAME", "which network of the file", "G_ema, else G"),
        CLI_OPTION_TEXT("fakes", &o->fakes, "PATH", "pictures in place of a network: a folder or a .zip",
                        NULL),
        CLI_OPTION_TEXT("data", &o->data, "PATH", "real pictures: a folder, .zip or another set", "none"),
        CLI_OPTION_TEXT("metrics", &o->metrics, "LIST", "names with commas: fid50k_full,kid10k,swd16k",
                        "those that need no detector"),
        CLI_OPTION_TEXT("detectors", &m->a.detectors, "DIR", "folder of the networks that metrics look with",
                        "see 'atelier detectors'"),
        CLI_OPTION_TEXT("identity", &m->identity, "FILE", "network that tells faces, for idsim", NULL),
        CLI_OPTION_CHOICE("resize", &m->resize, "tf|torch",
                          "before Inception: as the official codes, or as the FID port for PyTorch", "tf"),
        CLI_OPTION_TEXT("real-features", &o->real_features, "FILE",
                        "features or statistics in place of the data's: .npz, or an official cache", NULL),
        CLI_OPTION_TEXT("save-features", &o->save_features, "FILE.npz", "write those of generated pictures",
                        NULL),
        CLI_OPTION_FLAG("no-cache", &m->a.no_cache, "compute the data's features anew, and don't keep them"),
        CLI_OPTION_INT("num", &m->num, "N", "pictures in place of the number in each name",
                       "as the names say", 1, 100000000),
        CLI_OPTION_FLAG("mirror", &o->mirror, "flipped pictures of the data, too, where not all are taken"),
        CLI_OPTION_TEXT("interpolate", &m->a.interpolate, "FILE[:TENSOR]",
                        "codes of pictures: what lies between random pairs of them is measured",
                        "random latents"),
        CLI_OPTION_REAL("trunc", &m->psi, "PSI", "truncation of the latents", "1", -1000, 1000),
        CLI_OPTION_INT("trunc-cutoff", &o->truncation_cutoff, "N", "layers that truncation touches", "all", 0,
                       1000),
        CLI_OPTION_INT("class", &m->class_index, "N", "class of all pictures", "drawn from the data", 0,
                       1 << 30),
        CLI_OPTION_CHOICE("noise-mode", &m->noise, "random|const|none", "noise of the layers", "random"),
        CLI_OPTION_INT("seed", &m->seed, "N", "of all that is random", "0", 0, 0x7fffffff),
        CLI_OPTION_FLAG("reference-order", &o->reference_order,
                        "draw as the official code in one seeded process does"),
        CLI_OPTION_INT("batch", &o->batch, "N", "pictures at once; it changes no number", "64", 1, 65536),
        CLI_OPTION_TEXT("outdir", &m->a.outdir, "DIR", "for metric-NAME.jsonl and metrics.html",
                        "the run's folder of a snapshot, else nowhere"),
        CLI_OPTION_FLAG("resume", &m->a.resume, "go on where an earlier call was stopped"),
        CLI_OPTION_FLAG("list", &m->list, "list the metrics there are"),
        CLI_OPTION_FLAG("verbose", &m->verbose, "say how errors were found, and what is done"),
        CLI_DELTAS_OPTION(&m->common),
        CLI_NETWORK_OPTIONS(&m->common),
        CLI_COMMON_OPTIONS(&m->common),
    };
    const cli_option habits[] = { CLI_OPTION_INT("gpus", &gpus, "N", NULL, NULL, 1, 1) };
    const cli_spec spec = {
        .command = "metrics",
        .arguments = "[FILE...]",
        .about =
            "Measure networks, or pictures: FID, KID, precision and recall, path length, equivariance and\n"
            "others, each with its standard error.  Numbers depend on --seed alone, not on batch or threads.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_max = NETWORKS_MOST - 1,
        .unlisted = habits,
        .unlisted_count = sizeof habits / sizeof *habits,
    };
    return cli_options_parse(&spec, argc, argv, m->networks + 1);
}

// Which networks: --network's first, then the plain names; the one that comes with Atelier when there are
// none.
static int find_networks(measure *m) {
    size_t count = 1;
    while (count < NETWORKS_MOST && m->networks[count])
        count++;
    m->networks[0] = m->network;
    m->a.networks = m->network ? m->networks : m->networks + 1;
    m->a.count = m->network ? count : count - 1;
    if (m->a.count && m->a.options.fakes)
        return cli_usage_error("metrics", "--fakes takes the place of networks: leave one of them out");
    if (m->a.interpolate && m->a.options.fakes)
        return cli_usage_error(
            "metrics", "--interpolate: codes are of a network's pictures, and --fakes takes its place");
    if (m->a.count || m->a.options.fakes)
        return CLI_SUCCESS;
    if (!app_network_shipped(m->common.network, sizeof m->common.network))
        return cli_usage_error("metrics", "--network FILE is missing, or --fakes PATH");
    cli_note(&m->common, "no --network given: using %s, which comes with Atelier", m->common.network);
    m->networks[0] = m->common.network;
    m->a.networks = m->networks;
    m->a.count = 1;
    return CLI_SUCCESS;
}

static void fill_options(measure *m) {
    static const atl_noise_mode noise[] = { ATL_NOISE_RANDOM, ATL_NOISE_CONST, ATL_NOISE_NONE };
    atl_metrics_options *o = &m->a.options;
    m->model.net = m->net;
    m->model.ignore_unused = m->common.ignore_unused;
    m->model.assume = m->common.assume;
    m->model.deltas = m->common.deltas;
    o->model = &m->model;
    o->num = m->num;
    o->resize = m->resize ? "torch" : "tf";
    o->truncation_psi = (float)m->psi;
    o->class_index = m->class_index;
    o->noise_mode = noise[m->noise];
    o->seed = (uint32_t)m->seed;
    m->terminal = isatty(STDERR_FILENO);
    m->a.progress = on_progress;
    m->a.result = on_result;
    m->a.file = on_file;
    m->a.user = m;
}

static int list_metrics(void) {
    atl_metric_info info;
    for (size_t i = 0; atl_metric_get_info(i, &info); i++) {
        const char *detector = info.detector;
        if (detector && !strncmp(detector, "classifier-", 11)) // the first of them
            detector = "classifiers";
        printf("%-13s %s", info.name, info.about);
        if (info.data || info.network || detector)
            printf(" (needs %s%s%s)",
                   info.data      ? "--data"
                   : info.network ? "a network"
                                  : "",
                   detector && (info.data || info.network) ? ", " : "", detector ? detector : "");
        printf("\n");
    }
    const char *about, *name;
    for (size_t i = 0; (name = app_pairs_name(i, &about)) != NULL; i++)
        printf("%-13s %s\n", name, about);
    return CLI_SUCCESS;
}

// ---- pairs of pictures

static int on_pair(void *user, size_t done, size_t total) {
    measure *m = user;
    const atl_metrics_state s = { .what = "pairs", .done = (int64_t)done, .total = (int64_t)total };
    double now = app_seconds();
    if (done == 1)
        m->begun = now;
    if (!m->common.quiet && m->terminal && now - m->shown >= 0.1) {
        draw(m, &s, now);
        m->shown = now;
    }
    return cli_interrupted();
}

static int run_pairs(measure *m, atl_ctx *ctx) {
    const atl_metrics_options *o = &m->a.options;
    const app_pairs p = { .fakes = o->fakes,
                          .data = o->data,
                          .metrics = o->metrics,
                          .identity = m->identity,
                          .detectors = m->a.detectors,
                          .outdir = m->a.outdir,
                          .progress = on_pair,
                          .result = on_result,
                          .user = m };
    m->terminal = isatty(STDERR_FILENO);
    cli_catch_interrupt();
    app_status status = app_pairs_run(ctx, &p, &m->common.error);
    erase(m);
    return cli_told(&m->common, status);
}

// The first of several processes speaks for all.
static int open_ranks(measure *m, atl_ctx *ctx, atl_ranks **ranks) {
    atl_ranks_options o = ATL_RANKS_OPTIONS_INIT;
    const char *threads = getenv("ATELIER_THREADS");
    o.divide = !m->common.threads && !(threads && *threads);
    if (atl_ranks_open(ctx, &o, ranks) != ATL_OK)
        return cli_fail(ctx);
    m->a.options.ranks = *ranks;
    m->leads = atl_ranks_rank(*ranks) == 0;
    if (!m->leads) {
        m->common.quiet = 1;
        m->common.error.warn = NULL;
    }
    return CLI_SUCCESS;
}

static int run(measure *m, atl_ctx *ctx) {
    int status = find_networks(m);
    if (status != CLI_SUCCESS)
        return status;
    fill_options(m);
    cli_catch_interrupt();
    app_status result = app_metrics_run(ctx, &m->a, &m->common.error);
    erase(m);
    int failed = result == APP_FAILED;
    bool alive = atl_ranks_any(m->a.options.ranks, &failed) == ATL_OK;
    if (alive && !m->leads)
        return result == APP_OK ? CLI_SUCCESS : result == APP_STOPPED ? CLI_INTERRUPTED : CLI_FAILURE;
    return cli_told(&m->common, result);
}

int cli_metrics(int argc, char **argv) {
    measure m = { .psi = 1, .class_index = -1, .task = -1 };
    const atl_metrics_options standard = ATL_METRICS_OPTIONS_INIT;
    const atl_model_options model = ATL_MODEL_OPTIONS_INIT;
    atl_ctx *ctx = NULL;
    atl_ranks *ranks = NULL;
    m.a.options = standard;
    m.model = model;
    int status = parse(&m, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    if (m.list)
        return list_metrics();
    int pairs = app_pairs_asked(m.a.options.metrics);
    if (pairs < 0)
        return cli_usage_error("metrics", "--metrics %s: idsim, lpips, mse and ms-ssim compare pairs of pictures; "
                               "measure them in a call of their own", m.a.options.metrics);
    status = cli_open(&m.common, &ctx);
    if (status == CLI_SUCCESS && pairs) {
        status = run_pairs(&m, ctx);
        atl_ctx_close(&ctx);
        return status;
    }
    if (status == CLI_SUCCESS)
        status = open_ranks(&m, ctx, &ranks);
    if (status == CLI_SUCCESS)
        status = run(&m, ctx);
    if (status == CLI_SUCCESS && !m.a.options.metrics)
        cli_note(&m.common,
                 "FID, KID and others need a detector: 'atelier detectors' says which, and where they are "
                 "found; then --metrics fid50k_full");
    atl_ranks_close(&ranks, status != CLI_SUCCESS && status != CLI_INTERRUPTED);
    atl_ctx_close(&ctx);
    return status;
}
