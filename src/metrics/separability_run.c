// SPDX-License-Identifier: Apache-2.0
// Linear separability of a network (Karras et al. 2019, section 4.2): 40 classifiers look at the same
// pictures, and of the half of which each is surest a linear boundary is sought in z, then in w.
//
// Forty networks with what their plans prepare take gigabytes.  So they are open one at a time: a chunk of
// pictures is made and kept, and each classifier looks at all of it before the next one is opened.  What is
// kept of a chunk are its logits; latents are drawn again where boundaries are sought.
#include <stdio.h>
#include <string.h>

#include "base/hash64.h"
#include "metrics/measure.h"
#include "metrics/path_length.h"
#include "metrics/separability.h"

enum {
    CLASSIFIERS = 40,
    LOOKS = 1 + CLASSIFIERS, // at each picture: to make it, then one of each classifier
    CHUNK = 256,             // pictures at once, 200 MB: opening a classifier is then little beside its work
    PORTION = 64             // of them in a step
};

typedef enum space { IN_Z, IN_W, SPACES } space;

typedef struct work {
    int64_t count;
    atl_ppl_view view;        // averages of pictures that are larger than a classifier of 256 takes
    size_t seen;              // numbers of a picture then
    float *logits;            // [CLASSIFIERS, count]
    atl_boundary *boundaries; // [SPACES, CLASSIFIERS]
    // the chunk at hand
    float *pictures; // [CHUNK, 3, view.height, view.width]
    int64_t begin;   // its first sample; -1: there is none
    int64_t made;    // pictures of it
    int open;        // the classifier that is; -1: none
    atl_network net;
    atl_detector *detector;
    // a run of the generator
    atl_generator_room room;
    float *latents; // [count, z or w]
    int held;       // the space that they are of; -1: none
} work;

// ---- classifiers

static void close_classifier(work *k) {
    atl_detector_close(&k->detector);
    if (k->net.ctx)
        atl_network_clear(&k->net);
    memset(&k->net, 0, sizeof k->net);
    k->open = -1;
}

static atl_status open_classifier(atl_metrics *m, work *k, int index) {
    const char *path = NULL, *heads = NULL;
    char role[24];
    const atl_detector_options o = { .backend = m->backend,
                                     .height = (int)k->view.height,
                                     .width = (int)k->view.width };
    if (k->open == index)
        return ATL_OK;
    close_classifier(k);
    snprintf(role, sizeof role, "classifier-%02d", index);
    if (!m->o.find_detector)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "the detector %s is needed, and there are none", role);
    const char *why = m->o.find_detector(m->o.user, role, &path, &heads);
    if (why)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s", why);
    ATL_TRY(atl_detector_network(m->ctx, role, path, NULL, &k->net));
    ATL_TRY(atl_name_file(m->ctx, atl_detector_open(&k->net, "scores", &o, &k->detector), path));
    if (atl_detector_width(k->detector) != 1)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: gives %lld numbers, and a classifier gives one", path,
                        (long long)atl_detector_width(k->detector));
    k->open = index;
    return ATL_OK;
}

// ---- samples

static void close_work(atl_metrics *m, atl_task *t) {
    work *k = t->state;
    atl_generator_room_close(&m->generator, &k->room);
    atl_free(m->ctx, k->pictures);
    atl_free(m->ctx, k->latents);
    k->pictures = k->latents = NULL;
    close_classifier(k);
    k->begin = k->held = -1;
}

// ws of the samples from `first` on, at most `inner` of them.
static atl_status make_styles(atl_metrics *m, work *k, int64_t first, int n) {
    atl_generator *g = &m->generator;
    if (!k->room.z)
        ATL_TRY(atl_generator_room_open(g, g->inner, &k->room));
    return atl_generator_sample(g, ATL_PURPOSE_SEPARABILITY, first, n, &k->room);
}

