// SPDX-License-Identifier: Apache-2.0
// A run driven as a server would: steps one by one, what it tells, stopping, going on in the same folder, and
// what fails with which sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/progress.h"
#include "app/resume.h"
#include "app/run.h"
#include "says.h"
#include "warned.h"

enum { PICTURES = 4, SIDE = 16, BATCH = 4 };

typedef struct place {
    atl_ctx *ctx;
    char folder[32], set[64], runs[64];
} place;

static app_error e;

static void write_set(const place *p, int count) {
    char path[96];
    for (int i = 0; i < count; i++) {
        atl_image img;
        assert_int_equal(atl_image_init(p->ctx, SIDE, SIDE, 3, &img), ATL_OK);
        for (int x = 0; x < SIDE * SIDE * 3; x++)
            img.pixels[x] = (uint8_t)(x * (i + 3) % 251);
        snprintf(path, sizeof path, "%s/%d.png", p->set, i);
        assert_int_equal(atl_image_write(p->ctx, path, "png", &img, 0, NULL, 0), ATL_OK);
        atl_image_clear(p->ctx, &img);
    }
}

static int setup(void **state) {
    static place p;
    p = (place){ .folder = "/tmp/atl-run-XXXXXX" };
    assert_int_equal(atl_ctx_open(&p.ctx, NULL), ATL_OK);
    assert_non_null(mkdtemp(p.folder));
    snprintf(p.set, sizeof p.set, "%s/set", p.folder);
    snprintf(p.runs, sizeof p.runs, "%s/runs", p.folder);
    assert_int_equal(mkdir(p.set, 0777), 0);
    write_set(&p, PICTURES);
    *state = &p;
    return 0;
}

static int teardown(void **state) {
    place *p = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", p->folder);
    atl_ctx_close(&p->ctx);
    return system(command);
}

// Six steps, a tick every two, pictures and a snapshot with each.
static atl_train_options options_of(const place *p) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.data = p->set;
    o.channel_base = 64;
    o.channel_max = 4;
    o.map_depth = 2;
    o.batch = BATCH;
    o.kimg = 6 * BATCH / 1000.0;
    o.tick = 2 * BATCH / 1000.0;
    o.snap = 1;
    return o;
}

