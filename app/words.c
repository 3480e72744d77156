// SPDX-License-Identifier: Apache-2.0
// An index among words; see words.h.
#include "words.h"

#include <string.h>

int app_word_index(const char *words, const char *word) {
    size_t length = strlen(word);
    for (int index = 0;; index++) {
        size_t next = strcspn(words, "|");
        if (next == length && !memcmp(words, word, length))
            return index;
        if (!words[next])
            return -1;
        words += next + 1;
    }
}
