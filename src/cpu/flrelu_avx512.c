// SPDX-License-Identifier: Apache-2.0
// The passes of filtered leaky ReLU, compiled for AVX-512.
#include "cpu/flrelu_simd.h"
