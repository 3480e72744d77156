// SPDX-License-Identifier: Apache-2.0
// Labels out of dataset.json, entry by entry: no tree of it is ever in memory.  The text is hostile.
//
// Names are matched as they are written.  One that fits no picture is tried as other programs may have meant
// it: with
// '\' for '/', with "./", as an absolute path, or under another folder at the top.  What is cut off such
// names and what is put before them is found once and then the same for all, and it is a folder that all of
// them share: two names never fall on one picture by that.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/labels.h"
#include "io/json_scan.h"

enum { VECTORS_FREE = 1 << 24, NAME_ROOM = 4096, FOLDERS_TRIED = 32, NAMES_TRIED = 4096 };

// How names that fit no picture as they are become names of pictures.
typedef struct renaming {
    bool surveyed, found;
    char shared[NAME_ROOM]; // the folder that all plain names share, with its '/'
    size_t shared_length;
    size_t cut, put; // bytes of `shared` that are cut off; bytes of the pictures' own shared folder that are
                     // put before
    size_t tried;    // names
} renaming;

typedef struct reader {
    atl_ctx *ctx;
    const atl_source *source;
    atl_label_set *set;
    atl_json_scan scan;
    bool by_name;  // {"a.png": 3} in place of [["a.png", 3]]
    size_t number; // of the entry, from 1
    char name[NAME_ROOM], plain[NAME_ROOM], candidate[2 * NAME_ROOM];
    float *vector; // [ATL_LABEL_MOST] of the entry, once one has a list
    size_t vector_size;
    renaming rule;
} reader;

static atl_status refuse(const reader *r, const char *what) {
    return atl_fail(r->ctx, ATL_BAD_FILE,
                    "%s: dataset.json: %s; it must read {\"labels\": [[\"name.png\", 3], ...]}, each label a "
                    "class or a list of numbers",
                    r->source->path, what);
}

static atl_status refuse_entry(const reader *r, const char *what) {
    return atl_fail(r->ctx, ATL_BAD_FILE, "%s: dataset.json: entry %zu, '%.200s': %s", r->source->path,
                    r->number, r->name, what);
}

static atl_status refuse_text(const reader *r) {
    const uint8_t *text = r->source->json;
    size_t bytes = r->source->json_bytes;
    if (bytes >= 2 && ((text[0] == 0xff && text[1] == 0xfe) || (text[0] == 0xfe && text[1] == 0xff)))
        return atl_fail(r->ctx, ATL_BAD_FILE, "%s: dataset.json is UTF-16; save it as UTF-8",
                        r->source->path);
    return atl_fail(r->ctx, ATL_BAD_FILE, "%s: dataset.json is no JSON: line %zu: %s", r->source->path,
                    r->scan.line, r->scan.error);
}

// ---- entries

// A name that no picture can have, too long or with a 0 in it, is empty.
static void keep_name(reader *r) {
    size_t length = r->scan.length;
    if (length >= NAME_ROOM || memchr(r->scan.text, 0, length))
        length = 0;
    memcpy(r->name, r->scan.text, length);
    r->name[length] = '\0';
}

static atl_status next(reader *r, atl_json_token *token) {
    *token = atl_json_next(&r->scan);
    return *token == ATL_JSON_BAD ? refuse_text(r) : ATL_OK;
}

// Reads the beginning of an entry, up to its label; *more is false at the end of the list.
static atl_status begin_entry(reader *r, bool *more) {
    atl_json_token token;
    ATL_TRY(next(r, &token));
    *more = token != ATL_JSON_LIST_END && token != ATL_JSON_OBJECT_END;
    if (!*more)
        return ATL_OK;
    r->number++;
    bool pair = r->by_name || token == ATL_JSON_LIST;
    if (pair && !r->by_name) {
        ATL_TRY(next(r, &token));
        pair = token == ATL_JSON_TEXT;
    }
    if (!pair)
        return refuse(r, "an entry is no pair of a name and a label");
    keep_name(r);
    return ATL_OK;
}

static atl_status end_entry(reader *r) {
    atl_json_token token = ATL_JSON_LIST_END;
    if (!r->by_name)
        ATL_TRY(next(r, &token));
    return token == ATL_JSON_LIST_END ? ATL_OK : refuse(r, "an entry is no pair of a name and a label");
}

static atl_status skip_label(reader *r, atl_json_token token) {
    if (token == ATL_JSON_LIST_END)
        return refuse(r, "an entry is no pair of a name and a label");
    return atl_json_skip(&r->scan, token) ? ATL_OK : refuse_text(r);
}

// Goes to the first entry of "labels"; *any is false when there are none.
static atl_status find_list(reader *r, bool *any) {
    atl_json_token token;
    atl_json_scan_init(&r->scan, r->source->json, r->source->json_bytes);
    *any = false;
    ATL_TRY(next(r, &token));
    if (token != ATL_JSON_OBJECT)
        return refuse(r, "no list of labels");
    for (;;) {
        ATL_TRY(next(r, &token));
        if (token == ATL_JSON_OBJECT_END)
            return ATL_OK;
        bool here = atl_json_is(&r->scan, "labels");
        ATL_TRY(next(r, &token));
        if (here && token != ATL_JSON_NULL) {
            r->by_name = token == ATL_JSON_OBJECT;
            *any = token == ATL_JSON_OBJECT || token == ATL_JSON_LIST;
            return *any ? ATL_OK : refuse(r, "no list of labels");
        }
        if (!atl_json_skip(&r->scan, token))
            return refuse_text(r);
    }
}

