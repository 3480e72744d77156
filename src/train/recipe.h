// SPDX-License-Identifier: Apache-2.0
// A recipe: how the networks of one family are trained.  The loop (trainer.c), the phases' plans (phase.c)
// and the drawing of numbers (draw.c) know no family; what is particular to one is a table of rows like this
// and the functions that it names, in a file of its own: recipe_stylegan2.c, recipe_stylegan3.c,
// recipe_growing.c, recipe_biggan.c, recipe_vqgan.c, recipe_vit_vqgan.c, recipe_vqvae.c, recipe_transformer.c,
// recipe_encoder.c.
// docs/add-a-loss.md walks through one.
#ifndef ATL_TRAIN_RECIPE_H
#define ATL_TRAIN_RECIPE_H

#include <atelier/train.h>
#include "run/adam.h"
#include "run/program.h"
#include "train/phase.h"

enum { ATL_RECIPE_PHASES = 16 }; // at most: part of what a random number depends on, see draw.c

// One of the losses that a step is made of, with respect to the parameters of one network.
typedef struct atl_phase_row {
    const char *name; // "Gmain": its time is reported under it
    atl_train_net trained;
    int interval; // it comes every so many steps, and its gradient counts as often
    int shrink;   // it takes one in so many samples of a part, at least 1
    bool waits;   // G's, where D makes several steps for one of G: it comes in the last of them
    bool watches; // it only reports: nothing is trained by it, and nets are as in evaluation
    bool (*wanted)(const atl_train_options *o); // NULL: always
    // Builds the loss [1] and says through the builder what is drawn and reported.
    atl_node *(*loss)(atl_phase_builder *b);
    // What is done with the phase's sum over all samples of a step; NULL: it has none.
    void (*follow)(atl_trainer *t, const float *sum, double samples);
    // What runs handed back, of all samples of a step and of all processes; NULL: nothing.
    atl_status (*agree)(atl_trainer *t, const atl_phase *p);
    // Runs of each part of the batch, which see what the one before handed back; NULL: 1.
    int (*turns)(const atl_train_options *o);
    const char *norm; // under what the L2 norm of its gradient is reported; NULL: not
} atl_phase_row;

// What a step is like, for recipes in which that changes with the pictures shown.
typedef struct atl_stage {
    double rate;          // factor of both learning rates
    float lod;            // level of detail at which networks that grow stand; 0: full size
    float fade;           // what their setting "fade" is: the part of lod behind the point
    int batch, batch_gpu; // pictures of a step, and at once in each process; 0: as the options say
    uint64_t until;       // so many pictures shown, and the next stage needs other plans; 0: none follows
} atl_stage;

// One step's sums under the name of a statistic; zeros when it reported none.
typedef struct atl_train_sum {
    double count, sum, squares;
} atl_train_sum;

// Who is told how far something is.  The function may be NULL; not 0 ends it.
typedef struct atl_told {
    int (*progress)(void *user, size_t done, size_t total);
    void *user;
} atl_told;

