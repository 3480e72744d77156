// SPDX-License-Identifier: Apache-2.0
// See dense_simd.h.
#include "cpu/dense_simd.h"