static atl_trainer *open_with(place *p, const atl_train_options *o) {
    atl_trainer *t;
    if (atl_trainer_open(p->ctx, o, &t) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    return t;
}

static atl_trainer *open_trainer(place *p) {
    const atl_train_options o = options_of(p);
    return open_with(p, &o);
}

// ---- What it tells

typedef struct told {
    int lines, ticks, files, steps, stop_after; // 0: never
    double kimg, seconds, tick, ms;             // of the last tick
    char first_line[256], last_line[256], last_file[256];
    atl_trainer *trainer;  // where a test asks for
    atl_train_phase *cost; // the first phase's, at the end of the last tick
} told;

static int on_stop(void *user) {
    told *t = user;
    return ++t->steps == t->stop_after;
}

static void on_plan(void *user, FILE *log, const atl_trainer *trainer) {
    (void)user;
    (void)trainer;
    fprintf(log, "the plan\n");
}

static void on_line(void *user, const char *line) {
    told *t = user;
    snprintf(t->lines++ ? t->last_line : t->first_line, sizeof t->last_line, "%s", line);
}

static void on_tick(void *user, const app_stats *stats) {
    told *t = user;
    t->ticks++;
    t->kimg = app_stats_mean(stats, APP_STAT_KIMG);
    t->seconds = app_stats_mean(stats, APP_STAT_TOTAL_SECONDS);
    t->tick = app_stats_mean(stats, APP_STAT_TICK);
    t->ms = app_stats_mean(stats, "Timing/Gmain");
}

static void on_file(void *user, const char *path) {
    told *t = user;
    t->files++;
    snprintf(t->last_file, sizeof t->last_file, "%s", path);
}

static app_run_events events_of(told *t) {
    return (app_run_events){
        .user = t, .stop = on_stop, .plan = on_plan, .line = on_line, .tick = on_tick, .file = on_file
    };
}

static app_status drive(app_run *run) {
    app_status status = APP_OK;
    while (status == APP_OK && !run->state.ended)
        status = app_run_step(run, &e);
    return status;
}

static int has(const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

static int count_in(const char *folder, const char *name, const char *words) {
    char path[512], line[2048];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        count += strstr(line, words) != NULL;
    fclose(f);
    return count;
}

static void a_run_stops_and_goes_on(void **state) {
    place *p = *state;
    app_run run;
    told t = { .stop_after = 3 };
    char folder[256], snapshot[256];
    app_run_events events = events_of(&t);
    app_run_options o = { .outdir = p->runs, .desc = "try" };
    atl_trainer *trainer = open_trainer(p);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_string_equal(t.first_line, run.folder);
    assert_non_null(strstr(run.folder, "/runs/00000-auto-set-batch4-gamma"));
    assert_non_null(strstr(run.folder, "-try"));
    assert_int_equal(t.files, 2); // reals.png, fakes_init.png
    assert_int_equal(drive(&run), APP_STOPPED);
    assert_true(run.state.kimg == 3 * BATCH / 1000.0 && !run.state.ended && !run.state.fatal);
    assert_true(t.ticks == 2 && t.kimg == run.state.kimg);
    assert_int_equal(t.files, 2 + 2); // the first tick makes no grid and no snapshot, the last one does
    assert_int_equal(app_run_finish(&run, "by a test", &e), APP_OK);
    assert_true(has(run.folder, "report.html") && has(run.folder, "training_options.json"));
    assert_int_equal(count_in(run.folder, "log.txt", "the plan"), 1);
    assert_int_equal(count_in(run.folder, "report.html", "by a test"), 1);
    snprintf(folder, sizeof folder, "%s", run.folder);
    snprintf(snapshot, sizeof snapshot, "%s", run.kept[1]);
    double before = t.seconds;
    assert_true(before > 0 && t.tick == 1);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);

    t = (told){ 0 };
    trainer = open_trainer(p);
    assert_int_equal(atl_trainer_restore(trainer, snapshot), ATL_OK);
    o = (app_run_options){ .folder = folder, .snapshot = snapshot, .stamp = app_resume_stamp(folder) - 1 };
    assert_says(app_run_open(&run, p->ctx, trainer, &o, &events, &e), &e,
                "another process has trained on since");
    app_run_close(&run);
    t = (told){ 0 };
    o.stamp = app_resume_stamp(folder);
    assert_true(o.stamp > 0);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_string_equal(run.folder, folder);
    app_run second;
    const app_run_events none = { 0 };
    assert_says(app_run_open(&second, p->ctx, trainer, &o, &none, &e), &e,
                "another process is training in this folder");
    app_run_close(&second);
    assert_int_equal(drive(&run), APP_OK);
    assert_true(run.state.ended && run.state.kimg == run.state.total_kimg);
    assert_int_equal(app_run_finish(&run, NULL, &e), APP_OK);
    assert_int_equal(count_in(folder, "stats.jsonl", "Progress/kimg"), 4); // 2 of the first part, 2 of this
    assert_int_equal(count_in(folder, "log.txt", "tick "), 4);
    assert_int_equal(count_in(folder, "log.txt", "tick 3 "), 1);
    assert_true(t.tick == 3 && t.seconds > before);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void an_alarm_that_goes_on_is_told_once(void **state) {
    place *p = *state;
    app_run run;
    told t = { .stop_after = 4 };
    char folder[256], snapshot[256];
    app_run_events events = events_of(&t);
    app_run_options o = { .outdir = p->runs, .desc = "alarm" };
    atl_train_options augmented = options_of(p);
    augmented.aug = ATL_AUG_FIXED;
    augmented.p = 1; // no picture is left as it was
    atl_trainer *trainer = open_with(p, &augmented);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_int_equal(drive(&run), APP_STOPPED);
    snprintf(folder, sizeof folder, "%s", run.folder);
    snprintf(snapshot, sizeof snapshot, "%s", run.kept[1]);
    assert_int_equal(count_in(folder, "log.txt", "alarm: Augmentation runs away"), 1);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
    t = (told){ 0 };
    trainer = open_with(p, &augmented);
    assert_int_equal(atl_trainer_restore(trainer, snapshot), ATL_OK);
    o = (app_run_options){ .folder = folder, .snapshot = snapshot };
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_int_equal(drive(&run), APP_OK);
    assert_int_equal(count_in(folder, "log.txt", "tick "), 3);
    assert_int_equal(count_in(folder, "log.txt", "alarm: Augmentation runs away"), 1);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void on_tick_cost(void *user, const app_stats *stats) {
    on_tick(user, stats);
    *((told *)user)->cost = *atl_trainer_get_cost(((told *)user)->trainer)->phases;
}

static void phases_are_told_in_milliseconds_of_a_step(void **state) {
    place *p = *state;
    app_run run;
    atl_train_phase cost = { 0 };
    atl_trainer *trainer = open_trainer(p);
    told t = { .trainer = trainer, .cost = &cost };
    app_run_events events = events_of(&t);
    events.tick = on_tick_cost;
    const app_run_options o = { .outdir = p->runs };
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    while (!t.ticks)
        assert_int_equal(app_run_step(&run, &e), APP_OK);
    assert_int_equal(cost.steps, 2);
    assert_true(cost.seconds > 0 && fabs(t.ms - cost.seconds * 500) < 1e-9 * t.ms);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

// ---- Codes before the first step

enum { MANY = 20 }; // pictures: more than are encoded at once

typedef struct encoding {
    told told;
    int calls;
    size_t done, total;
} encoding;

static void on_codes(void *user, size_t done, size_t total) {
    encoding *n = user;
    assert_true(done > n->done && done <= total);
    n->calls++;
    n->done = done;
    n->total = total;
}

// A PixelCNN over the codes of a new VQ-VAE.
static atl_trainer *open_coded(place *p, const char *set, const char *first) {
    atl_train_options o = options_of(p);
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_model *m;
    init.cfg = "vqvae";
    init.resolution = SIDE;
    init.channel_base = init.channel_max = 8;
    assert_int_equal(atl_model_init(p->ctx, &init, &m), ATL_OK);
    assert_int_equal(atl_model_save(m, first, ATL_F32), ATL_OK);
    atl_model_close(&m);
    o.cfg = "pixelcnn";
    o.first_stage = first;
    o.data = set;
    o.mirror = 1;
    o.layers = 3;
    o.channel_base = 8;
    o.channel_max = o.map_depth = 0;
    return open_with(p, &o);
}

static void codes_are_told_of_and_can_be_stopped(void **state) {
    place *p = *state, many = *p;
    app_run run;
    char first[64], folder[256], snapshot[256], whole[256], command[600];
    snprintf(first, sizeof first, "%s/first.safetensors", p->folder);
    snprintf(many.set, sizeof many.set, "%s/many", p->folder);
    assert_int_equal(mkdir(many.set, 0777), 0);
    write_set(&many, MANY);
    encoding n = { .told.stop_after = 2 };
    app_run_events events = { .user = &n, .stop = on_stop, .codes = on_codes };
    app_run_options o = { .outdir = p->runs, .desc = "codes" };
    atl_trainer *trainer = open_coded(p, many.set, first);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_int_equal(drive(&run), APP_STOPPED); // while they are made: nothing is trained, and there is a snapshot
    assert_true(n.calls == 2 && n.total == 2 * MANY && n.done == 32 && run.state.kimg == 0.0);
    snprintf(folder, sizeof folder, "%s", run.folder);
    snprintf(snapshot, sizeof snapshot, "%s", run.kept[1]);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);

    n = (encoding){ 0 };
    trainer = open_coded(p, many.set, first);
    assert_int_equal(atl_trainer_restore(trainer, snapshot), ATL_OK);
    o = (app_run_options){ .folder = folder, .snapshot = snapshot };
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_int_equal(drive(&run), APP_OK);
    assert_true(n.calls == 3 && n.done == 2 * MANY); // 16, 32, 40
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);

    o = (app_run_options){ .outdir = p->runs, .desc = "codes" };
    events.codes = NULL;
    trainer = open_coded(p, many.set, first);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &o, &events, &e), APP_OK);
    assert_int_equal(drive(&run), APP_OK);
    snprintf(whole, sizeof whole, "%s", run.kept[1]);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
    snprintf(command, sizeof command, "cmp %s %s", snapshot, whole); // which has the same name
    assert_int_equal(system(command), 0);
}

