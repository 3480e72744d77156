// SPDX-License-Identifier: Apache-2.0
// Detectors: the networks that metrics look at pictures with, as files that other people publish.  Which
// there are, where they are published, and where they are looked for: the folder of --detectors, then that of
// ATELIER_DETECTORS, then $XDG_DATA_HOME/atelier/detectors.  Nothing here goes to the network; that is
// detectors_fetch.h.
//
//     app_detector_place place;
//     if (app_detector_find("inception", folder, &place, &e) == APP_OK)
//         open(place.path);
#ifndef APP_DETECTORS_H
#define APP_DETECTORS_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

// One published file.
typedef struct app_detector {
    const char *name;  // what --fetch takes: "inception", "lpips-vgg-heads"
    const char *roles; // what it is good for, with spaces between: "vgg16 lpips-vgg"; see app_detector_find()
    const char *file;  // the name under which it is published and kept
    const char *others; // names under which people have it, too, with spaces between them; "": none
    const char *use;    // which metrics need it
    const char *url;    // where it is published
    int64_t bytes;      // its size; 0: not known before it is fetched
    const char *sha256; // 64 hexadecimal digits, as published; NULL: nobody has published one
} app_detector;

// The table, the preferred file of each role first; NULL behind its end.
const app_detector *app_detector_row(size_t index);

// By name, or by the name of its file; NULL with a failure that names some of those that there are.
const app_detector *app_detector_named(const char *name, app_error *e);

enum { APP_DETECTOR_PATH = 4096, APP_DETECTOR_FOLDERS = 3 };

// Where detectors are looked for, in this order.
typedef struct app_detector_folders {
    int count;
    struct {
        char path[APP_DETECTOR_PATH];
        const char *why; // "--detectors", "ATELIER_DETECTORS", "XDG_DATA_HOME"
    } at[APP_DETECTOR_FOLDERS];
} app_detector_folders;

// `folder` is that of --detectors, or NULL.  A name that is too long is a failure, and so is a folder of
// --detectors that is none; it may be missing where one is `made` by whoever asks.
app_status app_detector_folders_get(const char *folder, int made, app_detector_folders *folders,
                                    app_error *e);

// Where this very file lies: 1 and its path; 0: nowhere.
int app_detector_present(const app_detector *d, const app_detector_folders *folders,
                         char path[APP_DETECTOR_PATH]);

// The files of a role: one, or a trunk and the heads of LPIPS that belong to it.
typedef struct app_detector_place {
    const app_detector *row; // of `path`; NULL: a file named after the role ("inception.safetensors")
    char path[APP_DETECTOR_PATH];
    char heads[APP_DETECTOR_PATH]; // "": `path` holds all of the network
} app_detector_place;

// The first folder that has the role decides; in it ROLE.safetensors (or .pt, .pth, .pkl) comes first, then
// the order of the table.  Roles: "inception" (features), "inception-softmax" (its probabilities), "vgg16",
// "lpips-vgg", "lpips-alex", "lpips-squeeze", "inception-random", "classifier-00" to "classifier-39".  A
// failure says where was looked and how the file is had.
app_status app_detector_find(const char *role, const char *folder, app_detector_place *place, app_error *e);

// Whether it is there, without a sentence about it: 1, 0, or -1 with a failure (a wrong folder).
int app_detector_has(const char *role, const char *folder, app_error *e);

// The number of classifiers, and what each tells: "male", "smiling", ...
enum { APP_CLASSIFIERS = 40 };
const char *app_classifier_name(int index);

#endif
