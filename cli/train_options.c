// SPDX-License-Identifier: Apache-2.0
// Options of atelier train, and where a run that goes on takes them from: a snapshot records all of them
// under the names of this table.
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <jansson.h>
#include "train.h"

static const char aug_words[] = "ada|fixed|noaug|diffaug"; // in the order of atl_aug

typedef struct rows {
    cli_option list[CLI_TRAIN_GIVEN];
    size_t count;
} rows;

static rows rows_of(cli_train *t, int *subset) {
    atl_train_options *o = &t->options;
    const cli_option list[] = {
        CLI_OPTION_TEXT("outdir", &t->outdir, "DIR", "where to make the run's folder", NULL),
        CLI_OPTION_TEXT("data", &o->data, "PATH", "pictures: a folder or .zip of equal squares", NULL),
        CLI_OPTION_TEXT("cfg", &o->cfg, "NAME", "auto, stylegan2, paper256, paper512, paper1024 or cifar",
                        "auto"),
        CLI_OPTION_INT("batch", &o->batch, "N", "pictures of a step", "of cfg", 1, 65536),
        CLI_OPTION_INT("batch-gpu", &o->batch_gpu, "N", "pictures at once in each process", "of cfg", 1,
                       65536),
        CLI_OPTION_REAL("gamma", &o->gamma, "X", "weight of R1", "of cfg", 0, 1e6),
        CLI_OPTION_REAL("kimg", &o->kimg, "X", "length of the run in thousands of pictures", "25000", 0.001,
                        1e9),
        CLI_OPTION_FLAG("mirror", &o->mirror, "also show each picture flipped from left to right"),
        CLI_OPTION_FLAG("cond", &o->cond, "train on the labels of the set"),
        CLI_OPTION_INT("subset", subset, "N", "train on N pictures, chosen by the seed", "all", 1, 1 << 30),
        CLI_OPTION_CHOICE("aug", (int *)&o->aug, aug_words, "augmentation of what D sees", "ada"),
        CLI_OPTION_REAL("p", &o->p, "X", "its probability with --aug fixed", "0.2", 0, 1),
        CLI_OPTION_REAL("target", &o->target, "X", "of --aug ada", "0.6", -1, 1),
        CLI_OPTION_TEXT("augpipe", &o->augpipe, "NAME",
                        "blit, geom, color, filter, noise, cutout, bg, bgc, bgcf, bgcfn or bgcfnc", "bgc"),
        CLI_OPTION_TEXT("resume", &t->resume, "PATH",
                        "a run's folder or snapshot to go on with, or any checkpoint to start from", NULL),
        CLI_OPTION_INT("freezed", &o->freezed, "N", "layers of D that stay as they are", "0", 0, 100),
        CLI_OPTION_REAL("glr", &o->glr, "X", "learning rate of G", "of cfg", 1e-9, 10),
        CLI_OPTION_REAL("dlr", &o->dlr, "X", "learning rate of D", "of cfg", 1e-9, 10),
        CLI_OPTION_INT("map-depth", &o->map_depth, "N", "layers of the mapping network", "of cfg", 1, 64),
        CLI_OPTION_INT("mbstd-group", &o->mbstd_group, "N", "pictures that D compares", "of cfg", 1, 65536),
        CLI_OPTION_INT("cbase", &o->channel_base, "N", "channels times resolution", "of cfg", 1, 1 << 24),
        CLI_OPTION_INT("cmax", &o->channel_max, "N", "most channels of a layer", "512", 1, 1 << 14),
        CLI_OPTION_TEXT("loss", &o->loss, "NAME", "logistic, logistic-saturating, wgan, wgan-gp or hinge",
                        "logistic"),
        CLI_OPTION_REAL("r2-gamma", &o->r2_gamma, "X", "weight of R2", "0", 0, 1e6),
        CLI_OPTION_REAL("pl-weight", &o->pl_weight, "X", "weight of path length regularisation", "of cfg", 0,
                        1e6),
        CLI_OPTION_REAL("style-mixing-prob", &o->style_mixing_prob, "X", "share of steps that mix styles",
                        "of cfg", 0, 1),
        CLI_OPTION_REAL("ema-kimg", &o->ema_kimg, "X", "half-life of the average of G", "of cfg", 0.001, 1e6),
        CLI_OPTION_REAL("ema-rampup", &o->ema_rampup, "X", "most of it, as a part of the run so far",
                        "of cfg", -1, 1e3),
        CLI_OPTION_REAL("ada-kimg", &o->ada_kimg, "X", "in which p may go from 0 to 1", "500", 0.001, 1e6),
        CLI_OPTION_INT("snap", &o->snap, "N", "ticks from snapshot to snapshot; 0: only at the end", "50", 0,
                       1 << 30),
        CLI_OPTION_REAL("tick", &o->tick, "X", "kimg from line to line", "4", 0.001, 1e6),
        CLI_OPTION_INT("seed", (int *)&o->seed, "N", "of all random numbers", "0", 0, 2147483647),
        CLI_OPTION_INT("workers", &o->workers, "N", "threads that read pictures", "3", 1, 256),
        CLI_OPTION_REAL("stall", &o->stall_seconds, "S", "several processes: wait so long for one", "600", 1,
                        1e6),
        CLI_OPTION_TEXT("desc", &t->desc, "TEXT", "end of the folder's name", NULL),
        { "dry-run", CLI_FLAG, &t->dry_run, NULL, "print what the run will cost and end", NULL, 0, 0, NULL },
        CLI_COMMON_OPTIONS(&t->common),
    };
    rows r = { .count = sizeof list / sizeof *list };
    memcpy(r.list, list, sizeof list);
    for (size_t i = 0; i < r.count; i++)
        r.list[i].given = &t->given[i];
    return r;
}

int cli_train_parse(cli_train *t, int argc, char **argv) {
    int subset = 0;
    *t = (cli_train){ .options = ATL_TRAIN_OPTIONS_INIT };
    t->options.p = 0.2;
    rows r = rows_of(t, &subset);
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
    t->options.subset = (size_t)subset;
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
    int subset = (int)t->options.subset;
    rows r = rows_of(t, &subset);
    t->kept = json_array();
    for (size_t i = 0; i < r.count; i++) {
        const json_t *value = json_object_get(json, r.list[i].name);
        if (!t->given[i] && value)
            take(&r.list[i], value, t->kept);
    }
    t->options.subset = (size_t)subset;
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