// The next n pictures of the chunk, at most `inner`.
static atl_status make_pictures(atl_metrics *m, work *k, int n) {
    atl_generator *g = &m->generator;
    uint32_t seeds[CHUNK];
    int64_t first = k->begin + k->made;
    const atl_generator_scene scene = { .noise = g->o.noise, .noise_seeds = seeds };
    for (int i = 0; i < n; i++)
        seeds[i] = atl_generator_noise_seed(g, ATL_PURPOSE_SEPARABILITY, first + i);
    ATL_TRY(make_styles(m, k, first, n));
    ATL_TRY(atl_generator_paint(g, n, k->room.ws, &scene, k->room.img));
    for (int i = 0; i < n; i++)
        atl_ppl_see_colours(&k->view, k->room.img + (size_t)i * g->img, m->net.dims.channels, m->height,
                            m->width, k->pictures + (size_t)(k->made + i) * k->seen);
    k->made += n;
    return ATL_OK;
}

// ---- boundaries

// All z, or the last row of all ws, which is w where no truncation spares it.
static atl_status take_latents(atl_metrics *m, work *k, space s) {
    atl_generator *g = &m->generator;
    size_t width = s == IN_Z ? g->z : g->w;
    if (k->held == (int)s)
        return ATL_OK;
    atl_free(m->ctx, k->latents);
    k->held = -1;
    k->latents = atl_alloc(m->ctx, (size_t)k->count, width * sizeof *k->latents);
    if (!k->latents)
        return ATL_NO_MEMORY;
    for (int64_t at = 0; at < k->count; at += g->inner) {
        int n = k->count - at < g->inner ? (int)(k->count - at) : g->inner;
        float *to = k->latents + (size_t)at * width;
        if (s == IN_Z) {
            atl_generator_z(g, ATL_PURPOSE_SEPARABILITY, at, n, to);
            continue;
        }
        ATL_TRY(make_styles(m, k, at, n));
        for (int i = 0; i < n; i++)
            memcpy(to + (size_t)i * width, k->room.ws + ((size_t)i + 1) * g->ws - width, width * sizeof *to);
    }
    k->held = (int)s;
    return ATL_OK;
}

static atl_status separate(atl_metrics *m, work *k, int64_t index) {
    space s = index < CLASSIFIERS ? IN_Z : IN_W;
    ATL_TRY(take_latents(m, k, s));
    return atl_separability(m->ctx, k->latents, k->logits + index % CLASSIFIERS * k->count, k->count,
                            (int64_t)(s == IN_Z ? m->generator.z : m->generator.w), k->count / 2,
                            &k->boundaries[index], NULL, NULL, NULL, NULL);
}

// ---- steps: LOOKS for each picture, chunk by chunk, then a boundary for each classifier in each space

