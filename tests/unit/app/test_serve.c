// SPDX-License-Identifier: Apache-2.0
// The studio without a network and without HTTP: who may ask, what waits, what is listed, what states mean.
#define _XOPEN_SOURCE 700 // mkdtemp, symlink
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/atlas.h"
#include "app/files.h"
#include "app/serve_check.h"
#include "app/serve_files.h"
#include "app/serve_parts.h"
#include "says.h"

static app_error e;

// ---- who may ask

static int asked(const app_gate *gate, app_headers h, int changes) {
    const char *reason = NULL;
    int status = app_gate_check(gate, &h, changes, &reason);
    assert_true((status == 0) == (reason == NULL));
    return status;
}

static void only_names_of_the_loopback_are_its_hosts(void **state) {
    (void)state;
    const char *own[] = { "127.0.0.1", "127.0.0.1:8650", "localhost:1", "LOCALHOST", "[::1]:65535", "::1" };
    const char *others[] = { "",           "127.0.0.1.evil.org", "evil.org:8650",
                             "localhost:", "localhost:123456",   "localhost:80x",
                             "127.0.0.2",  "localhost.:80" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        assert_true(app_host_is_loopback(own[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(app_host_is_loopback(others[i]));
    const app_gate gate = { .loopback = 1 };
    assert_int_equal(asked(&gate, (app_headers){ .host = "localhost:8650" }, 1), 0);
    assert_int_equal(asked(&gate, (app_headers){ .host = "evil.org:8650" }, 1), 403);
    assert_int_equal(asked(&gate, (app_headers){ .host = NULL }, 0), 400);
}

static void pages_of_other_sites_are_refused(void **state) {
    (void)state;
    const app_gate gate = { .loopback = 1 };
    app_headers h = { .host = "127.0.0.1:8650", .origin = "http://127.0.0.1:8650", .site = "same-origin" };
    assert_int_equal(asked(&gate, h, 1), 0);
    h.origin = "http://127.0.0.1:8651";
    assert_int_equal(asked(&gate, h, 1), 403);
    h.origin = "null";
    assert_int_equal(asked(&gate, h, 1), 403);
    h.origin = NULL;
    h.site = "cross-site";
    assert_int_equal(asked(&gate, h, 1), 403);
    assert_int_equal(asked(&gate, h, 0), 0); // a link to the page itself
}

static void a_token_is_needed_where_there_is_one(void **state) {
    (void)state;
    const app_gate gate = { .token = "abc123" };
    app_headers h = { .host = "studio.example:8650" };
    assert_int_equal(asked(&gate, h, 0), 401);
    const char *wrong[] = { "", "abc12", "abc1234", "ABC123" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        h.token = wrong[i];
        assert_int_equal(asked(&gate, h, 0), 401);
    }
    h.token = "abc123";
    assert_int_equal(asked(&gate, h, 0), 0);
    h.token = NULL;
    h.cookie = "other=1; atelier=abc123; more=2";
    assert_int_equal(asked(&gate, h, 1), 0);
    h.cookie = "xatelier=abc123; atelier=abc12";
    assert_int_equal(asked(&gate, h, 1), 401);
    h.cookie = NULL;
    h.authorization = "Bearer abc123";
    assert_int_equal(asked(&gate, h, 1), 0);
    h.authorization = "Basic abc123";
    assert_int_equal(asked(&gate, h, 1), 401);
}

static void other_addresses_need_a_token(void **state) {
    (void)state;
    app_serve *serve;
    app_serve_options o = { .listen = "0.0.0.0", .outdir = "none" };
    assert_says(app_serve_open(&serve, NULL, &o, &e), &e, "--listen 0.0.0.0: whoever reaches this address");
    assert_null(serve);

    o.token = "with blanks";
    assert_says(app_serve_open(&serve, NULL, &o, &e), &e, "--token: letters, digits");
}

// ---- routes

static void routes_know_methods_and_names(void **state) {
    (void)state;
    const char *name;
    int status;
    assert_true(app_route_find(APP_GET, "/api/v1/about", &name, &status) >= 0);
    assert_int_equal(app_route_find(APP_POST, "/api/v1/about", &name, &status), -1);
    assert_int_equal(status, 405);
    const char *none[] = { "",
                           "/",
                           "/api",
                           "/api/v1/",
                           "/api/v2/about",
                           "/api/v1/about/",
                           "/api/v1/tasks/..",
                           "/api/v1/tasks/.",
                           "/api/v1/tasks/a/b",
                           "/api/v1/tasks/" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(app_route_find(APP_GET, none[i], &name, &status), -1);
        assert_int_equal(status, 404);
    }
    assert_true(app_route_find(APP_GET, "/api/v1/tasks/video-1", &name, &status) >= 0);
    assert_string_equal(name, "video-1");
}

static void the_page_is_small_and_names_no_other_address(void **state) {
    (void)state;
    const char *paths[] = { "/", "/studio.css", "/main.js", "/core.js", "/texts.js" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const app_page_file *f = app_page_find(paths[i]);
        assert_non_null(f);
        assert_true(f->size > 500 && f->size < 100000);
        const char *at = strstr(f->text, "://");
        assert_null(at);
    }
    assert_null(app_page_find("/nothing"));
    assert_null(app_page_find("/../serve.c"));
}

// ---- the queue

static void on_done(app_job *job) {
    job->user = job;
}

static app_job *job(const char *client, const char *key) {
    app_job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    snprintf(j->client, sizeof j->client, "%s", client);
    snprintf(j->key, sizeof j->key, "%s", key);
    j->done = on_done;
    return j;
}

static void the_newest_of_a_key_takes_the_place_of_older_ones(void **state) {
    (void)state;
    app_queue q;
    app_job *replaced, *a = job("a", "a explore"), *b = job("b", "b explore"), *c = job("a", "a explore"),
                       *d = job("a", "");
    app_queue_open(&q);
    assert_int_equal(app_queue_put(&q, a, &replaced), APP_QUEUED);
    assert_int_equal(app_queue_put(&q, b, &replaced), APP_QUEUED);
    assert_null(replaced);
    assert_int_equal(app_queue_put(&q, c, &replaced), APP_QUEUED);
    assert_ptr_equal(replaced, a);
    assert_int_equal(app_queue_put(&q, d, &replaced), APP_QUEUED);
    assert_null(replaced);
    assert_int_equal(q.count, 3);
    app_job *order[] = { c, b, d };
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(app_queue_take(&q, 0), order[i]);
    assert_null(app_queue_take(&q, 0));
    app_queue_shut(&q);
    assert_int_equal(app_queue_put(&q, a, &replaced), APP_QUEUE_CLOSED);
    app_queue_close(&q);
    app_job_free(a);
    app_job_free(b);
    app_job_free(c);
    app_job_free(d);
}

static void the_last_one_can_be_replaced(void **state) {
    (void)state;
    app_queue q;
    app_job *replaced, *a = job("a", "k"), *b = job("a", "k"), *c = job("c", "");
    app_queue_open(&q);
    app_queue_put(&q, a, &replaced);
    app_queue_put(&q, b, &replaced);
    assert_ptr_equal(replaced, a);
    app_queue_put(&q, c, &replaced); // behind b, which is the last now
    assert_ptr_equal(app_queue_take(&q, 0), b);
    assert_ptr_equal(app_queue_take(&q, 0), c);
    app_queue_close(&q);
    app_job_free(a);
    app_job_free(b);
    app_job_free(c);
}

static void a_client_that_floods_finds_the_queue_full(void **state) {
    (void)state;
    app_queue q;
    app_job *replaced, *other = job("quiet", "");
    app_queue_open(&q);
    for (int i = 0; i < APP_QUEUE_OF_CLIENT; i++)
        assert_int_equal(app_queue_put(&q, job("loud", ""), &replaced), APP_QUEUED);
    app_job *more = job("loud", "");
    assert_int_equal(app_queue_put(&q, more, &replaced), APP_QUEUE_FULL);
    assert_int_equal(app_queue_put(&q, other, &replaced), APP_QUEUED);
    for (app_job *j; (j = app_queue_take(&q, 0));)
        app_job_free(j);
    app_queue_close(&q);
    app_job_free(more);
}

// ---- files

static void put(const char *folder, const char *name, const char *text) {
    char path[1400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void lists_hold_what_is_below_and_no_links(void **state) {
    (void)state;
    char folder[] = "/tmp/atelier-XXXXXX", path[700], name[600];
    app_listing list = { 0 };
    assert_non_null(mkdtemp(folder));
    const char *base = app_file_name(folder);
    snprintf(path, sizeof path, "%s/runs", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    put(path, "stats.jsonl", "");
    put(folder, "a.pkl", "x");
    put(folder, "d.safetensors", "12345678{\"directions\":{}}");
    put(folder, "notes.doc", "x");
    put(folder, ".hidden.pkl", "x");
    snprintf(path, sizeof path, "%s/out.pkl", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/pipe.safetensors", folder); // whoever opens it waits
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(app_listing_add(&list, folder, &e), APP_OK);
    assert_int_equal(list.count, 3);
    snprintf(name, sizeof name, "%s/a.pkl", base);
    assert_non_null(app_listing_find(&list, name, APP_IS_NETWORK));
    snprintf(name, sizeof name, "%s/d.safetensors", base);
    assert_null(app_listing_find(&list, name, APP_IS_NETWORK));
    assert_non_null(app_listing_find(&list, name, APP_IS_DIRECTIONS));
    snprintf(name, sizeof name, "%s/runs", base);
    assert_non_null(app_listing_find(&list, name, APP_IS_RUN));
    snprintf(name, sizeof name, "%s/../%s/a.pkl", base, base);
    assert_null(app_listing_find(&list, name, APP_IS_NETWORK));
    assert_null(app_listing_find(&list, "/etc/passwd", APP_IS_NETWORK));
    app_listing_clear(&list);

    // pictures are a set; of thousands each would take the place of a network
    put(folder, "1.png", "x");
    put(folder, "2.JPG", "x");
    assert_int_equal(app_listing_add(&list, folder, &e), APP_OK);
    assert_int_equal(list.count, 4);
    assert_non_null(app_listing_find(&list, base, APP_IS_SET));
    app_listing_clear(&list);
    snprintf(path, sizeof path, "rm -r %s", folder);
    assert_int_equal(system(path), 0);
    assert_says(app_listing_add(&list, folder, &e), &e, "there is no such file or folder");

    app_listing_clear(&list);
}

// ---- states

static app_status read_text(const char *text, app_state *s, json_t **json) {
    *json = json_loads(text, 0, NULL);
    assert_non_null(*json);
    return app_state_read(*json, s, &e);
}

static void states_say_all_of_a_picture(void **state) {
    (void)state;
    app_state s;
    json_t *json;
    assert_int_equal(read_text("{\"network\":\"n.pkl\",\"latent\":{\"at\":[1.5,2]},\"psi\":0.5,\"cutoff\":4,"
                               "\"noise\":\"random\","
                               "\"noise_seed\":7,\"mix\":{\"latent\":{\"seed\":9},\"styles\":\"0-3\"},"
                               "\"edits\":[{\"file\":\"d\","
                               "\"name\":\"2\",\"strength\":-3},{\"style\":[4,100],\"strength\":2}],"
                               "\"format\":\"webp\",\"side\":64}",
                               &s, &json),
                     APP_OK);
    assert_string_equal(s.network, "n.pkl");
    assert_int_equal(s.spots[0].kind, APP_SPOT_AT);
    assert_int_equal(s.recipe.noise, ATL_NOISE_RANDOM);
    assert_true(s.recipe.has_noise_seed && s.recipe.noise_seed == 7);
    assert_true(s.mixes && s.column.seed == 9);
    assert_int_equal(s.changes_count, 2);
    assert_int_equal(s.changes[1].channel, 100);
    assert_string_equal(s.format, "webp");
    json_decref(json);
}

static void wrong_states_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        { "{\"nothing\":1}", "\"nothing\" is no key of a picture" },
        { "{\"latent\":{}}", "latent: expected" },
        { "{\"latent\":{\"seed\":-1}}", "seed: expected a whole number from 0" },
        { "{\"latent\":{\"seed\":1,\"pin\":\"x\"}}", "latent: expected" },
        { "{\"latent\":{\"at\":[1]}}", "at: expected two numbers" },
        { "{\"psi\":\"1\"}", "psi: expected a number" },
        { "{\"psi\":1e9}", "psi: expected a number from -100 to 100" },
        { "{\"noise\":\"const|random\"}", "noise: expected one of" },
        { "{\"format\":\"bmp\"}", "format: expected one of" },
        { "{\"network\":5}", "network: expected a text" },
        { "{\"edits\":{}}", "edits: expected an array" },
        { "{\"edits\":[{\"strength\":1}]}", "edits: each has" },
        { "{\"latent\":{\"path\":[{\"seed\":1}]}}", "path: expected 2 to 64" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        app_state s;
        json_t *json;
        assert_says(read_text(wrong[i][0], &s, &json), &e, wrong[i][1]);
        json_decref(json);
    }
}

static void the_map_of_seeds_blends_four(void **state) {
    (void)state;
    uint32_t seed;
    assert_true(app_atlas_seed(7, 2, &seed));
    assert_int_equal(seed, 207);
    assert_false(app_atlas_seed(7.5, 2, NULL));
    app_atlas a = app_atlas_at(7.25, 2.5);
    static const uint32_t seeds[] = { 207, 208, 307, 308 };
    static const double weights[] = { 0.375, 0.125, 0.375, 0.125 };
    assert_int_equal(a.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a.seeds[i], seeds[i]);
        assert_true(a.weights[i] == weights[i]);
    }
    a = app_atlas_at(7.25, 2);
    assert_int_equal(a.count, 2);
    assert_true(app_atlas_seed(-1, 0, &seed));
    assert_int_equal(seed, 4294967295u);
}

static void words_are_quoted_for_a_shell(void **state) {
    (void)state;
    app_line l = { 0 };
    app_line_quote(&l, "plain-1.pkl");
    app_line_add(&l, " ");
    app_line_quote(&l, "it's $(here)");
    app_line_add(&l, " ");
    app_line_quote(&l, "");
    char *text = app_line_end(&l);
    assert_string_equal(text, "plain-1.pkl 'it'\\''s $(here)' ''");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_of_the_loopback_are_its_hosts),
        cmocka_unit_test(pages_of_other_sites_are_refused),
        cmocka_unit_test(a_token_is_needed_where_there_is_one),
        cmocka_unit_test(other_addresses_need_a_token),
        cmocka_unit_test(routes_know_methods_and_names),
        cmocka_unit_test(the_page_is_small_and_names_no_other_address),
        cmocka_unit_test(the_newest_of_a_key_takes_the_place_of_older_ones),
        cmocka_unit_test(the_last_one_can_be_replaced),
        cmocka_unit_test(a_client_that_floods_finds_the_queue_full),
        cmocka_unit_test(lists_hold_what_is_below_and_no_links),
        cmocka_unit_test(states_say_all_of_a_picture),
        cmocka_unit_test(wrong_states_are_refused),
        cmocka_unit_test(the_map_of_seeds_blends_four),
        cmocka_unit_test(words_are_quoted_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
