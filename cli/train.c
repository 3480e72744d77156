// SPDX-License-Identifier: Apache-2.0
// atelier train and atelier train-encoder: the plan, what is printed while a run goes on, and ending well.
#include "train.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/progress.h"
#include "app/run.h"
#include "command.h"
#include "progress.h"

typedef struct loop {
    cli_train *train;
    atl_ctx *ctx;
    atl_trainer *trainer;
    app_run run;
    int leader;   // this process writes
    int ends_with_reader; // when nobody reads what is printed, the run ends
    int unread;
    double shown; // seconds of the clock: the last time that the line of progress was drawn
    cli_progress codes; // of a set that becomes codes
} loop;

static int draws(const loop *l) {
    return l->leader && !l->train->common.quiet && isatty(STDERR_FILENO);
}

// Between two lines, on a terminal.
static void show(loop *l) {
    const app_run_state *s = &l->run.state;
    double now = app_seconds();
    char time[32];
    if (!draws(l) || now - l->shown < 0.2)
        return;
    fprintf(stderr, "\rkimg %.2f of %g   %.1f img/s   %s left\033[K", s->kimg, s->total_kimg, s->rate,
            app_time_text(s->left, time));
    fflush(stderr);
    l->shown = now;
}

// ---- What the run tells

static int on_stop(void *user) {
    const loop *l = user;
    return cli_interrupted() || l->unread;
}

static const char CHANGED[] = "changed since it was recorded";
enum { CHANGES = 1000 };

// What the run that the file records had otherwise.
static void print_changes(const loop *l, FILE *out, const char *words) {
    char text[CHANGES];
    app_resume_changes(&l->train->from, atl_trainer_get_options(l->trainer), text, sizeof text);
    if (*text)
        fprintf(out, "%s: %s\n", words, text);
}

static void on_plan(void *user, FILE *log, const atl_trainer *trainer) {
    const loop *l = user;
    cli_train_print_plan(log, trainer);
    if (l->train->from.goes_on)
        print_changes(l, log, CHANGED);
}

static void on_codes(void *user, size_t done, size_t total) {
    loop *l = user;
    if (!l->codes.total)
        cli_progress_start(&l->codes, total, l->train->common.quiet || !l->leader);
    cli_progress_reach(&l->codes, done, "pictures encoded");
    if (done == total)
        cli_progress_end(&l->codes);
}

static void on_line(void *user, const char *line) {
    loop *l = user;
    if (draws(user))
        fprintf(stderr, "\r\033[K");
    printf("%s\n", line);
    if (fflush(stdout) != 0 && errno == EPIPE && l->ends_with_reader)
        l->unread = 1;
}

// ---- The loop

// A pipe that nobody reads is a failure of writing, not the end of the process.
static void ignore_signals(loop *l) {
    struct sigaction old;
    l->ends_with_reader = sigaction(SIGPIPE, NULL, &old) != 0 || old.sa_handler != SIG_IGN;
    signal(SIGPIPE, SIG_IGN);
}

static const char *why_stopped(const loop *l) {
    switch (cli_interrupted()) {
    case SIGINT: return "by Ctrl-C";
    case SIGTERM: return "by SIGTERM";
    case SIGHUP: return "as its terminal went away";
    default: return l->unread ? "as nobody reads what it prints" : "by another process";
    }
}

// The sentence of a failure, and where a picture is to blame, what to do about it.  Other processes fail
// without one.
static int failed(loop *l) {
    const char *data = l->train->options.data, *sentence = l->train->common.error.text;
    if (l->run.state.bad_picture)
        return cli_error(
            "%s; 'atelier dataset check %s' lists all such pictures, 'atelier dataset --skip-bad "
            "--source %s --dest NEW.zip' makes a set without them",
            sentence, data, data);
    return *sentence ? cli_error("%s", sentence) : CLI_FAILURE;
}

