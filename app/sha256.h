// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for the fingerprints that are published beside files.  Of our own: libcurl has none
// to offer, and which library of cryptography comes along with it differs from system to system (OpenSSL,
// GnuTLS), so that eighty lines stand here in place of one more dependency of every build.
#ifndef APP_SHA256_H
#define APP_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct app_sha256 {
    uint32_t state[8];
    uint64_t bytes; // so far
    uint8_t block[64];
} app_sha256;

enum { APP_SHA256_TEXT = 65 };

void app_sha256_init(app_sha256 *sum);
void app_sha256_add(app_sha256 *sum, const void *bytes, size_t count);
void app_sha256_end(app_sha256 *sum, char text[APP_SHA256_TEXT]); // hexadecimal

#endif
