// SPDX-License-Identifier: Apache-2.0
// What transformers over codes share: attention position by position.
//
// A network that draws codes runs one position at a time, given what its layers kept of those before, their
// keys and values; a condition, whose positions see each other, is run at once and kept like them.
#ifndef ATL_MODELS_TRANSFORMER_H
#define ATL_MODELS_TRANSFORMER_H

#include "models/model.h"

enum { ATL_LAYERS_MOST = 1 << 10 };

// Who may see whom: those before and itself, and the first `unmasked` each other.  [1, t, t] of 0 and
// -INFINITY
atl_node *atl_transformer_mask(atl_graph *g, int t, int unmasked);

typedef struct atl_cache {
    int layers, heads, width, length; // positions that can be kept
    int t;                            // positions at once
    bool keeps;                       // their keys and values are results
    atl_node *keys, *values;          // of those before: see atl_cache_ask(); NULL: there are none
    atl_node *mask;                   // of those before; without any [1, t, t], or NULL
    atl_node *new_keys[ATL_LAYERS_MOST], *new_values[ATL_LAYERS_MOST]; // [n, heads t, width / heads]
    const atl_call *call; // whose caller may touch the shares of attention where nothing is kept; or NULL
} atl_cache;

// Asks a function's call for what was kept of the positions before a single one: "keys" and "values" [layers
// heads length, width / heads], and the setting "mask" [1, 1, length], which is 0 for those that are kept and
// -infinity for what is empty.
void atl_cache_ask(atl_net *net, atl_call *call, atl_cache *c);
// Attention of a layer; q, k, v [n, t, width] -> [n, t, width]
atl_node *atl_cache_attend(atl_net *net, atl_cache *c, int layer, atl_node *q, atl_node *k, atl_node *v);
// Names the results "keys" and "values" [layers heads t, width / heads].
void atl_cache_tell(atl_net *net, atl_call *call, atl_cache *c);

// ---- what drawing needs to know of a network

typedef struct atl_codes_sizes {
    int codes;     // of the vocabulary
    int classes;   // of a condition's own vocabulary; 0: it shares the codes
    int condition; // codes of a condition, exactly; 0: any number
    int begin;     // positions that "begin" takes at once; 0: there is no such function
    int length;    // positions, with the condition's
    int layers, heads, head;
    int depth; // codes of a position; more than one: "step" gives "hidden" [width], from which "depth" goes
               // on
    int kept;  // numbers of "before", what a step wants of the one before it besides; 0: nothing
    int ordered; // positions of a map that is drawn in an order of its own; 0: row by row
} atl_codes_sizes;

// The config of one over `tokens` positions of `depth` codes each, with a class before them; NULL: memory is
// missing.
json_t *atl_vit_gpt_json(int classes, int codes, int width, int tokens, int depth, int heads, int layers);

// Of a network whose role is "transformer", by its kind and config.
atl_status atl_codes_gpt_sizes(atl_ctx *ctx, const json_t *json, atl_codes_sizes *s);
atl_status atl_vit_gpt_sizes(atl_ctx *ctx, const json_t *json, atl_codes_sizes *s);
// The order, "order" of the config: which place of the map, row by row, is drawn as number i.  Each place is
// in it once.
void atl_codes_gpt_order(const json_t *json, int *order);

#endif
