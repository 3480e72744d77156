/* SPDX-License-Identifier: Apache-2.0 */
/* What the module atelier-faces.so, made of faces_dlib.cpp, shows of itself: dlib behind three functions in C.
 * It is loaded when a face is looked for, since dlib brings libraries along that no other command needs. */
#ifndef APP_FACES_DLIB_H
#define APP_FACES_DLIB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { APP_DLIB_SENTENCE = 256, APP_DLIB_NUMBERS = 136 };

typedef struct app_dlib_face {
    double landmarks[APP_DLIB_NUMBERS]; /* x, y in turn */
} app_dlib_face;

typedef struct app_dlib {
    /* NULL: `sentence` says why.  The file must be known to be good: dlib believes what it reads. */
    void *(*open)(const char *model, char sentence[APP_DLIB_SENTENCE]);
    /* Faces of rgb [height, width, 3], the largest first, at most `most`; their number, or -1. */
    int (*find)(void *finder, const uint8_t *rgb, int width, int height, app_dlib_face *faces, int most,
                char sentence[APP_DLIB_SENTENCE]);
    void (*close)(void *finder);
} app_dlib;

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const app_dlib app_dlib_functions;

#ifdef __cplusplus
}
#endif
#endif
