// SPDX-License-Identifier: Apache-2.0
// Options of atelier train, and where a run that goes on takes them from: a snapshot records all of them
// under the names of this table.
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <jansson.h>
#include "train.h"

typedef struct rows {
    cli_option list[CLI_TRAIN_GIVEN];
    size_t count;
} rows;

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
        CLI_OPTION_TEXT("desc", &t->desc, "TEXT", "end of the folder's name", NULL),
        CLI_OPTION_FLAG("dry-run", &t->dry_run, "print what the run will cost and end"),
    };
    const cli_option last[] = { CLI_COMMON_OPTIONS(&t->common) };
    enum { FIRST = sizeof first / sizeof *first, LAST = sizeof last / sizeof *last };
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    rows r = { .count = FIRST };
    memcpy(r.list, first, sizeof first);
    for (size_t i = 0; i < count && r.count + LAST < CLI_TRAIN_GIVEN; i++)
        if (fields[i].group)
            r.list[r.count++] = row_of(&fields[i], &t->options);
    memcpy(r.list + r.count, last, sizeof last);
    r.count += LAST;
    for (size_t i = 0; i < r.count; i++)
        r.list[i].given = &t->given[i];
    return r;
}

int cli_train_parse(cli_train *t, int argc, char **argv) {
    *t = (cli_train){ 0 };
    atl_train_options_init(&t->options, sizeof t->options);
    rows r = rows_of(t);
    const cli_spec spec = {
        .command = "train",
        .arguments = "",
        .about =
            "Train StyleGAN2 with adaptive augmentation (StyleGAN2-ADA) on a set of pictures.  Prints what "
            "it\n"
            "will cost, then a line per tick; Ctrl-C ends it with a snapshot, and --resume FOLDER goes on.\n"
            "Several processes share the work under 'mpirun -np K atelier train ...'.",
        .options = r.list,
        .count = r.count,
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status != CLI_PROCEED)
        return status;
    t->options.keep_threads = t->common.threads || getenv("ATELIER_THREADS");
    if (t->options.aug != ATL_AUG_FIXED) // the official scripts refuse it too
        for (size_t i = 0; i < r.count; i++)
            if (t->given[i] && !strcmp(r.list[i].name, "p"))
                return cli_usage_error("train", "--p belongs to --aug fixed");
    if (!t->resume && (!t->options.data || (!t->outdir && !t->dry_run)))
        return cli_usage_error("train", "%s is missing", t->options.data ? "--outdir DIR" : "--data PATH");
    return CLI_PROCEED;
}

// ---- going on

static int is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// The last of network-snapshot-*.safetensors, by malloc; NULL after printing that there is none.
static char *newest_snapshot(const char *folder) {
    static const char prefix[] = "network-snapshot-", suffix[] = ".safetensors";
    char best[256] = "";
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        size_t length = strlen(e->d_name), tail = sizeof suffix - 1;
        if (length < sizeof best && length > tail && !strncmp(e->d_name, prefix, sizeof prefix - 1) &&
            !strcmp(e->d_name + length - tail, suffix) && strcmp(e->d_name, best) > 0)
            strcpy(best, e->d_name);
    }
    if (dir)
        closedir(dir);
    if (*best)
        return cli_join(folder, best);
    cli_error("--resume %s: the folder has no network-snapshot-NNNNNN.safetensors to go on with", folder);
    return NULL;
}

// One recorded value into an option that was not given.
static void take(const cli_option *o, const json_t *value, json_t *texts) {
    if (o->kind == CLI_TEXT && json_is_string(value)) {
        json_array_append(texts, (json_t *)value); // keeps the characters
        *(const char **)o->target = json_string_value(value);
    } else if (o->kind == CLI_REAL && json_is_number(value)) {
        *(double *)o->target = json_number_value(value);
    } else if ((o->kind == CLI_INT || o->kind == CLI_FLAG) && json_is_integer(value)) {
        *(int *)o->target = (int)json_integer_value(value);
    } else if (o->kind == CLI_CHOICE && json_is_string(value)) {
        const char *word = json_string_value(value), *at = strstr(o->value, word);
        int index = 0;
        for (const char *p = o->value; at && p < at; p++)
            index += *p == '|';
        if (at)
            *(int *)o->target = index;
    }
}

static int take_recorded(cli_train *t) {
    json_t *json = json_loads(t->recorded, 0, NULL);
    rows r = rows_of(t);
    t->kept = json_array();
    for (size_t i = 0; i < r.count; i++) {
        const json_t *value = json_object_get(json, r.list[i].name);
        if (!t->given[i] && value)
            take(&r.list[i], value, t->kept);
    }
    json_decref(json);
    return CLI_SUCCESS;
}

// Whether the pictures are those of the recorded run.
static int same_data(const cli_train *t) {
    json_t *json = json_loads(t->recorded, 0, NULL);
    const char *data = json_string_value(json_object_get(json, "data"));
    int same = !t->options.data || (data && !strcmp(data, t->options.data));
    json_decref(json);
    return same;
}

// The folder of a snapshot when it is a run's; by malloc, else NULL.
static char *run_folder(const char *snapshot) {
    const char *slash = strrchr(snapshot, '/');
    size_t length = slash ? (size_t)(slash - snapshot) : 1;
    char *folder = calloc(length + 1, 1);
    if (!folder)
        return NULL;
    memcpy(folder, slash ? snapshot : ".", length);
    char *options = cli_join(folder, "training_options.json");
    struct stat info;
    int found = options && stat(options, &info) == 0;
    free(options);
    if (found)
        return folder;
    free(folder);
    return NULL;
}

int cli_train_resume(cli_train *t, atl_ctx *ctx) {
    if (!t->resume)
        return CLI_SUCCESS;
    t->snapshot = is_folder(t->resume) ? newest_snapshot(t->resume) : strdup(t->resume);
    if (!t->snapshot)
        return CLI_FAILURE;
    if (atl_train_snapshot_options(ctx, t->snapshot, &t->recorded) != ATL_OK)
        return cli_fail(ctx);
    if (t->recorded && !same_data(t)) { // other pictures: a new run that starts from these networks
        atl_text_free(ctx, t->recorded);
        t->recorded = NULL;
    }
    if (t->recorded) {
        take_recorded(t);
        t->folder = run_folder(t->snapshot);
    }
    if (!t->options.data)
        return cli_usage_error("train", "--data PATH is missing: %s records no run to go on with",
                               t->snapshot);
    if (!t->folder && !t->outdir && !t->dry_run)
        return cli_usage_error("train", "--outdir DIR is missing");
    return CLI_SUCCESS;
}

void cli_train_clear(cli_train *t, atl_ctx *ctx) {
    if (ctx)
        atl_text_free(ctx, t->recorded);
    free(t->snapshot);
    free(t->folder);
    json_decref(t->kept);
    t->recorded = t->snapshot = t->folder = NULL;
    t->kept = NULL;
}
