// SPDX-License-Identifier: Apache-2.0
// Letters of dots, for figures: ASCII in cells of 5 x 9, the last two rows being below the line.
#ifndef APP_FONT_H
#define APP_FONT_H

#include <stdint.h>

enum { APP_FONT_WIDTH = 5, APP_FONT_HEIGHT = 9 };

// Its rows from top to bottom, the highest of the five bits at the left.
const uint8_t *app_font_glyph(char letter);

#endif
