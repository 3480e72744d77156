// SPDX-License-Identifier: Apache-2.0
// What this build opens and runs, out of the tables themselves.
#include "api/model_api.h"
#include "io/json.h"

static json_t *layouts_json(atl_json *b) {
    json_t *list = atl_json_list(b);
    const atl_ckpt_about *about;
    const char *name;
    for (size_t i = 0; (name = atl_ckpt_layout_get(i, &about)) != NULL; i++)
        atl_json_add(b, list,
                     json_pack("{s:s s:s s:s s:s}", "name", name, "endings", about->endings, "makers",
                               about->makers, "read", about->read));
    return list;
}

static json_t *networks_json(atl_json *b) {
    json_t *list = atl_json_list(b);
    const atl_model_row *row;
    for (size_t i = 0; (row = atl_model_row_get(i)) != NULL; i++)
        atl_json_add(b, list,
                     json_pack("{s:s s:s s:s s:b}", "kind", row->kind, "family", row->family, "role",
                               row->role, "init", row->init && atl_model_function_find(row, "map")));
    return list;
}

atl_status atl_formats(atl_ctx *ctx, char **json) {
    atl_json b = { .ctx = ctx };
    json_t *top = atl_json_object(&b);
    atl_json_set(&b, top, "layouts", layouts_json(&b));
    atl_json_set(&b, top, "networks", networks_json(&b));
    return atl_json_text(&b, top, JSON_INDENT(2), "the list of formats", json);
}
