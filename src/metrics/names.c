// SPDX-License-Identifier: Apache-2.0
// The table of metrics, and their names with any number of pictures.
#include "metrics/names.h"

#include <string.h>
#include <atelier/metrics.h>

#include "base/names.h"

enum { ALL = 1 << 30, K = 1000, KI = 1024 };

// Numbers of pictures and limits of the data are those of the official codes: FID and KID against at most all
// and 1,000,000 pictures, precision and recall against 200,000; SWD counts in 1024 (Karras et al. 2018:
// 16384).
static const atl_metric_row rows[] = {
    { "fid", "_full", true, K, 50000, ATL_METRIC_FID, "inception", "features", true, ALL, false, NULL,
      "fid50k_full", "Frechet distance of Inception features to those of all data" },
    { "fid", "", true, K, 50000, ATL_METRIC_FID, "inception", "features", true, 0, false, NULL, "fid50k",
      "the same, to as many pictures of the data" },
    { "kid", "_full", true, K, 50000, ATL_METRIC_KID, "inception", "features", true, 1000000, false, NULL,
      "kid50k_full", "kernel distance of Inception features, unbiased for few pictures" },
    { "kid", "", true, K, 50000, ATL_METRIC_KID, "inception", "features", true, 0, false, NULL, "kid50k",
      "the same, to as many pictures of the data" },
    { "is", "", true, K, 50000, ATL_METRIC_IS, "inception-softmax", "softmax", false, 0, false, NULL, "is50k",
      "Inception score" },
    { "pr", "3_full", true, K, 50000, ATL_METRIC_PR, "vgg16", "features", true, 200000, false, NULL,
      "pr50k3_full", "precision and recall in the neighbourhoods of VGG16 features" },
    { "pr", "3", true, K, 50000, ATL_METRIC_PR, "vgg16", "features", true, 0, false, NULL, "pr50k3",
      "the same, with as many pictures of the data" },
    { "sfid", "_full", true, K, 50000, ATL_METRIC_FID, "inception", "spatial", true, ALL, false, NULL,
      "sfid50k_full", "Frechet distance of maps inside Inception, which know of places" },
    { "rfid", "_full", true, K, 50000, ATL_METRIC_FID, "inception-random", "features", true, ALL, false, NULL,
      "rfid50k_full", "Frechet distance of features of an untrained Inception" },
    { "ppl2_wend", "", false, K, 50000, ATL_METRIC_PPL, "lpips-vgg", "lpips", false, 0, true, "2_wend",
      "ppl2_wend", "perceptual path length in w, at ends of paths, of whole pictures" },
    { "ppl_zfull", "", false, K, 50000, ATL_METRIC_PPL, "lpips-vgg", "lpips", false, 0, true, "zfull",
      "ppl_zfull", "in z, anywhere on the path, of the middle of the picture" },
    { "ppl_wfull", "", false, K, 50000, ATL_METRIC_PPL, "lpips-vgg", "lpips", false, 0, true, "wfull",
      "ppl_wfull", "in w, anywhere on the path, of the middle of the picture" },
    { "ppl_zend", "", false, K, 50000, ATL_METRIC_PPL, "lpips-vgg", "lpips", false, 0, true, "zend",
      "ppl_zend", "in z, at ends of paths, of the middle of the picture" },
    { "ppl_wend", "", false, K, 50000, ATL_METRIC_PPL, "lpips-vgg", "lpips", false, 0, true, "wend",
      "ppl_wend", "in w, at ends of paths, of the middle of the picture" },
    { "eqt", "_int", true, K, 50000, ATL_METRIC_EQT, NULL, NULL, false, 0, true, "int", "eqt50k_int",
      "equivariance to translation by whole pixels, decibels" },
    { "eqt", "_frac", true, K, 50000, ATL_METRIC_EQT, NULL, NULL, false, 0, true, "frac", "eqt50k_frac",
      "equivariance to translation by parts of pixels, decibels" },
    { "eqr", "", true, K, 50000, ATL_METRIC_EQR, NULL, NULL, false, 0, true, NULL, "eqr50k",
      "equivariance to rotation, decibels" },
    { "ls", "", false, K, 200000, ATL_METRIC_LS, "classifier-00", "scores", false, 0, true, NULL, "ls",
      "linear separability of attributes of faces in z and w" },
    { "swd", "", false, KI, 16384, ATL_METRIC_SWD, NULL, NULL, true, 0, false, NULL, "swd16k",
      "sliced Wasserstein distance of patches, at each scale" },
    { "msssim", "", false, K, 20000, ATL_METRIC_MSSSIM, NULL, NULL, false, 0, false, NULL, "msssim20k",
      "similarity of pairs of pictures: high where they vary little" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static int is_higher_better(atl_metric_kind kind) {
    static const signed char better[] = {
        [ATL_METRIC_FID] = -1, [ATL_METRIC_KID] = -1,  [ATL_METRIC_IS] = 1,  [ATL_METRIC_PR] = 1,
        [ATL_METRIC_PPL] = -1, [ATL_METRIC_EQT] = 1,   [ATL_METRIC_EQR] = 1, [ATL_METRIC_LS] = -1,
        [ATL_METRIC_SWD] = -1, [ATL_METRIC_MSSSIM] = 0
    };
    return better[kind];
}

static atl_metric_info info_of(const atl_metric_row *row) {
    return (atl_metric_info){ row->name, row->about, row->detector, is_higher_better(row->kind),
                              row->real, row->draws };
}

int atl_metric_get_info(size_t index, atl_metric_info *info) {
    if (index >= ROWS)
        return 0;
    *info = info_of(&rows[index]);
    return 1;
}

// "50k" at *text, which moves behind it; 0: there is no number, -1: no possible one.
static int64_t read_count(const char **text, int64_t thousand) {
    enum { MOST = 100000000 };
    int64_t count = 0;
    const char *at = *text;
    while (*at >= '0' && *at <= '9' && count <= MOST)
        count = 10 * count + (*at++ - '0');
    if (at == *text)
        return 0;
    if (*at == 'k') {
        count *= thousand;
        at++;
    }
    *text = at;
    return count > 0 && count <= MOST ? count : -1;
}

static bool match(const atl_metric_row *row, const char *name, int64_t *count) {
    size_t head = strlen(row->head);
    if (strncmp(name, row->head, head) != 0)
        return false;
    const char *at = name + head;
    int64_t read = read_count(&at, row->thousand);
    if (read < 0 || (row->counted && read == 0) || strcmp(at, row->tail) != 0)
        return false;
    *count = read ? read : row->standard;
    return true;
}

static atl_status unknown(atl_ctx *ctx, const char *name) {
    char known[512] = "";
    for (int i = 0; i < ROWS; i++)
        atl_names_add(known, sizeof known, rows[i].name);
    return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s is no metric; there are, with any number in them: %s", name,
                    known);
}

static atl_status parse_one(atl_ctx *ctx, const char *name, int64_t count, atl_metric *metric) {
    for (int i = 0; i < ROWS; i++)
        if (match(&rows[i], name, &metric->count)) {
            metric->row = &rows[i];
            metric->count = count ? count : metric->count;
            return ATL_OK;
        }
    return unknown(ctx, name);
}

atl_status atl_metrics_parse(atl_ctx *ctx, const char *text, int64_t count, atl_metric *list, int *size) {
    *size = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        if (length >= ATL_METRIC_NAME || length == 0)
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: expected names of metrics with commas between them",
                            text);
        if (*size == ATL_METRICS_MOST)
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "more than %d metrics at once are not possible",
                            ATL_METRICS_MOST);
        atl_metric *m = &list[*size];
        memcpy(m->name, at, length);
        m->name[length] = '\0';
        ATL_TRY(parse_one(ctx, m->name, count, m));
        bool twice = false;
        for (int i = 0; i < *size; i++)
            twice |= !strcmp(list[i].name, m->name);
        *size += !twice;
        at += length;
        if (*at == ',' && !*++at)
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: ends in a comma", text);
    }
    if (*size == 0)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "no metric was named");
    return ATL_OK;
}

int atl_metric_find(const char *name, atl_metric_info *info) {
    int64_t count;
    for (int i = 0; i < ROWS; i++)
        if (match(&rows[i], name, &count)) {
            *info = info_of(&rows[i]);
            return 1;
        }
    return 0;
}
