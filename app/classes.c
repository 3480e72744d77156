// SPDX-License-Identifier: Apache-2.0
// Reading classes; see classes.h.
#include "classes.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "memory.h"

enum { FILE_MOST = 1 << 24, NAME_MOST = 200, MIXTURE_MOST = 1 << 16 };

// ---- lists of names

typedef struct names {
    const char *path;
    char *text; // of the file, by malloc; NULL: there is none
} names;

typedef struct part {
    const char *at;
    size_t size;
} part;

static part trimmed(const char *at, const char *end, const char *drop) {
    while (at < end && (isspace((unsigned char)*at) || strchr(drop, *at)))
        at++;
    while (end > at && (isspace((unsigned char)end[-1]) || strchr(drop, end[-1])))
        end--;
    return (part){ at, (size_t)(end - at) };
}

// Moves past what may stand before the names of a line; *number is set where it says one.
static part after_heads(part line, unsigned long *number) {
    const char *end = line.at + line.size, *p = line.at;
    while (p < end && isdigit((unsigned char)*p))
        p++;
    if (p > line.at && p < end && *p == ':') {
        *number = strtoul(line.at, NULL, 10);
        line = trimmed(p + 1, end, "'\"");
    }
    const char *id = line.at; // n01440764
    if (line.size > 10 && *id == 'n' && isspace((unsigned char)id[9]) && strspn(id + 1, "0123456789") == 8)
        line = trimmed(id + 9, end, "'\"");
    return line;
}

static int same(part a, part b) {
    if (a.size != b.size)
        return 0;
    for (size_t i = 0; i < a.size; i++)
        if (tolower((unsigned char)a.at[i]) != tolower((unsigned char)b.at[i]))
            return 0;
    return 1;
}

// Whether a name is one of a line's, or all of them.
static int is_of(part line, part name) {
    const char *end = line.at + line.size;
    if (same(line, name))
        return 1;
    for (const char *p = line.at; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
        if (same(trimmed(p, stop, "'\""), name))
            return 1;
        p = comma ? comma + 1 : end;
    }
    return 0;
}

// How many classes have that name; *found is the first of them, *other the second.
static int count_named(const names *n, part name, unsigned long *found, unsigned long *other) {
    unsigned long number = 0;
    int count = 0;
    for (const char *p = n->text; *p; number++) {
        const char *end = p + strcspn(p, "\n");
        part line = after_heads(trimmed(p, end, "{}'\","), &number);
        if (line.size && is_of(line, name)) {
            *(count ? other : found) = number;
            count++;
        }
        p = *end ? end + 1 : end;
    }
    return count;
}

// A number or a name.
static app_status number_of(const names *n, part item, unsigned long *number, app_error *e) {
    unsigned long other = 0;
    char text[NAME_MOST + 1];
    snprintf(text, sizeof text, "%.*s", (int)(item.size < NAME_MOST ? item.size : NAME_MOST), item.at);
    if (item.size && item.size < 10 && strspn(text, "0123456789") == item.size) {
        *number = strtoul(text, NULL, 10);
        return APP_OK;
    }
    if (!n->text)
        return app_fail(e, "%s: is no number; names of classes need a list of them, --class-names FILE",
                        text);
    int count = count_named(n, item, number, &other);
    if (count == 0)
        return app_fail(e, "%s: no class in %s has that name", text, n->path);
    if (count > 1)
        return app_fail(e, "%s: is the name of the classes %lu and %lu in %s: write the number", text,
                        *number, other, n->path);
    return APP_OK;
}

// ---- what is written

