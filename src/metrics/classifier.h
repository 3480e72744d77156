// SPDX-License-Identifier: Apache-2.0
// The inside of classifiers: what stands before the network, and the network.
#ifndef ATL_METRICS_CLASSIFIER_H
#define ATL_METRICS_CLASSIFIER_H

#include <atelier/ensemble.h>
#include "run/network.h"

// `network` outlives the classifier.
atl_status atl_classifier_make(const atl_network *network, const atl_classifier_options *options,
                               atl_classifier **classifier);

#endif
