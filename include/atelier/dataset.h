// SPDX-License-Identifier: Apache-2.0
// Sets of pictures for training and metrics: opened where they lie, made uniform, and checked.
//
//     atl_dataset_open(ctx, "ffhq-256.zip", NULL, &set);
//     for (size_t i = 0; i < atl_dataset_info_get(set)->count; i++)
//         atl_dataset_read(set, i, &image);
//
// A set is a folder or a .zip of pictures in formats of <atelier/image.h>, with labels in dataset.json as the
// official tools write it; or TFRecords, CIFAR-10's or MNIST's published file, or a folder of LMDB.
// docs/datasets.md describes them.
#ifndef ATELIER_DATASET_H
#define ATELIER_DATASET_H

#include <stddef.h>
#include <atelier/image.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where labels come from.
typedef enum atl_labels {
    ATL_LABELS_AUTO,    // dataset.json, or what the format brings; none when some picture has none
    ATL_LABELS_JSON,    // dataset.json or the format's own; every picture must have one
    ATL_LABELS_FOLDERS, // each folder at the top is a class, numbered in order of their names
    ATL_LABELS_NONE
} atl_labels;

typedef struct atl_dataset atl_dataset;

// Zero means default for every field.
typedef struct atl_dataset_options {
    size_t size; // sizeof(atl_dataset_options), set by ATL_DATASET_OPTIONS_INIT
    atl_labels labels;
    size_t max_images; // only the first so many, in order of names; 0: all
} atl_dataset_options;
#define ATL_DATASET_OPTIONS_INIT                                                                             \
    { sizeof(atl_dataset_options), ATL_LABELS_AUTO, 0 }

typedef struct atl_dataset_info {
    const char *kind;  // "folder", "zip", "tfrecord", "cifar", "mnist", "lmdb"
    const char *name;  // the stem of its path: "ffhq-256"
    size_t count;      // pictures
    int width, height; // of the first picture, and so of all
    int channels;      // 1 or 3
    int label_size;    // numbers in a label; 0: no labels
} atl_dataset_info;

// Opens a set: lists its pictures and reads the first.  `options` may be NULL.  On failure *set is NULL.
ATL_API atl_status atl_dataset_open(atl_ctx *ctx, const char *path, const atl_dataset_options *options,
                            atl_dataset **set);
ATL_API void atl_dataset_close(atl_dataset **set);

ATL_API const atl_dataset_info *atl_dataset_info_get(const atl_dataset *set); // borrowed from the set
ATL_API const char *atl_dataset_name(const atl_dataset *set, size_t index);   // of a picture: "00000/img00000000.png"

// Picture `index`; clear it with atl_image_clear().  One of another size or number of channels than the
// first is an error; transparency that hides nothing is dropped.
ATL_API atl_status atl_dataset_read(atl_dataset *set, size_t index, atl_image *image);

// Its label, label_size numbers: one-hot for a class.
ATL_API void atl_dataset_label(const atl_dataset *set, size_t index, float *label);

// ---- Making a set

typedef enum atl_resize {
    ATL_RESIZE_LANCZOS,
    ATL_RESIZE_BOX,
    ATL_RESIZE_AREA,
    ATL_RESIZE_BILINEAR,
    ATL_RESIZE_BICUBIC
} atl_resize;
typedef enum atl_crop {
    ATL_CROP_NONE,       // the whole picture is resized; its proportions are not kept
    ATL_CROP_CENTER,     // the largest square in the middle
    ATL_CROP_CENTER_WIDE // the largest middle of the proportions width : height, on a black square of
                         // `width`; pictures that would have to grow are left out
} atl_crop;
typedef enum atl_alpha { ATL_ALPHA_REFUSE, ATL_ALPHA_WHITE, ATL_ALPHA_BLACK } atl_alpha;
typedef enum atl_color { ATL_COLOR_KEEP, ATL_COLOR_RGB, ATL_COLOR_GRAY } atl_color;

