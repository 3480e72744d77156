// SPDX-License-Identifier: Apache-2.0
// Editing: a picture found again in the latent space of a network, and changed there.
//
// project.h     a picture to latents and noise (projection), and a network tuned around them (pivotal tuning)
// directions.h  directions in that space: found, read and gone along; edits of styles, and within a mask
#ifndef ATELIER_EDIT_H
#define ATELIER_EDIT_H

#include <atelier/directions.h>
#include <atelier/project.h>

#endif
