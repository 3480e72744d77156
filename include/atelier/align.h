// SPDX-License-Identifier: Apache-2.0
// Photos made fit for a network and back: the square that a face lies in is cut out, and what became of it is
// pasted where it came from.
//
//     atl_image photo, crop;
//     atl_align_photo(ctx, "party.jpg", &photo);
//     atl_align_face(ctx, landmarks, &quad);                  // 68 points, from a file or a detector
//     atl_align_crop(ctx, &photo, &quad, NULL, &crop);        // 1024 x 1024, as the pictures of FFHQ
//     ...                                                     // the crop is edited
//     atl_align_paste(ctx, &crop, &quad, NULL, &photo);
//
// Points are in pixels; (0, 0) is the middle of the first pixel.
#ifndef ATELIER_ALIGN_H
#define ATELIER_ALIGN_H

#include <stddef.h>
#include <atelier/image.h>

#ifdef __cplusplus
extern "C" {
#endif

// A photo as a network and landmarks see it: turned as its EXIF data ask, RGB, on white where it is
// transparent.  Clear it with atl_image_clear().
ATL_API atl_status atl_align_photo(atl_ctx *ctx, const char *path, atl_image *photo);

// ---- which square

typedef struct atl_point {
    double x, y;
} atl_point;

// A square of a photo, of any size and turn: the corners that become the top left, bottom left, bottom right
// and top right of the crop.
typedef struct atl_quad {
    atl_point corner[4];
} atl_quad;

enum { ATL_LANDMARKS = 68 };

// The square of a face as in the FFHQ set (Karras et al. 2019): turned with the line between the eyes, its
// size and middle from eyes and mouth.  Landmarks are those of Multi-PIE, as dlib finds them: 36 to 41 and 42
// to 47 are the eyes, 48 and 54 the corners of the mouth.  Eyes and mouth in one point are an error.
ATL_API atl_status atl_align_face(atl_ctx *ctx, const atl_point landmarks[ATL_LANDMARKS], atl_quad *quad);

// The upright square whose first pixel is (x, y).
ATL_API void atl_align_box(double x, double y, double size, atl_quad *quad);

// ---- there

typedef struct atl_align_options {
    size_t size; // sizeof(atl_align_options)
    int pixels;  // of a side of the crop: 1 to 4096; 0: 1024
    int exact;   // 1: the square is read at the crop's own size, as encoders' scripts do it; 0: at four times
                 // that and at most 4096, and made smaller, as FFHQ was made
    int bare;    // 1: black outside of the photo; 0: mirrored and blurred, as in FFHQ
} atl_align_options;
#define ATL_ALIGN_OPTIONS_INIT                                                                               \
    { sizeof(atl_align_options), 0, 0, 0 }

// The square of a photo as a picture of as many channels.  options may be NULL.  A quad that is no square,
// whose middle is outside of the photo, or that is over four times as wide as the photo, is an error.
ATL_API atl_status atl_align_crop(atl_ctx *ctx, const atl_image *photo, const atl_quad *quad,
                                  const atl_align_options *options, atl_image *crop);

// ---- and back

typedef struct atl_paste_options {
    size_t size;           // sizeof(atl_paste_options)
    double border;         // part of the crop's side over which it fades into the photo, 0 to 0.5
    const atl_image *mask; // gray, as large as the crop: white is pasted, black is not; NULL: all.  Borrowed.
} atl_paste_options;
#define ATL_PASTE_OPTIONS_INIT                                                                               \
    { sizeof(atl_paste_options), 0.1, NULL }

// Pastes the crop of a square, of any size and as many channels as the photo, into the photo where it was cut
// out.
ATL_API atl_status atl_align_paste(atl_ctx *ctx, const atl_image *crop, const atl_quad *quad,
                                   const atl_paste_options *options, atl_image *photo);

// ---- the record that lies beside a crop: "crop.png" and "crop.json"

typedef struct atl_alignment {
    atl_quad quad;
    int pixels;        // of a side of the crop
    int width, height; // of the photo, turned upright
    int face, faces;   // which one of how many of the photo, from 0; of 0: no face was looked for
    char *photo;       // its path, as it was given
    char *source;      // where the square is from: "dlib", "landmarks", "box", "center"
} atl_alignment;

// photo and source may be NULL, and are borrowed.
ATL_API atl_status atl_alignment_write(atl_ctx *ctx, const char *path, const atl_alignment *alignment);
ATL_API atl_status atl_alignment_read(atl_ctx *ctx, const char *path, atl_alignment *alignment);
ATL_API void atl_alignment_clear(atl_ctx *ctx, atl_alignment *alignment); // one that was read, or zeros

// ---- landmarks of a file

typedef struct atl_face {
    const char *photo; // the name that the file gives it, with or without folders; NULL: none
    atl_point landmarks[ATL_LANDMARKS];
} atl_face;

typedef struct atl_faces atl_faces;

// Reads JSON in which objects have "face_landmarks", a list of 68 [x, y], and "file_path", as the list that
// comes with FFHQ (of each entry its "in_the_wild"); or text with a face per line: 68 pairs of numbers
// between blanks or commas, before them the name of the photo, if there is one.  Lines that begin with # are
// passed over.
ATL_API atl_status atl_faces_open(atl_ctx *ctx, const char *path, atl_faces **faces);
ATL_API void atl_faces_close(atl_faces **faces);
ATL_API size_t atl_faces_size(const atl_faces *faces);
ATL_API const atl_face *atl_faces_get(const atl_faces *faces, size_t index); // NULL: past the last one

#ifdef __cplusplus
}
#endif
#endif
