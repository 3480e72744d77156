// SPDX-License-Identifier: Apache-2.0
// Sources of pictures: folders, archives and record files behind one table.  A source lists its pictures
// once, sorted by name; after that it does not change, so that several threads may read from it, each
// with a context of its own.  Adding a format is one file with an atl_source_kind and one line in source.c.
#ifndef ATL_DATA_DATA_H
#define ATL_DATA_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <atelier/image.h>
#include "base/mem.h"
#include "data/facts.h"
#include "io/file.h"

typedef struct atl_source_kind atl_source_kind;

typedef struct atl_source_entry {
    const char *name; // unique in its source, parts joined by '/'; a key, never a path to write to
    uint64_t key;     // the kind's own
    uint64_t size;    // bytes of its file; 0: not known
} atl_source_entry;

// Files that a source passed over.
typedef enum atl_skip { ATL_SKIP_HIDDEN, ATL_SKIP_FORMAT, ATL_SKIP_LINK } atl_skip;
typedef struct atl_source_skip {
    const char *name;
    atl_skip why;
} atl_source_skip;

typedef struct atl_source {
    const atl_source_kind *kind;
    atl_ctx *ctx;    // of the one who opened it
    atl_arena arena; // names and what the kind keeps
    const char *path;
    atl_source_entry *entries; // [count]
    size_t count, entry_room;
    atl_source_skip *skips; // [skipped]
    size_t skipped, skip_room;
    int32_t *classes; // [count] labels that the format brings; NULL: none
    float *vectors;   // [count, vector_size]; NULL: none
    size_t vector_size;
    const uint8_t *json; // dataset.json, as long as the source is open; NULL: none
    size_t json_bytes;
    void *state; // the kind's own
} atl_source;

// The encoded bytes of one picture; release them with atl_data_bytes_clear().
typedef struct atl_data_bytes {
    const uint8_t *data;
    size_t size;
    atl_file file;  // when they are mapped
    uint8_t *owned; // when they are not
} atl_data_bytes;

struct atl_source_kind {
    const char *name;
    bool (*probe)(const char *path, bool folder);
    // Lists the pictures.  After a failure close() is called too.
    atl_status (*open)(atl_source *source);
    void (*close)(atl_source *source);
    // Exactly one of both.  Called by several threads at once; `ctx` is the caller's own.
    atl_status (*bytes)(const atl_source *source, atl_ctx *ctx, size_t index, atl_data_bytes *bytes);
    atl_status (*pixels)(const atl_source *source, atl_ctx *ctx, size_t index, atl_image *image);
};

extern const atl_source_kind atl_source_folder, atl_source_zip, atl_source_tfrecord, atl_source_cifar,
    atl_source_mnist, atl_source_lmdb;

// Opens whatever `path` is.  `path` is copied.  On failure *source is NULL.
atl_status atl_source_open(atl_ctx *ctx, const char *path, atl_source **source);
void atl_source_close(atl_source **source);

// Picture `index`, of 1 to 4 channels.  Thread-safe as above.
atl_status atl_source_read(const atl_source *source, atl_ctx *ctx, size_t index, atl_image *image);

// The same, with what its file says beside the pixels, also of one that can't be decoded.  facts: may be
// NULL.
atl_status atl_source_read_facts(const atl_source *source, atl_ctx *ctx, size_t index, atl_image *image,
                                 atl_facts *facts);

void atl_data_bytes_clear(atl_ctx *ctx, atl_data_bytes *bytes);

// Fails when somebody has made a mapped file shorter since it was opened: reading what is gone would end the
// process.
atl_status atl_data_check_mapped(atl_ctx *ctx, const char *path, const atl_file *file);

// For kinds.  `name` is copied.
atl_status atl_source_add(atl_source *source, const char *name, uint64_t key);
// Adds a file by its name: a picture as an entry, a hidden file or an unknown picture format as a skip,
// anything else not at all.
atl_status atl_source_add_file(atl_source *source, const char *name, uint64_t key);
atl_status atl_source_add_skip(atl_source *source, const char *name, atl_skip why);
void atl_source_sort(atl_source *source);
// The entry of this very name, or NULL.  The entries must be sorted.
const atl_source_entry *atl_source_find(const atl_source *source, const char *name);

// "2 files of formats that are not read (1 .avif, 1 .ppm) and 1 link", or false: nothing of that was passed
// over.
bool atl_source_skips_text(const atl_source *source, char *text, size_t room);
// Warns of it; and when there are no pictures at all, fails with it.
atl_status atl_source_require(atl_ctx *ctx, const atl_source *source);

// Bytes of the folder that all pictures lie in, with its '/'; at most below `room`.  The entries must be
// sorted.
size_t atl_source_shared(const atl_source *source, size_t room);
// The names that dataset.json may have, one for each call, the first with *at 0: at the top, and in the
// folders that all pictures lie in.  False: there are no more.  room: beyond that of "dataset.json".
bool atl_source_json_name(const atl_source *source, size_t *at, char *name, size_t room);
bool atl_name_ends(const char *name, const char *end); // regardless of case

// A message without the name that it begins with, for those who print the name apart.
const char *atl_reason(const char *message, const char *name);

// All of a file that may be packed by gzip: then owned, else mapped.  On failure there is nothing to clear.
atl_status atl_data_unpack(atl_ctx *ctx, const char *path, atl_data_bytes *bytes);

#endif
