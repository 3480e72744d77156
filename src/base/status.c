// SPDX-License-Identifier: Apache-2.0
// Short names of the status codes; the sentences that explain a failure are in the context.
#include <atelier/status.h>

const char *atl_status_name(atl_status status) {
    switch (status) {
    case ATL_OK: return "ok";
    case ATL_NO_MEMORY: return "no memory";
    case ATL_BAD_ARGUMENT: return "bad argument";
    case ATL_BAD_FILE: return "bad file";
    case ATL_IO: return "input or output";
    case ATL_UNSUPPORTED: return "unsupported";
    case ATL_CANCELLED: return "cancelled";
    case ATL_INTERNAL: return "internal";
    }
    return "unknown";
}
