// SPDX-License-Identifier: Apache-2.0
// See taps_simd.h.
#include "cpu/gather_simd.h"
