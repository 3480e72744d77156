#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ranks.sh WORKER RANKS: runs the cases of ranks_worker.c under mpirun and compares what they say.  Open MPI is told
# to stay on this host, to allow more ranks than processors, and root; other MPIs ignore these variables.
set -u -o pipefail
worker=$1 ranks=$2
command -v mpirun >/dev/null || { echo "no mpirun here"; exit 77; }

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_pml=ob1 OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # MPI keeps much to the end, in modules that nothing can name
# launchers that share a folder for their sessions may take it from each other when one ends as the other starts
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
out=$TMPDIR/out
failed=0

launch() { # COMMAND...: a job that hangs is a fault, which the limit only ends
    timeout -k 5 100 mpirun -np "$ranks" "$@" >"$out" 2>&1 </dev/null
}

# No process of a case outlives it.  Launchers leave an instant between their own end and their ranks', and what
# nobody has reaped is gone all the same.
runs() { # PROCESS
    grep -qs '^Name:.ranks_worker' "/proc/$1/status" && grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

survivors() {
    local process alive=
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        alive=
        for process in $(sed -n 's/^process \([0-9]*\)$/\1/p' "$out"); do
            runs "$process" && alive="$alive $process"
        done
        [ -z "$alive" ] && return
        sleep 0.3
    done
    kill -KILL $alive 2>/dev/null
    echo "still there:$alive"
}
trap 'survivors >/dev/null; rm -rf "$TMPDIR"' EXIT

bad() { # CASE WHAT
    echo "FAILED $1 with $ranks ranks: $2"
    sed 's/^/    /' "$out"
    failed=$((failed + 1))
}

after() { # CASE: what holds for every case
    local left
    left=$(survivors)
    [ -z "$left" ] || bad "$1" "$left"
    ! grep -q '^wrong: ' "$out" || bad "$1" "a check of the worker failed"
    [ "$(grep -c '^process ' "$out")" = "$ranks" ] || bad "$1" "not every rank has started"
}

works() { # CASE
    local before=$failed
    launch "$worker" "$1" || bad "$1" "ended with $?"
    after "$1"
    [ $failed != $before ] || echo "ok $1"
}

# Every sentence has the pattern, and so many ranks say one (a launcher may end the last before it speaks).
fails() { # CASE PATTERN LEAST
    launch "$worker" "$1"
    local status=$? before=$failed told matching
    told=$(grep -c '^told: ' "$out") matching=$(grep -c "^told: $2" "$out")
    [ $status != 0 ] || bad "$1" "ended with 0"
    [ $status != 124 ] && [ $status != 137 -o "$1" = killed ] || bad "$1" "hung"
    [ "$told" = "$matching" ] && [ "$told" -ge "$3" ] ||
        bad "$1" "$matching of $told sentences say '$2', at least $3 should"
    after "$1"
    [ $failed != $before ] || echo "ok $1"
}

launch true || { echo "mpirun can't start $ranks processes here:"; cat "$out"; exit 77; }

works works
OMPI_MCA_btl=self,tcp works works
works host
works slow
works paused
works memory
works measure
works "measure norms"
works buffers
works "own buffers"

victim="rank 1 (host $(uname -n), process [0-9]*)"
living=$((ranks - 1))
fails differ "$victim: the data set differs from rank 0's" "$ranks"
fails stopped "$victim: no answer for 2 s at step 3; " $living
fails halfway "$victim: no answer for 2 s at step 8; " $living
fails chain "$victim: no answer for 4 s at step 9; " $living
# each side sees the other as the one in another place
fails mixed "rank .*: alive, but for 6 s in another part of the work than rank " 1
fails amount "rank .*: sent another amount than rank . needs" "$ranks"
fails killed "no survivor is left the time to say something" 0
grep -q 'rank 1 ' "$out" || bad killed "nobody names rank 1"
fails failed "nor here" 0

# as many processes in the environment as MPI doesn't see: alone it starts as one
ranks=1
launch env OMPI_COMM_WORLD_SIZE=2 "$worker" launcher
grep -q '^told: the launcher started 2 processes, but MPI sees 1' "$out" || bad launcher "no such sentence"
after launcher
[ $failed = 0 ]
