// SPDX-License-Identifier: Apache-2.0
// See peak_simd.h.
#include "cpu/peak_simd.h"
