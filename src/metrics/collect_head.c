// SPDX-License-Identifier: Apache-2.0
// Probabilities of classes made of the features that another collector has of the same pictures: Inception
// looks at each picture once.  Numbers have the bits that a detector of their own would give them, since the
// rest of the network runs in batches of the same size.
#include "metrics/collect_features.h"

static const char FUNCTION[] = "classes";

static atl_status get_head(atl_collected *f, atl_program **head) {
    const atl_program_key key = { .function = FUNCTION, .n = atl_detector_batch(f->detector) };
    return atl_programs_get(&f->head, &key, head);
}

atl_status atl_collected_head_open(atl_collector *c) {
    atl_collected *f = c->state;
    const atl_network *net;
    atl_program *head;
    ATL_TRY(atl_metrics_network(c->m, c->detector, &net));
    atl_programs_init(&f->head, net, c->m->backend);
    ATL_TRY(get_head(f, &head));
    f->width = (size_t)atl_program_out(head, c->use)->node->shape.d[1];
    return ATL_OK;
}

atl_status atl_collected_head_run(atl_collector *c, int n, float *seen) {
    atl_collected *f = c->state;
    size_t width = (size_t)atl_collected_width(c->base);
    const float *features = c->base->seen;
    int batch = atl_detector_batch(f->detector);
    atl_program *head;
    ATL_TRY(get_head(f, &head));
    for (int at = 0; at < n; at += batch) {
        int rows = n - at < batch ? n - at : batch;
        ATL_TRY(atl_program_write(head, "features", rows, features + (size_t)at * width));
        ATL_TRY(atl_program_run(head));
        ATL_TRY(atl_program_read(head, c->use, rows, seen + (size_t)at * f->width));
    }
    return ATL_OK;
}
