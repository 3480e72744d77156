// SPDX-License-Identifier: Apache-2.0
// Sums of a tick, and the file of lines; see stats.h.
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"
#include "files.h"
#include "json.h"

// A process that was killed, or a full disk, may have left a line without its end.
static int end_last_line(int file) {
    struct stat info;
    char last = '\n';
    if (fstat(file, &info) != 0 || (info.st_size > 0 && pread(file, &last, 1, info.st_size - 1) != 1))
        return 0;
    return last == '\n' || write(file, "\n", 1) == 1;
}

int cli_stats_open(cli_stats *s, const char *path) {
    size_t length = strlen(path);
    *s = (cli_stats){ .file = -1, .path = malloc(length + 1) };
    if (!s->path)
        return cli_error("out of memory");
    memcpy(s->path, path, length + 1);
    s->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (s->file < 0 || !end_last_line(s->file))
        return cli_error("%s: can't be written: %s", path, strerror(errno));
    return CLI_SUCCESS;
}

void cli_stats_close(cli_stats *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].name);
    free(s->items);
    if (s->path && s->file >= 0)
        close(s->file);
    free(s->path);
    *s = (cli_stats){ .file = -1 };
}

static cli_stat *find(const cli_stats *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->items[i].name, name))
            return &s->items[i];
    return NULL;
}

static cli_stat *find_or_add(cli_stats *s, const char *name) {
    size_t length = strlen(name);
    cli_stat *item = find(s, name);
    if (item)
        return item;
    if (s->count == s->room) {
        cli_stat *grown = realloc(s->items, (s->room + 32) * sizeof *grown);
        if (!grown)
            return NULL;
        s->items = grown;
        s->room += 32;
    }
    item = &s->items[s->count];
    *item = (cli_stat){ .name = malloc(length + 1) };
    if (!item->name)
        return NULL;
    memcpy(item->name, name, length + 1);
    s->count++;
    return item;
}

void cli_stats_add_many(cli_stats *s, const char *name, double num, double sum, double squares) {
    cli_stat *item = find_or_add(s, name);
    if (!item) {
        s->lost = 1;
        return;
    }
    item->num += num;
    item->sum += sum;
    item->squares += squares;
}

void cli_stats_add(cli_stats *s, const char *name, double value) {
    cli_stats_add_many(s, name, 1, value, value * value);
}

double cli_stats_mean(const cli_stats *s, const char *name) {
    const cli_stat *item = find(s, name);
    return item && item->num > 0 ? item->sum / item->num : NAN;
}

// ---- A line

static void print_name(FILE *out, const char *name) {
    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p >= 127)
            putc('?', out); // names are ASCII; anything else could break the line
        else if ((unsigned char)*p < 32)
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            fprintf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    }
}

static void print_item(FILE *out, const cli_stat *item) {
    char mean_text[CLI_JSON_NUMBER], std_text[CLI_JSON_NUMBER];
    double mean = item->sum / item->num, variance = item->squares / item->num - mean * mean;
    // rounding can take a variance below 0, but NaN stays NaN
    double std = item->num == 1 && isfinite(mean) ? 0 : variance < 0 ? 0 : sqrt(variance);
    cli_json_number(mean, mean_text);
    cli_json_number(std, std_text);
    fprintf(out, "\"");
    print_name(out, item->name);
    fprintf(out, "\": {\"num\": %.0f, \"mean\": %s, \"std\": %s}, ", item->num, mean_text, std_text);
}

// The line by malloc; NULL when memory is missing.
static char *make_line(const cli_stats *s, double time, size_t *size) {
    char *line = NULL, time_text[CLI_JSON_NUMBER];
    FILE *out = open_memstream(&line, size);
    if (!out)
        return NULL;
    fprintf(out, "{");
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].num > 0)
            print_item(out, &s->items[i]);
    cli_json_number(time, time_text);
    fprintf(out, "\"timestamp\": %s}\n", time_text);
    int bad = ferror(out);
    if (fclose(out) != 0 || bad) {
        free(line);
        return NULL;
    }
    return line;
}

static int append(const cli_stats *s, const char *line, size_t size) {
    struct stat info;
    int known = fstat(s->file, &info) == 0;
    ssize_t n;
    do
        n = write(s->file, line, size);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)size)
        return CLI_SUCCESS;
    int reason = n < 0 ? errno : ENOSPC;
    if (n > 0 && known && ftruncate(s->file, info.st_size) != 0)
        reason = errno;
    return cli_error("%s: can't be written: %s", s->path, strerror(reason));
}

static int remember(const cli_stats *s, double time, cli_history *history) {
    int status = cli_history_tick(history, cli_stats_mean(s, CLI_STAT_KIMG), time);
    for (size_t i = 0; i < s->count && status == CLI_SUCCESS; i++)
        if (s->items[i].num > 0)
            status = cli_history_set(history, s->items[i].name, s->items[i].sum / s->items[i].num);
    return status;
}

int cli_stats_write(cli_stats *s, double time, cli_history *history) {
    size_t size;
    if (!isfinite(cli_stats_mean(s, CLI_STAT_KIMG)))
        return cli_error("%s: a tick ended without " CLI_STAT_KIMG, s->path);
    char *line = s->lost ? NULL : make_line(s, time, &size);
    if (!line)
        return cli_error("%s: out of memory", s->path);
    int status = append(s, line, size);
    free(line);
    if (status == CLI_SUCCESS && history)
        status = remember(s, time, history);
    for (size_t i = 0; i < s->count; i++)
        s->items[i].num = s->items[i].sum = s->items[i].squares = 0;
    return status;
}

// ---- Going on from an earlier tick

typedef struct cut {
    double kimg;
    FILE *out;
} cut;

static int keep_line(void *user, const cli_json_line *line) {
    const cut *c = user;
    double kimg = cli_history_line_kimg(line->json);
    if (isnan(kimg))
        return CLI_JSON_UNUSED;
    if (kimg > c->kimg + 0.0005) // half a picture: the same count may be rounded another way
        return CLI_JSON_USED;
    fwrite(line->text, 1, line->size, c->out);
    putc('\n', c->out);
    return CLI_JSON_USED;
}

int cli_stats_truncate(const char *path, double kimg) {
    cli_file file;
    struct stat info;
    if (stat(path, &info) != 0 && errno == ENOENT)
        return CLI_SUCCESS;
    if (cli_file_open(&file, path) != CLI_SUCCESS)
        return CLI_FAILURE;
    cut c = { kimg, file.out };
    if (cli_json_lines(path, 0, "a JSON object with Progress/kimg", keep_line, &c) != CLI_SUCCESS) {
        cli_file_discard(&file);
        return CLI_FAILURE;
    }
    return cli_file_commit(&file);
}
