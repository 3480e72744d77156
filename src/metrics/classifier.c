// SPDX-License-Identifier: Apache-2.0
// Classifiers at work: pictures resized in one program, cut here, and looked at in another.  Both run in
// batches of one size whose parts are the same for any number of threads, so that a row depends on its
// picture alone.
#include "metrics/classifier.h"

#include <math.h>
#include <string.h>
#include <atelier/rng.h>

#include "metrics/detector.h"
#include "nn/functions.h"
#include "run/backend.h"
#include "run/program.h"

enum { BATCH = 8, SIDE_MOST = 1 << 14, COLOURS = 3 };

// What kinds of networks take.
typedef struct kind {
    const char *family, *function;
    int size;    // of the crop; 0: what the network's config says
    int eighths; // resized to so many eighths of a crop: torchvision's 256 to 224 is 8 to 7
    bool whole;  // all of the picture, averaged to the network's size
    const char *colours;
} kind;

static const kind KINDS[] = {
    { "resnet", "classify", 0, 8, false, "imagenet" },
    { "vgg16", "classify", 224, 8, false, "imagenet" },
    { "progan", "discriminate", 0, 0, true, "unit" },
};

// (x - mean) / deviation for x from 0 to 1.
static const struct range {
    const char *name;
    double mean[COLOURS], deviation[COLOURS];
} RANGES[] = {
    { "unit", { 0.5, 0.5, 0.5 }, { 0.5, 0.5, 0.5 } },
    { "imagenet", { 0.485, 0.456, 0.406 }, { 0.229, 0.224, 0.225 } },
    { "cifar10", { 0.4914, 0.4822, 0.4465 }, { 0.2023, 0.1994, 0.2010 } }, // as its ResNets are trained
};

struct atl_classifier {
    atl_ctx *ctx;
    const atl_network *network;
    const kind *kind;
    const struct range *range;
    atl_classifier_options o;
    atl_classifier_info info;
    int rows, columns; // after resizing
    int numbers;       // of the network
    atl_backend *backend;
    atl_program *fit, *look; // fit is NULL where nothing is resized
    float *fitted;           // [BATCH, channels, rows, columns]
    float *cut;              // [BATCH, 3, crop, crop]
    float *logits;           // [BATCH, numbers]
};

// ---- programs

static void build_fit(atl_graph *g, atl_call *call, void *user) {
    const atl_classifier *c = user;
    const atl_resize_options o = { .filter = c->kind->whole ? ATL_AREA : ATL_BILINEAR,
                                   .placing = ATL_CENTRES,
                                   .antialias = true };
    atl_net net = { .g = g };
    atl_node *x = atl_call_in(&net, call, "pictures", ATL_SHAPE(c->o.height, c->o.width, c->o.channels));
    atl_call_out(&net, call, "fitted", atl_resize(g, x, c->rows, c->columns, &o));
}

// x from -1 to 1.
static atl_node *standardized(atl_graph *g, const struct range *r, atl_node *x) {
    float factor[COLOURS], offset[COLOURS];
    for (int i = 0; i < COLOURS; i++) {
        factor[i] = (float)(0.5 / r->deviation[i]);
        offset[i] = (float)((0.5 - r->mean[i]) / r->deviation[i]);
    }
    x = atl_mul(g, x, atl_per_channel(g, atl_const(g, ATL_SHAPE(COLOURS), factor), &x->shape));
    return atl_add_bias(g, x, atl_const(g, ATL_SHAPE(COLOURS), offset));
}

static void build_look(atl_graph *g, atl_call *call, void *user) {
    const atl_classifier *c = user;
    atl_net net = atl_network_in(g, c->network, NULL);
    atl_node *x = atl_call_in(&net, call, "pictures", ATL_SHAPE(c->info.crop, c->info.crop, COLOURS));
    if (x->op != ATL_OP_POISON)
        x = standardized(g, c->range, x);
    atl_call_out(&net, call, "numbers",
                 ATL_APPLY(&net, c->network, c->kind->function, "logits", { "img", x }));
}

static atl_status make_programs(atl_classifier *c) {
    const atl_plan_options plain = { 0 };
    const atl_program_key fit = { .function = "fit", .n = BATCH }, look = { .function = "look", .n = BATCH };
    ATL_TRY(atl_detector_backend(c->ctx, &c->backend));
    if (c->rows != c->o.height || c->columns != c->o.width)
        ATL_TRY(atl_program_make(c->backend, &fit, build_fit, c, &plain, &c->fit));
    ATL_TRY(atl_program_make(c->backend, &look, build_look, c, &plain, &c->look));
    c->numbers = (int)atl_program_out(c->look, "numbers")->node->shape.d[1];
    c->info.classes = c->numbers > 1 ? c->numbers : 2;
    size_t square = (size_t)c->info.crop * (size_t)c->info.crop;
    c->fitted = atl_alloc(c->ctx, (size_t)BATCH * (size_t)c->o.channels,
                          (size_t)c->rows * (size_t)c->columns * sizeof(float));
    c->cut = atl_alloc(c->ctx, (size_t)BATCH * COLOURS, square * sizeof(float));
    c->logits = atl_alloc(c->ctx, BATCH, (size_t)c->numbers * sizeof(float));
    return c->fitted && c->cut && c->logits ? ATL_OK : ATL_NO_MEMORY;
}

