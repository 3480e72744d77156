// SPDX-License-Identifier: Apache-2.0
// The numbers of an augmentation.  Philox: sample `index` of a stream owns elements 64 index to 64 index + 63, of
// which the first half are uniform, the others normal; its noise image is in the stream with the top bit set.
#include "train/augment_draw.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"

typedef struct philox {
    uint64_t key, stream, first, step;
    int64_t sample;             // whose numbers these are, -1: nobody's
    float number[ATL_DRAWS];
} philox;

static uint64_t index_of(const philox *s, int64_t sample) {
    return s->first + (uint64_t)sample * s->step;
}

static float philox_number(void *state, int64_t sample, atl_draw which) {
    philox *s = state;
    if (s->sample != sample) {
        uint64_t first = index_of(s, sample) * ATL_DRAWS;
        atl_philox_uniform(s->key, s->stream, first, ATL_DRAW_NORMAL, s->number);
        atl_philox_normal(s->key, s->stream, first + ATL_DRAW_NORMAL, ATL_DRAWS - ATL_DRAW_NORMAL,
                          s->number + ATL_DRAW_NORMAL);
        s->sample = sample;
    }
    return s->number[which];
}

static void philox_image(void *state, int64_t sample, size_t count, float *image) {
    const philox *s = state;
    atl_philox_normal(s->key, s->stream | UINT64_C(1) << 63, index_of(s, sample) * count, count, image);
}

void atl_augment_draw(atl_augment_params *params, float p, uint64_t key, uint64_t stream, uint64_t first,
                      uint64_t step) {
    philox state = { .key = key, .stream = stream, .first = first, .step = step, .sample = -1 };
    atl_augment_source source = { &state, philox_number, philox_image };
    atl_augment_draw_from(params, p, &source);
}

// ---- percentile

typedef struct percentile {
    float p;
    const float *noise;
} percentile;

// By Newton's method: erf(x) = y, |y| < 1.
static float inverse_erf(float y) {
    double x = 0.0;
    for (int i = 0; i < 60; i++)
        x -= (erf(x) - (double)y) * exp(x * x) * 0.88622692545275801; // sqrt(pi) / 2
    return (float)x;
}

// The published numbers are without the normal distribution's factor sqrt(2), and with one rotation.
static float percentile_number(void *state, int64_t sample, atl_draw which) {
    const percentile *s = state;
    (void)sample;
    switch (which) {
    case ATL_DRAW_XFLIP: case ATL_DRAW_ROTATE90: case ATL_DRAW_XINT_X: case ATL_DRAW_XINT_Y: case ATL_DRAW_ROTATE_PRE:
    case ATL_DRAW_LUMAFLIP: case ATL_DRAW_HUE: case ATL_DRAW_CUTOUT_X: case ATL_DRAW_CUTOUT_Y:
        return s->p;
    case ATL_DRAW_ROTATE_POST:
        return 0.5f;
    case ATL_DRAW_NOISE:
        return inverse_erf(s->p);
    default:
        return which < ATL_DRAW_NORMAL ? 0.0f : inverse_erf(2.0f * s->p - 1.0f);
    }
}

static void percentile_image(void *state, int64_t sample, size_t count, float *image) {
    const percentile *s = state;
    if (s->noise)
        memcpy(image, s->noise + (size_t)sample * count, count * sizeof *image);
    else
        memset(image, 0, count * sizeof *image);
}

void atl_augment_percentile(atl_augment_params *params, float p, const float *noise) {
    percentile state = { p, noise };
    atl_augment_source source = { &state, percentile_number, percentile_image };
    atl_augment_draw_from(params, 1.0f, &source);
}
