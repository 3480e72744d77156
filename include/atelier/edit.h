// SPDX-License-Identifier: Apache-2.0
// Editing: a picture found again in the latent space of a network, and changed there.
//
// align.h       faces, or other squares, of photos: cut out as networks want them, and pasted back
// project.h     a picture to latents and noise (projection), and a network tuned around them (pivotal tuning)
// directions.h  directions in that space: found, read and gone along; edits of styles, and within a mask
// encode.h      pictures to latents in one pass of an encoder
// ensemble.h    what a classifier says of a picture and of views around its latents, averaged
// drag.h        handles on a generated picture moved to targets
#ifndef ATELIER_EDIT_H
#define ATELIER_EDIT_H

#include <atelier/align.h>
#include <atelier/directions.h>
#include <atelier/drag.h>
#include <atelier/encode.h>
#include <atelier/ensemble.h>
#include <atelier/project.h>

#endif
