// SPDX-License-Identifier: Apache-2.0
// Test-time ensembling with deep generative views (Chai et al. 2021): a classifier looks not only at a
// picture but also at what a generator makes of codes near the picture's own, and says the average.
//
//     atl_classifier_open(network, &c, &classifier);           // c.width, c.height: of the generator's
//     pictures v.layers = atl_view_layers(generator, "fine"); atl_views_make(generator, &v, ws, 31, views);
//     // of ws [num_ws, w_dim] that encoders or projection gave atl_model_synthesize(generator, 31, views,
//     NULL, img); atl_classifier_run(classifier, 31, img, NULL, p);        // [31, classes]
//
// Means of p over the picture made of ws and its views are `deep`, those of the picture itself `base`:
// atl_ensemble_choose() finds on pictures with known labels which share of `deep` is best.
#ifndef ATELIER_ENSEMBLE_H
#define ATELIER_ENSEMBLE_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/directions.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- classifiers

typedef struct atl_classifier atl_classifier;

typedef struct atl_classifier_options {
    size_t size;                 // sizeof(atl_classifier_options)
    int channels, height, width; // of the pictures, all alike; channels: 1 or 3
    // The shorter side is resized to `resize` pixels, as Pillow does it bilinearly, and the square of `crop`
    // in the middle is what the classifier sees.  0: what the kind of network was trained with.
    int resize, crop;
    const char
        *colours; // "unit" (-1 to 1), "imagenet", "cifar10": how they are standardised; NULL: by the kind
} atl_classifier_options;
#define ATL_CLASSIFIER_OPTIONS_INIT                                                                          \
    { sizeof(atl_classifier_options), 3, 0, 0, 0, 0, NULL }

// A network that classifies: a ResNet or VGG16 with its classes, or a discriminator of ProGAN's form without
// the minibatch standard deviation, as the networks of 40 attributes of CelebA-HQ are.  The latter see whole
// pictures, averaged to their size.  The network outlives the classifier.  On failure *classifier is NULL.
ATL_API atl_status atl_classifier_open(atl_model *network, const atl_classifier_options *options,
                                       atl_classifier **classifier);
ATL_API void atl_classifier_close(atl_classifier **classifier);

typedef struct atl_classifier_info {
    int classes; // a network of one number l has two: the chances of l and -l, so that class 0 is l > 0
    int resize, crop;
    const char *colours;
} atl_classifier_info;
ATL_API const atl_classifier_info *atl_classifier_get_info(const atl_classifier *classifier);

// n pictures [n, channels, height, width] from -1 to 1 -> how likely each class is, [n, classes].  seeds [n]:
// the crop of picture i is that of RandomState(seeds[i]), anywhere in it; NULL: the middle.  A row depends on
// its picture alone, and not on how many threads there are.
ATL_API atl_status atl_classifier_run(atl_classifier *classifier, int n, const float *img,
                                      const uint32_t *seeds, float *probabilities);

// ---- views

typedef enum atl_view_kind {
    ATL_VIEW_ISOTROPIC, // w + strength N(0, I)
    ATL_VIEW_PCA,       // w + U(-strength, strength) deviation of one of the first components of w
    ATL_VIEW_STYLEMIX   // another w: that of a random z
} atl_view_kind;

typedef struct atl_view_options {
    size_t size; // sizeof(atl_view_options)
    atl_view_kind kind;
    uint64_t layers; // rows of ws that change (bit k: row k); all others keep every bit
    double strength;
    const atl_directions
        *components;     // of w, the first first, each with its deviation as `scale`; for PCA only
    int component_count; // how many of them are used
    uint32_t seed;       // of RandomState: views of other seeds are others
    const float *c;      // [c_dim] of a conditional generator, for STYLEMIX; NULL: zeros
} atl_view_options;
#define ATL_VIEW_OPTIONS_INIT                                                                                \
    { sizeof(atl_view_options), ATL_VIEW_STYLEMIX, 0, 0.1, NULL, 20, 0, NULL }

// Rows by name: "coarse" is 0 to 3, "fine" 10 and on, of networks with 10 rows or fewer 7 and on (as for
// pictures of 32x32), "all" all.  0: another name, or the network has none of them.
ATL_API uint64_t atl_view_layers(const atl_model *generator, const char *name);

// n views of ws [num_ws, w_dim] -> views [n, num_ws, w_dim].
ATL_API atl_status atl_views_make(atl_model *generator, const atl_view_options *options, const float *ws,
                                  int n, float *views);

// ---- averages

// (1 - weight) base + weight deep -> mixed, all [n, classes].
ATL_API void atl_ensemble_mix(int64_t n, int classes, double weight, const float *base, const float *deep,
                              float *mixed);

// How many of n rows have their largest number, the first of several, at the label's place.
ATL_API int64_t atl_ensemble_right(int64_t n, int classes, const float *probabilities, const int32_t *labels);

enum { ATL_ENSEMBLE_WEIGHTS = 21 }; // 0, 0.05, ... 1

// How many pictures are right with each weight -> right [ATL_ENSEMBLE_WEIGHTS].  Returns the weight with most
// of them, the smallest of several.  Labels outside of the classes are never right.
ATL_API double atl_ensemble_choose(int64_t n, int classes, const float *base, const float *deep,
                                   const int32_t *labels, int64_t *right);

#ifdef __cplusplus
}
#endif
#endif
