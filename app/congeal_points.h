// SPDX-License-Identifier: Apache-2.0
// Key points of one picture looked for in others, by way of the aligned place: PCK, the share of them that
// lie within alpha times the side of the square in its middle of where they are known to be (Yang and Ramanan
// 2013).
//
// The file of points has a line for each picture: its path, from where the file lies, and x y of each point
// in pixels,
// "- -" for one that can't be seen.  All lines have the same points.
#ifndef APP_CONGEAL_POINTS_H
#define APP_CONGEAL_POINTS_H

#include "aligner.h"

enum { APP_ALPHAS = 3 };
extern const double app_alphas[APP_ALPHAS]; // 0.1, 0.05, 0.01

typedef struct app_points_options {
    const char *points;
    int pairs; // drawn by chance; 0: all ordered pairs
    unsigned seed;
} app_points_options;

typedef struct app_points_result {
    size_t pictures, pairs, points; // points that are visible in both pictures of a pair
    double pck[APP_ALPHAS];
} app_points_result;

app_status app_congeal_points(app_aligner *a, const app_points_options *o, app_points_result *result,
                              app_error *e);

#endif
