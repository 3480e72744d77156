// SPDX-License-Identifier: Apache-2.0
// See gemv_simd.h.
#include "cpu/gemv_simd.h"
