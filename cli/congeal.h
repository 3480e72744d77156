// SPDX-License-Identifier: Apache-2.0
// The parts of atelier congeal, one file each.
#ifndef CLI_CONGEAL_H
#define CLI_CONGEAL_H

#include "app/aligner.h"
#include "common.h"

// What all parts that align have in common.
typedef struct cli_aligner {
    app_aligner_options o;
    int padding, flip;
} cli_aligner;
#define CLI_ALIGNER_OPTIONS(a)                                                                               \
    CLI_OPTION_TEXT("network", &(a)->o.network, "FILE", "spatial transformer: .pt or .safetensors", NULL),   \
        CLI_OPTION_TEXT("net", &(a)->o.net, "NAME", "network of the file: T_ema or T", "T_ema"),             \
        CLI_OPTION_INT("iters", &(a)->o.congeal.iterations, "N",                                             \
                       "times that the similarity is found, each on the last", "what the file says, or 1",   \
                       1, 100),                                                                              \
        CLI_OPTION_CHOICE("padding", &(a)->padding, "file|border|reflection|zeros",                          \
                          "what lies outside of a picture", "file"),                                         \
        CLI_OPTION_CHOICE("flip", &(a)->flip, "auto|never",                                                  \
                          "auto: the mirror image where its flow is smoother", "auto")
app_aligner_options cli_aligner_options(const cli_aligner *a, const cli_common *common);

int cli_congeal_points(int argc, char **argv);
int cli_congeal_propagate(int argc, char **argv);
int cli_congeal_train(int argc, char **argv);

#endif
