// SPDX-License-Identifier: Apache-2.0
// Files that are no checkpoints because something went wrong on their way, by their first bytes: one sentence
// that says what lies there instead.
#include "ckpt/layout.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
    const char *start;
    size_t size;
    const char *sentence;
} KINDS[] = {
    { "version https://git-lfs", 23,
      "is a pointer of Git LFS in place of the file: 'git lfs pull' fetches it" },
    { "\x1f\x8b", 2, "is compressed by gzip: unpack it first, as in 'gunzip FILE.gz'" },
    { "BZh", 3, "is compressed by bzip2: unpack it first" },
    { "\xfd"
      "7zXZ",
      5, "is compressed by xz: unpack it first" },
    { "\x28\xb5\x2f\xfd", 4, "is compressed by zstd: unpack it first" },
    { "7z\xbc\xaf", 4, "is a 7z archive: unpack it first" },
    { "Rar!", 4, "is a RAR archive: unpack it first" },
    { "\x89HDF", 4, "is an HDF5 file, whose networks are not read" },
    { "\x93NUMPY", 6, "is an array of NumPy, not a checkpoint" },
    { "\x89PNG", 4, "is a picture (PNG), no checkpoint" },
    { "\xff\xd8\xff", 3, "is a picture (JPEG), no checkpoint" },
    { "%PDF", 4, "is a PDF, no checkpoint" },
};

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// <!DOCTYPE html>, <html>, <?xml ...: an answer of a server, maybe after a byte order mark
static bool is_page(const atl_file *file) {
    size_t at = atl_utf8_mark(file->data, file->bytes);
    while (at < file->bytes && is_blank(file->data[at]))
        at++;
    return file->bytes - at > 2 && file->data[at] == '<' &&
           (file->data[at + 1] == '!' || file->data[at + 1] == '?' || (file->data[at + 1] | 32) == 'h');
}

static bool is_tar(const atl_file *file) {
    return file->bytes > 262 && !memcmp(file->data + 257, "ustar", 5);
}

// JSON or words: a message of a server, a script, a list
static bool is_text(const atl_file *file) {
    size_t most = file->bytes < 512 ? file->bytes : 512, i = 0;
    while (i < most && (is_blank(file->data[i]) || (file->data[i] >= 32 && file->data[i] != 127)))
        i++;
    return file->bytes && i == most;
}

const char *atl_ckpt_no_checkpoint(const atl_file *file) {
    if (file->bytes == 0)
        return "is empty, and no checkpoint";
    if (is_page(file))
        return "is a web page, not a checkpoint: the address that it came from answered with a page; open it "
               "in a browser "
               "and download the file itself";
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (file->bytes >= KINDS[i].size && !memcmp(file->data, KINDS[i].start, KINDS[i].size))
            return KINDS[i].sentence;
    if (is_tar(file))
        return "is a tar archive: unpack it first";
    if (is_text(file))
        return "is text, no checkpoint: neither a safetensors file nor a pickle nor a torch file";
    return "is no checkpoint: neither a safetensors file nor a pickle nor a torch file";
}

bool atl_ckpt_is_address(const char *path) {
    static const char *const schemes[] = { "http://", "https://", "ftp://", "gs://", "s3://", "hf://" };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strncmp(path, schemes[i], strlen(schemes[i])))
            return true;
    return false;
}