// Zero means default for every field.  The names in callbacks are borrowed during the call.
typedef struct atl_dataset_make_options {
    size_t size; // sizeof(atl_dataset_make_options), set by ATL_DATASET_MAKE_OPTIONS_INIT
    atl_labels labels;
    size_t max_images; // 0: all
    atl_crop crop;
    int width, height; // 0: as they are.  A rectangle has to be asked for: pictures that are not
                       // square are refused when both are 0
    atl_resize filter;
    atl_alpha alpha; // what lies behind transparency
    atl_color color;
    int skip_bad; // 1: leave out what can't be used, in place of failing after the last picture
    int threads;  // 0: the context's
    // After each picture; not 0 stops with ATL_CANCELLED.  May be NULL.
    int (*progress)(void *user, size_t done, size_t total, const char *name);
    // A picture that can't be used, and why.  May be NULL.
    void (*bad)(void *user, const char *name, const char *reason);
    void *user;
    int orient; // 1: turn pictures as their EXIF, or TIFF's own entry, asks
} atl_dataset_make_options;
#define ATL_DATASET_MAKE_OPTIONS_INIT                                                                        \
    {                                                                                                        \
        sizeof(atl_dataset_make_options), ATL_LABELS_AUTO, 0, ATL_CROP_NONE, 0, 0, ATL_RESIZE_LANCZOS,       \
            ATL_ALPHA_REFUSE, ATL_COLOR_KEEP, 0, 0, NULL, NULL, NULL, 0                                      \
    }

typedef struct atl_dataset_made {
    size_t written, small, bad; // pictures; `small` ones were left out by ATL_CROP_CENTER_WIDE
    int width, height, channels, label_size;
    size_t lying; // pictures that ask to be turned, and were not
} atl_dataset_made;

// Writes the pictures of `source` as NNNNN/imgNNNNNNNN.png with dataset.json to `dest`: a new .zip, or a
// folder that is empty or not there; folders above it are made.  Nothing appears at `dest` before all is
// written, and the same source and options give the same bytes.  `made` may be NULL; it is filled on failure
// too.
ATL_API atl_status atl_dataset_make(atl_ctx *ctx, const char *source, const char *dest,
                            const atl_dataset_make_options *options, atl_dataset_made *made);

// ---- Checking a set

typedef enum atl_finding_kind {
    ATL_FINDING_DAMAGED,   // can't be read
    ATL_FINDING_SIZE,      // another size than most
    ATL_FINDING_SHAPE,     // not square, when most are of the same size
    ATL_FINDING_MODE,      // gray among colours, colour among grays, or transparent
    ATL_FINDING_FORMAT,    // a picture of a format that is not read
    ATL_FINDING_LABEL,     // has no label, while others have; or labels that are of no picture
    ATL_FINDING_DEPTH,     // more than 8 bits per channel: rounded when read
    ATL_FINDING_CMYK,      // converted when read
    ATL_FINDING_PALETTE,   // converted when read; other programs may read indices
    ATL_FINDING_ANIMATED,  // more than one frame
    ATL_FINDING_ROTATED,   // EXIF asks to turn it; nobody who trains does
    ATL_FINDING_HIDDEN,    // passed over: its name begins with a dot
    ATL_FINDING_DUPLICATE, // looks like another picture
    ATL_FINDING_LINK,      // passed over: a link to a folder, or to nothing
    ATL_FINDING_CLASS,     // classes without a picture, of the set as a whole
    ATL_FINDINGS
} atl_finding_kind;

ATL_API const char *atl_finding_name(atl_finding_kind kind); // "damaged", "size", ...

typedef struct atl_finding {
    atl_finding_kind kind;
    int fatal;          // 1: the set can't be trained on as it is
    const char *name;   // the picture's
    const char *reason; // a sentence
} atl_finding;

// Zero means default for every field.  Findings come sorted by name of the picture when all are read.
typedef struct atl_dataset_check_options {
    size_t size; // sizeof(atl_dataset_check_options), set by ATL_DATASET_CHECK_OPTIONS_INIT
    atl_labels labels;
    int threads;                                                              // 0: the context's
    int (*progress)(void *user, size_t done, size_t total, const char *name); // not 0 stops; may be NULL
    void (*found)(void *user, const atl_finding *finding); // borrowed during the call; may be NULL
    void *user;
} atl_dataset_check_options;
#define ATL_DATASET_CHECK_OPTIONS_INIT                                                                       \
    { sizeof(atl_dataset_check_options), ATL_LABELS_AUTO, 0, NULL, NULL, NULL }

typedef struct atl_dataset_checked {
    size_t count;                // pictures
    size_t fatal, notes;         // findings
    int width, height, channels; // of most pictures; 0: none could be read
    // What would make a set to train on, 1: needed.  `side`: squares of so many pixels, the largest power of
    // two that does not enlarge nine in ten pictures; 0: sizes are good.
    int side, rgb, ground, orient, skip_bad; // color RGB, a ground for transparency, orient, skip_bad
} atl_dataset_checked;

// Reads every picture of `path` and reports all that is wrong with any.  Findings are no failure of the call.
ATL_API atl_status atl_dataset_check(atl_ctx *ctx, const char *path, const atl_dataset_check_options *options,
                             atl_dataset_checked *checked);

#ifdef __cplusplus
}
#endif
#endif
