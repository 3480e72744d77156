#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# processes.sh ATELIER: two and three processes measure what one does, to the last bit; one of them that fails ends
# all with one sentence; and what was interrupted goes on with another number of them.
set -u -o pipefail
atelier=$(realpath "$1")
command -v mpirun >/dev/null || { echo "no mpirun here"; exit 77; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_pml=ob1 OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
export ATELIER_THREADS=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # MPI keeps much to the end
# launchers that share a folder for their sessions may take it from each other when one ends as the other starts
TMPDIR=$(mktemp -d) && cd "$TMPDIR" || exit 1
export TMPDIR HOME=$TMPDIR XDG_CACHE_HOME=$TMPDIR/cache
trap 'cd /; rm -rf "$TMPDIR"' EXIT
timeout -k 5 60 mpirun -np 2 true >/dev/null 2>&1 </dev/null || { echo "mpirun can't start processes here"; exit 77; }
failed=0

bad() { # WHAT
    echo "FAILED: $1"
    [ ! -f log ] || sed 's/^/    /' log
    failed=1
}

measure() { # OUTDIR PROCESSES OPTION...
    local outdir=$1 processes=$2
    shift 2
    timeout -k 5 400 mpirun -np "$processes" "$atelier" metrics --outdir "$outdir" --batch 32 "$@" \
        >log 2>&1 </dev/null
}

numbers() { # OUTDIR
    cat "$1"/*.jsonl | grep -o '"results": {[^}]*}\|"errors": {[^}]*}'
}

same() { # NAME NUMBERS OPTION...: so many processes, the first number being 1
    local name=$1 counts=$2 k
    shift 2
    for k in $counts; do
        measure "$name$k" $k --no-cache "$@" ||
            { bad "$name with $k processes ended with $?"; return; }
        [ "$(grep -c 'pictures[;)]' log)" = "$(ls "$name$k"/*.jsonl | wc -l)" ] ||
            bad "$name with $k: one line for each"
    done
    [ -n "$(numbers "${name}1")" ] || bad "$name has no numbers"
    for k in ${counts#1}; do
        [ "$(numbers "${name}1")" = "$(numbers "$name$k")" ] || bad "$name: $k processes give other numbers"
    done
    [ $failed != 0 ] || echo "ok $name"
}

small="--resolution 16 --cbase 64 --cmax 4 --quiet"
"$atelier" init --cfg stylegan2 $small n.safetensors && "$atelier" init --cfg stylegan3-t $small t.safetensors &&
    "$atelier" init --cfg stylegan2 $small --resolution 64 p.safetensors &&
    "$atelier" generate --network n.safetensors --seeds 0-69 --outdir s --quiet || exit 1
mkdir det
"$atelier" init --cfg inception --quiet det/inception.safetensors &&
    "$atelier" init --cfg lpips-squeeze --quiet det/lpips-vgg.safetensors || exit 1 # the smallest LPIPS
ln -s inception.safetensors det/inception-softmax.safetensors

same pictures "1 2 3" --network n.safetensors --data s --metrics swd150,msssim135 --mirror
same folder "1 3" --fakes s --metrics msssim70,swd40 --data s
same order "1 2" --network n.safetensors --metrics msssim100 --reference-order
same moves "1 2" --network t.safetensors --metrics eqt40_int,eqr33
same paths "1 3" --network p.safetensors --metrics ppl_zfull,ppl2_wend --num 34 --detectors det
# Inception takes most of the time: 34 pictures are the fewest that have some for the second process, and eight a run
same features "1 2" --fakes s --data s --metrics kid8,is34 --detectors det --save-features x.npz

# features of the data from a cache, which the first process makes
for k in 2 3; do
    measure cached$k $k --fakes s --data s --metrics kid8 --detectors det || bad "cached with $k"
    [ "$(numbers cached$k)" = "$(numbers features1 | sed -n 3,4p)" ] ||
        bad "with a cache $k processes give other numbers"
done
[ "$(ls cache/atelier/*.npz | wc -l)" = 1 ] || bad "there should be one cache"

# the picture that the second process reads is cut
mkdir cut && cp s/*.png cut && head -c 100 s/seed0040.png >cut/seed0040.png
! measure broken 2 --fakes cut --metrics msssim70 || bad "a cut picture is no failure"
[ "$(grep -c '^atelier: ' log)" = 1 ] && grep -q '^atelier: .*seed0040.png' log || bad "one sentence about the picture"
# the processes are asked for different things
! timeout -k 5 400 mpirun -np 1 "$atelier" metrics --fakes s --metrics msssim70 : -np 1 "$atelier" metrics --fakes s \
    --metrics msssim64 >log 2>&1 </dev/null || bad "different options are no failure"
grep -q "rank 1 (.*the measurement's list of metrics differs" log || bad "different options are not named"

# one of them is told to stop as soon as it has begun
long="--network n.safetensors --metrics msssim2000 --verbose"
timeout -k 5 400 mpirun -np 2 "$atelier" metrics --outdir stopped --batch 32 $long >log 2>&1 </dev/null &
job=$!
for ((i = 0; i < 300; i++)); do grep -q 'generated pictures' log && break; sleep 0.1; done
pkill -INT -P "$(pgrep -P $job)" -o
wait $job
grep -q -- '--resume goes on' log || bad "nothing was kept"
measure stopped 3 $long --resume || bad "a measurement that was stopped does not go on"
measure whole 1 $long || bad "a measurement of one process"
[ "$(numbers stopped)" = "$(numbers whole)" ] || bad "one that was stopped gives other numbers"
[ $failed != 0 ] || echo "ok stopped"
exit $failed
