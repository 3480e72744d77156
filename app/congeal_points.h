// SPDX-License-Identifier: Apache-2.0
// Key points of one picture looked for in others, by way of the aligned place: PCK, the share of them that
// lie within alpha times a length of where they are known to be (Yang and Ramanan 2013).  The length is the
// side of the square in the middle of the picture, or the longer side of the box of what is seen there.
#ifndef APP_CONGEAL_POINTS_H
#define APP_CONGEAL_POINTS_H

#include "aligner.h"
#include "marks.h"

enum { APP_ALPHAS = 3 };
extern const double app_alphas[APP_ALPHAS]; // 0.1, 0.05, 0.01

typedef struct app_points_options {
    const char *points; // a file, see marks.h
    int pairs;          // drawn by chance; 0: all ordered pairs
    int both_ways;      // each of those that are drawn there and back
    unsigned seed;
    int cluster;
    // "1,0,2": what each point is in a mirror image, so that of two pictures of which one was mirrored the left eye
    // of one is looked for at the right eye of the other; NULL: what it was.
    const char *permutation;
} app_points_options;

typedef struct app_points_result {
    size_t pictures, pairs, points; // points that are visible in both pictures of a pair
    int boxes;                      // all pictures have a box
    double by_picture[APP_ALPHAS], by_box[APP_ALPHAS];
} app_points_result;

app_status app_congeal_points(app_aligner *a, const app_points_options *o, app_points_result *result,
                              app_error *e);

#endif
