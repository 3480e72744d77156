// SPDX-License-Identifier: Apache-2.0
// Pictures along directions.
#include "serve_parts.h"

app_status app_state_img(app_serve *s, app_room *room, const app_state *state, app_render *r, float *ws) {
    (void)room;
    (void)state;
    return app_render_img(r, 1, ws, &s->error);
}
