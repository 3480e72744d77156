// SPDX-License-Identifier: Apache-2.0
// The Winograd transforms, compiled for NEON.
#include "cpu/winograd_simd.h"
