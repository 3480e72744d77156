// SPDX-License-Identifier: Apache-2.0
// The YAML beside a checkpoint: where it is, and what it says of each network.
#include "ckpt/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "io/yaml.h"

static atl_status read_file(atl_ckpt *ckpt, const char *path) {
    atl_file file;
    ATL_TRY(atl_file_map(ckpt->ctx, path, &file));
    atl_status status =
        atl_yaml_read(ckpt->ctx, path, (const char *)file.data, file.bytes, &ckpt->description);
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
    { "vqgan", "model.params.stage1.params." },
    { "vqgan", "model.params.first_stage_config.params.ddconfig." },
    { "vqgan", "model.params.first_stage_config.params." },
    { "cond_vqgan", "model.params.cond_stage_config.params.ddconfig." },
    { "cond_vqgan", "model.params.cond_stage_config.params." },
    { "cond_vqgan", "model.params.cond.params." },
    { "transformer", "model.params.transformer_config.params." },
    { "transformer", "model.params.transformer.params." },
};

static const char *text_of(const atl_ckpt *ckpt, const char *key, const char *name) {
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s%s", PLACES[i].place, name);
        const char *found = json_string_value(json_object_get(ckpt->description, path));
        if (!strcmp(PLACES[i].key, key) && found)
            return found;
    }
    return NULL;
}

static bool find(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t *value) {
    const char *found = text_of(ckpt, key, name);
    char *end;
    if (!found)
        return false;
    *value = strtoll(found, &end, 10);
    return end != found && *end == '\0';
}

json_int_t atl_yaml_int(const atl_ckpt *ckpt, const char *key, const char *name, json_int_t otherwise) {
    json_int_t value;
    return find(ckpt, key, name, &value) ? value : otherwise;
}

bool atl_yaml_bool(const atl_ckpt *ckpt, const char *key, const char *name, bool otherwise) {
    const char *found = text_of(ckpt, key, name);
    return found ? strchr("tTyY1", found[0]) && found[0] : otherwise;
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
