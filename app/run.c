// SPDX-License-Identifier: Apache-2.0
// The loop of a run, one step at a time: ticks, alarms, and what is written when; see run.h.
#include "run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <time.h>
#include <unistd.h>
#include "progress.h"
#include "run_parts.h"

// What a full disk keeps out stays in the stream's buffer for the next line.
static void put_in_log(app_run *r, const char *line) {
    if (!r->log)
        return;
    fprintf(r->log, "%s\n", line);
    fflush(r->log);
    clearerr(r->log);
}

void app_run_say(app_run *r, const char *format, ...) {
    char line[APP_SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put_in_log(r, line);
    if (r->events.line)
        r->events.line(r->events.user, line);
}

// That goes on with it.
static const char *command_of(const app_run *r) {
    return atl_trainer_is_encoder(r->trainer) ? "train-encoder" : "train";
}

// ---- Numbers

static double kimg_of(const app_run *r) {
    return (double)atl_trainer_get_state(r->trainer)->images / 1000;
}

// Memory that the process has now.
static double resident_gb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    double pages = 0;
    if (f && fscanf(f, "%*s %lf", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
}

static void update(app_run *r, double now) {
    app_run_state *s = &r->state;
    double first = (double)r->first / 1000;
    s->kimg = kimg_of(r);
    s->seconds = r->before + now - r->began;
    const app_pace pace = app_pace_of(s->kimg - first, s->total_kimg - first, now - r->ready);
    s->rate = pace.rate * 1000;
    s->left = pace.left;
    s->ended = s->kimg >= s->total_kimg;
}

// ---- Ticks

static double sec_per_kimg(const app_run *r, double now) {
    double images = (double)(atl_trainer_get_state(r->trainer)->images - r->tick_images);
    return images > 0 ? (now - r->tick_began) / images * 1000 : 0;
}

static void add_trainer_stats(app_run *r) {
    int count;
    const atl_train_stat *stats = atl_trainer_get_stats(r->trainer, &count);
    const atl_train_cost *cost = atl_trainer_get_cost(r->trainer);
    for (int i = 0; i < count; i++)
        if (stats[i].count > 0)
            app_stats_add_many(&r->stats, stats[i].name, stats[i].count, stats[i].sum, stats[i].squares);
    for (int k = 0; k < cost->n_phases; k++) {
        char name[64];
        snprintf(name, sizeof name, "Timing/%s", cost->phases[k].name);
        if (cost->phases[k].steps > 0)
            app_stats_add(&r->stats, name, cost->phases[k].seconds * 1000 / cost->phases[k].steps);
    }
}

static void add_stats(app_run *r, double now) {
    app_stats *s = &r->stats;
    add_trainer_stats(r);
    app_stats_add(s, APP_STAT_TICK, r->state.tick);
    app_stats_add(s, APP_STAT_KIMG, r->state.kimg);
    app_stats_add(s, APP_STAT_AUGMENT, atl_trainer_get_state(r->trainer)->augment_p);
    if (atl_trainer_get_options(r->trainer)->lod_initial) {
        app_stats_add(s, "Progress/lod", atl_trainer_get_state(r->trainer)->lod);
        app_stats_add(s, "Progress/batch", atl_trainer_get_state(r->trainer)->batch);
    }
    app_stats_add(s, APP_STAT_TOTAL_SECONDS, r->state.seconds);
    app_stats_add(s, "Timing/sec_per_tick", now - r->tick_began);
    app_stats_add(s, APP_STAT_SECONDS_PER_KIMG, sec_per_kimg(r, now));
    app_stats_add(s, "Timing/maintenance_sec", r->maintenance);
    app_stats_add(s, "Timing/total_hours", r->state.seconds / 3600);
    app_stats_add(s, "Timing/total_days", r->state.seconds / 86400);
    app_stats_add(s, "Resources/cpu_mem_gb", resident_gb());
}

// Of what transformers learn: in how many codes a guess is right once, and the same of what is held out.
static void describe_loss(const app_run *r, char *text, size_t room) {
    double loss = app_stats_mean(&r->stats, APP_STAT_CROSS_ENTROPY),
           held = app_stats_mean(&r->stats, APP_STAT_HELD_OUT);
    int used = isnan(loss) ? 0 : snprintf(text, room, "loss %-6.3f perplexity %-7.1f ", loss, exp(loss));
    if (!isnan(held))
        snprintf(text + used, room - (size_t)used, "held out %-6.3f ", held);
}

static void say_tick(app_run *r, double now) {
    char total[32], left[32], level[96] = "";
    const atl_train_state *state = atl_trainer_get_state(r->trainer);
    if (atl_trainer_get_options(r->trainer)->lod_initial)
        snprintf(level, sizeof level, "lod %-5.2f batch %-4d ", state->lod, state->batch);
    describe_loss(r, level + strlen(level), sizeof level - strlen(level));
    app_run_say(r,
                "tick %-5d kimg %-8.1f %stime %-9s sec/tick %-7.1f sec/kimg %-7.2f maintenance %-5.1f cpumem "
                "%-5.2f augment %-5.3f left %s",
                r->state.tick, r->state.kimg, level, app_time_text(r->state.seconds, total), now - r->tick_began,
                sec_per_kimg(r, now), r->maintenance, resident_gb(), state->augment_p,
                app_time_text(r->state.left, left));
}

// What a tick owes may fail for a while, as on a full disk, and is no reason to end a run.
static void put_off(app_run *r, int last, app_error *late) {
    if (*late->text)
        app_run_say(r, "%s%s", late->text, last ? "" : "; the run goes on, and the next tick tries again");
    app_error_clear(late);
}

// stats.jsonl, alarms
static app_status record_tick(app_run *r, app_error *e) {
    app_alarm alarms[APP_ALARM_KINDS];
    if (r->events.tick)
        r->events.tick(r->events.user, &r->stats);
    if (app_stats_write(&r->stats, (double)time(NULL), &r->history, e) != APP_OK)
        return APP_FAILED;
    size_t tick = r->history.ticks - 1;
    int count = app_alarms_check(&r->history, tick, alarms);
    for (int i = 0; i < count; i++) {
        int known = app_alarm_goes_on(&r->ringing[alarms[i].kind], tick);
        r->state.fatal |= alarms[i].fatal;
        if (known)
            continue;
        app_run_say(r, "alarm: %s", alarms[i].text);
        if (r->events.alarm)
            r->events.alarm(r->events.user, &alarms[i]);
    }
    return APP_OK;
}

// At the end it must be written; before, it may wait.
static app_status keep(app_run *r, int last, app_error *late, app_error *e) {
    app_status status = app_run_snapshot(r, late);
    r->owed = status != APP_OK;
    int over = status != APP_OK && last && !r->state.fatal;
    if (over)
        app_fail(e, "%s; when there is room again: atelier %s --resume %s", late->text, command_of(r), r->folder);
    else if (r->state.fatal)
        app_run_say(r, "alarm: %s", late->text);
    else
        put_off(r, last, late);
    app_error_clear(late);
    return over ? APP_FAILED : APP_OK;
}

// Numbers that can't be had are no reason to end a run.  One that was stopped ends at once.
static void measure(app_run *r, int last, app_error *late) {
    int snap = atl_trainer_get_options(r->trainer)->snap, every = r->o.metrics_every;
    int due = last || every <= 1 || (snap && r->state.tick / snap % every == 0);
    int stop = r->events.stop && r->events.stop(r->events.user);
    if (!r->o.metrics || !due || stop || r->owed || r->state.fatal || !r->kept[1])
        return;
    if (app_run_measure(r, late) != APP_OK)
        put_off(r, 1, late);
}

// Of several processes the first measures; the others wait, and ask it again and again so that they see it
// live.
static app_status wait_for_measuring(app_run *r, app_error *e) {
    int busy = 0;
    do {
        busy = 0;
        if (atl_trainer_any(r->trainer, &busy) != ATL_OK)
            return app_fail_ctx(e, r->ctx);
    } while (busy && !r->leader);
    return APP_OK;
}

// The line, the record, and every `snap` ticks (or at the end, or when it failed before) pictures and a snapshot.
// The record comes first: it knows whether the numbers are any, and then the snapshots of before must stay.
static app_status write_tick(app_run *r, int last, double now, app_error *e) {
    int snap = atl_trainer_get_options(r->trainer)->snap;
    int due = last || (snap && r->state.tick && r->state.tick % snap == 0);
    app_status status = APP_OK;
    app_error late = { .warn = e ? e->warn : NULL, .user = e ? e->user : NULL };
    add_stats(r, now);
    say_tick(r, now);
    if (due) {
        char name[64];
        snprintf(name, sizeof name, "fakes%06d.png", (int)r->state.kimg);
        if (app_run_write_fakes(r, name, &late) != APP_OK)
            put_off(r, last, &late);
    }
    if (record_tick(r, &late) != APP_OK)
        put_off(r, last, &late);
    if ((due || r->owed) && !r->state.fatal)
        status = keep(r, last, &late, e);
    if (due && status == APP_OK)
        measure(r, last, &late);
    if (app_stats_amend(&r->stats, &r->history, &late) != APP_OK) // what was measured, in the tick's own line
        put_off(r, last, &late);
    if (app_run_report(r, APP_REPORT_RUNNING, NULL, &late) != APP_OK)
        put_off(r, last, &late);
    return status;
}

static app_status end_tick(app_run *r, int last, app_error *e) {
    double now = app_seconds();
    update(r, now);
    app_status status = r->leader ? write_tick(r, last, now, e) : APP_OK;
    if (r->o.metrics && wait_for_measuring(r, e) != APP_OK)
        status = APP_FAILED;
    atl_trainer_clear_stats(r->trainer);
    r->state.tick++;
    r->tick_images = atl_trainer_get_state(r->trainer)->images;
    r->tick_began = app_seconds();
    r->maintenance = r->tick_began - now;
    return status;
}

// ---- Steps

// What was trained before the step that failed is kept.
static void keep_rest(app_run *r, const char *why) {
    char line[APP_SENTENCE + 16];
    app_error none = { 0 };
    snprintf(line, sizeof line, "stopped: %s", why);
    put_in_log(r, line);
    if (atl_trainer_get_state(r->trainer)->images == r->saved)
        return;
    if (app_run_snapshot(r, &none) == APP_OK)
        app_run_say(r, "what was trained until then is in %s; to go on: atelier %s --resume %s", r->kept[1],
                    command_of(r), r->folder);
    else
        app_run_say(r, "%s", none.text);
}

static app_status step_failed(app_run *r, atl_status status, app_error *e) {
    app_error own = { 0 };
    r->state.bad_picture = status == ATL_BAD_FILE; // no other file is read in the middle of a run
    app_fail_ctx(&own, r->ctx);
    if (r->leader)
        keep_rest(r, own.text);
    int flag = 1; // the others wait for it, or their end would make the launcher end this process as it writes
    (void)atl_trainer_any(r->trainer, &flag);
    return app_fail(e, "%s", own.text);
}

static app_status lost(const app_run *r, app_error *e) {
    return r->kept[1] ? app_fail(e, "the run is stopped: see the alarm above; %s is the last good snapshot", r->kept[1])
                      : app_fail(e, "the run is stopped: see the alarm above; there is no snapshot yet");
}

static int on_codes(void *user, size_t done, size_t total) {
    const app_run *r = user;
    if (r->events.codes)
        r->events.codes(r->events.user, done, total);
    return r->events.stop && r->events.stop(r->events.user);
}

// The time for it belongs to no step.
static atl_status prepare(app_run *r) {
    if (r->prepared)
        return ATL_OK;
    atl_status status = atl_trainer_prepare(r->trainer, on_codes, r);
    r->prepared = status == ATL_OK;
    r->ready = app_seconds();
    r->maintenance = r->ready - r->tick_began;
    r->tick_began = r->ready;
    return status;
}

// Stopped before its first step: a new run has something to go on from, too.
static app_status stop_early(app_run *r, app_error *e) {
    atl_message_clear(r->ctx);
    app_status status = r->leader && !r->kept[1] ? app_run_snapshot(r, e) : APP_OK;
    int failed = status != APP_OK;
    if (atl_trainer_any(r->trainer, &failed) != ATL_OK && status == APP_OK)
        return app_fail_ctx(e, r->ctx);
    return failed ? APP_FAILED : APP_STOPPED;
}

app_status app_run_step(app_run *r, app_error *e) {
    double tick = atl_trainer_get_options(r->trainer)->tick * 1000;
    atl_status stepped = prepare(r);
    if (stepped == ATL_CANCELLED)
        return stop_early(r, e);
    if (stepped == ATL_OK)
        stepped = atl_trainer_step(r->trainer);
    if (stepped != ATL_OK)
        return step_failed(r, stepped, e);
    int stop = r->events.stop && r->events.stop(r->events.user);
    if (atl_trainer_any(r->trainer, &stop) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    update(r, app_seconds());
    int last = r->state.ended || stop;
    if (!last && (double)(atl_trainer_get_state(r->trainer)->images - r->tick_images) < tick)
        return APP_OK;
    app_status status = end_tick(r, last, e);
    int halt = status != APP_OK || r->state.fatal;
    if (atl_trainer_any(r->trainer, &halt) != ATL_OK && status == APP_OK)
        return app_fail_ctx(e, r->ctx);
    if (status == APP_OK && r->state.fatal)
        return lost(r, e);
    if (status != APP_OK && r->leader && e)
        put_in_log(r, e->text);
    if (status != APP_OK || halt)
        return APP_FAILED;
    return stop ? APP_STOPPED : APP_OK;
}

// ---- Opening and closing

// From the record of a run that goes on: ticks, time and alarms do, too.
static void take_up(app_run *r) {
    const app_history *h = &r->history;
    double last = app_history_last(h, APP_STAT_TICK);
    app_alarm alarms[APP_ALARM_KINDS];
    r->state.tick = (int)h->ticks;
    if (last >= r->state.tick && last < 1e9)
        r->state.tick = (int)last + 1;
    r->before = app_history_elapsed(h, APP_STAT_TOTAL_SECONDS);
    for (size_t tick = 0; tick < h->ticks; tick++)
        for (int i = app_alarms_check(h, tick, alarms); i > 0; i--)
            (void)app_alarm_goes_on(&r->ringing[alarms[i - 1].kind], tick);
}

static app_status begin(app_run *r, app_error *e) {
    app_status status = app_run_grid_open(r, e);
    if (status == APP_OK)
        status = app_run_folder_open(r, e);
    if (status != APP_OK)
        return status;
    take_up(r);
    app_run_say(r, "%s", r->folder);
    if (r->events.plan)
        r->events.plan(r->events.user, r->log, r->trainer);
    status = app_run_write_reals(r, e);
    if (status == APP_OK && atl_trainer_get_state(r->trainer)->images == 0)
        status = app_run_write_fakes(r, "fakes_init.png", e);
    return status == APP_OK ? app_run_report(r, APP_REPORT_RUNNING, NULL, e) : status;
}

app_status app_run_open(app_run *r, atl_ctx *ctx, atl_trainer *trainer, const app_run_options *o,
                        const app_run_events *events, app_error *e) {
    *r = (app_run){ .ctx = ctx, .trainer = trainer, .o = *o, .events = *events };
    r->leader = atl_trainer_get_state(trainer)->rank == 0;
    r->state.total_kimg = atl_trainer_get_options(trainer)->kimg;
    app_status status = r->leader ? begin(r, e) : APP_OK;
    int failed = status != APP_OK;
    if (atl_trainer_any(trainer, &failed) != ATL_OK && status == APP_OK)
        return app_fail_ctx(e, ctx);
    r->first = r->saved = r->tick_images = atl_trainer_get_state(trainer)->images;
    r->began = r->ready = r->tick_began = app_seconds();
    update(r, r->began);
    return failed ? APP_FAILED : APP_OK;
}

app_status app_run_finish(app_run *r, const char *reason, app_error *e) {
    app_report_state state = reason ? APP_REPORT_STOPPED : APP_REPORT_FINISHED;
    return r->leader && r->folder ? app_run_report(r, state, reason, e) : APP_OK;
}

void app_run_close(app_run *r) {
    if (r->log)
        fclose(r->log);
    app_stats_close(&r->stats);
    app_history_clear(&r->history);
    app_grid_clear(&r->reals);
    free(r->folder);
    free(r->kept[0]);
    free(r->kept[1]);
    free(r->z);
    free(r->labels);
    free(r->inputs);
    memset(r, 0, sizeof *r);
}
