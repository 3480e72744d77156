// SPDX-License-Identifier: Apache-2.0
// Key points that are marked in pictures, and the boxes of what is seen there.  A file of them is one of
//
//     lines     PATH x y x y ...      between blanks or commas; "- -" for a point that can't be seen; # comments
//     CSV       path,x1,y1,...        such lines under a line that begins with "path"; where that goes on with
//               "box_x,box_y,box_w,box_h", the box of each picture stands before its points
//     JSON      [{"path": ..., "points": [[x, y], null, ...], "box": [x, y, w, h]}, ...], "box" or none
//
// Paths begin where the file lies; points are in pixels.  All pictures have the same points.
#ifndef APP_MARKS_H
#define APP_MARKS_H

#include <stddef.h>
#include "error.h"

typedef struct app_mark {
    char *path;
    float *points; // [count, 2]; NAN: can't be seen
    double box;    // the longer side of the box; 0: there is none
} app_mark;

typedef struct app_marks {
    app_mark *list;
    size_t size, count; // pictures, points of each
    int boxes;          // all pictures have one
} app_marks;

// A zeroed struct and one after a failure may be closed.
app_status app_marks_open(app_marks *m, const char *file, app_error *e);
void app_marks_close(app_marks *m);

#endif
