// SPDX-License-Identifier: Apache-2.0
// atelier inspect: what a checkpoint file holds, for people or (--json) for programs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "command.h"
#include "common.h"

static void print_field(const char *label, const json_t *value) {
    if (!value || json_is_null(value))
        return;
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    printf("  %-13s", label);
    cli_print_safe(stdout, text ? text : json_is_string(value) ? json_string_value(value) : "?");
    printf("\n");
    free(text);
}

static void print_shape(const json_t *shape) {
    size_t i;
    json_t *d;
    printf("[");
    json_array_foreach(shape, i, d) printf("%s%" JSON_INTEGER_FORMAT, i ? ", " : "", json_integer_value(d));
    printf("]");
}

static void print_list(const char *title, const json_t *list) {
    size_t i;
    json_t *item;
    if (json_array_size(list) == 0)
        return;
    printf("  %s\n", title);
    json_array_foreach(list, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        size_t length = name ? strlen(name) : 0;
        printf("    ");
        cli_print_safe(stdout, name ? name : "");
        printf("%*s  ", length < 40 ? (int)(40 - length) : 0, "");
        print_shape(json_object_get(item, "shape"));
        printf("%s\n", json_is_true(json_object_get(item, "buffer")) ? "  buffer" : "");
    }
}

static void print_config(const json_t *config) {
    enum { LONGEST = 400 };
    const char *key;
    json_t *value;
    if (json_object_size(config) == 0)
        return;
    printf("  config\n");
    json_object_foreach((json_t *)config, key, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
        printf("    ");
        cli_print_safe(stdout, key);
        printf(" = ");
        if (text && strlen(text) > LONGEST) // the layers of StyleGAN3
            printf("%zu keys, listed by --json", json_object_size(value) + json_array_size(value));
        else
            cli_print_safe(stdout, text ? text : "?");
        printf("\n");
        free(text);
    }
}

static void print_network(const json_t *net, int tensors) {
    const json_t *name = json_object_get(net, "name");
    printf("\n");
    cli_print_safe(stdout, json_is_string(name) ? json_string_value(name) : "(no name)");
    printf("\n");
    print_field("kind", json_object_get(net, "kind"));
    print_field("resolution", json_object_get(net, "resolution"));
    print_field("parameters", json_object_get(net, "parameters"));
    print_field("fingerprint", json_object_get(net, "fingerprint"));
    print_field("problem", json_object_get(net, "problem"));
    print_config(json_object_get(net, "config"));
    print_list("layers", json_object_get(net, "layers"));
    if (tensors)
        print_list("tensors", json_object_get(net, "tensors"));
}

static int print_text(const char *path, const char *text, int tensors) {
    size_t i;
    json_t *net, *top = json_loads(text, 0, NULL);
    if (!top)
        return cli_error("%s: its description could not be read", path);
    cli_print_safe(stdout, path);
    printf("\n");
    print_field("format", json_object_get(top, "format"));
    const json_t *record = json_object_get(top, "record"), *deltas = json_object_get(record, "deltas");
    if (deltas)
        print_field("deltas of", json_object_get(deltas, "network"));
    else
        print_field("training set", record);
    json_array_foreach(json_object_get(top, "networks"), i, net) print_network(net, tensors);
    json_decref(top);
    return CLI_SUCCESS;
}

int cli_inspect(int argc, char **argv) {
    cli_common common = { 0 };
    int as_json = 0, tensors = 0;
    const char *path;
    const cli_option options[] = {
        CLI_OPTION_FLAG("json", &as_json, "print everything as JSON"),
        CLI_OPTION_FLAG("tensors", &tensors, "also list the tensors with their shapes"),
        CLI_COMMON_OPTIONS(&common),
    };
    const cli_spec spec = {
        .command = "inspect",
        .arguments = "FILE",
        .about = "Say what a checkpoint file holds.",
        .options = options,
        .count = sizeof options / sizeof *options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int status = cli_options_parse(&spec, argc, argv, &path);
    if (status != CLI_PROCEED)
        return status;
    atl_ctx *ctx = NULL;
    char *text = NULL;
    status = cli_open(&common, &ctx);
    if (status == CLI_SUCCESS && atl_inspect(ctx, path, &text) != ATL_OK)
        status = cli_fail(ctx);
    if (status == CLI_SUCCESS && as_json)
        status = puts(text) < 0 ? CLI_FAILURE : CLI_SUCCESS;
    else if (status == CLI_SUCCESS)
        status = print_text(path, text, tensors);
    if (text)
        atl_text_free(ctx, text);
    atl_ctx_close(&ctx);
    return status;
}
