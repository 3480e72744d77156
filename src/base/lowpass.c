// SPDX-License-Identifier: Apache-2.0
// Low-pass filters by the window method (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5):
//
//     A = 2.285 (taps - 1) pi width / (rate / 2) + 7.95           attenuation that the width allows, in dB
//     beta = .1102 (A - 8.7) if A > 50, .5842 (A - 21)^.4 + .07886 (A - 21) if A > 21, else 0
//     kaiser[n] = I0(beta sqrt(1 - (2 n / (taps - 1) - 1)^2)) / I0(beta)
//
// All in double, rounded to float at the end.
#define _XOPEN_SOURCE 700 // j1
#include "base/lowpass.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

static double kaiser_beta(int taps, double width, double rate) {
    double a = 2.285 * (taps - 1) * PI * (width / (rate / 2.0)) + 7.95;
    if (a > 50.0)
        return 0.1102 * (a - 8.7);
    return a > 21.0 ? 0.5842 * pow(a - 21.0, 0.4) + 0.07886 * (a - 21.0) : 0.0;
}

// The modified Bessel function of order zero by its power series, all of whose terms are positive.
static double bessel_i0(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 1000 && term > sum * 1e-17; k++) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

// Not divided by I0(beta): the sum of the taps is made 1 anyway.
static double kaiser(int n, int taps, double beta) {
    double at = taps > 1 ? 2.0 * n / (taps - 1) - 1.0 : 0.0;
    return bessel_i0(beta * sqrt(fmax(0.0, 1.0 - at * at)));
}

static double sinc_tap(int n, int taps, double cutoff, double rate, double beta) {
    double c = cutoff / (rate / 2.0), x = PI * c * (n - (taps - 1) / 2.0);
    return (x == 0.0 ? 1.0 : sin(x) / x) * kaiser(n, taps, beta);
}

static double jinc_tap(int i, int j, int taps, double cutoff, double rate, double beta) {
    double middle = (taps - 1) / 2.0, r = hypot(i - middle, j - middle) / rate;
    double f = r == 0.0 ? cutoff : j1(2.0 * cutoff * PI * r) / (PI * r);
    return f * kaiser(i, taps, beta) * kaiser(j, taps, beta);
}

void atl_lowpass(int taps, double cutoff, double width, double rate, float *f) {
    double beta = kaiser_beta(taps, width, rate), sum = 0.0;
    for (int n = 0; n < taps; n++)
        sum += sinc_tap(n, taps, cutoff, rate, beta);
    for (int n = 0; n < taps; n++)
        f[n] = (float)(sinc_tap(n, taps, cutoff, rate, beta) / sum);
}

void atl_lowpass_radial(int taps, double cutoff, double width, double rate, float *f) {
    double beta = kaiser_beta(taps, width, rate), sum = 0.0;
    for (int i = 0; i < taps * taps; i++)
        sum += jinc_tap(i / taps, i % taps, taps, cutoff, rate, beta);
    for (int i = 0; i < taps * taps; i++)
        f[i] = (float)(jinc_tap(i / taps, i % taps, taps, cutoff, rate, beta) / sum);
}
