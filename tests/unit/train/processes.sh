#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# processes.sh ATELIER DISTANCE [short]: two processes with half the batch each make the steps of one.
#
# Sums are added in another order.  Adam divides a gradient by its size, so where one is almost zero rounding decides
# where the weight goes; after nine steps the weights are apart by a small part of the way that they went: 1e-3 is ten
# times what was seen.  Two runs of two processes are equal to the byte, also when one is stopped and goes on or is
# measured, when codes take the place of pictures, and when an encoder is trained.  short: of the three networks with
# batch norms one alone, for builds that are slow.
set -u -o pipefail
atelier=$(realpath "$1") distance=$(realpath "$2") norms='sagan biggan biggan-deep'
[ "${3:-}" = short ] && norms=biggan
command -v mpirun >/dev/null || { echo "no mpirun here"; exit 77; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_pml=ob1 OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
export ATELIER_THREADS=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # MPI keeps much to the end
folder=$(mktemp -d) && cd "$folder" || exit 1
trap 'cd /; rm -rf "$folder"' EXIT
timeout -k 5 60 mpirun -np 2 true >/dev/null 2>&1 </dev/null || { echo "mpirun can't start processes here"; exit 77; }

mkdir s
for i in 0 1 2 3 4 5; do
    "$atelier" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$atelier" generate --network n.safetensors --seeds $i --outdir s --quiet || exit 1
done

start() { # NAME PROCESSES KIMG COMMAND OPTION...
    local name=$1 processes=$2 kimg=$3 out=$1.log
    shift 3
    timeout -k 5 150 mpirun -np "$processes" "$atelier" "$@" --outdir "$name" --seed 3 --kimg "$kimg" --tick 0.04 \
        >"$out" 2>&1 </dev/null || { echo "$name failed:"; cat "$out"; exit 1; }
    mv "$name"/*/network-snapshot-000000.safetensors "$name.safetensors"
}
run() { # NAME PROCESSES KIMG OPTION...
    start "${@:1:3}" train --data s --cbase 64 --cmax 4 --batch 8 --mirror --ada-kimg 0.1 "${@:4}"
}
run start 1 0.008 --map-depth 2
run one 1 0.072 --map-depth 2
run two 2 0.072 --map-depth 2
run again 2 0.072 --map-depth 2
run measured 2 0.072 --map-depth 2 --metrics swd6,msssim6

# ProGAN: the first layer of a new StyleGAN normalises a constant, and the gradient of its bias is rounding alone, which
# Adam magnifies
growing="--cfg progan --lod-training-kimg 0.016 --lod-transition-kimg 0.016 --lod-batch 4:8"
run grown_start 1 0.008 $growing --lod-initial 16
run grown_one 1 0.072 $growing --lod-initial 4
run grown_two 2 0.072 $growing --lod-initial 4

# patches to codes: nothing in it looks at a batch, and D compares the same groups
vit="--cfg vit-vqgan --cbase 32 --cmax 16 --layers 1 --heads 2 --glr 1e-4 --dlr 1e-4"
run vit_start 1 0.008 $vit
run vit_one 1 0.072 $vit
run vit_two 2 0.072 $vit

# a transformer on codes, whose making they share
"$atelier" train --data s --outdir v --cfg vqgan --cbase 32 --cmax 16 --batch 4 --kimg 0.004 --quiet >/dev/null ||
    exit 1
codes="--cfg transformer --first-stage $(echo v/*/network-snapshot-000000.safetensors) --layers 1 --heads 4 --glr 1e-3"
codes="$codes --dropout 0.1 --pkeep 0.9 --held-out 1"
run coded_start 1 0.008 $codes
run coded_one 1 0.072 $codes
run coded_two 2 0.072 $codes
run coded_again 2 0.072 $codes

# autoencoders; a codebook that follows what all processes see has the mean of it, which is not what one process adds up
vqgan="--cfg vqgan --cbase 32 --cmax 16 --disc-start 0"
run vqgan_start 1 0.016 $vqgan
run vqgan_first 2 0.016 $vqgan
run vqgan_apart 2 0.016 $vqgan --cross-replica off
run vqgan_two 2 0.072 $vqgan --codebook ema
run vqgan_again 2 0.072 $vqgan --codebook ema
run vqvae_start 1 0.008 --cfg vqvae --cbase 16 --cmax 8
run vqvae_one 1 0.072 --cfg vqvae --cbase 16 --cmax 8
run vqvae_two 2 0.072 --cfg vqvae --cbase 16 --cmax 8
run vqvae2_two 2 0.072 --cfg vqvae2 --cbase 16 --cmax 8
run vqvae2_again 2 0.072 --cfg vqvae2 --cbase 16 --cmax 8

# networks whose batch norms see all processes' pictures, in one part of the batch and in two
mkdir labels
for i in 0 1 2 3 4 5; do
    "$atelier" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$atelier" generate --network n.safetensors --seeds $i --outdir labels --quiet || exit 1
done
echo '{"labels": [["seed0000.png", 0], ["seed0001.png", 1], ["seed0002.png", 2], ["seed0003.png", 0],
    ["seed0004.png", 1], ["seed0005.png", 2]]}' >labels/dataset.json
