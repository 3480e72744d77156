// SPDX-License-Identifier: Apache-2.0
// See rgb_simd.h.
#include "cpu/rgb_simd.h"
