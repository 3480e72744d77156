// SPDX-License-Identifier: Apache-2.0
// Normal numbers of which none is beyond a bound, as scipy draws them: uniform numbers through the inverse of
// the distribution function.  The inverse is algorithm AS 241 (Wichura 1988), good to 16 digits.
#include <math.h>

#include <atelier/rng.h>

static double ratio(const double a[8], const double b[8], double r) {
    double p = a[7], q = b[7];
    for (int i = 7; i-- > 0;) {
        p = p * r + a[i];
        q = q * r + b[i];
    }
    return p / q;
}

// The x below which lie the share p of all normal numbers, 0 < p < 1.
static double quantile(double p) {
    static const double middle[2][8] = {
        { 3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
          45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727 },
        { 1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
          39307.895800092710610, 28729.085735721942674, 5226.4952788528545610 },
    };
    static const double side[2][8] = {
        { 1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
          1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833,
          7.74545014278341407640e-4 },
        { 1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
          0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
          1.05075007164441684324e-9 },
    };
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio(middle[0], middle[1], 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1.0 - p)); // below 5 for all p that are asked for here
    return copysign(ratio(side[0], side[1], r - 1.6), q);
}

void atl_seed_to_truncated_z(uint32_t seed, size_t z_dim, double truncation, float *z) {
    const double below = 0.5 * erfc(2.0 / sqrt(2.0)); // of all normal numbers, the share under -2
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    for (size_t i = 0; i < z_dim; i++)
        z[i] = (float)quantile(below + atl_numpy_rng_uniform(&rng) * (1.0 - 2.0 * below)) * (float)truncation;
}
