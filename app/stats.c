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
#include "files.h"
#include "json.h"
#include "memory.h"

// A process that was killed, or a full disk, may have left a line without its end.
static int end_last_line(int file) {
    struct stat info;
    char last = '\n';
    if (fstat(file, &info) != 0 || (info.st_size > 0 && pread(file, &last, 1, info.st_size - 1) != 1))
        return 0;
    return last == '\n' || write(file, "\n", 1) == 1;
}

app_status app_stats_open(app_stats *s, const char *path, app_error *e) {
    *s = (app_stats){ .file = -1, .path = app_copy(path, e) };
    if (!s->path)
        return APP_FAILED;
    s->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (s->file < 0 || !end_last_line(s->file))
        return app_fail(e, "%s: can't be written: %s", path, strerror(errno));
    return APP_OK;
}

void app_stats_close(app_stats *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].name);
    free(s->items);
    free(s->last);
    if (s->path && s->file >= 0)
        close(s->file);
    free(s->path);
    *s = (app_stats){ .file = -1 };
}

static app_stat *find(const app_stats *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->items[i].name, name))
            return &s->items[i];
    return NULL;
}

static app_stat *find_or_add(app_stats *s, const char *name) {
    size_t length = strlen(name);
    app_stat *item = find(s, name);
    if (item)
        return item;
    if (s->count == s->room) {
        app_stat *grown = realloc(s->items, (s->room + 32) * sizeof *grown);
        if (!grown)
            return NULL;
        s->items = grown;
        s->room += 32;
    }
    item = &s->items[s->count];
    *item = (app_stat){ .name = malloc(length + 1) };
    if (!item->name)
        return NULL;
    memcpy(item->name, name, length + 1);
    s->count++;
    return item;
}

void app_stats_add_many(app_stats *s, const char *name, double num, double sum, double squares) {
    app_stat *item = find_or_add(s, name);
    if (!item) {
        s->lost = 1;
        return;
    }
    item->num += num;
    item->sum += sum;
    item->squares += squares;
}

void app_stats_add(app_stats *s, const char *name, double value) {
    app_stats_add_many(s, name, 1, value, value * value);
}

double app_stats_mean(const app_stats *s, const char *name) {
    const app_stat *item = find(s, name);
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

static void print_item(FILE *out, const app_stat *item) {
    char mean_text[APP_JSON_NUMBER], std_text[APP_JSON_NUMBER];
    double mean = item->sum / item->num, variance = item->squares / item->num - mean * mean;
    // rounding can take a variance below 0, but NaN stays NaN
    double std = item->num == 1 && isfinite(mean) ? 0 : variance < 0 ? 0 : sqrt(variance);
    app_json_number(mean, mean_text);
    app_json_number(std, std_text);
    fprintf(out, "\"");
    print_name(out, item->name);
    fprintf(out, "\": {\"num\": %.0f, \"mean\": %s, \"std\": %s}, ", item->num, mean_text, std_text);
}

// The line by malloc; NULL when memory is missing.
static char *make_line(const app_stats *s, double time, size_t *size) {
    char *line = NULL, time_text[APP_JSON_NUMBER];
    FILE *out = open_memstream(&line, size);
    if (!out)
        return NULL;
    fprintf(out, "{");
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].num > 0)
            print_item(out, &s->items[i]);
    app_json_number(time, time_text);
    fprintf(out, "\"timestamp\": %s}\n", time_text);
    int bad = ferror(out);
    if (fclose(out) != 0 || bad) {
        free(line);
        return NULL;
    }
    return line;
}

static app_status append(const app_stats *s, const char *line, size_t size, app_error *e) {
    struct stat info;
    int known = fstat(s->file, &info) == 0;
    ssize_t n;
    do
        n = write(s->file, line, size);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)size)
        return APP_OK;
    int reason = n < 0 ? errno : ENOSPC;
    if (n > 0 && known && ftruncate(s->file, info.st_size) != 0)
        reason = errno;
    return app_fail(e, "%s: can't be written: %s", s->path, strerror(reason));
}

