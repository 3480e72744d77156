// SPDX-License-Identifier: Apache-2.0
// The Winograd transforms, compiled for AVX2.
#include "cpu/winograd_simd.h"
