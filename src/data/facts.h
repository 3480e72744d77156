// SPDX-License-Identifier: Apache-2.0
// What the header of an encoded picture says and its pixels no longer show: depth, palette, CMYK, frames,
// and how EXIF wants it turned.
#ifndef ATL_DATA_FACTS_H
#define ATL_DATA_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atl_facts {
    bool deep; // more than 8 bits per channel
    bool palette, cmyk, animated;
    int orientation; // of EXIF, 1 to 8; 1: upright, or not said
} atl_facts;

// Never fails: what can't be made out is ordinary.
void atl_facts_find(const uint8_t *data, size_t size, atl_facts *facts);

#endif