// ---- What goes wrong in the middle

typedef struct mover {
    told told;
    app_run *run;
    char away[300];
    int from, to; // the folder is not there from this tick on, until that one
} mover;

static void on_tick_move(void *user, const app_stats *stats) {
    mover *m = user;
    on_tick(&m->told, stats);
    if (m->told.ticks == m->from)
        assert_int_equal(rename(m->run->folder, m->away), 0);
    if (m->told.ticks == m->to)
        assert_int_equal(rename(m->away, m->run->folder), 0);
}

static app_status drive_moving(place *p, app_run *run, mover *m, atl_trainer *trainer) {
    const app_run_options o = { .outdir = p->runs };
    const app_run_events events = { .user = m, .tick = on_tick_move };
    m->run = run;
    assert_int_equal(app_run_open(run, p->ctx, trainer, &o, &events, &e), APP_OK);
    snprintf(m->away, sizeof m->away, "%.250s-away", run->folder);
    return drive(run);
}

// A disk that is full for a while: nothing of a run ends by it.
static void what_cannot_be_written_waits_for_the_next_tick(void **state) {
    app_run run;
    mover m = { .from = 2, .to = 3 };
    atl_trainer *trainer = open_trainer(*state);
    assert_int_equal(drive_moving(*state, &run, &m, trainer), APP_OK);
    assert_true(run.state.ended && !run.owed && m.told.ticks == 3);
    assert_int_equal(count_in(run.folder, "log.txt", "; the run goes on"), 2); // snapshot, report
    assert_true(has(run.folder, "network-snapshot-000000.safetensors"));
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void the_last_snapshot_must_be_written(void **state) {
    app_run run;
    mover m = { .from = 3, .to = 99 };
    atl_trainer *trainer = open_trainer(*state);
    assert_says(drive_moving(*state, &run, &m, trainer), &e,
                "; when there is room again: atelier train --resume ");
    assert_int_equal(rename(m.away, run.folder), 0);
    assert_int_equal(count_in(run.folder, "log.txt", "network-snapshot-000000.safetensors: can't be written"),
                     1);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

// Losses that are no numbers leave the snapshots of before alone.
static void a_run_that_is_lost_writes_no_snapshot(void **state) {
    place *p = *state;
    app_run run;
    atl_train_options o = options_of(p);
    const app_run_options run_o = { .outdir = p->runs };
    const app_run_events none = { 0 };
    atl_trainer *trainer;
    o.loss = "wgan-gp";
    o.glr = o.dlr = 10;
    o.gamma = 1e6;
    o.kimg = 1;
    o.tick = 0.2;
    assert_int_equal(atl_trainer_open(p->ctx, &o, &trainer), ATL_OK);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &run_o, &none, &e), APP_OK);
    assert_says(drive(&run), &e, "the run is stopped: see the alarm above");
    assert_true(run.state.fatal && !has(run.folder, "network-snapshot-000000.safetensors"));
    assert_int_equal(count_in(run.folder, "log.txt", "alarm: "), 1);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void a_picture_that_breaks_in_the_middle_ends_with_a_snapshot(void **state) {
    place *p = *state;
    app_run run;
    char path[96], kept[96], command[400];
    atl_train_options o = options_of(p);
    const app_run_options run_o = { .outdir = p->runs };
    const app_run_events none = { 0 };
    atl_trainer *trainer;
    o.kimg = 100;
    o.snap = 0;
    assert_int_equal(atl_trainer_open(p->ctx, &o, &trainer), ATL_OK);
    assert_int_equal(app_run_open(&run, p->ctx, trainer, &run_o, &none, &e), APP_OK);
    assert_int_equal(app_run_step(&run, &e), APP_OK);
    snprintf(path, sizeof path, "%s/2.png", p->set);
    snprintf(kept, sizeof kept, "%s/kept", p->folder);
    snprintf(command, sizeof command, "cp %s %s && truncate -s 60 %s", path, kept, path);
    assert_int_equal(system(command), 0);
    assert_says(drive(&run), &e, "2.png");
    assert_int_equal(run.state.bad_picture, 1);
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(count_in(run.folder, "log.txt", "stopped: 2.png: "), 1);
    assert_int_equal(count_in(run.folder, "log.txt", "to go on: atelier train --resume "), 1);
    uint64_t images = atl_trainer_get_state(trainer)->images;
    assert_true(images >= BATCH);
    assert_int_equal(atl_trainer_restore(trainer, run.kept[1]), ATL_OK);
    assert_true(atl_trainer_get_state(trainer)->images == images);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

// ---- Going on

// `user` is the name of the one option that was chosen.
static int is_that(void *user, const char *name) {
    return !strcmp(name, user);
}

static const app_resume_choice NOTHING = { 0 }, GAMMA = { .chosen = is_that, .user = "gamma" },
                               BATCHES = { .chosen = is_that, .user = "batch" }, NEW_RUN = { .new_run = 1 };

static void copy_of(const char *from, const char *to, long size) {
    char command[600];
    snprintf(command, sizeof command, "head -c %ld %s > %s", size, from, to);
    assert_int_equal(system(command), 0);
}

static void a_damaged_snapshot_gives_way(void **state) {
    place *p = *state;
    char good[96], cut[96], garbage[96];
    app_resume r;
    atl_train_options o;
    snprintf(good, sizeof good, "%s/network-snapshot-000001.safetensors", p->folder);
    snprintf(cut, sizeof cut, "%s/network-snapshot-000002.safetensors", p->folder);
    snprintf(garbage, sizeof garbage, "%s/network-snapshot-000003.safetensors", p->folder);
    atl_train_options_init(&o, sizeof o);
    assert_says(app_resume_open(&r, p->ctx, p->folder, &o, &NOTHING, &e), &e,
                "the folder has no network-snapshot-");
    app_resume_close(&r);
    atl_trainer *trainer = open_trainer(p);
    assert_int_equal(atl_trainer_save(trainer, good), ATL_OK);
    atl_trainer_close(&trainer, 0);
    copy_of(good, cut, 5000);
    copy_of("/dev/zero", garbage, 5000);
    e.warn = on_warning;
    o.gamma = 77;
    assert_int_equal(app_resume_open(&r, p->ctx, p->folder, &o, &GAMMA, &e), APP_OK);
    assert_string_equal(r.snapshot, good);
    assert_true(r.goes_on && !r.folder); // there is no training_options.json beside it
    assert_true(o.gamma == 77 && o.batch == BATCH && o.kimg == 6 * BATCH / 1000.0);
    assert_string_equal(o.data, p->set);
    assert_non_null(strstr(warned, "network-snapshot-000003.safetensors can't be gone on with"));
    assert_non_null(strstr(warned, "going on from network-snapshot-000001.safetensors"));
    app_resume_close(&r);
    atl_train_options_init(&o, sizeof o);
    o.data = "other";
    assert_says(app_resume_open(&r, p->ctx, p->folder, &o, &NOTHING, &e), &e, "other: can't be opened");
    app_resume_close(&r);
    unlink(good);
    assert_says(app_resume_open(&r, p->ctx, p->folder, &o, &NOTHING, &e), &e,
                "000002.safetensors: announces a header of");
    app_resume_close(&r);
    unlink(cut);
    unlink(garbage);
}

// Writes `to`, which is as long as `from`, in its place.
static void replace(const char *path, const char *from, const char *to) {
    static char bytes[1 << 20];
    size_t length = strlen(from), size, at = 0;
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    size = fread(bytes, 1, sizeof bytes, f);
    while (at + length < size && memcmp(bytes + at, from, length) != 0)
        at++;
    assert_true(at + length < size && strlen(to) == length);
    assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(to, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static void a_recorded_choice_is_a_whole_word(void **state) {
    // ours, a part of "noaug" and "diffaug", and a part of every word
    static const char recorded[] = "\\\"aug\\\":\\\"ada\\\"", part[] = "\\\"aug\\\":\\\"aug\\\"",
                      empty[] = "\\\"aug\\\":\\\"\\\"   ";
    const app_resume_choice chosen = { .chosen = is_that, .user = "aug" };
    place *p = *state;
    char path[96];
    app_resume r;
    atl_train_options o;
    snprintf(path, sizeof path, "%s/choice.safetensors", p->folder);
    atl_trainer *trainer = open_trainer(p);
    assert_int_equal(atl_trainer_save(trainer, path), ATL_OK);
    atl_trainer_close(&trainer, 0);
    atl_train_options_init(&o, sizeof o);
    o.aug = ATL_AUG_FIXED;
    assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), APP_OK);
    assert_true(r.goes_on && o.aug == ATL_AUG_ADA);
    app_resume_close(&r);
    for (int i = 0; i < 2; i++) {
        replace(path, i ? part : recorded, i ? empty : part);
        atl_train_options_init(&o, sizeof o);
        o.aug = ATL_AUG_FIXED;
        assert_says(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), &e, "its record has no usable aug");
        assert_int_equal(o.aug, ATL_AUG_FIXED);
        app_resume_close(&r);
        atl_train_options_init(&o, sizeof o);
        assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &chosen, &e), APP_OK);
        app_resume_close(&r);
    }
    unlink(path);
}

