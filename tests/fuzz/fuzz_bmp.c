// SPDX-License-Identifier: Apache-2.0
// Any bytes as a BMP.
#include "fuzz_picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_picture(&atl_image_bmp, data, size);
}
