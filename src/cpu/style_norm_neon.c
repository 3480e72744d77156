// SPDX-License-Identifier: Apache-2.0
// See style_norm_simd.h.
#include "cpu/style_norm_simd.h"
