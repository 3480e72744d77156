// SPDX-License-Identifier: Apache-2.0
// Closed paths through keyframes: what turns a few latents into the frames of a video that loops.
//
//     atl_path *path;                                   // 5 keyframes [5, num_ws * w_dim]
//     atl_path_open(ctx, 5, num_ws * w_dim, ws, NULL, &path);
//     for (int i = 0; i < 5 * 120; i++)
//         atl_path_at(path, i / 120.0, frame_ws);       // 120 frames from each keyframe to the next
#ifndef ATELIER_PATH_H
#define ATELIER_PATH_H

#include <stddef.h>
#include <atelier/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum atl_path_ease {
    ATL_PATH_CUBIC,   // cubic spline, smooth through the keyframes: the official video script's
    ATL_PATH_LINEAR,  // constant speed from one to the next
    ATL_PATH_SMOOTH   // rests at each keyframe: 3t^2 - 2t^3 between two
} atl_path_ease;

typedef struct atl_path_options {
    size_t size;         // sizeof(atl_path_options), set by ATL_PATH_OPTIONS_INIT
    atl_path_ease ease;
    // 1: keyframes are directions.  They are scaled to length sqrt(width), the typical length of normal
    // numbers, and so is every point of the path: slerp for linear and smooth, and for cubic the spline
    // brought back to the sphere.
    int sphere;
    int wraps;           // cubic: how often the loop is laid out on either side before the spline is
                         // fitted, 1 to 16; 0: 2, the official number
} atl_path_options;
#define ATL_PATH_OPTIONS_INIT { sizeof(atl_path_options), ATL_PATH_CUBIC, 0, 0 }

typedef struct atl_path atl_path;

// keyframes [keys, width], finite; copied.  options may be NULL.  On failure *path is NULL.
ATL_API atl_status atl_path_open(atl_ctx *ctx, size_t keys, size_t width, const float *keyframes,
                         const atl_path_options *options, atl_path **path);
ATL_API void atl_path_close(atl_path **path); // NULL and pointers to NULL are fine

// The point at `position`, counted in keyframes; the path is closed: keys + 0.5 is 0.5, -1 is keys - 1.
// out [width].
ATL_API void atl_path_at(const atl_path *path, double position, float *out);

// From a (t = 0) to b (t = 1), [n] each; out may be a or b.
ATL_API void atl_path_lerp(size_t n, const float *a, const float *b, double t, float *out);

// The same along the great circle (Shoemake 1985): a and b are directions, the result has length 1.
// Where a and b point the same way, or exactly opposite, there is no circle to follow: then a's direction.
ATL_API void atl_path_slerp(size_t n, const float *a, const float *b, double t, float *out);

#ifdef __cplusplus
}
#endif
#endif