struct atl_recipe {
    const char *family;
    const char *loss;      // that was published with it
    bool rates_by_devices; // and whether rates follow their number, where networks grow
    // Makes the trainer's networks for its set and options.
    atl_status (*networks)(atl_trainer *t);
    // Whether a parameter is left as it is.  NULL: none is.
    bool (*frozen)(const atl_train_options *o, atl_train_net which, const atl_network *network, const char *name);
    // After the phases of a step: moving means, strength of augmentation.  NULL: nothing.
    void (*after)(atl_trainer *t);
    // The stage of a step before which so many pictures were shown.  NULL: always the same, with the rates as
    // they are.
    atl_stage (*schedule)(const atl_trainer *t, uint64_t images);
    // ---- of recipes whose networks are not the G and D of a GAN; NULL: as of those
    // What the run stands on, before the set is opened: other networks, checks of options.  Without data it
    // fills in the set.
    atl_status (*begin)(atl_trainer *t);
    void (*close)(atl_trainer *t);
    const char *const *keys; // of g, d and the average in files; NULL: G, D, G_ema
    const char *trunk; // key of other networks in files that begin as the trained one does
    // The generator that is not trained.  Networks that are written with the trained ones, by number, and
    // their keys.
    const atl_network *(*generator)(const atl_trainer *t);
    const atl_network *(*kept)(const atl_trainer *t, int index, const char **key);
    // A hash of all weights that are not trained, which all processes must have the same.
    uint64_t (*stays)(const atl_trainer *t);
    // Rates and the like of a network; D may be missing.
    atl_adam_options (*optimiser)(const atl_trainer *t, atl_train_net which);
    // The graphs behind atl_trainer_reconstruct() and atl_trainer_generate(), of the trainer as `user`.
    atl_program_builder *view, *sample;
    const char *(*lacks)(const atl_trainer *t, int index); // atl_trainer_lacks()
    // Whether a parameter that is trained has no part in this step.
    bool (*rests)(const atl_trainer *t, const char *name);
    // Spans that are a state of the run beside weights and moments: name and numbers of number `index`, or
    // NULL.
    float *(*state)(const atl_trainer *t, int index, const char **name, size_t *count);
    // Of encoders, which may be shown something else than the picture.  Reads it for the step to come; its
    // channels; and what is shown of a picture of the set, [channels, height, width].
    atl_status (*beside)(atl_trainer *t);
    int (*channels)(const atl_trainer *t);
    atl_status (*input)(atl_trainer *t, size_t picture, float *planes);
    // ---- of recipes whose networks don't see pictures
    // atl_trainer_prepare(); and what the step to come is made of, in the place of the loader's pictures.
    atl_status (*prepare)(atl_trainer *t, const atl_told *told);
    atl_status (*fetch)(atl_trainer *t);
    // atl_trainer_generate(), where that is more than one run of a program, and the numbers of a z.
    atl_status (*generate)(atl_trainer *t, int n, const float *z, const float *c, float *images);
    int (*z_dim)(const atl_trainer *t);
    bool (*decays)(const char *name); // parameters that the optimiser's decay is for; NULL: none
    // Weight of the old average of G in a step where the options give no half-life; 0: they always do.
    float smoothing;
    bool smooths_buffers;         // which are averaged, too; else the average has those of G
    int ema_start;                // steps of G before which its average is G itself
    atl_aug aug;                  // where the options leave it open
    bool norms;                   // networks have batch norms, which may see all processes' pictures
    bool orthogonal;              // weights may be held orthogonal
    const char *first;            // first weights, where options name them; NULL: they don't
    bool reconstructs;            // G makes pictures again, by its function "autoencode"
    const char *codebook;         // how its codebook moves where the options leave it open; NULL: "loss"
    bool patches;                 // and by transformers over patches
    bool masks;                   // codes are predicted by masked convolutions: no heads, and nothing decays
    // Where the options leave them open; layers 0: networks have none to count.
    int layers, channel_max; // channel_max 0: 512
    double perceptual_weight, disc_weight, weight_decay;
    const atl_adam_options *adam; // betas and eps; NULL: StyleGAN's
    const atl_phase_row *phases;
    int n_phases;
};

extern const atl_recipe atl_recipe_stylegan2, atl_recipe_stylegan3, atl_recipe_stylegan1, atl_recipe_progan,
    atl_recipe_sagan, atl_recipe_biggan, atl_recipe_biggan_deep, atl_recipe_vqgan, atl_recipe_vqvae,
    atl_recipe_vit_vqgan, atl_recipe_vqvae2, atl_recipe_encoder, atl_recipe_hyperstyle, atl_recipe_transformer,
    atl_recipe_vit_transformer, atl_recipe_pixelcnn;

const atl_recipe *atl_recipe_find(const char *family); // NULL: there is none

// What the step so far has reported under a name.
atl_train_sum atl_trainer_step_stat(const atl_trainer *t, const char *name);

#endif
