// SPDX-License-Identifier: Apache-2.0
// See pointwise_simd.h.
#include "cpu/pointwise_simd.h"
