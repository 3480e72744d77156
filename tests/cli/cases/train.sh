# SPDX-License-Identifier: Apache-2.0
# Training: a run, what it leaves, going on with it; and everything that is refused.  Times and sizes are taken out.
export ATELIER_THREADS=1
plain() { # times, rates and megabytes are not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; s/^memory .*/memory .../; s/^time .*/time .../
        s/^( +[GD](main|reg) +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir -p s c/a c/b
# four small pictures of two classes
for i in 0 1 2 3; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
cp s/seed0000.png s/seed0001.png c/a
cp s/seed0002.png s/seed0003.png c/b
net="--cbase 64 --cmax 4 --map-depth 2 --batch 4 --tick 0.012 --snap 1"
t train --help
t train
t train --data s
t train --data s --outdir r --p 0.5
t train --data nothing --outdir r
t train --data s --outdir r --cond $net
t train --data s --outdir r --cfg paper
t train --data s --outdir r $net --batch-gpu 3
t train --data s --outdir r $net --mbstd-group 3
t train --data s --outdir r $net --aug fixed --augpipe body
t train --data s --outdir r $net --loss l2
t train --data s --outdir r $net --resume nothing
t train --data s --resume n.safetensors $net
ls
# what it would cost, and no folder
t train --data s --dry-run $net --mirror=1 | plain
echo Habits of the official scripts:
t train --data=s --outdir=r $net -n --cond=False --mirror 1 --gpus=1 --metrics=none --fp32 True --nobench=0 --nhwc=1 \
    --allow-tf32=False --workers=2 --resume=noresume | plain
t train --data s --outdir r $net -n --gpus=8 --fp32=false --quiet | plain | tail -1
t train --data s --outdir r $net -n --gpus=8 --fp32=false | grep passed
t train --data s --outdir r $net --metrics=fid50k_fool
t train --data s --outdir r $net --resume=ffhq256
t train --data s --outdir r $net --resume=https://example.org/net.pkl
t train --data s --outdir r $net --cfg=stylegan3
t train --data s --outdir r $net --total-kimg 1
for batch in 6 7 9; do
    t train --data s $net --batch $batch --dry-run | grep settings
done
t train --data s $net --cfg stylegan2 --batch 44 --dry-run | grep settings
ls
# a run of nine steps, as three ticks
t train --data s --outdir r $net --seed 1 --kimg 0.036 --desc first | plain
ls r r/* | sed -E 's/\.report//'
grep -c Loss/G/loss r/*/stats.jsonl
grep -o '"cbase": [0-9]*' r/*/training_options.json
t inspect r/00000-auto-s-batch4-gamma0.0128-first/network-snapshot-000000.safetensors | head -2
t generate --network r/00000-auto-s-batch4-gamma0.0128-first/network-snapshot-000000.safetensors --seeds 1 --outdir g \
    --quiet
# the same to six steps, then on to nine from its folder: the same bytes
t train --data s --outdir r $net --seed 1 --kimg 0.024 --desc second --quiet | plain
t train --resume r/00001-auto-s-batch4-gamma0.0128-second --kimg 0.036 | plain
cmp_tensors() { # all but the record of options, which names different lengths of the run
    cmp <(tail -c 60000 "$1") <(tail -c 60000 "$2") && echo same tensors
}
cmp_tensors r/0000[01]*/network-snapshot-000000.safetensors
grep -c Loss/G/loss r/00001*/stats.jsonl
# other pictures: a new run that starts from the networks
"$ATELIER" dataset --source c --dest c.zip --labels folders --quiet
t train --data c.zip --cond --outdir r $net --kimg 0.004 --resume r/00001-auto-s-batch4-gamma0.0128-second | plain
# a snapshot of another shape
t train --resume r/00001-auto-s-batch4-gamma0.0128-second --cmax 8
# a picture that can't be read, a class without pictures
mkdir bad gap
cp s/seed000[012].png bad
head -c 200 s/seed0003.png >bad/zz.png
t train --data bad --outdir r $net --kimg 0.004 --quiet | plain
cp s/seed000[01].png gap
echo '{"labels": [["seed0000.png", 0], ["seed0001.png", 2]]}' >gap/dataset.json
t train --data gap --cond --outdir r $net
# no room on the disk: the earlier snapshot stays
before=$(cat r/00000*/network-snapshot-000000.safetensors | cksum)
(ulimit -f 20; trap '' XFSZ; t train --resume r/00000-auto-s-batch4-gamma0.0128-first --kimg 1) 2>&1 | plain | tail -2
[ "$before" = "$(cat r/00000*/network-snapshot-000000.safetensors | cksum)" ] && echo the snapshot is as it was
