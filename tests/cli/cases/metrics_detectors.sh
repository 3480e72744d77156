# SPDX-License-Identifier: Apache-2.0
# atelier metrics with detectors of fresh weights: that company and threads change no bit, features of files and of the
# cache, and what is refused.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD XDG_CACHE_HOME=$PWD/cache
m() { # numbers that other processors round in another way are taken out
    t metrics "$@" --quiet | sed "s|$PWD|HERE|g; s| *[0-9.e+-]* [^ -~][^ -~] [0-9.e+-]*| N +- N|g
        s/^\([a-z]*[0-9]*[a-z_]*\)  *[-0-9.e]*  */\1 N /"
}
results() {
    grep -ho '"results": {[^}]*}' "$@"
}
mkdir det
for cfg in inception lpips-vgg; do "$ATELIER" init --cfg $cfg --quiet det/$cfg.safetensors; done
ln -s inception.safetensors det/inception-softmax.safetensors
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 256 --cmax 16 a.safetensors --quiet
"$ATELIER" generate --network a.safetensors --seeds 0-4 --outdir reals --quiet

m --network a.safetensors --data reals --metrics fid4_full,kid4 --detectors det --outdir both
ls cache/atelier | sed 's/[0-9a-f]\{12,\}/HASH/' | sort | uniq -c | tr -s ' '
m --network a.safetensors --data reals --metrics fid4_full --detectors det --outdir one --threads 1 --batch 1
m --network a.safetensors --data reals --metrics fid4_full --detectors det --outdir new --no-cache
results {both,one,new}/metric-fid4_full.jsonl | uniq | wc -l
m --network a.safetensors --metrics ppl2_wend,ppl_zfull --num 2 --detectors det

# features of files: the distance of a set to itself is none
m --fakes reals --data reals --metrics kid5 --detectors det --save-features x.npz
m --fakes reals --real-features x.npz --metrics fid5_full --detectors det --outdir self
results self/metric-fid5_full.jsonl | awk -F'[:,]' '{ print $3 * $3 < 1e-6 ? "none" : $0 }'

# what can't be
m --fakes reals --real-features x.npz --metrics kid5 --detectors det --resize torch
m --fakes reals --real-features reals/seed0000.png --metrics kid5 --detectors det
m --network a.safetensors --data reals --metrics fid4_full
m --network a.safetensors --data reals --metrics is5 --detectors det
cp a.safetensors det/vgg16.safetensors
m --network a.safetensors --data reals --metrics pr4k3 --num 4 --detectors det
head -c 1000000 det/inception.safetensors >cut && rm det/inception.safetensors && mv cut det/inception.safetensors
m --network a.safetensors --data reals --metrics fid4_full --detectors det
m --network a.safetensors --metrics ls10 --detectors det
