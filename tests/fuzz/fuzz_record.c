// SPDX-License-Identifier: Apache-2.0
// Any text as the record within a picture: read, and what was accepted written and read again.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "app/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const app_recipe *recipe) {
    app_error e = { 0 };
    app_recipe again = APP_RECIPE_INIT;
    json_t *owner = NULL;
    char *text = app_recipe_write(recipe);
    if (text && app_recipe_read("again", text, &again, &owner, &e) != APP_OK)
        __builtin_trap();
    if (text && (again.has_seed != recipe->has_seed || (again.has_seed && again.seed != recipe->seed)))
        __builtin_trap();
    json_decref(owner);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    app_error e = { 0 };
    app_recipe recipe = APP_RECIPE_INIT;
    json_t *owner = NULL;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (app_recipe_read("fuzz", text, &recipe, &owner, &e) == APP_OK)
        write_again(&recipe);
    json_decref(owner);
    free(text);
    return 0;
}
