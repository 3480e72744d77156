// SPDX-License-Identifier: Apache-2.0
// Drawing by Philox: the key is the seed, the stream says iteration, phase and purpose, the sample's number
// says where in the stream its numbers begin.
#include "train/draw.h"

#include <string.h>

#include "base/philox.h"
#include "train/recipe.h"
#include "train/trainer.h"

// A stream is (iteration * 16 + phase) * 256 + purpose.  These numbers are fixed: with others every run would
// be another one.
enum { PURPOSES = ATL_DRAWS };

uint64_t atl_draw_stream(const atl_draw_run *run, const atl_draw *d) {
    return (run->iteration * ATL_RECIPE_PHASES + (uint64_t)run->phase) * PURPOSES + (uint64_t)d->purpose;
}

static uint64_t number_of(const atl_draw_run *run, int sample) {
    return run->first + (uint64_t)sample * run->step;
}

static size_t row_of(const atl_draw *d) { // numbers of a sample
    return (size_t)(atl_shape_count(&d->input->shape) / d->input->shape.d[0]);
}

// ---- ways of drawing

typedef struct normals {
    const atl_draw_run *run;
    uint64_t stream;
    size_t row;
    float *to;
} normals;

static void draw_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const normals *d = job;
    for (int i = (int)first; i < end; i++)
        atl_philox_normal(d->run->seed, d->stream, number_of(d->run, i) * d->row, d->row,
                          d->to + (size_t)i * d->row);
}

static void write_normal(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    normals job = { run, atl_draw_stream(run, d), row_of(d), room };
    enum { WORTH = 2048 }; // numbers that take some microseconds to draw
    atl_team_run(run->team, run->n, 1 + WORTH / (int64_t)job.row, draw_rows, &job);
    atl_plan_write(plan, d->input, room);
}

static void write_uniform(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    size_t row = row_of(d);
    for (int i = 0; i < run->n; i++)
        atl_philox_uniform(run->seed, atl_draw_stream(run, d), number_of(run, i) * row, row,
                           room + (size_t)i * row);
    atl_plan_write(plan, d->input, room);
}

static void write_real(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    (void)room;
    atl_plan_write(plan, d->input, run->trainer->reals + run->local * row_of(d));
}

static void write_real_label(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    (void)room;
    atl_plan_write(plan, d->input, run->trainer->real_labels + run->local * row_of(d));
}

static void write_label(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_trainer *t = run->trainer;
    size_t row = row_of(d), count = t->set.count;
    for (int i = 0; i < run->n; i++) {
        float u, *label = room + (size_t)i * row;
        atl_philox_uniform(run->seed, atl_draw_stream(run, d), number_of(run, i), 1, &u);
        size_t index = (size_t)((double)u * (double)count);
        index = index < count ? index : count - 1;
        memset(label, 0, row * sizeof *label);
        if (t->data)
            atl_dataset_label(t->data, atl_sampler_picture(t->subset, index), label);
        else
            label[0] = 1.0f; // noise in place of pictures: the first class
    }
    atl_plan_write(plan, d->input, room);
}

static void write_state(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    (void)run;
    (void)room;
    atl_plan_write(plan, d->input, d->state);
}

static void write_fade(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    (void)room;
    atl_plan_write(plan, d->input, &run->trainer->stage.fade);
}

static void write_augment(const atl_draw_run *run, const atl_draw *d, atl_plan *plan, float *room) {
    const atl_phase_augment *a = d->state;
    uint64_t stream = atl_draw_stream(run, d);
    (void)room;
    if (a->ada_params) {
        atl_augment_draw(a->ada_params, (float)run->trainer->state.augment_p, run->seed, stream, run->first,
                         run->step);
        atl_augment_write(a->ada_params, &a->ada, plan);
    }
    if (a->diff_params) {
        atl_diffaug_draw(a->diff_params, run->seed, stream, run->first, run->step);
        atl_diffaug_write(a->diff_params, &a->diff, plan);
    }
}

// ---- registering

static void add(atl_phase_builder *b, const char *name, atl_node *input, atl_draw_writer *write,
                const void *state) {
    atl_phase *p = b->phase;
    if (p->n_draws == ATL_DRAWS) {
        atl_graph_fail(b->g, ATL_UNSUPPORTED, "a phase has at most %d inputs that are drawn", ATL_DRAWS);
        return;
    }
    p->draws[p->n_draws] = (atl_draw){ name, input, write, state, p->n_draws };
    p->n_draws++;
}

