// SPDX-License-Identifier: Apache-2.0
// atelier completion bash|zsh: the script that completes command lines.  Each subcommand is run with
// "--completion=SHELL", which makes the option parser print its table in place of parsing, so that there is
// no second list of options.  What the shells do with the tables is in completions/driver.bash and
// driver.zsh.
#include "completion.h"

#include <stdio.h>
#include <string.h>
#include "completion_drivers.h"

static const char *const options_begin = "\n_atelier_options() { # COMMAND\n    case $1 in\n";

// ---- bash: lines of "--name KIND", where KIND is flag, value, file, folder, or words between bars

static const char *kind_of(const char *value) {
    if (!strncmp(value, "FILE", 4) || !strncmp(value, "PATH", 4))
        return "file";
    return strcmp(value, "DIR") ? "value" : "folder";
}

static void bash_table(const cli_spec *spec) {
    printf("    '%s') echo '\n", spec->command);
    for (size_t i = 0; i < spec->count; i++) {
        const cli_option *o = &spec->options[i];
        const char *kind = o->kind == CLI_FLAG     ? "flag"
                           : o->kind == CLI_CHOICE ? o->value
                           : o->kind == CLI_TEXT   ? kind_of(o->value)
                                                   : "value";
        printf("--%s %s\n", o->name, kind);
    }
    if (spec->arguments_max) // words that are the names of parts, or files
        printf("plain %s\n", strchr(spec->arguments, '|') ? spec->arguments : "file");
    printf("' ;;\n");
}

static void bash_commands(const cli_command *commands, size_t count) {
    printf("# Completes command lines of atelier in bash; printed by 'atelier completion bash'.\n"
           "_atelier_commands() {\n    echo '");
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? " " : "", commands[i].name);
    printf("'\n}\n%s", options_begin);
}

// ---- zsh: arguments of _arguments

// Within single quotes, as an explanation in brackets.
static void zsh_text(const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text == '\n' ? ' ' : *text);
    }
}

// "a|b" as "a b"
static void zsh_words(const char *words) {
    for (; *words; words++)
        putchar(*words == '|' ? ' ' : *words);
}

static void zsh_option(const cli_option *o) {
    printf(" \\\n        '--%s%s[", o->name, o->kind == CLI_FLAG ? "" : "=");
    zsh_text(o->help);
    printf("]");
    if (o->kind == CLI_CHOICE) {
        printf(":word:(");
        zsh_words(o->value);
        printf(")");
    } else if (o->kind != CLI_FLAG) {
        const char *kind = o->kind == CLI_TEXT ? kind_of(o->value) : "value";
        printf(":");
        zsh_text(o->value);
        printf(":%s", !strcmp(kind, "file") ? "_files" : !strcmp(kind, "folder") ? "_files -/" : " ");
    }
    printf("'");
}

static void zsh_table(const cli_spec *spec) {
    printf("    '%s') _arguments", spec->command);
    for (size_t i = 0; i < spec->count; i++)
        zsh_option(&spec->options[i]);
    printf(" \\\n        '--help[print this text]'");
    if (spec->arguments_max && strchr(spec->arguments, '|')) {
        printf(" '1:word:(");
        zsh_words(spec->arguments);
        printf(")'");
    } else if (spec->arguments_max) {
        printf(" '*:file:_files'");
    }
    printf(" ;;\n");
}

static void zsh_commands(const cli_command *commands, size_t count) {
    printf("#compdef atelier\n"
           "# Completes command lines of atelier in zsh; printed by 'atelier completion zsh'.\n"
           "_atelier_commands() {\n    local -a list=(");
    for (size_t i = 0; i < count; i++) {
        printf("\n        '%s:", commands[i].name);
        zsh_text(commands[i].summary);
        printf("'");
    }
    printf("\n    )\n    _describe command list\n}\n%s", options_begin);
}

// ---- both

typedef struct shell {
    const char *name;
    void (*commands)(const cli_command *commands, size_t count);
    void (*table)(const cli_spec *spec);
    const char *driver;
} shell;

static const shell shells[] = {
    { "bash", bash_commands, bash_table, completion_bash },
    { "zsh", zsh_commands, zsh_table, completion_zsh },
};

static const shell *find(const char *name) {
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(shells[i].name, name))
            return &shells[i];
    return NULL;
}

int cli_completion_table(const cli_spec *spec, const char *name) {
    const shell *s = find(name);
    if (!s)
        return cli_usage_error(spec->command, "--completion %s: expected bash or zsh", name);
    s->table(spec);
    return CLI_SUCCESS;
}

int cli_completion(const cli_command *commands, size_t count, int argc, char **argv) {
    const shell *s = argc == 2 ? find(argv[1]) : NULL;
    if (!s) {
        fprintf(stderr,
                "atelier completion: expected bash or zsh; it prints a script for that shell to read, as in\n"
                "    source <(atelier completion bash)\n");
        return CLI_USAGE;
    }
    // commands whose second word has options of its own
    static const char *const parts[][2] = {
        { "dataset", "check" }, { "spectra", "stats" }, { "spectra", "calc" }, { "spectra", "heatmap" },
        { "spectra", "slices" }, { "congeal", "apply" }, { "congeal", "points" },
        { "congeal", "propagate" }, { "congeal", "train" }, { "directions", "sefa" },
        { "directions", "ganspace" }, { "directions", "boundary" }, { "directions", "lstsq" },
        { "directions", "condition" }, { "directions", "show" }
    };
    char option[32];
    snprintf(option, sizeof option, "--completion=%s", s->name);
    s->commands(commands, count);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", commands[i].name);
        commands[i].run(2, (char *[]){ name, option, NULL });
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            char part[32];
            snprintf(part, sizeof part, "%s", parts[k][1]);
            if (!strcmp(name, parts[k][0]))
                commands[i].run(3, (char *[]){ name, part, option, NULL });
        }
    }
    printf("    esac\n}\n%s", s->driver);
    return CLI_SUCCESS;
}
