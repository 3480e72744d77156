// SPDX-License-Identifier: Apache-2.0
// Lists such as "0,3,5-9", in the order written; the end of a range belongs to it.  Blanks around numbers are
// fine.
#include "seeds.h"

#include <stdlib.h>

enum { SEEDS_MAX = 10000000 };

static const char *skip_blanks(const char *text) {
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

// One number of at most 32 bits; *text moves past it.
static int number(const char **text, uint32_t *value) {
    const char *p = skip_blanks(*text), *start = p;
    uint64_t v = 0;
    while (*p >= '0' && *p <= '9' && v <= UINT32_MAX)
        v = v * 10 + (uint64_t)(*p++ - '0');
    int fine = p != start && v <= UINT32_MAX;
    *value = (uint32_t)v;
    *text = skip_blanks(p);
    return fine;
}

static int append(app_seeds *seeds, uint64_t first, uint64_t last) {
    uint64_t more = last - first + 1;
    if (more > SEEDS_MAX - seeds->count)
        return 0;
    uint32_t *items = realloc(seeds->items, (seeds->count + (size_t)more) * sizeof *items);
    if (!items)
        return 0;
    seeds->items = items;
    for (uint64_t s = first; s <= last; s++)
        items[seeds->count++] = (uint32_t)s;
    return 1;
}

static const char *parse(const char *text, app_seeds *seeds) {
    static const char *const form = "expected numbers from 0 to 4294967295 and ranges, such as 0,3,5-9";
    for (;; text++) {
        uint32_t first, last;
        if (!number(&text, &first))
            return form;
        last = first;
        if (*text == '-') {
            text++;
            if (!number(&text, &last))
                return form;
        }
        if (last < first)
            return "a range must run upward, such as 5-9";
        if (!append(seeds, first, last))
            return "the list is too long: 10000000 numbers at most";
        if (!*text)
            return NULL;
        if (*text != ',')
            return form;
    }
}

app_status app_seeds_parse(const char *text, app_seeds *seeds, app_error *e) {
    *seeds = (app_seeds){ 0 };
    const char *wrong = parse(text, seeds);
    seeds->text = text;
    if (!wrong)
        return APP_OK;
    app_seeds_clear(seeds);
    return app_fail(e, "%s: %s", text, wrong);
}

void app_seeds_clear(app_seeds *seeds) {
    free(seeds->items);
    *seeds = (app_seeds){ 0 };
}