static atl_status begin_chunk(atl_metrics *m, work *k, int64_t begin) {
    if (!k->pictures)
        k->pictures =
            atl_alloc(m->ctx, k->count < CHUNK ? (size_t)k->count : CHUNK, k->seen * sizeof *k->pictures);
    k->begin = begin;
    k->made = 0;
    return k->pictures ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status look(atl_metrics *m, atl_task *t) {
    work *k = t->state;
    int64_t begin = t->done / (LOOKS * CHUNK) * CHUNK;
    int64_t size = k->count - begin < CHUNK ? k->count - begin : CHUNK;
    if (k->begin != begin || t->done == begin * LOOKS) { // after restoring, pictures of a chunk are made anew
        t->done = begin * LOOKS;
        ATL_TRY(begin_chunk(m, k, begin));
    }
    int64_t at = (t->done - begin * LOOKS) % size, phase = (t->done - begin * LOOKS) / size;
    int most = phase ? PORTION : m->generator.inner;
    int n = size - at < most ? (int)(size - at) : most;
    if (phase == 0) {
        ATL_TRY(make_pictures(m, k, n));
    } else {
        ATL_TRY(open_classifier(m, k, (int)phase - 1));
        ATL_TRY(atl_detector_run_float(k->detector, k->pictures + (size_t)at * k->seen, n,
                                       k->logits + (phase - 1) * k->count + begin + at));
    }
    t->done += n;
    return ATL_OK;
}

static atl_status step(atl_metrics *m, atl_task *t) {
    work *k = t->state;
    int64_t looks = k->count * LOOKS;
    if (t->done < looks)
        return look(m, t);
    ATL_TRY(separate(m, k, t->done - looks));
    t->done++;
    return ATL_OK;
}

static int arrays(atl_task *t, atl_array *list) {
    const work *k = t->state;
    enum { NUMBERS = sizeof(atl_boundary) / sizeof(double) };
    _Static_assert(sizeof(atl_boundary) == NUMBERS * sizeof(double), "a boundary is numbers alone");
    list[0] = (atl_array){ "logits", ATL_F32, 2, { CLASSIFIERS, k->count }, k->logits };
    list[1] = (atl_array){ "boundaries", ATL_F64, 2, { SPACES * CLASSIFIERS, NUMBERS }, k->boundaries };
    return 2;
}

// ---- planning and finishing

// A file that is missing or of another kind is told before work begins.
static atl_status check_classifiers(atl_metrics *m, work *k, atl_metric_job *job) {
    atl_status status = ATL_OK;
    int side = 0;
    for (int i = 0; status == ATL_OK && i < CLASSIFIERS; i++) {
        status = open_classifier(m, k, i);
        if (status != ATL_OK)
            break;
        uint64_t print = atl_detector_fingerprint(k->detector);
        m->classifiers = atl_hash64(&print, sizeof print, m->classifiers);
        side = k->net.dims.height > side ? k->net.dims.height : side;
    }
    close_classifier(k);
    bool small = k->view.height < side || k->view.width < side;
    snprintf(job->how, sizeof job->how, "%d classifiers of %dx%d%s", CLASSIFIERS, side, side,
             small ? ", pictures enlarged" : "");
    return status;
}

atl_status atl_separability_plan(atl_metrics *m, atl_metric_job *job) {
    work *k = atl_arena_alloc(&m->arena, 1, sizeof *k);
    int64_t count = job->metric.count;
    if (!k)
        return ATL_NO_MEMORY;
    if (count < 2 || count > INT32_MAX)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: 2 pictures are needed at least", job->metric.name);
    if (!m->generator.z)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: %s has no latent z", job->metric.name, m->net.name);
    *k = (work){ .count = count, .begin = -1, .open = -1, .held = -1 };
    k->view = atl_ppl_view_of(m->height, m->width, false);
    k->seen = 3 * (size_t)k->view.height * (size_t)k->view.width;
    k->logits = atl_arena_alloc(&m->arena, (size_t)count, CLASSIFIERS * sizeof *k->logits);
    k->boundaries = atl_arena_alloc(&m->arena, SPACES * CLASSIFIERS, sizeof *k->boundaries);
    if (!k->logits || !k->boundaries)
        return ATL_NO_MEMORY;
    ATL_TRY(check_classifiers(m, k, job));
    job->own.step = step;
    job->own.close = close_work;
    job->own.arrays = arrays;
    job->own.state = k;
    job->own.total = count * LOOKS + SPACES * CLASSIFIERS;
    return ATL_OK;
}

atl_status atl_separability_finish(atl_metrics *m, atl_metric_job *job) {
    static const char *const tails[SPACES] = { "_z", "_w" };
    const work *k = job->own.state;
    (void)m;
    for (int s = 0; s < SPACES; s++) {
        atl_estimate e = atl_separability_score(k->boundaries + s * CLASSIFIERS, CLASSIFIERS);
        job->result.method = e.method;
        atl_metric_put(job, tails[s], e.value, e.error);
    }
    return ATL_OK;
}
