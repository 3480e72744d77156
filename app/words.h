// SPDX-License-Identifier: Apache-2.0
// The words of a choice, written as "ada|fixed|noaug".
#ifndef APP_WORDS_H
#define APP_WORDS_H

int app_word_index(const char *words, const char *word); // or -1

#endif
