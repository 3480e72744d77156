// SPDX-License-Identifier: Apache-2.0
// atelier train: the plan, the loop, and ending well.
#include "train.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "command.h"
#include "progress.h"

typedef struct loop {
    cli_train *train;
    atl_ctx *ctx;
    atl_trainer *trainer;
    cli_run run;
    int leader; // this process writes
    uint64_t first;       // pictures at the start of this process
    uint64_t tick_images; // and of the tick
    int tick;
    double began, tick_began, shown, maintenance;
} loop;

static double resident_gb(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / (1 << 20) : 0; // KiB on Linux
}

static double kimg_of(const loop *l) {
    return (double)atl_trainer_get_state(l->trainer)->images / 1000;
}

static double seconds_left(const loop *l, double now) {
    double images = (double)atl_trainer_get_state(l->trainer)->images, done = images - (double)l->first;
    double left = atl_trainer_get_options(l->trainer)->kimg * 1000 - images;
    return done > 0 && left > 0 ? left * (now - l->began) / done : 0;
}

// Between two lines, on a terminal.
static void show(loop *l) {
    double now = cli_seconds();
    char time[32];
    if (!l->leader || l->train->common.quiet || !isatty(STDERR_FILENO) || now - l->shown < 0.2)
        return;
    double rate = (double)(atl_trainer_get_state(l->trainer)->images - l->first) / (now - l->began);
    fprintf(stderr, "\rkimg %.2f of %g   %.1f img/s   %s left\033[K", kimg_of(l),
            atl_trainer_get_options(l->trainer)->kimg, rate, cli_train_time(seconds_left(l, now), time));
    fflush(stderr);
    l->shown = now;
}

// ---- ticks

static void add_trainer_stats(app_stats *s, const atl_trainer *trainer) {
    int count;
    const atl_train_stat *stats = atl_trainer_get_stats(trainer, &count);
    const atl_train_cost *cost = atl_trainer_get_cost(trainer);
    for (int i = 0; i < count; i++)
        if (stats[i].count > 0)
            app_stats_add_many(s, stats[i].name, stats[i].count, stats[i].sum, stats[i].squares);
    for (int k = 0; k < cost->n_phases; k++) {
        char name[64];
        snprintf(name, sizeof name, "Timing/%s", cost->phases[k].name);
        if (cost->phases[k].seconds > 0)
            app_stats_add(s, name, cost->phases[k].seconds);
    }
}

static void add_stats(loop *l, double now) {
    app_stats *s = &l->run.stats;
    const atl_train_state *state = atl_trainer_get_state(l->trainer);
    double images = (double)(state->images - l->tick_images);
    add_trainer_stats(s, l->trainer);
    app_stats_add(s, APP_STAT_TICK, l->tick);
    app_stats_add(s, APP_STAT_KIMG, kimg_of(l));
    app_stats_add(s, APP_STAT_AUGMENT, state->augment_p);
    app_stats_add(s, APP_STAT_TOTAL_SECONDS, now - l->began);
    app_stats_add(s, "Timing/sec_per_tick", now - l->tick_began);
    app_stats_add(s, APP_STAT_SECONDS_PER_KIMG, images > 0 ? (now - l->tick_began) / images * 1000 : 0);
    app_stats_add(s, "Timing/maintenance_sec", l->maintenance);
    app_stats_add(s, "Timing/total_hours", (now - l->began) / 3600);
    app_stats_add(s, "Timing/total_days", (now - l->began) / 86400);
    app_stats_add(s, "Resources/cpu_mem_gb", resident_gb());
}

