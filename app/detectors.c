// SPDX-License-Identifier: Apache-2.0
// The table of detectors and the search for them; see detectors.h.  Fingerprints are those that projects
// which download these files have published for them, and agree with the eight digits that torchvision and
// pytorch-fid put into their names.
#include "detectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NVIDIA_ADA  "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
#define NVIDIA_SG3  "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/"
#define NVIDIA_TF   "https://nvlabs-fi-cdn.nvidia.com/stylegan/networks/metrics/"
#define TORCHVISION "https://download.pytorch.org/models/"
// one commit of the authors' repository, so that the files can't change
#define LPIPS                                                                                                \
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"                                      \
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"

static const char for_inception[] = "fid, kid, is, sfid", for_vgg16[] = "pr, ppl", for_lpips[] = "ppl";

static const app_detector files[] = {
    { "inception", "inception inception-softmax", "inception-2015-12-05.pt", "", for_inception,
      NVIDIA_ADA "inception-2015-12-05.pt", 95607719,
      "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4" },
    { "inception-pkl", "inception inception-softmax", "inception-2015-12-05.pkl", "", for_inception,
      NVIDIA_SG3 "inception-2015-12-05.pkl", 0, NULL },
    { "inception-pth", "inception inception-softmax", "pt_inception-2015-12-05-6726825d.pth",
      "weights-inception-2015-12-05-6726825d.pth", for_inception,
      "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
      "pt_inception-2015-12-05-6726825d.pth",
      95628359, "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2" },
    { "inception-tf", "inception", "inception_v3_features.pkl", "", "fid, kid, sfid",
      NVIDIA_TF "inception_v3_features.pkl", 0, NULL },
    { "inception-softmax-tf", "inception-softmax", "inception_v3_softmax.pkl", "", "is",
      NVIDIA_TF "inception_v3_softmax.pkl", 0, NULL },
    { "inception-random", "inception-random", "inception_rand_full.pkl", "", "rfid",
      "https://s3.eu-central-1.amazonaws.com/avg-projects/stylegan_xl/feature_networks/"
      "inception_rand_full.pkl",
      0, NULL },
    { "vgg16", "vgg16 lpips-vgg", "vgg16.pt", "", for_vgg16, NVIDIA_ADA "vgg16.pt", 0,
      "b437eb095feaeb0b83eb3fa11200ebca4548ee39a07fb944a417ddc516cc07c3" },
    { "vgg16-pkl", "vgg16 lpips-vgg", "vgg16.pkl", "", for_vgg16, NVIDIA_SG3 "vgg16.pkl", 0, NULL },
    { "vgg16-torchvision", "vgg16 lpips-vgg-trunk", "vgg16-397923af.pth", "", "pr, ppl with lpips-vgg-heads",
      TORCHVISION "vgg16-397923af.pth", 553433881,
      "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0" },
    { "lpips-vgg-heads", "lpips-vgg-heads", "lpips_vgg.pth", "vgg.pth vgg_lpips.pth",
      "ppl with vgg16-torchvision", LPIPS "vgg.pth", 7289,
      "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868" },
    { "lpips-vgg-tf", "lpips-vgg", "vgg16_zhang_perceptual.pkl", "", for_lpips,
      NVIDIA_TF "vgg16_zhang_perceptual.pkl", 0, NULL },
    { "alexnet", "lpips-alex-trunk", "alexnet-owt-7be5be79.pth", "alexnet-owt-4df8aa71.pth",
      "lpips of alex, with lpips-alex-heads", TORCHVISION "alexnet-owt-7be5be79.pth", 244408911,
      "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02" },
    { "lpips-alex-heads", "lpips-alex-heads", "lpips_alex.pth", "alex.pth lpips_v0.1_alex.pth",
      "lpips of alex, with alexnet", LPIPS "alex.pth", 6009,
      "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0" },
    { "squeezenet", "lpips-squeeze-trunk", "squeezenet1_1-b8a52dc0.pth", "squeezenet1_1-f364aa15.pth",
      "lpips of squeeze, with lpips-squeeze-heads", TORCHVISION "squeezenet1_1-b8a52dc0.pth", 0,
      "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b" },
    { "lpips-squeeze-heads", "lpips-squeeze-heads", "lpips_squeeze.pth", "squeeze.pth",
      "lpips of squeeze, with squeezenet", LPIPS "squeeze.pth", 10811,
      "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76" },
// the classifiers of attributes of faces, Karras et al. 2019, in the order of their numbers
#define CLASSIFIER(number, what)                                                                             \
    {                                                                                                        \
        "classifier-" number "-" what, "classifier-" number, "celebahq-classifier-" number "-" what ".pkl",  \
            "", "ls", NVIDIA_TF "celebahq-classifier-" number "-" what ".pkl", 0, NULL                       \
    }
    CLASSIFIER("00", "male"),
    CLASSIFIER("01", "smiling"),
    CLASSIFIER("02", "attractive"),
    CLASSIFIER("03", "wavy-hair"),
    CLASSIFIER("04", "young"),
    CLASSIFIER("05", "5-o-clock-shadow"),
    CLASSIFIER("06", "arched-eyebrows"),
    CLASSIFIER("07", "bags-under-eyes"),
    CLASSIFIER("08", "bald"),
    CLASSIFIER("09", "bangs"),
    CLASSIFIER("10", "big-lips"),
    CLASSIFIER("11", "big-nose"),
    CLASSIFIER("12", "black-hair"),
    CLASSIFIER("13", "blond-hair"),
    CLASSIFIER("14", "blurry"),
    CLASSIFIER("15", "brown-hair"),
    CLASSIFIER("16", "bushy-eyebrows"),
    CLASSIFIER("17", "chubby"),
    CLASSIFIER("18", "double-chin"),
    CLASSIFIER("19", "eyeglasses"),
    CLASSIFIER("20", "goatee"),
    CLASSIFIER("21", "gray-hair"),
    CLASSIFIER("22", "heavy-makeup"),
    CLASSIFIER("23", "high-cheekbones"),
    CLASSIFIER("24", "mouth-slightly-open"),
    CLASSIFIER("25", "mustache"),
    CLASSIFIER("26", "narrow-eyes"),
    CLASSIFIER("27", "no-beard"),
    CLASSIFIER("28", "oval-face"),
    CLASSIFIER("29", "pale-skin"),
    CLASSIFIER("30", "pointy-nose"),
    CLASSIFIER("31", "receding-hairline"),
    CLASSIFIER("32", "rosy-cheeks"),
    CLASSIFIER("33", "sideburns"),
    CLASSIFIER("34", "straight-hair"),
    CLASSIFIER("35", "wearing-earrings"),
    CLASSIFIER("36", "wearing-hat"),
    CLASSIFIER("37", "wearing-lipstick"),
    CLASSIFIER("38", "wearing-necklace"),
    CLASSIFIER("39", "wearing-necktie"),
#undef CLASSIFIER
};
enum { FILES = sizeof files / sizeof *files, FIRST_CLASSIFIER = FILES - APP_CLASSIFIERS };

