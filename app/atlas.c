// SPDX-License-Identifier: Apache-2.0
// Bilinear weights; see atlas.h.
#include "atlas.h"

#include <math.h>

// Left of 0 and above it seeds go on modulo 2^32, as the official one masks them.
static uint32_t seed_of(double x, double y) {
    return (uint32_t)(int64_t)x + (uint32_t)(int64_t)y * 100u;
}

app_atlas app_atlas_at(double x, double y) {
    double left = floor(x), top = floor(y), across = x - left, down = y - top;
    app_atlas a = { 0 };
    for (int i = 0; i < 4; i++) {
        int right = i & 1, below = i >> 1;
        double weight = (right ? across : 1 - across) * (below ? down : 1 - down);
        if (weight <= 0)
            continue;
        a.seeds[a.count] = seed_of(left + right, top + below);
        a.weights[a.count++] = weight;
    }
    return a;
}

int app_atlas_seed(double x, double y, uint32_t *seed) {
    if (x != floor(x) || y != floor(y))
        return 0;
    if (seed)
        *seed = seed_of(x, y);
    return 1;
}
