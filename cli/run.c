// SPDX-License-Identifier: Apache-2.0
// The folder of a run:
//
//     training_options.json  log.txt  stats.jsonl  report.html  reals.png  fakes_init.png  fakes000200.png
//     network-snapshot-000200.safetensors
//
// The two newest snapshots hold all that is needed to go on; from older ones only the networks are kept.
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <atelier/rng.h>
#include "app/alarms.h"
#include "app/files.h"
#include "app/memory.h"
#include "app/grid.h"
#include "progress.h"
#include "app/report.h"
#include "train.h"

static int make_path(const char *path) {
    app_error e = { 0 };
    return app_folder_make(path, &e) == APP_OK ? CLI_SUCCESS : cli_error("%s", e.text);
}

static void *make_array(size_t count, size_t a, size_t b, size_t size) {
    app_error e = { 0 };
    void *memory = app_array(count, a, b, size, &e);
    if (!memory)
        cli_error("%s", e.text);
    return memory;
}

void cli_run_say(cli_run *run, const char *format, ...) {
    for (int i = 0; i < 2; i++) {
        FILE *out = i ? run->log : stdout;
        va_list args;
        va_start(args, format);
        if (out) {
            vfprintf(out, format, args);
            fputc('\n', out);
            fflush(out);
        }
        va_end(args);
    }
}

// ---- the folder

static int next_number(const char *outdir) {
    int next = 0;
    DIR *dir = opendir(outdir);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char *end;
        long n = strtol(e->d_name, &end, 10);
        if (end == e->d_name + 5 && n >= next)
            next = (int)n + 1;
    }
    if (dir)
        closedir(dir);
    return next;
}

// "00003-auto-faces-256-batch16-gamma0.8[-desc]": a new one, so that nothing of an earlier run is touched.
static int make_folder(cli_run *run) {
    const atl_train_options *o = atl_trainer_get_options(run->trainer);
    const cli_train *t = run->train;
    if (make_path(t->outdir) != CLI_SUCCESS)
        return CLI_FAILURE;
    for (int number = next_number(t->outdir);; number++) {
        char name[512];
        snprintf(name, sizeof name, "%05d-%s-%.200s-batch%d-gamma%g%s%.100s", number, o->cfg,
                 atl_trainer_get_set(run->trainer)->name, o->batch, o->gamma, t->desc ? "-" : "",
                 t->desc ? t->desc : "");
        for (char *p = name; *p; p++)
            *p = *p == '/' ? '_' : *p;
        run->folder = cli_join(t->outdir, name);
        if (!run->folder)
            return CLI_FAILURE;
        if (mkdir(run->folder, 0777) == 0)
            return CLI_SUCCESS;
        int error = errno;
        if (error != EEXIST)
            return cli_error("%s: the folder can't be made: %s", run->folder, strerror(error));
        free(run->folder);
    }
}

static int write_options(cli_run *run) {
    char *text = NULL, *path = cli_join(run->folder, "training_options.json");
    app_file file = { 0 };
    int status = CLI_FAILURE;
    if (path && atl_trainer_describe(run->trainer, &text) != ATL_OK)
        cli_fail(run->ctx);
    else if (path &&
             (status = cli_told(&run->train->common,
                                app_file_open(&file, path, &run->train->common.error))) == CLI_SUCCESS) {
        fputs(text, file.out);
        fputc('\n', file.out);
        status = cli_told(&run->train->common, app_file_commit(&file, &run->train->common.error));
    }
    atl_text_free(run->ctx, text);
    free(path);
    return status;
}

static int open_log(cli_run *run) {
    char *path = cli_join(run->folder, "log.txt");
    run->log = path ? fopen(path, "a") : NULL;
    int status = run->log ? CLI_SUCCESS
                          : cli_error("%s: can't be written: %s", path ? path : "log.txt", strerror(errno));
    free(path);
    return status;
}

static int open_stats(cli_run *run) {
    char *path = cli_join(run->folder, "stats.jsonl");
    int status = path ? CLI_SUCCESS : CLI_FAILURE;
    double kimg = (double)atl_trainer_get_state(run->trainer)->images / 1000;
    struct stat info;
    if (status == CLI_SUCCESS && stat(path, &info) == 0) {
        status = cli_told(&run->train->common, app_stats_truncate(path, kimg, &run->train->common.error));
        if (status == CLI_SUCCESS)
            status = cli_told(&run->train->common,
                              app_history_read(&run->history, path, &run->train->common.error));
    }
    if (status == CLI_SUCCESS)
        status = cli_told(&run->train->common, app_stats_open(&run->stats, path, &run->train->common.error));
    free(path);
    return status;
}

