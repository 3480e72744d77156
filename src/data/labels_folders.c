// SPDX-License-Identifier: Apache-2.0
// Labels out of the names of folders: each is a class.
#include <stdlib.h>
#include <string.h>

#include "data/labels.h"

typedef struct folder_class {
    const char *name; // within the name of its first picture
    size_t length;
    int32_t number; // in order of the pictures
} folder_class;

static int by_folder(const void *a, const void *b) {
    const folder_class *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

// Bytes of the folders around all pictures that are no classes: archives often have one at the top.
static size_t outer_folders(const atl_source *s) {
    size_t shared = atl_source_shared(s, SIZE_MAX);
    for (size_t i = 0; i < s->count; i++)
        if (strchr(s->entries[i].name + shared, '/'))
            return shared;
    // all lie in that very folder, so it is the one class
    shared -= shared > 0;
    while (shared && s->entries[0].name[shared - 1] != '/')
        shared--;
    return shared;
}

// Gives each picture the number of its folder in order of appearance.  Entries are sorted, so the pictures of
// a folder are neighbours.
static atl_status group(atl_ctx *ctx, const atl_source *s, atl_label_set *set, folder_class *classes,
                        size_t *count) {
    size_t outer = outer_folders(s);
    *count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *name = s->entries[i].name + outer, *slash = strchr(name, '/');
        if (!slash)
            continue;
        size_t length = (size_t)(slash - name);
        const folder_class *last = *count ? &classes[*count - 1] : NULL;
        if (!last || length != last->length || memcmp(name, last->name, length)) {
            if (*count == ATL_LABEL_MOST)
                return atl_fail(ctx, ATL_BAD_FILE, "%s: more than %d folders as classes", s->path,
                                ATL_LABEL_MOST);
            classes[*count] = (folder_class){ name, length, (int32_t)*count };
            ++*count;
        }
        set->classes[i] = (int32_t)*count - 1;
        set->given[i] = 1;
    }
    return ATL_OK;
}

// Folders are numbered in order of their names.  The order of the pictures is another one: in that "cat
// (3)/a" comes before "cat/a", since a blank comes before '/'.
atl_status atl_label_set_from_folders(atl_ctx *ctx, const atl_source *s, atl_label_set *set) {
    size_t count, most = s->count < ATL_LABEL_MOST ? s->count : ATL_LABEL_MOST;
    set->classes = atl_calloc(ctx, s->count, sizeof *set->classes);
    folder_class *classes = atl_alloc(ctx, most, sizeof *classes);
    int32_t *number = atl_alloc(ctx, most, sizeof *number);
    atl_status status =
        set->classes && classes && number ? group(ctx, s, set, classes, &count) : ATL_NO_MEMORY;
    if (status == ATL_OK && count) {
        qsort(classes, count, sizeof *classes, by_folder);
        for (size_t k = 0; k < count; k++)
            number[classes[k].number] = (int32_t)k;
        for (size_t i = 0; i < s->count; i++)
            set->classes[i] = set->given[i] ? number[set->classes[i]] : 0;
    }
    atl_free(ctx, classes);
    atl_free(ctx, number);
    return status;
}
