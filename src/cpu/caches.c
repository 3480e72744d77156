// SPDX-License-Identifier: Apache-2.0
// Linux describes each cache in a folder of its own: level, type, size ("512K") and which processors share it
// ("0-1,64-65").  A virtual machine may say anything: sizes are kept within what processors have.
#include "cpu/caches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

static const atl_cpu_caches usual = { 32e3, 512e3, 16e6 }, least = { 16e3, 128e3, 1e6 },
                            most = { 256e3, 16e6, 64e6 };

static double within(double bytes, double low, double high) {
    return bytes < low ? low : bytes > high ? high : bytes;
}

enum { INDICES = 8, LINE = 128 };

// The first line of a file; false: there is none.
static int read_line(const char *folder, int index, const char *name, char line[LINE]) {
    char path[256];
    int length = snprintf(path, sizeof path, "%s/index%d/%s", folder, index, name);
    FILE *f = length > 0 && (size_t)length < sizeof path ? fopen(path, "r") : NULL;
    int read = f && fgets(line, LINE, f);
    if (f)
        fclose(f);
    return read;
}

// "0-1,64": 3.
static int count_processors(const char *list) {
    int count = 0;
    while (*list >= '0' && *list <= '9' && count < 4096) {
        char *end;
        long first = strtol(list, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        count += last >= first && last - first < 4096 ? (int)(last - first) + 1 : 1;
        list = *end == ',' ? end + 1 : end;
    }
    return count;
}

static double bytes_of(const char *size) {
    char *end;
    double n = (double)strtol(size, &end, 10);
    return *end == 'K' ? n * 1024 : *end == 'M' ? n * 1024 * 1024 : n;
}

static void read_cache(const char *folder, int index, atl_cpu_caches *found) {
    char level[LINE], type[LINE], size[LINE], shared[LINE];
    if (!read_line(folder, index, "level", level) || !read_line(folder, index, "type", type) ||
        !read_line(folder, index, "size", size) || !strncmp(type, "Instruction", 11))
        return;
    int sharers = read_line(folder, index, "shared_cpu_list", shared) ? count_processors(shared) : 1;
    double bytes = bytes_of(size), each = bytes / (sharers > 0 ? sharers : 1);
    if (level[0] == '1')
        found->l1 = each;
    else if (level[0] == '2')
        found->l2 = each;
    else if (level[0] == '3')
        found->l3 = bytes;
}

atl_cpu_caches atl_cpu_caches_read(const char *folder) {
    atl_cpu_caches c = usual;
    for (int i = 0; i < INDICES; i++)
        read_cache(folder, i, &c);
    return (atl_cpu_caches){ within(c.l1, least.l1, most.l1), within(c.l2, least.l2, most.l2),
                             within(c.l3, least.l3, most.l3) };
}

#if !defined(__APPLE__)

atl_cpu_caches atl_cpu_caches_find(void) {
    return atl_cpu_caches_read("/sys/devices/system/cpu/cpu0/cache");
}

#else

static double ask(const char *name, double usually) {
    long long value = 0;
    size_t bytes = sizeof value;
    return sysctlbyname(name, &value, &bytes, NULL, 0) == 0 && value > 0 ? (double)value : usually;
}

// The second level of a cluster is shared by its cores, and there is no third that programs are told of.
atl_cpu_caches atl_cpu_caches_find(void) {
    double l2 = ask("hw.perflevel0.l2cachesize", 4 * usual.l2), cores = ask("hw.perflevel0.cpusperl2", 4);
    return (atl_cpu_caches){ within(ask("hw.perflevel0.l1dcachesize", usual.l1), least.l1, most.l1),
                             within(l2 / cores, least.l2, most.l2), within(l2, least.l3, most.l3) };
}

#endif
