// SPDX-License-Identifier: Apache-2.0
// Small files whole: read one into memory, replace one so that no reader ever sees half of it.  And folders.
#ifndef APP_FILES_H
#define APP_FILES_H

#include <stddef.h>
#include <stdio.h>
#include "error.h"

// The text of a file, with a '\0' behind it; free() it.  NULL, a failure: it can't be read, or has more than
// `most` bytes.  `size` may be NULL.
char *app_file_read(const char *path, size_t most, size_t *size, app_error *e);

// A file in the making, "PATH.tmp-PID" beside the one that it will replace.
typedef struct app_file {
    FILE *out; // write here; failures are found by app_file_commit()
    char *path, *beside;
} app_file;

app_status app_file_open(app_file *file, const char *path, app_error *e);

// The new text takes the place of the old; after a failure the old file is as it was.  Either way the struct
// is done with.
app_status app_file_commit(app_file *file, app_error *e);
void app_file_discard(app_file *file); // a zeroed or committed struct is fine

app_status app_file_write(const char *path, const char *bytes, size_t size, app_error *e); // all at once

// Makes a folder and those above it.
app_status app_folder_make(const char *path, app_error *e);

// Of "FILE:NAME" the file's path by malloc, or NULL; *name lies within `source`, NULL: there is none.  Both
// may hold colons: the file ends at the first one before which there is a file.
char *app_file_split(const char *source, const char **name, app_error *e);

// "DIR/NAME" by malloc, or NULL.
char *app_join(const char *folder, const char *name, app_error *e);

// A path without its folders.
const char *app_file_name(const char *path);
// How many letters of such a name stand before its ending; a dot at the beginning begins none.
size_t app_stem_length(const char *name);

#endif
