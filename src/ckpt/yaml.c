// SPDX-License-Identifier: Apache-2.0
// The part of YAML that configs of networks are written in: maps by indentation, with numbers and words as
// values. Each value is kept under the path of its keys, "model.params.n_embed"; lists, anchors and texts of
// several lines are passed over, for nothing here asks for any.
#include "ckpt/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "io/json.h"

enum { BYTES_MOST = 1 << 20, DEPTH_MOST = 32, PATH_MOST = 512, VALUE_MOST = 64 };

typedef struct reader {
    int depth;
    size_t indent[DEPTH_MOST], end[DEPTH_MOST]; // of each open key: its column, and where its path ends
    char path[PATH_MOST];
} reader;

typedef struct text {
    const char *at;
    size_t size;
} text;

static text trimmed(text t) {
    while (t.size && strchr(" \t\r", t.at[t.size - 1]))
        t.size--;
    while (t.size && strchr(" \t", t.at[0]))
        t.at++, t.size--;
    if (t.size > 1 && (t.at[0] == '"' || t.at[0] == '\'') && t.at[t.size - 1] == t.at[0])
        t = (text){ t.at + 1, t.size - 2 };
    return t;
}

// What stands before a comment.
static text without_comment(text line) {
    for (size_t i = 0; i < line.size; i++)
        if (line.at[i] == '#' && (i == 0 || line.at[i - 1] == ' '))
            line.size = i;
    return line;
}

// Enters a key at a column; false when the path is too long or too deep.
static bool enter(reader *r, size_t column, text key) {
    while (r->depth && r->indent[r->depth - 1] >= column)
        r->depth--;
    size_t begin = r->depth ? r->end[r->depth - 1] : 0, dot = begin ? 1 : 0;
    if (r->depth == DEPTH_MOST || begin + dot + key.size >= PATH_MOST || !atl_json_utf8(key.at, key.size))
        return false;
    if (dot)
        r->path[begin] = '.';
    memcpy(r->path + begin + dot, key.at, key.size);
    r->path[begin + dot + key.size] = '\0';
    r->indent[r->depth] = column;
    r->end[r->depth++] = begin + dot + key.size;
    return true;
}

static void read_line(reader *r, text line, atl_json *b, json_t *values) {
    size_t column = 0;
    char value[VALUE_MOST];
    line = without_comment(line);
    while (column < line.size && line.at[column] == ' ')
        column++;
    const char *colon = memchr(line.at, ':', line.size);
    if (column == line.size || line.at[column] == '-' || !colon || memchr(line.at, '\0', line.size))
        return;
    text key = trimmed((text){ line.at + column, (size_t)(colon - line.at) - column });
    text rest = trimmed((text){ colon + 1, line.size - (size_t)(colon + 1 - line.at) });
    if (!enter(r, column, key) || !rest.size || rest.size >= VALUE_MOST)
        return;
    memcpy(value, rest.at, rest.size);
    value[rest.size] = '\0';
    atl_json_set(b, values, r->path, atl_json_string(b, value));
}

atl_status atl_yaml_parse(atl_ctx *ctx, const char *at, size_t size, json_t **out) {
    atl_json b = { .ctx = ctx };
    reader r = { 0 };
    json_t *values = atl_json_object(&b);
    for (const char *end = at + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        read_line(&r, (text){ at, (size_t)(stop - at) }, &b, values);
        at = stop < end ? stop + 1 : end;
    }
    return atl_json_end(&b, values, "what the YAML says", out);
}

static atl_status read_file(atl_ckpt *ckpt, const char *path) {
    atl_file file;
    ATL_TRY(atl_file_map(ckpt->ctx, path, &file));
    atl_status status =
        file.bytes <= BYTES_MOST
            ? atl_yaml_parse(ckpt->ctx, (const char *)file.data, file.bytes, &ckpt->description)
            : atl_fail(ckpt->ctx, ATL_BAD_FILE, "%s: is no config of a network: it has %zu bytes", path,
                       file.bytes);
    atl_file_unmap(&file);
    return status;
}

// A path beside the checkpoint's, ended in the arena.
static const char *beside(atl_ckpt *ckpt, int which) {
    const char *path = ckpt->path, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    if (which == 0)
        return atl_arena_printf(&ckpt->arena, "%s.yaml", path);
    if (which == 1)
        return atl_arena_printf(&ckpt->arena, "%.*s.yaml", (int)(dot ? (size_t)(dot - path) : strlen(path)),
                                path);
    return atl_arena_printf(&ckpt->arena, "%.*smodel.yaml", (int)(name - path), path);
}

atl_status atl_yaml_open(atl_ckpt *ckpt) {
    const json_t *given = atl_ckpt_assumed(ckpt, "config");
    if (given)
        return json_is_string(given)
                   ? read_file(ckpt, json_string_value(given))
                   : atl_fail(ckpt->ctx, ATL_BAD_ARGUMENT, "config=: expected the path of a YAML");
    for (int i = 0; i < 3; i++) {
        const char *path = beside(ckpt, i);
        if (!path)
            return ATL_NO_MEMORY;
        if (access(path, F_OK) == 0)
            return read_file(ckpt, path);
    }
    return ATL_OK;
}

// ---- asking

// Where a network's own options lie.
static const struct {
    const char *key, *place;
} PLACES[] = {
    { "vqgan", "model.params.ddconfig." },
    { "vqgan", "model.params." },
    { "vqgan", "model.params.first_stage_config.params.ddconfig." },
    { "vqgan", "model.params.first_stage_config.params." },
    { "cond_vqgan", "model.params.cond_stage_config.params.ddconfig." },
    { "cond_vqgan", "model.params.cond_stage_config.params." },
    { "transformer", "model.params.transformer_config.params." },
};

static bool find(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t *value) {
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        char path[256], *end;
        snprintf(path, sizeof path, "%s%s", PLACES[i].place, name);
        const char *found = json_string_value(json_object_get(ckpt->description, path));
        if (strcmp(PLACES[i].key, key) || !found)
            continue;
        *value = strtoll(found, &end, 10);
        return end != found && *end == '\0';
    }
    return false;
}

json_int_t atl_yaml_int(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t otherwise) {
    json_int_t value;
    return find(ckpt, key, name, &value) ? value : otherwise;
}

atl_status atl_yaml_check(const atl_ckpt *ckpt, const char *key, const json_t *config) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)config, name, value) {
        json_int_t said;
        if (json_is_integer(value) && find(ckpt, key, name, &said) && said != json_integer_value(value))
            return atl_fail(
                ckpt->ctx, ATL_BAD_FILE,
                "the config beside the file says %s = %lld, and the weights %lld: it is that of another "
                "network",
                name, (long long)said, (long long)json_integer_value(value));
    }
    return ATL_OK;
}
