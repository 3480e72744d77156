// SPDX-License-Identifier: Apache-2.0
// Any bytes as the file of labels of an ensemble, and as the lists of its views.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/ensemble_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PHOTOS = 3, CLASSES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/atl-fuzz-XXXXXX", *names[PHOTOS] = { "in/a.png", "in/b b.png", "c,1.png" };
    app_photo photos[PHOTOS];
    int32_t labels[PHOTOS];
    unsigned char validates[PHOTOS] = { 0 };
    static app_ensemble a;
    app_error e = { 0 };
    int file = mkstemp(path);
    if (file < 0)
        return 0;
    if (write(file, data, size) < 0)
        size = 0;
    close(file);
    for (int i = 0; i < PHOTOS; i++)
        photos[i] = (app_photo){ names[i], names[i] };
    a = (app_ensemble){ .o = { .labels = path, .weight = -1, .validation = 0.5 },
                        .photos = { photos, PHOTOS, PHOTOS },
                        .classes = CLASSES,
                        .labels = labels,
                        .validates = validates };
    if (app_ensemble_read_labels(&a, &e) == APP_OK) {
        int64_t labelled = 0, chosen = 0;
        for (int i = 0; i < PHOTOS; i++) {
            if (labels[i] < -1 || labels[i] >= CLASSES || (validates[i] && labels[i] < 0))
                __builtin_trap();
            labelled += labels[i] >= 0;
            chosen += validates[i];
        }
        if (!labelled || chosen != a.validation || labelled != a.validation + a.test)
            __builtin_trap();
    } else if (!*e.text) {
        __builtin_trap();
    }
    unlink(path);
    return 0;
}