static app_status remember(const app_stats *s, double time, app_history *history, app_error *e) {
    app_status status = app_history_tick(history, app_stats_mean(s, APP_STAT_KIMG), time, e);
    for (size_t i = 0; i < s->count && status == APP_OK; i++)
        if (s->items[i].num > 0)
            status = app_history_set(history, s->items[i].name, s->items[i].sum / s->items[i].num, e);
    return status;
}

static void forget(app_stats *s) {
    for (size_t i = 0; i < s->count; i++)
        s->items[i].num = s->items[i].sum = s->items[i].squares = 0;
}

app_status app_stats_write(app_stats *s, double time, app_history *history, app_error *e) {
    size_t size;
    if (!isfinite(app_stats_mean(s, APP_STAT_KIMG)))
        return app_fail(e, "%s: a tick ended without " APP_STAT_KIMG, s->path);
    char *line = s->lost ? NULL : make_line(s, time, &size);
    if (!line)
        return app_fail(e, "%s: out of memory", s->path);
    app_status status = append(s, line, size, e);
    free(s->last);
    s->last = status == APP_OK ? line : NULL;
    if (status != APP_OK)
        free(line);
    if (status == APP_OK && history)
        status = remember(s, time, history, e);
    forget(s);
    return status;
}

// The line's items come behind new ones; the rest of it stays as it is.
static char *make_longer(const app_stats *s, size_t *size) {
    char *line = NULL;
    FILE *out = open_memstream(&line, size);
    if (!out)
        return NULL;
    fprintf(out, "{");
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].num > 0)
            print_item(out, &s->items[i]);
    fputs(s->last + 1, out);
    int bad = ferror(out);
    if (fclose(out) != 0 || bad) {
        free(line);
        return NULL;
    }
    return line;
}

static app_status replace_last(app_stats *s, char *line, size_t size, app_error *e) {
    struct stat info;
    off_t old = (off_t)strlen(s->last);
    if (fstat(s->file, &info) != 0 || info.st_size < old || ftruncate(s->file, info.st_size - old) != 0)
        return app_fail(e, "%s: can't be written: %s", s->path, strerror(errno));
    app_status status = append(s, line, size, e);
    if (status != APP_OK)
        (void)append(s, s->last, (size_t)old, NULL);
    return status;
}

app_status app_stats_amend(app_stats *s, app_history *history, app_error *e) {
    size_t size;
    int added = 0;
    for (size_t i = 0; i < s->count; i++)
        added |= s->items[i].num > 0;
    if (!added || !s->last)
        return APP_OK;
    char *line = s->lost ? NULL : make_longer(s, &size);
    if (!line)
        return app_fail(e, "%s: out of memory", s->path);
    app_status status = replace_last(s, line, size, e);
    for (size_t i = 0; i < s->count && status == APP_OK && history; i++)
        if (s->items[i].num > 0)
            status = app_history_set(history, s->items[i].name, s->items[i].sum / s->items[i].num, e);
    free(line);
    free(s->last);
    s->last = NULL;
    forget(s);
    return status;
}

// ---- Going on from an earlier tick

typedef struct cut {
    double kimg;
    FILE *out;
} cut;

static app_json_verdict keep_line(void *user, const app_json_line *line, app_error *e) {
    const cut *c = user;
    (void)e;
    double kimg = app_history_line_kimg(line->json);
    if (isnan(kimg))
        return APP_JSON_UNUSED;
    if (kimg > c->kimg + 0.0005) // half a picture: the same count may be rounded another way
        return APP_JSON_USED;
    fwrite(line->text, 1, line->size, c->out);
    putc('\n', c->out);
    return APP_JSON_USED;
}

app_status app_stats_truncate(const char *path, double kimg, app_error *e) {
    app_file file;
    struct stat info;
    if (stat(path, &info) != 0 && errno == ENOENT)
        return APP_OK;
    if (app_file_open(&file, path, e) != APP_OK)
        return APP_FAILED;
    cut c = { kimg, file.out };
    if (app_json_lines(path, "a JSON object with Progress/kimg", keep_line, &c, e) != APP_OK) {
        app_file_discard(&file);
        return APP_FAILED;
    }
    return app_file_commit(&file, e);
}
