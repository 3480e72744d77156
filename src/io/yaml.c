// SPDX-License-Identifier: Apache-2.0
// Configs in YAML; see yaml.h.  libyaml tells events, and what is kept of them is one path.
#include "io/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "io/json.h"

enum { BYTES_MOST = 1 << 20, DEPTH_MOST = 32, PATH_MOST = 512, VALUE_MOST = 64 };

typedef struct reader {
    atl_json b;
    const char *name;
    json_t *values;
    int depth;                  // maps that are open
    size_t end[DEPTH_MOST + 1]; // where the path of each begins
    int passed;                 // lists, and maps within them, that are open
    bool valued;                // a key was read, and its value is next
    bool whole;                 // the path has room for the keys so far, and they are plain text
    int partial;                // the map whose path has no room; 0: none
    char path[PATH_MOST];
} reader;

static atl_status fail_at(const reader *r, const yaml_mark_t *mark, const char *why) {
    return atl_fail(r->b.ctx, ATL_BAD_FILE, "%s: line %zu is no YAML that is understood: %s", r->name,
                    mark->line + 1, why);
}

// The key of the map that is open: what stands behind it belongs to that path.
static void enter(reader *r, const char *key, size_t size) {
    size_t begin = r->end[r->depth - 1], dot = begin ? 1 : 0;
    r->valued = true;
    r->whole = !r->partial && begin + dot + size < PATH_MOST && !memchr(key, '\0', size);
    if (!r->whole)
        return;
    if (dot)
        r->path[begin] = '.';
    memcpy(r->path + begin + dot, key, size);
    r->path[begin + dot + size] = '\0';
}

static void keep(reader *r, const char *value, size_t size) {
    r->valued = false;
    if (r->whole && size < VALUE_MOST && !memchr(value, '\0', size))
        atl_json_set(&r->b, r->values, r->path, atl_json_string(&r->b, value));
}

// A map or a list begins: `map` is gone into where it is the value of a key, or the document.
static atl_status open(reader *r, const yaml_event_t *e, bool map) {
    if (r->depth + r->passed >= DEPTH_MOST)
        return fail_at(r, &e->start_mark, "it is nested too deeply");
    if (r->depth && !r->passed && !r->valued)
        return fail_at(r, &e->start_mark, "a key is a map or a list");
    if (!map || r->passed) {
        r->passed++;
        return ATL_OK;
    }
    if (r->depth && !r->whole && !r->partial)
        r->partial = r->depth + 1;
    r->end[r->depth] = r->depth && !r->partial ? strlen(r->path) : 0;
    r->depth++;
    r->valued = false;
    return ATL_OK;
}

static void close(reader *r) {
    if (r->passed) {
        r->passed--;
    } else {
        if (r->partial == r->depth)
            r->partial = 0;
        r->depth--;
    }
    if (!r->passed)
        r->valued = false;
}

static atl_status take(reader *r, const yaml_event_t *e) {
    switch (e->type) {
    case YAML_MAPPING_START_EVENT: return open(r, e, true);
    case YAML_SEQUENCE_START_EVENT: return open(r, e, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: close(r); return ATL_OK;
    case YAML_ALIAS_EVENT:
        if (r->depth && !r->passed && !r->valued)
            return fail_at(r, &e->start_mark, "a key is an alias");
        r->valued = r->passed ? r->valued : false;
        return ATL_OK;
    case YAML_SCALAR_EVENT:
        if (r->passed || !r->depth)
            return ATL_OK;
        if (r->valued)
            keep(r, (const char *)e->data.scalar.value, e->data.scalar.length);
        else
            enter(r, (const char *)e->data.scalar.value, e->data.scalar.length);
        return ATL_OK;
    default: return ATL_OK;
    }
}

static atl_status read_all(reader *r, yaml_parser_t *parser) {
    for (bool more = true; more;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e)) {
            if (parser->error == YAML_MEMORY_ERROR)
                return atl_fail(r->b.ctx, ATL_NO_MEMORY, "%s: out of memory", r->name);
            return fail_at(r, &parser->problem_mark, parser->problem ? parser->problem : "it is damaged");
        }
        more = e.type != YAML_DOCUMENT_END_EVENT && e.type != YAML_STREAM_END_EVENT;
        atl_status status = take(r, &e);
        yaml_event_delete(&e);
        ATL_TRY(status);
    }
    return ATL_OK;
}

atl_status atl_yaml_read(atl_ctx *ctx, const char *name, const char *text, size_t size, json_t **values) {
    yaml_parser_t parser;
    *values = NULL;
    if (size > BYTES_MOST)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: is no config of a network: it has %zu bytes", name, size);
    reader *r = atl_calloc(ctx, 1, sizeof *r);
    if (!r)
        return ATL_NO_MEMORY;
    r->b.ctx = ctx;
    r->name = name;
    r->values = atl_json_object(&r->b);
    atl_status status = ATL_NO_MEMORY;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        status = read_all(r, &parser);
        yaml_parser_delete(&parser);
    } else {
        atl_fail(ctx, ATL_NO_MEMORY, "%s: out of memory", name);
    }
    if (status == ATL_OK)
        status = atl_json_end(&r->b, r->values, "what the YAML says", values);
    else
        json_decref(r->values);
    atl_free(ctx, r);
    return status;
}
