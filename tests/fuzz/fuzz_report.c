// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a run's folder, of which the report is made: stats.jsonl up to a line of "----",
// then training_options.json and log.txt.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(const char *folder, const char *name, const uint8_t *data, size_t size) {
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        return;
    fwrite(data, 1, size, file);
    fclose(file);
}

// Nothing of a file may end the element that holds the data.
static void check_page(const char *path) {
    static const char mark[] = "id=\"data\">";
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        const char *json = strstr(line, mark), *end = json ? strchr(json + sizeof mark - 1, '<') : NULL;
        if (json && (!end || strcmp(end, "</script>\n") != 0))
            __builtin_trap();
    }
    free(line);
    fclose(file);
}

// The first place of `text`, or NULL.
static const uint8_t *find(const uint8_t *data, size_t size, const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++)
        if (!memcmp(data + i, text, length))
            return data + i;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = { "stats.jsonl", "training_options.json", "log.txt", "report.html" };
    static const char cut[] = "----\n";
    char folder[] = "/tmp/atl-fuzz-XXXXXX", path[80];
    const uint8_t *at = find(data, size, cut);
    const uint8_t *rest = at ? at + sizeof cut - 1 : data + size;
    app_error e = { 0 };
    atl_ctx *ctx;
    if (!mkdtemp(folder) || atl_ctx_open(&ctx, NULL) != ATL_OK)
        return 0;
    write_file(folder, names[0], data, at ? (size_t)(at - data) : size);
    write_file(folder, names[1], rest, (size_t)(data + size - rest));
    write_file(folder, names[2], rest, (size_t)(data + size - rest));
    (void)app_report_write(ctx, folder, NULL, &e);
    snprintf(path, sizeof path, "%s/%s", folder, names[3]);
    check_page(path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    atl_ctx_close(&ctx);
    return 0;
}
