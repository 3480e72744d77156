# SPDX-License-Identifier: Apache-2.0
# Latents in every form in which programs save them, labels as text, seeds of noise; and the records of all.
net=data/stylegan/sg2-32.pkl cond=data/stylegan/sg2-64-cond.pkl small=data/cases/sg2-statedict.pt
given=data/cases/latents

# npy SHAPE [TYPE]: an array of this shape around the bytes that come in.
npy() {
    local dict="{'descr': '${2:-<f4}', 'fortran_order': False, 'shape': ($1), }"
    printf '\x93NUMPY\x01\x00\x76\x00'
    printf '%-117s\n' "$dict"
    cat
}
# images NAME OPTIONS...: raw images to NAME.npy, and what is said.
images() {
    local name=$1
    shift
    "$ATELIER" generate --network $net --format npy --outdir "$name" --threads 1 --no-record "$@" 2>&1 | grep -v '^proj'
    mv "$name/images.npy" "$name.npy" 2>/dev/null || echo "$name: no images"
}
same() { cmp "$1.npy" "$2.npy" && echo "$1 and $2 are the same"; }

images seeds --seeds 3,4 --save-ws --quiet
images seed --seeds 3 --quiet
tail -c +129 seeds/ws.npy >two
head -c 2048 two >one
head -c 256 one >w
i=0
for shape in 2,8,64 2,1,8,64 1,2,8,64; do
    npy $shape <two >ws.npy
    images many$((++i)) --projected-w ws.npy
    same many$i seeds
done
for shape in 8,64 1,8,64 8,1,64 1,1,8,64; do
    npy $shape <one >ws.npy
    images one$((++i)) --projected-w ws.npy
    same one$i seed
    images two$i --latents ws.npy --quiet
    same two$i seed
done
for shape in 64, 1,64 1,1,64; do
    npy $shape <w >w.npy
    images w$((++i)) --projected-w w.npy
    same w$i seed
done
head -c 4096 /dev/zero | npy 8,64 '<f8' >f8.npy
head -c 512 /dev/zero | npy 8,64 '|i1' >i1.npy
images doubles --projected-w f8.npy --quiet
images bytes --projected-w i1.npy --quiet
same doubles bytes
for shape in 2,4,64 1,6,64 2,2,8,64 16,32 0,8,64; do
    head -c $((4 * ${shape//,/*})) /dev/zero | npy $shape >bad.npy
    t generate --network $net --projected-w bad.npy
done
head -c 2560 /dev/zero | npy 10,64 >ten.npy
t generate --network $net --projected-w ten.npy --grid 10x1 --no-record | grep -v proj0

# w of a file are not truncated, though this network's makers do it to what its seeds give
net=data/tf/sg2tf-32.pkl
images full --seeds 3 --trunc 1 --save-ws --quiet
width=$(head -c 128 full/ws.npy | grep -ao '[0-9]*,)' | tr -d ',)')
tail -c +129 full/ws.npy | head -c $((4 * width)) | npy 1,$width >w.npy
images whole --projected-w w.npy --quiet
images less --projected-w w.npy --trunc 0.5 --quiet
same whole full
cmp -s less.npy full.npy || echo truncated when asked
net=data/stylegan/sg2-32.pkl

# what other programs save
for file in w_pti.pt w_dict.pt w_dict.pt:b.jpg w_batch1.npy w_combined.npz ros-projected.pt w_restyle.npy \
    w_restyle.npy:a.jpg w_dict.pt:c.jpg w.ref.npz; do
    t generate --network $small --projected-w $given/$file --outdir p
done
t replay p/proj01.png
net=$small
images batch --projected-w $given/w_batch1.npy
images dict --projected-w $given/w_dict.pt --quiet
images alone --projected-w $given/w_one_L_w.npy --quiet
cmp <(tail -c +129 batch.npy | head -c 6144) <(tail -c +129 dict.npy) && echo the dict has two of the batch
cmp <(tail -c +129 batch.npy | head -c 3072) <(tail -c +129 alone.npy) && echo the one is the first of the batch
net=data/stylegan/sg2-32.pkl

# videos and mixing from files
t video --network $net --projected-w seeds/ws.npy --w-frames 2 --output file.y4m --quiet
t video --network $net --seeds 3,4 --w-frames 2 --output seeds.y4m --quiet
cmp file.y4m seeds.y4m && echo the same video
npy 2,8,64 <two >ws.npy
t mix --network $net --rows ws.npy --cols 5 --styles 0-2 --outdir m
t replay m/r01-5.png
for side in 3,4 ws.npy; do
    "$ATELIER" mix --network $net --rows $side --cols 5 --styles 0-2 --outdir mixed-$side --no-record --quiet
done
cmp mixed-3,4/4-5.png mixed-ws.npy/r01-5.png && echo the same mixture
t mix --network $net --rows 5 --cols ws.npy --styles 0-2 --outdir o --quiet
t replay o/5-c01.png
t mix --network $net --rows absent.npy --cols 5
t mix --network $net --rows 5 --cols ws.npy:x

# noise by a seed of its own
t generate --network $net --seeds 1,2 --noise-mode random --noise-seed 2 --outdir noise --quiet
t generate --network $net --seeds 2 --noise-mode random --outdir own --no-record --quiet
t generate --network $net --seeds '1, 2' --noise-mode random --noise-seed 2 --outdir bare --no-record --quiet
cmp own/seed0002.png bare/seed0002.png && echo its own noise
t replay noise/seed0001.png
t generate --network $net --seeds 1 --noise-seed 2
t mix --network $net --rows 1 --cols 2 --noise-mode random --noise-seed x
t video --network $net --seeds 1,2 --noise-mode random --noise-seed 7 --w-frames 1 --output noise.y4m --quiet

# classes: one for each image, as text
printf '0\n1\n4\n' >lab.txt
t generate --network $cond --seeds ' 0 - 2 ' --class '0, 1,4' --outdir k --quiet
t generate --network $cond --seeds 0-2 --labels lab.txt --outdir l --quiet
for name in seed0000 seed0001 seed0002; do cmp k/$name.png l/$name.png && echo $name is the same; done
t replay l/seed0002.png
t generate --network $cond --seeds 0-3 --labels lab.txt --outdir l
t generate --network $cond --seeds 0-3 --class 0,1 --outdir l
printf '0,1,2,3,4\n' >line.txt
t generate --network $cond --seeds 0-4 --labels line.txt --outdir l
printf '0 0 .5 .5 0\n' >soft.txt
t generate --network $cond --seeds 0,1 --labels soft.txt --outdir soft --quiet
t replay soft/seed0001.png
t video --network $cond --seeds 0-2 --labels lab.txt --w-frames 1 --output labels.y4m --quiet
t video --network $cond --seeds 0-2 --class 0,1,4 --w-frames 1 --output classes.y4m --quiet
cmp labels.y4m classes.y4m && echo the same video
t video --network $cond --seeds 0,1 --labels lab.txt --w-frames 1 --output labels.y4m
t mix --network $cond --rows 0 --cols 1,2 --class 0,1,4 --styles 0-3 --outdir c --quiet
t replay c/0-2.png
cmp c/1-1.png k/seed0001.png && echo the source has its class
t mix --network $cond --rows 0 --cols 1,2 --class 0,1