const app_detector *app_detector_row(size_t index) {
    return index < FILES ? &files[index] : NULL;
}

const char *app_classifier_name(int index) {
    return files[FIRST_CLASSIFIER + index].name + sizeof "classifier-00-" - 1;
}

const app_detector *app_detector_named(const char *name, app_error *e) {
    for (size_t i = 0; i < FILES; i++)
        if (!strcmp(files[i].name, name) || !strcmp(files[i].file, name))
            return &files[i];
    app_fail(e, "%s: no detector is called that; 'atelier detectors' lists them: inception, vgg16, ...",
             name);
    return NULL;
}

// ---- folders

static app_status add(app_detector_folders *f, const char *why, const char *path, const char *below,
                      app_error *e) {
    char *room = f->at[f->count].path;
    int length = snprintf(room, APP_DETECTOR_PATH, "%s%s", path, below);
    if (length >= APP_DETECTOR_PATH)
        return app_fail(e, "%s: the name of the folder is too long", why);
    f->at[f->count++].why = why;
    return APP_OK;
}

app_status app_detector_folders_get(const char *folder, int made, app_detector_folders *f, app_error *e) {
    const char *own = getenv("ATELIER_DETECTORS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    struct stat info;
    f->count = 0;
    if (folder && stat(folder, &info) == 0 && !S_ISDIR(info.st_mode))
        return app_fail(e, "--detectors %s: this is no folder", folder);
    if (folder && !made && stat(folder, &info) != 0)
        return app_fail(e, "--detectors %s: there is no such folder", folder);
    if (folder && add(f, "--detectors", folder, "", e) != APP_OK)
        return APP_FAILED;
    if (own && *own && add(f, "ATELIER_DETECTORS", own, "", e) != APP_OK)
        return APP_FAILED;
    if (data && *data == '/') // others mean nothing, says the XDG Base Directory Specification
        return add(f, "XDG_DATA_HOME", data, "/atelier/detectors", e);
    return home && *home ? add(f, "HOME", home, "/.local/share/atelier/detectors", e) : APP_OK;
}

static int is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0;
}

// FOLDER/NAME[ENDING], when it is there.
static int lies(const char *folder, const char *name, size_t length, const char *ending,
                char path[APP_DETECTOR_PATH]) {
    int size = snprintf(path, APP_DETECTOR_PATH, "%s/%.*s%s", folder, (int)length, name, ending);
    return size < APP_DETECTOR_PATH && is_file(path);
}

