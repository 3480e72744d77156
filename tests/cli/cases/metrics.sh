# SPDX-License-Identifier: Apache-2.0
# atelier metrics: networks, pictures, results as lines, files and a page, stopping and going on, and what is refused.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD
m() {
    t metrics "$@" | sed "s/using .*models/using models/; s|$PWD|HERE|g"
}
numbers() { # that other processors round in another way
    sed 's/ *[0-9.e+-]* [^ -~][^ -~] [0-9.]*/ N +- N/g'
}
m --list
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 256 --cmax 16 a.safetensors --quiet
"$ATELIER" init --cfg stylegan3-t --resolution 32 --cbase 256 --cmax 16 --seed 3 b.safetensors --quiet
"$ATELIER" generate --network a.safetensors --seeds 0-19 --outdir reals --quiet

# networks against a folder; any batch, any number of threads, any company
m --network a.safetensors --data reals --num 40 --outdir out >first
m --network a.safetensors --data reals --metrics swd40 --threads 1 --batch 1 --quiet >second
grep -c '^swd' first second
diff <(grep -o 'swd16k  .*' first | sed 's/swd16k/swd40/g; s/^swd40 */swd40 /') \
    <(grep -o '^swd40 .*' second | sed 's/^swd40 */swd40 /') && echo same
m a.safetensors b.safetensors --data reals --metrics msssim20 --outdir out --quiet | numbers
m --network b.safetensors --metrics eqt3_int,eqt3_frac,eqr3 --verbose --threads 2 | numbers
ls out
grep -o '"results.*"snapshot_pkl": "[^"]*"\|"errors".*' out/metric-msssim20.jsonl |
    sed 's/[0-9]*\.[0-9][0-9.]*s*/N/g'
grep -o '<tr>.*' out/metrics.html | sed 's/[0-9][0-9]*\.[0-9]*\(<i> .plusmn; [0-9.e+-]*\)*/N/g'
grep -c '<svg' out/metrics.html

# pictures in place of a network
m --fakes reals --metrics msssim --num 20 --quiet | numbers
m --fakes reals --data reals --metrics swd20 --quiet | numbers

# a snapshot's results lie in the folder of its run
mkdir run && echo '{}' >run/training_options.json && cp a.safetensors run/network-snapshot-000004.safetensors
m run/network-snapshot-000004.safetensors --metrics msssim10 --quiet | numbers
ls run

# stopped by a signal, kept, and gone on with
"$ATELIER" metrics --network b.safetensors --metrics eqr70 --outdir kept --quiet >stopped 2>&1 &
for _ in $(seq 100); do [ -d kept ] && break; sleep 0.1; done
sleep 0.5
kill -INT $!
wait $!
echo "exit $?"
cat stopped
ls kept
diff <("$ATELIER" metrics b.safetensors --metrics eqr70 --outdir kept --resume --quiet | grep '^eqr') \
    <("$ATELIER" metrics b.safetensors --metrics eqr70 --quiet) && echo same
ls kept

# what can't be
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 256 --cmax 16 --cond 3 cond.safetensors --quiet
mkdir empty mixed && cp reals/seed0000.png mixed/a.png && "$ATELIER" generate --seeds 1 --outdir mixed --quiet
m --network a.safetensors --metrics fid
m --network a.safetensors --metrics swd16k,
m --network a.safetensors --metrics swd10
m --network a.safetensors --metrics eqr10
m --network cond.safetensors --metrics msssim10
m --network cond.safetensors --metrics msssim10 --data reals
m --network cond.safetensors --metrics msssim10 --class 3
m --network a.safetensors --metrics msssim10 --class 0
m --network a.safetensors --metrics msssim10 --data empty
m --network a.safetensors --metrics swd1k --data mixed
m --network a.safetensors --metrics swd10 --data nothing
m --network reals/seed0000.png --metrics msssim10
m --network nothing.pkl --metrics msssim10
m --fakes reals
m --fakes reals --metrics eqr10
m --fakes reals --network a.safetensors
m --fakes empty --metrics msssim10
m --network a.safetensors --metrics fid10 --data reals
m --network a.safetensors --metrics msssim1
m --num 0
ls *.html *.partial *.jsonl 2>/dev/null
