// SPDX-License-Identifier: Apache-2.0
// An open set: a source, its labels, and the promise that all pictures are like the first.
#include "base/options.h"
#include "data/dataset.h"

#include <string.h>

atl_status atl_picture_drop_alpha(const atl_source *s, atl_ctx *ctx, size_t index, atl_image *image) {
    if (image->channels == 1 || image->channels == 3)
        return ATL_OK;
    size_t c = (size_t)image->channels, area = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < area; i++)
        if (image->pixels[i * c + c - 1] != 255)
            return atl_fail(
                ctx, ATL_BAD_FILE,
                "%s: is transparent in places, and networks have no transparency; make a set with "
                "alpha white or black, which lays it over a colour",
                s->entries[index].name);
    for (size_t i = 0; i < area; i++)
        memmove(image->pixels + i * (c - 1), image->pixels + i * c, c - 1);
    image->channels--;
    return ATL_OK;
}

atl_status atl_dataset_read_with(const atl_dataset *set, atl_ctx *ctx, size_t index, atl_image *image) {
    const atl_dataset_info *want = &set->info;
    const char *name = set->source->entries[index].name;
    ATL_TRY(atl_source_read(set->source, ctx, index, image));
    atl_status status = atl_picture_drop_alpha(set->source, ctx, index, image);
    if (status == ATL_OK && want->width &&
        (image->width != want->width || image->height != want->height || image->channels != want->channels))
        status = atl_fail(ctx, ATL_BAD_FILE,
                          "%s: %dx%d pixels with %d channels, where the set '%s' began with %dx%d and %d; "
                          "a check of the set lists all such pictures",
                          name, image->width, image->height, image->channels, want->name, want->width,
                          want->height, want->channels);
    if (status != ATL_OK)
        atl_image_clear(ctx, image);
    return status;
}

// "ffhq-256" of "sets/ffhq-256.zip" and of "sets/ffhq-256/"
static const char *stem_of(atl_arena *arena, const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    size_t dot = end;
    while (dot > begin && path[dot - 1] != '.')
        dot--;
    return atl_arena_string(arena, path + begin, (dot > begin + 1 ? dot - 1 : end) - begin);
}

static atl_status describe(atl_dataset *set) {
    atl_source *s = set->source;
    atl_image first;
    ATL_TRY(atl_source_require(set->ctx, s));
    const char *name = stem_of(&s->arena, s->path);
    if (!name)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_dataset_read_with(set, set->ctx, 0, &first));
    set->info =
        (atl_dataset_info){ s->kind->name,        name, s->count, first.width, first.height, first.channels,
                            (int)set->labels.size };
    atl_image_clear(set->ctx, &first);
    return ATL_OK;
}

atl_status atl_dataset_open(atl_ctx *ctx, const char *path, const atl_dataset_options *options,
                            atl_dataset **out) {
    atl_dataset_options o = ATL_DATASET_OPTIONS_INIT;
    *out = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_dataset_options", &o, sizeof o, options));
    if ((unsigned)o.labels > ATL_LABELS_NONE)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "atl_dataset_options: labels is %d, which is no rule for labels", (int)o.labels);
    atl_dataset *set = atl_calloc(ctx, 1, sizeof *set);
    if (!set)
        return ATL_NO_MEMORY;
    set->ctx = ctx;
    atl_status status = atl_source_open(ctx, path, &set->source);
    if (status == ATL_OK && o.max_images && o.max_images < set->source->count)
        set->source->count = o.max_images;
    if (status == ATL_OK)
        status = atl_label_set_require(ctx, set->source, o.labels, &set->labels);
    if (status == ATL_OK)
        status = describe(set);
    if (status != ATL_OK)
        atl_dataset_close(&set);
    *out = set;
    return status;
}

void atl_dataset_close(atl_dataset **set) {
    if (!set || !*set)
        return;
    atl_ctx *ctx = (*set)->ctx;
    atl_label_set_clear(ctx, &(*set)->labels);
    atl_source_close(&(*set)->source);
    atl_free(ctx, *set);
    *set = NULL;
}

const atl_dataset_info *atl_dataset_info_get(const atl_dataset *set) {
    return &set->info;
}

const char *atl_dataset_name(const atl_dataset *set, size_t index) {
    return set->source->entries[index].name;
}

atl_status atl_dataset_read(atl_dataset *set, size_t index, atl_image *image) {
    *image = (atl_image){ 0 };
    if (index >= set->info.count)
        return atl_fail(set->ctx, ATL_BAD_ARGUMENT, "%s: picture %zu of %zu", set->source->path, index,
                        set->info.count);
    return atl_dataset_read_with(set, set->ctx, index, image);
}

void atl_dataset_label(const atl_dataset *set, size_t index, float *label) {
    if (set->labels.size)
        atl_label_set_get(&set->labels, index, label);
}
