// SPDX-License-Identifier: Apache-2.0
// The content of a set of pictures as a hash: of the decoded pixels, in the order of the set.  So it is the
// same in a folder and in a zip, and another one after any edit.
//
// Times and sizes of files prove nothing, so all bytes are read each time.  Decoding them is what costs: a
// memo in the folder of caches leads from the hash of the encoded bytes to that of the pixels.
#ifndef ATL_METRICS_CONTENT_H
#define ATL_METRICS_CONTENT_H

#include "data/dataset.h"
#include "metrics/estimate.h"

enum { ATL_CONTENT = 40 }; // "50000-0123456789abcdef"

// Of the first `count` pictures; 0: of all.  folder: of caches; NULL: without a memo.  A picture that can't
// be read is a failure.
atl_status atl_content_of(const atl_dataset *set, size_t count, const char *folder, const atl_watch *watch,
                          char content[ATL_CONTENT]);

#endif
