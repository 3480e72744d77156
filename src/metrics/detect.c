// SPDX-License-Identifier: Apache-2.0
// Detectors of a measurement: the files are found by the caller, and each is opened once.
#include <string.h>
#include <sys/stat.h>

#include "metrics/measure.h"

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

// Roles of one Inception are those of the same network.  That of another role in the file may be another one.
static bool shares(const atl_opened_network *o, const char *role, const char *path, const char *heads) {
    bool inception = !strncmp(role, "inception", 9) && !strncmp(o->role, "inception", 9);
    return inception && !heads && same_file(o->path, path);
}

atl_status atl_metrics_network(atl_metrics *m, const char *role, const atl_network **net) {
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
    for (int i = 0; i < m->n_networks; i++)
        if (shares(&m->networks[i], role, path, heads)) {
            *net = &m->networks[i].net;
            return ATL_OK;
        }
    atl_opened_network *opened = &m->networks[m->n_networks];
    opened->path = atl_arena_string(&m->arena, path, strlen(path));
    if (!opened->path)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_detector_network(m->ctx, role, path, heads, &opened->net));
    opened->role = role;
    m->n_networks++;
    *net = &opened->net;
    return ATL_OK;
}

atl_status atl_metrics_detector(atl_metrics *m, const char *role, const char *use, int height, int width,
                                atl_detector **detector) {
    const atl_network *net = NULL;
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
    ATL_TRY(atl_metrics_network(m, role, &net));
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