static void say_tick(loop *l, double now) {
    const atl_train_state *state = atl_trainer_get_state(l->trainer);
    char total[32], left[32];
    double images = (double)(state->images - l->tick_images);
    if (isatty(STDERR_FILENO) && !l->train->common.quiet)
        fprintf(stderr, "\r\033[K");
    cli_run_say(
        &l->run,
        "tick %-5d kimg %-8.1f time %-9s sec/tick %-7.1f sec/kimg %-7.2f maintenance %-5.1f cpumem %-5.2f "
        "augment %-5.3f left %s",
        l->tick, kimg_of(l), cli_train_time(now - l->began, total), now - l->tick_began,
        images > 0 ? (now - l->tick_began) / images * 1000 : 0, l->maintenance, resident_gb(),
        state->augment_p, cli_train_time(seconds_left(l, now), left));
}

// The line, the record, and every `snap` ticks (or at the end) pictures and a snapshot.
static int end_tick(loop *l, int last, int *fatal) {
    int status = CLI_SUCCESS, snap = l->train->options.snap;
    double now = cli_seconds();
    if (l->leader) {
        add_stats(l, now);
        say_tick(l, now);
        if (last || (snap && l->tick && l->tick % snap == 0)) {
            char name[64];
            snprintf(name, sizeof name, "fakes%06d.png", (int)kimg_of(l));
            status = cli_run_grid(&l->run, name);
            if (status == CLI_SUCCESS)
                status = cli_run_snapshot(&l->run);
        }
        if (status == CLI_SUCCESS)
            status = cli_run_tick(&l->run, fatal);
    }
    atl_trainer_clear_stats(l->trainer);
    l->tick++;
    l->tick_images = atl_trainer_get_state(l->trainer)->images;
    l->tick_began = cli_seconds();
    l->maintenance = l->tick_began - now;
    return status;
}

// ---- the loop

static int ended(const loop *l) {
    return kimg_of(l) >= atl_trainer_get_options(l->trainer)->kimg;
}

// A file that is bad in the middle of a run is a picture: what to do about it is said here.
static int step_failed(const loop *l, atl_status status) {
    const char *data = l->train->options.data;
    if (status != ATL_BAD_FILE)
        return cli_fail(l->ctx);
    return cli_error(
        "%s; 'atelier dataset check %s' lists all such pictures, 'atelier dataset --skip-bad --source %s "
        "--dest NEW.zip' makes a set without them",
        atl_message(l->ctx), data, data);
}

static int go(loop *l, int *interrupted) {
    double tick = l->train->options.tick * 1000;
    l->first = l->tick_images = atl_trainer_get_state(l->trainer)->images;
    l->began = l->tick_began = cli_seconds();
    for (int fatal = 0; !fatal && !ended(l) && !*interrupted;) {
        atl_status stepped = atl_trainer_step(l->trainer);
        if (stepped != ATL_OK)
            return step_failed(l, stepped);
        *interrupted = cli_interrupted();
        if (atl_trainer_any(l->trainer, interrupted) != ATL_OK)
            return cli_fail(l->ctx);
        int last = ended(l) || *interrupted;
        show(l);
        if (!last && (double)(atl_trainer_get_state(l->trainer)->images - l->tick_images) < tick)
            continue;
        int status = end_tick(l, last, &fatal);
        int stop = status != CLI_SUCCESS || fatal;
        if (atl_trainer_any(l->trainer, &stop) != ATL_OK && status == CLI_SUCCESS)
            status = cli_fail(l->ctx);
        if (status != CLI_SUCCESS)
            return status;
        if (fatal)
            return cli_error("the run is stopped: see the alarm above; %s has the last good snapshot",
                             l->run.folder);
        if (stop)
            return CLI_FAILURE;
    }
    return CLI_SUCCESS;
}

