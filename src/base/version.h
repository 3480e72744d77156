// SPDX-License-Identifier: Apache-2.0
#ifndef ATL_BASE_VERSION_H
#define ATL_BASE_VERSION_H

#define ATL_VERSION "0.1.0"

#endif
