// SPDX-License-Identifier: Apache-2.0
// Detectors: one graph of resizing, range and network, planned once for a fixed batch.
#include "metrics/detector.h"

#include <string.h>

#include "base/hash.h"
#include "base/names.h"
#include "nn/functions.h"
#include "run/backend.h"
#include "run/program.h"

// What a family's pictures are like when it sees them.
typedef enum range {
    RANGE_INCEPTION, // (x - 128) / 128; after the resize of the port: 2 (x / 255) - 1
    RANGE_UNIT,      // from -1 to 1
    RANGE_IMAGENET   // less the mean of its training set, over the deviation
} range;

typedef struct use {
    const char *family, *name;
    const char *function, *port; // of the network
    const char *resizes[4];      // the first is the default; none: pictures of any size
    int size;                    // that pictures are resized to; 0: what the network takes
    int batch;
    range range;
} use;

static const use USES[] = {
    { "inception", "features", "features", "features", { "tf", "torch" }, 299, 8, RANGE_INCEPTION },
    { "inception", "softmax", "classify", "softmax", { "tf", "torch" }, 299, 8, RANGE_INCEPTION },
    { "inception", "logits", "classify", "logits", { "tf", "torch" }, 299, 8, RANGE_INCEPTION },
    { "vgg16", "features", "classify", "fc2", { "torch", "tf", "area" }, 224, 8, RANGE_IMAGENET },
    { "progan", "scores", "discriminate", "logits", { "area" }, 0, 8, RANGE_UNIT },
    { "lpips", "lpips", "vector", "vector", { NULL }, 0, 4, RANGE_UNIT },
    { "inception", "spatial", "spatial", "spatial", { "tf", "torch" }, 299, 8, RANGE_INCEPTION },
};

enum { USES_COUNT = sizeof USES / sizeof *USES, SIDE_MOST = 1 << 14 };

struct atl_detector {
    atl_ctx *ctx;
    const atl_network *network;
    const use *use;
    const char *resize;
    int height, width;
    int64_t numbers; // per picture
    atl_backend *own; // NULL: the caller's
    atl_program *program;
    float *pictures; // [batch, 3, height, width]
};

// ---- the graph

// x [n, h, w, 3] from 0 to 255, in the size that the network takes.
static atl_node *resized(atl_graph *g, const atl_detector *d, atl_node *x) {
    int size = !d->resize[0] ? 0 : d->use->size ? d->use->size : d->network->dims.height;
    atl_resize_options o = { .filter = ATL_BILINEAR, .placing = ATL_CENTRES };
    if (!size || (d->height == size && d->width == size))
        return x;
    if (!strcmp(d->resize, "tf"))
        o.placing = ATL_TOP_LEFT;
    if (!strcmp(d->resize, "area"))
        o.filter = ATL_AREA;
    return atl_resize(g, x, size, size, &o);
}

static atl_node *standardized(atl_graph *g, atl_node *x) {
    static const double MEAN[3] = { 0.485, 0.456, 0.406 }, DEVIATION[3] = { 0.229, 0.224, 0.225 };
    float factor[3], offset[3];
    for (int i = 0; i < 3; i++) {
        factor[i] = (float)(1.0 / (255.0 * DEVIATION[i]));
        offset[i] = (float)(-MEAN[i] / DEVIATION[i]);
    }
    x = atl_mul(g, x, atl_per_channel(g, atl_const(g, ATL_SHAPE(3), factor), &x->shape));
    return atl_add_bias(g, x, atl_const(g, ATL_SHAPE(3), offset));
}

static atl_node *in_range(atl_graph *g, const atl_detector *d, atl_node *x) {
    bool port = !strcmp(d->resize, "torch");
    switch (d->use->range) {
    case RANGE_INCEPTION:
        return port ? atl_affine(g, x, 2.0f / 255.0f, -1.0f) : atl_affine(g, x, 1.0f / 128.0f, -1.0f);
    case RANGE_UNIT: return atl_affine(g, x, 1.0f / 127.5f, -1.0f);
    case RANGE_IMAGENET: break;
    }
    return standardized(g, x);
}

// Rows of numbers; maps as [c, h, w].
static atl_node *flat(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    if (x->shape.rank == 4)
        x = atl_permute(g, x, (int[]){ 0, 3, 1, 2 });
    int64_t n = x->shape.d[0];
    return atl_reshape(g, x, ATL_SHAPE(n, atl_shape_count(&x->shape) / n));
}

static void build(atl_graph *g, atl_call *call, void *user) {
    const atl_detector *d = user;
    atl_net net = atl_network_in(g, d->network, NULL);
    atl_node *x = atl_call_in(&net, call, "pictures", ATL_SHAPE(d->height, d->width, 3));
    x = in_range(g, d, resized(g, d, x));
    x = ATL_APPLY(&net, d->network, d->use->function, d->use->port, { "img", x });
    atl_call_out(&net, call, "numbers", flat(g, x));
}

// ---- opening

static atl_status find_use(atl_detector *d, const char *name) {
    const char *family = d->network->row->family;
    char have[256] = "";
    for (int i = 0; i < USES_COUNT && !d->use; i++)
        if (!strcmp(USES[i].family, family)) {
            if (!strcmp(USES[i].name, name))
                d->use = &USES[i];
            atl_names_add(have, sizeof have, USES[i].name);
        }
    if (d->use)
        return ATL_OK;
    if (!have[0])
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "%s is a %s network, which is no detector",
                        d->network->name, family);
    return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "%s is a %s network, which has no %s; it has: %s",
                    d->network->name, family, name, have);
}

