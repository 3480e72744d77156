// SPDX-License-Identifier: Apache-2.0
// From a photo to latents in one go, for `atelier edit --photo`: align, project and tune, one after the
// other, as these commands do it, into one folder.
#ifndef CLI_PHOTO_H
#define CLI_PHOTO_H

#include "common.h"

typedef struct cli_photo {
    const char *path;      // NULL: there is none
    const char *landmarks; // of its face; NULL: dlib finds them
    const char *box;       // "X,Y,SIDE" in place of a face; NULL: a face
    int space;             // of the search: 0 is w+, 1 is w
    int steps, tune;       // of the search; of tuning, 0: none
    int loss, loss_given;  // what both compare by, as in project
    char folder[4096];     // results: OUTDIR/NAME
    char latents[4200], record[4200], deltas[4200];
} cli_photo;

#define CLI_PHOTO_OPTIONS(p)                                                                                 \
    CLI_OPTION_TEXT("photo", &(p)->path, "FILE",                                                             \
                    "a photo: its face is aligned, found in the network, edited and pasted back", NULL),     \
        CLI_OPTION_TEXT("photo-landmarks", &(p)->landmarks, "FILE", "landmarks of its face, as in align",    \
                        "dlib finds them"),                                                                  \
        CLI_OPTION_TEXT("photo-box", &(p)->box, "X,Y,SIDE", "a square of it in place of a face", NULL),      \
        CLI_OPTION_CHOICE("photo-space", &(p)->space, "w+|w", "the space that it is looked for in", "w+"),   \
        CLI_OPTION_INT("photo-steps", &(p)->steps, "N", "steps of the search", "1000", 1, 1000000),          \
        CLI_OPTION_INT("photo-tune", &(p)->tune, "N", "steps of tuning the network to it; 0: none", "0", 0,  \
                       1000000),                                                                             \
    {                                                                                                        \
        "loss", CLI_CHOICE, &(p)->loss, "lpips|lpips+mse|mse|vgg-image2stylegan",                            \
            "what search and tuning compare by", "lpips; mse where it is not here", 0, 0, &(p)->loss_given   \
    }

// A search that the folder has already, of the same crop by the same options, is not made again.  Fills the
// paths; 0, or an exit status after a sentence.
int cli_photo_find(cli_photo *photo, const cli_common *common, const char *network, const char *net,
                   const char *class_text, const char *outdir);

#endif
