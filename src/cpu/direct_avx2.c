// SPDX-License-Identifier: Apache-2.0
// The inner loops of direct convolution, compiled for AVX2.
#include "cpu/direct_simd.h"
