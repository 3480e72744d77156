// SPDX-License-Identifier: Apache-2.0
// From numbers to what the inputs of an augmentation hold: maps, colour matrices, filters, noise, masks.  Definitions
// are those of Karras et al. 2020, appendix B; the order in which operations are composed is part of them.
#include <math.h>
#include <string.h>

#include "train/augment_draw.h"

enum { PARTS = 6 };

static const float PI = 3.14159265f;

// Room per part, in the order of the struct; 0: not needed.
static void counts(const atl_augment *a, size_t count[PARTS]) {
    atl_node *const nodes[PARTS] = { a->theta, a->matrix, a->offset, a->filter, a->noise, a->mask };
    for (int i = 0; i < PARTS; i++)
        count[i] = nodes[i] && nodes[i]->op != ATL_OP_POISON ? (size_t)atl_shape_count(&nodes[i]->shape) : 0;
}

atl_status atl_augment_params_make(atl_ctx *ctx, const atl_augment *a, atl_augment_params **params) {
    size_t count[PARTS];
    *params = NULL;
    atl_augment_params *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    *p = (atl_augment_params){ .ctx = ctx, .config = a->config, .n = a->n, .h = a->h, .w = a->w, .c = a->c };
    float **part[PARTS] = { &p->theta, &p->matrix, &p->offset, &p->filter, &p->noise, &p->mask };
    counts(a, count);
    for (int i = 0; i < PARTS; i++) {
        if (count[i] && !(*part[i] = atl_calloc(ctx, count[i], sizeof **part[i]))) {
            atl_augment_params_free(&p);
            return ATL_NO_MEMORY;
        }
    }
    *params = p;
    return ATL_OK;
}

void atl_augment_params_free(atl_augment_params **params) {
    atl_augment_params *p = params ? *params : NULL;
    if (!p)
        return;
    float *part[PARTS] = { p->theta, p->matrix, p->offset, p->filter, p->noise, p->mask };
    for (int i = 0; i < PARTS; i++)
        atl_free(p->ctx, part[i]);
    atl_free(p->ctx, p);
    *params = NULL;
}

// ---- one sample

typedef struct sample {
    const atl_augment_params *a;
    const atl_augment_source *source;
    int64_t i;
    float p;
} sample;

static float number(const sample *s, atl_draw which) {
    return s->source->number(s->source->state, s->i, which);
}

static bool applied(const sample *s, atl_draw gate, float probability) {
    return number(s, gate) < probability;
}

// uniform in [-1, 1)
static float both_ways(const sample *s, atl_draw which) {
    return number(s, which) * 2.0f - 1.0f;
}

static float factor(const sample *s, atl_draw which, float std) {
    return exp2f(number(s, which) * std);
}

// ---- places: the map from the result to the image, each operation's inverse multiplied from the right

// m [2, 3] times the map (x, y) -> (a x + b y + e, c x + d y + f)
static void compose(float m[6], float a, float b, float e, float c, float d, float f) {
    for (int i = 0; i < 6; i += 3) {
        float x = m[i], y = m[i + 1];
        m[i] = x * a + y * c;
        m[i + 1] = x * b + y * d;
        m[i + 2] += x * e + y * f;
    }
}

static void turn(float m[6], float angle) {
    float c = cosf(angle), s = sinf(angle);
    compose(m, c, -s, 0, s, c, 0);
}

static void blit(const sample *s, float m[6]) {
    const atl_augment_config *o = &s->a->config;
    float w = (float)s->a->w, h = (float)s->a->h;
    if (o->xflip > 0 && applied(s, ATL_DRAW_XFLIP_GATE, o->xflip * s->p) && number(s, ATL_DRAW_XFLIP) >= 0.5f)
        compose(m, -1, 0, 0, 0, 1, 0);
    if (o->rotate90 > 0 && applied(s, ATL_DRAW_ROTATE90_GATE, o->rotate90 * s->p)) {
        static const float COS[4] = { 1, 0, -1, 0 };
        int i = (int)floorf(number(s, ATL_DRAW_ROTATE90) * 4.0f) & 3;
        compose(m, COS[i], COS[(i + 1) & 3], 0, -COS[(i + 1) & 3], COS[i], 0);
    }
    if (o->xint > 0 && applied(s, ATL_DRAW_XINT_GATE, o->xint * s->p))
        compose(m, 1, 0, -rintf(both_ways(s, ATL_DRAW_XINT_X) * o->xint_max * w), 0, 1,
                -rintf(both_ways(s, ATL_DRAW_XINT_Y) * o->xint_max * h));
}

