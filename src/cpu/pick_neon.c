// SPDX-License-Identifier: Apache-2.0
// See pick_simd.h.
#include "cpu/pick_simd.h"
