// SPDX-License-Identifier: Apache-2.0
// How alike two pictures are that show no faces: the cosine of the last features of a classifier, or of a ResNet
// that has learned without classes.
#ifndef ATL_TRAIN_SIMILAR_H
#define ATL_TRAIN_SIMILAR_H

#include "run/network.h"

// Of pictures x [n, h, w, 3] from -1 to 1: rows of unit length [n, numbers].  network: a VGG16, AlexNet, SqueezeNet or
// ResNet.
atl_node *atl_similar_features(atl_net *net, const atl_network *network, atl_node *x);

#endif
