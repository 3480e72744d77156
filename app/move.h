// SPDX-License-Identifier: Apache-2.0
// --translate and --rotate: the matrix that moves the images of StyleGAN3.
#ifndef APP_MOVE_H
#define APP_MOVE_H

typedef struct app_move {
    double x, y; // fractions of the image
    double degrees;
    float matrix[9];
} app_move;

// "X,Y" as in "0.25,-0.1"; 1, or 0 when the text is something else.
int app_move_parse(const char *text, double by[2]);

// Fills the matrix [[c, s, x], [-s, c, y], [0, 0, 1]] and returns it; NULL when nothing moves.
const float *app_move_matrix(app_move *move);

#endif
