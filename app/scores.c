// SPDX-License-Identifier: Apache-2.0
// Columns of a text file, and pictures in two folders; see scores.h.
#include "scores.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/image.h>
#include "files.h"
#include "memory.h"
#include "recipe.h"

enum { FILE_MOST = 64 << 20, COLUMNS_MOST = 256, NAME_MOST = 200 };

void app_scores_close(app_scores *s) {
    for (size_t i = 0; s->names && i < s->columns; i++)
        free(s->names[i]);
    free(s->names);
    free(s->values);
    free(s->seeds);
    *s = (app_scores){ 0 };
}

// ---- lines

static int parts(int c) {
    return c == ',' || c == ';' || c == ' ' || c == '\t';
}

// The fields of a line, which is cut in place; returns their number, or COLUMNS_MOST + 1.
static size_t split(char *line, char **fields) {
    size_t count = 0;
    char *p = line;
    while (*p) {
        while (*p == ' ' || *p == '\t')
            p++;
        if (!*p)
            break;
        if (count == COLUMNS_MOST)
            return COLUMNS_MOST + 1;
        char quote = *p == '"' ? *p++ : '\0';
        fields[count++] = p;
        while (*p && (quote ? *p != quote : !parts(*p)))
            p++;
        char *end = p;
        if (quote && *p)
            p++;
        while (*p == ' ' || *p == '\t')
            p++;
        if (*p == ',' || *p == ';')
            p++;
        *end = '\0';
    }
    return count;
}

static int number_of(const char *field, double *value) {
    char *end;
    *value = strtod(field, &end);
    return end != field && !*end && isfinite(*value);
}

static app_status name_columns(app_scores *s, char **fields, size_t count, app_error *e) {
    s->names = app_array(count, 1, 1, sizeof *s->names, e);
    s->columns = s->names ? count : 0;
    for (size_t i = 0; s->names && i < count; i++)
        if (!(s->names[i] = app_copy(fields[i], e)))
            return APP_FAILED;
    return s->names ? APP_OK : APP_FAILED;
}

static app_status add_row(app_scores *s, const char *path, size_t line, char **fields, size_t count,
                          size_t *room, app_error *e) {
    if (!s->columns)
        s->columns = count;
    if (count != s->columns)
        return app_fail(e, "%s: line %zu has %zu columns, those before it %zu", path, line, count,
                        s->columns);
    if (s->rows == *room) {
        *room = *room ? 2 * *room : 256;
        double *more = realloc(s->values, *room * s->columns * sizeof *more);
        if (!more)
            return app_fail(e, "%s: out of memory for its scores", path);
        s->values = more;
    }
    for (size_t i = 0; i < count; i++)
        if (!number_of(fields[i], &s->values[s->rows * s->columns + i]))
            return app_fail(e, "%s: line %zu has \"%.60s\" where a number is needed", path, line, fields[i]);
    s->rows++;
    return APP_OK;
}

static app_status read_lines(app_scores *s, const char *path, char *text, app_error *e) {
    char *fields[COLUMNS_MOST], *next;
    size_t line = 0, room = 0;
    for (char *p = text; p && *p; p = next) {
        double value;
        char *end = strpbrk(p, "\r\n");
        next = end ? end + 1 + (*end == '\r' && end[1] == '\n') : NULL;
        if (end)
            *end = '\0';
        line++;
        size_t count = *p == '#' ? 0 : split(p, fields);
        if (count > COLUMNS_MOST)
            return app_fail(e, "%s: line %zu has more than %d columns", path, line, COLUMNS_MOST);
        if (!count)
            continue;
        int names = !s->rows && !s->names && !number_of(fields[0], &value);
        if ((names ? name_columns(s, fields, count, e) : add_row(s, path, line, fields, count, &room, e)) !=
            APP_OK)
            return APP_FAILED;
    }
    return s->rows ? APP_OK : app_fail(e, "%s: has no lines with scores", path);
}

// ---- columns

static void drop_column(app_scores *s, size_t column) {
    for (size_t i = 0, to = 0; i < s->rows * s->columns; i++)
        if (i % s->columns != column)
            s->values[to++] = s->values[i];
    if (s->names) {
        free(s->names[column]);
        memmove(s->names + column, s->names + column + 1, (s->columns - column - 1) * sizeof *s->names);
    }
    s->columns--;
}

static app_status take_seeds(app_scores *s, const char *path, app_error *e) {
    for (size_t c = 0; s->names && c < s->columns; c++) {
        if (strcmp(s->names[c], "seed") != 0)
            continue;
        s->seeds = app_array(s->rows, 1, 1, sizeof *s->seeds, e);
        if (!s->seeds)
            return APP_FAILED;
        for (size_t i = 0; i < s->rows; i++) {
            double x = s->values[i * s->columns + c];
            if (!(x >= 0 && x <= UINT32_MAX) || x != floor(x))
                return app_fail(e, "%s: %g is no seed", path, x);
            s->seeds[i] = (uint32_t)x;
        }
        drop_column(s, c);
        break;
    }
    return s->columns ? APP_OK : app_fail(e, "%s: has seeds and no scores", path);
}

