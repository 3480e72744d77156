// SPDX-License-Identifier: Apache-2.0
// Detectors of a measurement: the files are found by the caller, and each is opened once.
#include <string.h>

#include "metrics/measure.h"

static atl_status open_network(atl_metrics *m, const char *role, atl_network **net) {
    const char *path = NULL, *heads = NULL;
    for (int i = 0; i < m->n_networks; i++)
        if (!strcmp(m->networks[i].role, role)) {
            *net = &m->networks[i].net;
            return ATL_OK;
        }
    if (!m->o.find_detector || m->n_networks == ATL_DETECTORS_MOST)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "the detector %s is needed, and there are none", role);
    const char *why = m->o.find_detector(m->o.user, role, &path, &heads);
    if (why)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s", why);
    atl_opened_network *opened = &m->networks[m->n_networks];
    ATL_TRY(atl_detector_network(m->ctx, role, path, heads, &opened->net));
    opened->role = role;
    m->n_networks++;
    *net = &opened->net;
    return ATL_OK;
}

atl_status atl_metrics_detector(atl_metrics *m, const char *role, const char *use, int height, int width,
                                atl_detector **detector) {
    atl_network *net = NULL;
    for (int i = 0; i < m->n_detectors; i++) {
        const atl_opened_detector *d = &m->detectors[i];
        if (!strcmp(d->role, role) && !strcmp(d->use, use) && d->height == height && d->width == width) {
            *detector = d->detector;
            return ATL_OK;
        }
    }
    if (m->n_detectors == ATL_DETECTORS_MOST)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "more than %d detectors at once are not possible",
                        ATL_DETECTORS_MOST);
    ATL_TRY(open_network(m, role, &net));
    bool resizes = !strncmp(role, "inception", 9);
    const atl_detector_options o = {
        .backend = m->backend, .height = height, .width = width, .resize = resizes ? m->o.resize : NULL
    };
    atl_opened_detector *d = &m->detectors[m->n_detectors];
    ATL_TRY(atl_detector_open(net, use, &o, &d->detector));
    *d = (atl_opened_detector){ role, use, height, width, d->detector };
    m->n_detectors++;
    *detector = d->detector;
    return ATL_OK;
}

void atl_metrics_close_detectors(atl_metrics *m) {
    for (int i = 0; i < m->n_detectors; i++)
        atl_detector_close(&m->detectors[i].detector);
    for (int i = 0; i < m->n_networks; i++)
        atl_network_clear(&m->networks[i].net);
    m->n_detectors = m->n_networks = 0;
}