// What was derived follows what it was derived from; what was chosen stays.
static void what_was_derived_is_derived_again(void **state) {
    place *p = *state;
    char path[96], text[400];
    app_resume r;
    atl_train_options o = options_of(p);
    atl_trainer *t;
    o.glr = 0.001;
    o.threads = 1;
    snprintf(path, sizeof path, "%s/derived.safetensors", p->folder);
    assert_int_equal(atl_trainer_open(p->ctx, &o, &t), ATL_OK);
    double gamma = atl_trainer_get_options(t)->gamma;
    assert_int_equal(atl_trainer_save(t, path), ATL_OK);
    atl_trainer_close(&t, 0);

    atl_train_options_init(&o, sizeof o);
    assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), APP_OK);
    assert_true(o.gamma == gamma && o.batch == BATCH && o.glr == 0.001 && o.threads == 1 && o.map_depth == 0);
    assert_int_equal(atl_trainer_open(p->ctx, &o, &t), ATL_OK);
    app_resume_changes(&r, atl_trainer_get_options(t), text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(atl_trainer_restore(t, path), ATL_OK);
    assert_int_equal(atl_trainer_save(t, path), ATL_OK); // a run that went on still knows what was derived
    atl_trainer_close(&t, 0);
    app_resume_close(&r);

    atl_train_options_init(&o, sizeof o);
    o.batch = 2 * BATCH;
    assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &BATCHES, &e), APP_OK);
    assert_int_equal(atl_trainer_open(p->ctx, &o, &t), ATL_OK);
    const atl_train_options *now = atl_trainer_get_options(t);
    assert_true(now->gamma == gamma / 2 && now->batch_gpu == 2 * BATCH && now->glr == 0.001);
    app_resume_changes(&r, now, text, sizeof text);
    assert_string_equal(text, "batch 4 -> 8, batch-gpu 4 -> 8, ema-kimg 1.25 -> 2.5, gamma 0.0128 -> 0.0064");
    app_resume_changes(&r, now, text, 40);
    assert_string_equal(text, "batch 4 -> 8, batch-gpu 4 -> 8, ...");
    assert_int_equal(atl_trainer_restore(t, path), ATL_OK);
    atl_trainer_close(&t, 0);
    app_resume_close(&r);
    unlink(path);
}