static app_status choose_column(app_scores *s, const char *path, const char *name, app_error *e) {
    size_t at = s->columns;
    for (size_t i = 0; s->names && i < s->columns; i++)
        if (!strcmp(s->names[i], name))
            at = i;
    if (at == s->columns && isdigit((unsigned char)*name) && strlen(name) < 6)
        at = strtoul(name, NULL, 10);
    if (at >= s->columns)
        return app_fail(e, "%s: has no column \"%s\"; it has %zu%s%s", path, name, s->columns,
                        s->names ? ", the first called " : "", s->names ? s->names[0] : "");
    while (s->columns > at + 1)
        drop_column(s, s->columns - 1);
    while (s->columns > 1)
        drop_column(s, 0);
    return APP_OK;
}

app_status app_scores_read(const char *source, app_scores *s, app_error *e) {
    *s = (app_scores){ 0 };
    const char *name;
    char *path = app_file_split(source, &name, e);
    if (!path)
        return APP_FAILED;
    char *text = app_file_read(path, FILE_MOST, NULL, e);
    app_status status = text ? read_lines(s, path, text, e) : APP_FAILED;
    if (status == APP_OK)
        status = take_seeds(s, path, e);
    if (status == APP_OK && name)
        status = choose_column(s, path, name, e);
    free(text);
    free(path);
    if (status != APP_OK)
        app_scores_close(s);
    return status;
}

// ---- sorted pictures

// The number in "seed0085.png", or -1.
static int64_t seed_of_name(const char *name) {
    const char *at = strstr(name, "seed");
    char *end;
    if (!at || !isdigit((unsigned char)at[4]))
        return -1;
    unsigned long long seed = strtoull(at + 4, &end, 10);
    return seed <= UINT32_MAX && (!*end || *end == '.') ? (int64_t)seed : -1;
}

static app_status seed_of(atl_ctx *ctx, const char *folder, const char *name, uint64_t fingerprint,
                          int64_t *seed, app_error *e) {
    char *path = app_join(folder, name, e), *text = NULL;
    *seed = -1;
    if (!path)
        return APP_FAILED;
    app_recipe r = { 0 };
    json_t *owner = NULL;
    app_status status = APP_OK;
    if (atl_image_text(ctx, path, APP_RECIPE_KEY, &text) != ATL_OK)
        atl_message_clear(ctx); // no picture, or one that keeps no text: its name may do
    if (text)
        status = app_recipe_read(path, text, &r, &owner, e);
    if (status == APP_OK && text && r.fingerprint != fingerprint)
        status =
            app_fail(e, "%s: was made by another network (fingerprint %016" PRIx64 ")", path, r.fingerprint);
    if (status == APP_OK)
        *seed = text && r.has_seed && !r.styles && !r.grid ? (int64_t)r.seed : seed_of_name(name);
    if (status == APP_OK && *seed < 0)
        status = app_fail(e,
                          "%s: does not say of which seed it is: neither a record inside nor a name like "
                          "seed0085.png",
                          path);
    json_decref(owner);
    atl_text_free(ctx, text);
    free(path);
    return status;
}

static app_status add_seed(app_scores *s, uint32_t seed, double score, app_error *e) {
    if (s->rows % 256 == 0) {
        double *values = realloc(s->values, (s->rows + 256) * sizeof *values);
        uint32_t *seeds = values ? realloc(s->seeds, (s->rows + 256) * sizeof *seeds) : NULL;
        s->values = values ? values : s->values;
        s->seeds = seeds ? seeds : s->seeds;
        if (!seeds)
            return app_fail(e, "out of memory for the seeds of pictures");
    }
    s->values[s->rows] = score;
    s->seeds[s->rows++] = seed;
    return APP_OK;
}

static app_status add_folder(atl_ctx *ctx, app_scores *s, const char *folder, uint64_t fingerprint,
                             double score, app_error *e) {
    struct dirent **list;
    size_t before = s->rows;
    int n = scandir(folder, &list, NULL, alphasort);
    if (n < 0)
        return app_fail(e, "%s: can't be read: %s", folder, strerror(errno));
    app_status status = APP_OK;
    for (int i = 0; i < n; i++) {
        int64_t seed;
        if (list[i]->d_name[0] != '.' && status == APP_OK) {
            status = seed_of(ctx, folder, list[i]->d_name, fingerprint, &seed, e);
            if (status == APP_OK)
                status = add_seed(s, (uint32_t)seed, score, e);
        }
        free(list[i]);
    }
    free(list);
    if (status == APP_OK && s->rows == before)
        return app_fail(e, "%s: has no pictures", folder);
    return status;
}

app_status app_scores_sorted(atl_ctx *ctx, const char *good, const char *bad, uint64_t fingerprint,
                             app_scores *s, app_error *e) {
    *s = (app_scores){ .columns = 1 };
    app_status status = add_folder(ctx, s, good, fingerprint, 1, e);
    if (status == APP_OK)
        status = add_folder(ctx, s, bad, fingerprint, 0, e);
    if (status != APP_OK)
        app_scores_close(s);
    return status;
}
