// SPDX-License-Identifier: Apache-2.0
// Conversions of 16-bit floats by integer arithmetic, the same on every machine.
#include "base/half.h"

#include <string.h>

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float atl_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 0x3ffu;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24f; // subnormal: exact in float
    return sign ? -magnitude : magnitude;
}

uint16_t atl_f32_to_f16(float value) {
    uint32_t bits = to_bits(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) // NaN: quiet, upper part of the payload kept
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
    if (magnitude >= 0x477ff000u) // 65520 and up round to infinity
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude >= 0x38800000u) { // at least 2^-14: a normal half
        uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
        return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
    }
    // Adding 0.5 leaves the 24-bit steps of a subnormal half in the low bits, rounded by the hardware.
    uint32_t shifted = to_bits(from_bits(magnitude) + 0.5f);
    return (uint16_t)(sign | (shifted - 0x3f000000u));
}

float atl_bf16_to_f32(uint16_t bits) {
    return from_bits((uint32_t)bits << 16);
}
