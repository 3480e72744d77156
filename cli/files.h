// SPDX-License-Identifier: Apache-2.0
// Small files whole: read one into memory, replace one so that no reader ever sees half of it.
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <stddef.h>
#include <stdio.h>

// The text of a file, with a '\0' behind it; free() it.  NULL after printing why not: it can't be read, or
// has more than `most` bytes.  `size` may be NULL.
char *cli_file_read(const char *path, size_t most, size_t *size);

char *cli_file_try(const char *path, size_t most, size_t *size); // the same, but it prints nothing

// A file in the making, "PATH.tmp-PID" beside the one that it will replace.
typedef struct cli_file {
    FILE *out;  // write here; failures are found by cli_file_commit()
    char *path, *beside;
} cli_file;

// 0, or an exit status after printing why not.
int cli_file_open(cli_file *file, const char *path);

// The new text takes the place of the old.  0, or an exit status after printing why not: then the old
// file is as it was.  Either way the struct is done with.
int cli_file_commit(cli_file *file);
void cli_file_discard(cli_file *file); // a zeroed or committed struct is fine

#endif
