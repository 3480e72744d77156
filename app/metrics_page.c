// SPDX-License-Identifier: Apache-2.0
// metrics.html: what the files metric-*.jsonl of a folder say, as one page that needs nothing else.  A table,
// a row for each network in the order of their names and a column for each number, and for numbers of several
// networks a curve with bars of one standard error.
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "json.h"
#include "metrics.h"

enum { NAME = 128, CELLS_MOST = 200000 };

typedef struct cell {
    char network[NAME], value_name[NAME];
    double value, error, time;
} cell;

typedef struct page {
    cell *cells; // one for each network and value
    size_t count, room;
    int lost;
} page;

// ---- reading

static void copy_name(char to[NAME], const char *from) {
    snprintf(to, NAME, "%s", from ? from : "");
}

static cell *find(page *p, const char *network, const char *value_name) {
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->cells[i].network, network) && !strcmp(p->cells[i].value_name, value_name))
            return &p->cells[i];
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        cell *grown = room <= CELLS_MOST ? realloc(p->cells, room * sizeof *grown) : NULL;
        if (!grown) {
            p->lost = 1;
            return NULL;
        }
        p->cells = grown;
        p->room = room;
    }
    cell *c = &p->cells[p->count++];
    *c = (cell){ .time = -INFINITY };
    copy_name(c->network, network);
    copy_name(c->value_name, value_name);
    return c;
}

static double number(const json_t *value) {
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// Of several lines about one network the youngest counts.
static app_json_verdict use(void *user, const app_json_line *line, app_error *e) {
    page *p = user;
    json_t *results = json_object_get(line->json, "results"), *value;
    const json_t *errors = json_object_get(line->json, "errors");
    double time = number(json_object_get(line->json, "timestamp"));
    char network[NAME], value_name[NAME];
    const char *key;
    (void)e;
    if (!json_is_object(results))
        return APP_JSON_UNUSED;
    copy_name(network, json_string_value(json_object_get(line->json, "snapshot_pkl")));
    json_object_foreach(results, key, value) {
        copy_name(value_name, key);
        cell *c = find(p, network, value_name);
        if (c && !(time < c->time)) {
            c->value = number(value);
            c->error = number(json_object_get(errors, key));
            c->time = time;
        }
    }
    return APP_JSON_USED;
}

static int is_metric(const char *name) {
    static const char head[] = "metric-", tail[] = ".jsonl";
    size_t length = strlen(name), a = sizeof head - 1, b = sizeof tail - 1;
    return length > a + b && !memcmp(name, head, a) && !memcmp(name + length - b, tail, b);
}

static app_status read_folder(page *p, const char *folder, app_error *e) {
    DIR *d = opendir(folder);
    const struct dirent *entry;
    app_status status = APP_OK;
    while (d && status == APP_OK && (entry = readdir(d)) != NULL) {
        if (!is_metric(entry->d_name))
            continue;
        char *path = app_join(folder, entry->d_name, e);
        status = path ? app_json_lines(path, "a JSON object with results", use, p, e) : APP_FAILED;
        free(path);
    }
    if (d)
        closedir(d);
    return status == APP_OK && p->lost ? app_fail(e, "%s: its results don't fit into memory", folder)
                                       : status;
}

static int by_network(const void *a, const void *b) {
    const cell *x = a, *y = b;
    int order = strcmp(x->network, y->network);
    return order ? order : strcmp(x->value_name, y->value_name);
}

// ---- writing

static void put_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (strchr("<>&\"'", *text) || (unsigned char)*text < 32)
            fprintf(out, "&#%d;", (unsigned char)*text);
        else
            putc(*text, out);
    }
}

