// SPDX-License-Identifier: Apache-2.0
// Keeps signal handlers away from threads that compute.
//
// oneDNN's matrix products for AVX2 and AVX-512 point the stack register into their scratch memory.  A
// handler that runs on such a thread, without a stack of its own, writes its frame in front of that
// memory: into whatever the heap keeps there.  Programs that embed the library install handlers of that
// kind (a Python interpreter, a profiler's timer), so signals wait until a run has ended.
#ifndef ATL_BASE_SIGNALS_H
#define ATL_BASE_SIGNALS_H

#include <signal.h>

// Blocks all signals but those that a fault of the thread itself raises, in the calling thread, whose mask is
// kept in *before.  Threads that it makes meanwhile are born with them blocked: a signal that is sent to the
// process finds another thread, or waits for the release.
void atl_signals_hold(sigset_t *before);
void atl_signals_release(const sigset_t *before); // signals that waited arrive here

#endif
