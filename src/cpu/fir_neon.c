// SPDX-License-Identifier: Apache-2.0
// See fir_simd.h.
#include "cpu/fir_simd.h"
