// SPDX-License-Identifier: Apache-2.0
// Habits of the official training scripts: what means nothing here is accepted, what would mean another run
// is answered.
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "train.h"

size_t cli_train_unlisted(cli_train *t, cli_option *list) {
    cli_train_habits *h = &t->habits;
    const cli_option rows[CLI_TRAIN_UNLISTED] = {
        CLI_OPTION_FLAG("n", &t->dry_run, NULL),
        CLI_OPTION_INT("gpus", &h->gpus, "N", NULL, NULL, 1, 1 << 16),
        CLI_OPTION_FLAG("fp32", &h->fp32, NULL),
        CLI_OPTION_FLAG("allow-tf32", &h->tf32, NULL),
        CLI_OPTION_FLAG("nobench", &h->nothing, NULL),
        CLI_OPTION_FLAG("nhwc", &h->nothing, NULL),
    };
    *h = (cli_train_habits){ .fp32 = 1 };
    memcpy(list, rows, sizeof rows);
    return CLI_TRAIN_UNLISTED;
}

// A network that the official scripts know by a name, or an address; a file of that name is a file.
static int check_resume(cli_train *t) {
    static const char *const names[] = { "ffhq256", "ffhq512", "ffhq1024", "celebahq256", "lsundog256" };
    struct stat info;
    if (!t->resume || stat(t->resume, &info) == 0)
        return CLI_PROCEED;
    if (!strcasecmp(t->resume, "noresume"))
        t->resume = NULL;
    else if (strstr(t->resume, "://"))
        return cli_usage_error("train", "--resume %s: addresses are not opened; download the file first",
                               t->resume);
    for (size_t i = 0; t->resume && i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(t->resume, names[i]))
            return cli_usage_error(
                "train",
                "--resume %s: the official scripts download the network that they call so; download "
                "its .pkl and name the file",
                t->resume);
    return CLI_PROCEED;
}

static int check_cfg(const char *cfg) {
    if (!strcmp(cfg, "stylegan3"))
        return cli_usage_error("train", "--cfg stylegan3: say which one, stylegan3-t or stylegan3-r");
    if (!strcmp(cfg, "config-f"))
        return cli_usage_error("train", "--cfg config-f: it is called stylegan2 here");
    static const char *const encoders[] = { "psp", "e4e", "restyle-psp", "restyle-e4e", "hyperstyle" };
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        if (!strcmp(cfg, encoders[i]))
            return cli_usage_error("train", "--cfg %s: 'atelier train-encoder' trains encoders", cfg);
    return CLI_PROCEED;
}

int cli_train_check_habits(cli_train *t) {
    const cli_train_habits *h = &t->habits;
    int status = check_resume(t);
    if (status == CLI_PROCEED)
        status = check_cfg(t->options.cfg);
    if (status != CLI_PROCEED)
        return status;
    if (t->metrics && !strcasecmp(t->metrics, "none"))
        t->metrics = NULL;
    if (h->gpus > 1)
        cli_note(&t->common,
                 "--gpus %d is passed over: the processor computes; 'mpirun -np %d atelier train ...' shares "
                 "the work "
                 "among processes",
                 h->gpus, h->gpus);
    if (!h->fp32 || h->tf32)
        cli_note(&t->common, "%s is passed over: all is computed in float32",
                 h->tf32 ? "--allow-tf32" : "--fp32=0");
    return CLI_PROCEED;
}
