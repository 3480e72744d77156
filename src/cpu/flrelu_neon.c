// SPDX-License-Identifier: Apache-2.0
// The passes of filtered leaky ReLU, compiled for NEON.
#include "cpu/flrelu_simd.h"
