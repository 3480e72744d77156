// SPDX-License-Identifier: Apache-2.0
// Networks of codes that the layout of codes.c describes in files of their own.
#ifndef ATL_CKPT_CODES_H
#define ATL_CKPT_CODES_H

#include "ckpt/find.h"

atl_status atl_ckpt_add_vqvae(atl_ckpt *ckpt, const atl_found *f);
atl_status atl_ckpt_add_pixelcnn(atl_ckpt *ckpt, const atl_found *f);

#endif
