// SPDX-License-Identifier: Apache-2.0
// Host memory that a device needs: constants of plans, parameters, moments of an optimiser.  Each has one
// copy there, found by its host address, however many plans read it.  Where the device is the host, memory is
// its own copy and all of this costs nothing.
//
// The host is told by versions and told explicitly: a writer on the host raises the version, and the copy is
// renewed when somebody asks with it; what the device changed (Adam, averages) the host sees after a fetch.
// So fetch before raising the version of a span that training has moved.
#ifndef ATL_GRAPH_RESIDENT_H
#define ATL_GRAPH_RESIDENT_H

#include "graph/backend.h"

// Makes a copy unless there is one (of this memory or of a span around it), and holds it until the matching
// drop. A span is taken before its parts.  *at (may be NULL): where it is on the device.
atl_status atl_resident_take(atl_backend *b, const float *host, size_t count, uint64_t version, float **at);
void atl_resident_drop(atl_backend *b, const float *host);

float *atl_resident_at(const atl_backend *b,
                       const float *host); // inside a copy that somebody holds, else NULL

void atl_resident_renew(atl_backend *b, const float *host,
                        uint64_t version);                               // the whole span, if it is newer
void atl_resident_push(atl_backend *b, const float *host, size_t count); // this part alone, to the device
void atl_resident_fetch(atl_backend *b, float *host, size_t count);      // this part alone, to the host

#endif