norm() { # NAME PROCESSES KIMG CFG OPTION...
    start "${@:1:3}" train --data labels --cond --cbase 8 --batch 8 --mirror --ema-start 0 --ema-kimg 0.02 \
        --cfg "${@:4}"
}
for cfg in $norms; do
    norm ${cfg}_start 1 0.008 $cfg
    norm ${cfg}_first 2 0.008 $cfg
    norm ${cfg}_one 1 0.072 $cfg
    norm ${cfg}_two 2 0.072 $cfg
    norm ${cfg}_apart 2 0.072 $cfg --cross-replica off
done
norm parts_start 1 0.008 biggan --batch-gpu 4
norm parts_first 2 0.008 biggan --batch-gpu 2
norm biggan_half 2 0.04 biggan
mv biggan_half.safetensors "$(echo biggan_half/*)/network-snapshot-000000.safetensors"
timeout -k 5 60 mpirun -np 2 "$atelier" train --resume biggan_half/* --kimg 0.072 >biggan_half.log 2>&1 </dev/null ||
    { cat biggan_half.log; exit 1; }

# an encoder, whose batch norms look at the pictures of one run: at one, so that it doesn't matter who has it
"$atelier" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --seed 1 g.safetensors >/dev/null 2>&1 || exit 1
encode() { # NAME PROCESSES KIMG OPTION...
    start "${@:1:3}" train-encoder --network g.safetensors --cfg e4e --trunk 1,1,1,1:16,16,16,16 --style-width 8 \
        --optimizer adam --glr 1e-3 --batch 8 --progress 2:1 --losses l2:1,delta:0.1,adv:0.3 --pool 20 "${@:4}"
}
encode encoder_start 1 0.008 --batch-gpu 1
encode encoder_one 1 0.072 --batch-gpu 1
encode encoder_two 2 0.072 --batch-gpu 1
encode encoder_three 2 0.072
encode encoder_again 2 0.072
timeout -k 5 60 mpirun -np 2 "$atelier" train-encoder --network g.safetensors --batch 5 --outdir odd >odd.log 2>&1 \
    </dev/null
"$atelier" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --seed 2 other.safetensors >/dev/null 2>&1 || exit 1
same="train-encoder --trunk 1,1,1,1:16,16,16,16 --kimg 0.008 --batch 8 --outdir mixed"
timeout -k 5 60 mpirun -np 1 "$atelier" $same --network g.safetensors : -np 1 "$atelier" $same \
    --network other.safetensors >mixed.log 2>&1 </dev/null

failed=0
stat() { # RUN NAME: of the last tick
    tail -1 "$1"/*/stats.jsonl | grep -o "\"$2\": {[^}]*" | grep -o 'mean": [^,]*' | cut -d' ' -f2
}
within() { # A B BOUND: apart by so large a part
    awk -v a="$1" -v b="$2" -v most="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; if (b < 0) b = -b
        exit !(a != "" && b != "" && d <= most * b) }'
}
# one step: sums of thousands of numbers in another order, of which 3e-6 was seen
for run in $norms parts; do
    for name in Gradient/G Gradient/D Loss/G/loss Loss/D/loss; do
        one=$(stat ${run}_start $name) two=$(stat ${run}_first $name)
        echo "$run $name: $one of one process, $two of two (at most 1e-4 apart)"
        within "$one" "$two" 1e-4 || { echo "FAILED $run $name"; failed=1; }
    done