// "NAME:SHARE,..." as numbers, in `out`.
static app_status read_mixture(const char *text, const names *n, char *out, app_error *e) {
    size_t used = (size_t)snprintf(out, MIXTURE_MOST, "%s", APP_MIXTURE);
    for (const char *p = text; *p;) {
        const char *end = p + strcspn(p, ","), *colon = end;
        while (colon > p && colon[-1] != ':')
            colon--;
        char *stop = NULL;
        double share = colon > p ? strtod(colon, &stop) : NAN;
        unsigned long number = 0;
        if (!isfinite(share) || stop == colon || trimmed(stop, end, "").size)
            return app_fail(e, "%s: expected classes and their shares, such as 3:0.3,7:0.7", text);
        if (number_of(n, trimmed(p, colon - 1, ""), &number, e) != APP_OK)
            return APP_FAILED;
        int more =
            snprintf(out + used, MIXTURE_MOST - used, "%s%lu:%.9g", p == text ? "" : ",", number, share);
        used += more > 0 ? (size_t)more : 0;
        if (used >= MIXTURE_MOST)
            return app_fail(e, "%.60s...: are too many classes", text);
        p = *end ? end + 1 : end;
    }
    return APP_OK;
}

// Names and numbers, separated by commas, as numbers in `out`; the whole text may be a name with a comma.
static app_status read_list(const char *text, const names *n, char *out, app_error *e) {
    size_t used = 0;
    unsigned long whole = 0, other = 0;
    out[0] = '\0';
    if (count_named(n, trimmed(text, text + strlen(text), ""), &whole, &other) == 1) {
        snprintf(out, MIXTURE_MOST, "%lu", whole);
        return APP_OK;
    }
    for (const char *p = text; *p;) {
        const char *end = p + strcspn(p, ",");
        part item = trimmed(p, end, "");
        unsigned long number = 0;
        int more, range = item.size && strspn(item.at, "0123456789- ") >= item.size;
        if (!range && number_of(n, item, &number, e) != APP_OK)
            return APP_FAILED;
        more = range ? snprintf(out + used, MIXTURE_MOST - used, "%s%.*s", used ? "," : "", (int)item.size,
                                item.at)
                     : snprintf(out + used, MIXTURE_MOST - used, "%s%lu", used ? "," : "", number);
        used += more > 0 ? (size_t)more : 0;
        if (used >= MIXTURE_MOST)
            return app_fail(e, "%.60s...: are too many classes", text);
        p = *end ? end + 1 : end;
    }
    return APP_OK;
}

app_status app_classes_parse(const char *text, const char *path, app_classes *classes, app_error *e) {
    names n = { .path = path };
    size_t size = 0;
    int mixed = strchr(text, ':') != NULL;
    *classes = (app_classes){ 0 };
    if (!path && !mixed)
        return app_seeds_parse(text, &classes->list, e);
    if (path && !(n.text = app_file_read(path, FILE_MOST, &size, e)))
        return APP_FAILED;
    char *out = app_array(MIXTURE_MOST, 1, 1, 1, e);
    app_status status = !out    ? APP_FAILED
                        : mixed ? read_mixture(text, &n, out, e)
                                : read_list(text, &n, out, e);
    if (status == APP_OK && mixed) {
        classes->mixture = out;
        out = NULL;
    } else if (status == APP_OK) {
        status = app_seeds_parse(out, &classes->list, e);
        classes->list.text = text;
    }
    free(out);
    free(n.text);
    return status;
}

void app_classes_clear(app_classes *classes) {
    app_seeds_clear(&classes->list);
    free(classes->mixture);
    *classes = (app_classes){ 0 };
}

app_status app_mixture_read(const char *text, size_t width, float *row, app_error *e) {
    memset(row, 0, width * sizeof *row);
    for (const char *p = text + strlen(APP_MIXTURE);; p++) {
        char *end;
        unsigned long number = strtoul(p, &end, 10);
        if (end == p || *end != ':' || number >= width)
            return app_fail(e, "%s: %s in a mixture of the classes 0 to %zu", text,
                            end == p || *end != ':' ? "no CLASS:SHARE" : "an unknown class", width - 1);
        p = end + 1;
        double share = strtod(p, &end);
        if (end == p || !isfinite(share) || (*end && *end != ','))
            return app_fail(e, "%s: no CLASS:SHARE in a mixture of classes", text);
        row[number] += (float)share;
        if (!*end)
            return APP_OK;
        p = end;
    }
}
