// SPDX-License-Identifier: Apache-2.0
// LMDB's file format as version 0.9 writes it on 64-bit little-endian machines (lmdb.tech, struct MDB_page
// and below):
//
//     page      8 number | 2 pad | 2 flags | 2 lower | 2 upper | 2 offset of each node ...
//                                          | 4 pages, of an overflow page, whose content begins at byte 16
//     meta      page 0 and 1: 4 magic | 4 version | 8 address | 8 map size | database of free pages |
//               main database | 8 last page | 8 transaction; the higher transaction counts
//     database  4 page size (in the first) | 2 flags | 2 depth | 8 8 8 numbers of pages | 8 entries | 8 root
//     node      2 2 size of the value, or with the flags the page below | 2 flags | 2 size of the key | key |
//     value
#include "data/lmdb_pages.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum {
    PAGE_HEAD = 16,
    NODE_HEAD = 8,
    META_BYTES = 152, // with the head of its page
    PAGE_LEAST = 256,
    PAGE_MOST = 65536,
    DEPTH_MOST = 32,
};
enum {
    BRANCH = 1,
    LEAF = 2,
    OVERFLOW = 4,
    META = 8,
    KINDS = 0x6f
};                                   // flags of a page; 0x20, 0x40: of sets of values
enum { BIG = 1, SUB = 2, MANY = 4 }; // flags of a node
enum {
    AT_FLAGS = 10,
    AT_LOWER = 12,
    AT_MAGIC = 16,
    AT_VERSION = 20,
    AT_PAGE_SIZE = 40,
    AT_ROOT = 128,
    AT_TRANSACTION = 144
};
static const uint32_t MAGIC = 0xbeefc0de;
static const uint64_t NO_PAGE = UINT64_MAX;

typedef struct walk {
    atl_ctx *ctx;
    const char *path;
    const uint8_t *file;
    size_t bytes, page_size;
    uint64_t pages, seen; // pages in the file; pages that were walked over, each at most once
    atl_status (*each)(void *user, const atl_lmdb_entry *entry);
    void *user;
} walk;

// One page of the way from the root.
typedef struct level {
    const uint8_t *page;
    size_t nodes, next;
} level;

static atl_status refuse(const walk *w, uint64_t page) {
    if (w->page_size && page >= w->pages)
        return atl_fail(w->ctx, ATL_BAD_FILE,
                        "%s: ends before page %llu, which it needs: it is cut; copy it again", w->path,
                        (unsigned long long)page);
    return atl_fail(w->ctx, ATL_BAD_FILE, "%s: a damaged LMDB file: page %llu is not what it must be",
                    w->path, (unsigned long long)page);
}

static bool meta_good(const walk *w, size_t at) {
    return w->bytes - at >= META_BYTES && (atl_little(w->file + at + AT_FLAGS, 2) & KINDS) == META &&
           atl_little(w->file + at + AT_MAGIC, 4) == MAGIC && atl_little(w->file + at + AT_VERSION, 4) == 1;
}

// The root of the main database, by the newer of the two metas.
static atl_status find_root(walk *w, uint64_t *root) {
    if (w->bytes < META_BYTES || atl_little(w->file + AT_MAGIC, 4) != MAGIC)
        return atl_fail(w->ctx, ATL_BAD_FILE, "%s: is no LMDB file of a 64-bit machine", w->path);
    if (atl_little(w->file + AT_VERSION, 4) != 1)
        return atl_fail(w->ctx, ATL_BAD_FILE, "%s: version %llu of LMDB's format; version 1 is read", w->path,
                        (unsigned long long)atl_little(w->file + AT_VERSION, 4));
    size_t size = (size_t)atl_little(w->file + AT_PAGE_SIZE, 4);
    if (!meta_good(w, 0) || size < PAGE_LEAST || size > PAGE_MOST || size & (size - 1))
        return refuse(w, 0);
    w->page_size = size;
    w->pages = w->bytes / size;
    if (w->pages < 2)
        return refuse(w, 1);
    const uint8_t *meta = w->file;
    if (meta_good(w, size) &&
        atl_little(w->file + size + AT_TRANSACTION, 8) > atl_little(meta + AT_TRANSACTION, 8))
        meta += size;
    *root = atl_little(meta + AT_ROOT, 8);
    return ATL_OK;
}

