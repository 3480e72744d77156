// SPDX-License-Identifier: Apache-2.0
// Masks of the threads of a run: blocked once per run, for a call into the kernel per step would show in
// networks whose runs take less than a millisecond.
#include "base/signals.h"

#include <pthread.h>
#include <stddef.h>

// Faults belong to the instruction that made them: blocked, they would end the program without a word.
static void all_but_faults(sigset_t *set) {
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

void atl_signals_hold(sigset_t *before) {
    sigset_t set;
    all_but_faults(&set);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

void atl_signals_release(const sigset_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
