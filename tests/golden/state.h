// SPDX-License-Identifier: Apache-2.0
// Checkpoints of networks whose weights are functions of their names: a list "NAME D,D,..." a line becomes
// the state dict that its makers would have saved.
#ifndef ATL_TESTS_STATE_H
#define ATL_TESTS_STATE_H

#include "golden.h"
#include "recipe.h"

typedef struct state_options {
    const char *prefix;  // stands before each name in the file
    const char *unit[4]; // ends of names whose weights are u sqrt(3), not scaled by their number of inputs
    double gain;         // 0: 1
    const char *section; // lines behind "# SECTION" count, up to the next; NULL: all
} state_options;

enum { STATE_MOST = 1024 };

typedef struct state_dict {
    atl_array list[STATE_MOST];
    char names[STATE_MOST][320];
    size_t size;
} state_dict;

// Room for the values of one more tensor.
static inline float *state_add(state_dict *s, const char *prefix, const char *name, int rank,
                               const int64_t *dims) {
    assert_true(s->size < STATE_MOST);
    size_t count = 1;
    atl_array *a = &s->list[s->size];
    snprintf(s->names[s->size], sizeof s->names[0], "%s%s", prefix ? prefix : "", name);
    *a = (atl_array){ .name = s->names[s->size], .dtype = ATL_F32, .rank = rank };
    for (int i = 0; i < rank; i++)
        count *= (size_t)(a->dims[i] = dims[i]);
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    a->data = values;
    s->size++;
    return values;
}

static inline bool state_is_unit(const state_options *o, const char *name) {
    for (size_t i = 0; i < 4 && o->unit[i]; i++)
        if (strstr(name, o->unit[i]))
            return true;
    return false;
}

static inline void state_fill(const state_options *o, const char *name, int rank, const int64_t *dims,
                              float *values) {
    double gain = o->gain > 0 ? o->gain : 1.0, inputs = 1.0;
    char full[480];
    for (int i = 1; i < rank; i++)
        inputs *= (double)dims[i];
    snprintf(full, sizeof full, "%s%s", o->prefix ? o->prefix : "", name);
    recipe_fill(full, rank, dims, state_is_unit(o, full) && rank > 1 ? sqrt(inputs) : gain, values);
}

static inline state_dict *state_read(const char *path, const state_options *o) {
    FILE *f = fopen(path, "r");
    state_dict *s = calloc(1, sizeof *s);
    char line[320], name[160], shape[64];
    bool inside = !o->section;
    assert_true(f && s);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') {
            inside = !o->section || (sscanf(line, "# %159s", name) == 1 && !strcmp(name, o->section));
            continue;
        }
        if (!inside || sscanf(line, "%159s %63s", name, shape) != 2)
            continue;
        int64_t dims[ATL_ARRAY_RANK_MAX];
        int rank = 0;
        for (char *p = shape; *p && *p != '-'; p += *p == ',')
            dims[rank++] = strtoll(p, &p, 10);
        state_fill(o, name, rank, dims, state_add(s, o->prefix, name, rank, dims));
    }
    fclose(f);
    assert_true(s->size > 0);
    return s;
}

static inline void state_write(atl_ctx *ctx, const state_dict *s, const char *path) {
    if (atl_safetensors_write(ctx, path, s->list, s->size, NULL, 0) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static inline void state_free(state_dict *s) {
    for (size_t i = 0; i < s->size; i++)
        free((void *)(uintptr_t)s->list[i].data);
    free(s);
}

#endif
