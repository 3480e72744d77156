# SPDX-License-Identifier: Apache-2.0
# Going on: a run knows its pictures by what is in them, says what is different, and starts anew only when asked.
export ATELIER_THREADS=1
plain() { # what is not the same twice, and the table of costs
    sed -E "/^(tick|memory|time|networks|settings|  phase|  [GD](main|reg))/d; s,$PWD,DIR,g"
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
cp -r s kept
net="--cbase 64 --cmax 4 --map-depth 3 --batch 4 --tick 0.012 --snap 1"
t train --data s --outdir r $net --kimg 0.012 --seed 1 --threads 1 | plain
r=r/00000-auto-s-batch4-gamma0.0128
s=$r/network-snapshot-000000.safetensors
same() { # as a run that nothing happened to, but for the record
    cmp <(tail -c 60000 $s) <(tail -c 60000 whole/*/network-snapshot-000000.safetensors) && echo same tensors
}
"$ATELIER" train --data s --outdir whole $net --kimg 0.048 --seed 1 --threads 1 --quiet >/dev/null
echo "== nothing left to do"
t train --resume $r | plain
echo "== in other words, from elsewhere, somewhere else; the threads are kept"
unset ATELIER_THREADS
t train --resume $r --data ./s// --kimg 0.024 | plain
(cd r && t train --resume ../$r --kimg 0.036 | plain)
mv s moved
t train --resume $r --kimg 0.048 | plain
t train --resume $r --kimg 0.048 --data moved --outdir r --desc x | plain
same
export ATELIER_THREADS=1
mv moved s
"$ATELIER" train --resume $r --data s --kimg 0.052 --quiet >/dev/null
echo "== other pictures"
rm s/seed000[345].png
t train --resume $r --kimg 1
t train --resume $s --data s --outdir r --kimg 1
cp kept/* s
cp kept/seed0001.png s/seed0002.png
t train --resume $r --kimg 1
cp kept/* s
mv s/seed0000.png s/zero.png
t train --resume $r --kimg 1
mv s/zero.png s/seed0000.png
printf X | dd of=s/seed0005.png bs=1 seek=700 conv=notrunc 2>/dev/null
t train --resume $r --kimg 1
cp kept/* s
mkdir other
cp kept/seed000[0123].png other
t train --resume $r --data other --kimg 1
ls r
echo "== a new run, when it is asked for"
t train --resume $r --data other --outdir r --kimg 0.004 --batch 4 | plain
t train --resume $r --new-run --outdir r --kimg 0.004 --batch 4 --map-depth 2 --initial-p 0.25 | plain
t train --new-run --data s --outdir r
echo "== what follows from what"
t train --resume $r --batch 8 --kimg 1 --dry-run | plain
t train --resume $r --gamma 2 --threads 2 --kimg 1 --dry-run | plain
t train --resume $r --initial-p 0.5 --aug noaug --kimg 1
echo "== the kernels stay"
"$ATELIER" train --data s --outdir k $net --kimg 0.012 --cpu baseline --direct --quiet >/dev/null
t train --resume k/00000* --kimg 0.024 --dry-run | plain
t train --resume k/00000* --kimg 0.024 --dry-run --direct=0 | plain
echo "== damaged ones are passed over"
for i in 1 2; do
    cp $s $r/network-snapshot-00000$i.safetensors
done
printf '\377\377\377\377' | dd of=$r/network-snapshot-000001.safetensors bs=1 seek=200000 conv=notrunc 2>/dev/null
printf '\000\000\000\076' | dd of=$r/network-snapshot-000002.safetensors bs=1 seek=300000 conv=notrunc 2>/dev/null
t train --resume $r --kimg 1 --dry-run | plain
t train --resume $r/network-snapshot-000001.safetensors --kimg 1
