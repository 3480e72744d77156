// SPDX-License-Identifier: Apache-2.0
// Step mode: one .npy for each named node.
#include "run/dump.h"

#include <stdio.h>
#include <string.h>

#include "io/arrays.h"

// Within the graph images are [n, h, w, c]; weights and what comes from outside are in the field's order
// already.
static bool is_interleaved(const atl_node *n) {
    return n->shape.rank == 4 && n->op != ATL_OP_PARAM && n->op != ATL_OP_INPUT;
}

static void to_field_order(const atl_shape *s, const float *raw, float *field) {
    int64_t n = s->d[0], pixels = s->d[1] * s->d[2], c = s->d[3];
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t k = 0; k < c; k++)
                field[(i * c + k) * pixels + p] = raw[(i * pixels + p) * c + k];
}

static atl_status write_node(const atl_program *p, const atl_node *node, const char *dir, float *raw,
                             float *field) {
    const atl_shape *s = &node->shape;
    atl_array a = { "", ATL_F32, s->rank, { 0 }, raw };
    for (int i = 0; i < s->rank; i++)
        a.dims[i] = s->d[i];
    if (!atl_plan_read(p->plan, node, raw))
        return ATL_OK; // a view that nothing needed whole
    if (is_interleaved(node)) {
        to_field_order(s, raw, field);
        a = (atl_array){ "", ATL_F32, 4, { s->d[0], s->d[3], s->d[1], s->d[2] }, field };
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.npy", dir, node->name);
    return atl_npy_write(p->ctx, path, &a);
}

static atl_status dump_node(const atl_program *p, const atl_node *node, const char *dir) {
    size_t count = (size_t)atl_shape_count(&node->shape);
    float *raw = atl_alloc(p->ctx, count, sizeof *raw), *field = atl_alloc(p->ctx, count, sizeof *field);
    atl_status status = raw && field ? write_node(p, node, dir, raw, field) : ATL_NO_MEMORY;
    atl_free(p->ctx, raw);
    atl_free(p->ctx, field);
    return status;
}

atl_status atl_dump(const atl_program *p, const char *pattern, const char *dir) {
    const atl_node *node;
    int at = 0, written = 0;
    while ((node = atl_plan_next_named(p->plan, pattern, &at)) != NULL) {
        ATL_TRY(dump_node(p, node, dir));
        written++;
    }
    if (!written)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                        "no layer's name matches %s; an inspection of the file lists them", pattern);
    return ATL_OK;
}
