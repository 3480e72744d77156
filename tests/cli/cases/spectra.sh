# SPDX-License-Identifier: Apache-2.0
# atelier spectra: the same numbers from a network and from its pictures, figures, and what is refused.
net=data/stylegan/sg2-32.pkl
"$ATELIER" generate --network $net --seeds 3-10 --outdir pictures --quiet
t spectra stats --source $net --num 8 --seed 3
t spectra stats --source pictures
t spectra calc --source $net --num 8 --seed 3 --mean 120 --std 60 --dest a.npz
t spectra calc --source pictures --mean 120 --std 60 --dest b.npz --quiet --threads 1
cmp a.npz b.npz && echo the same
t spectra calc --source pictures --num 3 --seed 1 --mean 120 --std 60 --dest c.npz --interp 2 --beta 5
t spectra calc --source pictures --num 3 --seed 2 --mean 120 --std 60 --dest d.npz --interp 2 --beta 5 --quiet
cmp -s c.npz d.npz || echo another seed, other pictures
t spectra heatmap a.npz
t spectra slices a.npz c.npz --save figure.png --dpi 60
t spectra slices c.npz --smooth 1
file() { od -An -tx1 -j16 -N8 "$1" | tr -d ' '; } # width and height of a PNG
for picture in *.png; do echo "$picture $(file $picture)"; done
echo === wrong
t spectra
t spectra draw
t spectra calc --source pictures --mean 120 --std 60
t spectra calc --source pictures --dest x.npz
t spectra stats
t spectra stats --source $net
t spectra stats --source pictures --num 9
t spectra stats --source nothing
t spectra calc --source pictures --mean 120 --std 0 --dest x.npz
t spectra heatmap pictures/seed0003.png
t spectra heatmap nothing.npz
t spectra slices a.npz a.npz a.npz a.npz a.npz a.npz a.npz a.npz a.npz
head -c 3000 a.npz >cut.npz
t spectra heatmap cut.npz
t spectra heatmap a.npz --save nowhere/x.png
ls
