// SPDX-License-Identifier: Apache-2.0
// The window maximum for one instruction set: a vector of channels walks over the pixels of its window.
#include "cpu/pick.h"
#include "cpu/vec.h"

// In whole vectors n is the constant VL, and the tests for a part disappear.
#define PART static inline __attribute__((always_inline))

PART VF part_of(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

PART void store_part(float *p, VF v, size_t n) {
    if (n == VL)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

PART VF largest_of(const float *s, const atl_cpu_pick_window *w, size_t n) {
    VF best = part_of(s, n);
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t q = 0; q < w->columns; q++) {
            VF v = part_of(s + (size_t)r * w->row + (size_t)q * w->pixel, n);
            best = vf_larger(v, best, v, best);
        }
    return best;
}

PART VF taken_from(const float *s, const float *x, const atl_cpu_pick_window *w, size_t n) {
    VF best = part_of(s, n), value = part_of(x, n);
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t q = 0; q < w->columns; q++) {
            size_t at = (size_t)r * w->row + (size_t)q * w->pixel;
            VF v = part_of(s + at, n);
            value = vf_larger(v, best, part_of(x + at, n), value);
            best = vf_larger(v, best, v, best);
        }
    return value;
}

static void take(float *y, const float *s, const float *x, const atl_cpu_pick_window *w, size_t n) {
    size_t j = 0;
    for (; j + VL <= n; j += VL)
        vf_store(y + j, s == x ? largest_of(s + j, w, VL) : taken_from(s + j, x + j, w, VL));
    if (j < n)
        vf_store_n(y + j, s == x ? largest_of(s + j, w, n - j) : taken_from(s + j, x + j, w, n - j), n - j);
}

// The pixels are numbered; the second walk adds to the one whose number was kept.
PART void give_part(float *x, const float *s, VF y, const atl_cpu_pick_window *w, size_t n) {
    VF best = part_of(s, n), number = vf_zero(), one = vf_set(1.0f), kept = vf_zero();
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t q = 0; q < w->columns; q++) {
            VF v = part_of(s + (size_t)r * w->row + (size_t)q * w->pixel, n);
            kept = vf_larger(v, best, number, kept);
            best = vf_larger(v, best, v, best);
            number = vf_add(number, one);
        }
    number = vf_zero();
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t q = 0; q < w->columns; q++) {
            float *to = x + (size_t)r * w->row + (size_t)q * w->pixel;
            store_part(to, vf_add(part_of(to, n), vf_if_equal(number, kept, y)), n);
            number = vf_add(number, one);
        }
}

static void give(float *x, const float *s, const float *y, const atl_cpu_pick_window *w, size_t n) {
    size_t j = 0;
    for (; j + VL <= n; j += VL)
        give_part(x + j, s + j, vf_load(y + j), w, VL);
    if (j < n)
        give_part(x + j, s + j, vf_load_n(y + j, n - j), w, n - j);
}

static size_t largest(const float *s, size_t n) {
    float lane[VL], best = s[0];
    size_t i = 0, at = 0;
    if (n >= VL) {
        VF most = vf_load(s);
        for (; i + VL <= n; i += VL) {
            VF v = vf_load(s + i);
            most = vf_larger(v, most, v, most);
        }
        vf_store(lane, most);
        for (size_t k = 0; k < VL; k++)
            best = lane[k] > best || lane[k] != lane[k] ? lane[k] : best;
    }
    for (; i < n; i++)
        best = s[i] > best || s[i] != s[i] ? s[i] : best;
    while (best == best ? s[at] != best : s[at] == s[at])
        at++;
    return at;
}

void ATL_VEC(atl_cpu_pick_init)(atl_cpu_pick_kernels *k) {
    *k = (atl_cpu_pick_kernels){ take, give, largest };
}