// Names of values, each once, in order; the caller frees the list.
static const char **columns(const page *p, size_t *count) {
    const char **list = malloc((p->count + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; list && i < p->count; i++) {
        size_t at = 0;
        while (at < *count && strcmp(list[at], p->cells[i].value_name) < 0)
            at++;
        if (at < *count && !strcmp(list[at], p->cells[i].value_name))
            continue;
        memmove(list + at + 1, list + at, (*count - at) * sizeof *list);
        list[at] = p->cells[i].value_name;
        ++*count;
    }
    return list;
}

static void put_number(FILE *out, const cell *c) {
    if (!isfinite(c->value)) {
        fputs("-", out);
        return;
    }
    fprintf(out, "%.5g", c->value);
    if (isfinite(c->error))
        fprintf(out, "<i> &plusmn; %.2g</i>", c->error);
}

static void put_table(FILE *out, const page *p, const char *const *names, size_t count) {
    fputs("<div class=\"wide\"><table>\n<tr><th>network</th>", out);
    for (size_t k = 0; k < count; k++) {
        fputs("<th>", out);
        put_text(out, names[k]);
        fputs("</th>", out);
    }
    fputs("</tr>\n", out);
    for (size_t i = 0; i < p->count;) {
        size_t end = i;
        while (end < p->count && !strcmp(p->cells[end].network, p->cells[i].network))
            end++;
        fputs("<tr><th>", out);
        put_text(out, p->cells[i].network);
        fputs("</th>", out);
        for (size_t k = 0; k < count; k++) {
            fputs("<td>", out);
            for (size_t c = i; c < end; c++)
                if (!strcmp(p->cells[c].value_name, names[k]))
                    put_number(out, &p->cells[c]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
        i = end;
    }
    fputs("</table></div>\n", out);
}

enum { WIDTH = 560, HEIGHT = 200, LEFT = 70, RIGHT = 16, TOP = 14, BOTTOM = 26 };

typedef struct scale {
    double low, high; // of the values with their bars
    size_t points;
} scale;

static scale scale_of(const page *p, const char *name) {
    scale s = { INFINITY, -INFINITY, 0 };
    for (size_t i = 0; i < p->count; i++) {
        const cell *c = &p->cells[i];
        if (strcmp(c->value_name, name) != 0 || !isfinite(c->value))
            continue;
        double e = isfinite(c->error) ? c->error : 0;
        s.low = fmin(s.low, c->value - e);
        s.high = fmax(s.high, c->value + e);
        s.points++;
    }
    if (s.high <= s.low) {
        s.low -= 1;
        s.high += 1;
    }
    return s;
}

static double y_of(const scale *s, double value) {
    return TOP + (s->high - value) / (s->high - s->low) * (HEIGHT - TOP - BOTTOM);
}

// One number of several networks: a line through the values and a bar of one error at each.
static void put_chart(FILE *out, const page *p, const char *name) {
    scale s = scale_of(p, name);
    if (s.points < 2)
        return;
    fputs("<figure><figcaption>", out);
    put_text(out, name);
    fprintf(out, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\">", WIDTH, HEIGHT);
    for (int k = 0; k <= 2; k++) {
        double value = s.low + (s.high - s.low) * k / 2, y = y_of(&s, value);
        fprintf(out, "<path class=\"rule\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\">%.4g</text>", LEFT, y,
                WIDTH - RIGHT, LEFT - 8, y + 4, value);
    }
    char *line = NULL;
    size_t size = 0, at = 0;
    FILE *path = open_memstream(&line, &size);
    for (size_t i = 0; path && i < p->count; i++) {
        const cell *c = &p->cells[i];
        if (strcmp(c->value_name, name) != 0 || !isfinite(c->value))
            continue;
        double x = LEFT + (WIDTH - LEFT - RIGHT) * (double)at / (double)(s.points - 1),
               y = y_of(&s, c->value);
        fprintf(path, "%s%.1f %.1f", at ? "L" : "M", x, y);
        if (isfinite(c->error))
            fprintf(out, "<path class=\"bar\" d=\"M%.1f %.1fV%.1f\"/>", x, y_of(&s, c->value - c->error),
                    y_of(&s, c->value + c->error));
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", x, y);
        put_text(out, c->network);
        fprintf(out, ": %.5g</title></circle>", c->value);
        at++;
    }
    if (path)
        fclose(path);
    fprintf(out, "<path class=\"line\" d=\"%s\"/></svg></figure>\n", line ? line : "");
    free(line);
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Metrics</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<style>\n"
    ":root{color-scheme:light "
    "dark;--paper:#faf9f7;--ink:#1c1c1a;--soft:#6b6a66;--rule:#e6e3dd;--accent:#2f66c8}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#131416;--ink:#ebeae6;--soft:#a2a19c;--rule:#2d2f33;"
    "--accent:#7fa9f5}}\n"
    "body{margin:0 auto;max-width:1240px;padding:36px 28px;background:var(--paper);color:var(--ink);"
    "font:15px/1.55 ui-sans-serif,system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse}th,td{padding:6px 14px;text-align:right;"
    "border-bottom:1px solid "
    "var(--rule);white-space:nowrap}th:first-child{text-align:left}i{font-style:normal;"
    "color:var(--soft)}\n"
    "figure{display:inline-block;margin:24px 24px 0 "
    "0;width:560px;max-width:100%}figcaption{font-weight:600}\n"
    "svg{width:100%}text{font-size:12px;text-anchor:end;fill:var(--soft)}.rule{stroke:var(--rule)}"
    ".line{fill:none;stroke:var(--accent);stroke-width:2}.bar{stroke:var(--accent);stroke-width:1}"
    "circle{fill:var(--accent)}p{color:var(--soft)}\n"
    "</style></head><body>\n<h1>Metrics</h1>\n"
    "<p>Each number with one standard error.</p>\n";

app_status app_metrics_page(const char *folder, app_error *e) {
    page p = { 0 };
    app_file file = { 0 };
    size_t count = 0;
    app_status status = read_folder(&p, folder, e);
    const char **names = NULL;
    char *path = NULL;
    if (status == APP_OK) {
        if (p.count)
            qsort(p.cells, p.count, sizeof *p.cells, by_network);
        names = columns(&p, &count);
        path = app_join(folder, "metrics.html", e);
        status = !path ? APP_FAILED : names ? app_file_open(&file, path, e) : app_fail(e, "out of memory");
    }
    if (status == APP_OK) {
        fputs(head, file.out);
        put_table(file.out, &p, names, count);
        for (size_t k = 0; k < count; k++)
            put_chart(file.out, &p, names[k]);
        fputs("</body></html>\n", file.out);
        status = app_file_commit(&file, e);
    }
    free(path);
    free(names);
    free(p.cells);
    return status;
}
