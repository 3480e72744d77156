// SPDX-License-Identifier: Apache-2.0
// The Winograd transforms, compiled for AVX-512.
#include "cpu/winograd_simd.h"
