// SPDX-License-Identifier: Apache-2.0
// Masks of the threads of a run: blocked once per run, for a call into the kernel per step would show in
// networks whose runs take less than a millisecond.
#include "cpu/signals.h"

#include <stddef.h>

// Faults belong to the instruction that made them: blocked, they would end the program without a word.
static void all_but_faults(sigset_t *set) {
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

void atl_cpu_signals_hold(int threads, sigset_t *before) {
    sigset_t set;
    all_but_faults(&set);
    pthread_sigmask(SIG_BLOCK, &set, before);
    // threads that are made from here on inherit the mask; those that are there already are asked
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    }
}

void atl_cpu_signals_release(const sigset_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