// ---- opening

static atl_status find_kind(atl_classifier *c) {
    const char *family = c->network->row->family;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (!strcmp(KINDS[i].family, family) &&
            (!KINDS[i].whole || !strcmp(c->network->row->role, "discriminator")))
            c->kind = &KINDS[i];
    if (!c->kind)
        return atl_fail(
            c->ctx, ATL_BAD_ARGUMENT,
            "%s is a %s of %s, which does not classify: ResNets, VGG16 and the networks of CelebA's "
            "attributes do",
            c->network->name, c->network->row->role, family);
    if (json_integer_value(json_object_get(c->network->json, "mbstd_num_channels")) > 0)
        return atl_fail(
            c->ctx, ATL_BAD_ARGUMENT,
            "%s is a discriminator, whose results hang on the other pictures of a batch; a classifier's "
            "don't",
            c->network->name);
    if (c->network->dims.channels != COLOURS)
        return atl_fail(c->ctx, ATL_UNSUPPORTED,
                        "%s takes pictures of %d channels, and a classifier's have colours", c->network->name,
                        c->network->dims.channels);
    const json_t *classes = json_object_get(c->network->json, "classes");
    if (!c->kind->whole && !json_integer_value(classes))
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "%s has no classes: its file lacks the last layer of the classifier",
                        c->network->name);
    return ATL_OK;
}

static atl_status find_range(atl_classifier *c) {
    const char *stem = json_string_value(json_object_get(c->network->json, "stem"));
    const char *name = c->o.colours                     ? c->o.colours
                       : stem && !strcmp(stem, "cifar") ? "cifar10"
                                                        : c->kind->colours;
    for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++)
        if (!strcmp(RANGES[i].name, name))
            c->range = &RANGES[i];
    if (!c->range)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "there are no colours \"%s\" of classifiers; there are: unit, "
                        "imagenet, cifar10",
                        name);
    c->info.colours = c->range->name;
    return ATL_OK;
}

static atl_status check_sizes(const atl_classifier *c) {
    const atl_classifier_options *o = &c->o;
    if (o->height < 1 || o->width < 1 || o->height > SIDE_MOST || o->width > SIDE_MOST ||
        (o->channels != 1 && o->channels != COLOURS))
        return atl_fail(
            c->ctx, ATL_BAD_ARGUMENT,
            "pictures of %dx%d with %d channels can't be classified: 1 to %d pixels a side and 1 or 3 "
            "channels can",
            o->width, o->height, o->channels, SIDE_MOST);
    if (c->info.crop < 1 || c->info.resize < c->info.crop || c->info.resize > SIDE_MOST)
        return atl_fail(
            c->ctx, ATL_BAD_ARGUMENT,
            "a square of %d out of pictures whose shorter side is %d: it is 1 to that, which is at most %d",
            c->info.crop, c->info.resize, SIDE_MOST);
    if (c->kind->whole && (o->resize || o->crop))
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT,
                        "%s sees whole pictures of %dx%d: leave resizing and crop to it", c->network->name,
                        c->network->dims.width, c->network->dims.height);
    return ATL_OK;
}

static atl_status find_sizes(atl_classifier *c) {
    const atl_classifier_options *o = &c->o;
    const char *stem = json_string_value(json_object_get(c->network->json, "stem"));
    int own = c->kind->size ? c->kind->size : c->network->dims.height;
    bool margin = !c->kind->whole && !(stem && !strcmp(stem, "cifar"));
    c->info.crop = o->crop ? o->crop : own;
    c->info.resize = o->resize                             ? o->resize
                     : margin && c->info.crop <= SIDE_MOST ? c->info.crop * 8 / 7
                                                           : c->info.crop;
    ATL_TRY(check_sizes(c));
    int shorter = o->height < o->width ? o->height : o->width, side = c->info.resize;
    c->rows = c->kind->whole ? side : (int)((int64_t)o->height * side / shorter);
    c->columns = c->kind->whole ? side : (int)((int64_t)o->width * side / shorter);
    return c->rows <= SIDE_MOST && c->columns <= SIDE_MOST
               ? ATL_OK
               : atl_fail(c->ctx, ATL_BAD_ARGUMENT, "pictures of %dx%d are too long for a classifier",
                          o->width, o->height);
}

