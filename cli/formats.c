// SPDX-License-Identifier: Apache-2.0
// atelier formats: which checkpoint files open, and which networks run.  The table comes from the library.
#include <stdio.h>
#include <stdlib.h>
#include <jansson.h>
#include <atelier/model.h>
#include "command.h"
#include "common.h"

static const char *text_of(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static void print_tables(const json_t *top) {
    size_t i;
    json_t *row;
    printf("Checkpoints\n");
    json_array_foreach(json_object_get(top, "layouts"), i, row)
        printf("  %-14s %s\n  %-14s by %s\n  %-14s read: %s\n\n", text_of(row, "endings"), text_of(row, "name"), "",
               text_of(row, "makers"), "", text_of(row, "read"));
    printf("Networks\n");
    json_array_foreach(json_object_get(top, "networks"), i, row)
        printf("  %-14s %-14s%s\n", text_of(row, "family"), text_of(row, "role"),
               json_is_true(json_object_get(row, "init")) ? " init --cfg" : "");
}

int cli_formats(int argc, char **argv) {
    cli_common common = { 0 };
    int as_json = 0;
    const cli_option options[] = {
        CLI_OPTION_FLAG("json", &as_json, "as JSON"),
        CLI_COMMON_OPTIONS(&common),
    };
    const cli_spec spec = {
        .command = "formats",
        .arguments = "",
        .about = "List the checkpoint files that open and the networks that run.",
        .options = options,
        .count = sizeof options / sizeof *options,
    };
    int status = cli_options_parse(&spec, argc, argv, NULL);
    if (status != CLI_PROCEED)
        return status;
    atl_ctx *ctx = NULL;
    char *json = NULL;
    status = cli_open(&common, &ctx);
    if (status == CLI_SUCCESS && atl_formats(ctx, &json) != ATL_OK)
        status = cli_fail(ctx);
    json_t *top = json ? json_loads(json, 0, NULL) : NULL;
    if (json && as_json)
        printf("%s\n", json);
    else if (top)
        print_tables(top);
    json_decref(top);
    atl_text_free(ctx, json);
    atl_ctx_close(&ctx);
    return status;
}
