# SPDX-License-Identifier: Apache-2.0
# Pictures classified with generated views of them, by a small network made anew.
t init --cfg resnet --resolution 32 --cbase 4 --cond 2 judge.safetensors
t generate --network data/stylegan/sg2-32.pkl --seeds 0-7 --outdir in --save-ws --quiet
for i in 0 1 2 3 4 5 6 7; do echo "seed000$i.png,$((i % 2))"; done >labels.csv
run() { t ensemble --network data/stylegan/sg2-32.pkl --classifier judge.safetensors --input in --quiet "$@"; }
run --latents in/ws.npy --labels labels.csv --perturb isotropic,pca,stylemix --layers fine,coarse --strength 0.5 \
    --views 3 --outdir out | sed '2,$ { s/[0-9]*\.[0-9]*%/N%/g; s/ [01]\.[0-9][0-9] / N /; s/  best//; s/  */ /g }'
ls out
sed 's/,[0-9],[01]\.[0-9]*/,N/g' out/predictions.csv
grep -o '"[a-z_]*":' out/ensemble.json | sort -u | tr '\n' ' '
echo

# the same numbers for the same seed, others for another; nothing of the views with weight 0
run --latents in/ws.npy --labels labels.csv --perturb isotropic --strength 0.5 --views 3 --outdir again >again.txt
run --latents in/ws.npy --labels labels.csv --perturb isotropic --strength 0.5 --views 3 --outdir same >same.txt
run --latents in/ws.npy --labels labels.csv --perturb isotropic --strength 0.5 --views 3 --seed 1 \
    --outdir other >other.txt
cmp again/predictions.npz same/predictions.npz && cmp again/ensemble.txt same/ensemble.txt
cmp -s other/predictions.npz same/predictions.npz || echo other views
run --latents in/ws.npy --weight 0 --views 2 --outdir none
awk -F, 'NR > 1 && ($4 != $6 || $5 != $7) { print "differs" }' none/predictions.csv

# codes of a search, and of an encoder; random crops; a dataset.json
mkdir two
cp in/seed000[01].png two
t ensemble --network data/stylegan/sg2-32.pkl --classifier judge.safetensors --input two --labels labels.csv --views 2 \
    --num-steps 3 --loss mse --outdir searched --quiet | sed '1!d'
ls searched/projected/seed0001
t ensemble --encoder data/encoders/e4e.pt --classifier judge.safetensors --input two --weight 0.5 --layers 1-2 \
    --views 2 --size 36 --crops 2 --image-crops 3 --outdir encoded --quiet
ls encoded encoded/encoded
echo '{"labels": [["seed0000.png", 1], ["in/seed0001.png", 0], ["elsewhere.png", 1]]}' >dataset.json
run --latents in/ws.npy --labels dataset.json --views 1 --outdir json | sed '1!d'

# what can't be
run --latents in/ws.npy
run --latents in/ws.npy --labels labels.csv --perturb noise
run --latents in/ws.npy --labels labels.csv --layers 8
run --latents in/ws.npy --labels labels.csv --strength much --perturb pca
run --latents in/ws.npy --labels labels.csv --crops 2
run --latents in/ws.npy --labels labels.csv --validation 0.01
run --latents in/ws.npy --weight 0.5 --encoder data/encoders/e4e.pt
echo 'seed0000.png,2' >wrong.csv
run --latents in/ws.npy --labels wrong.csv
echo 'nobody.png,1' >wrong.csv
run --latents in/ws.npy --labels wrong.csv
printf 'name,class\nseed0000.png\n' >wrong.csv
run --latents in/ws.npy --labels wrong.csv
echo '{"labels": [["seed0000.png"]]}' >wrong.json
run --latents in/ws.npy --labels wrong.json
echo '{"labels"' >wrong.json
run --latents in/ws.npy --labels wrong.json
of() { t ensemble --network data/stylegan/sg2-32.pkl --classifier "$1" --input "$2" --latents in/ws.npy --weight 1; }
of judge.safetensors in/seed0000.png
of data/stylegan/sg2-32.pkl in
t init --cfg resnet --resolution 32 --cbase 4 headless.safetensors
of headless.safetensors in
t ensemble --input in
t ensemble --classifier judge.safetensors