// The rest of the text is JSON, too.
static atl_status finish_text(reader *r) {
    atl_json_token token;
    do
        ATL_TRY(next(r, &token));
    while (token != ATL_JSON_END);
    return ATL_OK;
}

// ---- names

// r->plain: the name with '/' between its parts, none of them empty or "."
static void make_plain(reader *r) {
    char *out = r->plain;
    for (const char *p = r->name; *p;) {
        size_t n = strcspn(p, "/\\");
        if (n && !(n == 1 && *p == '.')) {
            if (out > r->plain)
                *out++ = '/';
            memcpy(out, p, n);
            out += n;
        }
        p += n + (p[n] != '\0');
    }
    *out = '\0';
}

// Cuts rule->shared down to what the folder of r->plain begins with, too.
static void narrow(renaming *rule, const reader *r, bool first) {
    if (first) {
        const char *slash = strrchr(r->plain, '/');
        rule->shared_length = slash ? (size_t)(slash - r->plain) + 1 : 0;
        memcpy(rule->shared, r->plain, rule->shared_length);
    }
    size_t n = 0;
    while (n < rule->shared_length && r->plain[n] == rule->shared[n])
        n++;
    while (n && rule->shared[n - 1] != '/')
        n--;
    rule->shared_length = n;
}

// Reads all names once to learn what they share.
static atl_status survey(reader *r) {
    reader *q = atl_calloc(r->ctx, 1, sizeof *q);
    if (!q)
        return ATL_NO_MEMORY;
    q->ctx = r->ctx;
    q->source = r->source;
    bool more;
    atl_json_token token;
    atl_status status = find_list(q, &more);
    while (status == ATL_OK && more) {
        status = begin_entry(q, &more);
        if (status != ATL_OK || !more)
            break;
        make_plain(q);
        narrow(&r->rule, q, q->number == 1);
        status = next(q, &token);
        if (status == ATL_OK)
            status = skip_label(q, token);
        if (status == ATL_OK)
            status = end_entry(q);
    }
    atl_free(r->ctx, q);
    r->rule.surveyed = true;
    return status;
}

// The picture of r->plain without its first `cut` bytes, within the first `put` bytes of the pictures'
// folder.
static const atl_source_entry *try_rule(reader *r, size_t cut, size_t put) {
    if (put)
        memcpy(r->candidate, r->source->entries[0].name, put);
    strcpy(r->candidate + put, r->plain + cut);
    return atl_source_find(r->source, r->candidate);
}

static size_t next_folder(const char *name, size_t at, size_t length) {
    while (at < length && name[at] != '/')
        at++;
    return at + 1;
}

static const atl_source_entry *try_rules(reader *r) {
    renaming *rule = &r->rule;
    size_t top = atl_source_shared(r->source, NAME_ROOM);
    int cuts = 0, puts;
    for (size_t cut = 0; cut <= rule->shared_length && cuts < FOLDERS_TRIED;
         cut = next_folder(rule->shared, cut, rule->shared_length), cuts++) {
        puts = 0;
        for (size_t put = 0; put <= top && puts < FOLDERS_TRIED;
             put = next_folder(r->source->entries[0].name, put, top), puts++) {
            const atl_source_entry *e = try_rule(r, cut, put);
            if (e) {
                rule->found = true;
                rule->cut = cut;
                rule->put = put;
                return e;
            }
        }
    }
    return NULL;
}

static atl_status find_picture(reader *r, const atl_source_entry **entry) {
    renaming *rule = &r->rule;
    *entry = atl_source_find(r->source, r->name);
    if (*entry || !r->name[0] || !r->source->count)
        return ATL_OK;
    if (!rule->surveyed)
        ATL_TRY(survey(r));
    make_plain(r);
    if (rule->found)
        *entry = try_rule(r, rule->cut, rule->put);
    else if (rule->tried++ < NAMES_TRIED)
        *entry = try_rules(r);
    return ATL_OK;
}

// ---- labels

// Numbers of a label that is a list; r->vector_size beyond the limit when there are too many.
static atl_status read_vector(reader *r) {
    if (!r->vector && !(r->vector = atl_alloc(r->ctx, ATL_LABEL_MOST, sizeof *r->vector)))
        return ATL_NO_MEMORY;
    atl_json_token token;
    for (r->vector_size = 0;; r->vector_size++) {
        ATL_TRY(next(r, &token));
        if (token == ATL_JSON_LIST_END)
            return r->vector_size ? ATL_OK : refuse_entry(r, "its label is an empty list");
        float value = token == ATL_JSON_NUMBER ? (float)r->scan.number : token == ATL_JSON_TRUE;
        if ((token != ATL_JSON_NUMBER && token != ATL_JSON_TRUE && token != ATL_JSON_FALSE) ||
            !isfinite(value))
            return refuse_entry(r, "its list holds something that is no number");
        if (r->vector_size == ATL_LABEL_MOST)
            return refuse_entry(r, "its list has more than 65536 numbers");
        r->vector[r->vector_size] = value;
    }
}