atl_status atl_classifier_make(const atl_network *network, const atl_classifier_options *options,
                               atl_classifier **classifier) {
    atl_classifier *c = atl_calloc(network->ctx, 1, sizeof *c);
    *classifier = NULL;
    if (!c)
        return ATL_NO_MEMORY;
    c->ctx = network->ctx;
    c->network = network;
    c->o = *options;
    atl_status status = find_kind(c);
    if (status == ATL_OK)
        status = find_range(c);
    if (status == ATL_OK)
        status = find_sizes(c);
    if (status == ATL_OK)
        status = make_programs(c);
    if (status != ATL_OK)
        atl_classifier_close(&c);
    *classifier = c;
    return status;
}

void atl_classifier_close(atl_classifier **classifier) {
    atl_classifier *c = classifier ? *classifier : NULL;
    if (!c)
        return;
    atl_program_free(&c->fit);
    atl_program_free(&c->look);
    atl_backend_close(&c->backend);
    atl_free(c->ctx, c->fitted);
    atl_free(c->ctx, c->cut);
    atl_free(c->ctx, c->logits);
    atl_free(c->ctx, c);
    *classifier = NULL;
}

const atl_classifier_info *atl_classifier_get_info(const atl_classifier *c) {
    return &c->info;
}

// ---- running

// The square of a fitted picture -> [3, crop, crop].
static void cut_square(const atl_classifier *c, const float *picture, int top, int left, float *out) {
    size_t crop = (size_t)c->info.crop, plane = (size_t)c->rows * (size_t)c->columns;
    for (size_t k = 0; k < COLOURS; k++)
        for (size_t y = 0; y < crop; y++)
            memcpy(out + (k * crop + y) * crop,
                   picture + (c->o.channels == 1 ? 0 : k * plane) + ((size_t)top + y) * (size_t)c->columns +
                       (size_t)left,
                   crop * sizeof *out);
}

// Rounded as torchvision's CenterCrop rounds the half pixel, to the even number.
static int middle(int room) {
    return (int)nearbyint(room / 2.0);
}

static void softmax(const float *logits, int count, float *out) {
    const float both[2] = { logits[0], -logits[0] };
    if (count == 1) {
        logits = both;
        count = 2;
    }
    double most = (double)logits[0], sum = 0.0;
    for (int k = 1; k < count; k++)
        most = (double)logits[k] > most ? (double)logits[k] : most;
    for (int k = 0; k < count; k++)
        sum += exp((double)logits[k] - most);
    for (int k = 0; k < count; k++)
        out[k] = (float)(exp((double)logits[k] - most) / sum);
}

static atl_status run_batch(atl_classifier *c, int n, const float *img, const uint32_t *seeds, float *out) {
    size_t picture = (size_t)c->o.channels * (size_t)c->rows * (size_t)c->columns;
    size_t square = (size_t)COLOURS * (size_t)c->info.crop * (size_t)c->info.crop;
    if (c->fit) {
        ATL_TRY(atl_program_write(c->fit, "pictures", n, img));
        ATL_TRY(atl_program_run(c->fit));
        ATL_TRY(atl_program_read(c->fit, "fitted", n, c->fitted));
        img = c->fitted;
    }
    for (int i = 0; i < n; i++) {
        int down = c->rows - c->info.crop, right = c->columns - c->info.crop, top = middle(down),
            left = middle(right);
        if (seeds) {
            atl_numpy_rng rng;
            atl_numpy_rng_init(&rng, seeds[i]);
            top = (int)atl_numpy_rng_below(&rng, (uint32_t)down + 1);
            left = (int)atl_numpy_rng_below(&rng, (uint32_t)right + 1);
        }
        cut_square(c, img + (size_t)i * picture, top, left, c->cut + (size_t)i * square);
    }
    ATL_TRY(atl_program_write(c->look, "pictures", n, c->cut));
    ATL_TRY(atl_program_run(c->look));
    ATL_TRY(atl_program_read(c->look, "numbers", n, c->logits));
    for (int i = 0; i < n; i++)
        softmax(c->logits + (size_t)i * (size_t)c->numbers, c->numbers,
                out + (size_t)i * (size_t)c->info.classes);
    return ATL_OK;
}

atl_status atl_classifier_run(atl_classifier *c, int n, const float *img, const uint32_t *seeds,
                              float *probabilities) {
    size_t picture = (size_t)c->o.channels * (size_t)c->o.height * (size_t)c->o.width;
    for (int i = 0; i < n; i += BATCH)
        ATL_TRY(run_batch(c, n - i < BATCH ? n - i : BATCH, img + (size_t)i * picture,
                          seeds ? seeds + i : NULL, probabilities + (size_t)i * (size_t)c->info.classes));
    return ATL_OK;
}