// A page of the tree, with its kind and its count of nodes checked.
static atl_status enter(walk *w, uint64_t number, level *l) {
    if (number >= w->pages || w->seen++ >= w->pages)
        return refuse(w, number);
    const uint8_t *page = w->file + number * w->page_size;
    size_t flags = (size_t)atl_little(page + AT_FLAGS, 2) & KINDS,
           lower = (size_t)atl_little(page + AT_LOWER, 2);
    if ((flags != BRANCH && flags != LEAF) || lower < PAGE_HEAD || lower > w->page_size || lower & 1)
        return refuse(w, number);
    *l = (level){ page, (lower - PAGE_HEAD) / 2, 0 };
    return ATL_OK;
}

static uint64_t number_of(const walk *w, const level *l) {
    return (uint64_t)(l->page - w->file) / w->page_size;
}

// The next node of the page with its key within the page, or NULL.
static const uint8_t *next_node(const walk *w, level *l) {
    size_t at = (size_t)atl_little(l->page + PAGE_HEAD + 2 * l->next++, 2);
    if (at < PAGE_HEAD || at + NODE_HEAD > w->page_size ||
        at + NODE_HEAD + atl_little(l->page + at + 6, 2) > w->page_size)
        return NULL;
    return l->page + at;
}

// The entry of a node in a leaf.
static atl_status hand_out(walk *w, const level *l, const uint8_t *node) {
    size_t size = (size_t)atl_little(node, 4), flags = (size_t)atl_little(node + 4, 2),
           key = (size_t)atl_little(node + 6, 2);
    const uint8_t *value = node + NODE_HEAD + key;
    size_t left = (size_t)(l->page + w->page_size - value);
    if (flags & (SUB | MANY))
        return atl_fail(w->ctx, ATL_UNSUPPORTED, "%s: holds databases within a database, which are not read",
                        w->path);
    if (flags & BIG) {
        uint64_t page = left >= 8 ? atl_little(value, 8) : NO_PAGE;
        if (page >= w->pages || (atl_little(w->file + page * w->page_size + AT_FLAGS, 2) & KINDS) != OVERFLOW)
            return refuse(w, page == NO_PAGE ? number_of(w, l) : page);
        value = w->file + page * w->page_size + PAGE_HEAD;
        left = w->bytes - (size_t)(value - w->file);
        if (size > left)
            return refuse(w, page + (size + PAGE_HEAD) / w->page_size);
    }
    if (size > left)
        return refuse(w, number_of(w, l));
    return w->each(w->user, &(atl_lmdb_entry){ node + NODE_HEAD, value, key, size });
}

atl_status atl_lmdb_walk(atl_ctx *ctx, const char *path, const uint8_t *file, size_t bytes,
                         atl_status (*each)(void *user, const atl_lmdb_entry *entry), void *user) {
    walk w = { .ctx = ctx, .path = path, .file = file, .bytes = bytes, .each = each, .user = user };
    level levels[DEPTH_MOST];
    uint64_t root = NO_PAGE;
    ATL_TRY(find_root(&w, &root));
    if (root == NO_PAGE)
        return ATL_OK; // empty
    ATL_TRY(enter(&w, root, &levels[0]));
    for (int depth = 0; depth >= 0;) {
        level *l = &levels[depth];
        if (l->next == l->nodes) {
            depth--;
            continue;
        }
        const uint8_t *node = next_node(&w, l);
        if (!node)
            return refuse(&w, number_of(&w, l));
        if ((atl_little(l->page + AT_FLAGS, 2) & KINDS) == LEAF) {
            ATL_TRY(hand_out(&w, l, node));
        } else {
            if (++depth == DEPTH_MOST)
                return refuse(&w, number_of(&w, l));
            ATL_TRY(enter(&w, atl_little(node, 6), &levels[depth]));
        }
    }
    return ATL_OK;
}
