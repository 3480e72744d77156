// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of key points: lines, CSV and JSON.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include "app/marks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/atl-fuzz-XXXXXX";
    app_marks marks;
    app_error e = { 0 };
    int file = mkstemp(path);
    if (file < 0)
        return 0;
    if (write(file, data, size) < 0)
        size = 0;
    close(file);
    if (app_marks_open(&marks, path, &e) == APP_OK) {
        if (marks.size < 2 || !marks.count)
            __builtin_trap();
        for (size_t i = 0; i < marks.size; i++) {
            if (!marks.list[i].path || (marks.boxes && !(marks.list[i].box > 0.0)))
                __builtin_trap();
            for (size_t k = 0; k < 2 * marks.count; k++) // a number or none at all
                if (isinf(marks.list[i].points[k]))
                    __builtin_trap();
        }
    } else if (!*e.text) {
        __builtin_trap();
    }
    app_marks_close(&marks);
    unlink(path);
    return 0;
}
