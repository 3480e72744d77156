// SPDX-License-Identifier: Apache-2.0
// The version of the library and the program, the same as in meson.build.
#ifndef ATL_BASE_VERSION_H
#define ATL_BASE_VERSION_H

#define ATL_VERSION "0.1.0"

#endif
