// SPDX-License-Identifier: Apache-2.0
// Replays files through a fuzz target without libFuzzer: `driver FOLDER_OR_FILE...`.  Every file of the
// corpus, and every input that once broke something, so runs with the ordinary tests.  A folder
// without files is a failure, since it would test nothing.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    // exactly as large as the input, so that a read past the end is seen by the sanitizer
    uint8_t *data = size >= 0 ? malloc(size ? (size_t)size : 1) : NULL;
    if (!data || fseek(file, 0, SEEK_SET) != 0 || fread(data, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s: can't be read\n", path);
        free(data);
        if (file)
            fclose(file);
        return -1;
    }
    fclose(file);
    fprintf(stderr, "%s\n", path); // before the call: names the culprit of a crash
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 1;
}

// Number of files that ran, or -1.
static int replay_folder(const char *folder) {
    struct dirent **list;
    int n = scandir(folder, &list, NULL, alphasort), ran = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (list[i]->d_name[0] != '.' && ran >= 0) {
            int length = snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
            ran = length < (int)sizeof path && replay_file(path) == 1 ? ran + 1 : -1;
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    if (n < 0 || ran == 0)
        fprintf(stderr, "%s: no files to replay\n", folder);
    return n < 0 || ran == 0 ? -1 : ran;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        int folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        int ran = folder ? replay_folder(argv[i]) : replay_file(argv[i]);
        if (ran < 0)
            return 1;
        total += ran;
    }
    printf("%d files replayed\n", total);
    return total ? 0 : 1;
}