// ---- pictures

// The real ones, read before anything is written; their labels are those of the generated ones.
static int read_reals(cli_run *run) {
    const atl_train_set *s = atl_trainer_get_set(run->trainer);
    atl_dataset *data = atl_trainer_get_data(run->trainer);
    size_t count = (size_t)run->across * (size_t)run->down;
    uint32_t *which = make_array(count, 1, 1, sizeof *which);
    int status = which ? cli_told(&run->train->common, app_grid_choose(data, run->across, run->down, which,
                                                                       &run->train->common.error))
                       : CLI_FAILURE;
    if (status == CLI_SUCCESS)
        status = cli_told(&run->train->common,
                          app_grid_open(&run->reals, run->ctx, run->across, run->down, s->channels, s->height,
                                        s->width, &run->train->common.error));
    for (size_t i = 0; status == CLI_SUCCESS && i < count; i++) {
        atl_image image;
        if (atl_dataset_read(data, which[i], &image) != ATL_OK) {
            const char *path = atl_trainer_get_options(run->trainer)->data;
            status = cli_error(
                "%s; 'atelier dataset check %s' lists all such pictures, 'atelier dataset --skip-bad "
                "--source %s --dest NEW.zip' makes a set without them",
                atl_message(run->ctx), path, path);
            break;
        }
        app_grid_put_image(&run->reals, i, &image);
        atl_image_clear(run->ctx, &image);
        if (s->label_size)
            atl_dataset_label(data, which[i], run->labels + i * (size_t)s->label_size);
    }
    free(which);
    return status;
}

static int write_reals(cli_run *run) {
    char *path = cli_join(run->folder, "reals.png");
    int status =
        path ? cli_told(&run->train->common, app_grid_save(&run->reals, path, &run->train->common.error))
             : CLI_FAILURE;
    if (status == CLI_SUCCESS)
        app_stats_add(&run->stats, APP_STAT_REAL_SPREAD, app_grid_spread(&run->reals));
    free(path);
    app_grid_clear(&run->reals);
    return status;
}

static int open_grid(cli_run *run) {
    const atl_train_set *s = atl_trainer_get_set(run->trainer);
    size_t z_dim = (size_t)atl_trainer_z_dim(run->trainer);
    app_grid_size(s->width, s->height, &run->across, &run->down);
    size_t count = (size_t)run->across * (size_t)run->down;
    run->z = make_array(count, z_dim, 1, sizeof *run->z);
    run->labels = make_array(count, (size_t)(s->label_size ? s->label_size : 1), 1, sizeof *run->labels);
    if (!run->z || !run->labels)
        return CLI_FAILURE;
    for (size_t i = 0; i < count; i++) // picture i is seed i
        atl_seed_to_z((uint32_t)i, z_dim, run->z + i * z_dim);
    return read_reals(run);
}

int cli_run_grid(cli_run *run, const char *name) {
    enum { PART = 64 };
    const atl_train_set *s = atl_trainer_get_set(run->trainer);
    size_t count = (size_t)run->across * (size_t)run->down, z_dim = (size_t)atl_trainer_z_dim(run->trainer);
    size_t pixels = (size_t)s->channels * (size_t)s->width * (size_t)s->height;
    float *images = make_array(PART, pixels, 1, sizeof *images);
    char *path = cli_join(run->folder, name);
    app_grid grid = { 0 };
    int status = images && path ? CLI_SUCCESS : CLI_FAILURE;
    if (status == CLI_SUCCESS)
        status =
            cli_told(&run->train->common, app_grid_open(&grid, run->ctx, run->across, run->down, s->channels,
                                                        s->height, s->width, &run->train->common.error));
    for (size_t first = 0; status == CLI_SUCCESS && first < count; first += PART) {
        size_t n = count - first < PART ? count - first : PART;
        if (atl_trainer_generate(run->trainer, (int)n, run->z + first * z_dim,
                                 run->labels + first * (size_t)s->label_size, images) != ATL_OK)
            status = cli_fail(run->ctx);
        else
            app_grid_put(&grid, first, n, images);
    }
    if (status == CLI_SUCCESS)
        status = cli_told(&run->train->common, app_grid_save(&grid, path, &run->train->common.error));
    if (status == CLI_SUCCESS)
        app_stats_add(&run->stats, APP_STAT_FAKE_SPREAD, app_grid_spread(&grid));
    app_grid_clear(&grid);
    free(images);
    free(path);
    return status;
}

