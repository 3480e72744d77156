// SPDX-License-Identifier: Apache-2.0
// tf.train.Example, as far as pictures need it: a map from text to lists of bytes, floats or integers, in
// the wire format of protocol buffers.  Unknown fields are skipped; nothing is copied.
#ifndef ATL_DATA_EXAMPLE_H
#define ATL_DATA_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATL_EXAMPLE_RANK = 4 };

typedef struct atl_example {
    int64_t shape[ATL_EXAMPLE_RANK]; // feature "shape"
    int rank;                        // numbers in it; -1: more than fit
    const uint8_t *data;             // feature "data", its first bytes; NULL: none
    size_t size;
    const uint8_t *encoded; // the first bytes of any feature that begin as a PNG, JPEG, ... does; NULL: none
    size_t encoded_size;
} atl_example;

// False when the bytes are no Example.
bool atl_example_parse(const uint8_t *bytes, size_t size, atl_example *example);

// CRC-32C (Castagnoli) with TensorFlow's mask.  `table` is [256], filled by atl_crc32c_init().
void atl_crc32c_init(uint32_t *table);
uint32_t atl_crc32c_masked(const uint32_t *table, const uint8_t *bytes, size_t size);

#endif