static int run_loop(loop *l) {
    int interrupted = 0;
    int status = l->leader ? cli_run_open(&l->run, l->ctx, l->trainer, l->train) : CLI_SUCCESS;
    int failed = status != CLI_SUCCESS;
    if (atl_trainer_any(l->trainer, &failed) != ATL_OK && status == CLI_SUCCESS)
        return cli_fail(l->ctx);
    if (failed)
        return status != CLI_SUCCESS ? status : CLI_FAILURE;
    cli_catch_interrupt();
    status = go(l, &interrupted);
    if (!l->leader)
        return status == CLI_SUCCESS && interrupted ? CLI_INTERRUPTED : status;
    const char *reason = status != CLI_SUCCESS ? "by an error: see log.txt"
                         : interrupted         ? "by Ctrl-C"
                                               : NULL;
    int written = cli_run_report(&l->run, !reason, reason);
    if (status == CLI_SUCCESS && interrupted)
        cli_run_say(&l->run, "stopped; to go on: atelier train --resume %s", l->run.folder);
    else if (status == CLI_SUCCESS)
        cli_run_say(&l->run, "done: %s", l->run.kept[1]);
    return status != CLI_SUCCESS ? status : interrupted ? CLI_INTERRUPTED : written;
}

// ---- beginning

typedef struct transferred {
    int counts[ATL_TRANSFER_EXTRA + 1];
    int shown;
    const cli_common *common;
} transferred;

static void on_transfer(void *user, atl_transfer what, const char *net, const char *tensor) {
    static const char *const words[] = { "used", "left out, it has another shape here",
                                         "not in the file, starts anew",
                                         "left out, this network has no such tensor" };
    transferred *t = user;
    t->counts[what]++;
    if (what != ATL_TRANSFER_USED && !t->common->quiet)
        printf("  %s.%s: %s\n", net, tensor, words[what]);
}

static int begin_from(loop *l) {
    cli_train *t = l->train;
    transferred sums = { .common = &t->common };
    if (!t->snapshot)
        return CLI_SUCCESS;
    if (t->recorded) {
        if (atl_trainer_restore(l->trainer, t->snapshot) != ATL_OK)
            return cli_fail(l->ctx);
        if (l->leader)
            printf("going on from %s at %.3f kimg\n", t->snapshot, kimg_of(l));
        return CLI_SUCCESS;
    }
    if (l->leader)
        printf("starting from %s\n", t->snapshot);
    if (atl_trainer_transfer(l->trainer, t->snapshot, l->leader ? on_transfer : NULL, &sums) != ATL_OK)
        return cli_fail(l->ctx);
    if (l->leader)
        printf("%d tensors taken over, %d of another shape, %d missing, %d not wanted\n",
               sums.counts[ATL_TRANSFER_USED], sums.counts[ATL_TRANSFER_SHAPE],
               sums.counts[ATL_TRANSFER_MISSING], sums.counts[ATL_TRANSFER_EXTRA]);
    return CLI_SUCCESS;
}

static int train(loop *l) {
    int status = cli_train_resume(l->train, l->ctx);
    if (status != CLI_SUCCESS)
        return status;
    if (atl_trainer_open(l->ctx, &l->train->options, &l->trainer) != ATL_OK)
        return cli_fail(l->ctx);
    l->leader = atl_trainer_get_state(l->trainer)->rank == 0;
    status = cli_train_check_memory(l->trainer);
    if (status == CLI_SUCCESS)
        status = begin_from(l);
    if (status == CLI_SUCCESS && atl_trainer_measure(l->trainer, 1) != ATL_OK)
        status = cli_fail(l->ctx);
    if (status == CLI_SUCCESS && l->leader)
        cli_train_print_plan(stdout, l->trainer);
    if (status == CLI_SUCCESS && !l->train->dry_run)
        status = run_loop(l);
    return status;
}

int cli_train_run(int argc, char **argv) {
    cli_train t;
    loop l = { .train = &t };
    int status = cli_train_parse(&t, argc, argv);
    if (status != CLI_PROCEED)
        return status;
    status = cli_open(&t.common, &l.ctx);
    if (status == CLI_SUCCESS)
        status = train(&l);
    cli_run_close(&l.run);
    atl_trainer_close(&l.trainer, status != CLI_SUCCESS && status != CLI_INTERRUPTED);
    cli_train_clear(&t, l.ctx);
    atl_ctx_close(&l.ctx);
    return status;
}