// ---- snapshots

int cli_run_snapshot(cli_run *run) {
    char name[64];
    snprintf(name, sizeof name, "network-snapshot-%06d.safetensors",
             (int)(atl_trainer_get_state(run->trainer)->images / 1000));
    char *path = cli_join(run->folder, name);
    if (!path)
        return CLI_FAILURE;
    if (atl_trainer_save(run->trainer, path) != ATL_OK) {
        free(path);
        return cli_fail(run->ctx);
    }
    if (run->kept[1] && !strcmp(run->kept[1], path)) {
        free(path);
        return CLI_SUCCESS;
    }
    // from the one before the previous one, only the networks stay
    if (run->kept[0] && atl_convert(run->ctx, run->kept[0], run->kept[0], NULL) != ATL_OK) {
        cli_warn(&run->train->common, "%s", atl_message(run->ctx));
        atl_message_clear(run->ctx);
    }
    free(run->kept[0]);
    run->kept[0] = run->kept[1];
    run->kept[1] = path;
    return CLI_SUCCESS;
}

// ---- ticks

int cli_run_report(cli_run *run, int finished, const char *reason) {
    app_report_info info = { .state = reason     ? APP_RUN_STOPPED
                                      : finished ? APP_RUN_FINISHED
                                                 : APP_RUN_RUNNING,
                             .reason = reason,
                             .total_kimg = atl_trainer_get_options(run->trainer)->kimg };
    if (atl_trainer_get_options(run->trainer)->aug == ATL_AUG_ADA)
        info.ada_target = atl_trainer_get_options(run->trainer)->target;
    app_error e = { 0 }; // a warning per tick would help nobody
    if (!run->folder || app_report_write(run->ctx, run->folder, &info, &e) == APP_OK)
        return CLI_SUCCESS;
    return cli_error("%s", e.text);
}

int cli_run_tick(cli_run *run, int *fatal) {
    int status = cli_told(&run->train->common, app_stats_write(&run->stats, (double)time(NULL), &run->history,
                                                               &run->train->common.error));
    if (status != CLI_SUCCESS)
        return status;
    app_alarm alarms[APP_ALARM_KINDS];
    int count = app_alarms_check(&run->history, run->history.ticks - 1, alarms), now = 0;
    for (int i = 0; i < count; i++) {
        now |= 1 << alarms[i].kind;
        *fatal |= alarms[i].fatal;
        if (!(run->alarms >> alarms[i].kind & 1))
            cli_run_say(run, "alarm: %s", alarms[i].text);
    }
    run->alarms = now;
    return cli_run_report(run, 0, NULL);
}

// ---- opening

static int begin(cli_run *run) {
    const cli_train *t = run->train;
    int status = open_grid(run);
    if (status == CLI_SUCCESS && t->folder)
        status = (run->folder = strdup(t->folder)) ? CLI_SUCCESS : cli_error("out of memory");
    else if (status == CLI_SUCCESS)
        status = make_folder(run);
    if (status == CLI_SUCCESS)
        status = open_log(run);
    if (status == CLI_SUCCESS)
        status = write_options(run);
    if (status == CLI_SUCCESS)
        status = open_stats(run);
    if (status != CLI_SUCCESS)
        return status;
    cli_run_say(run, "%s", run->folder);
    cli_train_print_plan(run->log, run->trainer);
    status = write_reals(run);
    if (status == CLI_SUCCESS && atl_trainer_get_state(run->trainer)->images == 0)
        status = cli_run_grid(run, "fakes_init.png");
    if (status == CLI_SUCCESS && t->recorded && t->folder)
        run->kept[1] = strdup(t->snapshot);
    return status == CLI_SUCCESS ? cli_run_report(run, 0, NULL) : status;
}

int cli_run_open(cli_run *run, atl_ctx *ctx, atl_trainer *trainer, cli_train *train) {
    *run = (cli_run){ .ctx = ctx, .trainer = trainer, .train = train, .began = cli_seconds() };
    return begin(run);
}

void cli_run_close(cli_run *run) {
    if (run->log)
        fclose(run->log);
    if (run->trainer) {
        app_stats_close(&run->stats);
        app_history_clear(&run->history);
    }
    app_grid_clear(&run->reals);
    free(run->folder);
    free(run->kept[0]);
    free(run->kept[1]);
    free(run->z);
    free(run->labels);
    memset(run, 0, sizeof *run);
}