// Room for the labels of all pictures.  One list for many pictures of a small archive may not ask for
// gigabytes: much room is there only for as many numbers as the text can hold.
static atl_status make_vectors(reader *r) {
    size_t count = r->source->count, size = r->set->size;
    if (count > r->ctx->memory_cap / sizeof(float) / size)
        return atl_fail(r->ctx, ATL_NO_MEMORY, "%s: its labels do not fit in memory", r->source->path);
    if (count * size > VECTORS_FREE && count * size > r->source->json_bytes)
        return atl_fail(r->ctx, ATL_BAD_FILE,
                        "%s: dataset.json has labels of %zu numbers, but not for each of the %zu pictures",
                        r->source->path, size, count);
    r->set->vectors = atl_calloc(r->ctx, count * size, sizeof *r->set->vectors);
    return r->set->vectors ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status take_vector(reader *r, size_t index) {
    atl_label_set *set = r->set;
    ATL_TRY(read_vector(r));
    if (set->classes)
        return refuse_entry(r, "its label is a list, where those before are classes");
    if (!set->vectors) {
        set->size = r->vector_size;
        ATL_TRY(make_vectors(r));
    }
    if (r->vector_size != set->size)
        return refuse_entry(r, "its label is a list, but not all are of one length");
    float *row = set->vectors + index * set->size;
    if (set->given[index] && memcmp(row, r->vector, set->size * sizeof *row))
        return refuse_entry(r, "stands there twice, with different labels");
    memcpy(row, r->vector, set->size * sizeof *row);
    set->given[index] = 1;
    return ATL_OK;
}

// The class that text says as digits, perhaps with ".0" behind them; -1: none.
static double class_of_text(const char *text, size_t length) {
    double value = 0;
    size_t i = 0;
    for (; i < length && i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + (text[i] - '0');
    size_t digits = i;
    if (i && i < length && text[i] == '.')
        for (i++; i < length && text[i] == '0';)
            i++;
    return digits && i == length ? value : -1;
}

static atl_status take_class(reader *r, size_t index, double value) {
    atl_label_set *set = r->set;
    if (set->vectors)
        return refuse_entry(r, "its label is a class, where those before are lists");
    if (!(value >= 0 && value < ATL_LABEL_MOST) || value != floor(value))
        return refuse_entry(r, "its label is no class: those are numbers from 0 to 65535");
    if (!set->classes && !(set->classes = atl_calloc(r->ctx, r->source->count, sizeof *set->classes)))
        return ATL_NO_MEMORY;
    if (set->given[index] && set->classes[index] != (int32_t)value)
        return refuse_entry(r, "stands there twice, with different labels");
    set->classes[index] = (int32_t)value;
    set->given[index] = 1;
    return ATL_OK;
}

static atl_status take(reader *r, size_t index, atl_json_token token) {
    switch (token) {
    case ATL_JSON_LIST: return take_vector(r, index);
    case ATL_JSON_NUMBER: return take_class(r, index, r->scan.number);
    case ATL_JSON_TRUE: return take_class(r, index, 1);
    case ATL_JSON_FALSE: return take_class(r, index, 0);
    case ATL_JSON_NULL: return ATL_OK; // it has none
    case ATL_JSON_TEXT:
        if (class_of_text(r->scan.text, r->scan.length) >= 0)
            return take_class(r, index, class_of_text(r->scan.text, r->scan.length));
        break;
    default: break;
    }
    return refuse_entry(r, "its label is no number and no list of numbers");
}

static atl_status read_entry(reader *r) {
    const atl_source_entry *e;
    atl_json_token token;
    atl_label_set *set = r->set;
    set->names++;
    ATL_TRY(find_picture(r, &e));
    ATL_TRY(next(r, &token));
    if (!e && !set->strangers++)
        snprintf(set->stranger, sizeof set->stranger, "%.150s", r->name);
    if (e && token != ATL_JSON_LIST_END)
        ATL_TRY(take(r, (size_t)(e - r->source->entries), token));
    else
        ATL_TRY(skip_label(r, token));
    return end_entry(r);
}

static atl_status read_all(reader *r) {
    bool more;
    ATL_TRY(find_list(r, &more));
    while (more) {
        ATL_TRY(begin_entry(r, &more));
        if (more)
            ATL_TRY(read_entry(r));
    }
    return finish_text(r);
}

atl_status atl_label_set_parse(atl_ctx *ctx, const atl_source *source, atl_label_set *set) {
    reader *r = atl_calloc(ctx, 1, sizeof *r);
    if (!r)
        return ATL_NO_MEMORY;
    r->ctx = ctx;
    r->source = source;
    r->set = set;
    atl_status status = read_all(r);
    atl_free(ctx, r->vector);
    atl_free(ctx, r);
    return status;
}