static atl_status find_resize(atl_detector *d, const char *name) {
    char have[64] = "";
    const char *const *list = d->use->resizes;
    d->resize = name ? NULL : list[0] ? list[0] : "";
    for (int i = 0; list[i] && !d->resize; i++) {
        if (!strcmp(list[i], name))
            d->resize = list[i];
        atl_names_add(have, sizeof have, list[i]);
    }
    if (d->resize)
        return ATL_OK;
    return atl_fail(d->ctx, ATL_BAD_ARGUMENT, "there is no resize %s for %s of %s; there is: %s", name,
                    d->use->name, d->use->family, have[0] ? have : "none, pictures of any size are taken");
}

atl_status atl_detector_backend(atl_ctx *ctx, atl_backend **backend) {
    return atl_backend_open(ctx, &(atl_backend_options){ .parts = ATL_DETECTOR_PARTS }, backend);
}

static atl_status prepare(atl_detector *d, const char *use_name, const atl_detector_options *o) {
    if (o->height < 1 || o->width < 1 || o->height > SIDE_MOST || o->width > SIDE_MOST)
        return atl_fail(d->ctx, ATL_BAD_ARGUMENT,
                        "pictures of %dx%d are not possible: 1 to %d pixels a side are", o->width, o->height,
                        SIDE_MOST);
    if (json_integer_value(json_object_get(d->network->json, "mbstd_num_channels")) > 0)
        return atl_fail(
            d->ctx, ATL_BAD_ARGUMENT,
            "%s is a discriminator, whose results hang on the other pictures of a batch; a detector's don't",
            d->network->name);
    d->height = o->height;
    d->width = o->width;
    ATL_TRY(find_use(d, use_name));
    ATL_TRY(find_resize(d, o->resize));
    atl_backend *backend = o->backend;
    if (!backend) {
        ATL_TRY(atl_detector_backend(d->ctx, &d->own));
        backend = d->own;
    }
    atl_program_key key = { .function = d->use->name, .n = d->use->batch };
    ATL_TRY(atl_program_make(backend, &key, build, d, &(atl_plan_options){ 0 }, &d->program));
    const atl_port *out = atl_program_out(d->program, "numbers");
    d->numbers = out->node->shape.d[1];
    d->pictures =
        atl_alloc(d->ctx, (size_t)d->use->batch * 3, (size_t)d->height * (size_t)d->width * sizeof(float));
    return d->pictures ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_detector_open(const atl_network *network, const char *use_name,
                             const atl_detector_options *options, atl_detector **detector) {
    *detector = NULL;
    atl_detector *d = atl_calloc(network->ctx, 1, sizeof *d);
    if (!d)
        return ATL_NO_MEMORY;
    d->ctx = network->ctx;
    d->network = network;
    atl_status status = prepare(d, use_name, options);
    if (status != ATL_OK)
        atl_detector_close(&d);
    *detector = d;
    return status;
}

void atl_detector_close(atl_detector **detector) {
    atl_detector *d = detector ? *detector : NULL;
    if (!d)
        return;
    atl_program_free(&d->program);
    atl_backend_close(&d->own);
    atl_free(d->ctx, d->pictures);
    atl_free(d->ctx, d);
    *detector = NULL;
}

int64_t atl_detector_width(const atl_detector *d) {
    return d->numbers;
}

int atl_detector_batch(const atl_detector *d) {
    return d->use->batch;
}

const char *atl_detector_resize(const atl_detector *d) {
    return d->resize;
}

uint64_t atl_detector_fingerprint(const atl_detector *d) {
    uint64_t hash = atl_params_fingerprint(&d->network->params);
    hash = atl_hash(hash, d->use->name, strlen(d->use->name));
    return atl_hash(hash, d->resize, strlen(d->resize));
}

// ---- running

static atl_status run_batch(atl_detector *d, const float *pictures, int rows, float *out) {
    ATL_TRY(atl_program_write(d->program, "pictures", rows, pictures));
    ATL_TRY(atl_program_run(d->program));
    return atl_program_read(d->program, "numbers", rows, out);
}

static int rows_of(const atl_detector *d, int64_t left) {
    return left < d->use->batch ? (int)left : d->use->batch;
}

atl_status atl_detector_run_float(atl_detector *d, const float *rgb, int64_t n, float *out) {
    int64_t picture = (int64_t)3 * d->height * d->width;
    for (int64_t i = 0; i < n; i += d->use->batch)
        ATL_TRY(run_batch(d, rgb + i * picture, rows_of(d, n - i), out + i * d->numbers));
    return ATL_OK;
}

atl_status atl_detector_run(atl_detector *d, const uint8_t *rgb, int64_t n, float *out) {
    int64_t picture = (int64_t)3 * d->height * d->width;
    for (int64_t i = 0; i < n; i += d->use->batch) {
        int rows = rows_of(d, n - i);
        for (int64_t k = 0; k < rows * picture; k++)
            d->pictures[k] = (float)rgb[i * picture + k];
        ATL_TRY(run_batch(d, d->pictures, rows, out + i * d->numbers));
    }
    return ATL_OK;
}
