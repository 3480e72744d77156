// SPDX-License-Identifier: Apache-2.0
// Reading whole files and replacing them, folders; see files.h.
#include "files.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memory.h"

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

char *app_file_read(const char *path, size_t most, size_t *size, app_error *e) {
    size_t unused;
    FILE *in = fopen(path, "rb");
    const char *why = in ? NULL : strerror(errno);
    char *text = in ? read_open(in, most, size ? size : &unused, &why) : NULL;
    if (in)
        fclose(in);
    if (!text)
        app_fail(e, "%s: %s", path, why);
    return text;
}

static app_status failed(app_file *file, const char *what, app_error *e) {
    app_fail(e, "%s: %s: %s", file->path, what, strerror(errno));
    app_file_discard(file);
    return APP_FAILED;
}

app_status app_file_open(app_file *file, const char *path, app_error *e) {
    size_t room = strlen(path) + 32;
    struct stat old;
    *file = (app_file){ .path = app_copy(path, e), .beside = malloc(room) };
    if (!file->path || !file->beside) {
        free(file->beside);
        free(file->path);
        *file = (app_file){ 0 };
        return app_fail(e, "out of memory");
    }
    snprintf(file->beside, room, "%s.tmp-%ld", path, (long)getpid());
    file->out = fopen(file->beside, "wb");
    if (!file->out) {
        free(file->beside); // there is nothing to unlink
        file->beside = NULL;
        return failed(file, "can't be written", e);
    }
    if (stat(path, &old) == 0)
        (void)fchmod(fileno(file->out), old.st_mode & 07777); // a courtesy: not worth failing
    return APP_OK;
}

app_status app_file_commit(app_file *file, app_error *e) {
    int bad = ferror(file->out) || fflush(file->out) != 0 || fsync(fileno(file->out)) != 0;
    if (bad)
        return failed(file, "can't be written", e);
    bad = fclose(file->out) != 0;
    file->out = NULL;
    if (bad || rename(file->beside, file->path) != 0)
        return failed(file, "can't be replaced", e);
    free(file->beside);
    file->beside = NULL;
    app_file_discard(file);
    return APP_OK;
}

void app_file_discard(app_file *file) {
    if (file->out)
        fclose(file->out);
    if (file->beside)
        unlink(file->beside);
    free(file->beside);
    free(file->path);
    *file = (app_file){ 0 };
}

app_status app_file_write(const char *path, const char *bytes, size_t size, app_error *e) {
    app_file file;
    if (app_file_open(&file, path, e) != APP_OK)
        return APP_FAILED;
    fwrite(bytes, 1, size, file.out); // a failure is found by the next line
    return app_file_commit(&file, e);
}

// ---- Folders

static int make_one(const char *path) {
    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    struct stat info;
    return stat(path, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

app_status app_folder_make(const char *path, app_error *e) {
    char *copy = app_copy(path, e);
    int error = 0;
    if (!copy)
        return APP_FAILED;
    for (size_t i = 1, length = strlen(copy); i <= length && !error; i++) {
        if (copy[i] != '/' && copy[i] != '\0')
            continue;
        char kept = copy[i];
        copy[i] = '\0';
        error = make_one(copy);
        copy[i] = kept;
    }
    free(copy);
    return error ? app_fail(e, "%s: the folder can't be made: %s", path, strerror(error)) : APP_OK;
}

// Where NAME's colon is in "FILE:NAME", or NULL; `path` is a copy to cut short and mend.
static const char *colon_of(const char *source, char *path) {
    if (access(source, F_OK) == 0)
        return NULL;
    for (const char *colon = strchr(source, ':'); colon; colon = strchr(colon + 1, ':')) {
        path[colon - source] = '\0';
        int is_file = access(path, F_OK) == 0;
        path[colon - source] = ':';
        if (is_file)
            return colon;
    }
    return strrchr(source, ':');
}

char *app_file_split(const char *source, const char **name, app_error *e) {
    char *path = app_copy(source, e);
    const char *colon = path ? colon_of(source, path) : NULL;
    *name = colon ? colon + 1 : NULL;
    if (colon)
        path[colon - source] = '\0';
    return path;
}

char *app_join(const char *folder, const char *name, app_error *e) {
    size_t a = strlen(folder), b = strlen(name);
    int slash = a > 0 && folder[a - 1] != '/';
    char *path = malloc(a + b + 2);
    if (path)
        snprintf(path, a + b + 2, "%s%s%s", folder, slash ? "/" : "", name);
    else
        app_fail(e, "out of memory");
    return path;
}

const char *app_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t app_stem_length(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}
