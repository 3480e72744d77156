// SPDX-License-Identifier: Apache-2.0
// The matrix of a translation and a rotation, with the signs of the official scripts.
#include "move.h"

#include <math.h>
#include <stdlib.h>

int app_move_parse(const char *text, double by[2]) {
    char *end;
    by[0] = strtod(text, &end);
    if (end == text || *end != ',')
        return 0;
    const char *second = end + 1;
    by[1] = strtod(second, &end);
    return end != second && !*end && isfinite(by[0]) && isfinite(by[1]);
}

const float *app_move_matrix(app_move *move) {
    double angle = move->degrees / 360.0 * 6.283185307179586476925;
    float c = (float)cos(angle), s = (float)sin(angle);
    const float matrix[9] = { c, s, (float)move->x, -s, c, (float)move->y, 0, 0, 1 };
    if (move->x == 0 && move->y == 0 && move->degrees == 0)
        return NULL;
    for (int i = 0; i < 9; i++)
        move->matrix[i] = matrix[i];
    return move->matrix;
}