// By what is in it, not by where it lies.
static void a_set_is_known_by_its_pictures(void **state) {
    place *p = *state;
    char path[96], other[96], command[300], slash[96];
    app_resume r;
    atl_train_options o;
    snprintf(path, sizeof path, "%s/set.safetensors", p->folder);
    snprintf(other, sizeof other, "%s/moved", p->folder);
    snprintf(slash, sizeof slash, "%s//", p->set);
    atl_trainer *t = open_trainer(p);
    assert_int_equal(atl_trainer_save(t, path), ATL_OK);
    atl_trainer_close(&t, 0);
    snprintf(command, sizeof command, "cp -r %s %s", p->set, other);
    assert_int_equal(system(command), 0);
    const char *const same[] = { slash, other };
    for (int i = 0; i < 2; i++) {
        atl_train_options_init(&o, sizeof o);
        o.data = same[i];
        assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), APP_OK);
        assert_true(r.goes_on && !r.differs && o.data == same[i] && r.same_place == (i == 0));
        app_resume_close(&r);
    }
    snprintf(command, sizeof command, "mv %s/3.png %s/4.png", other, other);
    assert_int_equal(system(command), 0);
    atl_train_options_init(&o, sizeof o);
    o.data = other;
    assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), APP_OK);
    assert_true(!r.goes_on && !r.same_place && o.batch == 0 && o.like == r.snapshot);
    assert_string_equal(r.differs, "has as many pictures (4), but of other names");
    app_resume_close(&r);
    atl_train_options_init(&o, sizeof o);
    assert_int_equal(app_resume_open(&r, p->ctx, path, &o, &NEW_RUN, &e), APP_OK);
    assert_true(!r.goes_on && !r.differs && o.batch == 0);
    assert_string_equal(o.data, p->set);
    app_resume_close(&r);
    // gone from where it lay
    snprintf(command, sizeof command, "mv %s %s-away", p->set, p->set);
    assert_int_equal(system(command), 0);
    atl_train_options_init(&o, sizeof o);
    assert_says(app_resume_open(&r, p->ctx, path, &o, &NOTHING, &e), &e,
                "are not there; name where they are");
    app_resume_close(&r);
    snprintf(command, sizeof command, "mv %s-away %s && rm -r %s", p->set, p->set, other);
    assert_int_equal(system(command), 0);
    unlink(path);
}

