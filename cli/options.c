// SPDX-License-Identifier: Apache-2.0
// The option parser: look a name up in the table, convert its value, say what was expected.
#include "options.h"
#include "completion.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "app/words.h"

int cli_usage_error(const char *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "atelier %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry 'atelier %s --help'.\n", command);
    va_end(args);
    return CLI_USAGE;
}

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Levenshtein distance, in one row.
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 63 };
    size_t row[LONGEST + 1], n = strlen(b);
    if (n > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = i;
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(row[j] + 1, above + 1, corner + (a[i] != b[j]));
            corner = above;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *text, const void *words, size_t count, size_t stride) {
    const char *best = NULL;
    size_t nearest = strlen(text) / 3 + 2; // at most about a third of the letters wrong
    for (size_t i = 0; i < count; i++) {
        const char *word;
        memcpy(&word, (const char *)words + i * stride, sizeof word);
        size_t d = distance(text, word);
        if (d < nearest) {
            nearest = d;
            best = word;
        }
    }
    return best;
}

static int help_column(const cli_option *o, char *text, size_t room) {
    if (o->kind == CLI_FLAG)
        return snprintf(text, room, "  --%s", o->name);
    return snprintf(text, room, "  --%s %s", o->name, o->value);
}

enum { COLUMN = 28, WIDTH = 110 };

// Prints text that begins at COLUMN, on as many lines as it takes.
static void print_wrapped(const char *text) {
    for (;;) {
        size_t rest = strlen(text), end = rest, room = WIDTH - COLUMN;
        for (size_t i = 0; rest > room && i <= room; i++)
            if (text[i] == ' ')
                end = i;
        printf("%.*s\n", (int)end, text);
        if (end == rest)
            return;
        text += end + 1;
        printf("%*s", COLUMN, "");
    }
}

static int print_help(const cli_spec *spec) {
    printf("Usage: atelier %s [options]%s%s\n\n%s\n\nOptions:\n", spec->command, *spec->arguments ? " " : "",
           spec->arguments, spec->about);
    for (size_t i = 0; i < spec->count; i++) {
        const cli_option *o = &spec->options[i];
        char left[400], text[512];
        int width = help_column(o, left, sizeof left);
        snprintf(text, sizeof text, "%s%s%s%s", o->help, o->standard ? " (default: " : "",
                 o->standard ? o->standard : "", o->standard ? ")" : "");
        if (width > COLUMN - 2)
            printf("%s\n%*s", left, COLUMN, "");
        else
            printf("%-*s", COLUMN, left);
        print_wrapped(text);
    }
    printf("%-*s%s\n", COLUMN, "  --help", "print this text");
    return CLI_SUCCESS;
}

static int parse_choice(const char *command, const cli_option *o, const char *text) {
    int index = app_word_index(o->value, text);
    if (index < 0)
        return cli_usage_error(command, "--%s %s: expected one of %s", o->name, text, o->value);
    *(int *)o->target = index;
    return CLI_PROCEED;
}

static int parse_int(const char *command, const cli_option *o, const char *text) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || (double)value < o->low || (double)value > o->high)
        return cli_usage_error(command, "--%s %s: expected a whole number from %.0f to %.0f", o->name, text,
                               o->low, o->high);
    *(int *)o->target = (int)value;
    return CLI_PROCEED;
}

static int parse_real(const char *command, const cli_option *o, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < o->low || value > o->high)
        return cli_usage_error(command, "--%s %s: expected a number from %g to %g", o->name, text, o->low,
                               o->high);
    *(double *)o->target = value;
    return CLI_PROCEED;
}

// 0 or 1 as a word in any case; -1: it is none.
static int truth_of(const char *text) {
    static const char *const words[] = { "0", "false", "f", "no",  "n", "off",
                                         "1", "true",  "t", "yes", "y", "on" };
    enum { WORDS = sizeof words / sizeof *words };
    for (int i = 0; i < WORDS; i++)
        if (!strcasecmp(text, words[i]))
            return i >= WORDS / 2;
    return -1;
}

// "--mirror" or, as the official scripts have it, "--mirror=1".
static int parse_flag(const char *command, const cli_option *o, const char *text) {
    int truth = truth_of(text);
    if (truth >= 0) {
        *(int *)o->target = truth;
        return CLI_PROCEED;
    }
    return cli_usage_error(command, "--%s=%s: expected nothing, or true or false", o->name, text);
}

static int parse_value(const char *command, const cli_option *o, const char *text) {
    if (o->given)
        *o->given = 1;
    switch (o->kind) {
    case CLI_INT: return parse_int(command, o, text);
    case CLI_REAL: return parse_real(command, o, text);
    case CLI_CHOICE: return parse_choice(command, o, text);
    case CLI_FLAG: return parse_flag(command, o, text);
    default: break;
    }
    if (!*text)
        return cli_usage_error(command, "--%s: the value is empty; expected %s", o->name, o->value);
    *(const char **)o->target = text;
    return CLI_PROCEED;
}

