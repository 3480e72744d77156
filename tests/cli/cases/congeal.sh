# SPDX-License-Identifier: Apache-2.0
# Spatial transformers: their files open as they are, lose nothing on their way to safetensors, and align pictures.
facts() { "$ATELIER" inspect "$1" | grep -E '^[a-zA-Z_]+$|fingerprint|args'; }
same() { [ "$(facts "$1")" = "$(facts "$2")" ] && echo same; }
for name in stn alone; do
    t inspect data/gangealing/$name.pt | grep -v '^    [a-z].*\['
    t convert data/gangealing/$name.pt $name.safetensors
    same data/gangealing/$name.pt $name.safetensors
done

t generate --network data/stylegan/sg2-32.pkl --seeds 0-3 --outdir in --quiet
t congeal --network data/gangealing/stn.pt --input in --outdir out --save-warps
ls out
cut -f 3- out/scores.txt
t congeal --network stn.safetensors --input in --outdir again --quiet
cmp out/average.png again/average.png && cmp out/seed0002.png again/seed0002.png && echo the same
t congeal --network data/gangealing/stn.pt --input in --outdir half --keep 0.5 --batch 3 --flip never --quiet
ls half
t congeal --network data/gangealing/stn.pt --input in --cluster 1 --iters 3 --size 40 --padding zeros --outdir other \
    --quiet
cmp -s out/seed0000.png other/seed0000.png || echo other pictures
t congeal --network data/gangealing/alone.pt --input in/seed0001.png in/seed0002.png --outdir alone
ls alone

# what can't be
t congeal --input in
t congeal --network data/gangealing/stn.pt
t congeal --network data/gangealing/stn.pt --input nowhere
t congeal --network data/gangealing/stn.pt --input in --cluster 2
t congeal --network data/gangealing/stn.pt --input in --outside 0 --quiet
t congeal --network data/stylegan/sg2-32.pkl --input in
t congeal --network data/gangealing/stn.pt --net target --input in
