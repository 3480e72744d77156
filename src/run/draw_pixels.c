// SPDX-License-Identifier: Apache-2.0
// Drawing codes from a PixelCNN: for each row what the vertical stack says of it, then code after code.  What
// layers keep of the rows above and of the places to the left are windows that move along.
#include "run/draw_codes.h"

#include <atelier/rng.h>

#include <string.h>

#include "models/pixelcnn.h"

typedef struct painter {
    atl_ctx *ctx;
    atl_programs *programs;
    const double *shares; // a number in [0, 1) for each code; NULL: those of the seed
    const atl_sample_options *o;
    atl_pixelcnn_size s;
    atl_numpy_rng rng;
    int32_t *codes;
    size_t width, wide, more;     // codes of a row, numbers of a place between layers, layers behind the first
    float *above, *left;          // codes: rows above the next one, [first, width]; places before, [first]
    float *kept, *rows;           // [more, others width channels]; what a row adds [more, width channels]
    float *beside, *places;       // [more, others channels]; what a place adds [more, channels]
    float *said, *here, *logits;  // [layers, width, wide]; of a place [layers, wide]; [codes]
    float *upper;                 // a row of the map above
    atl_code_choice *choices;     // [codes]
} painter;

// Moves each of `count` windows of `steps` steps on by one, the last of which becomes `next`.
static void move_on(float *windows, const float *next, size_t count, size_t steps, size_t step) {
    for (size_t i = 0; i < count; i++) {
        float *w = windows + i * steps * step;
        memmove(w, w + step, (steps - 1) * step * sizeof *w);
        memcpy(w + (steps - 1) * step, next + i * step, step * sizeof *w);
    }
}

static size_t classes_given(const painter *t) {
    return t->s.classes ? 1 : 0;
}

static atl_status begin_row(painter *t, size_t y) {
    const atl_program_key key = { .function = "row", .n = 1 };
    const int32_t *condition = t->o->condition, *upper = t->s.above ? condition + classes_given(t) : NULL;
    size_t half = t->width / 2;
    atl_program *p;
    ATL_TRY(atl_programs_get(t->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "codes", 1, t->above));
    if (t->more)
        ATL_TRY(atl_program_write(p, "kept", 1, t->kept));
    if (t->s.classes)
        ATL_TRY(atl_program_write(p, "conds", 1, &(float){ (float)condition[0] }));
    for (size_t x = 0; t->s.above && x < half; x++)
        t->upper[x] = (float)upper[y / 2 * half + x];
    if (t->s.above)
        ATL_TRY(atl_program_write(p, "above", 1, t->upper));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "said", 1, t->said));
    if (t->more)
        ATL_TRY(atl_program_read(p, "rows", 1, t->rows));
    return ATL_OK;
}

static atl_status look_at(painter *t, size_t x) {
    const atl_program_key key = { .function = "pixel", .n = 1 };
    atl_program *p;
    for (size_t i = 0; i <= t->more; i++)
        memcpy(t->here + i * t->wide, t->said + (i * t->width + x) * t->wide, t->wide * sizeof *t->here);
    ATL_TRY(atl_programs_get(t->programs, &key, &p));
    ATL_TRY(atl_program_write(p, "left", 1, t->left));
    if (t->more)
        ATL_TRY(atl_program_write(p, "beside", 1, t->beside));
    ATL_TRY(atl_program_write(p, "said", 1, t->here));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "logits", 1, t->logits));
    if (t->more)
        ATL_TRY(atl_program_read(p, "places", 1, t->places));
    return ATL_OK;
}

static atl_status draw_row(painter *t, size_t y, bool *stopped) {
    size_t channels = (size_t)t->s.channels, first = (size_t)t->s.first, others = (size_t)t->s.others;
    int32_t *row = t->codes + y * t->width;
    for (size_t i = 0; i < first; i++)
        t->left[i] = -1.0f;
    memset(t->beside, 0, t->more * others * channels * sizeof *t->beside);
    for (size_t x = 0; x < t->width; x++) {
        size_t at = y * t->width + x;
        ATL_TRY(look_at(t, x));
        if (at >= t->o->given_count)
            row[x] = atl_choose_code(t->o, t->logits, t->s.codes,
                                     t->shares ? t->shares[at] : atl_numpy_rng_uniform(&t->rng), t->choices);
        move_on(t->left, &(float){ (float)row[x] }, 1, first, 1);
        move_on(t->beside, t->places, t->more, others, channels);
        *stopped = t->o->told && t->o->told(t->o->user, at + 1, (size_t)t->s.rows * t->width);
        if (*stopped)
            return ATL_OK;
    }
    return ATL_OK;
}

