// SPDX-License-Identifier: Apache-2.0
// temporary
#include "train/augment.h"
#include "train/diffaug.h"
#include "train/ranks.h"
bool atl_diffaug_policy(const char *w, atl_diffaug_config *c) {(void)w;(void)c;return true;}
atl_node *atl_diffaug_build(atl_graph *g, const atl_diffaug_config *c, atl_node *img, atl_diffaug *a) { (void)g;(void)c;(void)a; return img;}
atl_status atl_diffaug_params_make(atl_ctx *ctx, const atl_diffaug *a, atl_diffaug_params **p) {(void)ctx;(void)a;*p=NULL;return ATL_OK;}
void atl_diffaug_params_free(atl_diffaug_params **p) {(void)p;}
void atl_diffaug_draw(atl_diffaug_params *p, uint64_t k, uint64_t s, uint64_t f, uint64_t st) {(void)p;(void)k;(void)s;(void)f;(void)st;}
void atl_diffaug_write(const atl_diffaug_params *p, const atl_diffaug *a, atl_plan *plan) {(void)p;(void)a;(void)plan;}
atl_status atl_ranks_open(atl_ctx *ctx, const atl_ranks_options *o, atl_ranks **r) {(void)ctx;(void)o;*r=NULL;return ATL_OK;}
void atl_ranks_close(atl_ranks **r, bool f) {(void)r;(void)f;}
int atl_ranks_rank(const atl_ranks *r) {(void)r;return 0;}
int atl_ranks_size(const atl_ranks *r) {(void)r;return 1;}
int atl_ranks_threads(const atl_ranks *r) {(void)r;return 1;}
void atl_ranks_step(atl_ranks *r, uint64_t s) {(void)r;(void)s;}
atl_status atl_ranks_sum(atl_ranks *r, float *v, size_t n) {(void)r;(void)v;(void)n;return ATL_OK;}
atl_status atl_ranks_sum_double(atl_ranks *r, double *v, size_t n) {(void)r;(void)v;(void)n;return ATL_OK;}
atl_status atl_ranks_same(atl_ranks *r, uint64_t h, const char *what) {(void)r;(void)h;(void)what;return ATL_OK;}
atl_status atl_ranks_any(atl_ranks *r, bool *h) {(void)r;(void)h;return ATL_OK;}
