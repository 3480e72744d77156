// SPDX-License-Identifier: Apache-2.0
// The inner loops of direct convolution, compiled for NEON.
#include "cpu/direct_simd.h"