static void general(const sample *s, float m[6]) {
    const atl_augment_config *o = &s->a->config;
    float w = (float)s->a->w, h = (float)s->a->h;
    // two rotations, one of which is enough: 1 - (1 - p)^2 = strength
    float turns = 1.0f - sqrtf(1.0f - fminf(fmaxf(o->rotate * s->p, 0.0f), 1.0f));
    if (o->scale > 0 && applied(s, ATL_DRAW_SCALE_GATE, o->scale * s->p)) {
        float f = 1.0f / factor(s, ATL_DRAW_SCALE, o->scale_std);
        compose(m, f, 0, 0, 0, f, 0);
    }
    if (o->rotate > 0 && applied(s, ATL_DRAW_ROTATE_PRE_GATE, turns))
        turn(m, both_ways(s, ATL_DRAW_ROTATE_PRE) * PI * o->rotate_max);
    if (o->aniso > 0 && applied(s, ATL_DRAW_ANISO_GATE, o->aniso * s->p)) {
        float f = factor(s, ATL_DRAW_ANISO, o->aniso_std);
        compose(m, 1.0f / f, 0, 0, 0, f, 0);
    }
    if (o->rotate > 0 && applied(s, ATL_DRAW_ROTATE_POST_GATE, turns))
        turn(m, both_ways(s, ATL_DRAW_ROTATE_POST) * PI * o->rotate_max);
    if (o->xfrac > 0 && applied(s, ATL_DRAW_XFRAC_GATE, o->xfrac * s->p))
        compose(m, 1, 0, -number(s, ATL_DRAW_XFRAC_X) * o->xfrac_std * w, 0, 1,
                -number(s, ATL_DRAW_XFRAC_Y) * o->xfrac_std * h);
}

// ---- colours: [3, 4], each operation multiplied from the left

static void apply(const float m[3][3], float c[3][4]) {
    float r[3][4];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++)
            r[i][k] = m[i][0] * c[0][k] + m[i][1] * c[1][k] + m[i][2] * c[2][k];
    memcpy(c, r, sizeof r);
}

// a * identity + b * (projection on the gray axis) + k * (cross product with it)
static void apply_about_gray(float c[3][4], float a, float b, float k) {
    float m[3][3], cross = k / sqrtf(3.0f);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            m[i][j] = (i == j ? a : 0.0f) + b / 3.0f + (i == j ? 0.0f : (j - i + 3) % 3 == 1 ? -cross : cross);
    apply(m, c);
}

static void color_map(const sample *s, float c[3][4]) {
    const atl_augment_config *o = &s->a->config;
    if (o->brightness > 0 && applied(s, ATL_DRAW_BRIGHTNESS_GATE, o->brightness * s->p))
        for (int i = 0; i < 3; i++)
            c[i][3] += number(s, ATL_DRAW_BRIGHTNESS) * o->brightness_std;
    if (o->contrast > 0 && applied(s, ATL_DRAW_CONTRAST_GATE, o->contrast * s->p))
        apply_about_gray(c, factor(s, ATL_DRAW_CONTRAST, o->contrast_std), 0, 0);
    if (o->lumaflip > 0 && applied(s, ATL_DRAW_LUMAFLIP_GATE, o->lumaflip * s->p) &&
        number(s, ATL_DRAW_LUMAFLIP) >= 0.5f)
        apply_about_gray(c, 1, -2, 0);
    if (o->hue > 0 && s->a->c > 1 && applied(s, ATL_DRAW_HUE_GATE, o->hue * s->p)) {
        float angle = both_ways(s, ATL_DRAW_HUE) * PI * o->hue_max;
        apply_about_gray(c, cosf(angle), 1.0f - cosf(angle), sinf(angle)); // Rodrigues' formula
    }
    if (o->saturation > 0 && s->a->c > 1 && applied(s, ATL_DRAW_SATURATION_GATE, o->saturation * s->p)) {
        float f = factor(s, ATL_DRAW_SATURATION, o->saturation_std);
        apply_about_gray(c, f, 1.0f - f, 0);
    }
}

// Gray images are what the mean of three equal channels becomes.
static void store_color(const float c[3][4], int64_t channels, float *matrix, float *offset) {
    if (channels == 1) {
        matrix[0] = offset[0] = 0.0f;
        for (int i = 0; i < 3; i++) {
            matrix[0] += (c[i][0] + c[i][1] + c[i][2]) / 3.0f;
            offset[0] += c[i][3] / 3.0f;
        }
        return;
    }
    for (int i = 0; i < 3; i++) {
        memcpy(matrix + 3 * i, c[i], 3 * sizeof *matrix);
        offset[i] = c[i][3];
    }
}

// ---- frequencies

// y += x convolved with the 7 taps of f, spread by `step`; both [ATL_BAND_TAPS] about their middle
static void spread(const float f[7], int step, const float *x, float *y) {
    for (int i = 0; i < ATL_BAND_TAPS; i++)
        for (int t = -3; t <= 3; t++) {
            int at = i - t * step;
            y[i] += at >= 0 && at < ATL_BAND_TAPS ? f[t + 3] * x[at] : 0.0f;
        }
}

