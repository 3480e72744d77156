// SPDX-License-Identifier: Apache-2.0
// What this build opens and runs, out of the tables themselves.
#include <stdlib.h>
#include <string.h>

#include "api/model_api.h"

static json_t *layouts_json(void) {
    json_t *list = json_array();
    const atl_ckpt_about *about;
    const char *name;
    for (size_t i = 0; list && (name = atl_ckpt_layout_get(i, &about)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s s:s s:s s:s}", "name", name, "endings", about->endings, "makers",
                                              about->makers, "read", about->read));
    return list;
}

static json_t *networks_json(void) {
    json_t *list = json_array();
    const atl_model_row *row;
    for (size_t i = 0; list && (row = atl_model_row_get(i)) != NULL; i++)
        json_array_append_new(list,
                              json_pack("{s:s s:s s:s s:b}", "kind", row->kind, "family", row->family, "role",
                                        row->role, "init", row->init && atl_model_function_find(row, "map")));
    return list;
}

atl_status atl_formats(atl_ctx *ctx, char **json) {
    *json = NULL;
    json_t *top = json_pack("{s:o s:o}", "layouts", layouts_json(), "networks", networks_json());
    char *text = top ? json_dumps(top, JSON_INDENT(2)) : NULL;
    if (text && (*json = atl_alloc(ctx, strlen(text) + 1, 1)) != NULL)
        strcpy(*json, text);
    free(text);
    json_decref(top);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the list of formats");
}