atl_node *atl_draw_with(atl_phase_builder *b, const char *name, atl_shape shape, atl_draw_writer *write,
                        const void *state) {
    atl_node *input = atl_input(b->g, name, shape);
    add(b, name, input, write, state);
    return input;
}

atl_node *atl_draw_state(atl_phase_builder *b, const char *name, atl_shape shape, const float *values) {
    return atl_draw_with(b, name, shape, write_state, values);
}

atl_node *atl_draw_fade(atl_phase_builder *b, const char *name) {
    return atl_draw_with(b, name, ATL_SHAPE(1), write_fade, NULL);
}

atl_node *atl_draw_normal(atl_phase_builder *b, const char *name, atl_shape shape) {
    return atl_draw_with(b, name, shape, write_normal, NULL);
}

atl_node *atl_draw_uniform(atl_phase_builder *b, const char *name, atl_shape shape) {
    return atl_draw_with(b, name, shape, write_uniform, NULL);
}

atl_node *atl_draw_real(atl_phase_builder *b, const char *name) {
    const atl_network *const *networks = (const atl_network *const *)b->setup->networks;
    const atl_model_dims *d = &networks[networks[ATL_TRAIN_D]->row ? ATL_TRAIN_D : ATL_TRAIN_G]->dims;
    return atl_draw_with(b, name, ATL_SHAPE(b->n, d->height, d->width, d->channels), write_real, NULL);
}

atl_node *atl_draw_real_label(atl_phase_builder *b, const char *name) {
    int c_dim = b->setup->networks[ATL_TRAIN_G]->dims.c_dim; // D may be given none, and classify
    return c_dim ? atl_draw_with(b, name, ATL_SHAPE(b->n, c_dim), write_real_label, NULL) : NULL;
}

atl_node *atl_draw_label(atl_phase_builder *b, const char *name) {
    int c_dim = b->setup->networks[ATL_TRAIN_G]->dims.c_dim;
    return c_dim ? atl_draw_with(b, name, ATL_SHAPE(b->n, c_dim), write_label, NULL) : NULL;
}

static bool known(const atl_phase *p, const atl_node *input) {
    for (int i = 0; i < p->n_draws; i++)
        if (p->draws[i].input == input)
            return true;
    return false;
}

void atl_draw_asked(atl_phase_builder *b, const atl_call *call) {
    for (int i = 0; i < call->n_in; i++) {
        const atl_port *p = &call->in[i];
        if (p->node->op != ATL_OP_INPUT || known(b->phase, p->node))
            continue;
        if (p->kind == ATL_PORT_NOISE)
            add(b, p->name, p->node, write_normal, NULL);
        else if (p->kind == ATL_PORT_SETTING && !strcmp(p->name, "fade"))
            add(b, p->name, p->node, write_fade, NULL);
        else if (p->kind == ATL_PORT_SETTING)
            add(b, p->name, p->node, write_state, p->initial);
        else
            atl_graph_fail(b->g, ATL_INTERNAL, "nobody says how the input %s is drawn", p->name);
    }
}

atl_node *atl_draw_augmented(atl_phase_builder *b, atl_node *img) {
    const atl_phase_setup *s = b->setup;
    if (!s->augment && !s->diffaug)
        return img;
    atl_phase_augment *a = atl_arena_alloc(&b->g->arena, 1, sizeof *a);
    if (!a)
        return atl_graph_fail(b->g, ATL_NO_MEMORY, "out of memory for an augmentation");
    if (s->augment)
        img = atl_augment_build(b->g, s->augment, img, &a->ada);
    if (s->diffaug)
        img = atl_diffaug_build(b->g, s->diffaug, img, &a->diff);
    a->next = b->phase->augments;
    b->phase->augments = a;
    if (b->g->status == ATL_OK && b->status == ATL_OK && s->augment)
        b->status = atl_augment_params_make(b->phase->ctx, &a->ada, &a->ada_params);
    if (b->g->status == ATL_OK && b->status == ATL_OK && s->diffaug)
        b->status = atl_diffaug_params_make(b->phase->ctx, &a->diff, &a->diff_params);
    add(b, "augment", NULL, write_augment, a);
    return img;
}

// ---- drawing

void atl_draw_inputs(const atl_draw_run *run, const atl_phase *p, atl_plan *plan, float *room) {
    for (int i = 0; i < p->n_draws; i++)
        p->draws[i].write(run, &p->draws[i], plan, room);
}

atl_draw *atl_draw_find(const atl_phase *p, const char *name) {
    for (int i = 0; i < p->n_draws; i++)
        if (!strcmp(p->draws[i].name, name))
            return &p->draws[i];
    return NULL;
}