// A low-pass filter and its complement, made of the wavelet sym2 and its mirror image, split an octave off; the
// rest is split again at half the rate.  All values are multiples of 2^-15, so nothing is rounded.
void atl_augment_bands(float bank[ATL_BANDS][ATL_BAND_TAPS]) {
    static const float LOW[7] = { -1 / 32.0f, 0, 9 / 32.0f, 16 / 32.0f, 9 / 32.0f, 0, -1 / 32.0f };
    static const float HIGH[7] = { 1 / 32.0f, 0, -9 / 32.0f, 16 / 32.0f, -9 / 32.0f, 0, 1 / 32.0f };
    float rest[ATL_BAND_TAPS] = { 0 };
    rest[ATL_BAND_TAPS / 2] = 1.0f;
    memset(bank, 0, ATL_BANDS * sizeof *bank);
    for (int i = ATL_BANDS - 1; i > 0; i--) {
        float lower[ATL_BAND_TAPS] = { 0 };
        int step = 1 << (ATL_BANDS - 1 - i);
        spread(HIGH, step, rest, bank[i]);
        spread(LOW, step, rest, lower);
        memcpy(rest, lower, sizeof rest);
    }
    memcpy(bank[0], rest, sizeof rest);
}

static void filter_taps(const sample *s, const float bank[ATL_BANDS][ATL_BAND_TAPS], float *f) {
    static const float POWER[ATL_BANDS] = { 10 / 13.0f, 1 / 13.0f, 1 / 13.0f, 1 / 13.0f }; // natural images: 1 / f
    const atl_augment_config *o = &s->a->config;
    float gain[ATL_BANDS] = { 1, 1, 1, 1 };
    for (int b = 0; b < ATL_BANDS; b++) {
        if (!applied(s, (atl_draw)(ATL_DRAW_IMGFILTER_GATE + b), o->imgfilter * s->p * o->imgfilter_bands[b]))
            continue;
        float t = factor(s, (atl_draw)(ATL_DRAW_IMGFILTER + b), o->imgfilter_std);
        float norm = 1.0f / sqrtf(1.0f + POWER[b] * (t * t - 1.0f)); // the powers add to 1
        for (int k = 0; k < ATL_BANDS; k++)
            gain[k] *= (k == b ? t : 1.0f) * norm;
    }
    for (int t = 0; t < ATL_BAND_TAPS; t++)
        f[t] = gain[0] * bank[0][t] + gain[1] * bank[1][t] + gain[2] * bank[2][t] + gain[3] * bank[3][t];
}

// ---- damage

static void noise_image(const sample *s, float *noise) {
    const atl_augment_config *o = &s->a->config;
    size_t count = (size_t)(s->a->h * s->a->w * s->a->c);
    float strength = fabsf(number(s, ATL_DRAW_NOISE)) * o->noise_std;
    if (!applied(s, ATL_DRAW_NOISE_GATE, o->noise * s->p)) {
        memset(noise, 0, count * sizeof *noise);
        return;
    }
    s->source->image(s->source->state, s->i, count, noise);
    for (size_t i = 0; i < count; i++)
        noise[i] *= strength;
}

static bool within(int64_t at, int64_t size, float centre, float box) {
    return fabsf(((float)at + 0.5f) / (float)size - centre) < box / 2.0f;
}

static void box_mask(const sample *s, float *mask) {
    const atl_augment_config *o = &s->a->config;
    float box = applied(s, ATL_DRAW_CUTOUT_GATE, o->cutout * s->p) ? o->cutout_size : 0.0f;
    float x = number(s, ATL_DRAW_CUTOUT_X), y = number(s, ATL_DRAW_CUTOUT_Y);
    for (int64_t p = 0; p < s->a->h; p++)
        for (int64_t q = 0; q < s->a->w; q++)
            *mask++ = within(p, s->a->h, y, box) && within(q, s->a->w, x, box) ? 0.0f : 1.0f;
}

void atl_augment_draw_from(atl_augment_params *a, float p, const atl_augment_source *source) {
    float bank[ATL_BANDS][ATL_BAND_TAPS];
    atl_augment_bands(bank);
    for (int64_t i = 0; i < a->n; i++) {
        sample s = { a, source, i, p };
        float m[6] = { 1, 0, 0, 0, 1, 0 }, c[3][4] = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } };
        if (a->theta) {
            blit(&s, m);
            general(&s, m);
            memcpy(a->theta + 6 * i, m, sizeof m);
        }
        if (a->matrix && a->offset) {
            color_map(&s, c);
            store_color(c, a->c, a->matrix + i * a->c * a->c, a->offset + i * a->c);
        }
        if (a->filter)
            filter_taps(&s, bank, a->filter + i * ATL_BAND_TAPS);
        if (a->noise)
            noise_image(&s, a->noise + i * a->h * a->w * a->c);
        if (a->mask)
            box_mask(&s, a->mask + i * a->h * a->w);
    }
}