static void a_folder_that_cannot_be_made_is_named(void **state) {
    place *p = *state;
    app_run run;
    char below[96], words[160];
    const app_run_events none = { 0 };
    snprintf(below, sizeof below, "%s/0.png/runs", p->set);
    snprintf(words, sizeof words, "%s: the folder can't be made: Not a directory", below);
    const app_run_options o = { .outdir = below };
    atl_trainer *trainer = open_trainer(p);
    assert_says(app_run_open(&run, p->ctx, trainer, &o, &none, &e), &e, words);
    assert_int_equal(run.state.bad_picture, 0);
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void a_picture_that_cannot_be_read_is_told_apart(void **state) {
    place *p = *state;
    app_run run;
    char path[96];
    const app_run_events none = { 0 };
    const app_run_options o = { .outdir = p->runs };
    atl_trainer *trainer = open_trainer(p);
    snprintf(path, sizeof path, "%s/2.png", p->set);
    assert_int_equal(truncate(path, 60), 0);
    assert_says(app_run_open(&run, p->ctx, trainer, &o, &none, &e), &e, "2.png");
    assert_int_equal(run.state.bad_picture, 1);
    assert_null(run.folder); // nothing has been written
    app_run_close(&run);
    atl_trainer_close(&trainer, 0);
}

static void paces_are_not_absurd(void **state) {
    (void)state;
    char text[32];
    app_pace p = app_pace_of(1, 20, 1e-6); // the first of 20, in no time
    assert_true(p.rate == 0 && p.left == 0);
    p = app_pace_of(5, 20, 10);
    assert_true(p.rate == 0.5 && p.left == 30);
    p = app_pace_of(20, 20, 10);
    assert_true(p.rate == 2 && p.left == 0);
    assert_true(app_pace_of(0, 20, 10).rate == 0);
    assert_string_equal(app_time_text(8.21, text), "8.2s");
    assert_string_equal(app_time_text(760, text), "12m 40s");
    assert_string_equal(app_time_text(3 * 3600 + 5 * 60, text), "3h 05m");
    assert_string_equal(app_time_text(50 * 3600, text), "2d 02h");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_stops_and_goes_on),
        cmocka_unit_test(an_alarm_that_goes_on_is_told_once),
        cmocka_unit_test(phases_are_told_in_milliseconds_of_a_step),
        cmocka_unit_test(codes_are_told_of_and_can_be_stopped),
        cmocka_unit_test(what_cannot_be_written_waits_for_the_next_tick),
        cmocka_unit_test(the_last_snapshot_must_be_written),
        cmocka_unit_test(a_run_that_is_lost_writes_no_snapshot),
        cmocka_unit_test(a_picture_that_breaks_in_the_middle_ends_with_a_snapshot),
        cmocka_unit_test(a_damaged_snapshot_gives_way),
        cmocka_unit_test(a_recorded_choice_is_a_whole_word),
        cmocka_unit_test(what_was_derived_is_derived_again),
        cmocka_unit_test(a_set_is_known_by_its_pictures),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
        cmocka_unit_test(a_picture_that_cannot_be_read_is_told_apart), // breaks the set: the last of these
        cmocka_unit_test(paces_are_not_absurd),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
