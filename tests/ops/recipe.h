// SPDX-License-Identifier: Apache-2.0
// Weights that are not in a recording: each is a function of its name and its shape.  Element i comes from output i of
// splitmix64 seeded with the name's FNV-1a hash, scaled by what the name says the tensor is for.
#ifndef ATL_TESTS_RECIPE_H
#define ATL_TESTS_RECIPE_H

#include <fnmatch.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

typedef struct recipe {
    atl_graph *g;
    double gain;           // of tensors of two or more dimensions
    const char *unit;      // a pattern of names whose tensors have variance 1
} recipe;

static inline float recipe_uniform(const char *name, uint64_t i) { // [-1, 1)
    uint64_t seed = UINT64_C(0xCBF29CE484222325);
    for (const char *p = name; *p; p++)
        seed = (seed ^ (unsigned char)*p) * UINT64_C(0x100000001B3);
    uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (float)((z ^ z >> 31) >> 40) * 0x1p-23f - 1.0f;
}

static inline atl_node *recipe_weight(const recipe *r, const char *layer, const char *leaf, atl_shape s) {
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", layer, layer[0] ? "." : "", leaf);
    const int64_t count = atl_shape_count(&s);
    double fan_in = (double)count / (double)s.d[0], wide = sqrt(3.0 / fan_in) * r->gain;
    bool matrix = s.rank > 1 && strcmp(leaf, "bias") != 0, scale = !strcmp(leaf, "weight");
    bool variance = !strcmp(leaf, "running_var");
    if (r->unit && !fnmatch(r->unit, name, 0))
        wide = sqrt(3.0);
    float *v = atl_arena_alloc(&r->g->arena, (size_t)count, sizeof *v);
    for (int64_t i = 0; v && i < count; i++) {
        double u = (double)recipe_uniform(name, (uint64_t)i);
        v[i] = (float)(matrix ? u * wide : variance ? 1.0 + 0.5 * fabs(u) : scale ? 1.0 + 0.1 * u : 0.1 * u);
    }
    return v ? atl_const(r->g, s, v) : atl_graph_fail(r->g, ATL_NO_MEMORY, "out of memory for %s", name);
}

#endif
