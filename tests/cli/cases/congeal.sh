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
t congeal apply --network data/gangealing/stn.pt --input in --outdir out --save-warps
ls out
cut -f 3- out/scores.txt
t congeal apply --network stn.safetensors --input in --outdir again --quiet
cmp out/average.png again/average.png && cmp out/seed0002.png again/seed0002.png && echo the same
t congeal apply --network data/gangealing/stn.pt --input in --outdir half --keep 0.5 --batch 3 --flip never --quiet
ls half
t congeal apply --network data/gangealing/stn.pt --input in --cluster 1 --iters 3 --size 40 --padding zeros \
    --outdir other --quiet
cmp -s out/seed0000.png other/seed0000.png || echo other pictures
t congeal apply --network data/gangealing/stn.pt --input in --cluster auto --outdir auto --quiet
cut -f 3,5- auto/cluster0/scores.txt
ls auto/cluster0
t congeal apply --network data/gangealing/stn.pt --input in --cluster all --outdir all --keep 0.5 --quiet
ls all
t congeal apply --network data/gangealing/stn.pt --input in --cluster 1x
t congeal apply --network data/gangealing/alone.pt --input in/seed0001.png in/seed0002.png --outdir alone
ls alone

# key points: pictures that are the same but for what can't be seen, and a line that is none
printf '# x y, x y\nseed0000.png 10 12 20 21.5\nseed0001.png 10 12 20 21.5\nseed0002.png - - 3 30\n' >in/points.txt
t congeal points --network data/gangealing/alone.pt --points in/points.txt
t congeal points --network data/gangealing/stn.pt --points in/points.txt --pairs 5 --seed 1
printf 'path,box_x,box_y,box_w,box_h,x1,y1\nseed0000.png,2,2,12,8,5,6\nseed0001.png,2,2,6,8,5,6\n' >in/boxes.csv
t congeal points --network data/gangealing/stn.pt --points in/boxes.csv --pairs 3 --transfer-both-ways --cluster 1
echo '[{"path": "seed0000.png", "points": [[10, 12], null], "box": [0, 0, 9, 9]},
       {"path": "seed0001.png", "points": [[10, 12], [20, 21.5]], "box": [1, 2, 400, 9]}]' >in/points.json
t congeal points --network data/gangealing/alone.pt --points in/points.json
echo '[{"path": "seed0000.png", "points": [[10]]}]' >in/odd.json
t congeal points --network data/gangealing/alone.pt --points in/odd.json
printf 'path,box_x,box_y,box_w,box_h,x1,y1\nseed0000.png,2,2,0,8,5,6\n' >in/odd.csv
t congeal points --network data/gangealing/alone.pt --points in/odd.csv
printf 'seed0000.png 10 12 20\n' >in/odd.txt
t congeal points --network data/gangealing/alone.pt --points in/odd.txt
printf 'seed0000.png 10 12\n' >in/one.txt
t congeal points --network data/gangealing/alone.pt --points in/one.txt
t congeal points --network data/gangealing/alone.pt

# what is drawn once goes to all pictures, and to the frames of a video
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/overlay.png --input in --outdir drawn
ls drawn
cmp -s in/seed0000.png drawn/seed0000.png || echo drawn on
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/overlay.png --on in/seed0001.png \
    --resolution 64 --opacity 0 --input in --outdir unseen --output unseen.y4m --fps 10 --quiet
head -n 1 unseen.y4m
t congeal propagate --network data/gangealing/stn.pt --overlay in/seed0000.png --input in --quiet
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/wide.png --input in --quiet
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/wide.png --on in/seed0000.png \
    --input in --quiet
t congeal propagate --network data/gangealing/stn.pt --input in
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/overlay.png --input in \
    --cluster 2 --quiet

# a transformer is learnt, and goes on after a stop to the same bytes
t init --cfg stylegan2 --resolution 16 --cbase 256 --cmax 16 g.safetensors --quiet
learn() { t congeal train --network g.safetensors --channels 8 --batch 2 --steps 4 --quiet "$@"; }
learn --out a.safetensors --jitter 0.1
learn --out a.safetensors --resume --jitter 0.1
learn --out a.safetensors --resume --tv 5 --jitter 0.1
learn --out a.safetensors
t congeal apply --network a.safetensors --input in --outdir learnt --quiet
ls learnt
t congeal train --network g.safetensors --channels 8 --batch 1 --steps 2 --clusters 2 --transforms similarity \
    --out b.safetensors --quiet
t congeal apply --network b.safetensors --cluster auto --input in --outdir no --quiet
# two clusters by the smoothest flow, then with a classifier, which goes on and learns longer
judged() { t congeal train --network g.safetensors --channels 8 --batch 2 --steps 3 --clusters 2 --flips --quiet "$@"; }
judged --out d.safetensors
t congeal apply --network d.safetensors --cluster auto --input in --outdir smooth --quiet | head -n 1
judged --out d.safetensors --resume --classifier-steps 3
judged --out e.safetensors --classifier-steps 3
cmp d.safetensors e.safetensors && echo the same
t inspect d.safetensors | grep -E '^[a-zA-Z_]+$|classes'
t congeal apply --network d.safetensors --cluster auto --input in --outdir judged --quiet | head -n 1
judged --out d.safetensors --resume --classifier-steps 2
t congeal train --network g.safetensors --classifier-steps 5 --out f.safetensors --quiet
t congeal apply --network b.safetensors --cluster 1 --input in --outdir second --quiet
t congeal train --out c.pt
t congeal train
t congeal train --heads h.pth --out c.safetensors
t congeal train --network data/stylegan/sg2-64-cond.pkl --out c.safetensors --quiet
t congeal nothing

# what can't be
t congeal apply --input in
t congeal apply --network data/gangealing/stn.pt
t congeal apply --network data/gangealing/stn.pt --input nowhere
t congeal apply --network data/gangealing/stn.pt --input in --cluster 2
t congeal apply --network data/gangealing/stn.pt --input in --outside 0 --quiet
t congeal apply --network data/stylegan/sg2-32.pkl --input in
t congeal apply --network data/gangealing/stn.pt --net target --input in
