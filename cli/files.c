// SPDX-License-Identifier: Apache-2.0
// Reading whole files and replacing them; see files.h.
#include "files.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"

// NULL and *why on failure.
static char *read_open(FILE *in, size_t most, size_t *size, const char **why) {
    struct stat info;
    char *text = NULL;
    size_t used = 0, room = 4096;
    *why = "is no ordinary file";
    if (fstat(fileno(in), &info) != 0 || !S_ISREG(info.st_mode))
        return NULL;
    if (info.st_size > 0 && (uintmax_t)info.st_size <= most)
        room = (size_t)info.st_size + 1;
    for (;;) { // the size is only a hint: a file that is being written grows
        char *grown = realloc(text, room);
        *why = grown ? NULL : "does not fit into memory";
        if (!grown)
            break;
        text = grown;
        used += fread(text + used, 1, room - used, in);
        *why = ferror(in) ? "can't be read" : used > most ? "is larger than any file of its kind" : NULL;
        if (used < room || *why)
            break;
        room += room / 2 + 4096;
    }
    if (*why) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    return text;
}

static char *read_file(const char *path, size_t most, size_t *size, const char **why) {
    size_t unused;
    FILE *in = fopen(path, "rb");
    *why = in ? NULL : strerror(errno);
    if (!in)
        return NULL;
    char *text = read_open(in, most, size ? size : &unused, why);
    fclose(in);
    return text;
}

char *cli_file_try(const char *path, size_t most, size_t *size) {
    const char *why;
    return read_file(path, most, size, &why);
}

char *cli_file_read(const char *path, size_t most, size_t *size) {
    const char *why;
    char *text = read_file(path, most, size, &why);
    if (!text)
        cli_error("%s: %s", path, why);
    return text;
}

static int failed(cli_file *file, const char *what) {
    cli_error("%s: %s: %s", file->path, what, strerror(errno));
    cli_file_discard(file);
    return CLI_FAILURE;
}

int cli_file_open(cli_file *file, const char *path) {
    size_t length = strlen(path), room = length + 32;
    struct stat old;
    *file = (cli_file){ .path = malloc(length + 1), .beside = malloc(room) };
    if (!file->path || !file->beside) {
        cli_file_discard(file);
        return cli_error("out of memory");
    }
    memcpy(file->path, path, length + 1);
    snprintf(file->beside, room, "%s.tmp-%ld", path, (long)getpid());
    file->out = fopen(file->beside, "wb");
    if (!file->out) {
        free(file->beside); // there is nothing to unlink
        file->beside = NULL;
        return failed(file, "can't be written");
    }
    if (stat(path, &old) == 0)
        (void)fchmod(fileno(file->out), old.st_mode & 07777); // a courtesy: not worth failing
    return CLI_SUCCESS;
}

int cli_file_commit(cli_file *file) {
    int bad = ferror(file->out) || fflush(file->out) != 0 || fsync(fileno(file->out)) != 0;
    if (bad)
        return failed(file, "can't be written");
    bad = fclose(file->out) != 0;
    file->out = NULL;
    if (bad || rename(file->beside, file->path) != 0)
        return failed(file, "can't be replaced");
    free(file->beside);
    file->beside = NULL;
    cli_file_discard(file);
    return CLI_SUCCESS;
}

void cli_file_discard(cli_file *file) {
    if (file->out)
        fclose(file->out);
    if (file->beside)
        unlink(file->beside);
    free(file->beside);
    free(file->path);
    *file = (cli_file){ 0 };
}
