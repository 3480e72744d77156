// SPDX-License-Identifier: Apache-2.0
// How far a number may be from the one that it is compared with, by type and kind of operation, and why.  All
// of them are for float32, which rounds by 6e-8; a type with fewer bits gets rows of its own.  Nothing here
// is looser than its reason: what is measured stays below half of most bounds.
#ifndef ATL_TESTS_TOLERANCE_H
#define ATL_TESTS_TOLERANCE_H

// ---- networks: |ours - theirs| / |theirs| of a whole tensor, theirs in float32 unless it says otherwise

// Eight dense layers: two evaluations in different orders of addition differ by some 1e-6.
static const double F32_MAPPING = 2e-6;
// Images by direct convolution: the same through some twenty layers.
static const double F32_IMAGE_DIRECT = 5e-6;
// Images with Winograd: F(4x4, 3x3) loses about three bits more per layer; each of some ten adds 2e-6 at
// most. This is also the bound against 64-bit arithmetic, since the recorded files' own float32 runs stray by
// 3e-6.
static const double F32_IMAGE_WINOGRAD = 2e-5;
// Scores of a discriminator, in parts of the largest of the batch, for one number has no average.
static const double F32_SCORE = 2e-5;
// The same against 64 bits: sums of several thousand products that cancel lose a digit more than an image.
static const double F32_SCORE_OF_F64 = 5e-5;
// One layer against a recording of our own, in parts of the layer's size: the worst seen, with kernels of all
// instruction sets, with Winograd and without, is 2.4e-6.
static const double F32_LAYER = 1e-5;
// A loss is a mean of few numbers; a gradient a sum of many that cancel, through some forty layers there and
// back, twice for the penalties.
static const double F32_LOSS = 1e-5, F32_GRADIENT = 1e-4;

// ---- operators with first and second derivatives: relative L2 of one tensor

// The truth comes from double precision, and sums of up to 576 products of both signs lose two digits to
// cancellation.
static const double F32_OP = 1e-5;

// ---- kernels: |ours - truth| of each number, in units of the result's natural size

// Three roundings, in parts of 1 + |truth|; eight, of numbers below 5; up to 80 products below 1.
static const double F32_POINTWISE = 4e-7, F32_EPILOGUE = 2e-6, F32_RGB = 1e-5;
// In parts of 1 + the root of the number of terms: partial sums stay below that, and log n roundings follow.
static const double F32_SUM = 1e-6;
// Sums of at most 16 products below 1 with a gain of 1.7, some 40 roundings; recorded: up to 576 products, in
// parts of 1 + the largest number.
static const double F32_FIR = 4e-6, F32_FIR_RECORDED = 2e-6;
// Per tap: sums of taps^2 terms, half of them of each sign.
static const double F32_SEPFIR = 1e-6;
// Sums of some 40 values below 1, of both signs.
static const double F32_GEOM = 2e-6;
// <y, A x> = <A' y, x>: terms of both signs, in parts of the root of their number.
static const double F32_ADJOINT = 1e-6, F32_FIR_ADJOINT = 1e-5;
// Up to 600 products below 1: 600 * 6e-8 * 3.
static const double F32_CONTRACT = 1e-4;
// Four sums of at most 24 terms (144 for a filter in two dimensions), in parts of the largest number.
static const double F32_FLRELU = 1e-5;
// A transform of Winograd's is a sum of at most 81 terms with coefficients up to 30, in another order or with
// fused multiplication, in parts of its input.
static const double F32_WINOGRAD_TRANSFORM = 2e-6;
// Relative L2 of a layer: measured at 512 channels 1.9e-6, of the up-convolution 1.3e-6; fewer channels and a
// few thousand outputs vary around it.  Of a weight gradient, with sums over some thousand tiles: below 1.5e-6.
static const double F32_WINOGRAD_LAYER = 4e-6, F32_WINOGRAD_GRADIENT = 3e-6;
// Sums of packed weights, in parts of the sum of their sizes: each number is rounded once, twice.
static const double F32_WINOGRAD_PACKED = 2e-7;

#endif
