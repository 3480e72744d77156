// SPDX-License-Identifier: Apache-2.0
// Functions with ports: how a caller's nodes and a network's come together in one graph.
//
// A function of a network, such as "synthesize", is C code that asks for its inputs by name and names its
// results. What it gets is the node that the caller bound to that name; where nothing was bound, an input of
// the graph is made, which is written before each run.  So the same code is a network that runs alone, a part
// of a loss, and the list of what the function takes and gives.
//
// A call lives while its graph does: the ports' names are in the graph's arena.
#ifndef ATL_NN_CALL_H
#define ATL_NN_CALL_H

#include <atelier/network.h>
#include "nn/net.h"

enum { ATL_PORTS = 64 }; // on each side; the largest generators have some thirty noise maps

typedef struct atl_port {
    const char *name;
    atl_node *node;
    atl_port_kind kind;
    const float *initial; // of a setting, in the node's shape
    bool asked;           // the function knows this port
    bool mean;            // a result [n] whose running mean over samples is a buffer of the network
} atl_port;

// What a caller does inside of a function: nodes that it returns stand in the place of those that it was
// given, in their shape.  Each may be NULL.
typedef struct atl_touch {
    void *user;
    // The style [n, channels] of the layer whose scope is open, which reads `layer` of ws.
    atl_node *(*style)(void *user, atl_net *net, int layer, atl_node *s);
    // What a layer gives, [n, h, w, c]: of a synthesis each convolution with what follows it, and each toRGB.
    atl_node *(*features)(void *user, atl_net *net, atl_node *x);
    // Of a transformer what training may leave numbers of out: embeddings, shares of attention, what a layer
    // adds.
    atl_node *(*spared)(void *user, atl_net *net, atl_node *x);
} atl_touch;

typedef struct atl_call {
    int n;                // samples
    atl_noise_mode noise; // CONST: stored maps; NONE; all others: ports, unless bound
    bool closed;  // there are no ports but those bound: settings are constants, a missing input is an error
    bool listing; // nothing will be computed: maps that the file lacks are ports
    bool means;   // results are wanted, too, that training takes running means of
    bool planar;  // ports that are images are [n, c, h, w] outside of the function, not [n, h, w, c]
    atl_port in[ATL_PORTS], out[ATL_PORTS];
    int n_in, n_out, n_maps;
    const atl_touch *touch; // NULL: nothing is changed inside
} atl_call;

// ---- the caller's side

// Before the function is built: it reads `node` where it asks for `name`.  Bound images are [n, h, w, c]
// always.
void atl_call_bind(atl_graph *g, atl_call *call, const char *name, atl_node *node);
const atl_port *atl_call_find_in(const atl_call *call, const char *name);  // NULL: not there
const atl_port *atl_call_find_out(const atl_call *call, const char *name); // NULL: not there
atl_node *atl_call_result(atl_graph *g, const atl_call *call,
                          const char *name); // its absence is the graph's error
// After it was built: a bound port that the function never asked for is the graph's error.
void atl_call_check(atl_graph *g, const atl_call *call, const char *function);

// ---- the function's side; shapes are those within the graph: images [h, w, c]

// A row of this shape for each sample -> [n, ...].
atl_node *atl_call_in(atl_net *net, atl_call *call, const char *name, atl_shape row);
// One value for all samples; `initial` is copied.
atl_node *atl_call_setting(atl_net *net, atl_call *call, const char *name, atl_shape shape,
                           const float *initial);
// The map of the next layer's noise, [n or 1, h, w, 1]: what is bound, the buffer noise_const [h, w] of the
// scope, which some files lack or have in another size, or a port.  NULL: none.
atl_node *atl_call_noise(atl_net *net, atl_call *call, int64_t h, int64_t w);
void atl_call_out(atl_net *net, atl_call *call, const char *name, atl_node *x);
// A number of each sample [n], where the caller wants means.
void atl_call_mean(atl_net *net, atl_call *call, const char *name, atl_node *x);

// What the caller makes of a style, and of what a layer gives; mostly the same node.
atl_node *atl_call_style(atl_net *net, const atl_call *call, int layer, atl_node *s);
atl_node *atl_call_features(atl_net *net, const atl_call *call, atl_node *x);
atl_node *atl_call_spared(atl_net *net, const atl_call *call, atl_node *x);

// "z" and the label "c"; NULL when the network takes none (dim 0).
atl_node *atl_call_latent(atl_net *net, atl_call *call, int z_dim);
atl_node *atl_call_label(atl_net *net, atl_call *call, int c_dim);

#endif