// The words of a list with spaces between them, one after the other; 0: there are no more.
static size_t next_word(const char **text) {
    *text += strspn(*text, " ");
    return strcspn(*text, " ");
}

static int has_word(const char *list, const char *word) {
    for (size_t length; (length = next_word(&list)) > 0; list += length)
        if (length == strlen(word) && !memcmp(list, word, length))
            return 1;
    return 0;
}

static int lies_as(const char *folder, const app_detector *d, char path[APP_DETECTOR_PATH]) {
    const char *name = d->others;
    if (lies(folder, d->file, strlen(d->file), "", path))
        return 1;
    for (size_t length; (length = next_word(&name)) > 0; name += length)
        if (lies(folder, name, length, "", path))
            return 1;
    return 0;
}

int app_detector_present(const app_detector *d, const app_detector_folders *f, char path[APP_DETECTOR_PATH]) {
    for (int i = 0; i < f->count; i++)
        if (lies_as(f->at[i].path, d, path))
            return 1;
    return 0;
}

// ---- roles

static const app_detector *row_of_file(const char *name) {
    for (size_t i = 0; i < FILES; i++)
        if (!strcmp(files[i].file, name))
            return &files[i];
    return NULL;
}

// The first file of a folder that has the role; *row is NULL for one that is named after it.
static int role_in(const char *folder, const char *role, char path[APP_DETECTOR_PATH],
                   const app_detector **row) {
    static const char *const endings[] = { ".safetensors", ".pt", ".pth", ".pkl" };
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
        if (lies(folder, role, strlen(role), endings[k], path)) {
            *row = row_of_file(strrchr(path, '/') + 1); // "vgg16.pkl" is in the table, too
            return 1;
        }
    for (size_t i = 0; i < FILES; i++)
        if (has_word(files[i].roles, role) && lies_as(folder, &files[i], path)) {
            *row = &files[i];
            return 1;
        }
    return 0;
}

// A trunk and the heads that belong to it.
static int pair_in(const char *folder, const char *role, app_detector_place *place) {
    char trunk[64], heads[64];
    const app_detector *row;
    snprintf(trunk, sizeof trunk, "%s-trunk", role);
    snprintf(heads, sizeof heads, "%s-heads", role);
    return role_in(folder, heads, place->heads, &row) && role_in(folder, trunk, place->path, &place->row);
}

static int find(const char *role, const app_detector_folders *f, app_detector_place *place) {
    for (int i = 0; i < f->count; i++) {
        *place = (app_detector_place){ 0 };
        if (role_in(f->at[i].path, role, place->path, &place->row) || pair_in(f->at[i].path, role, place))
            return 1;
    }
    *place = (app_detector_place){ 0 };
    return 0;
}

// "in A, B"; what doesn't fit is left out.
static void name_folders(const app_detector_folders *f, char *text, size_t room) {
    size_t used = 0;
    snprintf(text, room, "anywhere: neither HOME nor ATELIER_DETECTORS is set");
    for (int i = 0; i < f->count && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "in ", f->at[i].path);
}

static app_status missing(const char *role, const app_detector_folders *f, app_error *e) {
    char where[2048];
    name_folders(f, where, sizeof where);
    for (size_t i = 0; i < FILES; i++)
        if (has_word(files[i].roles, role)) // classifiers are of use together
            return app_fail(e, "%s (%s) is not %s: 'atelier detectors --fetch %s' downloads it from %s",
                            files[i].file, files[i].use, where,
                            i < FIRST_CLASSIFIER ? files[i].name : "classifiers", files[i].url);
    for (size_t i = 0; i < FILES; i++) // what needs two files
        if (!strncmp(files[i].roles, role, strlen(role)))
            return app_fail(e, "%s (%s) is not %s: 'atelier detectors --fetch %s,%s-heads' downloads it",
                            files[i].file, files[i].use, where, files[i].name, role);
    return app_fail(e, "%s: no detector has this role", role);
}

app_status app_detector_find(const char *role, const char *folder, app_detector_place *place, app_error *e) {
    app_detector_folders f;
    *place = (app_detector_place){ 0 };
    if (app_detector_folders_get(folder, 0, &f, e) != APP_OK)
        return APP_FAILED;
    return find(role, &f, place) ? APP_OK : missing(role, &f, e);
}

int app_detector_has(const char *role, const char *folder, app_error *e) {
    app_detector_folders f;
    app_detector_place place;
    if (app_detector_folders_get(folder, 0, &f, e) != APP_OK)
        return -1;
    return find(role, &f, &place);
}
