// SPDX-License-Identifier: Apache-2.0
// Half floats (IEEE binary16) to and from float, and bfloat16 to float.  Bits in and out; rounding is to nearest
// even, infinities and NaN are kept, overflow becomes infinity.
#ifndef ATL_BASE_HALF_H
#define ATL_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

float atl_f16_to_f32(uint16_t bits);
uint16_t atl_f32_to_f16(float value);
float atl_bf16_to_f32(uint16_t bits);

#endif
