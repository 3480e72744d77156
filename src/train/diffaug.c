// SPDX-License-Identifier: Apache-2.0
// Differentiable augmentation: see diffaug.h.  Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN
// training", section 3.2 and appendix.
#include "train/diffaug.h"

#include <string.h>

#include "base/philox.h"
#include "nn/functions.h"

bool atl_diffaug_policy(const char *words, atl_diffaug_config *config) {
    atl_diffaug_config c = { .shift = 0.125f, .box = 0.2f };
    const struct {
        const char *name;
        bool *flag;
    } policies[] = { { "color", &c.color }, { "translation", &c.translation }, { "cutout", &c.cutout } };
    for (const char *word = words;;) {
        size_t length = strcspn(word, ",");
        bool known = false;
        for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
            if (strlen(policies[i].name) == length && !memcmp(word, policies[i].name, length))
                known = *policies[i].flag = true;
        if (!known)
            return false;
        if (!word[length])
            break;
        word += length + 1;
    }
    *config = c;
    return true;
}

// ---- nodes

// mean + factor (x - mean), the mean over some axes
static atl_node *about_mean(atl_graph *g, atl_node *x, atl_node *factor, unsigned axes) {
    atl_node *mean = atl_expand(g, atl_mean(g, x, axes), x->shape);
    return atl_add(g, mean, atl_mul(g, atl_sub(g, x, mean), atl_expand(g, factor, x->shape)));
}

atl_node *atl_diffaug_build(atl_graph *g, const atl_diffaug_config *config, atl_node *img, atl_diffaug *a) {
    *a = (atl_diffaug){ .config = *config };
    if (img->op == ATL_OP_POISON)
        return img;
    if (img->shape.rank != 4)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "augmentation needs images, not a tensor of rank %d",
                              img->shape.rank);
    int64_t n = img->shape.d[0], h = img->shape.d[1], w = img->shape.d[2];
    a->n = n, a->h = h, a->w = w, a->c = img->shape.d[3];
    atl_node *x = img;
    if (config->color) {
        a->brightness = atl_input(g, "diffaug.brightness", ATL_SHAPE(n, 1, 1, 1));
        a->saturation = atl_input(g, "diffaug.saturation", ATL_SHAPE(n, 1, 1, 1));
        a->contrast = atl_input(g, "diffaug.contrast", ATL_SHAPE(n, 1, 1, 1));
        x = atl_add(g, x, atl_expand(g, a->brightness, img->shape));
        x = about_mean(g, x, a->saturation, 8u);           // of the channels of a pixel
        x = about_mean(g, x, a->contrast, 2u | 4u | 8u);   // of the image
    }
    if (config->translation) {
        a->offset = atl_input(g, "diffaug.offset", ATL_SHAPE(n, 2));
        x = atl_shift(g, x, a->offset);
    }
    if (config->cutout) {
        a->mask = atl_input(g, "diffaug.mask", ATL_SHAPE(n, h, w, 1));
        x = atl_mul(g, x, atl_expand(g, a->mask, img->shape));
    }
    return x;
}

// ---- numbers

enum { PARTS = 5 };

atl_status atl_diffaug_params_make(atl_ctx *ctx, const atl_diffaug *a, atl_diffaug_params **params) {
    *params = NULL;
    atl_diffaug_params *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    *p = (atl_diffaug_params){ .ctx = ctx, .config = a->config, .n = a->n, .h = a->h, .w = a->w, .c = a->c };
    atl_node *const nodes[PARTS] = { a->brightness, a->saturation, a->contrast, a->offset, a->mask };
    float **part[PARTS] = { &p->brightness, &p->saturation, &p->contrast, &p->offset, &p->mask };
    for (int i = 0; i < PARTS; i++) {
        if (!nodes[i] || nodes[i]->op == ATL_OP_POISON)
            continue;
        *part[i] = atl_calloc(ctx, (size_t)atl_shape_count(&nodes[i]->shape), sizeof **part[i]);
        if (!*part[i]) {
            atl_diffaug_params_free(&p);
            return ATL_NO_MEMORY;
        }
    }
    *params = p;
    return ATL_OK;
}

void atl_diffaug_params_free(atl_diffaug_params **params) {
    atl_diffaug_params *p = params ? *params : NULL;
    if (!p)
        return;
    float *part[PARTS] = { p->brightness, p->saturation, p->contrast, p->offset, p->mask };
    for (int i = 0; i < PARTS; i++)
        atl_free(p->ctx, part[i]);
    atl_free(p->ctx, p);
    *params = NULL;
}

// The integers 0 to count - 1, equally likely.
static int64_t choice(float uniform, int64_t count) {
    int64_t i = (int64_t)(uniform * (float)count);
    return i < count ? i : count - 1; // the product may round up
}

static int64_t part_of(int64_t size, float part) {
    return (int64_t)((float)size * part + 0.5f);
}

// Pixels to shift by, in either direction.
static float shift(float uniform, int64_t size, float part) {
    int64_t most = part_of(size, part);
    return (float)(choice(uniform, 2 * most + 1) - most);
}

// Where a box begins: its centre is within the image, so that it may lie outside in part.
static int64_t box_start(float uniform, int64_t size, int64_t box) {
    return choice(uniform, size + 1 - box % 2) - box / 2;
}

static void box_mask(const atl_diffaug_params *a, float x, float y, float *mask) {
    int64_t tall = part_of(a->h, a->config.box), wide = part_of(a->w, a->config.box);
    int64_t p0 = box_start(y, a->h, tall), q0 = box_start(x, a->w, wide);
    for (int64_t p = 0; p < a->h; p++)
        for (int64_t q = 0; q < a->w; q++)
            *mask++ = p >= p0 && p < p0 + tall && q >= q0 && q < q0 + wide ? 0.0f : 1.0f;
}

void atl_diffaug_draw(atl_diffaug_params *a, uint64_t key, uint64_t stream, uint64_t first, uint64_t step) {
    // A sample's numbers; the order is part of what a seed means.  They have a bit of their own in the stream, so that
    // both augmentations may be given the same one.
    enum { BRIGHTNESS, SATURATION, CONTRAST, SHIFT_X, SHIFT_Y, BOX_X, BOX_Y, DRAWS = 8 };
    for (int64_t i = 0; i < a->n; i++) {
        float u[DRAWS];
        atl_philox_uniform(key, stream | UINT64_C(1) << 62, (first + (uint64_t)i * step) * DRAWS, DRAWS, u);
        if (a->brightness && a->saturation && a->contrast) {
            a->brightness[i] = u[BRIGHTNESS] - 0.5f;
            a->saturation[i] = u[SATURATION] * 2.0f;
            a->contrast[i] = u[CONTRAST] + 0.5f;
        }
        if (a->offset) {
            a->offset[2 * i] = -shift(u[SHIFT_Y], a->h, a->config.shift);
            a->offset[2 * i + 1] = -shift(u[SHIFT_X], a->w, a->config.shift);
        }
        if (a->mask)
            box_mask(a, u[BOX_X], u[BOX_Y], a->mask + i * a->h * a->w);
    }
}

void atl_diffaug_write(const atl_diffaug_params *params, const atl_diffaug *a, atl_plan *plan) {
    const atl_node *const nodes[PARTS] = { a->brightness, a->saturation, a->contrast, a->offset, a->mask };
    const float *const part[PARTS] = { params->brightness, params->saturation, params->contrast, params->offset,
                                       params->mask };
    for (int i = 0; i < PARTS; i++)
        if (nodes[i] && part[i])
            atl_plan_write(plan, nodes[i], part[i]);
}