static atl_status draw(painter *t) {
    size_t channels = (size_t)t->s.channels, first = (size_t)t->s.first, others = (size_t)t->s.others;
    bool stopped = false;
    for (size_t i = 0; i < first * t->width; i++)
        t->above[i] = -1.0f;
    for (size_t y = 0; y < (size_t)t->s.rows && !stopped; y++) {
        ATL_TRY(begin_row(t, y));
        ATL_TRY(draw_row(t, y, &stopped));
        for (size_t x = 0; x < t->width; x++) // a row of the map above has no further use
            t->upper[x] = (float)t->codes[y * t->width + x];
        move_on(t->above, t->upper, 1, first, t->width);
        move_on(t->kept, t->rows, t->more, others, t->width * channels);
    }
    return ATL_OK;
}

// ---- beginning

// Without a class of its own the network takes the one 0 that stands for none.
static atl_status check_condition(const painter *t, size_t upper) {
    const atl_sample_options *o = t->o;
    const atl_pixelcnn_size *s = &t->s;
    size_t count = o->condition_count, classes = classes_given(t);
    bool none = !classes && !upper && count == 1 && o->condition && !o->condition[0];
    if (!none && classes && count == upper)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "the PixelCNN has %d classes: say which class", s->classes);
    if (!none && !classes && count == upper + 1)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "the PixelCNN has no classes: leave the class out");
    if (!none && !upper && count > classes)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "the PixelCNN takes no map above its own: for the bottom one of two maps choose one "
                        "that does");
    if (!none && count != classes + upper)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "a condition of %zu numbers, where the PixelCNN takes %s%zu codes of a map above",
                        count, classes ? "a class and " : "", upper);
    if (classes && (o->condition[0] < 0 || o->condition[0] >= s->classes))
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "class %d is none of the PixelCNN's: 0 to %d are",
                        (int)o->condition[0], s->classes - 1);
    return upper ? atl_check_codes(t->ctx, "map above", o->condition + classes, upper, s->above) : ATL_OK;
}

static atl_status check(const painter *t) {
    const atl_sample_options *o = t->o;
    const atl_pixelcnn_size *s = &t->s;
    size_t upper = s->above ? (size_t)s->rows / 2 * ((size_t)s->columns / 2) : 0;
    ATL_TRY(atl_check_sampling(t->ctx, o));
    if (o->height != s->rows || o->width != s->columns)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "the PixelCNN is opened for a map of %d x %d codes, and %d x %d are wanted: open it "
                        "with rows and columns of the map",
                        s->rows, s->columns, o->height, o->width);
    if (o->depth != 1)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "a PixelCNN draws one code for each position, and %d are wanted", o->depth);
    if (o->given_count > (size_t)s->rows * (size_t)s->columns)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%zu codes are given for a map of %d x %d", o->given_count,
                        s->rows, s->columns);
    ATL_TRY(check_condition(t, upper));
    return atl_check_codes(t->ctx, "picture", o->given, o->given_count, s->codes);
}

static bool make_room(painter *t) {
    size_t channels = (size_t)t->s.channels, first = (size_t)t->s.first, others = (size_t)t->s.others;
    const struct {
        float **to;
        size_t count, row;
    } rooms[] = {
        { &t->above, first, t->width },
        { &t->left, first, 1 },
        { &t->kept, t->more * others + 1, t->width * channels },
        { &t->rows, t->more + 1, t->width * channels },
        { &t->beside, t->more * others + 1, channels },
        { &t->places, t->more + 1, channels },
        { &t->said, t->more + 1, t->width * t->wide },
        { &t->here, t->more + 1, t->wide },
        { &t->logits, (size_t)t->s.codes, 1 },
        { &t->upper, t->width, 1 },
    };
    bool all = true;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        *rooms[i].to = atl_calloc(t->ctx, rooms[i].count, rooms[i].row * sizeof(float));
        all = all && *rooms[i].to;
    }
    t->choices = atl_alloc(t->ctx, (size_t)t->s.codes, sizeof *t->choices);
    return all && t->choices;
}

static void clear(painter *t) {
    float *const rooms[] = { t->above,  t->left, t->kept, t->rows,   t->beside,
                             t->places, t->said, t->here, t->logits, t->upper };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        atl_free(t->ctx, rooms[i]);
    atl_free(t->ctx, t->choices);
}

atl_status atl_draw_pixels(atl_programs *programs, const atl_sample_options *options, const double *shares,
                           int32_t *codes) {
    const atl_network *n = programs->network;
    painter t = { .ctx = n->ctx, .programs = programs, .shares = shares, .o = options, .codes = codes };
    ATL_TRY(atl_pixelcnn_sizes(n->ctx, n->json, &t.s));
    ATL_TRY(check(&t));
    t.width = (size_t)t.s.columns;
    t.wide = 2 * (size_t)t.s.channels;
    t.more = (size_t)t.s.layers - 1;
    memset(codes, 0, (size_t)t.s.rows * t.width * sizeof *codes);
    if (options->given_count)
        memcpy(codes, options->given, options->given_count * sizeof *codes);
    atl_numpy_rng_init(&t.rng, options->seed);
    atl_status status = make_room(&t) ? draw(&t) : ATL_NO_MEMORY;
    clear(&t);
    return status;
}