static const cli_option *find_in(const cli_option *list, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].name) == length && !memcmp(list[i].name, name, length))
            return &list[i];
    return NULL;
}

static const cli_option *find(const cli_spec *spec, const char *name, size_t length) {
    const cli_option *o = find_in(spec->options, spec->count, name, length);
    return o ? o : find_in(spec->unlisted, spec->unlisted_count, name, length);
}

// What an option of another script is called here; NULL where this command has nothing like it.
static const char *synonym(const cli_spec *spec, const char *name) {
    static const char *const pairs[][2] = {
        { "truncation-psi", "trunc" },  { "psi", "trunc" },
        { "row-seeds", "rows" },        { "col-seeds", "cols" },
        { "col-styles", "styles" },     { "result-dir", "outdir" },
        { "output-dir", "outdir" },     { "data-dir", "data" },
        { "dataset", "data" },          { "config", "cfg" },
        { "total-kimg", "kimg" },       { "mirror-augment", "mirror" },
        { "num-gpus", "gpus" },         { "pkl", "network" },
        { "ckpt", "network" },          { "network-pkl", "network" },
        { "resume-pkl", "resume" },     { "class-idx", "class" },
        { "resize-mode", "transform" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!strcmp(name, pairs[i][0]) && find(spec, pairs[i][1], strlen(pairs[i][1])))
            return pairs[i][1];
    return NULL;
}

static int unknown(const cli_spec *spec, const char *argument, size_t length) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), argument);
    const char *near = synonym(spec, name);
    if (!near)
        near = cli_nearest(name, &spec->options->name, spec->count, sizeof(cli_option));
    if (near)
        return cli_usage_error(spec->command, "unknown option --%s; did you mean --%s?", name, near);
    return cli_usage_error(spec->command, "unknown option --%s", name);
}

// One "--name": *at is its index in argv and moves past a value that is an argument of its own.
static int parse_option(const cli_spec *spec, int argc, char **argv, int *at) {
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const cli_option *o = find(spec, name, length);
    if (!o)
        return unknown(spec, name, length);
    if (name[length])
        return parse_value(spec->command, o, name + length + 1);
    if (o->kind == CLI_FLAG) {
        int follows = !spec->arguments_max && *at + 1 < argc && truth_of(argv[*at + 1]) >= 0;
        return parse_value(spec->command, o, follows ? argv[++*at] : "1");
    }
    if (*at + 1 >= argc)
        return cli_usage_error(spec->command, "--%s needs a value: %s", o->name, o->value);
    return parse_value(spec->command, o, argv[++*at]);
}

int cli_options_parse(const cli_spec *spec, int argc, char **argv, const char **plain) {
    static const char completion[] = "--completion=";
    int count = 0, ended = 0;
    if (argc == 2 && !strncmp(argv[1], completion, sizeof completion - 1))
        return cli_completion_table(spec, argv[1] + sizeof completion - 1);
    for (int i = 0; i < spec->arguments_max; i++)
        plain[i] = NULL;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (!ended && (!strcmp(text, "--help") || !strcmp(text, "-h")))
            return print_help(spec);
        if (!ended && !strcmp(text, "--")) {
            ended = 1;
        } else if (!ended && !strncmp(text, "--", 2)) {
            int result = parse_option(spec, argc, argv, &i);
            if (result != CLI_PROCEED)
                return result;
        } else if (!ended && text[0] == '-' && text[1] && !text[2] &&
                   find_in(spec->unlisted, spec->unlisted_count, text + 1, 1)) {
            int result = parse_value(spec->command, find(spec, text + 1, 1), "1");
            if (result != CLI_PROCEED)
                return result;
        } else if (!ended && text[0] == '-' && text[1]) {
            return cli_usage_error(spec->command, "unknown option %s; options begin with two dashes", text);
        } else if (!ended && !strcmp(text, "-") && spec->arguments_max) {
            return cli_usage_error(spec->command,
                                   "- is no file: standard input and output are not used here");
        } else if (count == spec->arguments_max) {
            return cli_usage_error(spec->command, "unexpected argument '%s'", text);
        } else {
            plain[count++] = text;
        }
    }
    if (count < spec->arguments_min)
        return cli_usage_error(spec->command, "expected %s", spec->arguments);
    return CLI_PROCEED;
}

int cli_part_run(const cli_spec *spec, const cli_part *parts, size_t count, int argc, char **argv) {
    const char *part = NULL;
    char names[200];
    size_t used = 0;
    for (size_t i = 0; argc > 1 && i < count; i++)
        if (!strcmp(argv[1], parts[i].name))
            return parts[i].run(argc - 1, argv + 1);
    int status = cli_options_parse(spec, argc, argv, &part);
    if (status != CLI_PROCEED)
        return status;
    for (size_t i = 0; i < count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i == 0          ? ""
                                 : i + 1 < count ? ", "
                                                 : " or ",
                                 parts[i].name);
    return cli_usage_error(spec->command, "%s: expected %s", part, names);
}