static int end(loop *l, app_status status) {
    app_error *e = &l->train->common.error;
    const char *reason = status == APP_FAILED    ? "by an error: see log.txt"
                         : status == APP_STOPPED ? why_stopped(l)
                                                 : NULL;
    app_error late = { .warn = e->warn, .user = e->user };
    if (app_run_finish(&l->run, reason, &late) != APP_OK) // a report can be written again
        app_excuse(&late);
    if (status == APP_STOPPED && l->leader)
        app_run_say(&l->run, "stopped %s; to go on: atelier %s --resume %s", why_stopped(l), l->train->command,
                    l->run.folder);
    else if (status == APP_OK && l->leader)
        app_run_say(&l->run, "done: %s\nto go on: atelier %s --resume %s --kimg %g", l->run.kept[1],
                    l->train->command, l->run.folder, 2 * l->run.state.kimg);
    if (status == APP_FAILED)
        return failed(l);
    return status == APP_STOPPED ? CLI_INTERRUPTED : CLI_SUCCESS;
}

static int run_loop(loop *l) {
    const cli_train *t = l->train;
    app_error *e = &l->train->common.error;
    const app_run_events events = { .user = l, .stop = on_stop, .plan = on_plan, .codes = on_codes,
                                  .line = on_line };
    const app_run_options options = { .outdir = t->outdir,
                                      .desc = t->desc,
                                      .folder = t->from.folder,
                                      .snapshot = t->from.folder ? t->from.snapshot : NULL,
                                      .stamp = t->from.folder ? t->from.stamp : 0,
                                      .metrics = t->metrics,
                                      .metrics_every = t->metrics_every,
                                      .detectors = t->detectors };
    cli_catch_interrupt(); // from here on there is a folder to end well
    app_status status = app_run_open(&l->run, l->ctx, l->trainer, &options, &events, e);
    if (status != APP_OK)
        return failed(l);
    while (status == APP_OK && !l->run.state.ended) {
        status = app_run_step(&l->run, e);
        show(l);
    }
    return end(l, status);
}

// ---- Beginning

static int go_on(loop *l) {
    const cli_train *t = l->train;
    if (atl_trainer_restore(l->trainer, t->from.snapshot) != ATL_OK)
        return cli_fail(l->ctx);
    if (!l->leader)
        return CLI_SUCCESS;
    printf("going on from %s at %.3f kimg\n", t->from.snapshot,
           (double)atl_trainer_get_state(l->trainer)->images / 1000);
    print_changes(l, stdout, CHANGED);
    return CLI_SUCCESS;
}

typedef struct transferred {
    int counts[ATL_TRANSFER_EXTRA + 1];
    FILE *list;
} transferred;

static void on_transfer(void *user, atl_transfer what, const char *net, const char *tensor) {
    static const char *const words[] = { "used", "left out, it has another shape here",
                                         "not in the file, starts anew",
                                         "left out, this network has no such tensor" };
    transferred *t = user;
    t->counts[what]++;
    if (what != ATL_TRANSFER_USED)
        fprintf(t->list, "  %s.%s: %s\n", net, tensor, words[what]);
}

static void print_transfer(const loop *l, const transferred *sums, const char *list) {
    const app_resume *from = &l->train->from;
    const atl_train_options *o = atl_trainer_get_options(l->trainer);
    printf("a new run that starts from %s: %d tensors taken over, %d of another shape, %d missing, %d not "
           "wanted\n",
           from->snapshot, sums->counts[ATL_TRANSFER_USED], sums->counts[ATL_TRANSFER_SHAPE],
           sums->counts[ATL_TRANSFER_MISSING], sums->counts[ATL_TRANSFER_EXTRA]);
    if (from->differs)
        printf("its own run can't go on here: %s %s\n", o->data, from->differs);
    print_changes(l, stdout, "its options are not taken over");
    if (!l->train->encoder)
        printf(
            "shapes (of the file, unless given): cbase %d, cmax %d, map-depth %d; augmentation begins with %g\n",
            o->channel_base, o->channel_max, o->map_depth, atl_trainer_get_state(l->trainer)->augment_p);
    if (!l->train->common.quiet)
        fputs(list, stdout);
}

static int start_from(loop *l) {
    char *list = NULL;
    size_t size;
    transferred sums = { .list = open_memstream(&list, &size) };
    if (!sums.list)
        return cli_error("out of memory");
    atl_status status = atl_trainer_transfer(l->trainer, l->train->from.snapshot, on_transfer, &sums);
    int lost = ferror(sums.list);
    lost |= fclose(sums.list) != 0;
    if (status == ATL_OK && l->leader && !lost)
        print_transfer(l, &sums, list);
    free(list);
    return status != ATL_OK ? cli_fail(l->ctx) : lost ? cli_error("out of memory") : CLI_SUCCESS;
}

