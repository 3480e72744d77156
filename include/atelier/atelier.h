// SPDX-License-Identifier: Apache-2.0
// Atelier: the StyleGAN family as a C library.  This page includes all others; read it first.
//
// Introduction
// ------------
// A *context* (ctx.h) holds what everything shares: threads, processor features, the allocator, and the
// sentence of the last failure.  Whatever is opened with a context is used from its thread and closed before
// it.
//
//     atl_ctx *ctx;
//     if (atl_ctx_open(&ctx, NULL)) return 1;
//
// A *model* (model.h) is a network that was opened from a file: an official pickle of StyleGAN, StyleGAN2,
// StyleGAN3, StyleGAN-XL or ProGAN, somebody's PyTorch checkpoint, or Atelier's own safetensors.  Files are
// recognised by content, and are data: nothing in them is executed.
//
//     atl_model *model;
//     if (atl_model_open(ctx, "ffhq.pkl", NULL, &model))
//         fprintf(stderr, "%s\n", atl_message(ctx));
//
// Simple
// ------
// generate.h turns a seed into a picture, image.h writes it:
//
//     atl_image picture;
//     atl_generate(model, NULL, &picture);
//     atl_image_write(ctx, "0.png", "png", &picture, 0, NULL, 0);
//
// In the open
// -----------
// model.h       latents z to styles ws, styles to images, noise, truncation, blending, saving, measuring
// network.h     any function of a network by the names of its ports; layers and tensors as arrays
// rng.h         what "seed 85" means: NumPy's legacy generator
// path.h        smooth ways through latents;  video.h  films, animated pictures
// image.h       PNG, JPEG, WebP;  array.h  .npy, .npz, .safetensors
// dataset.h     sets of pictures: made, checked, read
// metrics.h     how good a generator, or a set of pictures, is: FID and the others
// ranks.h       several processes that measure together
// spectra.h     average power spectra of pictures
// train.h       training, step by step, with snapshots that go on bit for bit
// edit.h        pictures found in a network's latent space, and changed there: project.h, encode.h,
// directions.h,
//               drag.h; align.h: photos made fit for a network and back
//
// Experimental
// ------------
// graph.h       losses of your own over opened networks, with gradients; may change; needs ATL_EXPERIMENTAL
//
// Conventions
// -----------
// A function that can fail returns an atl_status (status.h), 0 on success, and leaves one sentence for a
// person: the file, the value, the remedy.  The oldest sentence stays until atl_message_clear().  The library
// prints nothing, never ends the process, and keeps no state outside of contexts.
//
// Objects are opened and closed; close takes a pointer to the pointer, accepts NULL and leaves NULL.  On
// failure what would have been opened is NULL.  Pointers that are const are borrowed, and the comment names
// the event that ends them.  Numbers are float, arrays C order, images N,C,H,W in about [-1, 1], pictures of
// 8 bits interleaved.
//
// Options are structs whose first member is their size: take the initialiser (ATL_MAP_OPTIONS_INIT) and
// change what you want; NULL means the defaults.  A program that was compiled with an older header goes on
// working.
//
// The examples/ of the source tree are a course: 01_generate.c, 02_mix.c, 03_train.c, 04_features.c,
// 06_gradient.c, 07_project.c, 08_edit.c.
#ifndef ATELIER_ATELIER_H
#define ATELIER_ATELIER_H

#include <atelier/array.h>
#include <atelier/codes.h>
#include <atelier/congeal.h>
#include <atelier/ctx.h>
#include <atelier/dataset.h>
#include <atelier/edit.h>
#include <atelier/generate.h>
#include <atelier/graph.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include <atelier/network.h>
#include <atelier/path.h>
#include <atelier/ranks.h>
#include <atelier/rng.h>
#include <atelier/spectra.h>
#include <atelier/status.h>
#include <atelier/metrics.h>
#include <atelier/train.h>
#include <atelier/video.h>

#endif
