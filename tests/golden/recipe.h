// SPDX-License-Identifier: Apache-2.0
// Weights of large networks that no file holds: each tensor is a function of its name and its shape.
// splitmix64 (Steele, Lea, Flood 2014), seeded with FNV-1a of the name, gives numbers u in [-1, 1); what
// becomes of them depends on the end of the name.
#ifndef ATL_TESTS_RECIPE_H
#define ATL_TESTS_RECIPE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct recipe {
    double scale, offset;
    int absolute;
} recipe;

static inline uint64_t recipe_bits(uint64_t seed, size_t i) {
    uint64_t x = seed + (uint64_t)(i + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

// Number i of a name, in [-1, 1).
static inline float recipe_uniform(uint64_t seed, size_t i) {
    return (float)((double)(recipe_bits(seed, i) >> 40) * 0x1p-23 - 1.0);
}

// The same for pictures of bytes.
static inline uint8_t recipe_byte(uint64_t seed, size_t i) {
    return (uint8_t)(recipe_bits(seed, i) >> 56);
}

static inline uint64_t recipe_seed(const char *name) {
    uint64_t seed = 0xCBF29CE484222325u;
    for (const char *p = name; *p; p++)
        seed = (seed ^ (unsigned char)*p) * 0x100000001B3u;
    return seed;
}

static inline int recipe_ends(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

static inline recipe recipe_of(const char *name, int rank, const int64_t *dims, double gain) {
    const char *leaf = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
    double fan_in = 1.0;
    for (int i = 1; i < rank; i++)
        fan_in *= (double)dims[i];
    if (recipe_ends(leaf, "mean"))
        return (recipe){ 0.1, 0.0, 0 };
    if (recipe_ends(leaf, "var"))
        return (recipe){ 0.5, 1.0, 1 };
    if (recipe_ends(leaf, "bias") || !strcmp(leaf, "beta"))
        return (recipe){ 0.1, 0.0, 0 };
    if (rank > 1)
        return (recipe){ sqrt(3.0 / fan_in) * gain, 0.0, 0 };
    if (!strcmp(leaf, "gamma") || !strcmp(leaf, "weight") || !strcmp(leaf, "gain"))
        return (recipe){ 0.1, 1.0, 0 };
    return (recipe){ 0.1, 0.0, 0 };
}

static inline void recipe_fill(const char *name, int rank, const int64_t *dims, double gain, float *values) {
    recipe r = recipe_of(name, rank, dims, gain);
    uint64_t seed = recipe_seed(name);
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    for (size_t i = 0; i < count; i++) {
        double u = (double)recipe_uniform(seed, i);
        values[i] = (float)(r.offset + r.scale * (r.absolute ? fabs(u) : u));
    }
}

// A picture [maps, h, w]: 0.75 of a number for each block of pixels, 0.25 of one for each pixel.  Freed by
// the caller; NULL when memory is missing.
static inline float *recipe_picture(const char *name, int maps, int h, int w, int block) {
    char coarse_name[128];
    snprintf(coarse_name, sizeof coarse_name, "%s.lo", name);
    uint64_t fine = recipe_seed(name), coarse = recipe_seed(coarse_name);
    float *img = malloc(sizeof *img * (size_t)maps * (size_t)h * (size_t)w);
    for (int i = 0; img && i < maps * h * w; i++) {
        int map = i / (h * w), y = i / w % h, x = i % w;
        int at = (map * (h / block) + y / block) * (w / block) + x / block;
        img[i] = (float)(0.75 * (double)recipe_uniform(coarse, (size_t)at) +
                         0.25 * (double)recipe_uniform(fine, (size_t)i));
    }
    return img;
}

#endif
