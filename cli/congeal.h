// SPDX-License-Identifier: Apache-2.0
// The parts of atelier congeal, one file each.
#ifndef CLI_CONGEAL_H
#define CLI_CONGEAL_H

int cli_congeal_points(int argc, char **argv);
int cli_congeal_train(int argc, char **argv);

#endif