done
# two steps of VQ-GAN; after nine biases before its norms are apart, whose gradient is rounding, which Adam magnifies
for name in Gradient/G Gradient/D Loss/G/distance Loss/G/codes Loss/G/weight Loss/D/loss; do
    one=$(stat vqgan_start $name) two=$(stat vqgan_first $name) apart=$(stat vqgan_apart $name)
    echo "vqgan $name: $one of one process, $two of two (at most 1e-4 apart), $apart each for itself"
    within "$one" "$two" 1e-4 || { echo "FAILED vqgan $name"; failed=1; }
done
within "$(stat vqgan_start Gradient/D)" "$(stat vqgan_apart Gradient/D)" 1e-4 &&
    { echo "FAILED vqgan: not apart"; failed=1; }
# nine steps; what is without the sums between processes is far apart, and so would they be with one that is wrong
for cfg in $norms; do
    for net in "G 2e-3" "D 1e-2"; do
        read -r net most <<<"$net"
        two=$("$distance" ${cfg}_one.safetensors ${cfg}_two.safetensors ${cfg}_start.safetensors $net) &&
            apart=$("$distance" ${cfg}_one.safetensors ${cfg}_apart.safetensors ${cfg}_start.safetensors $net) || exit 1
        echo "$net $cfg $two of the way (at most $most), each for itself $apart"
        awk -v x="$two" -v y="$apart" -v most=$most 'BEGIN { exit !(x <= most && y > most) }' ||
            { echo "FAILED $net $cfg"; failed=1; }
    done
done
cmp biggan_two.safetensors biggan_half/*/network-snapshot-000000.safetensors || failed=1
grep -q "what isn't trained (generator, networks of losses, sources) differs from rank 0's" mixed.log ||
    { echo "FAILED: two generators"; cat mixed.log; failed=1; }
grep -q "batch 5 can't be shared by 2 processes" odd.log || { echo "FAILED: batch 5"; cat odd.log; failed=1; }
cmp encoder_three.safetensors encoder_again.safetensors || failed=1
cmp coded_two.safetensors coded_again.safetensors || failed=1
cmp vqvae2_two.safetensors vqvae2_again.safetensors || failed=1
cmp vqgan_two.safetensors vqgan_again.safetensors || failed=1
cmp two.safetensors again.safetensors || failed=1
# the first process measures, which changes nothing, and the others wait
cmp two.safetensors measured.safetensors || failed=1
[ "$(cat measured/*/metric-{swd6,msssim6}.jsonl | wc -l)" = 2 ] && [ "$(grep -c '^metric ' measured.log)" = 2 ] &&
    [ "$(tail -1 measured/*/stats.jsonl | grep -o '"Metrics/[a-z]*6"' | wc -l)" = 2 ] ||
    { echo "FAILED: not measured"; cat measured.log; failed=1; }
for pair in "G. " "D. " "G. grown_" "D. grown_" "G. coded_" "G. vqvae_" "G. vit_" "D. vit_" \
    "E. encoder_" "D. encoder_"; do
    read -r net run <<<"$pair"
    ratio=$("$distance" ${run}one.safetensors ${run}two.safetensors ${run}start.safetensors $net) || exit 1
    echo "$net $run $ratio of the way (at most 1e-3)"
    awk -v x="$ratio" 'BEGIN { exit !(x <= 1e-3) }' || { echo "FAILED $net $run"; failed=1; }
done
exit $failed
