// SPDX-License-Identifier: Apache-2.0
// How much alike two pictures of the same thing are: by pixels, structure, features and faces.
#include <atelier/metrics.h>

#include <math.h>
#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include "data/resize.h"
#include "metrics/msssim.h"

enum { COLOURS = 3, SIDE_USUAL = 256, SIDE_LEAST = 64, SIDE_MOST = 4096 };

// Both pictures, [3, side, side] each.
typedef struct pair {
    atl_ctx *ctx;
    int side;
    uint8_t *bytes[2];
    float *values[2]; // from -1 to 1
} pair;

static void clear(pair *p) {
    for (int i = 0; i < 2; i++) {
        atl_free(p->ctx, p->bytes[i]);
        atl_free(p->ctx, p->values[i]);
    }
}

static void spread(const atl_image *image, uint8_t *bytes, float *values) {
    size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    for (size_t i = 0; i < COLOURS * pixels; i++) {
        const uint8_t *pixel = image->pixels + i % pixels * channels;
        bytes[i] = pixel[channels < COLOURS ? 0 : i / pixels];
        values[i] = (float)bytes[i] / 127.5f - 1.0f;
    }
}

static atl_status take(pair *p, int which, const atl_image *picture) {
    size_t count = (size_t)COLOURS * (size_t)p->side * (size_t)p->side;
    atl_image small = { 0 };
    if (!picture->pixels || picture->width < 1 || picture->height < 1 || picture->channels < 1 || picture->channels > 4)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "the picture is empty");
    ATL_TRY(atl_image_resize(p->ctx, picture, p->side, p->side, ATL_RESIZE_BILINEAR, &small));
    p->bytes[which] = atl_alloc(p->ctx, count, 1);
    p->values[which] = atl_alloc(p->ctx, count, sizeof(float));
    atl_status status = p->bytes[which] && p->values[which] ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK)
        spread(&small, p->bytes[which], p->values[which]);
    atl_image_clear(p->ctx, &small);
    return status;
}

static double squares(const pair *p) {
    size_t count = (size_t)COLOURS * (size_t)p->side * (size_t)p->side;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)p->values[0][i] - (double)p->values[1][i];
        sum += d * d;
    }
    return sum / (double)count;
}

static atl_status structure(const pair *p, double *value) {
    atl_msssim *m;
    ATL_TRY(atl_msssim_open(p->ctx, COLOURS, p->side, p->side, &m));
    *value = atl_msssim_pair(m, p->bytes[0], p->bytes[1]);
    atl_msssim_close(&m);
    return ATL_OK;
}

static atl_array array_of(const pair *p, const char *name, int which) {
    return (atl_array){ name, ATL_F32, 4, { 1, COLOURS, p->side, p->side }, p->values[which] };
}

static atl_status features(const pair *p, atl_model *lpips, double *value) {
    const atl_array in[] = { array_of(p, "x", 0), array_of(p, "y", 1) };
    atl_arrays *out;
    float distance;
    ATL_TRY(atl_model_need(lpips, "network of LPIPS", "distance"));
    ATL_TRY(atl_model_run(lpips, "distance", in, 2, NULL, &out));
    atl_array_read_f32(atl_arrays_find(out, "distance"), 0, 1, &distance);
    *value = (double)distance;
    atl_arrays_close(&out);
    return ATL_OK;
}

// The cosine between the vectors of both faces, which have length 1.
static atl_status faces(const pair *p, atl_model *identity, double *value) {
    ATL_TRY(atl_model_need(identity, "network that tells faces", "embed_face"));
    atl_arrays *out[2] = { NULL, NULL };
    atl_status status = ATL_OK;
    for (int i = 0; status == ATL_OK && i < 2; i++) {
        const atl_array in = array_of(p, "img", i);
        status = atl_model_run(identity, "embed_face", &in, 1, NULL, &out[i]);
    }
    if (status == ATL_OK) {
        const atl_array *a = atl_arrays_find(out[0], "embedding"), *b = atl_arrays_find(out[1], "embedding");
        *value = 0.0;
        for (int64_t i = 0; i < atl_array_count(a); i++)
            *value += (double)((const float *)a->data)[i] * (double)((const float *)b->data)[i];
    }
    atl_arrays_close(&out[0]);
    atl_arrays_close(&out[1]);
    return status;
}

static atl_status compare(const pair *p, const atl_pairs_options *o, atl_pair_likeness *likeness) {
    *likeness = (atl_pair_likeness){ squares(p), NAN, NAN, NAN };
    ATL_TRY(structure(p, &likeness->msssim));
    if (o->lpips)
        ATL_TRY(features(p, o->lpips, &likeness->lpips));
    return o->identity ? faces(p, o->identity, &likeness->idsim) : ATL_OK;
}

atl_status atl_pictures_compare(atl_ctx *ctx, const atl_image *a, const atl_image *b, const atl_pairs_options *options,
                                atl_pair_likeness *likeness) {
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    ATL_TRY(atl_options_read(ctx, "atl_pairs_options", &o, sizeof o, options));
    if (!o.side)
        o.side = SIDE_USUAL;
    if (o.side < SIDE_LEAST || o.side > SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "pictures are compared at %d to %d pixels a side, not %d", SIDE_LEAST,
                        SIDE_MOST, o.side);
    pair p = { .ctx = ctx, .side = o.side };
    atl_status status = take(&p, 0, a);
    if (status == ATL_OK)
        status = take(&p, 1, b);
    if (status == ATL_OK)
        status = compare(&p, &o, likeness);
    clear(&p);
    return status;
}