static int begin_from(loop *l) {
    if (!l->train->from.snapshot)
        return CLI_SUCCESS;
    return l->train->from.goes_on ? go_on(l) : start_from(l);
}

// A run that has nothing left to do says so, and how it would go on.
static int is_finished(const loop *l) {
    double kimg = atl_trainer_get_options(l->trainer)->kimg;
    double done = (double)atl_trainer_get_state(l->trainer)->images / 1000;
    if (!l->train->from.goes_on || done < kimg)
        return 0;
    if (l->leader)
        printf("this run is finished: it has been trained for %g of %g kimg; to go on: atelier %s "
               "--resume %s "
               "--kimg %g\n",
               done, kimg, l->train->command, l->train->resume, 2 * done);
    return 1;
}

// The kernels decide about the last bits: a run keeps those that it had, where nobody asks for others.
static int keep_kernels(loop *l) {
    cli_common *c = &l->train->common;
    const json_t *record = l->train->from.record;
    const char *before = json_string_value(json_object_get(record, "kernels"));
    int direct = json_is_true(json_object_get(record, "direct"));
    if (!l->train->from.goes_on || !before)
        return CLI_SUCCESS;
    int other = strcmp(before, atl_ctx_cpu(l->ctx)) != 0 && !c->cpu && !getenv("ATELIER_CPU");
    if (other || (direct && !cli_train_is_given(l->train, "direct"))) {
        c->cpu = other ? before : c->cpu;
        c->direct = cli_train_is_given(l->train, "direct") ? c->direct : direct;
        atl_ctx_close(&l->ctx);
        int status = cli_open(c, &l->ctx);
        if (status != CLI_SUCCESS)
            return status;
    }
    if (strcmp(before, atl_ctx_cpu(l->ctx)) != 0 || direct != c->direct)
        cli_note(
            c, "this run was computed with %s kernels%s and goes on with %s kernels%s: the last bits differ",
            before, direct ? " and --direct" : "", atl_ctx_cpu(l->ctx), c->direct ? " and --direct" : "");
    return CLI_SUCCESS;
}

static int train(loop *l) {
    app_error *e = &l->train->common.error;
    int status =
        l->train->metrics
            ? cli_told(&l->train->common, app_run_check_metrics(l->train->metrics, l->train->detectors, e))
            : CLI_SUCCESS;
    if (status == CLI_SUCCESS)
        status = cli_train_resume(l->train, l->ctx);
    if (status == CLI_SUCCESS)
        status = keep_kernels(l);
    if (status != CLI_SUCCESS)
        return status;
    if (atl_trainer_open(l->ctx, &l->train->options, &l->trainer) != ATL_OK)
        return cli_fail(l->ctx);
    l->leader = atl_trainer_get_state(l->trainer)->rank == 0;
    status = cli_train_check_memory(l->trainer);
    if (status == CLI_SUCCESS)
        status = begin_from(l);
    if (status == CLI_SUCCESS && is_finished(l) && !l->train->dry_run)
        return status;
    if (status == CLI_SUCCESS && l->leader && !l->train->dry_run && !l->train->from.folder)
        status = cli_told(&l->train->common, app_run_check_outdir(l->train->outdir, &l->train->common.error));
    if (status == CLI_SUCCESS && atl_trainer_measure(l->trainer, 1) != ATL_OK)
        status = cli_fail(l->ctx);
    if (status == CLI_SUCCESS && l->leader)
        cli_train_print_plan(stdout, l->trainer);
    if (status == CLI_SUCCESS && !l->train->dry_run)
        status = run_loop(l);
    return status;
}

static int run(int encoder, int argc, char **argv) {
    cli_train t;
    loop l = { .train = &t };
    int status = cli_train_parse(&t, encoder, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    ignore_signals(&l);
    status = cli_open(&t.common, &l.ctx);
    if (status == CLI_SUCCESS)
        status = train(&l);
    app_run_close(&l.run);
    atl_trainer_close(&l.trainer, status != CLI_SUCCESS && status != CLI_INTERRUPTED);
    app_resume_close(&t.from);
    atl_ctx_close(&l.ctx);
    return status;
}

int cli_train_run(int argc, char **argv) {
    return run(0, argc, argv);
}

int cli_train_encoder(int argc, char **argv) {
    return run(1, argc, argv);
}
